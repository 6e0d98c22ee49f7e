"""A list is read by what it is for, the same question to both groups."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from crmlib.core.contracts.lists import OUTCOMES
from crmlib.core.errors import ModelError
from crmlib.outreach import aims, results
from crmlib.outreach.register import Filed, Terms
from tests.outreach.test_register import PEOPLE, drawn, sent

FIRST, WINDOW = date(2026, 9, 3), 7
DAY = (FIRST - date(1970, 1, 1)).days + 2
NOBODY = pl.DataFrame(schema={"customer_id": pl.String, "day_n": pl.Int32, "is_purchase": pl.Boolean,
                              "net_minor": pl.Int64})  # fmt: skip


def made(outcome: str) -> Filed:
    goods = PEOPLE.with_columns(product_1=pl.lit("tea"), product_2=pl.lit("cup"))
    return drawn(Terms("L1", "x", "repeat", "sms", "li", control_bp=5000, outcome=outcome), goods)


def read(filed: Filed, *, days: pl.DataFrame = NOBODY, events: list[tuple[Any, ...]] | None = None,
         **feeds: pl.DataFrame) -> dict[str, Any]:  # fmt: skip
    book = sent(filed, first=FIRST, window=WINDOW)
    told = pl.DataFrame(events or [], schema={"list_id": pl.String, "recipient_id": pl.String, "kind": pl.String,
                                              "at": pl.Datetime("us", "UTC")}, orient="row")  # fmt: skip
    book = results.Register(book.campaigns, book.steps, book.rows, told)
    found = results.results(book, days, margin=0.3, as_of=date(2026, 10, 1), feeds=aims.Feeds(**feeds))
    return found.row(0, named=True)


def bought(ids: pl.Series, product: str, day: int = DAY) -> pl.DataFrame:
    return pl.DataFrame(
        {"customer_id": ids, "product_id": product, "day_n": pl.Series([day] * ids.len(), dtype=pl.Int32)}
    )


def test_goods_that_were_suggested_count_in_the_window_for_those_left_alone_too() -> None:
    filed = made("bought_product")
    contact, control = (filed.of(g)["recipient_id"] for g in ("contact", "control"))
    assert aims.suggested(filed.rows).to_list() == ["cup", "tea"]
    goods = pl.concat([bought(contact.head(40), "cup"), bought(control.head(10), "tea"), bought(contact, "milk"),
                       bought(contact, "tea", DAY + WINDOW), bought(control, "tea", DAY - 3)])  # fmt: skip
    row = read(filed, goods=goods)
    assert (row["outcome"], row["came_contact"], row["came_control"]) == ("bought_product", 40, 10)
    assert row["effect"] == pytest.approx(0.3) and row["low"] > 0


def test_a_visit_without_money_is_no_paid_trip_and_money_is_read_whatever_the_outcome() -> None:
    filed = made("paid_trip")
    contact = filed.of("contact")["recipient_id"]
    days = pl.DataFrame({"customer_id": contact, "day_n": DAY, "is_purchase": True, "net_minor": 0}).with_columns(
        net_minor=pl.when(pl.int_range(pl.len()) < 25).then(9_000).otherwise(0)
    )
    row = read(filed, days=days)
    assert (row["came_contact"], row["came_control"], row["raw_contact_minor"]) == (25, 0, 225_000)


def test_orders_and_answers_are_counted_and_cancelled_orders_are_not() -> None:
    filed = made("ordered")
    control = filed.of("control")["recipient_id"]
    at = datetime(2026, 9, 5, 3, tzinfo=UTC)
    book = pl.DataFrame({
        "customer_id": control.head(12), "partner_id": pl.Series([None] * 12, dtype=pl.String), "entered_at": [at] * 12,
        "cancelled_at": [None] * 10 + [at + timedelta(days=1)] * 2,
    })  # fmt: skip
    row = read(filed, orders=aims.ordered(book))
    assert (row["came_contact"], row["came_control"]) == (0, 10)
    asked = made("replied")
    kinds = ("replied", "opened", "answered")
    told = [("L1", i, kind, at) for i, kind in zip(asked.of("contact")["recipient_id"], kinds, strict=False)]
    assert read(asked, events=told)["came_contact"] == 2


@pytest.mark.parametrize("outcome", ["ordered", "bought_product"])
def test_without_what_tells_it_a_list_is_not_measurable_and_says_no_effect(outcome: str) -> None:
    row = read(made(outcome))
    assert (row["verdict"], row["effect"], row["net_minor"]) == ("not_measurable", None, None)


def test_every_outcome_of_the_contract_can_be_read() -> None:
    nothing = pl.DataFrame(schema=aims.HIT)
    goods = pl.DataFrame(schema={"customer_id": pl.String, "product_id": pl.String, "day_n": pl.Int32})
    for outcome in OUTCOMES:
        assert read(made(outcome), goods=goods, orders=nothing)["effect"] == 0.0
    with pytest.raises(ModelError) as error:
        aims.hits("burnt", PEOPLE, days=NOBODY, events=PEOPLE, feeds=aims.Feeds())
    assert error.value.code == "outreach.no_outcome"
