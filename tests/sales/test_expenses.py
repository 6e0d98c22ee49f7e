from __future__ import annotations

import re
from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import diversion, expenses

MARCH = date(2026, 3, 1)


def at(month, day):
    return datetime(2026, month, day, 4, tzinfo=UTC)


def test_a_budget_breathes_with_sales():  # reference number 18, in yuan
    line = {"fixed_minor": [50_000], "variable_bp": [800], "planned_net_minor": [1_000_000], "net_minor": [900_000]}
    got = expenses.against_budget(pl.DataFrame({**line, "spent_minor": [128_000]})).row(0, named=True)
    assert (got["volume_minor"], got["spending_minor"]) == (-8_000, 6_000)
    assert got["over"] and got["spent_minor"] < got["plan_minor"]  # against the rigid plan it looks like a saving


money = st.integers(0, 10**12)


@given(money, st.integers(0, 10_000), money, money, money)
def test_volume_and_spending_lead_from_plan_to_spent_to_the_fen(fixed, rate, planned, net, spent):
    names = ["fixed_minor", "variable_bp", "planned_net_minor", "net_minor", "spent_minor"]
    got = expenses.against_budget(pl.DataFrame([(fixed, rate, planned, net, spent)], schema=names, orient="row"))
    row = got.row(0, named=True)
    assert row["plan_minor"] + row["volume_minor"] + row["spending_minor"] == spent


def booked(*rows):
    names = ["expense_id", "store_id", "region", "month", "amount_minor", "allocation_key"]
    return pl.DataFrame(rows, schema=dict.fromkeys(names[:3], pl.String) | {
        "month": pl.Date, "amount_minor": pl.Int64, "allocation_key": pl.String,
    }, orient="row")  # fmt: skip


KEYS = pl.DataFrame(
    {
        "store_id": ["a", "b", "c"], "region": ["N", "N", "S"], "month": MARCH, "net_sales": [1, 1, 1],
        "area": [30.0, 60.0, 10.0], "staff": [0, 0, 0],
    }
)  # fmt: skip


def test_shared_expenses_are_split_over_stores_without_a_rest():
    rows = booked(
        ("1", "a", None, MARCH, 70, None), ("2", None, None, MARCH, 100, "net_sales"),
        ("3", None, "N", MARCH, -91, "area"),
        ("4", None, None, MARCH, 10, "none"), ("5", None, None, MARCH, 11, "equal"),
    )  # fmt: skip
    got = expenses.allocated(rows, KEYS)
    assert got.group_by("expense_id").agg(pl.col("amount_minor").sum()).sort("expense_id").rows() == [
        ("1", 70), ("2", 100), ("3", -91), ("4", 10), ("5", 11),
    ]  # fmt: skip
    by = {k: g["amount_minor"].to_list() for (k,), g in got.group_by("expense_id")}
    assert by["2"] == [34, 33, 33]
    assert by["3"] == [-30, -61]
    assert got.filter(pl.col("expense_id") == "4")["store_id"].item() is None


def test_a_key_without_any_weight_is_refused():
    with pytest.raises(ModelError, match="1 shared expense "):
        expenses.allocated(booked(("1", None, None, MARCH, 5, "staff")), KEYS)
    with pytest.raises(ModelError, match="1 shared expense "):
        expenses.allocated(booked(("1", None, None, date(2026, 4, 1), 5, "equal")), KEYS)


def test_expenses_of_a_month_without_sales_have_no_share():
    rows = pl.DataFrame({"month": [MARCH, date(2026, 4, 1)], "kind": "selling", "amount_minor": 10, "state": "spent"})
    got = expenses.of_sales(rows, pl.DataFrame({"month": [MARCH], "net_minor": [200]}))
    assert got["share"].to_list() == [0.05, None]


def test_a_lot_of_one_region_in_another_is_certain():
    lots = pl.DataFrame({"lot_id": ["1", "2", "3"], "product_id": "p", "region": ["A", "B", None]})
    seen = pl.DataFrame({"sighting_id": ["x", "y", "z"], "at": at(3, 1), "lot_id": ["1", "2", "3"], "region": "B"})
    assert diversion.strays(seen, lots).select("sighting_id", "home").rows() == [("x", "A")]


def test_who_sold_more_than_he_had_got_the_rest_from_elsewhere():
    def report(partner, day, hand, received, sold):
        return partner, "p", date(2026, 3, day), hand, received, sold

    names = ["partner_id", "product_id", "on_day", "on_hand_milli", "received_milli", "sold_milli"]
    books = [
        report("honest", 1, 10, 99, 99), report("honest", 8, 5, 20, 25),
        report("diverter", 1, 10, 0, 0), report("diverter", 8, 4, 5, 31), report("once", 1, 0, 0, 50),
        report("late", 1, 0, 0, 0), report("late", 8, 0, 0, 20), report("late", 15, 0, 20, 0),
    ]  # fmt: skip
    got = diversion.oversold(pl.DataFrame(books, schema=names, orient="row"))
    assert got.select("partner_id", "elsewhere_milli").rows() == [("diverter", 20)]


def test_a_price_under_the_floor_of_its_day_is_a_hint():
    floors = pl.DataFrame(
        {
            "region": "A", "product_id": "p", "valid_from": [date(2026, 1, 1), date(2026, 3, 1)],
            "floor_minor": [100, 80], "valid_to": [None, date(2026, 3, 10)],
        }
    )  # fmt: skip
    prices = pl.DataFrame(
        {
            "region": ["A", "A", "A", "B", "A"], "product_id": "p", "price_minor": [90, 90, 60, 1, 1],
            "at": [at(2, 1), at(3, 5), at(3, 6), at(3, 6), at(3, 11)],
        }
    )  # fmt: skip
    got = diversion.under_floor(prices, floors)
    assert got.select("price_minor", "floor_minor", "below_bp").rows() == [(60, 80, 2500), (90, 100, 1000)]


def test_every_error_of_the_domain_can_be_said_in_both_languages(root):
    text = "".join(p.read_text(encoding="utf-8") for p in (root / "crmlib" / "sales").glob("*.py"))
    codes = set(re.findall(r'"sales\.([a-z_]+)"', text))
    from crmlib.kit.words.sentences import keys  # noqa: PLC0415

    for language in ("zh", "en"):
        assert {c for c in codes if f"sales.error.{c}.given" not in keys(language)} == set()
    assert len(codes) > 20, "the pattern finds them"


def test_goods_sold_under_the_floor_of_their_own_region_give_away_the_difference():
    cells = pl.DataFrame(
        {"store_id": ["A", "A", "B", "B"], "product_id": ["p", "p", "p", "q"],
         "quantity_milli": [1000, 2000, 1000, 500], "net_minor": [900, 1900, 900, 400]}
    )  # fmt: skip
    floors = pl.DataFrame(
        {"region": ["N", "S"], "product_id": ["p", "p"], "valid_from": [date(2026, 1, 1)] * 2, "valid_to": [None, None],
         "floor_minor": [1000, 800]}, schema_overrides={"valid_to": pl.Date}
    )  # fmt: skip
    regions = pl.DataFrame({"store_id": ["A", "B"], "region": ["N", "S"]})
    found = diversion.under_floors(cells, floors, regions, on=date(2026, 3, 1))
    assert found.rows() == [("A", "p", 3000, 933, 1000, 200)]
