from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import people


@given(st.integers(-(10**9), 10**9), st.integers(1, 9999))
def test_a_line_sold_together_is_credited_to_the_fen(net, first):
    rows = pl.DataFrame({"line_id": "L", "staff_id": ["a", "b"], "share_bp": [first, 10_000 - first], "net_minor": net})
    got = people.credited(rows)
    assert got["net_minor"].sum() == net
    assert abs(got["net_minor"][0] - net * first / 10_000) <= 1


def test_shares_that_are_not_the_whole_are_refused():
    rows = pl.DataFrame({"line_id": ["L", "L"], "staff_id": ["a", "b"], "share_bp": [5000, 4000], "net_minor": [1, 1]})
    with pytest.raises(ModelError, match="do not sum to 10000"):
        people.credited(rows)


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(1, 9999), st.booleans()), min_size=1, max_size=6))
def test_what_is_sold_together_is_taken_from_who_rang_it_up_to_the_fen(lines):
    shared = pl.DataFrame(
        [
            (f"L{n}", date(2026, 3, 1), "a" if noted else None, who, share, net)
            for n, (net, first, noted) in enumerate(lines)
            for who, share in (("a", first), ("b", 10_000 - first))
        ],
        schema=["line_id", "day", "seller", "staff_id", "share_bp", "net_minor"], orient="row",
        schema_overrides={"seller": pl.String},
    )  # fmt: skip
    got = people.moved(shared)
    assert got["net_minor"].sum() == sum(net for net, _, noted in lines if not noted)
    assert got["lines"].sum() == 2 * len(lines)  # b is credited, and has a record by it
    b = got.filter(pl.col("staff_id") == "b")["net_minor"].sum()
    assert abs(b - sum(net * (10_000 - first) / 10_000 for net, first, _ in lines)) <= len(lines)


STAFF = pl.DataFrame({"staff_id": ["a", "b", "c"], "manager": ["m", "m", "n"]})
TARGETS = pl.DataFrame({"staff_id": ["a", "b", "c"], "amount_minor": [1000, 1000, 500]})
FACTS = pl.DataFrame({"staff_id": ["a", "b"], "sold_minor": [400, 1200], "calls": [3, 0], "usual_day_minor": [50, 60]})


def test_a_seller_without_any_record_has_no_data_rather_than_nothing_sold():
    got = people.sheet(STAFF, targets=TARGETS, facts=FACTS, as_of=date(2026, 3, 20), last=date(2026, 3, 31))
    state = dict(got.select("staff_id", "state").iter_rows())
    assert state == {"a": "behind", "b": "reached", "c": "no_data"}
    assert got.filter(pl.col("staff_id") == "c")["sold_minor"].item() is None
    assert got["staff_id"].to_list() == ["a", "b", "c"]  # by the money that is missing


def test_the_gap_is_spread_over_trading_days_only():
    off = frozenset(date(2026, 3, d) for d in range(21, 30))
    got = people.sheet(
        STAFF, targets=TARGETS, facts=FACTS, as_of=date(2026, 3, 20), last=date(2026, 3, 31), days_off=off
    )
    a = got.filter(pl.col("staff_id") == "a")
    assert (a["days_left"].item(), a["day_needs_minor"].item()) == (2, 300)


def test_parents_show_the_sums_of_their_children():
    rows = people.sheet(STAFF, targets=TARGETS, facts=FACTS, as_of=date(2026, 3, 20), last=date(2026, 3, 31))
    got = {r["manager"]: r for r in people.parents(rows, parent="manager").iter_rows(named=True)}
    assert (got["m"]["target_minor"], got["m"]["sold_minor"], got["m"]["no_data"]) == (2000, 1600, 0)
    assert (got["n"]["people"], got["n"]["no_data"]) == (1, 1)


def test_what_a_seller_collects_reminds_and_has_open_stands_on_his_sheet():
    owners = pl.DataFrame({"partner_id": ["D1", "D2"], "owner_staff": ["a", "b"]})
    payments = pl.DataFrame({
        "partner_id": ["D1", "D1", "D2"], "staff_id": [None, "b", None], "amount_minor": [300, 40, 7],
        "at": [date(2026, 3, 2), date(2026, 3, 3), date(2026, 2, 27)],
    })  # fmt: skip
    items = pl.DataFrame({"owner": ["D1", "D1", "D2"], "days_late": [5, None, -3], "open_minor": [1, 1, 1]})
    deals = pl.DataFrame({
        "owner_staff": ["c", "c", "c"], "opened_on": [date(2026, 3, 1), date(2026, 3, 1), date(2026, 4, 1)],
        "closed_on": [None, date(2026, 3, 10), None],
    })  # fmt: skip
    span = {"first": date(2026, 3, 1), "last": date(2026, 3, 20)}
    kept = people.by_keeper(owners, payments=payments, items=items, deals=deals, **span)
    facts = FACTS.join(kept, on="staff_id", how="full", coalesce=True)
    rows = people.sheet(STAFF, targets=TARGETS, facts=facts, as_of=span["last"], last=date(2026, 3, 31))
    shown = rows.sort("staff_id").select(
        "staff_id", "sold_minor", "collected_minor", "to_remind", "open_leads", "state"
    )
    assert shown.rows() == [
        ("a", 400, 300, 1, None, "behind"), ("b", 1200, 40, None, None, "reached"),
        ("c", None, None, None, 1, "no_data"),
    ]  # fmt: skip
    assert people.by_keeper(owners, payments=None, items=None, deals=None, **span).is_empty()


@pytest.mark.real_data
def test_five_of_35_sellers_have_no_deal_which_is_no_data(real_data):  # reference number 19 beside it
    folder = real_data / "crm_pipeline"
    teams = pl.read_parquet(folder / "sales_teams.parquet")
    won = pl.read_parquet(folder / "sales_pipeline.parquet").filter(pl.col("deal_stage") == "Won")
    facts = won.group_by(staff_id="sales_agent").agg(sold_minor=pl.col("close_value").sum())
    staff = teams.select("regional_office", staff_id="sales_agent")
    asked = staff.select("staff_id", amount_minor=pl.lit(300_000))
    rows = people.sheet(staff, targets=asked, facts=facts, as_of=date(2017, 12, 1), last=date(2017, 12, 31))
    assert (rows["state"] == "no_data").sum() == 5
    sums = people.parents(rows, parent="regional_office").select("regional_office", "sold_minor")
    assert dict(sums.iter_rows()) == {"Central": 3_346_293, "East": 3_090_594, "West": 3_568_647}
