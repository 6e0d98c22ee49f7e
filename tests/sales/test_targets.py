from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import targets
from crmlib.sales.crosstable import fit, rounded
from tests.sales.worlds import chain

MILLION = 100_000_000


def test_a_year_is_split_to_the_month_without_a_rest_and_the_festival_takes_its_target_along():
    days = chain(np.random.default_rng(1), stores=6, first=date(2024, 12, 1), days=400)
    days = days.with_columns(region="r" + (pl.col("store_id").str.slice(3) > "2").cast(pl.Int8).cast(pl.String))
    weights = targets.weights(days, year=2026, by=["region", "store_id"])
    got = targets.split(MILLION, weights, levels=["region", "store_id", "month"], step_minor=10_000)
    assert got["amount_minor"].sum() == MILLION
    assert (got["amount_minor"] % 10_000 == 0).all()
    by_month = dict(got.group_by("month").agg(pl.col("amount_minor").sum()).iter_rows())
    last_january = days.filter(pl.col("day").dt.strftime("%Y-%m") == "2025-01")["net_minor"].sum()
    last_february = days.filter(pl.col("day").dt.strftime("%Y-%m") == "2025-02")["net_minor"].sum()
    assert last_january > last_february  # last year's dates would ask for most in January
    assert by_month[date(2026, 2, 1)] > by_month[date(2026, 1, 1)]


def test_plain_rounding_of_120_parts_mostly_misses_the_total():
    rng = np.random.default_rng(2)
    missed = exact = 0
    for _ in range(200):
        weight = rng.lognormal(10, 1, 120).astype(np.int64)
        total = 1_234_567
        missed += int(np.rint(weight / weight.sum() * total).sum() != total)
        rows = pl.DataFrame({"store_id": range(120), "weight": weight})
        exact += int(targets.split(total, rows, levels=["store_id"])["amount_minor"].sum() == total)
    assert exact == 200
    assert missed > 150  # measured 86.5 %


@given(st.integers(2, 9), st.integers(2, 12), st.integers(0, 10**6))
def test_cells_are_floors_or_ceilings_and_rows_and_columns_hold(r, c, seed):
    rng = np.random.default_rng(seed)
    weights = rng.lognormal(0, 1, (r, c)) * (rng.random((r, c)) < 0.9) + 1e-3
    rows, columns = (rng.multinomial(r * c * 7, np.ones(n) / n).astype(np.int64) for n in (r, c))
    cells = fit(weights, rows=rows, columns=columns)
    whole = rounded(cells, rows=rows, columns=columns)
    assert (whole.sum(axis=1) == rows).all() and (whole.sum(axis=0) == columns).all()
    assert (np.abs(whole - cells) < 1 + 1e-6).all() and (whole >= 0).all()


def test_rounding_by_rows_alone_breaks_the_months():
    rng = np.random.default_rng(3)
    weights = rng.lognormal(0, 0.7, (120, 12))
    step = 1_000_000  # ten thousand yuan
    units = pl.DataFrame(
        {"unit_id": [f"S{i:03d}" for i in range(120)], "amount_minor": rng.multinomial(9000, np.ones(120) / 120) * step}
    )
    months = pl.DataFrame({"month": range(1, 13), "amount_minor": rng.multinomial(9000, np.ones(12) / 12) * step})
    shape = pl.DataFrame(
        {
            "unit_id": np.repeat(units["unit_id"].to_numpy(), 12),
            "month": list(range(1, 13)) * 120,
            "weight": weights.ravel(),
        }
    )
    got = targets.table(shape, unit_totals=units, month_totals=months, step_minor=step)
    for key, given_totals in (("unit_id", units), ("month", months)):
        sums = got.group_by(key).agg(pl.col("amount_minor").sum()).sort(key)
        assert sums["amount_minor"].to_list() == given_totals["amount_minor"].to_list()
    exact = fit(
        weights, rows=units["amount_minor"].to_numpy() // step, columns=months["amount_minor"].to_numpy() // step
    )
    by_rows = np.floor(exact)
    for i, lack in enumerate((units["amount_minor"].to_numpy() // step - by_rows.sum(axis=1)).astype(int)):
        by_rows[i, np.argsort(-(exact[i] - by_rows[i]))[:lack]] += 1
    assert (by_rows.sum(axis=0) != months["amount_minor"].to_numpy() // step).sum() >= 8  # the naive way


def test_totals_that_disagree_and_cells_that_cannot_hold_them_are_refused():
    with pytest.raises(ModelError, match="rows that sum to 3 and columns that sum to 4"):
        fit(np.ones((1, 2)), rows=np.array([3]), columns=np.array([2, 2]))
    with pytest.raises(ModelError, match="cannot be reached"):
        fit(np.array([[0.0, 0.0], [1.0, 1.0]]), rows=np.array([2, 2]), columns=np.array([2, 2]))
    with pytest.raises(ModelError, match="multiple of the step"):
        targets.split(105, pl.DataFrame({"store_id": ["a"], "weight": [1]}), levels=["store_id"], step_minor=10)
    with pytest.raises(ModelError, match="all 0"):
        targets.split(100, pl.DataFrame({"store_id": ["a"], "weight": [0]}), levels=["store_id"])


def rows(*changes):
    base = {
        "target_id": "T", "level": "store", "unit_id": "S1", "month": date(2026, 3, 1), "measure": "net", "year": 2026,
        "amount_minor": 100, "version": 1, "valid_from": date(2026, 1, 1), "valid_to": None,
    }  # fmt: skip
    return pl.DataFrame([{**base, **change} for change in changes], schema_overrides={"valid_to": pl.Date})


def test_achievement_is_against_the_version_in_force_on_the_day():
    changed = rows({"valid_to": date(2026, 3, 14)}, {"version": 2, "amount_minor": 50, "valid_from": date(2026, 3, 15)})
    actual = pl.DataFrame({"unit_id": ["S1"], "month": [date(2026, 3, 1)], "amount_minor": [60]})
    before, after = (targets.achieved(changed, actual, on=date(2026, 3, d)) for d in (14, 15))
    assert (before["share"].item(), after["share"].item()) == (0.6, 1.2)
    silent = targets.achieved(changed, actual.clear(), on=date(2026, 3, 14))
    assert silent["share"].item() is None  # no data is not 0 %


def test_two_versions_for_one_day_are_refused():
    with pytest.raises(ModelError, match="two versions in force"):
        targets.in_force(rows({}, {"version": 2}), on=date(2026, 3, 1))


def test_children_that_do_not_sum_to_their_parent_are_told_with_the_gap():
    held = rows(
        {"level": "company", "unit_id": None, "amount_minor": 300},
        {"level": "region", "unit_id": "N", "amount_minor": 300},
        {"amount_minor": 100},
        {"unit_id": "S2", "amount_minor": 190},
    )
    tree = pl.DataFrame({"unit_id": ["N", "S1", "S2"], "parent_id": [None, "N", "N"]})
    got = targets.unbalanced(held, tree)
    assert got.select("parent_id", "gap_minor").rows() == [("N", -10)]
