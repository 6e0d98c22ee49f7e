"""Who used a coupon: those in their rhythm would have come anyway, and every yuan stands in one group."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.customers.loyalty.coupons import GROUPS, coupon_use
from crmlib.panels.tenders import coupon_receipts

WEEKLY = [0, 7, 14, 21, 28]
"""Days of members who came weekly until now."""


def days(**members: list[int]) -> pl.DataFrame:
    rows = [(who, day, True) for who, seen in members.items() for day in seen]
    return pl.DataFrame(rows, schema=["customer_id", "day_n", "is_purchase"], orient="row")


def used(*rows: tuple[str | None, str, str | None, int, int]) -> pl.DataFrame:
    columns = {"coupon": pl.String, "receipt_id": pl.String, "customer_id": pl.String, "day_n": pl.Int32,
               "net_minor": pl.Int64}  # fmt: skip
    return pl.DataFrame(rows, schema=columns, orient="row")


def test_members_are_parted_by_the_rhythm_they_had_before_the_coupon() -> None:
    history = days(punctual=[*WEEKLY, 35], back=[*WEEKLY, 60], fresh=[0, 35], edge=[*WEEKLY, 38])
    rows = used(
        ("C1", "r1", "punctual", 35, 500), ("C1", "r2", "back", 60, 700), ("C1", "r3", "fresh", 35, 90),
        ("C1", "r4", None, 35, 11), ("C1", "r5", "edge", 38, 5),
    )  # fmt: skip
    found = {row[1]: row[2:] for row in coupon_use(rows, history).rows()}
    assert found == {"on_time": (2, 2, 505), "late": (1, 1, 700), "new": (1, 1, 90), "nobody": (1, 0, 11)}
    assert list(found) == list(GROUPS)


def test_later_visits_say_nothing_of_the_rhythm_then() -> None:
    rows = used(("C1", "r1", "a", 35, 500))
    before, after = days(a=[*WEEKLY, 35]), days(a=[*WEEKLY, 35, 36, 37, 38, 39, 40])
    assert coupon_use(rows, before).equals(coupon_use(rows, after))


def test_coupons_are_those_of_the_offer_and_those_that_paid_without_a_name_and_returns_are_left_out() -> None:
    lines = pl.DataFrame(
        {
            "receipt_id": ["r1", "r1", "r2", "r3", "r4", "r5"], "customer_id": ["a", "a", "b", None, "c", "d"],
            "day_n": [20_000] * 5 + [10], "quantity_milli": [1000, 1000, 1000, 1000, -1000, 1000],
            "net_minor": [500, 300, 200, 100, -50, 9], "promotion_id": ["C1", "P1", None, "P1", "C1", "C1"],
            "tender": ["cash", "cash", "coupon", "cash", "cash", "cash"],
        }
    )  # fmt: skip
    made = coupon_receipts(lines, offers=["C1"], start=date(2020, 1, 1), end=date(2030, 1, 1))
    assert made.select("coupon", "receipt_id", "net_minor").rows() == [("C1", "r1", 500), (None, "r2", 200)]
