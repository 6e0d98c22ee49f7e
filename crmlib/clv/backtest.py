"""Is the model right about this company's customers? Fit on the past, forecast a year that is known, compare.

Everything a reader needs to judge a forecast, as tidy frames: how often customers buy, what happens to those who
bought x times, week by week, error against what a planner would have done, calibration, and predictive coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from crmlib.clv import fitting, predict
from crmlib.clv.arrays import Array
from crmlib.clv.baselines import Contest, contest, same_again
from crmlib.clv.gamma_gamma import SpendFit, expected_spend
from crmlib.clv.gamma_gamma import fit as fit_spend
from crmlib.clv.history import Unit
from crmlib.clv.horizon import Horizon
from crmlib.clv.intervals import predictive_counts
from crmlib.clv.registry import model_of
from crmlib.clv.result import ModelFit
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

EPOCH = date(1970, 1, 1)
YEAR = 365
SEVEN_UP = 7
CANDIDATES = ("bg_nbd", "mbg_nbd", "pareto_nbd")


@dataclass(frozen=True, slots=True)
class Backtest:
    """The forecast made at `cut` for the days until `end`, beside what happened.

    Parameters
    ----------
    cut, end : last days of calibration and holdout.
    chosen : the model with the lowest AIC among those whose fit converged (all, if none did).
    fits : model name → fit on the calibration period.
    spend : the spend model of the calibration period, or none where it could not be fitted.
    customers : per customer of the calibration period: `x`, `t_x`, `T`, `spend`, `actual`, `actual_spend`, `expected`,
        `p_buy`, `low`, `high`, `pit`.
    models : per model: `model`, `log_likelihood`, `aic`, `predicted`, `actual`, `bias`, `converged`.
    trips, money : contests of the models and baselines.
    frequency : `purchases` (0 … 7+), `actual`, `expected` customers in the calibration period.
    by_x : `x`, `customers`, `actual`, `expected` purchases per customer in the holdout.
    weeks : `day` (last of the week), `actual`, `expected` repeat purchases, `holdout`.
    calibration : tenths by P(buys): `p_buy`, `rate`, `low`, `high`, `customers`.
    """

    cut: date
    end: date
    chosen: str
    fits: dict[str, ModelFit[Any]]
    spend: SpendFit | None
    customers: pl.DataFrame
    models: pl.DataFrame
    trips: list[Contest]
    money: list[Contest]
    frequency: pl.DataFrame
    by_x: pl.DataFrame
    weeks: pl.DataFrame
    calibration: pl.DataFrame

    @property
    def coverage(self) -> float:
        """Share of customers whose purchases lay within their 90 % predictive interval."""
        inside = pl.col("actual").is_between(pl.col("low"), pl.col("high"))
        return float(self.customers.select(inside.mean()).item())


def run(
    days: AnyFrame,
    *,
    end: date,
    rng: np.random.Generator,
    cut: date | None = None,
    models: Sequence[str] = CANDIDATES,
    unit: Unit = "week",
    minor: int = 100,
) -> Backtest:
    """Back-test on customer-days.

    Parameters
    ----------
    days : `panels.customer_day`: `customer_id`, `day_n`, `is_purchase`, `net_minor`.
    end : last day known.
    cut : last day of the calibration; without it a year before `end` where that leaves as much to learn from, else
        the middle.
    models : names of the models to compare.
    minor : minor units per currency unit.

    Raises
    ------
    ModelError
        `clv.short_history` where there are fewer than 60 days on either side of the cut.
    """
    frame = to_polars(days, needs=["customer_id", "day_n", "net_minor"], name="days")
    if "is_purchase" in frame.columns:
        frame = frame.filter(pl.col("is_purchase"))
    frame = frame.filter(pl.col("day_n") <= _n(end))
    at = cut or default_cut(frame, end=end)
    length = (end - at).days
    history = history_at(frame, cut=at, unit=unit, minor=minor)
    fits = {name: fitting.fit(model_of(name), history, unit=unit) for name in models}
    chosen = choose(fits)
    horizon = Horizon(days=length)
    known = _with_outcome(frame, history, cut=at, minor=minor)
    spend = _spend(history)
    forecasts = {name: predict.customers(f, known, horizon=horizon) for name, f in fits.items()}
    scored = _scored(fits[chosen], known, forecasts[chosen], horizon=horizon, rng=rng)
    trips = _trips(frame, known, forecasts, cut_n=_n(at), length=length, rng=rng)
    money = _money(frame, known, forecasts, spend, cut_n=_n(at), length=length, minor=minor, rng=rng)
    return Backtest(
        cut=at,
        end=end,
        chosen=chosen,
        fits=fits,
        spend=spend,
        customers=scored,
        models=_models(fits, forecasts, scored),
        trips=trips,
        money=money,
        frequency=frequency(fits[chosen], history),
        by_x=_by_x(scored),
        weeks=tracking(fits[chosen], frame, cut=at, end=end),
        calibration=_calibration(scored),
    )


def default_cut(days: pl.DataFrame, *, end: date) -> date:
    """A year before `end` where at least as much lies before it, so that the holdout has every festival once."""
    first = days["day_n"].min()
    span = _n(end) - int(first) if isinstance(first, int) else 0
    if span < 120:
        raise ModelError(
            "clv.short_history",
            given=f"{span} days of purchases up to {end}",
            expected="at least 120 days: 60 to learn from and 60 to test on",
            mend="import earlier receipts",
            values={"days": span, "end": end.isoformat()},
        )
    return end - timedelta(days=min(YEAR, span // 2))


def history_at(days: pl.DataFrame, *, cut: date, unit: Unit, minor: int) -> pl.DataFrame:
    """x, t_x, T and mean spend of repeat purchase days [currency units] of purchase days up to `cut`.

    The same as `panels.purchase_history(..., first_purchase="drop")`, from purchase days that are in memory already.
    """
    per = 7 if unit == "week" else 1
    past = days.filter(pl.col("day_n") <= _n(cut)).with_columns(first=pl.col("day_n").min().over("customer_id"))
    repeat = pl.col("net_minor").filter(pl.col("day_n") > pl.col("first"))
    return (
        past.group_by("customer_id")
        .agg(
            x=(pl.len() - 1).cast(pl.Int64),
            t_x=(pl.col("day_n").max() - pl.col("first").first()) / per,
            T=(_n(cut) - pl.col("first").first()) / per,
            spend=repeat.mean() / minor,
            first_day_n=pl.col("first").first(),
        )
        .sort("customer_id")
    )


def choose(fits: dict[str, ModelFit[Any]]) -> str:
    """The model with the lowest AIC among those that converged; all count if none did."""
    sound = {name: f for name, f in fits.items() if f.certificate.converged} or fits
    return min(sound, key=lambda name: (sound[name].aic, name))


def refit(test: Backtest, history: AnyFrame) -> ModelFit[Any]:
    """The model that the back-test chose, fitted to everything known now."""
    return fitting.fit(model_of(test.chosen), history, unit=test.fits[test.chosen].unit)


def frequency(fit: ModelFit[Any], history: pl.DataFrame) -> pl.DataFrame:
    """Customers by number of repeat purchases, and how many the model expects, given each one's age."""
    ages = history.group_by("T").len().sort("T")
    expected = np.zeros(SEVEN_UP + 1)
    future = predict.fresh(fit)
    for age, count in ages.iter_rows():
        above = np.concatenate([[1.0], future.exceed(age, most=SEVEN_UP - 1)[:, 0] if age > 0 else np.zeros(SEVEN_UP)])
        expected += count * np.append(above[:-1] - above[1:], above[-1])
    actual = np.bincount(history["x"].clip(upper_bound=SEVEN_UP).to_numpy(), minlength=SEVEN_UP + 1)
    return pl.DataFrame({"purchases": range(SEVEN_UP + 1), "actual": actual, "expected": expected})


def tracking(fit: ModelFit[Any], days: pl.DataFrame, *, cut: date, end: date) -> pl.DataFrame:
    """Repeat purchases per week of everybody who came by `cut`, and what the model expects of them."""
    per = 7.0 if fit.unit == "week" else 1.0
    first = days.group_by("customer_id").agg(first=pl.col("day_n").min()).filter(pl.col("first") <= _n(cut))
    starts = first.group_by("first").len().sort("first")
    begin = int(starts["first"][0])
    ends = list(range(begin + 6, _n(end) + 1, 7))
    ages = sorted({max(e - s, 0) for e in ends for s in starts["first"].to_list()})
    future = predict.fresh(fit)
    mean_at = {age: float(future.mean(age / per)[0]) if age else 0.0 for age in ages}
    counts = starts["len"].to_list()
    totals = [sum(n * mean_at[max(e - s, 0)] for s, n in zip(starts["first"], counts, strict=True)) for e in ends]
    repeat = days.join(first, on="customer_id").filter(pl.col("day_n") > pl.col("first"))
    week = ((repeat["day_n"] - begin) // 7).to_numpy()
    actual = np.bincount(week, minlength=len(ends))[: len(ends)]
    return pl.DataFrame(
        {
            "day": [EPOCH + timedelta(days=e) for e in ends],
            "actual": actual,
            "expected": np.diff([0.0, *totals]),
            "holdout": [e > _n(cut) for e in ends],
        }
    )


def _with_outcome(days: pl.DataFrame, history: pl.DataFrame, *, cut: date, minor: int) -> pl.DataFrame:
    later = days.filter(pl.col("day_n") > _n(cut)).group_by("customer_id")
    outcome = later.agg(actual=pl.len().cast(pl.Int64), actual_spend=pl.col("net_minor").sum() / minor)
    joined = history.join(outcome, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("actual").fill_null(0), pl.col("actual_spend").fill_null(0.0))


def _spend(history: pl.DataFrame) -> SpendFit | None:
    try:
        return fit_spend(history, returns="drop")
    except ModelError:
        return None


def _scored(
    fit: ModelFit[Any], known: pl.DataFrame, forecast: pl.DataFrame, *, horizon: Horizon, rng: np.random.Generator
) -> pl.DataFrame:
    data = predict.read_for(fit, known)
    t = horizon.units(fit.unit)
    low, high = predictive_counts(fit, data, t=t, edges=(0.05, 0.95))
    most = int(known["actual"].to_numpy().max())
    return known.with_columns(
        expected=forecast["expected"],
        p_buy=1.0 - forecast["p_none"],
        low=pl.Series(low[data.row_of]),
        high=pl.Series(high[data.row_of]),
        pit=pl.Series(_pit(fit, known, t=t, most=most, rng=rng)),
    )


def _pit(fit: ModelFit[Any], known: pl.DataFrame, *, t: float, most: int, rng: np.random.Generator) -> Array:
    """Randomised probability integral transform: uniform on 0 … 1 if the predictive distribution is right."""
    data = predict.read_for(fit, known)
    actual = known["actual"].to_numpy()
    rows = data.row_of
    capped = min(most, 400)
    exceed = predict.exceedances(fit, data, t=t, most=capped)
    y = np.minimum(actual, capped)
    out_high = 1.0 - exceed[y, rows]
    out_low = np.where(y > 0, 1.0 - exceed[np.maximum(y - 1, 0), rows], 0.0)
    return np.asarray(out_low + rng.random(len(y)) * (out_high - out_low))


def _trips(
    days: pl.DataFrame,
    known: pl.DataFrame,
    forecasts: dict[str, pl.DataFrame],
    *,
    cut_n: int,
    length: int,
    rng: np.random.Generator,
) -> list[Contest]:
    naive = same_again(days, cut_n=cut_n, length=length, value="trips")
    ours = {name: f["expected"].to_numpy() for name, f in forecasts.items()}
    return contest(
        ours | {"last_trips": _aligned(known, naive, "trips")},
        known["actual"].cast(pl.Float64).to_numpy(),
        baseline="last_trips",
        rng=rng,
    )


def _money(
    days: pl.DataFrame,
    known: pl.DataFrame,
    forecasts: dict[str, pl.DataFrame],
    spend: SpendFit | None,
    *,
    cut_n: int,
    length: int,
    minor: int,
    rng: np.random.Generator,
) -> list[Contest]:
    if spend is None or spend.params.q <= 1.0:
        return []
    seen = known["spend"].fill_null(0.0).to_numpy()
    n = np.where(seen > 0, known["x"].to_numpy(), 0)
    each = expected_spend(spend.params, n=n.astype(np.float64), spend=seen)
    naive = same_again(days, cut_n=cut_n, length=length, value="spend_minor")
    ours = {name: f["expected"].to_numpy() * each for name, f in forecasts.items()}
    return contest(
        ours | {"last_spend": _aligned(known, naive, "spend_minor") / minor},
        known["actual_spend"].to_numpy(),
        baseline="last_spend",
        rng=rng,
    )


def _aligned(known: pl.DataFrame, naive: pl.DataFrame, column: str) -> Array:
    joined = known.select("customer_id").join(naive, on="customer_id", how="left", maintain_order="left")
    return joined[column].fill_null(0.0).to_numpy()


def _models(fits: dict[str, ModelFit[Any]], forecasts: dict[str, pl.DataFrame], known: pl.DataFrame) -> pl.DataFrame:
    actual = float(known["actual"].cast(pl.Float64).to_numpy().sum())
    rows = [
        {
            "model": name,
            "log_likelihood": f.log_likelihood,
            "aic": f.aic,
            "predicted": float(forecasts[name]["expected"].to_numpy().sum()),
            "actual": actual,
            "converged": f.certificate.converged,
        }
        for name, f in fits.items()
    ]
    frame = pl.DataFrame(rows)
    return frame.with_columns(bias=pl.col("predicted") / pl.col("actual") - 1.0).sort("aic", "model")


def _by_x(scored: pl.DataFrame) -> pl.DataFrame:
    capped = pl.col("x").clip(upper_bound=SEVEN_UP).alias("x")
    grouped = scored.group_by(capped).agg(
        pl.len().alias("customers"), pl.col("actual").mean(), pl.col("expected").mean()
    )
    return grouped.sort("x")


def _calibration(scored: pl.DataFrame, *, parts: int = 10) -> pl.DataFrame:
    """Tenths of customers by P(buys), and the share of them who did, with a Wilson 90 % interval."""
    ordered = scored.select("p_buy", bought=pl.col("actual") > 0).sort("p_buy").with_row_index("i")
    part = (pl.col("i") * parts // pl.len()).alias("part")
    table = ordered.group_by(part).agg(pl.col("p_buy").mean(), pl.col("bought").mean().alias("rate"), pl.len())
    z, n, rate = 1.645, pl.col("len"), pl.col("rate")
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * (rate * (1 - rate) / n + z * z / (4 * n * n)).sqrt()
    return table.sort("part").select(
        "p_buy", "rate", low=middle - half, high=middle + half, customers=pl.col("len").cast(pl.Int64)
    )


def _n(day: date) -> int:
    return (day - EPOCH).days
