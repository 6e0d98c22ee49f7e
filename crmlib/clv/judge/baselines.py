"""What a planner would do without a model: the same again. A model must beat this, or the report says it does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.clv.models.gamma_gamma import SpendFit, expected_spend
from crmlib.clv.numerics.arrays import Array
from crmlib.core.shapes import rows_of

RESAMPLES = 500
MANY, GROUPS = 50_000, 20_000
"""Above so many customers a bootstrap draws so many groups of them."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Errors of one forecast and how they compare with the baseline's, on the same customers.

    Parameters
    ----------
    name : the forecast.
    predicted, actual : totals.
    bias : (predicted − actual) / actual.
    mae, rmse : mean absolute and root mean squared error per customer, each with a bootstrap interval (low, high).
    better_mae, better_rmse : error of the baseline minus this error, with intervals: above 0 is a win; none for the
        baseline itself.
    bias_interval : bootstrap interval of the bias.
    captured : share of what was bought in the holdout by the tenth of customers ranked highest.
    """

    name: str
    predicted: float
    actual: float
    bias: float
    bias_interval: tuple[float, float]
    mae: float
    mae_interval: tuple[float, float]
    rmse: float
    rmse_interval: tuple[float, float]
    better_mae: tuple[float, float] | None
    better_rmse: tuple[float, float] | None
    captured: float


def same_again(days: pl.DataFrame, *, cut_n: int, length: int, value: str) -> pl.DataFrame:
    """What each customer did in the last `length` days up to `cut_n`: the naive forecast of the next `length`.

    Parameters
    ----------
    days : purchase days: `customer_id`, `day_n`, `net_minor`.
    value : ``"trips"`` or ``"spend_minor"``, the column to return beside `customer_id`. Where a shorter history was
        observed it is scaled up to the length.
    """
    observed = days.filter(pl.col("day_n") <= cut_n)
    first = observed["day_n"].min()
    seen = min(length, cut_n - int(first) + 1) if isinstance(first, int) else length
    amount = pl.len() if value == "trips" else pl.col("net_minor").sum()
    recent = observed.filter(pl.col("day_n") > cut_n - seen)
    return recent.group_by("customer_id").agg((amount * (length / seen)).cast(pl.Float64).alias(value))


def trips(
    days: pl.DataFrame,
    known: pl.DataFrame,
    forecasts: dict[str, Array],
    *,
    cut_n: int,
    length: int,
    rng: np.random.Generator,
) -> list[Contest]:
    """The forecasts of purchases, each (n,) (`known` has `actual`), against as many trips as before."""
    naive = same_again(days, cut_n=cut_n, length=length, value="trips")
    return contest(
        forecasts | {"last_trips": _aligned(known, naive, "trips")},
        known["actual"].cast(pl.Float64).to_numpy(),
        baseline="last_trips",
        rng=rng,
    )


def money(
    days: pl.DataFrame,
    known: pl.DataFrame,
    forecasts: dict[str, Array],
    spend: SpendFit | None,
    *,
    cut_n: int,
    length: int,
    minor: int,
    rng: np.random.Generator,
) -> list[Contest]:
    """The forecasts of spend (`known` has `actual_spend`) against last year's; none without a spend model."""
    each = each_purchase(known, spend)
    if each is None:
        return []
    naive = same_again(days, cut_n=cut_n, length=length, value="spend_minor")
    ours = {name: f * each for name, f in forecasts.items()}
    return contest(
        ours | {"last_spend": _aligned(known, naive, "spend_minor") / minor},
        known["actual_spend"].to_numpy(),
        baseline="last_spend",
        rng=rng,
    )


def each_purchase(known: pl.DataFrame, spend: SpendFit | None) -> Array | None:
    """Expected value of one purchase of each customer [money], shape (n,); none without a spend model."""
    if spend is None or spend.params.q <= 1.0:
        return None
    seen = known["spend"].fill_null(0.0).to_numpy()
    n = np.where(seen > 0, known["x"].to_numpy(), 0)
    return expected_spend(spend.params, n=n.astype(np.float64), spend=seen)


def _aligned(known: pl.DataFrame, naive: pl.DataFrame, column: str) -> Array:
    joined = known.select("customer_id").join(naive, on="customer_id", how="left", maintain_order="left")
    return joined[column].fill_null(0.0).to_numpy()


def contest(
    forecasts: dict[str, Array], actual: Array, *, baseline: str, rng: np.random.Generator, level: float = 0.9
) -> list[Contest]:
    """Compare forecasts per customer with what happened; intervals by a paired bootstrap over customers.

    Parameters
    ----------
    forecasts : name → forecast, shape (n,).
    actual : shape (n,).
    baseline : the forecast to beat.
    """
    rows_of(actual=actual, **forecasts)
    edges = [(1.0 - level) / 2.0, (1.0 + level) / 2.0]
    errors = [np.abs(f - actual) for f in forecasts.values()]
    sums = _resampled(chain([actual], forecasts.values(), errors, (e * e for e in errors)), rng=rng)
    k, total = len(forecasts), sums[:, 0]
    boot_sum = dict(zip(forecasts, sums[:, 1 : 1 + k].T, strict=True))
    boot_mae = dict(zip(forecasts, sums[:, 1 + k : 1 + 2 * k].T, strict=True))
    boot_rmse = dict(zip(forecasts, np.sqrt(sums[:, 1 + 2 * k :]).T, strict=True))
    out = []
    for (name, forecast), error in zip(forecasts.items(), errors, strict=True):
        bias = boot_sum[name] / np.where(total > 0, total, np.nan) - 1.0
        beats = name != baseline
        out.append(
            Contest(
                name=name,
                predicted=float(forecast.sum()),
                actual=float(actual.sum()),
                bias=float(forecast.sum() / actual.sum() - 1.0) if actual.sum() > 0 else float("nan"),
                bias_interval=_interval(bias, edges),
                mae=float(error.mean()),
                mae_interval=_interval(boot_mae[name], edges),
                rmse=float(np.sqrt((error**2).mean())),
                rmse_interval=_interval(boot_rmse[name], edges),
                better_mae=_interval(boot_mae[baseline] - boot_mae[name], edges) if beats else None,
                better_rmse=_interval(boot_rmse[baseline] - boot_rmse[name], edges) if beats else None,
                captured=_captured(forecast, actual),
            )
        )
    return out


def _resampled(columns: Iterable[Array], *, rng: np.random.Generator) -> Array:
    """Means of the columns, each (n,), over bootstrap samples of customers, shape (RESAMPLES, k).

    Customers are drawn with Poisson(1) weights, the same for all columns: the pairing is kept. Of more than `MANY` not
    each is drawn, but `GROUPS` groups made by chance: their sums vary as the customers do, and an interval that rests
    on so many groups is as wide but for one per cent.
    """
    it = iter(columns)
    first = next(it)
    group = rng.permutation(len(first)) % GROUPS if len(first) > MANY else None
    held = np.column_stack([_added(column, group) for column in (first, *it)])
    size = _added(np.ones(len(first)), group)
    out = np.empty((RESAMPLES, held.shape[1]))
    for i in range(RESAMPLES):
        weight = rng.poisson(1.0, len(held)).astype(np.float64)
        out[i] = weight @ held / max(float(weight @ size), 1.0)
    return out


def _added(column: Array, group: npt.NDArray[np.int64] | None) -> Array:
    """The sums of a column over groups; the column itself where each customer is one."""
    return column if group is None else np.bincount(group, weights=column, minlength=GROUPS).astype(np.float64)


def _interval(values: Array, edges: list[float]) -> tuple[float, float]:
    low, high = np.quantile(values, edges)
    return float(low), float(high)


def _captured(forecast: Array, actual: Array) -> float:
    top = np.argsort(-forecast, kind="stable")[: max(1, len(forecast) // 10)]
    return float(actual[top].sum() / actual.sum()) if actual.sum() > 0 else float("nan")
