"""Hysteresis keeps a tier through small falls, never lifts above what was held, and leaves the raw tier alone."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.scoring.pyramid import pyramid
from crmlib.scoring.rfm import rfm
from crmlib.scoring.smoothing import smooth
from crmlib.scoring.state import freeze, frozen_cuts, held


def frame(net: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": [str(i) for i in range(len(net))], "net_minor": net})


def test_a_member_at_95_percent_of_the_threshold_keeps_the_tier_and_one_at_85_percent_does_not() -> None:
    now = pyramid(frame([1000, 950, 850, 10]), shares=(2500,))
    last = pl.DataFrame({"customer_id": ["1", "2"], "tier_smoothed": ["A", "A"]})
    found = smooth(now, last=last)
    assert found["tier"].to_list() == ["A", "B", "B", "B"]
    assert found["tier_smoothed"].to_list() == ["A", "A", "B", "B"]


def test_rising_is_immediate_and_without_a_last_report_both_tiers_agree() -> None:
    now = pyramid(frame([1000, 10]), shares=(5000,))
    assert smooth(now, last=pl.DataFrame({"customer_id": ["0"], "tier_smoothed": ["B"]}))["tier_smoothed"][0] == "A"
    assert smooth(now)["tier_smoothed"].to_list() == smooth(now)["tier"].to_list()


@settings(max_examples=60, deadline=None)
@given(
    net=st.lists(st.integers(-5, 1000), min_size=3, max_size=40),
    held_tiers=st.lists(st.sampled_from(["A", "B", "C", "D"]), min_size=40, max_size=40),
)
def test_the_smoothed_tier_is_the_raw_or_the_held_one_and_never_worse_than_raw(
    net: list[int], held_tiers: list[str]
) -> None:
    now = pyramid(frame(net))
    last = frame(net).select("customer_id", tier_smoothed=pl.Series(held_tiers[: len(net)]))
    found = smooth(now, last=last)
    for raw, smoothed, before in zip(found["tier"], found["tier_smoothed"], last["tier_smoothed"], strict=True):
        assert smoothed in {raw, before}
        assert smoothed <= raw


def test_the_state_of_one_month_is_read_back_by_the_next_and_refused_under_another_definition() -> None:
    now = pyramid(frame([1000, 10]), shares=(5000,))
    bought = frame([1000, 10]).with_columns(last_day_n=pl.lit(100), purchase_days=pl.Series([3, 1]))
    cuts = rfm(bought, as_of=date(1970, 6, 1), classes=2, definition="year", allow_empty=True).cuts
    state = freeze(definition="year;1/5", pyramid=now, smoothed=smooth(now), cuts=cuts)
    kept = held(state, definition="year;1/5")
    assert kept is not None and kept.sort("customer_id")["tier_smoothed"].to_list() == ["A", "B"]
    assert held(state, definition="other") is None
    assert held(None, definition="year;1/5") is None
    again = frozen_cuts(state, definition=cuts.definition)
    assert again is not None and again.table["at_least"].to_list() == cuts.table["at_least"].to_list()
    scored = rfm(bought, as_of=date(1970, 6, 1), classes=2, definition="year", frozen=again)
    assert np.array_equal(scored.customers["m"].to_numpy(), [2, 1])
