"""A festival by its lunar days: will goods run short or be left over.

Day o counts from the festival (T−45 … T+14). Expected total = sold(o) / F(o), with F(o) the mean cumulative share sold
by day o in past festivals of the kind. By solar date the same sum is wrong by a factor of two and more. With fewer than
three past festivals there is a range and no probability. Returns are no sales: pass lines with quantity above 0.

Stock is exact: opening + received = sold + sell-in + redeemed + gifts + written off + left; so are vouchers: issued =
redeemed + expired + refunded + out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from scipy.stats import t as student

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole
from crmlib.outreach.money import Array

FROM, TO = -45, 14
MIN_FESTIVALS = 3
STOCK_OUT = ("sold", "sell_in", "redeemed", "gifts", "written_off")


@dataclass(frozen=True, slots=True)
class Forecast:
    """Units that a festival will have sold by T+14.

    Parameters
    ----------
    offset : o; sold_milli : sold by then.
    total_milli, low_milli, high_milli : sold(o)/F(o); range over past festivals, or 80 % interval from three on.
    festivals : past festivals it rests on.
    probable : whether low and high are an interval with a probability.
    """

    offset: int
    sold_milli: int
    total_milli: int
    low_milli: int
    high_milli: int
    festivals: int
    probable: bool


def cumulative(sales: AnyFrame, *, festival_on: date) -> Array:
    """Units sold by the end of each day T−45 … T+14, shape (60,).

    Parameters
    ----------
    sales : day, quantity_milli.
    festival_on : T.
    """
    table = whole(to_polars(sales, needs=["day", "quantity_milli"], name="sales"), ["quantity_milli"], name="sales")
    offset = (pl.col("day") - pl.lit(festival_on)).dt.total_days()
    daily = (
        table.group_by(offset=offset).agg(pl.col("quantity_milli").sum()).filter(pl.col("offset").is_between(FROM, TO))
    )
    sold = np.zeros(TO - FROM + 1)
    sold[daily["offset"].to_numpy() - FROM] = daily["quantity_milli"].to_numpy()
    return np.asarray(sold.cumsum())


def forecast(sales: AnyFrame, *, festival_on: date, past: list[date], as_of: date) -> Forecast:
    """Expected total of a running festival.

    Parameters
    ----------
    sales : day, quantity_milli of the festival's goods, with all past festivals.
    festival_on, past : T of this festival and of past ones of its kind, fully known.
    as_of : last day known.

    Raises
    ------
    ModelError
        `festival.too_early` before T−45 or where past festivals had sold nothing by this day; `festival.no_past`.
    """
    offset = min((as_of - festival_on).days, TO)
    table = to_polars(sales, needs=["day", "quantity_milli"], name="sales").filter(pl.col("day") <= as_of)
    over = [day for day in past if day + timedelta(days=TO) <= as_of]
    curves = [cumulative(table, festival_on=day) for day in over]
    curves = [curve for curve in curves if curve[-1] > 0]
    if not curves:
        raise ModelError("festival.no_past", values={"past": len(past)})
    shares = np.array([min(curve[offset - FROM] / curve[-1], 1.0) if offset >= FROM else 0.0 for curve in curves])
    if offset < FROM or shares.min() <= 0:
        raise ModelError("festival.too_early", values={"offset": offset})
    sold = float(cumulative(table, festival_on=festival_on)[offset - FROM])
    low, high = _spread(shares)
    return Forecast(
        offset, round(sold), round(sold / shares.mean()), round(sold / high), round(sold / low), len(curves),
        len(curves) >= MIN_FESTIVALS,
    )  # fmt: skip


def _spread(shares: Array) -> tuple[float, float]:
    """Range of F; from three festivals on the 80 % prediction interval of its logarithm, at most 1."""
    if shares.size < MIN_FESTIVALS:
        return float(shares.min()), float(shares.max())
    logs = np.log(shares)
    half = float(student.ppf(0.9, shares.size - 1) * logs.std(ddof=1) * np.sqrt(1 + 1 / shares.size))
    middle = float(np.log(shares.mean()))
    return float(np.exp(middle - half)), min(1.0, float(np.exp(middle + half)))


def check_stock(moves: Mapping[str, int]) -> int:
    """Left over [thousandths] of opening, received and `STOCK_OUT`; held against `left` where that was counted.

    Raises
    ------
    ModelError
        `festival.no_count` if what went out exceeds what there was, or a count says otherwise.

    Examples
    --------
    >>> check_stock({"opening": 10, "received": 90, "sold": 70, "redeemed": 10, "written_off": 5})
    15
    """
    left = moves.get("opening", 0) + moves.get("received", 0) - sum(moves.get(k, 0) for k in STOCK_OUT)
    counted = moves.get("left", left)
    if left < 0 or counted != left:
        raise ModelError("festival.no_count", values={"books": left, "counted": counted})
    return left


def vouchers_out(*, issued: int, redeemed: int, expired: int, refunded: int) -> int:
    """Vouchers still out.

    Raises
    ------
    ModelError
        `festival.no_count` if more came back than was issued.

    Examples
    --------
    >>> vouchers_out(issued=100, redeemed=60, expired=5, refunded=1)
    34
    """
    return check_stock({"received": issued, "redeemed": redeemed, "written_off": expired, "gifts": refunded})


def cover(forecast: Forecast, *, on_hand_milli: int, vouchers_out_milli: int = 0, redemption: float = 1.0) -> int:
    """Left (+) or short (−) at the end [thousandths]: on hand − still to be sold − vouchers still to be redeemed.

    Parameters
    ----------
    redemption : share of vouchers out that will be redeemed.
    """
    to_sell = max(forecast.total_milli - forecast.sold_milli, 0)
    return on_hand_milli - to_sell - round(vouchers_out_milli * redemption)


def last_order_day(festival_on: date, *, lead_days: int, safety_days: int = 2) -> date:
    """The last day on which an order still arrives before the festival.

    Examples
    --------
    >>> last_order_day(date(2026, 9, 25), lead_days=7)
    datetime.date(2026, 9, 16)
    """
    return festival_on - timedelta(days=lead_days + safety_days)
