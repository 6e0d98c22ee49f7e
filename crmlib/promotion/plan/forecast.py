"""Before the event: units, revenue, margin and the stock it needs, with an interval from past forecast errors.

Units = base × (1 + response). The base is `baseline`'s: level of the last weeks × season. The response of a mechanic
and depth is that of past events, each mechanic's deviation shrunk to the line through all of them. The interval is how
far the same forecast would have missed each past event: its base made before it, its response learnt from the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Floats

MIN_EVENTS = 5
"""Past events a forecast needs; fewer give no interval, so no forecast."""
SHRINK = 3.0
"""Events of the same mechanic that weigh as much as the line through all events."""
NEEDS = ("event_id", "mechanic", "depth_bp", "lift", "base_milli")
FORECAST = "forecast_milli"
FIXED = ("gift_minor", "display_minor", "labour_minor", "media_minor", "other_minor")
"""Money of a whole event, whatever it sells."""
SCENARIO = ("days", "products", "stores")


@dataclass(frozen=True, slots=True)
class Response:
    """log(1 + lift) = level + mechanic's own deviation (shrunk) + slope · (depth − mechanic's usual depth).

    Depths of different mechanics are different things (a gift has none, the second piece at half price has 50 %), so
    the slope is learnt within mechanics only.

    deviations : mechanic → deviation. usual : mechanic → mean depth [share]. ranges : mechanic → lowest and highest
        depth seen [basis points]. errors : log(actual / forecast) of every past event, left out in turn.
    without_season : mean size of the errors had the base no season, of the same events; None without forecast bases.
    lowest, highest : depths seen with any mechanic [basis points].
    """

    level: float
    slope: float
    deviations: dict[str, float]
    errors: tuple[float, ...]
    lowest: int
    highest: int
    without_season: float | None = None
    usual: dict[str, float] = field(default_factory=dict)
    ranges: dict[str, tuple[int, int]] = field(default_factory=dict)

    def log_lift(self, mechanic: str, depth_bp: float) -> float:
        """Expected log(1 + lift)."""
        beside = depth_bp / 10_000 - self.usual.get(mechanic, depth_bp / 10_000)
        return self.level + self.slope * beside + self.deviations.get(mechanic, 0.0)

    def extrapolates(self, mechanic: str, depth_bp: float) -> bool:
        """Whether no past event of this mechanic was as shallow, or as deep."""
        low, high = self.ranges.get(mechanic, (1, 0)) if self.ranges else (self.lowest, self.highest)
        return not low <= depth_bp <= high


def learn(past: AnyFrame) -> Response:
    """Learn the response from past events.

    past : event_id, mechanic, depth_bp, lift (sold / base − 1), base_milli; optional forecast_milli, flat_milli: the
        base as it would have been forecast before the event, with and without season (null where it could not be).
        Without them the errors are those of the response alone.

    Raises
    ------
    ModelError
        promotion.few_events: fewer than five.
    """
    table = to_polars(past, needs=NEEDS, name="past events").filter(pl.col("lift") > -1)
    if table.height < MIN_EVENTS:
        raise ModelError("promotion.few_events", values={"count": table.height, "limit": MIN_EVENTS})
    depth = table["depth_bp"].to_numpy().astype(np.float64) / 10_000
    log = np.log1p(table["lift"].to_numpy())
    weight = np.sqrt(np.maximum(table["base_milli"].to_numpy() / 1000, 1.0))
    names = table["mechanic"].to_list()
    usual = {
        k: float(np.average(depth[np.array(names) == k], weights=weight[np.array(names) == k])) for k in set(names)
    }
    beside = depth - np.array([usual[n] for n in names])
    level, slope, own = _fit(beside, log, weight, names)
    missed = log - _left_out(beside, log, weight, names)
    based, flat = (_base_errors(table, column) for column in (FORECAST, "flat_milli"))
    both = np.isfinite(based)
    known = both if both.sum() >= MIN_EVENTS else np.ones(table.height, dtype=np.bool_)
    errors = missed + np.where(both, based, 0.0)
    return Response(
        level, slope, own, tuple(errors[known].tolist()), int(depth.min() * 10_000), int(depth.max() * 10_000),
        float(np.abs(missed + flat)[both & np.isfinite(flat)].mean()) if (both & np.isfinite(flat)).any() else None,
        usual, _ranges(table),
    )  # fmt: skip


def _ranges(table: pl.DataFrame) -> dict[str, tuple[int, int]]:
    """Lowest and highest depth of every mechanic."""
    spans = table.group_by("mechanic").agg(low=pl.col("depth_bp").min(), high=pl.col("depth_bp").max())
    return {m: (int(low), int(high)) for m, low, high in spans.sort("mechanic").iter_rows()}


def _left_out(depth: Floats, log: Floats, weight: Floats, names: list[str]) -> Floats:
    """Response of every event as the others tell it, shape (events,)."""
    found = np.empty_like(log)
    for out in range(log.size):
        keep = np.arange(log.size) != out
        level, slope, own = _fit(
            depth[keep], log[keep], weight[keep], [n for n, k in zip(names, keep, strict=True) if k]
        )
        found[out] = level + slope * depth[out] + own.get(names[out], 0.0)
    return found


def _base_errors(table: pl.DataFrame, column: str) -> Floats:
    """log(imputed base / the base forecast before the event); NaN where there was none."""
    if column not in table.columns:
        return np.full(table.height, np.nan)
    good = pl.when(pl.col(column) > 0).then((pl.col("base_milli") / pl.col(column)).log())
    return table.select(good.cast(pl.Float64)).to_series().fill_null(float("nan")).to_numpy()


def _fit(depth: Floats, log: Floats, weight: Floats, names: list[str]) -> tuple[float, float, dict[str, float]]:
    """Level, slope (never falling with depth) and each mechanic's deviation, by ridge on the deviations alone."""
    kinds = sorted(set(names))
    own = np.array([[n == k for k in kinds] for n in names], dtype=np.float64)
    design = np.column_stack([np.ones_like(depth), depth, own])
    penalty = np.diag([0.0, 1e-9, *[SHRINK * float(weight.mean())] * len(kinds)])
    found = np.linalg.solve(design.T @ (weight[:, None] * design) + penalty, design.T @ (weight * log))
    if found[1] < 0:
        flat = np.delete(np.arange(design.shape[1]), 1)
        narrow = design[:, flat]
        gram = narrow.T @ (weight[:, None] * narrow) + penalty[np.ix_(flat, flat)]
        part = np.linalg.solve(gram, narrow.T @ (weight * log))
        found = np.insert(part, 1, 0.0)
    return float(found[0]), float(found[1]), {k: float(v) for k, v in zip(kinds, found[2:], strict=True)}


def forecast(plans: AnyFrame, response: Response, *, coverage: float = 0.8, service: float = 0.95) -> pl.DataFrame:
    """Forecast of every plan.

    Parameters
    ----------
    plans : plan_id, mechanic, depth_bp, base_milli (units expected without the event), price_minor (usual price of a
        unit),
        cost_minor; optional gift_minor, display_minor, labour_minor, media_minor, other_minor, funding_minor (whole
        event), given_minor (gift and points of a unit), dip (share of the extra units taken back after, default 0),
        base_depth_bp (where base is what sells at the shallowest offer: its depth, default 0).
    coverage : of the interval. service : share of events in which the stock is to suffice.

    Returns
    -------
    plan_id, base_milli, units_milli, low_milli, high_milli, stock_milli (needed at the service level), revenue_minor,
    margin_minor, margin_low_minor, margin_high_minor (of all units, after costs), extra_margin_minor (against no
    event, or the shallowest one), extrapolated (outside the depths of the same mechanic: never to be recommended).
    """
    table = to_polars(
        plans, needs=["plan_id", "mechanic", "depth_bp", "base_milli", "price_minor", "cost_minor"], name="plans"
    )
    optional = (*FIXED, "funding_minor", "given_minor", "dip", "base_depth_bp")
    table = table.with_columns(pl.lit(0).alias(c) for c in optional if c not in table.columns)
    offers = table.select("mechanic", "depth_bp").rows()
    log = np.array([response.log_lift(m, d) for m, d in offers])
    beyond = [response.extrapolates(m, d) for m, d in offers]
    low, high, stock = (np.quantile(response.errors, q) for q in ((1 - coverage) / 2, (1 + coverage) / 2, service))
    base = table["base_milli"].to_numpy().astype(np.float64)
    scenarios = {"units": log, "low": log + low, "high": log + high, "stock": log + max(float(stock), 0.0)}
    table = table.with_columns(
        pl.Series(f"{k}_milli", np.rint(base * np.exp(v)), dtype=pl.Int64) for k, v in scenarios.items()
    )
    paid = pl.col("price_minor") * (10_000 - pl.col("depth_bp")) // 10_000
    usual = pl.col("price_minor") * (10_000 - pl.col("base_depth_bp")) // 10_000
    fixed = pl.col("funding_minor") - pl.sum_horizontal(*FIXED)

    def margin(units: str) -> pl.Expr:
        given_back = pl.col("dip") * (pl.col(units) - pl.col("base_milli")) * (usual - pl.col("cost_minor"))
        earned = pl.col(units) * (paid - pl.col("cost_minor") - pl.col("given_minor"))
        return ((earned - given_back) / 1000).round().cast(pl.Int64) + fixed

    without = (pl.col("base_milli") * (usual - pl.col("cost_minor")) / 1000).round().cast(pl.Int64)
    return table.select(
        "plan_id",
        "base_milli",
        "units_milli",
        "low_milli",
        "high_milli",
        "stock_milli",
        revenue_minor=(pl.col("units_milli") * paid / 1000).round().cast(pl.Int64),
        margin_minor=margin("units_milli"),
        margin_low_minor=pl.min_horizontal(margin("low_milli"), margin("high_milli")),
        margin_high_minor=pl.max_horizontal(margin("low_milli"), margin("high_milli")),
        extra_margin_minor=margin("units_milli") - without,
        extrapolated=pl.Series(beyond),
    )


def what_if(draft: dict[str, object], scenarios: AnyFrame, *, depths_bp: list[int], response: Response) -> pl.DataFrame:
    """Grid of scenarios around one draft: depth × days × products × stores, with the forecast of each.

    Parameters
    ----------
    draft : mechanic and the optional costs of `forecast`.
    scenarios : days, products (number of), stores (number of), base_milli, price_minor, cost_minor.
    """
    table = to_polars(scenarios, needs=[*SCENARIO, "base_milli", "price_minor", "cost_minor"], name="scenarios")
    grid = pl.DataFrame({"depth_bp": depths_bp}).join(table, how="cross", maintain_order="left_right")
    plans = grid.with_columns(
        plan_id=pl.format("{}|{}|{}|{}", "depth_bp", *SCENARIO),
        **{k: pl.lit(v) for k, v in draft.items() if k not in grid.columns},
    )
    return grid.select("depth_bp", *SCENARIO).hstack(forecast(plans, response))


def drafts(draft: dict[str, object], *, response: Response, coverage: float = 0.8) -> pl.DataFrame:
    """Three drafts side by side: careful, as asked, bold (depth ± a third); by margin, those never tried last."""
    asked = int(str(draft["depth_bp"]))
    depths = {"careful": max(asked * 2 // 3, 1), "asked": asked, "bold": min(asked * 4 // 3, 9_500)}
    plans = pl.DataFrame([{**draft, "plan_id": k, "depth_bp": v} for k, v in depths.items()])
    found = forecast(plans, response, coverage=coverage)
    return (
        plans.select("plan_id", "depth_bp")
        .join(found, on="plan_id", maintain_order="left")
        .sort("extrapolated", "extra_margin_minor", descending=[False, True])
    )
