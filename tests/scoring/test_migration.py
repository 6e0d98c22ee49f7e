"""Movement between tiers adds up, whoever comes and goes."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.scoring.migration import NEW, NONE, WON_BACK, migrate
from crmlib.scoring.pyramid import Pyramid, pyramid

PEOPLE = st.dictionaries(st.integers(0, 40), st.integers(-50, 900), min_size=1, max_size=30)


def tiers(spend: dict[int, int], shares: tuple[int, ...] = (1000, 4000)) -> Pyramid:
    return pyramid(
        pl.DataFrame({"customer_id": [str(k) for k in spend], "net_minor": list(spend.values())}), shares=shares
    )


@settings(max_examples=120, deadline=None)
@given(before=PEOPLE, now=PEOPLE, known=st.sets(st.integers(0, 40)))
def test_rows_columns_and_the_flow_identity_are_exact(
    before: dict[int, int], now: dict[int, int], known: set[int]
) -> None:
    earlier = pl.DataFrame({"customer_id": [str(k) for k in sorted(known)]}, schema={"customer_id": pl.String})
    previous, current = tiers(before), tiers(now)
    moves = migrate(previous, current, known_before=earlier)
    assert moves.active_end == moves.active_start + moves.new + moves.won_back - moves.lost
    rows = dict(moves.table.group_by("tier_before").agg(pl.col("customers").sum()).iter_rows())
    columns = dict(moves.table.group_by("tier_now").agg(pl.col("customers").sum()).iter_rows())
    for tier, size in previous.tiers.select("tier", "customers").iter_rows():
        assert rows[tier] == size
    for tier, size in current.tiers.select("tier", "customers").iter_rows():
        assert columns[tier] == size
    assert rows[NEW] == moves.new
    assert rows[WON_BACK] == moves.won_back
    assert columns[NONE] == moves.lost
    assert moves.customers["change_minor"].sum() == sum(now.values()) - sum(before.values())


def test_a_comer_known_from_earlier_is_won_back_and_not_new() -> None:
    known = pl.DataFrame({"customer_id": ["2"]})
    moves = migrate(tiers({1: 10}), tiers({1: 10, 2: 5, 3: 5}), known_before=known)
    assert (moves.new, moves.won_back, moves.lost) == (1, 1, 0)


def test_pyramids_of_other_shares_are_refused() -> None:
    with pytest.raises(ModelError) as refused:
        migrate(tiers({1: 1}), tiers({1: 1}, shares=(2000,)))
    assert refused.value.code == "scoring.other_shares"
