"""Receipt lines as arrays: receipts side by side, names as codes, money and units as whole numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.apportion import run_of, run_starts
from crmlib.core.errors import ModelError
from crmlib.promotion.arrays import Bools, Ints
from crmlib.promotion.offers.offer import Offer, wall_clock

NEEDS = ("receipt_id", "store_id", "product_id", "sold_at", "quantity_milli", "list_minor")
MAX_MINOR = 2_000_000_000
"""Largest line and receipt total: products of two such amounts still fit Int64."""
MINUTES_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class Basket:
    """Lines sorted by receipt; `row` is the position each line had in the table that was given.

    Shapes: (n,) except `first` (receipts,), the position of each receipt's first line.
    `clock` is the receipt's time [µs since 1970, Shanghai wall clock], the earliest of its lines;
    `pieces` are whole pieces (a weighed line is no piece: 0); `member` is -1 where no card was shown.
    """

    row: Ints
    receipt: Ints
    first: Ints
    product: npt.NDArray[np.int32]
    store: npt.NDArray[np.int32]
    grade: npt.NDArray[np.int32]
    member: Ints
    clock: Ints
    quantity_milli: Ints
    pieces: Ints
    list_minor: Ints
    gift_line: Bools

    @property
    def size(self) -> int:
        """Lines."""
        return int(self.row.size)


def basket(lines: pl.DataFrame, *, products: pl.Series, stores: pl.Series, grades: pl.Series) -> Basket:
    """Turn receipt lines into arrays; names become positions in `products`, `stores`, `grades` (-1 = null).

    Raises
    ------
    ModelError
        promotion.basket_negative (returns go through `refunds`), promotion.basket_unknown (product or store not in
        the tables), promotion.basket_large.
    """
    _check(lines)
    numbered = lines.select("receipt_id").with_row_index("row")
    first_row = numbered.select(pl.col("row").first().over("receipt_id"))["row"].to_numpy().astype(np.int64)
    together = bool(np.all(np.diff(first_row) >= 0))
    order = np.arange(lines.height) if together else np.argsort(first_row, kind="stable")
    starts = run_starts(first_row[order])
    receipt = run_of(starts, lines.height)
    sold = lines.select(wall_clock(pl.col("sold_at"), lines.schema["sold_at"]).cast(pl.Int64).alias("t"))["t"]
    clock = np.minimum.reduceat(sold.to_numpy()[order], starts) if lines.height else np.zeros(0, dtype=np.int64)
    quantity = lines["quantity_milli"].cast(pl.Int64).to_numpy()[order]
    whole = (quantity % 1000 == 0) & _flag(lines, "unit", "piece", default=True)[order]
    return Basket(
        row=order.astype(np.int64),
        receipt=receipt,
        first=starts,
        product=_codes(lines["product_id"], products, required=True)[order],
        store=_codes(lines["store_id"], stores, required=True)[order],
        grade=_codes(_column(lines, "grade"), grades, required=False)[order],
        member=_members(_column(lines, "customer_id"))[order],
        clock=clock[receipt] if lines.height else clock,
        quantity_milli=quantity,
        pieces=np.where(whole, quantity // 1000, 0),
        list_minor=lines["list_minor"].cast(pl.Int64).to_numpy()[order],
        gift_line=_gift_lines(lines)[order],
    )


def in_scope(offer: Offer, basket: Basket, codes: Codes) -> Bools:
    """Lines an offer may touch: product, store, grade and the receipt's clock; never gift lines. Shape (n,)."""
    ok = codes.product_mask(offer)[basket.product] & ~basket.gift_line & in_force(offer, basket.clock)
    if offer.stores:
        ok &= np.isin(np.arange(len(codes.stores)), codes.positions(offer.stores, codes.stores))[basket.store]
    if offer.grades:
        ok &= np.isin(basket.grade, codes.positions(offer.grades, codes.grades))
    return ok


def in_force(offer: Offer, clock: Ints) -> Bools:
    """Whether the offer holds at each wall-clock time [µs since 1970], shape (n,).

    Examples
    --------
    >>> from datetime import datetime
    >>> offer = Offer("A", "rate", datetime(2026, 1, 1), datetime(2026, 1, 2), rate_bp=9000)
    >>> at = np.array([datetime(2026, 1, 1), datetime(2026, 1, 2)], dtype="datetime64[us]").astype(np.int64)
    >>> in_force(offer, at)
    array([ True, False])
    """
    start, end = (int(np.datetime64(t, "us").astype(np.int64)) for t in (offer.starts_at, offer.ends_at))
    ok = (clock >= start) & (clock < end)
    minute = clock // 60_000_000
    if offer.weekdays:  # 1970-01-01 was a Thursday, weekday 4
        ok &= np.isin((minute // MINUTES_A_DAY + 3) % 7 + 1, offer.weekdays)
    if offer.from_minute is not None or offer.to_minute is not None:
        low = offer.from_minute or 0
        high = MINUTES_A_DAY if offer.to_minute is None else offer.to_minute
        of_day = minute % MINUTES_A_DAY
        ok &= (of_day >= low) & (of_day < high) if low < high else (of_day >= low) | (of_day < high)
    return np.asarray(ok)


@dataclass(frozen=True, slots=True)
class Codes:
    """Names by position: products (with their categories and whether they are services), stores, grades."""

    products: pl.DataFrame
    stores: pl.Series
    grades: pl.Series

    def positions(self, names: Iterable[str], known: pl.Series) -> list[int]:
        """Positions of `names` in `known`."""
        return [i for i, name in enumerate(known.to_list()) if name in set(names)]

    def product_mask(self, offer: Offer) -> Bools:
        """Products in the offer's scope, shape (products,)."""
        table = self.products
        levels = [c for c in ("category_1", "category_2", "category_3") if c in table.columns]
        classed = pl.Series([not (offer.products or offer.categories)]).new_from_index(0, table.height)
        for level in levels if offer.categories else ():
            classed |= table[level].is_in(list(offer.categories)).fill_null(value=False)
        if "is_service" in table.columns:
            classed &= ~table["is_service"].fill_null(value=False)
        named = table["product_id"].is_in(list(offer.products))
        return ((named | classed) & ~table["product_id"].is_in(list(offer.except_products))).to_numpy()


def _codes(values: pl.Series, known: pl.Series, *, required: bool) -> npt.NDArray[np.int32]:
    table = pl.DataFrame({"name": known, "code": pl.Series(range(len(known)), dtype=pl.Int32)})
    codes = pl.DataFrame({"name": values}).join(table, on="name", how="left", maintain_order="left")["code"]
    if required and codes.null_count():
        strange = values.filter(codes.is_null()).unique(maintain_order=True)
        raise ModelError(
            "promotion.basket_unknown",
            values={"count": codes.null_count(), "column": values.name},
            examples=[str(v) for v in strange.to_list()],
        )
    return codes.fill_null(-1).to_numpy().astype(np.int32)


def _members(values: pl.Series) -> Ints:
    ranks = values.rank("dense").cast(pl.Int64) - 1
    return ranks.fill_null(-1).to_numpy()


def _column(lines: pl.DataFrame, name: str) -> pl.Series:
    return lines[name] if name in lines.columns else pl.Series(name, [None] * lines.height, dtype=pl.String)


def _flag(lines: pl.DataFrame, name: str, value: str, *, default: bool) -> Bools:
    if name not in lines.columns:
        return np.full(lines.height, default)
    return (lines[name].cast(pl.String) == value).fill_null(value=default).to_numpy()


def _gift_lines(lines: pl.DataFrame) -> Bools:
    if "is_gift" not in lines.columns:
        return np.zeros(lines.height, dtype=np.bool_)
    return lines["is_gift"].fill_null(value=False).to_numpy()


def _check(lines: pl.DataFrame) -> None:
    negative = lines.filter(
        (pl.col("quantity_milli") <= 0) | (pl.col("list_minor") < 0) | pl.col("list_minor").is_null()
    )
    if negative.height:
        raise ModelError(
            "promotion.basket_negative",
            values={"count": negative.height},
            examples=negative["receipt_id"].cast(pl.String).head(5).to_list(),
        )
    top = lines.select(pl.col("list_minor").sum().over("receipt_id").max()).item() if lines.height else 0
    if top > MAX_MINOR:
        raise ModelError("promotion.basket_large", values={"top": top, "limit": MAX_MINOR})
