"""The cash book beside the books it must agree with: tills, card sales, what partners paid; a gap is a line of its own.

Means of payment that become money on an account of ours are compared store by store and day by day: cash with the
tills' accounts, cards and payment codes with the code accounts. Where these accounts belong to no store, the company's
day is compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from crmlib.balances.ledgers import roll
from crmlib.balances.roll_forward import Statement
from crmlib.balances.ties import tie
from crmlib.core.frames import AnyFrame, timed, to_polars

CASH, CODE = "cash", "code"
CLASSES = {CASH: ("till", "safe"), CODE: ("wallet", "bank")}
"""Kinds of account by what comes into them."""
MEANS = {CASH: ("cash",), CODE: ("card", "wallet")}
"""Means of payment that arrive there; points, coupons, stored cards and vouchers bring no money on the day."""
TIE = pl.Schema(
    {"tie": pl.String(), "store_id": pl.String(), "day": pl.Date(), "other_minor": pl.Int64(),
     "book_minor": pl.Int64(), "gap_minor": pl.Int64()}
)  # fmt: skip
"""`gap_minor` is what the other book says less what the cash book says."""


def dated(moves: AnyFrame, accounts: AnyFrame) -> pl.DataFrame:
    """`cash_moves` with the day, and the kind and store of their account; moves of unknown accounts are left out."""
    rows = timed(moves, needs=["move_id", "account_id", "kind", "amount_minor", "ref_id"], name="cash_moves")
    known = to_polars(accounts, needs=["account_id", "kind", "store_id"], name="accounts", key="account_id")
    known = known.select("account_id", "store_id", account_kind=pl.col("kind").cast(pl.String))
    rows = rows.drop("store_id", "account_kind", strict=False).join(known, on="account_id", maintain_order="left")
    return rows.with_columns(pl.col("kind").cast(pl.String), day=pl.col("at").cast(pl.Date))


def tills(moves: pl.DataFrame, paid: AnyFrame, *, first: date, last: date) -> pl.DataFrame:
    """Takings by the tills against takings booked, a row per means, store and day (`TIE`), `first` to `last`.

    Parameters
    ----------
    moves : from `dated`. paid : store_id, day, tender, amount_minor (paid back negative): table `tenders`, or the
        receipts' own means of payment. Only means whose accounts the book has are compared.
    """
    given = to_polars(paid, needs=["store_id", "day", "tender", "amount_minor"], name="tenders")
    given = given.with_columns(pl.col("tender").cast(pl.String)).filter(pl.col("day").is_between(first, last))
    booked = moves.filter(pl.col("kind").is_in(["sale", "sale_return"]), pl.col("day").is_between(first, last))
    parts = []
    for name, kinds in CLASSES.items():
        mine = booked.filter(pl.col("account_kind").is_in(kinds))
        if mine.is_empty():
            continue
        theirs = given.filter(pl.col("tender").is_in(MEANS[name]))
        if mine["store_id"].null_count() == mine.height:
            theirs = theirs.with_columns(store_id=pl.lit(None, dtype=pl.String))
        parts.append(_tied(name, theirs, mine))
    return pl.concat([pl.DataFrame(schema=TIE), *parts])


def other(moves: pl.DataFrame, kind: str, book: AnyFrame, *, by_store: bool, first: date, last: date) -> pl.DataFrame:
    """Another book against moves of one kind: cards and vouchers sold (`card_sale`), partners' payments (`collection`).

    Parameters
    ----------
    book : day, amount_minor and, `by_store`, store_id.
    """
    mine = moves.filter(pl.col("kind") == kind, pl.col("day").is_between(first, last))
    needs = ["day", "amount_minor", *(["store_id"] if by_store else [])]
    theirs = to_polars(book, needs=needs, name=kind).filter(pl.col("day").is_between(first, last))
    if not by_store:
        mine, theirs = (t.with_columns(store_id=pl.lit(None, dtype=pl.String)) for t in (mine, theirs))
    return _tied(kind, theirs, mine)


def _tied(name: str, theirs: pl.DataFrame, mine: pl.DataFrame) -> pl.DataFrame:
    found = tie(theirs, mine, on=["store_id", "day"], amount="amount_minor")
    return found.select(
        tie=pl.lit(name), store_id="store_id", day="day", other_minor="left", book_minor="right",
        gap_minor="unexplained",
    ).cast(TIE)  # fmt: skip


def summed(ties: pl.DataFrame) -> pl.DataFrame:
    """One row per pair of books: tie, other_minor, book_minor, gap_minor, days (store-days that differ)."""
    return ties.group_by("tie", maintain_order=True).agg(
        pl.col("other_minor", "book_minor", "gap_minor").sum(), days=(pl.col("gap_minor") != 0).sum().cast(pl.Int64)
    )


def statement(moves: pl.DataFrame, ties: pl.DataFrame, *, first: date, last: date) -> Statement:
    """The month of every account; what tills, or the other books, say beyond it is `unexplained` of the account.

    A gap belongs to the account that its store's money of this means goes to, the first where there are several.
    """
    plain = roll("cash", moves, first=first, last=last)
    where = {CASH: CLASSES[CASH], CODE: CLASSES[CODE], "card_sale": CLASSES[CODE], "collection": ("bank",)}
    gaps = _gaps(moves, ties.filter(pl.col("gap_minor") != 0), where)
    found = plain.lines.select("account_id", amount_minor="closing").join(gaps, on="account_id", how="left")
    found = found.select("account_id", pl.col("amount_minor") + pl.col("gap_minor").fill_null(0))
    return roll("cash", moves, first=first, last=last, counted=found)


def _gaps(moves: pl.DataFrame, wrong: pl.DataFrame, where: Mapping[str, tuple[str, ...]]) -> pl.DataFrame:
    parts = []
    for name, kinds in where.items():
        mine = moves.filter(pl.col("account_kind").is_in(kinds))
        account = mine.group_by("store_id").agg(pl.col("account_id").min())
        rows = wrong.filter(pl.col("tie") == name)
        parts.append(rows.join(account, on="store_id", nulls_equal=True).select("account_id", "gap_minor"))
    return pl.concat(parts).group_by("account_id").agg(pl.col("gap_minor").sum())


def by_class(made: Statement, moves: pl.DataFrame) -> pl.DataFrame:
    """The statement by kind of account: cash_line (opening, kinds that occur, unexplained, closing), tills_minor,
    codes_minor, bank_minor, amount_minor (all accounts) [minor units].
    """  # noqa: D205
    kind = moves.select("account_id", "account_kind").unique()
    lines = made.lines.join(kind, on="account_id", how="left")
    named = {"tills_minor": CLASSES[CASH], "codes_minor": ("wallet",), "bank_minor": ("bank",)}
    rows = []
    for line in ("opening", *made.kinds, "unexplained", "closing"):
        parts = [int(lines.filter(pl.col("account_kind").is_in(kinds))[line].sum()) for kinds in named.values()]
        if any(parts) or line in ("opening", "closing"):
            rows.append((line, *parts, sum(parts)))
    schema = {"cash_line": pl.String, **dict.fromkeys(named, pl.Int64), "amount_minor": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def entries(moves: pl.DataFrame, paid: AnyFrame, wrong: pl.DataFrame) -> pl.DataFrame:
    """What stands behind the tills' gaps: every payment and every entry of a store, day and means that differ.

    Returns
    -------
    tie, store_id, day, side (till or book), slip_id (null where payments are sums), amount_minor; by day and store.
    """
    till = to_polars(paid, needs=["store_id", "day", "tender", "amount_minor"], name="tenders")
    means = {m: name for name, every in MEANS.items() for m in every}
    till = till.with_columns(tie=pl.col("tender").cast(pl.String).replace_strict(means, default=None))
    if "receipt_id" not in till.columns:
        till = till.with_columns(receipt_id=pl.lit(None, dtype=pl.String))
    kinds = {k: name for name, every in CLASSES.items() for k in every}
    book = moves.filter(pl.col("kind").is_in(["sale", "sale_return"])).with_columns(
        tie=pl.col("account_kind").replace_strict(kinds, default=None)
    )
    sides = [
        till.select("tie", "store_id", "day", pl.lit("till").alias("side"), "amount_minor", slip_id="receipt_id"),
        book.select("tie", "store_id", "day", pl.lit("book").alias("side"), "amount_minor", slip_id="move_id"),
    ]
    on = ["tie", "store_id", "day"]
    rows = pl.concat(sides, how="diagonal").join(wrong.select(on), on=on, how="semi", nulls_equal=True)
    return rows.sort("day", "store_id", "tie", "side", "slip_id").select(*on, "side", "slip_id", "amount_minor")
