"""Vouchers by festival: what is open, what will be drawn until the festival, how far past forecasts missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.balances.liability.ultimate import Future, same_point
from crmlib.core.calendar import festival_day
from crmlib.core.frames import AnyFrame, to_polars

NEVER = date(9999, 1, 1)
OUT = ("redeem", "refund", "expire", "void")


@dataclass(frozen=True, slots=True)
class Festival:
    """The next festival with open vouchers.

    Parameters
    ----------
    batch : its vouchers. on : its day. open : open now. future : what of it will be drawn until then.
    tested : batch, open, forecast, drawn of past festivals at the same days before, each forecast from the others.
    rows : store_id, product_id, open_milli, expected_milli of the open vouchers by the shop that sold them.
    """

    batch: str
    on: date
    open: int
    future: Future
    tested: pl.DataFrame
    rows: pl.DataFrame


def lives(vouchers: AnyFrame, moves: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """One row per voucher sold by `as_of`: voucher_id, batch_id, product_id, quantity_milli, sold_minor, store_id,
    sold_on, gone_on (null: open), how (its last event), festival_on, expires_on.
    """  # noqa: D205
    needs = ["voucher_id", "batch_id", "product_id", "quantity_milli", "sold_minor", "festival", "festival_year"]
    table = to_polars(vouchers, needs=[*needs, "sold_store", "expires_on"], name="vouchers", key="voucher_id")
    rows = to_polars(moves, needs=["voucher_id", "at", "kind"], name="voucher_moves")
    rows = rows.with_columns(pl.col("at").dt.date(), pl.col("kind").cast(pl.String)).filter(pl.col("at") <= as_of)
    events = (
        rows.sort("at", maintain_order=True)
        .group_by("voucher_id")
        .agg(
            sold_on=pl.col("at").filter(pl.col("kind").is_in(["sell", "open"])).min(),
            gone_on=pl.col("at").filter(pl.col("kind").is_in(OUT)).last(),
            how=pl.col("kind").filter(pl.col("kind").is_in(OUT)).last(),
        )
    )
    both = table.join(events, on="voucher_id").filter(pl.col("sold_on").is_not_null())
    days = [_day(f, y) for f, y in both.select("festival", "festival_year").iter_rows()]
    return both.select(
        "voucher_id",
        "batch_id",
        "product_id",
        "quantity_milli",
        pl.col("sold_minor").fill_null(0),
        pl.col("sold_store").alias("store_id"),
        "sold_on",
        "gone_on",
        "how",
        pl.Series("festival_on", days, dtype=pl.Date),
        "expires_on",
    ).sort("voucher_id")


def _day(festival: str | None, year: int | None) -> date | None:
    return None if festival is None or year is None else festival_day(festival, year)


def identity(rows: pl.DataFrame) -> pl.DataFrame:
    """sold, redeem, refund, expire, void, open of all vouchers: line, vouchers, amount_minor; the last is the rest.

    Parameters
    ----------
    rows : from `lives`.
    """
    lines = [("sell", rows.height, int(rows["sold_minor"].sum()))]
    for how in OUT:
        mine = rows.filter(pl.col("how") == how)
        if mine.height:
            lines.append((how, -mine.height, -int(mine["sold_minor"].sum())))
    lines.append(("rest", sum(n for _, n, _ in lines), sum(m for _, _, m in lines)))
    schema = {"line": pl.String, "vouchers": pl.Int64, "amount_minor": pl.Int64}
    return pl.DataFrame(lines, schema=schema, orient="row")


def festival(rows: pl.DataFrame, *, as_of: date) -> Festival | None:
    """Forecast of the next festival from the same days before past ones; none where no voucher waits for one.

    Parameters
    ----------
    rows : from `lives`.
    """
    waiting = rows.filter(pl.col("gone_on").is_null(), pl.col("festival_on") > as_of)
    if waiting.is_empty():
        return None
    on = waiting["festival_on"].min()
    if not isinstance(on, date):
        return None
    mine = waiting.filter(pl.col("festival_on") == on)
    ahead = (on - as_of).days
    past = []
    closed = rows.filter(pl.col("festival_on") <= as_of)
    for batch, end in closed.select("batch_id", "festival_on").unique().sort("festival_on").iter_rows():
        then = end - timedelta(days=ahead)
        one = closed.filter(pl.col("batch_id") == batch, pl.col("sold_on") <= then)
        gone = pl.col("gone_on").fill_null(NEVER)
        still = one.filter(gone > then)
        drawn = still.filter(pl.col("how") == "redeem", pl.col("gone_on") <= end).height
        if still.height:
            past.append((batch, still.height, drawn))
    opened = np.array([o for _, o, _ in past], dtype=float)
    drawn_then = np.array([d for _, _, d in past], dtype=float)
    others = np.maximum(opened.sum() - opened, 1e-9)
    made = opened * (drawn_then.sum() - drawn_then) / others
    future = same_point(float(mine.height), opened, drawn_then, past_forecast=made, past_true=drawn_then)
    tested = pl.DataFrame(
        {
            "batch": [b for b, _, _ in past],
            "open": opened.astype(int),
            "forecast": made,
            "drawn": drawn_then.astype(int),
        },
        schema={"batch": pl.String, "open": pl.Int64, "forecast": pl.Float64, "drawn": pl.Int64},
    )
    share = (future.expected if future.expected is not None else mine.height) / mine.height
    by = mine.group_by("store_id", "product_id").agg(open_milli=pl.col("quantity_milli").sum())
    by = by.with_columns(expected_milli=(pl.col("open_milli") * share).round().cast(pl.Int64)).sort(
        "store_id", "product_id"
    )
    return Festival(str(mine["batch_id"][0]), on, mine.height, future, tested, by)
