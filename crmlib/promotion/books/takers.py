"""Who took the offer: each minor unit of discount by the kind of buyer it went to.

bulk: a bulk order (`bulk.bulk_receipts`). Else, by the member: new (first purchase in the event;
came back within 90 days, did not, or it is too early to say), offer_only (bought before, but almost only on offer),
regular (everybody else), no_card.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.lift.bulk import bulk_receipts

GROUPS = ("regular", "new_back", "new_gone", "new_open", "offer_only", "bulk", "no_card")
BACK_DAYS = 90
OFFER_SHARE = 0.8
MIN_VISITS = 3
"""Purchase days a member needs before being called an offer-only buyer."""
_LINES = ("receipt_id", "customer_id", "day", "quantity_milli", "list_minor", "net_minor", "promotion_id")


def takers(lines: AnyFrame, *, promotion_id: str, as_of: date, bulk: pl.Series | None = None) -> pl.DataFrame:
    """Discount of one promotion by group.

    Parameters
    ----------
    lines : receipt lines of the company: receipt_id, customer_id, day, quantity_milli, list_minor, net_minor,
        promotion_id; sales only are counted.
    as_of : last day known; who came back is open until 90 days after the purchase have passed.
    bulk : receipts that are bulk orders; told by the size of their lines if not given.

    Returns
    -------
    group (all of `GROUPS`), members, receipts, quantity_milli, discount_minor (adds up to the promotion's exactly),
    net_minor.
    """
    table = to_polars(lines, needs=_LINES, name="lines").select(_LINES).filter(pl.col("quantity_milli") > 0)
    orders = bulk_receipts(table) if bulk is None else bulk
    on_offer = table.filter(pl.col("promotion_id") == promotion_id)
    receipts = on_offer.group_by("receipt_id", "customer_id", "day").agg(
        pl.col("quantity_milli").sum(),
        pl.col("net_minor").sum(),
        discount_minor=(pl.col("list_minor").fill_null(pl.col("net_minor")) - pl.col("net_minor")).sum(),
    )
    members = receipts.select("customer_id").drop_nulls().unique()
    history = table.join(members, on="customer_id", how="semi")
    traits = _traits(history, receipts, as_of=as_of)
    joined = receipts.join(traits, on="customer_id", how="left")
    kind = (
        pl.when(pl.col("receipt_id").is_in(orders.implode()))
        .then(pl.lit("bulk"))
        .when(pl.col("customer_id").is_null())
        .then(pl.lit("no_card"))
    )
    grouped = (
        joined.with_columns(group=kind.otherwise(pl.col("kind")))
        .group_by("group")
        .agg(
            members=pl.col("customer_id").drop_nulls().n_unique(),
            receipts=pl.len(),
            quantity_milli=pl.col("quantity_milli").sum(),
            discount_minor=pl.col("discount_minor").sum(),
            net_minor=pl.col("net_minor").sum(),
        )
    )
    frame = pl.DataFrame({"group": GROUPS})
    return frame.join(grouped, on="group", how="left", maintain_order="left").fill_null(0)


def _traits(history: pl.DataFrame, receipts: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """Kind of every member: new (and back), offer-only or regular."""
    start = receipts["day"].min() if receipts.height else as_of
    taken = receipts.group_by("customer_id").agg(last_taken=pl.col("day").max())
    days = history.group_by("customer_id", "day").agg(on_offer=pl.col("promotion_id").is_not_null().all())
    facts = (
        days.join(taken, on="customer_id")
        .group_by("customer_id")
        .agg(
            first=pl.col("day").min(),
            last_taken=pl.col("last_taken").first(),
            visits=pl.len(),
            offers=pl.col("on_offer").mean(),
            back=(
                (pl.col("day") > pl.col("last_taken"))
                & (pl.col("day") <= pl.col("last_taken") + timedelta(days=BACK_DAYS))
            ).any(),
        )
    )
    new = pl.col("first") >= start
    early = pl.col("last_taken") > as_of - timedelta(days=BACK_DAYS)
    is_new = (
        pl.when(pl.col("back"))
        .then(pl.lit("new_back"))
        .when(early)
        .then(pl.lit("new_open"))
        .otherwise(pl.lit("new_gone"))
    )
    hunter = (pl.col("visits") >= MIN_VISITS) & (pl.col("offers") >= OFFER_SHARE)
    kind = pl.when(new).then(is_new).when(hunter).then(pl.lit("offer_only")).otherwise(pl.lit("regular"))
    return facts.select("customer_id", kind=kind)
