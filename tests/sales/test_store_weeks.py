from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crmlib import sales
from crmlib.core.errors import ModelError
from crmlib.sales.store_weeks import surprises, trailing_rms
from tests.sales.worlds import long, weeks


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_quiet_worlds_ring_rarely_and_planted_slumps_are_found(seed):
    """Gate: alarms .5–1.5 % on quiet store-weeks; a week of −30 % is found mostly. Full size in benchmarks."""
    rng = np.random.default_rng(seed)
    quiet = weeks(rng, stores=100, periods=156)
    found = sales.flags(long(quiet))
    assert found.own
    assert 0.005 <= found.weeks["flagged"].mean() <= 0.015
    hit = rng.random((100, 52)) < 0.02
    planted = quiet.copy()
    planted[:, 104:][hit] *= 0.7
    after = sales.flags(long(planted), critical=found.critical).weeks
    seen = after["flagged"].to_numpy().reshape(100, 52)
    assert seen[hit].mean() > 0.75
    assert (after.filter("flagged")["gap_minor"] != 0).all()


def test_a_week_that_moves_all_stores_is_nobodys_alarm():
    sales_of_all = weeks(np.random.default_rng(4), stores=60, periods=120)
    storm = sales_of_all.copy()
    storm[:, 119] *= 0.4
    calm, hit = (sales.flags(long(s)).weeks.filter(pl.col("week") == 119) for s in (sales_of_all, storm))
    assert calm["z"].to_list() == pytest.approx(hit["z"].to_list(), abs=1e-3)


def test_a_disaster_does_not_become_the_new_usual():
    rows = weeks(np.random.default_rng(5), stores=20, periods=110, noise=0.02)
    rows[0, 100] *= 0.01
    errors, _ = surprises(rows)
    assert abs(errors[0, 101]) < 0.1  # an unclipped level would have fallen by .46


def test_gaps_are_no_alarm_and_the_first_year_is_not_judged():
    table = long(weeks(np.random.default_rng(6), stores=10, periods=80))
    table = table.filter(~((pl.col("store_id") == "S003") & pl.col("week").is_between(60, 63)))
    got = sales.flags(table).weeks
    assert got["week"].min() == 52
    assert got.filter(pl.col("store_id") == "S003", pl.col("week").is_between(60, 63)).is_empty()


def test_too_few_stores_or_weeks_are_refused():
    few = long(weeks(np.random.default_rng(7), stores=4, periods=80))
    short = long(weeks(np.random.default_rng(7), stores=8, periods=52))
    for table, words in ((few, "4 stores"), (short, "52 weeks")):
        with pytest.raises(ModelError, match=words):
            sales.flags(table)


@pytest.mark.real_data
def test_frat_store_weeks_against_the_weeks_median(frat):
    """Printed: alarms 1.1 %, finds −20 % 40 %, −30 % 80 %; these are the figures of the normal critical value 2.58."""
    sums = frat.group_by("store_id", "week").agg(pl.col("net_minor").sum()).sort("week")
    wide = sums.pivot(on="week", index="store_id", values="net_minor").drop_nulls().drop("store_id").to_numpy()
    assert wide.shape == (76, 156)
    errors, _ = surprises(wide.astype(float))
    scale, last = trailing_rms(errors)[:, 104:], errors[:, 104:]
    assert np.mean(np.abs(last / scale) > 2.58) == pytest.approx(0.011, abs=0.001)
    for part, share in ((0.8, 0.40), (0.7, 0.80)):
        assert np.mean((last + np.log(part)) / scale < -2.58) == pytest.approx(share, abs=0.01)
    naive = np.abs(wide[:, 104:] / wide[:, 52:104] - 1) > 0.1  # ± 10 % on last year cries wolf every other week
    assert naive.mean() == pytest.approx(0.613, abs=0.001)
    own = sales.flags(sums)
    assert own.weeks["flagged"].mean() == pytest.approx(0.0047, abs=0.001)  # last year's critical value is 2.97 here
