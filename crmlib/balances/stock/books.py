"""What the books of goods say: moves at cost, the statement against the count, what is on its way, stock by lot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from crmlib.balances import rules
from crmlib.balances.ledgers import LEDGERS
from crmlib.balances.roll_forward import Statement, statement
from crmlib.core.frames import AnyFrame, to_polars, whole

PAIR = ("store_id", "product_id")
FULL = 0.5
"""A day on which at least this share of a store's goods was counted is a stocktake; fewer is a look at a shelf."""


@dataclass(frozen=True, slots=True)
class Books:
    """The month of the goods.

    Parameters
    ----------
    quantity : statement per store and product [thousandths]. value : the same at cost [minor units].
    """

    quantity: Statement
    value: Statement

    @property
    def breaks(self) -> pl.DataFrame:
        """Where count and book differ: store_id, product_id, unexplained_milli, unexplained_minor, largest first."""
        gaps = self.value.lines.select(*PAIR, unexplained_minor="unexplained")
        wrong = self.quantity.breaks.select(*PAIR, unexplained_milli="unexplained").join(gaps, on=PAIR, how="left")
        size = pl.col("unexplained_minor").abs()
        return wrong.sort(size, *PAIR, descending=[True, False, False])

    @property
    def by_kind(self) -> pl.DataFrame:
        """One row per line of the statement: line, amount_minor; opening + moves + unexplained = closing."""
        totals = self.value.totals
        rows = [(name, amount) for name, amount in totals.items() if amount or name in ("opening", "closing")]
        return pl.DataFrame(rows, schema={"line": pl.String, "amount_minor": pl.Int64}, orient="row")


def valued(moves: AnyFrame, products: AnyFrame, lots: AnyFrame | None = None) -> pl.DataFrame:
    """`moves` of goods with `cost_minor`: its own, else its lot's cost, else its product's [minor units].

    Parameters
    ----------
    moves : product_id, lot_id, quantity_milli, cost_minor. products : product_id, cost_minor, is_service; moves of
        services (bags, delivery) are left out. lots : lot_id, cost_minor, of one unit.
    """
    rows = to_polars(moves, needs=["product_id", "lot_id", "quantity_milli", "cost_minor"], name="stock_moves")
    goods = to_polars(products, needs=["product_id", "cost_minor", "is_service"], name="products", key="product_id")
    rows = rows.join(
        goods.select("product_id", "is_service", __usual="cost_minor"),
        on="product_id",
        how="left",
        maintain_order="left",
    ).filter(~pl.col("is_service").fill_null(value=False))
    if lots is None:
        rows = rows.with_columns(__lot=pl.lit(None, dtype=pl.Int64))
    else:
        costs = to_polars(lots, needs=["lot_id", "cost_minor"], name="lots", key="lot_id")
        rows = rows.join(costs.select("lot_id", __lot="cost_minor"), on="lot_id", how="left", maintain_order="left")
    each = pl.coalesce("__lot", "__usual").fill_null(0)
    worth = (pl.col("quantity_milli") * each / 1000).round().cast(pl.Int64)
    return rows.with_columns(pl.coalesce("cost_minor", worth)).drop("__lot", "__usual", "is_service")


def stocktakes(counts: AnyFrame, pairs: pl.DataFrame, *, as_of: date) -> pl.DataFrame:
    """The last full count of each store up to `as_of`: store_id, product_id, counted_on, found_milli.

    Parameters
    ----------
    counts : the table of counts; lots are summed. pairs : store_id, product_id of what the book carries.
    """
    needs = [*PAIR, "counted_on", "on_hand_milli"]
    rows = whole(to_polars(counts, needs=needs, name="stock"), ["on_hand_milli"], name="stock")
    rows = rows.join(pairs, on=list(PAIR), how="semi").filter(pl.col("counted_on") <= as_of)
    found = rows.group_by(*PAIR, "counted_on").agg(found_milli=pl.col("on_hand_milli").sum())
    carried = pairs.group_by("store_id").agg(carried=pl.len())
    days = found.group_by("store_id", "counted_on").len().join(carried, on="store_id")
    full = days.filter(pl.col("len") >= FULL * pl.col("carried")).group_by("store_id").agg(pl.col("counted_on").max())
    return found.join(full, on=["store_id", "counted_on"], how="semi").sort(*PAIR)


def books(moves: pl.DataFrame, counts: AnyFrame | None, products: AnyFrame, *, first: date, last: date) -> Books:
    """Roll the goods forward from `first` to `last`, against each store's last full count within these days.

    A count is compared with the book of its own day; what it differs by is `unexplained`, in pieces and at the
    product's cost, and is never spread over other lines.

    Parameters
    ----------
    moves : from `valued`, with `at`. counts : the table of counts, or none.
    """
    kinds = LEDGERS["stock"].kinds
    plain = {"key": PAIR, "first": first, "last": last, "kinds": kinds}
    quantity = statement(moves, amount="quantity_milli", **plain)  # type: ignore[arg-type]
    value = statement(moves, amount="cost_minor", **plain)  # type: ignore[arg-type]
    if counts is None:
        return Books(quantity, value)
    taken = stocktakes(counts, quantity.lines.select(PAIR), as_of=last).filter(pl.col("counted_on") >= first)
    costs = to_polars(products, needs=["product_id", "cost_minor"], name="products", key="product_id")
    day = pl.col("at").dt.date()
    on_day = moves.join(taken, on=list(PAIR)).filter(day <= pl.col("counted_on"))
    book = on_day.group_by(PAIR).agg(book=pl.col("quantity_milli").sum())
    gaps = taken.join(book, on=list(PAIR), how="left").join(
        costs.select("product_id", each=pl.col("cost_minor").fill_null(0)), on="product_id", how="left"
    )
    gaps = gaps.with_columns(gap=pl.col("found_milli") - pl.col("book").fill_null(0))
    gaps = gaps.with_columns(worth=(pl.col("gap") * pl.col("each").fill_null(0) / 1000).round().cast(pl.Int64))

    def found(made: Statement, amount: str, gap: str) -> pl.DataFrame:
        both = made.lines.select(*PAIR, "closing").join(gaps.select(*PAIR, gap), on=list(PAIR))
        return both.select(*PAIR, (pl.col("closing") + pl.col(gap)).alias(amount))

    return Books(
        statement(moves, amount="quantity_milli", counted=found(quantity, "quantity_milli", "gap"), **plain),  # type: ignore[arg-type]
        statement(moves, amount="cost_minor", counted=found(value, "cost_minor", "worth"), **plain),  # type: ignore[arg-type]
    )


def part(made: Books, products: Iterable[str]) -> Books:
    """The statement of some products only: the same lines, so the same sums."""
    ids = list(products)

    def of(one: Statement) -> Statement:
        return replace(one, lines=one.lines.filter(pl.col("product_id").is_in(ids)))

    return Books(of(made.quantity), of(made.value))


def on_their_way(moves: pl.DataFrame) -> pl.DataFrame:
    """Transfers of which one end is missing, by transfer: transfer_id, store_id, product_id, at, quantity_milli,
    cost_minor; what left and has not arrived is above 0.
    """  # noqa: D205
    found = rules.pairs_cancel(
        moves, ref="transfer_id", amount="quantity_milli", entry="move_id", kinds=["transfer_in", "transfer_out"]
    )
    rows = moves.filter(pl.col("kind").cast(pl.String).str.starts_with("transfer_"))
    rows = rows.join(found.select(transfer_id="key"), on="transfer_id", how="semi")
    sent = pl.col("quantity_milli") < 0
    return (
        rows.group_by("transfer_id", "product_id")
        .agg(
            pl.col("store_id").sort_by(sent, descending=True).first(),
            pl.col("at").dt.date().min().alias("sent_on"),
            -pl.col("quantity_milli").sum(),
            -pl.col("cost_minor").sum(),
        )
        .sort("cost_minor", "transfer_id", descending=[True, False])
    )


def by_lot(moves: pl.DataFrame, lots: AnyFrame, *, last: date) -> pl.DataFrame:
    """What lies of each lot at the close of `last`; empty lots are left out.

    Returns
    -------
    store_id, product_id, lot_id, produced_on, expires_on (null: not known), on_hand_milli.
    """
    known = to_polars(lots, needs=["lot_id", "produced_on", "expires_on"], name="lots", key="lot_id")
    rows = moves.filter(pl.col("at").dt.date() <= last, pl.col("lot_id").is_not_null())
    held = rows.group_by(*PAIR, "lot_id").agg(on_hand_milli=pl.col("quantity_milli").sum())
    held = held.filter(pl.col("on_hand_milli") > 0)
    return held.join(known.select("lot_id", "produced_on", "expires_on"), on="lot_id").sort(
        *PAIR, "expires_on", "lot_id"
    )


def empty_days(moves: pl.DataFrame, *, first: date, last: date) -> pl.DataFrame:
    """What the book says of every store, product and day: store_id, product_id, counted_on, on_hand_milli at its close.

    In the form of a count, since that is what it stands in for; below zero is shown as zero.
    """
    day = pl.max_horizontal(pl.col("at").dt.date(), pl.lit(first))
    rows = moves.filter(day <= last).group_by(*PAIR, counted_on=day).agg(pl.col("quantity_milli").sum())
    days = pl.DataFrame({"counted_on": pl.date_range(first, last, eager=True)})
    grid = rows.select(PAIR).unique().join(days, how="cross").join(rows, on=[*PAIR, "counted_on"], how="left")
    grid = grid.sort(*PAIR, "counted_on").with_columns(pl.col("quantity_milli").fill_null(0))
    run = pl.col("quantity_milli").cum_sum().over(PAIR)
    return grid.select(*PAIR, "counted_on", on_hand_milli=run.clip(lower_bound=0))


def latest(counts: AnyFrame, *, as_of: date, without: Iterable[str] = ()) -> pl.DataFrame:
    """The last count of every store and product up to `as_of`, for a company without moves: key, on_hand_milli.

    Parameters
    ----------
    without : products left out, such as services.
    """
    rows = to_polars(counts, needs=[*PAIR, "counted_on", "on_hand_milli"], name="stock")
    rows = rows.filter(pl.col("counted_on") <= as_of, ~pl.col("product_id").is_in(list(without)))
    last = pl.col("counted_on") == pl.col("counted_on").max().over(PAIR)
    return rows.filter(last).group_by(PAIR).agg(pl.col("on_hand_milli").sum()).sort(PAIR)


def given(moves: pl.DataFrame, products: AnyFrame, lots: AnyFrame | None = None) -> pl.DataFrame:
    """What was given away of each product, as positive amounts: product_id, quantity_milli, cost_minor, dearest first.

    Parameters
    ----------
    moves : gift moves, products, lots : as `valued`.
    """
    rows = valued(moves, products, lots).group_by("product_id")
    sums = rows.agg(-pl.col("quantity_milli").sum(), -pl.col("cost_minor").sum())
    return sums.sort("cost_minor", "product_id", descending=[True, False])
