"""The purchase history: what is refused, with which words, and that compression loses nothing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.clv import history, horizon
from crmlib.clv.estimate import fitting
from crmlib.clv.forecast import money, posterior, predict
from crmlib.clv.models import bg_nbd, pareto_nbd
from crmlib.core.errors import ContractError, CrmError, ModelError


def table(**columns):
    base = {"x": [1, 0], "t_x": [2.0, 0.0], "T": [5.0, 5.0]}
    return pl.DataFrame(base | columns, strict=False)


@pytest.mark.parametrize(
    ("columns", "rule"),
    [
        ({"x": [1, None]}, "x is a whole number >= 0"),
        ({"x": [1.5, 0.0]}, "x is a whole number >= 0"),
        ({"x": [-1, 0]}, "x is a whole number >= 0"),
        ({"t_x": [6.0, 0.0]}, "0 <= t_x <= T"),
        ({"t_x": [float("nan"), 0.0]}, "0 <= t_x <= T"),
        ({"T": [float("inf"), 5.0]}, "T >= 0"),
        ({"t_x": [0.0, 0.0]}, "t_x > 0 exactly where x > 0"),
        ({"t_x": [2.0, 1.0]}, "t_x > 0 exactly where x > 0"),
    ],
)
def test_rows_that_are_no_history_are_refused_with_their_rule(columns, rule):
    frame = table(**columns).with_columns(customer_id=pl.Series(["13800138000", "13900139000"]))
    with pytest.raises(ModelError) as refused:
        history.read(frame)
    assert refused.value.code == "clv.broken_rows"
    assert rule in str(refused.value)
    assert "13800138000" not in str(refused.value)
    assert "13900139000" not in str(refused.value)


def test_missing_columns_and_empty_tables_are_refused():
    with pytest.raises(ContractError, match="also T"):
        history.read(pl.DataFrame({"x": [1], "t_x": [1.0]}))
    with pytest.raises(ModelError, match="at least 1 customer"):
        history.read(table().clear())


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (pl.DataFrame({"x": [0] * 20, "t_x": [0.0] * 20, "T": [5.0] * 20}), "clv.no_repeat"),
        (pl.DataFrame({"x": [1], "t_x": [1.0], "T": [5.0]}), "clv.too_few"),
    ],
)
@pytest.mark.parametrize("model", [bg_nbd, pareto_nbd])
def test_hopeless_histories_are_refused_before_any_fit(frame, code, model):
    with pytest.raises(ModelError) as refused:
        model.fit(frame)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("code", "work"),
    [
        ("clv.not_numbers", lambda h: bg_nbd.fit(h.with_columns(vip=pl.lit("yes")), purchase=["vip"])),
        ("clv.not_finite", lambda h: bg_nbd.fit(h.with_columns(vip=pl.int_range(pl.len()) * 1e6), purchase=["vip"])),
        ("clv.broken_rows", lambda h: bg_nbd.fit(h.with_columns(customers=pl.lit(1.5)))),
        ("clv.broken_rows", lambda h: bg_nbd.fit(h.with_columns(customers=pl.lit(None, pl.Int64)))),
        ("clv.prior", lambda h: bg_nbd.fit(h, prior=0.0)),
        ("frame.choice", lambda h: bg_nbd.fit(h, unit="month")),
        ("clv.horizon_length", lambda h: predict.customers(bg_nbd.fit(h), h, horizon=horizon.weeks(-5))),
        ("clv.horizon_length", lambda h: predict.customers(bg_nbd.fit(h), h, horizon=horizon.weeks(float("nan")))),
        ("clv.rate", lambda h: horizon.rate_per_unit(float("nan"), unit="week")),
        ("clv.margin", lambda h: money.money_of(h, spend=None, margin=float("nan"))),
    ],
)
def test_what_cannot_be_computed_with_is_refused_by_name(cdnow, code, work):
    with pytest.raises(CrmError) as refused:
        work(cdnow.select("x", "t_x", "T"))
    assert refused.value.code == code
    assert refused.value.mend


def test_draws_around_a_fit_at_the_edge_are_refused():
    rng = np.random.default_rng(1)
    age = rng.uniform(20, 50, 300)
    x = rng.poisson(rng.gamma(2.0, 0.2, 300) * age)
    stayed = pl.DataFrame({"x": x, "t_x": np.where(x > 0, 0.97 * age, 0.0), "T": age})  # nobody leaves
    fit = bg_nbd.fit(stayed)
    assert set(fit.certificate.boundary) == {"a", "b"}
    with pytest.raises(ModelError) as refused:
        posterior.draw(fit, stayed, rng=rng)
    assert refused.value.code == "clv.no_curvature"


def test_customers_without_any_age_are_kept_and_noted(cdnow):
    new = pl.DataFrame({"x": [0] * 50, "t_x": [0.0] * 50, "T": [0.0] * 50})
    fit = bg_nbd.fit(pl.concat([cdnow.select("x", "t_x", "T"), new]))
    assert fit.n_customers == 2357 + 50
    assert "no_age" in fit.notes
    assert fit.log_likelihood == pytest.approx(bg_nbd.fit(cdnow).log_likelihood, rel=1e-12)  # T = 0 says nothing


def test_whole_weeks_are_noted(cdnow):
    whole = cdnow.with_columns(pl.col("t_x").ceil(), pl.col("T").ceil())
    assert "whole_units" in bg_nbd.fit(whole).notes
    assert "whole_units" not in bg_nbd.fit(cdnow).notes


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 60), st.integers(0, 60)), min_size=1, max_size=40))
def test_compression_is_exact_and_finds_every_customer_again(rows):
    frame = pl.DataFrame(
        {
            "x": [x for x, _, _ in rows],
            "t_x": [t / 7 if x else 0.0 for x, t, _ in rows],
            "T": [(t + more) / 7 for _, t, more in rows],
        }
    )
    data = history.read(frame)
    assert data.n_customers == frame.height == int(data.weight.sum())
    for name in ("x", "t_x", "T"):
        assert (getattr(data, name)[data.row_of] == frame[name].to_numpy()).all()
    keys = list(zip(data.x, data.t_x, data.T, strict=True))
    assert len(set(keys)) == len(keys)
    assert keys == sorted(keys)


def test_times_that_are_no_whole_days_are_compressed_without_rounding():
    frame = pl.DataFrame({"x": [1, 1, 1], "t_x": [1.23456789, 1.23456789, 1.2345679], "T": [5.0, 5.0, 5.0]})
    data = history.read(frame)
    assert data.n_rows == 2
    assert (data.t_x[data.row_of] == frame["t_x"].to_numpy()).all()


def test_a_compressed_table_and_its_customers_give_the_same_fit(cdnow):
    data = history.read(cdnow)
    merged = pl.DataFrame({"x": data.x, "t_x": data.t_x, "T": data.T, "customers": data.weight})
    assert bg_nbd.fit(merged).params == bg_nbd.fit(cdnow).params


def test_order_of_rows_changes_no_bit_of_a_fit(cdnow):
    shuffled = cdnow.sample(fraction=1.0, shuffle=True, seed=4)
    first, second = pareto_nbd.fit(cdnow), pareto_nbd.fit(shuffled)
    assert first == second  # lifetimes' Pareto/NBD differs from run to run on the same rows
    assert first.data_hash == second.data_hash


def test_pandas_and_pyarrow_frames_are_read_alike(cdnow):
    small = cdnow.select("x", "t_x", "T").head(400)
    expected = bg_nbd.fit(small)
    assert bg_nbd.fit(small.to_pandas()) == expected
    assert bg_nbd.fit(small.to_arrow()) == expected


def test_a_sample_of_customers_keeps_their_mean(cdnow):
    data = history.read(cdnow)
    few = history.sample(data, customers=500)
    assert 500 <= few.n_customers <= 600
    assert few.weight @ few.x / few.weight.sum() == pytest.approx(data.weight @ data.x / 2357, rel=0.05)


def test_a_warm_start_ends_at_the_same_maximum(cdnow, monkeypatch):
    cold = bg_nbd.fit(cdnow)
    monkeypatch.setattr(fitting, "WARM_ROWS", 100)
    monkeypatch.setattr(fitting, "WARM_CUSTOMERS", 500)
    warm = bg_nbd.fit(cdnow)
    assert warm.certificate.converged
    # it may stop where one more step would gain 1e-7 of log-likelihood: a few millionths of a standard error
    np.testing.assert_allclose(warm.theta, cold.theta, atol=1e-6)
