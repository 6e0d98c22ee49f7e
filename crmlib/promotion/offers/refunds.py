"""Returns: what a customer gets back, and which bookings are reversed.

A line of n pieces that paid `net` of `list` has, after c pieces came back, paid back half_up(net · c / n) and reversed
half_up(list · c / n) of list; the difference is taken from its rules by nested rounding. So any sequence of partial
returns adds up to exactly what was booked. Offers with `on_return = "reprice"` price the kept basket anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.pricing import Priced, price


@dataclass(frozen=True, slots=True)
class Refund:
    """lines: line_n, returned_milli, list_minor, refund_minor (money back); bookings: line_n, offer_id, reversals.

    `repriced` lists receipts whose refund comes from pricing the kept goods anew: receipt_id, refund_minor; it replaces
    the sum of their line refunds.
    """

    lines: pl.DataFrame
    bookings: pl.DataFrame
    repriced: pl.DataFrame


def refund(
    priced: Priced,
    returns: AnyFrame,
    *,
    offers: Sequence[Offer],
    products: AnyFrame,
    stores: AnyFrame,
    coupons: AnyFrame | None = None,
) -> Refund:
    """Refund goods that come back.

    Parameters
    ----------
    returns : line_n (row of `priced.lines`), returned_milli (> 0), and where part came back before, earlier_milli.

    Raises
    ------
    ModelError
        promotion.return_over: more comes back than was sold.
    """
    asked = to_polars(returns, needs=["line_n", "returned_milli"], name="returns")
    if "earlier_milli" not in asked.columns:
        asked = asked.with_columns(earlier_milli=pl.lit(0, dtype=pl.Int64))
    sold = priced.lines.with_row_index("line_n").select(
        "line_n", "receipt_id", "quantity_milli", "list_minor", "net_minor"
    )
    back = asked.with_columns(pl.col("line_n").cast(pl.UInt32)).join(sold, on="line_n", maintain_order="left")
    _check(asked, back)
    before, after = pl.col("earlier_milli"), pl.col("earlier_milli") + pl.col("returned_milli")
    lines = back.select(
        "line_n",
        "receipt_id",
        "returned_milli",
        list_minor=_part("list_minor", after) - _part("list_minor", before),
        refund_minor=_part("net_minor", after) - _part("net_minor", before),
    )
    return Refund(
        lines.drop("receipt_id"),
        _reversed(priced, back),
        _repriced(priced, back, offers=offers, products=products, stores=stores, coupons=coupons),
    )


def _part(column: str, returned: pl.Expr) -> pl.Expr:
    """half_up(column · returned / sold)."""
    sold = pl.col("quantity_milli")
    return (2 * pl.col(column) * returned + sold) // (2 * sold)


def _reversed(priced: Priced, back: pl.DataFrame) -> pl.DataFrame:
    """Discount and gift cost taken back from each rule, by nested rounding over the rules of a line."""
    rows = back.join(priced.bookings, on="line_n", maintain_order="left_right")
    result = rows.with_columns(
        whole=pl.col("list_minor") - pl.col("net_minor"), upto=pl.col("discount_minor").cum_sum().over("line_n")
    )
    after = pl.col("earlier_milli") + pl.col("returned_milli")
    shares = {
        "discount_minor": _nested(after) - _nested(pl.col("earlier_milli")),
        "gift_cost_minor": _part("gift_cost_minor", after) - _part("gift_cost_minor", pl.col("earlier_milli")),
    }
    return result.select("line_n", "offer_id", **shares)


def _nested(returned: pl.Expr) -> pl.Expr:
    """The rule's part of the discount reversed so far: rounded at its end minus rounded at its beginning."""
    reversed_so_far = _part("list_minor", returned) - _part("net_minor", returned)
    whole = pl.max_horizontal(pl.col("whole"), pl.lit(1))

    def upto(edge: pl.Expr) -> pl.Expr:
        return (2 * reversed_so_far * edge + whole) // (2 * whole)

    return upto(pl.col("upto")) - upto(pl.col("upto") - pl.col("discount_minor"))


def _repriced(
    priced: Priced,
    back: pl.DataFrame,
    *,
    offers: Sequence[Offer],
    products: AnyFrame,
    stores: AnyFrame,
    coupons: AnyFrame | None,
) -> pl.DataFrame:
    """Refund = what the receipt paid − price of the goods kept, never below 0, where a broken offer says so."""
    strict = [o.offer_id for o in offers if o.on_return == "reprice"]
    touched = priced.bookings.filter(pl.col("offer_id").cast(pl.String).is_in(strict)).select("line_n")
    lines = priced.lines.with_row_index("line_n")
    wanted = lines.join(touched, on="line_n", how="semi").select("receipt_id").unique()
    wanted = wanted.join(back.select("receipt_id").unique(), on="receipt_id", how="semi")
    whole = lines.join(wanted, on="receipt_id", how="semi", maintain_order="left")
    gone = back.group_by("line_n").agg(gone=(pl.col("earlier_milli") + pl.col("returned_milli")).max())
    kept = whole.join(gone, on="line_n", how="left", maintain_order="left").with_columns(pl.col("gone").fill_null(0))
    kept = kept.with_columns(left=pl.col("quantity_milli") - pl.col("gone")).filter(pl.col("left") > 0)
    kept = kept.with_columns(list_minor=pl.col("list_minor") - _part("list_minor", pl.col("gone")))
    kept = kept.with_columns(quantity_milli=pl.col("left")).select(
        [
            c
            for c in kept.columns
            if c not in {"line_n", "left", "gone", "net_minor", "discount_minor", "gift_cost_minor"}
        ]
    )
    paid = whole.group_by("receipt_id").agg(paid=pl.col("net_minor").sum())
    anew = price(kept, offers=offers, products=products, stores=stores, coupons=coupons).lines
    owed = anew.group_by("receipt_id").agg(owed=pl.col("net_minor").sum())
    both = paid.join(owed, on="receipt_id", how="left").with_columns(pl.col("owed").fill_null(0))
    return both.select("receipt_id", refund_minor=(pl.col("paid") - pl.col("owed")).clip(lower_bound=0)).sort(
        "receipt_id"
    )


def _check(asked: pl.DataFrame, back: pl.DataFrame) -> None:
    over = back.filter(
        (pl.col("returned_milli") <= 0)
        | (pl.col("earlier_milli") + pl.col("returned_milli") > pl.col("quantity_milli"))
    )
    missing = asked.height - back.height
    repeated = asked.height - asked["line_n"].n_unique()
    if over.height or missing or repeated:
        raise ModelError(
            "promotion.return_over",
            values={"over": over.height, "missing": missing, "repeated": repeated},
            examples=[str(v) for v in over["line_n"].to_list()],
        )
