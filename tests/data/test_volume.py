"""Where sales are missing: stores, days, months; nothing is inferred of a shop that sells little."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.dates import day_number
from crmlib.data.lake.volume import volume

AS_OF = date(2026, 6, 28)
LAST = day_number(AS_OF)


def store(name: str | None, *, lines: int = 20, days: int = 200, net: int = 900) -> pl.DataFrame:
    """A store with the same lines every day up to AS_OF."""
    every = {"day_n": range(LAST - days + 1, LAST + 1), "receipts": lines, "lines": lines, "net_minor": net}
    return pl.DataFrame({"store_id": name, **every}, schema_overrides={"store_id": pl.String})


def test_a_store_that_did_not_send_on_three_days_is_named_with_the_days() -> None:
    gone = store("b").filter(~pl.col("day_n").is_between(LAST - 9, LAST - 7))
    found = volume(pl.concat([store("a"), gone]), as_of=AS_OF)
    row = found.stores.row(0, named=True)
    assert (row["store_id"], row["empty_days"], row["thin_days"], found.store_days) == ("b", 3, 0, 56)
    assert (row["first_day"], row["last_day"]) == (AS_OF - timedelta(days=9), AS_OF - timedelta(days=7))


def test_days_with_hardly_a_line_and_days_without_money_are_told_apart() -> None:
    cut = pl.when(pl.col("day_n") == LAST).then(2).otherwise("receipts").alias("receipts")
    unpaid = pl.when(pl.col("day_n") == LAST - 1).then(0).otherwise("net_minor").alias("net_minor")
    found = volume(store("a").with_columns(cut, unpaid), as_of=AS_OF)
    assert found.stores.select("empty_days", "thin_days", "unpaid_days").row(0) == (0, 1, 1)
    assert found.bad_days == 2


def test_a_closure_on_record_and_a_weekday_always_shut_are_no_gap() -> None:
    weekly = store("a").filter(pl.col("day_n") % 7 != 3)
    assert volume(weekly, as_of=AS_OF).stores.is_empty()
    gone = store("b").filter(pl.col("day_n") <= LAST - 5)
    open_end = pl.DataFrame(
        {"store_id": ["b"], "starts_on": [AS_OF - timedelta(days=4)], "ends_on": [None]},
        schema_overrides={"ends_on": pl.Date},
    )
    assert volume(gone, as_of=AS_OF).bad_days == 5
    assert volume(gone, as_of=AS_OF, closures=open_end).bad_days == 0


def test_nothing_is_inferred_from_thin_or_short_data() -> None:
    thin = store("a", lines=1).filter(pl.col("day_n") % 3 == 0)
    short = store("b", days=60).filter(pl.col("day_n") != LAST)
    for table in (thin, short):
        found = volume(table, as_of=AS_OF)
        assert (found.store_days, found.stores.height) == (0, 0)


def test_a_small_counter_is_empty_by_chance_for_a_day_and_not_for_a_week() -> None:
    counter = store("c", lines=2)
    one = counter.filter(~pl.col("day_n").is_in([LAST - 3, LAST - 9, LAST - 10]))
    assert volume(one, as_of=AS_OF).stores.is_empty()
    week = volume(counter.filter(pl.col("day_n") <= LAST - 7), as_of=AS_OF)
    assert week.stores.select("store_id", "empty_days").row(0) == ("c", 7)


def test_a_month_without_sales_between_others_is_named_and_the_first_and_last_are_not() -> None:
    may = (pl.col("day_n").cast(pl.Int32).cast(pl.Date).dt.month() == 4).alias("april")
    gone = store("a").filter(~may)
    assert volume(gone, as_of=AS_OF).months["month"].to_list() == [date(2026, 4, 1)]
    assert volume(store("a"), as_of=AS_OF).months.is_empty()


def test_sales_without_a_store_are_a_store_of_their_own() -> None:
    gone = store(None).filter(pl.col("day_n") != LAST)
    found = volume(gone, as_of=AS_OF)
    assert found.stores.select("store_id", "empty_days").row(0) == (None, 1)
