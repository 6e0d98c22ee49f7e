"""Is the model right about this company's customers? Fit on the past, forecast a year that is known, compare.

The data begin at some day, and who buys in the first weeks looks new though most were customers before: every model
is therefore tried twice, on everybody and on newcomers only. The holdout judges, against each other and against what a
planner would have done without a model.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from crmlib.clv.estimate import fitting
from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.forecast import predict, total_error
from crmlib.clv.forecast.total_error import TotalError
from crmlib.clv.history import DAYS_PER_UNIT, PurchaseHistory, Unit, read
from crmlib.clv.horizon import Horizon
from crmlib.clv.judge import diagnosis
from crmlib.clv.judge.baselines import Contest, each_purchase, money, trips
from crmlib.clv.models import cnbd
from crmlib.clv.models.gamma_gamma import SpendFit
from crmlib.clv.models.gamma_gamma import fit as fit_spend
from crmlib.clv.models.registry import model_of
from crmlib.clv.numerics.arrays import Array
from crmlib.core import runs
from crmlib.core.dates import day_number, day_of
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, ids_as_text, to_polars

YEAR = 365
CANDIDATES = ("bg_nbd", "mbg_nbd", "pareto_nbd", "bg_cnbd", "mbg_cnbd")
"""Models to try; those of regular buyers take part where buying is regular (k above 1)."""
NEW = "_new"
"""Ending of the name of a fit to newcomers only."""
EARLY_DAYS = 30
"""Who first bought in so many days after the data begin may have been a customer long before: the age is unknown."""
WEAK = 2.0
"""Standard deviation of the prior of a fit that would run to an edge: a factor e² either way of the data's scale."""
TOTAL_CUSTOMERS = 50_000
"""Totals at earlier days are forecast for about so many customers: their error is the model's, not chance."""
LEAST_NEW = 0.2
"""Newcomers must be this share of the customers, or no fit to them alone is tried."""


@dataclass(frozen=True, slots=True)
class Backtest:
    """The forecast made at `cut` for the days until `end`, beside what happened.

    Parameters
    ----------
    cut, end : last days of calibration and holdout.
    chosen : the fit whose expectations came nearest to the holdout; see `choose`.
    fits : name → fit on the calibration period: each model on everybody, and ``"…_new"`` on newcomers only.
    spend : the spend model of the calibration period, or none where it could not be fitted.
    customers : per customer of the calibration period: `x`, `t_x`, `T`, `spend`, `actual`, `actual_spend`, `expected`,
        `p_buy`, `low`, `high`, `pit`.
    models : per fit, best first: `model`, `log_likelihood` and `aic` (null where not on everybody), `deviance`,
        `predicted`, `actual`, `bias`, `converged`.
    trips, money : contests of the models and baselines.
    frequency : `purchases` (0 … 7+), `actual`, `expected` customers whom the chosen fit learned from.
    by_x : `x`, `customers`, `actual`, `expected` purchases per customer in the holdout.
    weeks : `day` (last of the week), `actual`, `expected` repeat purchases of the same customers, `holdout`.
    calibration : tenths by P(buys): `p_buy`, `rate`, `low`, `high`, `customers`.
    error : how far the chosen model's totals were off at this and earlier cuts, in money where spend is known.
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
    error: TotalError

    @property
    def on_newcomers(self) -> bool:
        """Whether the chosen fit learned from newcomers only."""
        return self.chosen.endswith(NEW)

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
    days : `churn.features.visits.bought`, or `panels.customer_day`: `customer_id` (of millions an Enum, held once),
        `day_n`, `net_minor`, and, where other days are in it, `is_purchase`.
    end : last day known.
    cut : last day of the calibration; without it a year before `end` where that leaves as much to learn from, else
        the middle.
    models : names of the models to compare.
    minor : minor units per currency unit.

    Raises
    ------
    ModelError
        `clv.short_history` where there are fewer than 60 days on either side of the cut, `clv.empty_holdout` where
        nobody bought after it.
    """
    frame = to_polars(days, needs=["customer_id", "day_n", "net_minor"], name="days", texts=False)
    if "is_purchase" in frame.columns:
        frame = frame.filter(pl.col("is_purchase"))
    frame = runs.in_order(frame.filter(pl.col("day_n") <= day_number(end)))
    at = cut or default_cut(frame, end=end)
    length = (end - at).days
    history = history_at(frame, cut=at, unit=unit, minor=minor)
    fits = fit_all(history, models=models, unit=unit)
    horizon = Horizon(days=length)
    known = _with_outcome(frame, history, cut=at, minor=minor)
    spend = _spend(history)
    bare = known.select("x", "t_x", "T")
    forecasts = {name: predict.customers(f, bare, horizon=horizon)["expected"].to_numpy() for name, f in fits.items()}
    actual = known["actual"].cast(pl.Float64).to_numpy()
    if not actual.any():
        raise ModelError(
            "clv.empty_holdout", values={"customers": known.height, "cut": at.isoformat(), "end": end.isoformat()}
        )
    deviances = {name: diagnosis.deviance(f, actual) for name, f in forecasts.items()}
    best = choose(fits, deviances)
    learned, theirs = history, frame
    if best.endswith(NEW):
        learned = newcomers(history, unit=unit)
        theirs = frame.join(learned.select("customer_id"), on="customer_id", how="semi", maintain_order="left")
    forecast = predict.customers(fits[best], bare, horizon=horizon)
    customers = diagnosis.scored(fits[best], known, forecast, horizon=horizon, rng=rng)
    return Backtest(
        cut=at,
        end=end,
        chosen=best,
        fits=fits,
        spend=spend,
        customers=ids_as_text(customers),
        models=_models(fits, forecasts, deviances, actual=actual),
        trips=trips(frame, known, forecasts, cut_n=day_number(at), length=length, rng=rng),
        money=money(frame, known, forecasts, spend, cut_n=day_number(at), length=length, minor=minor, rng=rng),
        frequency=diagnosis.frequency(fits[best], learned),
        by_x=diagnosis.by_x(customers),
        weeks=diagnosis.tracking(fits[best], theirs, cut=at, end=end),
        calibration=diagnosis.calibration(customers),
        error=rolling_error(frame, model=best, cut=at, length=length, unit=unit, minor=minor),
    )


def rolling_error(days: pl.DataFrame, *, model: str, cut: date, length: int, unit: Unit, minor: int) -> TotalError:
    """The totals that `model` would have forecast at the cut and before, against what came.

    Parameters
    ----------
    days : purchase days.
    model : name of a fit, ``"…_new"`` for one to newcomers only.
    """
    people = days["customer_id"].unique().sort()
    some = people.gather_every(max(people.len() // TOTAL_CUSTOMERS, 1))
    part = days.join(some.to_frame("customer_id"), on="customer_id", how="semi")

    def forecast(at: date, end: date) -> tuple[float, float] | None:
        seen = part.filter(pl.col("day_n") <= day_number(end))
        try:
            history = history_at(seen, cut=at, unit=unit, minor=minor)
            learned = newcomers(history, unit=unit) if model.endswith(NEW) else history
            fit = steady_fit(model.removesuffix(NEW), learned, unit=unit)
            expected = predict.customers(fit, history, horizon=Horizon(days=(end - at).days))["expected"].to_numpy()
        except ModelError:
            return None
        known, each = _with_outcome(seen, history, cut=at, minor=minor), each_purchase(history, _spend(history))
        came = known["actual" if each is None else "actual_spend"].cast(pl.Float64).sum()
        return float((expected * (1.0 if each is None else each)).sum()), float(came)

    first = day_of(int(days["day_n"].to_numpy().min()))
    return total_error.measured(forecast, cuts=total_error.origins(first=first, cut=cut, length=length), length=length)


def fit_all(history: pl.DataFrame, *, models: Sequence[str], unit: Unit) -> dict[str, ModelFit[Any]]:
    """Every model fitted to everybody, and to newcomers where there are enough of them."""
    fresh = newcomers(history, unit=unit)
    groups = {"": history}
    if LEAST_NEW * history.height <= fresh.height < history.height and bool((fresh["x"] > 0).any()):
        groups[NEW] = fresh
    data = {ending: read(group, unit=unit, index=False) for ending, group in groups.items()}
    found = {name + ending: steady_fit(name, group, unit=unit) for ending, group in data.items() for name in models}
    usual = {"bg_cnbd": "bg_nbd", "mbg_cnbd": "mbg_nbd"}
    return {
        name: fit
        for name, fit in found.items()
        if cnbd.regularity(fit.model) > 1 or usual.get(name.removesuffix(NEW), "") not in models
    }


def steady_fit(model: str, history: pl.DataFrame | PurchaseHistory, *, unit: Unit) -> ModelFit[Any]:
    """A fit by maximum likelihood, or with a weak prior where that runs to an edge (nobody seems to leave)."""
    fit = _fit(model, history, unit=unit, prior=None)
    return fit if fit.certificate.converged else _fit(model, history, unit=unit, prior=WEAK)


def _fit(model: str, history: pl.DataFrame | PurchaseHistory, *, unit: Unit, prior: float | None) -> ModelFit[Any]:
    """A fit by name; a family of regular buyers chooses its own k."""
    if model in ("bg_cnbd", "mbg_cnbd"):
        return cnbd.fit(history, family=model, unit=unit, prior=prior)  # type: ignore[arg-type]
    return fitting.fit(model_of(model), history, unit=unit, prior=prior)


def steady_spend(history: AnyFrame) -> SpendFit:
    """The spend model, customers without positive spend left out, with a weak prior where it would run to an edge."""
    fit = fit_spend(history, returns="drop")
    return fit if fit.certificate.converged else fit_spend(history, returns="drop", prior=WEAK)


def newcomers(history: pl.DataFrame, *, unit: Unit) -> pl.DataFrame:
    """Those who first bought more than `EARLY_DAYS` after the first customer did."""
    age = (pl.col("T") * DAYS_PER_UNIT[unit]).round()
    return history.filter(age < age.max() - EARLY_DAYS)


def default_cut(days: pl.DataFrame, *, end: date) -> date:
    """A year before `end` where at least as much lies before it, so that the holdout has every festival once."""
    first = days["day_n"].min()
    span = day_number(end) - int(first) if isinstance(first, int) else 0
    if span < 120:
        raise ModelError("clv.short_history", values={"days": span, "end": end.isoformat()})
    return end - timedelta(days=min(YEAR, span // 2))


def history_at(days: pl.DataFrame, *, cut: date, unit: Unit, minor: int) -> pl.DataFrame:
    """x, t_x, T, log_gaps and mean spend of repeat purchase days [currency units] of purchase days up to `cut`.

    The same as `panels.purchase_history(..., first_purchase="drop")`, from purchase days that are in memory already.
    """
    per, day = DAYS_PER_UNIT[unit], pl.col("day_n")
    past = runs.in_order(days.filter(day <= day_number(cut)))
    again = pl.col("customer_id") == pl.col("customer_id").shift(1)
    gap = pl.when(again).then(day.cast(pl.Int64) - day.shift(1).cast(pl.Int64))
    rows = past.select(
        "customer_id",
        "day_n",
        number=runs.run(pl.col("customer_id")),
        repeat=pl.when(again).then("net_minor"),
        log_gap=(gap / per).log(),
    )
    by_customer = rows.group_by("number", maintain_order=True).agg(
        pl.col("customer_id").first(),
        x=(pl.len() - 1).cast(pl.Int64),
        t_x=(day.last() - day.first()) / per,
        T=(day_number(cut) - day.first()) / per,
        spend=pl.col("repeat").mean() / minor,
        log_gaps=pl.col("log_gap").sum(),
        first_day_n=day.first(),
    )
    return by_customer.drop("number")


def choose(fits: dict[str, ModelFit[Any]], deviances: dict[str, Array]) -> str:
    """The fit that came nearest to the holdout, among those that converged (all, if none did).

    Two kinds have to prove themselves: a fit to newcomers throws customers away, and BG/NBD (BG/CNBD-k too) holds
    everybody who bought only once for a customer still. Each must be better than the best of the others by more than
    the standard error of their difference over the same customers.
    """
    sound = [name for name, fit in fits.items() if fit.certificate.converged] or list(fits)
    ranked = sorted(sound, key=lambda name: (float(deviances[name].mean()), name))
    usual = [name for name in ranked if not name.endswith(NEW) and not name.startswith("bg_")]
    best, rival = ranked[0], (usual or [name for name in ranked if not name.endswith(NEW)] or ranked)[0]
    gain = deviances[rival] - deviances[best]
    return best if float(gain.mean()) > float(gain.std()) / math.sqrt(len(gain)) else rival


def learned_from(test: Backtest, history: AnyFrame) -> pl.DataFrame:
    """Those of today's customers from whom the chosen model is learned."""
    frame = to_polars(history, needs=["x", "t_x", "T"], name="purchase_history")
    return newcomers(frame, unit=test.fits[test.chosen].unit) if test.on_newcomers else frame


def refit(test: Backtest, learned: AnyFrame) -> ModelFit[Any]:
    """The model that the back-test chose, fitted to what is known now (`learned_from`)."""
    past = test.fits[test.chosen]
    return steady_fit(past.model, to_polars(learned, name="purchase_history"), unit=past.unit)


def _with_outcome(days: pl.DataFrame, history: pl.DataFrame, *, cut: date, minor: int) -> pl.DataFrame:
    later = runs.in_order(days.filter(pl.col("day_n") > day_number(cut)))
    outcome = (
        later.with_columns(number=runs.run(pl.col("customer_id")))
        .group_by("number", maintain_order=True)
        .agg(
            pl.col("customer_id").first(),
            actual=pl.len().cast(pl.Int64),
            actual_spend=pl.col("net_minor").sum() / minor,
        )
        .drop("number")
    )
    joined = history.join(outcome, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("actual").fill_null(0), pl.col("actual_spend").fill_null(0.0))


def _spend(history: pl.DataFrame) -> SpendFit | None:
    try:
        return steady_spend(history)
    except ModelError:
        return None


def _models(
    fits: dict[str, ModelFit[Any]],
    forecasts: dict[str, Array],
    deviances: dict[str, Array],
    *,
    actual: Array,
) -> pl.DataFrame:
    rows = [
        {
            "model": name,
            "log_likelihood": f.log_likelihood if f.n_customers == len(actual) else None,
            "aic": f.aic if f.n_customers == len(actual) else None,
            "deviance": float(deviances[name].mean()),
            "predicted": float(forecasts[name].sum()),
            "actual": float(actual.sum()),
            "converged": f.certificate.converged,
        }
        for name, f in fits.items()
    ]
    frame = pl.DataFrame(rows, infer_schema_length=None)
    bias = pl.when(pl.col("actual") > 0).then(pl.col("predicted") / pl.col("actual") - 1.0)
    return frame.with_columns(bias=bias).sort("deviance", "model")
