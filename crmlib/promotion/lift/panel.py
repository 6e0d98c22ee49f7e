"""A store × product × week panel as arrays, and the refusals that protect every estimate made from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ContractError, CrmError, ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.flags import refuse_text

Index = npt.NDArray[np.int64]
KEY = ("store_id", "product_id", "week_n")
OBSERVED = ("sold", "zero")
MAX_CELLS = 40_000_000
"""Largest dense panel (store × product × week): about 1 GB while fitting."""
FULL_WEEK = 7


@dataclass(frozen=True, slots=True)
class Panel:
    """Units sold, with what is known about each cell.

    Parameters
    ----------
    units : [pieces or kg], shape (stores, products, weeks); 0 where unknown.
    known : whether the cell was observed (sold, or on the shelf and not sold), same shape; stock-outs, closed stores
        and goods not carried are not.
    city, group : position of each store's city, of each product's sibling group (-1 = none), shape (stores,),
        (products,).
    partner : position of the product that gains from each product's promotion (-1 = none), shape (products,).
    dip_weeks : weeks after an event that stay masked, shape (products,).
    """

    units: Floats
    known: Bools
    stores: pl.Series
    products: pl.Series
    first_week: int
    city: Index
    group: Index
    partner: Index
    dip_weeks: Index

    @property
    def weeks(self) -> int:
        """Number of weeks."""
        return int(self.units.shape[2])


def panel(frame: AnyFrame, *, stores: AnyFrame, products: AnyFrame, dip_weeks: int = 2) -> Panel:
    """Lay a store-product-week table out as arrays.

    Parameters
    ----------
    frame : store_id, product_id, week_n, quantity_milli, state (sold, zero, closed, not_carried, unknown, stock_out);
        optional open_days (0–7), price, is_return_flagged. As `panels.store_product_week` gives it.
    stores : store_id and city. `products` : product_id and sibling_group; optional halo_product, dip_weeks.
    dip_weeks : weeks after an event during which customers still live on what they bought.

    Raises
    ------
    ContractError
        promotion.r1 (a cell twice), promotion.r2 (store or product unknown), promotion.r3 (negative sales without a
        return flag, prices ≤ 0), promotion.r5 (partial weeks among full ones), promotion.r6 (gaps not told apart,
        no cell at all), promotion.r13 (decimal commas).
    """
    table = to_polars(frame, needs=[*KEY, "quantity_milli"], name="panel")
    refuse_text(table, numbers=tuple(c for c in ("quantity_milli", "price") if c in table.columns), name="panel")
    if table.is_empty():
        raise refusal("promotion.r6", table)
    places = to_polars(stores, needs=["store_id", "city"], name="stores").sort("store_id")
    goods = to_polars(products, needs=["product_id", "sibling_group"], name="products").sort("product_id")
    _refuse_bad_cells(table, places, goods)
    places = places.join(table.select("store_id").unique(), on="store_id", how="semi", maintain_order="left")
    goods = goods.join(table.select("product_id").unique(), on="product_id", how="semi", maintain_order="left")
    first, last = (int(v) for v in table.select(a=pl.col("week_n").min(), b=pl.col("week_n").max()).row(0))
    shape = (places.height, goods.height, last - first + 1)
    _refuse_size(shape)
    store = positions(table["store_id"], places["store_id"])
    product = positions(table["product_id"], goods["product_id"])
    week = table["week_n"].to_numpy().astype(np.int64) - first
    units, known = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
    seen = _observed(table)
    units[store, product, week] = np.where(seen, table["quantity_milli"].fill_null(0).to_numpy() / 1000, 0.0)
    known[store, product, week] = seen
    return Panel(
        units=units,
        known=known,
        stores=places["store_id"],
        products=goods["product_id"],
        first_week=first,
        city=_ranks(places["city"]),
        group=_ranks(goods["sibling_group"]),
        partner=_partners(goods),
        dip_weeks=_dips(goods, dip_weeks),
    )


def positions(values: pl.Series, known: pl.Series) -> Index:
    """Position of each value in `known`, -1 where it is not there."""
    table = pl.DataFrame({"name": known, "at": pl.Series(range(len(known)), dtype=pl.Int64)})
    found = pl.DataFrame({"name": values}).join(table, on="name", how="left", maintain_order="left")
    return found["at"].fill_null(-1).to_numpy().astype(np.int64)


def _observed(table: pl.DataFrame) -> Bools:
    return table["state"].cast(pl.String).is_in(list(OBSERVED)).fill_null(value=False).to_numpy()


def _ranks(values: pl.Series) -> Index:
    return (values.rank("dense").cast(pl.Int64) - 1).fill_null(-1).to_numpy().astype(np.int64)


def _partners(goods: pl.DataFrame) -> Index:
    if "halo_product" not in goods.columns:
        return np.full(goods.height, -1, dtype=np.int64)
    return positions(goods["halo_product"], goods["product_id"])


def _dips(goods: pl.DataFrame, default: int) -> Index:
    if "dip_weeks" not in goods.columns:
        return np.full(goods.height, default, dtype=np.int64)
    return goods["dip_weeks"].fill_null(default).cast(pl.Int64).to_numpy()


def _refuse_bad_cells(table: pl.DataFrame, places: pl.DataFrame, goods: pl.DataFrame) -> None:
    doubled = table.filter(pl.struct(*KEY).is_duplicated())
    if doubled.height:
        raise refusal("promotion.r1", doubled)
    strange = table.join(places, on="store_id", how="anti")
    strange = pl.concat([strange, table.join(goods, on="product_id", how="anti")])
    if strange.height:
        raise refusal("promotion.r2", strange)
    wrong = pl.col("quantity_milli") < 0
    if "is_return_flagged" in table.columns:
        wrong &= ~pl.col("is_return_flagged")
    if "price" in table.columns:
        wrong |= pl.col("price") <= 0
    bad = table.filter(wrong)
    if bad.height:
        raise refusal("promotion.r3", bad)
    _refuse_weeks(table)


def _refuse_weeks(table: pl.DataFrame) -> None:
    if "open_days" in table.columns:
        cut = table.group_by("week_n").agg(pl.col("open_days").max()).filter(pl.col("open_days") < FULL_WEEK)
        cut = cut.filter(pl.col("open_days") > 0).sort("week_n")
        if 0 < cut.height < table["week_n"].n_unique():
            raise refusal("promotion.r5", cut, key="week_n")
    if "state" not in table.columns or table["state"].null_count():
        gaps = table if "state" not in table.columns else table.filter(pl.col("state").is_null())
        raise refusal("promotion.r6", gaps)


def refusal(code: str, rows: pl.DataFrame, *, key: str = "store_id") -> CrmError:
    """Error R1 … R15 (`promotion.r1` …) with the count and examples (stores, events, weeks) of its rows."""
    examples = [str(v) for v in rows[key].unique().sort().head(5).to_list()] if key in rows.columns else []
    return ContractError(code, values={"count": rows.height}, examples=examples)


def _refuse_size(shape: tuple[int, int, int]) -> None:
    cells = shape[0] * shape[1] * shape[2]
    if cells > MAX_CELLS:
        raise ModelError("promotion.panel_large", values={"cells": cells, "limit": MAX_CELLS})
