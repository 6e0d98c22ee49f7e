"""Rhythm with dropout: simulated truth, the wholesalers of a real set, and what the law without dropout says."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy.optimize import approx_fprime, minimize

from crmlib.churn.models import overdue
from crmlib.clv.models import bg_nbd
from crmlib.core import renewal
from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.renewal import Renewal

LAW = Renewal(k=2.0, c=6.0, d=150.0, a=1.0, b=6.0, customers=1)


def world(n, *, law=LAW, seed=1, watched=700, ahead=90):
    """Orders up to `watched`, and whether the customer ordered in the `ahead` days after; and who had stopped."""
    rng = np.random.default_rng(seed)
    rows, came, stopped = [], [], []
    for i in range(n):
        rate, p, day, gone = rng.gamma(law.c, 1 / law.d), rng.beta(law.a, law.b), float(rng.uniform(0, 300)), False
        while day < watched:
            rows.append((f"c{i:05d}", day))
            gone = rng.random() < p
            day = np.inf if gone else day + rng.gamma(law.k, 1 / rate)
        came.append(day < watched + ahead)
        stopped.append(gone)
    orders = pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row")
    return orders, np.array(came), np.array(stopped)


def test_the_law_is_recovered_and_its_probabilities_come_true():
    orders, came, stopped = world(2000)
    table = renewal.gaps(orders, today=700)
    fit = renewal.fit(table)
    assert fit.k == pytest.approx(LAW.k, rel=0.12)
    assert fit.a / (fit.a + fit.b) == pytest.approx(1 / 7, rel=0.2)
    said = fit.predict(table, ahead=90)
    assert said["p_order"].mean() == pytest.approx(came.mean(), abs=0.02)
    assert 1 - said["alive"].mean() == pytest.approx(stopped.mean(), abs=0.03)
    sure = (said["p_order"] > 0.7).to_numpy()
    assert came[sure].mean() == pytest.approx(said["p_order"].to_numpy()[sure].mean(), abs=0.04)


def test_without_dropout_the_silent_are_promised_to_come_back():
    orders, came, _ = world(2000, seed=2)
    table = renewal.gaps(orders, today=700)
    fit = renewal.fit(table)
    said = fit.predict(table, ahead=90)
    silent = (said["lateness"] > 0.95).to_numpy()
    never_stops = Renewal(fit.k, fit.c, fit.d, 1e-9, 1.0, 0).predict(table, ahead=90)["p_order"].to_numpy()
    assert never_stops[silent].mean() > came[silent].mean() + 0.2
    assert said["p_order"].to_numpy()[silent].mean() == pytest.approx(came[silent].mean(), abs=0.05)


def test_the_gradient_is_the_slope_of_the_likelihood():
    table = renewal.gaps(world(200)[0], today=700)
    cols = [table[c].to_numpy().astype(float) for c in ("n", "s", "log_gap_sum", "r")]
    theta, weight = np.log([1.5, 3.0, 90.0, 0.8, 4.0]), np.full(table.height, 1 / table.height)
    loss, slope = renewal._loss(theta, *cols, weight)  # type: ignore[call-arg]
    named = dict(zip(("n", "s", "log_gap_sum", "r"), cols, strict=True))
    assert loss == pytest.approx(-renewal.log_likelihood(theta, **named).mean(), abs=1e-12)
    other = approx_fprime(theta, lambda th: renewal._loss(th, *cols, weight)[0], 1e-7)  # type: ignore[call-arg]
    assert slope == pytest.approx(other, abs=1e-5)


def test_the_date_by_which_one_in_ten_came_is_the_law_turned_round():
    n, s, r = np.array([4.0, 10.0, 3.0]), np.array([100.0, 200.0, 60.0]), np.array([5.0, 30.0, 400.0])
    days = renewal.order_quantile(LAW, n=n, s=s, r=r, q=0.1)
    said = renewal.order_within(LAW, n=n, s=s, r=r, ahead=days)
    known = ~np.isnan(days)
    assert said[known] == pytest.approx(0.1, abs=1e-9)
    assert (renewal.alive(LAW, n=n, s=s, r=r) > 0.1).tolist() == known.tolist()


def test_too_few_rhythms_are_refused():
    with pytest.raises(ModelError) as error:
        renewal.fit(renewal.gaps(world(20)[0], today=700))
    assert error.value.code == "cases.no_rhythm"


@pytest.fixture(scope="module")
def trips(real_data):
    raw = pl.scan_parquet(real_data / "online_retail" / "online_retail_II_combined.parquet")
    known = pl.col("CustomerID").is_not_null() & (pl.col("Quantity") > 0) & (pl.col("Price") > 0)
    day = pl.col("InvoiceDate").dt.date().cast(pl.Int32)
    return raw.filter(known).select(customer_id="CustomerID", day_n=day).unique().collect().sort("customer_id", "day_n")


@pytest.mark.real_data
def test_wholesalers_next_order_with_dropout(trips):
    today = day_number(date(2011, 6, 30))
    table = renewal.gaps(trips, today=today)
    fit = renewal.fit(table)
    assert table.height == 5041
    for value, told, within in zip(
        (fit.k, fit.c, fit.d, fit.a, fit.b),
        (1.554, 0.832, 42.4, 0.308, 3.06),
        (2e-3, 2e-3, 0.1, 2e-3, 1e-2),
        strict=True,
    ):
        assert value == pytest.approx(told, abs=within)
    said = fit.predict(table, ahead=90).filter(pl.col("n") >= 3)
    came = said["customer_id"].is_in(
        trips.filter(pl.col("day_n").is_between(today + 1, today + 90))["customer_id"].implode()
    )
    y, p = came.to_numpy().astype(float), said["p_order"].to_numpy()
    assert (said.height, p.mean(), y.mean()) == (1967, pytest.approx(0.606, abs=2e-3), pytest.approx(0.580, abs=5e-4))
    assert ((p - y) ** 2).mean() == pytest.approx(0.1873, abs=2e-3)


@pytest.mark.real_data
def test_last_order_plus_mean_gap_is_past_for_almost_half(trips):
    today = day_number(date(2011, 6, 30))
    table = renewal.gaps(trips, today=today).filter(pl.col("n") >= 3)
    past = (table["r"] > table["s"] / table["n"]).mean()
    assert past == pytest.approx(0.44, abs=0.01)


@pytest.mark.real_data
def test_the_band_of_last_order_plus_mean_gap_and_an_own_poisson_rate_fail(trips):
    """Mean gap ± 1.28 standard deviations should hold 80 % and holds 42 %; a Poisson rate of the gaps says .77."""
    today = day_number(date(2011, 6, 30))
    gap = pl.col("day_n").diff()
    own = trips.filter(pl.col("day_n") <= today).group_by("customer_id", maintain_order=True).agg(
        middle=pl.col("day_n").last() + gap.mean(), spread=1.2816 * gap.std(), n=pl.len()
    )  # fmt: skip
    coming = trips.filter(pl.col("day_n") > today).group_by("customer_id").agg(came=pl.col("day_n").min())
    both = own.filter(pl.col("n") >= 4).join(coming, on="customer_id", how="left")
    inside = ((pl.col("came") - pl.col("middle")).abs() <= pl.col("spread")).fill_null(value=False)
    assert both.select(inside.mean()).item() == pytest.approx(0.42, abs=0.005)
    table = renewal.gaps(trips, today=today).filter(pl.col("n") >= 3)
    came = trips.filter(pl.col("day_n").is_between(today + 1, today + 90))["customer_id"].implode()
    y, p = table["customer_id"].is_in(came).to_numpy(), 1 - np.exp(-90 * (table["n"] / table["s"]).to_numpy())
    assert ((p - y) ** 2).mean() == pytest.approx(0.267, abs=1e-3), "against .187 of the law with dropout"


@pytest.mark.real_data
def test_a_rhythm_of_ones_own_does_not_beat_a_purchase_model_that_knows_stopping(trips):
    """Dropout is what helps, not regularity: BG/NBD, whose gaps are exponential, errs .186 where the rhythm errs .187.

    The naive reading, that a shape k of 1.55 must make the better forecast, would put the rhythm below BG/NBD.
    """
    today = day_number(date(2011, 6, 30))
    table = renewal.gaps(trips, today=today).with_columns(x="n", t_x="s", T=pl.col("s") + pl.col("r"))
    params = bg_nbd.fit(table).params
    known = table.filter(pl.col("n") >= 3)
    x, t_x, T = (known[c].to_numpy().astype(float) for c in ("x", "t_x", "T"))
    none = ((params.alpha + T) / (params.alpha + T + 90)) ** (params.r + x)
    p = bg_nbd.p_alive(params, x=x, t_x=t_x, T=T) * (1 - none)
    came = trips.filter(pl.col("day_n").is_between(today + 1, today + 90))["customer_id"].implode()
    y = known["customer_id"].is_in(came).to_numpy().astype(float)
    purchase = float(((p - y) ** 2).mean())
    rhythm = renewal.fit(table).predict(known, ahead=90)["p_order"].to_numpy()
    assert purchase == pytest.approx(0.186, abs=2e-3)
    assert 0 < float(((rhythm - y) ** 2).mean()) - purchase < 4e-3


@pytest.mark.real_data
def test_without_dropout_silent_wholesalers_are_promised_back_at_every_origin(trips):
    """At 30 June 2011 the law without dropout says 72 % of 271 silent ones come in 90 days; 24 % did."""
    better = []
    for day in (date(2010, 12, 31), date(2011, 3, 31), date(2011, 6, 30), date(2011, 9, 9)):
        today = day_number(day)
        table = renewal.gaps(trips, today=today)
        since = trips.filter(pl.col("day_n").is_between(today + 1, today + 90))["customer_id"].implode()
        law = renewal.fit(table)
        cols = {c: table[c].to_numpy().astype(float) for c in ("n", "s", "log_gap_sum", "r")}
        repeat = cols["n"] > 0

        def loss(theta, cols=cols, repeat=repeat):
            never = np.array([*theta, -20.0, 0.0])
            kept = {name: v[repeat] for name, v in cols.items()}
            return -renewal.log_likelihood(never, **kept).mean()

        best = minimize(loss, np.log([law.k, law.c, law.d]), method="L-BFGS-B")
        k, c, d = np.exp(best.x)
        without = Renewal(k, c, d, 1e-9, 1.0, 0)
        known = table.filter(pl.col("n") >= 3)
        y = known["customer_id"].is_in(since).to_numpy().astype(float)
        said, naive = (each.predict(known, ahead=90) for each in (law, without))
        brier = [float(((each["p_order"].to_numpy() - y) ** 2).mean()) for each in (said, naive)]
        better.append(brier[0] < brier[1])
        if day == date(2011, 6, 30):
            silent = (naive["lateness"] > 0.95).to_numpy()
            assert silent.sum() == pytest.approx(271, abs=15)
            assert naive["p_order"].to_numpy()[silent].mean() == pytest.approx(0.72, abs=0.03)
            assert y[silent].mean() == pytest.approx(0.24, abs=0.02)
            assert brier == [pytest.approx(0.187, abs=2e-3), pytest.approx(0.229, abs=4e-3)]
    assert all(better)


@pytest.mark.parametrize("silence", [1, 20, 40, 80, 200])
def test_late_means_the_same_to_churn_to_the_order_cycle_and_to_the_core(silence):
    """One law, one threshold: churn's overdue and silent are exactly the order cycle's late, unless stopped."""
    law = renewal.Renewal(1.6, 2.0, 40.0, 0.3, 3.0, 100)
    table = pl.DataFrame({"customer_id": list("abc"), "n": [1, 4, 9], "s": [30, 90, 300], "r": [silence] * 3})
    said = law.predict(table, ahead=30)
    seen = table.select("customer_id", recency="r", age=pl.col("s") + pl.col("r"), trips=pl.col("n") + 1)
    fit = overdue.RenewalFit(law.k, law.c, law.d, 100, law.a, law.b)
    told = fit.overdue(seen)
    assert told["overdue"].to_list() == pytest.approx(said["lateness"].to_list(), abs=1e-12)
    assert told["usual_gap"].to_list() == pytest.approx(said["usual_gap"].to_list(), abs=1e-9)
    late = told["state"].is_in(["overdue", "silent"])
    assert late.to_list() == (said["lateness"] >= renewal.LATE).to_list()
    alive = said["alive"] >= renewal.STOPPED
    assert (late & alive).to_list() == (said["state"] == "late").to_list()
