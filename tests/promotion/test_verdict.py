"""What may be said of an ended promotion follows from both ends of its ranges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.promotion.verdict import ADVICE, doubt, money, verdict

ROW: dict[str, Any] = {
    "lift_milli": 9, "low_milli": 5, "high_milli": 12, "net_margin_minor": 30, "net_margin_low_minor": 10,
    "net_margin_high_minor": 50, "agrees": True, "fires": False, "engine": "model", "against": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "gain"),
        ({"agrees": False}, "doubt"),
        ({"agrees": None}, "doubt"),
        ({"engine": "response", "against": "none", "agrees": None}, "weak"),
        ({"engine": "response", "against": "least", "agrees": None}, "least"),
        ({"engine": "audit", "agrees": None, "net_margin_minor": None}, "unpriced"),
        ({"net_margin_low_minor": None}, "even_gain"),
        ({"low_milli": None}, "unclear"),
    ],
)
def test_the_verdict_is_as_strong_as_its_evidence(changes: dict[str, Any], kind: str) -> None:
    assert verdict(ROW | changes) == kind


milli = st.integers(-50, 50)


@given(ends=st.tuples(milli, milli, milli).map(sorted), net=st.tuples(milli, milli, milli).map(sorted),
       agrees=st.sampled_from([True, False, None]), fires=st.booleans())  # fmt: skip
def test_repeat_is_advised_only_where_units_and_margin_are_surely_above_zero_and_nothing_denies_it(
    ends: list[int], net: list[int], agrees: bool | None, fires: bool
) -> None:
    names = ("net_margin_low_minor", "net_margin_minor", "net_margin_high_minor")
    row = ROW | dict(zip(("low_milli", "lift_milli", "high_milli"), ends, strict=True))
    row |= dict(zip(names, net, strict=True)) | {"agrees": agrees, "fires": fires}
    advice = ADVICE[verdict(row)]
    assert (advice == "repeat") == (ends[0] > 0 and net[0] > 0 and doubt(row) is None)
    if advice == "stop":
        assert ends[2] < 0
    if money(row) == "lost":
        assert net[2] < 0
