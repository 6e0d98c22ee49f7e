"""The pyramid: exact sizes, ties as a block, nothing lost."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ContractError, CrmError, ModelError
from crmlib.scoring.pyramid import assign, check_shares, parse_shares, pyramid, sizes, thresholds

PRINTED = 5e-5  # the reference prints shares with four decimals
MONEY = st.integers(-(10**6), 10**9)


def frame(net: list[int]) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": [f"c{i}" for i in range(len(net))], "net_minor": net}, schema_overrides={"net_minor": pl.Int64}
    )


def test_cdnow_has_the_reference_sizes_shares_and_thresholds(cdnow_customers: pl.DataFrame) -> None:
    found = pyramid(cdnow_customers)
    assert found.customers.height == 23_570
    assert found.tiers["customers"].to_list() == [236, 943, 3535, 18_856]
    assert int(found.tiers["net_minor"].sum()) == 228_698_515
    assert found.tiers["share_net"].to_list() == pytest.approx([0.1517, 0.2039, 0.3106, 0.3339], abs=PRINTED)
    assert found.cuts == (80_485, 34_521, 12_319)
    assert int(found.tiers["not_positive"].sum()) == 68


def test_sizes_are_exact_where_a_floating_point_ceil_is_one_too_high() -> None:
    n = np.arange(1, 200_001)
    exact = -(-700 * n // 10_000)
    assert int((np.ceil(0.07 * n) != exact).sum()) == 1612
    assert [sizes(int(k), (700,))[0] for k in (100, 200_000, *n[::997])] == [7, 14_000, *exact[::997].tolist()]
    assert math.ceil(0.07 * 100) == 8
    assert sizes(23_570) == (236, 1179, 4714)


@settings(max_examples=150, deadline=None)
@given(net=st.lists(MONEY, min_size=1, max_size=60), ties=st.sampled_from(["down", "up"]))
def test_every_member_has_one_tier_and_equal_spend_has_equal_tier(net: list[int], ties: str) -> None:
    found = pyramid(frame(net), ties=ties)  # type: ignore[arg-type]
    tiers = found.customers["tier"].cast(pl.String)
    assert int(found.tiers["customers"].sum()) == len(net)
    assert int(found.tiers["net_minor"].sum()) == sum(net)
    by_value = found.customers.group_by("net_minor").agg(pl.col("tier").n_unique())
    assert by_value["tier"].max() == 1
    ordered = found.customers.with_columns(tier=tiers).sort("net_minor", descending=True)["tier"].to_list()
    assert ordered == sorted(ordered)


@settings(max_examples=150, deadline=None)
@given(net=st.lists(st.integers(0, 12), min_size=1, max_size=80))
def test_ties_down_never_exceeds_a_share_and_ties_up_reaches_it_if_spend_allows(net: list[int]) -> None:
    down, up = (thresholds(np.array(net), ties=t) for t in ("down", "up"))
    for k, n_k in enumerate(sizes(len(net))):
        assert int((np.array(net) >= down[k]).sum()) <= n_k
        reached = int((np.array(net) >= up[k]).sum())
        assert reached >= min(n_k, sum(v > 0 for v in net))


@settings(max_examples=50, deadline=None)
@given(net=st.lists(MONEY, min_size=1, max_size=40), seed=st.integers(0, 99))
def test_the_order_of_rows_does_not_matter(net: list[int], seed: int) -> None:
    table = frame(net)
    mixed = table.sample(fraction=1.0, shuffle=True, seed=seed)
    assert pyramid(table).customers.sort("customer_id").equals(pyramid(mixed).customers.sort("customer_id"))


def test_all_equal_spend_goes_down_or_up_as_one_block() -> None:
    assert pyramid(frame([500] * 30)).tiers["customers"].to_list() == [0, 0, 0, 30]
    assert pyramid(frame([500] * 30), ties="up").tiers["customers"].to_list() == [30, 0, 0, 0]
    assert pyramid(frame([500] * 30)).cuts == (None, None, None)


def test_net_zero_or_below_is_in_the_last_tier_even_if_the_share_has_room() -> None:
    found = pyramid(frame([0, -5, 0]), shares=(9000,))
    assert found.tiers["customers"].to_list() == [0, 3]
    assert found.tiers["not_positive"].to_list() == [0, 3]
    assert found.tiers["share_net"].to_list() == [None, None]


def test_one_customer_is_the_top() -> None:
    assert pyramid(frame([7])).tiers["customers"].to_list() == [1, 0, 0, 0]


def test_a_missing_margin_makes_the_margin_of_its_tier_unknown_and_no_other() -> None:
    table = frame([900, 100, 50]).with_columns(margin_minor=pl.Series([None, 10, 5], dtype=pl.Int64))
    tiers = pyramid(table, shares=(3000,)).tiers
    assert tiers["margin_minor"].to_list() == [None, 15]
    assert tiers["margin_rate"].to_list() == [None, 0.1]
    assert tiers["uncosted"].to_list() == [1, 0]


def test_frozen_thresholds_keep_the_bar_where_it_was() -> None:
    found = pyramid(frame([100, 90, 80]), shares=(5000,), frozen=np.array([85]))
    assert found.customers["tier"].to_list() == ["A", "A", "B"]
    with pytest.raises(ModelError, match="frozen threshold") as refused:
        pyramid(frame([1]), frozen=np.array([85]))
    assert refused.value.code == "scoring.frozen_definition"


@pytest.mark.parametrize("text", ["5/1/20", "1/1/20", "0/5", "1/100", "a/b", "", "1/5/20.001", "nan"])
def test_shares_that_do_not_increase_within_zero_and_hundred_are_refused(text: str) -> None:
    with pytest.raises(ModelError) as refused:
        parse_shares(text)
    assert refused.value.code == "scoring.shares"


def test_shares_are_parsed_exactly() -> None:
    assert parse_shares(" 0.29 / 5% / 20") == (29, 500, 2000)  # 0.29 * 100 is 28.999… in floating point
    with pytest.raises(ModelError):
        check_shares(tuple(range(1, 12)))


def test_a_customer_twice_is_refused_with_count_and_masked_example() -> None:
    table = pl.DataFrame({"customer_id": ["13800138000", "13800138000", "x"], "net_minor": [1, 2, 3]})
    with pytest.raises(ModelError) as refused:
        pyramid(table)
    assert refused.value.code == "scoring.duplicate_customer"
    assert refused.value.examples == ("138…00",)


def test_floats_missing_sums_missing_ids_and_no_rows_are_refused() -> None:
    cases = {
        "frame.not_whole": pl.DataFrame({"customer_id": ["a"], "net_minor": [1.5]}),
        "scoring.missing_value": pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [1, None]}),
        "scoring.missing_id": pl.DataFrame({"customer_id": ["a", None], "net_minor": [1, 2]}),
        "scoring.empty": pl.DataFrame({"customer_id": [], "net_minor": []}),
    }
    for code, table in cases.items():
        with pytest.raises(CrmError) as refused:
            pyramid(table)
        assert refused.value.code == code
    with pytest.raises(ContractError):
        pyramid(pl.DataFrame({"customer_id": ["a"]}))


def test_pandas_and_arrow_frames_give_the_same_tiers() -> None:
    table = frame([900, 100, 50, 10])
    expected = pyramid(table, shares=(2500,)).tiers
    assert pyramid(pd.DataFrame(table.to_dict(as_series=False)), shares=(2500,)).tiers.equals(expected)
    assert pyramid(pa.table(table.to_dict(as_series=False)), shares=(2500,)).tiers.equals(expected)


def test_assign_is_the_same_as_thresholding() -> None:
    assert assign(np.array([5, 4, 3]), np.array([5, 4])).tolist() == [0, 1, 2]
