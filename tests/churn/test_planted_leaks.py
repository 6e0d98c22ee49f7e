"""Eight leaks planted where a company would make them: seven are caught before any fit, and the eighth is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.churn.features.features import Extra, Options
from crmlib.churn.features.labels import dataset
from crmlib.churn.judge import probes
from crmlib.churn.risk import train, training_origins
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError

H = 91
Maker = Callable[[pl.DataFrame, date], pl.DataFrame]


@pytest.fixture(scope="module")
def origins(shop_last):
    return training_origins(t0=shop_last, horizon=H, first=shop_last - timedelta(days=700))


@pytest.fixture(scope="module")
def entries(shop):
    """One row per customer-day, known when the day was."""
    known = shop.days["known_n"].cast(pl.Date).cast(pl.Datetime("us"))
    return pl.DataFrame({"customer_id": shop.days["customer_id"], "day_n": shop.days["day_n"], "known_at": known})


def counted(rows: pl.DataFrame, keep: pl.Expr) -> pl.DataFrame:
    return rows.filter(keep).group_by("customer_id").agg(pl.len().cast(pl.Float64).alias("entries"))


def labels(shop, shop_last, origin: date) -> pl.DataFrame:
    return dataset(shop, t0=origin, horizon=H, observed_until=shop_last).select(
        "customer_id", told=pl.col("y").cast(pl.Float64)
    )


def ignores_its_rows(shop, entries, origins, shop_last) -> Extra:
    """Reads 30 days ahead in a table of its own (AUC .936 unseen by the old probes)."""
    return Extra(entries, lambda _, t0: counted(entries, pl.col("day_n") <= day_number(t0) + 30))


def asks_its_rows_for_the_customers_only(shop, entries, origins, shop_last) -> Extra:
    """The same, hidden behind the customers of the rows it is given."""

    def make(rows: pl.DataFrame, t0: date) -> pl.DataFrame:
        ahead = counted(entries, pl.col("day_n").is_between(day_number(t0) + 1, day_number(t0) + 30))
        return rows.select("customer_id").unique().join(ahead, on="customer_id", how="left").fill_null(0.0)

    return Extra(entries, make)


def one_day_too_late(shop, entries, origins, shop_last) -> Extra:
    return Extra(entries, lambda rows, t0: counted(rows, pl.col("day_n") <= day_number(t0) + 1))


def forgets_when_it_was_known(shop, entries, origins, shop_last) -> Extra:
    late = entries.with_columns(pl.col("known_at") + pl.duration(days=20))
    return Extra(late, lambda rows, t0: counted(rows, pl.col("day_n") <= day_number(t0)))


def counts_only_what_comes_after(shop, entries, origins, shop_last) -> Extra:
    return Extra(entries, lambda rows, t0: counted(rows, pl.col("day_n") > day_number(t0)))


def equals_the_last_label(shop, entries, origins, shop_last) -> Extra:
    """A segment number given by hand after the fact: perfect at the last origin, .907 in the sum of all."""
    last = labels(shop, shop_last, max(origins))
    joined = shop.days.group_by("customer_id").agg(day_n=pl.col("day_n").min()).join(last, on="customer_id", how="left")
    rows = joined.with_columns(
        pl.col("told").fill_null(0.0), known_at=pl.col("day_n").cast(pl.Date).cast(pl.Datetime("us"))
    )
    return Extra(rows, lambda given, t0: given.filter(pl.col("day_n") <= day_number(t0)).select("customer_id", "told"))


def leaks_at_all_origins_but_the_last(shop, entries, origins, shop_last) -> Extra:
    def make(rows: pl.DataFrame, t0: date) -> pl.DataFrame:
        ahead = 0 if t0 >= max(origins) else 30
        return counted(rows, pl.col("day_n") <= day_number(t0) + ahead)

    return Extra(entries, make)


def overwritten_since_and_stamped_with_the_day_of_joining(shop, entries, origins, shop_last) -> Extra:
    """A grade of today, each row dated as if it had been known from the first day."""
    grade = shop.days.group_by("customer_id").agg(day_n=pl.col("day_n").min(), grade=pl.len().cast(pl.Float64))
    rows = grade.with_columns(known_at=pl.col("day_n").cast(pl.Date).cast(pl.Datetime("us")))
    return Extra(rows, lambda given, t0: given.filter(pl.col("day_n") <= day_number(t0)).select("customer_id", "grade"))


CAUGHT = [
    ignores_its_rows,
    asks_its_rows_for_the_customers_only,
    one_day_too_late,
    forgets_when_it_was_known,
    counts_only_what_comes_after,
    equals_the_last_label,
    leaks_at_all_origins_but_the_last,
]


def fitted(shop, extra: Extra, origins, shop_last):
    options = Options(extras={"planted": extra})
    return train(shop, t0=shop_last, horizon=H, origins=origins, rng=np.random.default_rng(1), options=options)


@pytest.mark.parametrize("plant", CAUGHT, ids=lambda f: f.__name__)
def test_a_planted_leak_is_caught_before_the_fit(shop, entries, origins, shop_last, plant):
    with pytest.raises(ModelError) as error:
        fitted(shop, plant(shop, entries, origins, shop_last), origins, shop_last)
    assert error.value.code in ("churn.leak", "churn.too_good")


def test_the_one_that_no_probe_can_see_is_named(shop, entries, origins, shop_last):
    extra = overwritten_since_and_stamped_with_the_day_of_joining(shop, entries, origins, shop_last)
    assert fitted(shop, extra, origins, shop_last).rows > 0
    assert probes.UNSEEN == "overwritten_snapshot"


def test_an_honest_table_passes_every_probe(shop, entries, origins, shop_last):
    honest = Extra(entries, lambda rows, t0: counted(rows, pl.col("known_at").dt.date() <= t0))
    assert fitted(shop, honest, origins, shop_last).rows > 0


def test_a_table_that_says_the_same_of_everybody_is_not_taken_for_a_leak(shop, entries, origins, shop_last):
    same = Extra(entries, lambda rows, _: rows.select("customer_id").unique().with_columns(member=pl.lit(1.0)))
    assert fitted(shop, same, origins, shop_last).rows > 0
