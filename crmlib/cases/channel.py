"""The channel: what partners got, sold on and hold; consumption, not loading; cover, distribution, who reports.

Opening + sell-in − sell-out − returned ± counted = closing, in thousandths. Three known derive the fourth; with all
known the residual is shown. Sell-in growth is growth of consumption plus change of stock: loading at quarter ends makes
−5.1 % of consumption look like +.4 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole

PARTS = ("opening_milli", "sell_in_milli", "sell_out_milli", "closing_milli")
REPORTING, COUNT_DAYS, DAYS_MONTH = 0.80, 45, 30


def roll(months: AnyFrame) -> pl.DataFrame:
    """The books of partners.

    Parameters
    ----------
    months : partner_id, product_id, month, opening_milli, sell_in_milli, sell_out_milli, returned_milli, counted_milli
        (adjustment, signed), closing_milli; at most one of opening, sell-in, sell-out, closing unknown (null) by row.

    Returns
    -------
    The same with the unknown one derived, `derived` (its name, null if all were known), residual_milli (0 where
    derived), unknown (two or more are missing: nothing is derived, and the row is counted as not reporting).
    """
    needs = ("partner_id", "product_id", "month", *PARTS, "returned_milli", "counted_milli")
    raw = to_polars(months, needs=needs, name="partner months")
    table = whole(raw, [*PARTS, "returned_milli", "counted_milli"], name="partner months")
    o, i, s, c = (pl.col(name) for name in PARTS)
    other = pl.col("counted_milli").fill_null(0) - pl.col("returned_milli").fill_null(0)
    gaps = pl.sum_horizontal(pl.col(name).is_null() for name in PARTS)
    solved = {
        "opening_milli": c - i + s - other,
        "sell_in_milli": c - o + s - other,
        "sell_out_milli": o + i + other - c,
        "closing_milli": o + i - s + other,
    }
    name = pl.when(gaps == 1).then(pl.coalesce(*(pl.when(pl.col(p).is_null()).then(pl.lit(p)) for p in PARTS)))
    return (
        table.with_columns(derived=name, unknown=gaps > 1)
        .with_columns(
            pl.when(gaps == 1).then(pl.coalesce(pl.col(p), x)).otherwise(pl.col(p)).alias(p) for p, x in solved.items()
        )
        .with_columns(residual_milli=c - (o + i - s + other))
    )


@dataclass(frozen=True, slots=True)
class Growth:
    """Two periods: consumption (sell-out), change of stock in each, sell-in = consumption + change, growth of both."""

    sell_in: tuple[int, int]
    consumption: tuple[int, int]
    stocked: tuple[int, int]

    @property
    def consumption_growth(self) -> float | None:
        """What people bought more."""
        return self.consumption[1] / self.consumption[0] - 1 if self.consumption[0] else None

    @property
    def sell_in_growth(self) -> float | None:
        """What partners were sold more; above consumption it is stock."""
        return self.sell_in[1] / self.sell_in[0] - 1 if self.sell_in[0] else None


def growth(rolled: pl.DataFrame, *, before: tuple[date, date], after: tuple[date, date]) -> Growth:
    """Sell-in split into consumption and stock, for the partner rows known in both periods; from `roll`."""
    known = rolled.filter(~pl.col("unknown"))
    sums = [
        known.filter(pl.col("month").is_between(*span))
        .select(pl.col("sell_in_milli").sum(), pl.col("sell_out_milli").sum())
        .row(0)
        for span in (before, after)
    ]
    ins, outs = ((int(sums[0][k]), int(sums[1][k])) for k in (0, 1))
    return Growth(ins, outs, (ins[0] - outs[0], ins[1] - outs[1]))


@dataclass(frozen=True, slots=True)
class Reporting:
    """Share of the network's sell-in volume whose partners reported stock; partners silent."""

    share: float
    silent: int

    def checked(self) -> Reporting:
        """Itself if a figure for the network may be given.

        Raises
        ------
        ModelError
            `cases.reporting` below 80 % of volume: those who hide stock are the overstocked.
        """
        if self.share < REPORTING:
            raise ModelError(
                "cases.reporting",
                values={"share": f"{self.share:.0%}", "needed": f"{REPORTING:.0%}", "silent": self.silent},
            )
        return self


def reporting(rolled: pl.DataFrame) -> Reporting:
    """Who reports, weighed by sell-in (which the house knows itself); from `roll`."""
    volume = rolled.group_by("partner_id").agg(pl.col("sell_in_milli").sum(), silent=pl.col("unknown").any())
    total = int(volume["sell_in_milli"].sum())
    heard = int(volume.filter(~pl.col("silent"))["sell_in_milli"].sum())
    return Reporting(heard / total if total else 1.0, int(volume["silent"].sum()))


def cover(stock: AnyFrame, sold: AnyFrame, *, as_of: date, days: int = 90) -> pl.DataFrame:
    """Days of stock by partner and product.

    Parameters
    ----------
    stock : partner_id, product_id, on_day, on_hand_milli, oldest_made_on (null if unknown).
    sold : partner_id, product_id, day, quantity_milli (sell-out); the last `days` are used.

    Returns
    -------
    partner_id, product_id, on_day, on_hand_milli, a_day_milli, cover_days (null where nothing was sold), age_days.

    Raises
    ------
    ModelError
        `cases.no_count` if no partner was counted in the last 45 days, or a row has no day.
    """
    counts = to_polars(
        stock, needs=("partner_id", "product_id", "on_day", "on_hand_milli", "oldest_made_on"), name="partner_stock"
    )
    undated = counts["on_day"].null_count()
    recent = counts.filter(pl.col("on_day").is_between(as_of - pl.duration(days=COUNT_DAYS), as_of))
    if undated or recent.is_empty():
        raise ModelError(
            "cases.no_count",
            values={"rows": counts.height, "undated": undated, "recent": recent.height, "days": COUNT_DAYS},
        )
    keys = ["partner_id", "product_id"]
    last = recent.sort(*keys, "on_day").group_by(keys, maintain_order=True).last()
    lines = to_polars(sold, needs=(*keys, "day", "quantity_milli"), name="partner_moves")
    span = lines.filter(pl.col("day").is_between(as_of - pl.duration(days=days - 1), as_of))
    daily = span.group_by(keys).agg(a_day_milli=pl.col("quantity_milli").sum() / days)
    return (
        last.join(daily, on=keys, how="left")
        .with_columns(
            cover_days=pl.when(pl.col("a_day_milli") > 0).then(pl.col("on_hand_milli") / pl.col("a_day_milli")),
            age_days=(pl.lit(as_of) - pl.col("oldest_made_on")).dt.total_days(),
        )
        .select(*keys, "on_day", "on_hand_milli", "a_day_milli", "cover_days", "age_days")
    )


def distribution(checks: AnyFrame, weights: AnyFrame) -> pl.DataFrame:
    """Numeric and weighted distribution by product.

    Parameters
    ----------
    checks : store_id, product_id, checked_on, on_shelf; the last check of a store counts.
    weights : store_id, weight (sales of the class, any unit); stores never checked are in neither.

    Returns
    -------
    product_id, stores, on_shelf, numeric, weighted.
    """
    keys = ["product_id", "store_id"]
    seen = to_polars(checks, needs=(*keys, "checked_on", "on_shelf"), name="shelf_checks").sort(*keys, "checked_on")
    last = seen.group_by(keys, maintain_order=True).last()
    size = to_polars(weights, needs=("weight",), name="weights", key="store_id")
    joined = last.join(size.select("store_id", "weight"), on="store_id", how="left").with_columns(
        pl.col("weight").fill_null(0)
    )
    return (
        joined.group_by("product_id")
        .agg(
            stores=pl.len().cast(pl.Int64),
            on_shelf=pl.col("on_shelf").sum().cast(pl.Int64),
            numeric=pl.col("on_shelf").mean(),
            weighted=pl.col("weight").filter("on_shelf").sum() / pl.col("weight").sum(),
        )
        .sort("product_id")
    )
