"""The ledgers of the lake: which key, which amount, which kinds; one statement for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from crmlib.balances import rules
from crmlib.balances.roll_forward import Statement, statement
from crmlib.core.contracts.cash import CASH_KINDS
from crmlib.core.contracts.points import ENTRY_KINDS
from crmlib.core.contracts.stock_books import HELD_KINDS, STOCK_KINDS
from crmlib.core.contracts.stored_value import CARD_KINDS
from crmlib.core.errors import check_choice
from crmlib.core.frames import AnyFrame, to_polars


@dataclass(frozen=True, slots=True)
class Ledger:
    """table: its moves; key: what a balance belongs to; amount: what is rolled; entry: id of a row; kinds: in order.

    `borrows`: a balance below 0 is shown and carried, not a finding.
    """

    table: str
    key: tuple[str, ...]
    amount: str
    entry: str
    kinds: tuple[str, ...]
    borrows: bool = False


def _but_open(kinds: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(kind for kind in kinds if kind != "open")


GOODS = ("store_id", "product_id", "lot_id")
LEDGERS = {
    "points": Ledger("points", ("customer_id",), "points", "entry_id", _but_open(ENTRY_KINDS)),
    "cards": Ledger("card_moves", ("card_id",), "amount_minor", "move_id", _but_open(CARD_KINDS)),
    "stock": Ledger("stock_moves", GOODS, "quantity_milli", "move_id", _but_open(STOCK_KINDS), borrows=True),
    "stock_value": Ledger("stock_moves", GOODS, "cost_minor", "move_id", _but_open(STOCK_KINDS), borrows=True),
    "held": Ledger("held_moves", ("order_id", "product_id"), "quantity_milli", "move_id", _but_open(HELD_KINDS)),
    "held_value": Ledger("held_moves", ("order_id", "product_id"), "value_minor", "move_id", _but_open(HELD_KINDS)),
    "cash": Ledger("cash_moves", ("account_id",), "amount_minor", "move_id", _but_open(CASH_KINDS), borrows=True),
}
"""By name. Gifts are the stock ledger of the products that are gifts (`gifts`)."""


def roll(
    name: str,
    moves: AnyFrame,
    *,
    first: date,
    last: date,
    counted: AnyFrame | None = None,
    known_by: datetime | None = None,
) -> Statement:
    """`statement` of a named ledger.

    Examples
    --------
    >>> moves = pl.DataFrame({"customer_id": ["a", "a"], "at": [date(2026, 1, 1), date(2026, 1, 2)],
    ...                       "kind": ["open", "redeem"], "points": [100, -30]})
    >>> made = roll("points", moves, first=date(2026, 1, 1), last=date(2026, 1, 31))
    >>> made.totals["opening"], made.totals["redeem"], made.totals["closing"]
    (100, -30, 70)
    """
    check_choice(name, LEDGERS, name="name")
    book = LEDGERS[name]
    return statement(
        moves,
        key=book.key,
        amount=book.amount,
        kinds=book.kinds,
        first=first,
        last=last,
        counted=counted,
        known_by=known_by,
    )


def offences(name: str, moves: AnyFrame) -> pl.DataFrame:
    """Findings of a named ledger: balances below 0 (where they may not be) and second openings."""
    check_choice(name, LEDGERS, name="name")
    book, rows = LEDGERS[name], to_polars(moves, name=name)
    found = [rules.one_opening(rows, key=book.key, amount=book.amount, entry=book.entry)]
    if not book.borrows:
        found.insert(0, rules.balance_never_negative(rows, key=book.key, amount=book.amount, entry=book.entry))
    return pl.concat(found)


def gifts(moves: AnyFrame, products: AnyFrame) -> pl.DataFrame:
    """The stock moves of gifts, for a statement of their own, since their cost stands apart from points and goods."""
    rows = to_polars(moves, needs=["product_id"], name="stock_moves")
    marked = to_polars(products, needs=["product_id", "is_gift"], name="products", key="product_id")
    return rows.join(marked.filter(pl.col("is_gift")).select("product_id"), on="product_id", how="semi")
