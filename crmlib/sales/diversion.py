"""Goods outside the region they were made for: what is certain, what follows from the books, what is only a hint.

Certain is a lot of region A seen in region B. Where a partner sold more than it had at the start and received, at least
the difference came from elsewhere. A price under the region's floor is a hint: it is where diverted goods show first.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.frames import AnyFrame, timed, to_polars


def strays(sightings: AnyFrame, lots: AnyFrame) -> pl.DataFrame:
    """Sightings of lots outside their region: the sightings' columns, product_id, home (region the lot was made for).

    sightings : contract `lot_sightings`. lots : lot_id, product_id, region (null: for every market, never stray).
    """
    seen = timed(sightings, needs=["sighting_id", "lot_id", "region"], name="lot_sightings")
    made = to_polars(lots, needs=["product_id", "region"], key="lot_id", name="lots")
    made = made.select("lot_id", "product_id", home="region")
    return seen.join(made, on="lot_id").filter(pl.col("home") != pl.col("region")).sort("at", "sighting_id")


def oversold(books: AnyFrame) -> pl.DataFrame:
    """Partners that sold more than they can have had: partner_id, product_id, elsewhere_milli (at least), most first.

    books : contract `partner_stock` over consecutive reports: partner_id, product_id, on_day, on_hand_milli (at the end
        of the day), received_milli, sold_milli since the report before. The first report only opens. The balance of
        several reports is carried, so that a late booking of receipts is no diversion.
    """
    table = timed(
        books, at="on_day", needs=["partner_id", "product_id", "on_hand_milli", "received_milli", "sold_milli"],
        name="partner_stock",
    ).sort("partner_id", "product_id", "on_day")  # fmt: skip
    key = ["partner_id", "product_id"]
    later = pl.int_range(pl.len()).over(key) > 0
    sums = (
        table.with_columns(later=later)
        .group_by(key, maintain_order=True)
        .agg(
            opening=pl.col("on_hand_milli").first(),
            closing=pl.col("on_hand_milli").last(),
            received=pl.col("received_milli").filter("later").sum(),
            sold=pl.col("sold_milli").filter("later").sum(),
            reports=pl.len(),
            first_day=pl.col("on_day").first(),
            last_day=pl.col("on_day").last(),
        )
    )
    elsewhere = pl.col("sold") + pl.col("closing") - pl.col("opening") - pl.col("received")
    return (
        sums.with_columns(elsewhere_milli=elsewhere)
        .filter(pl.col("reports") > 1, pl.col("elsewhere_milli") > 0)
        .sort("elsewhere_milli", *key, descending=[True, False, False])
        .select(*key, "elsewhere_milli", "first_day", "last_day")
    )


def under_floor(prices: AnyFrame, floors: AnyFrame) -> pl.DataFrame:
    """Prices under the floor in force on their day: the rows with floor_minor, below_bp (basis points), deepest first.

    prices : region, product_id, at, price_minor (for 1 piece, kilogram or litre): tills, sightings or reports.
    floors : contract `price_floors`; of two that hold the later one counts.
    """
    seen = timed(prices, needs=["region", "product_id", "price_minor"], name="prices")
    held = to_polars(
        floors, needs=["region", "product_id", "valid_from", "valid_to", "floor_minor"], name="price_floors"
    )
    held = held.select("region", "product_id", "valid_from", "valid_to", "floor_minor").sort("valid_from")
    dated = seen.with_columns(_day=pl.col("at").cast(pl.Date)).sort("_day")
    joined = dated.join_asof(
        held, left_on="_day", right_on="valid_from", by=["region", "product_id"], check_sortedness=False
    )
    open_ = pl.col("valid_to").is_null() | (pl.col("valid_to") >= pl.col("_day"))
    found = joined.filter(open_, pl.col("price_minor") < pl.col("floor_minor"))
    below = ((pl.col("floor_minor") - pl.col("price_minor")) * 10_000 // pl.col("floor_minor")).alias("below_bp")
    return found.with_columns(below).drop("_day", "valid_from", "valid_to").sort("below_bp", descending=True)


def under_floors(cells: AnyFrame, floors: AnyFrame, regions: AnyFrame, *, on: date) -> pl.DataFrame:
    """Goods that a store sold under the floor of its region, on average of `cells`: store_id, product_id,
    quantity_milli, price_minor, floor_minor (each for a piece, kilogram or litre), given_minor; most given away first.

    cells : store_id, product_id, quantity_milli, net_minor. regions : store_id, region.
    """  # noqa: D205
    sold = to_polars(cells, needs=["store_id", "product_id", "quantity_milli", "net_minor"], name="cells")
    sold = sold.group_by("store_id", "product_id").agg(pl.col("quantity_milli", "net_minor").sum())
    where = to_polars(regions, needs=["region"], key="store_id", name="stores").select("store_id", "region")
    price = (pl.col("net_minor") * 1000 / pl.col("quantity_milli")).round().cast(pl.Int64)
    rows = sold.filter(pl.col("quantity_milli") > 0).join(where, on="store_id")
    below = under_floor(rows.with_columns(price_minor=price, at=pl.lit(on)), floors)
    given = (pl.col("floor_minor") * pl.col("quantity_milli") / 1000).round().cast(pl.Int64) - pl.col("net_minor")
    found = below.with_columns(given_minor=given).filter(pl.col("given_minor") > 0)
    return found.select("store_id", "product_id", "quantity_milli", "price_minor", "floor_minor", "given_minor").sort(
        "given_minor", "store_id", "product_id", descending=[True, False, False]
    )
