from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.churn.features.features import Extra, Options, features
from crmlib.churn.features.labels import dataset
from crmlib.churn.features.visits import Visits
from crmlib.churn.judge.probes import check, check_single, permuted, truncated
from crmlib.churn.risk import train, training_origins
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError


@pytest.fixture
def t0(shop_last):
    return shop_last - timedelta(days=120)


def leaky(days):
    """Features whose author forgot one day: the cut-off is `days` too late."""
    return lambda t0: (
        lambda seen, _: features(seen, t0=t0 + timedelta(days=days)).with_columns(pl.col("recency") - days)
    )


def test_honest_features_pass_both_probes(shop, t0):
    check(lambda seen, _: features(seen, t0=t0), shop, t0=t0, rng=np.random.default_rng(1))


def test_a_planted_leak_of_one_day_is_caught(shop, t0):
    with pytest.raises(ModelError) as error:
        check(leaky(1)(t0), shop, t0=t0, rng=np.random.default_rng(1))
    assert error.value.code == "churn.leak"
    assert error.value.values["probe"] == "truncation"


def test_a_return_read_before_it_was_known_is_caught(shop, t0):
    def reads_late_returns(seen: Visits, _: Options) -> pl.DataFrame:
        hurried = Visits(seen.days.with_columns(pl.col("day_n").alias("known_n")), seen.store_days, seen.has)
        return features(hurried, t0=t0)

    late = shop.days.filter((pl.col("day_n") <= day_number(t0)) & (pl.col("known_n") > day_number(t0)))
    assert late.height > 0, "the world has no late return at t0: move t0"
    with pytest.raises(ModelError) as error:
        check(reads_late_returns, shop, t0=t0, rng=np.random.default_rng(1))
    assert "return_share" in error.value.values["columns"]


def test_a_leak_that_only_reads_who_comes_after_is_caught_by_the_permutation(shop, t0):
    cut = day_number(t0)

    def counts_later_days(seen: Visits, _: Options) -> pl.DataFrame:
        later = seen.days.filter(pl.col("day_n") > cut)
        ids = later.group_by("customer_id").len("later") if later.height else None
        table = features(truncated(seen, t0=t0), t0=t0)
        # silent on a table cut at t0, where it could not be told from an honest zero
        return table.with_columns(later=pl.lit(0)) if ids is None else table.join(ids, on="customer_id", how="left")

    with pytest.raises(ModelError, match="later"):
        check(counts_later_days, shop, t0=t0, rng=np.random.default_rng(1))


def test_permuting_keeps_the_past_and_only_deals_the_future_anew(shop, t0):
    cut = day_number(t0)
    mixed = permuted(shop, t0=t0, rng=np.random.default_rng(1))
    past = (pl.col("day_n") <= cut) & (pl.col("known_n") <= cut)
    assert mixed.days.filter(past).equals(shop.days.filter(past))
    assert sorted(mixed.days["customer_id"].to_list()) == sorted(shop.days["customer_id"].to_list())
    assert not mixed.days.equals(shop.days)


def test_one_feature_that_is_the_answer_in_disguise_is_refused(shop, t0, shop_last):
    table = dataset(shop, t0=t0, horizon=91, observed_until=shop_last)
    check_single(table)
    noise = np.random.default_rng(1).normal(0, 0.2, table.height)
    with pytest.raises(ModelError) as error:
        check_single(table.with_columns(pl.Series("oracle", table["y"].to_numpy() + noise)))
    assert error.value.code == "churn.too_good"
    assert error.value.values["feature"] == "oracle"


def test_the_probes_run_in_every_fit(shop, shop_last):
    entries = pl.DataFrame(
        {
            "customer_id": shop.days["customer_id"],
            "known_at": shop.days["known_n"].cast(pl.Date).cast(pl.Datetime("us")),
        }
    )

    def one_day_too_late(rows, t0):
        known = rows.filter(pl.col("known_at").dt.date() <= t0 + timedelta(days=1))
        return known.group_by("customer_id").agg(pl.len().cast(pl.Float64).alias("entries"))

    options = Options(extras={"entries": Extra(entries, one_day_too_late)})
    origins = training_origins(t0=shop_last, horizon=91, first=shop_last - timedelta(days=700))
    with pytest.raises(ModelError) as error:
        train(shop, t0=shop_last, horizon=91, origins=origins, rng=np.random.default_rng(1), options=options)
    assert error.value.code == "churn.leak"
    assert error.value.values["columns"] == ["entries"]


def test_an_extra_table_without_known_times_is_refused(shop, t0):
    snapshot = pl.DataFrame({"customer_id": ["c0001"], "grade": [1.0]})
    options = Options(extras={"grades": Extra(snapshot, lambda rows, _: rows)})
    with pytest.raises(ModelError) as error:
        check(
            lambda seen, chosen: features(seen, t0=t0, options=chosen),
            shop,
            t0=t0,
            rng=np.random.default_rng(1),
            options=options,
        )
    assert error.value.code == "churn.no_known_time"
