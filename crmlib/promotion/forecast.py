"""Before the event: units, revenue, margin and the stock it needs, with an interval from past forecast errors.

Base = mean of the unpromoted days of the last eight weeks × days of the plan (`base_of`); no season is applied, so a
plan for goods that sell more at a festival anyway has too low a base. Units = base × (1 + response). The response of a
mechanic and depth is that of past events, each mechanic's deviation shrunk to the line through all of them; its error
is what the same response would have missed for each past event had it not been known. That error is of the response
alone: the base's own is not in the interval.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Response:
    """log(1 + lift) = level + slope · depth + mechanic's own deviation (shrunk).

    deviations : mechanic → deviation. errors : log(actual / forecast) of every past event, left out in turn.
    lowest, highest : depths seen [basis points]; a plan outside them is an extrapolation.
    """

    level: float
    slope: float
    deviations: dict[str, float]
    errors: tuple[float, ...]
    lowest: int
    highest: int

    def log_lift(self, mechanic: str, depth_bp: float) -> float:
        """Expected log(1 + lift)."""
        return self.level + self.slope * depth_bp / 10_000 + self.deviations.get(mechanic, 0.0)


def learn(past: AnyFrame) -> Response:
    """Learn the response from past events.

    past : event_id, mechanic, depth_bp, lift (sold / base − 1), base_milli.

    Raises
    ------
    ModelError
        promotion.few_events: fewer than five.
    """
    table = to_polars(past, needs=NEEDS, name="past events").filter(pl.col("lift") > -1)
    if table.height < MIN_EVENTS:
        raise ModelError(
            "promotion.few_events",
            given=f"{table.height} past events that could be judged",
            expected=f"at least {MIN_EVENTS}",
            mend="wait for more events, or pool similar categories",
            values={"count": table.height, "limit": MIN_EVENTS},
        )
    depth = table["depth_bp"].to_numpy().astype(np.float64) / 10_000
    log = np.log1p(table["lift"].to_numpy())
    weight = np.sqrt(np.maximum(table["base_milli"].to_numpy() / 1000, 1.0))
    names = table["mechanic"].to_list()
    errors = []
    for out in range(table.height):
        keep = np.arange(table.height) != out
        level, slope, own = _fit(
            depth[keep], log[keep], weight[keep], [n for n, k in zip(names, keep, strict=True) if k]
        )
        errors.append(float(log[out] - level - slope * depth[out] - own.get(names[out], 0.0)))
    level, slope, own = _fit(depth, log, weight, names)
    return Response(level, slope, own, tuple(errors), int(depth.min() * 10_000), int(depth.max() * 10_000))


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
        cost_minor; optional gift_minor, display_minor, labour_minor, funding_minor (whole event), dip (share of the
        extra units taken back after, default 0).
    coverage : of the interval. service : share of events in which the stock is to suffice.

    Returns
    -------
    plan_id, base_milli, units_milli, low_milli, high_milli, stock_milli (needed at the service level), revenue_minor,
    margin_minor, margin_low_minor, margin_high_minor (of all units, after costs), extra_margin_minor (against no
    event), extrapolated (depth outside what was seen).
    """
    table = to_polars(
        plans, needs=["plan_id", "mechanic", "depth_bp", "base_milli", "price_minor", "cost_minor"], name="plans"
    )
    optional = ("gift_minor", "display_minor", "labour_minor", "funding_minor", "dip")
    table = table.with_columns(pl.lit(0).alias(c) for c in optional if c not in table.columns)
    log = np.array([response.log_lift(m, d) for m, d in table.select("mechanic", "depth_bp").iter_rows()])
    low, high, stock = (np.quantile(response.errors, q) for q in ((1 - coverage) / 2, (1 + coverage) / 2, service))
    base = table["base_milli"].to_numpy().astype(np.float64)
    scenarios = {"units": log, "low": log + low, "high": log + high, "stock": log + max(float(stock), 0.0)}
    table = table.with_columns(
        pl.Series(f"{k}_milli", np.rint(base * np.exp(v)), dtype=pl.Int64) for k, v in scenarios.items()
    )
    paid = pl.col("price_minor") * (10_000 - pl.col("depth_bp")) // 10_000
    fixed = pl.col("funding_minor") - pl.sum_horizontal("gift_minor", "display_minor", "labour_minor")

    def margin(units: str) -> pl.Expr:
        given_back = (
            pl.col("dip") * (pl.col(units) - pl.col("base_milli")) * (pl.col("price_minor") - pl.col("cost_minor"))
        )
        earned = pl.col(units) * (paid - pl.col("cost_minor"))
        return ((earned - given_back) / 1000).round().cast(pl.Int64) + fixed

    without = (pl.col("base_milli") * (pl.col("price_minor") - pl.col("cost_minor")) / 1000).round().cast(pl.Int64)
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
        extrapolated=(pl.col("depth_bp") < response.lowest) | (pl.col("depth_bp") > response.highest),
    )


def what_if(
    draft: dict[str, object], *, depths_bp: list[int], days: list[int], stores: list[int], response: Response
) -> pl.DataFrame:
    """Grid of scenarios around one draft: depth × days × stores, with the forecast of each.

    draft : mechanic, base_per_store_day_milli, price_minor, cost_minor and the optional costs of `forecast`.
    """
    grid = (
        pl.DataFrame({"depth_bp": depths_bp})
        .join(pl.DataFrame({"days": days}), how="cross")
        .join(pl.DataFrame({"stores": stores}), how="cross")
    )
    per = int(str(draft["base_per_store_day_milli"]))
    given = {k: v for k, v in draft.items() if k not in {"base_per_store_day_milli", "depth_bp"}}
    plans = grid.with_columns(
        plan_id=pl.format("{}|{}|{}", "depth_bp", "days", "stores"),
        base_milli=(pl.col("days") * pl.col("stores") * per).cast(pl.Int64),
        **{k: pl.lit(v) for k, v in given.items()},
    )
    return grid.hstack(forecast(plans, response))


def base_of(
    lines: AnyFrame, *, stores: list[str], products: list[str], until_day_n: int, days: int, weeks: int = 8
) -> int:
    """Units [thousandths] that `days` days would sell without an event.

    It is the mean of the unpromoted days of the last `weeks` weeks.

    lines : store_id, product_id, day_n, quantity_milli, promotion_id.
    """
    table = to_polars(lines, needs=["store_id", "product_id", "day_n", "quantity_milli", "promotion_id"], name="lines")
    mine = table.filter(
        pl.col("product_id").is_in(products),
        pl.col("day_n") > until_day_n - 7 * weeks,
        pl.col("day_n") <= until_day_n,
    )
    mine = mine.filter(pl.col("store_id").is_in(stores)) if stores else mine
    promoted = mine.filter(pl.col("promotion_id").is_not_null()).select("store_id", "day_n").unique()
    clean = mine.join(promoted, on=["store_id", "day_n"], how="anti")
    places = max(len(stores) if stores else mine["store_id"].n_unique(), 1)
    open_days = places * 7 * weeks - promoted.height
    return round(int(clean["quantity_milli"].sum()) / max(open_days, 1) * places * days)


def drafts(draft: dict[str, object], *, response: Response, coverage: float = 0.8) -> pl.DataFrame:
    """Three drafts side by side: careful, as asked, bold (depth ± a third, within what was seen), best margin first."""
    asked = int(str(draft["depth_bp"]))
    depths = {"careful": max(asked * 2 // 3, 1), "asked": asked, "bold": min(asked * 4 // 3, 9_500)}
    plans = pl.DataFrame([{**draft, "plan_id": k, "depth_bp": v} for k, v in depths.items()])
    found = forecast(plans, response, coverage=coverage)
    return (
        plans.select("plan_id", "depth_bp")
        .join(found, on="plan_id", maintain_order="left")
        .sort("extra_margin_minor", descending=True)
    )
