"""What a list is for, beside coming at all: a paid visit, the goods it suggested, an order, a coupon, an answer.

What is asked is the same of both groups: whoever was left alone has suggested goods, too, and may order without having
been asked. Only an answer cannot come from somebody who was not written to: its difference is the share that answered.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach.partners import Partners, partners

ORDERS = ("sale_orders", "sale_order_lines", "products")
"""Tables that `feeds` takes, in its order."""
SUGGESTED = ("product_1", "product_2", "product_3")
ANSWERED = {"replied": ("replied", "answered", "promised"), "redeemed": ("redeemed",)}
HIT = {"recipient_id": pl.String, "day_n": pl.Int32}


@dataclass(frozen=True, slots=True)
class Feeds:
    """What outcomes are told from; None where not known.

    Parameters
    ----------
    goods : customer_id, product_id, day_n: on which day who bought which of the suggested goods.
    orders : recipient_id, day_n: on which day who ordered (members or partners).
    partners : what distributors ordered, in place of visits, goods and margin of members.
    """

    goods: pl.DataFrame | None = None
    orders: pl.DataFrame | None = None
    partners: Partners | None = None


def of_partners(aim: str) -> str:
    """What a list to distributors is read by: where a member would come, a partner orders.

    Examples
    --------
    >>> of_partners("came"), of_partners("replied")
    ('ordered', 'replied')
    """
    return "ordered" if aim in {"came", "paid_trip"} else aim


def hits(
    aim: str, rows: pl.DataFrame, *, days: pl.DataFrame, events: pl.DataFrame, feeds: Feeds
) -> pl.DataFrame | None:
    """Days on which recipients did what a list is for: recipient_id, day_n; none for `came`, which visits tell.

    Parameters
    ----------
    aim : `outcome` of the campaign. rows : its rows of `outreach`.
    days : customer_id, day_n, is_purchase, net_minor. events : its rows of `outreach_events`.

    Raises
    ------
    ModelError
        `outreach.no_outcome` where nothing tells it.
    """
    if aim == "came":
        return None
    if aim == "paid_trip":
        paid = days.filter("is_purchase", pl.col("net_minor") > 0)
        return paid.select(recipient_id="customer_id", day_n="day_n")
    if aim in ANSWERED and "at" in events.columns:
        told = events.filter(pl.col("kind").cast(pl.String).is_in(ANSWERED[aim]))
        return told.select("recipient_id", day_n=pl.col("at").dt.date().cast(pl.Int32))
    if aim == "bought_product" and feeds.goods is not None:
        wanted = rows.select("recipient_id", *SUGGESTED).unpivot(
            SUGGESTED, index="recipient_id", value_name="product_id"
        )
        bought = feeds.goods.rename({"customer_id": "recipient_id"})
        return bought.join(wanted.drop_nulls(), on=["recipient_id", "product_id"], how="semi").select(list(HIT))
    if aim == "ordered" and feeds.orders is not None:
        return feeds.orders.select(list(HIT))
    raise ModelError("outreach.no_outcome", values={"outcome": aim})


def feeds(
    goods: pl.DataFrame, orders: AnyFrame | None, order_lines: AnyFrame | None, products: AnyFrame | None
) -> Feeds:
    """What outcomes are told from, of suggested goods bought and the tables of orders; nothing of orders without one.

    Parameters
    ----------
    goods : as of `Feeds`. orders, order_lines, products : as of `partners.partners`, and customer_id in orders.
    """
    if orders is None:
        return Feeds(goods)
    taken = to_polars(orders, name="sale_orders")
    return Feeds(goods, ordered(taken), partners(taken, order_lines, products))


def ordered(orders: pl.DataFrame) -> pl.DataFrame:
    """Days of orders that were not cancelled: recipient_id (customer or partner), day_n.

    Parameters
    ----------
    orders : partner_id, customer_id, entered_at, cancelled_at.
    """
    kept = orders.filter(pl.col("cancelled_at").is_null())
    who = pl.coalesce("customer_id", "partner_id")
    return kept.select(recipient_id=who, day_n=pl.col("entered_at").dt.date().cast(pl.Int32))


def suggested(rows: pl.DataFrame) -> pl.Series:
    """Goods that rows of `outreach` suggest, each once."""
    known = [name for name in SUGGESTED if name in rows.columns]
    none = pl.Series("product_id", [], dtype=pl.String)
    return pl.concat([none, *(rows[name] for name in known)]).drop_nulls().unique().sort()
