"""Rules that no single row can break: each gives a finding per offence, a page turns its statement to `fail`.

Rows of an otherwise sound book are not set apart for them. `refuse` turns findings into an error of three parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.balances.pairing import Pairing
from crmlib.balances.roll_forward import OPEN
from crmlib.balances.ties import tie
from crmlib.core.errors import ContractError, mask
from crmlib.core.frames import AnyFrame, to_polars, whole

FINDING = pl.Schema(
    {"rule": pl.String(), "key": pl.String(), "amount": pl.Int64(), "rows": pl.Int64(), "first": pl.String()}
)
"""rule; key of the offence as text; amount by which the rule is broken; rows concerned; id of the first of them."""


def balance_never_negative(
    moves: AnyFrame, *, key: Sequence[str], amount: str, entry: str, order: Sequence[str] = ("at",)
) -> pl.DataFrame:
    """Keys whose running balance falls below 0: its lowest value, entries below 0, the first of them.

    Entries of one moment count together, what comes in before what goes out.
    """
    rows = whole(to_polars(moves, needs=[*key, *order, amount, entry], name="moves"), [amount], name="moves")
    rows = rows.sort(*key, *order, pl.col(amount) < 0, maintain_order=True)
    rows = rows.with_columns(__run=pl.col(amount).cum_sum().over(list(key)))
    return _found(rows.filter(pl.col("__run") < 0), "balance_never_negative", key, pl.col("__run").min(), entry)


def one_opening(moves: AnyFrame, *, key: Sequence[str], amount: str, entry: str, kind: str = "kind") -> pl.DataFrame:
    """Keys with two openings or more: amount of all but the first."""
    rows = whole(to_polars(moves, needs=[*key, amount, entry, kind], name="moves"), [amount], name="moves")
    rows = rows.filter(pl.col(kind).cast(pl.String) == OPEN)
    again = rows.filter(pl.int_range(pl.len()).over(list(key)) > 0)
    return _found(again, "one_opening", key, pl.col(amount).sum(), entry)


def pairs_cancel(
    moves: AnyFrame,
    *,
    ref: str,
    amount: str,
    entry: str,
    kinds: Sequence[str],
    agree: Sequence[str] = (),
    kind: str = "kind",
) -> pl.DataFrame:
    """Names of transfers whose two ends do not cancel: what left and has not arrived (< 0), or the other way round.

    Parameters
    ----------
    ref : the name that both ends carry, e.g. ``transfer_id``. kinds : kinds of the two ends.
    agree : columns in which both ends agree, too, e.g. ``["product_id", "lot_id"]``.
    """
    rows = whole(to_polars(moves, needs=[ref, amount, entry, kind, *agree], name="moves"), [amount], name="moves")
    rows = rows.filter(pl.col(kind).cast(pl.String).is_in(list(kinds)))
    key = [ref, *agree]
    rows = rows.filter(pl.col(amount).sum().over(key) != 0)
    return _found(rows, "pairs_cancel", key, pl.col(amount).sum(), entry)


def children_sum_to_parent(
    table: AnyFrame, *, unit: str, parent: str, amount: str, by: Sequence[str] = ()
) -> pl.DataFrame:
    """Parents whose children sum to something else: children − parent.

    Parameters
    ----------
    table : unit, the unit it belongs to (null for the root), amount; `by`: columns that both share, e.g. the month.
    """
    rows = whole(to_polars(table, needs=[unit, parent, amount, *by], name="table"), [amount], name="table")
    below = (
        rows.filter(pl.col(parent).is_not_null())
        .group_by(parent, *by)
        .agg(children=pl.col(amount).sum(), rows=pl.len(), first=pl.col(unit).first())
    )
    own = rows.group_by(pl.col(unit).alias(parent), *by).agg(own=pl.col(amount).sum())
    both = below.join(own, on=[parent, *by], how="left", nulls_equal=True)
    both = both.with_columns(gap=pl.col("children") - pl.col("own").fill_null(0)).filter(pl.col("gap") != 0)
    return (
        both.select(
            rule=pl.lit("children_sum_to_parent"), key=_text([parent, *by]), amount="gap", rows="rows", first="first"
        )
        .cast(FINDING)
        .sort("key")
    )


def allocated_within(payments: AnyFrame, invoices: AnyFrame, allocations: AnyFrame) -> pl.DataFrame:
    """Payments that pay more than they are, and instalments that are paid more than they ask: the excess."""
    given = whole(
        to_polars(allocations, needs=["payment_id", "invoice_id", "instalment", "amount_minor"], name="allocations"),
        ["amount_minor"],
        name="allocations",
    )
    found = []
    for frame, name, key in (
        (payments, "payments", ["payment_id"]),
        (invoices, "invoices", ["invoice_id", "instalment"]),
    ):
        there = whole(to_polars(frame, needs=[*key, "amount_minor"], name=name), ["amount_minor"], name=name)
        there = there.group_by(key).agg(limit=pl.col("amount_minor").sum())
        rows = given.join(there, on=key, how="left").with_columns(
            excess=pl.col("amount_minor").sum().over(key) - pl.col("limit").fill_null(0)
        )
        rows = rows.filter(pl.col("excess") > 0)
        found.append(_found(rows, "allocated_within", key, pl.col("excess").first(), "payment_id"))
    return pl.concat(found)


def ledger_ties_to_tender(
    ledger: AnyFrame,
    tenders: AnyFrame,
    *,
    amount: str,
    tender_amount: str = "amount_minor",
    on: Sequence[str] = ("store_id", "day"),
) -> pl.DataFrame:
    """Store-days on which the till's tender and the ledger differ: tender − ledger, both as money paid (> 0)."""
    lines = tie(tenders, ledger, on=on, amount=tender_amount, right_amount=amount)
    lines = lines.filter(pl.col("unexplained") != 0).with_columns(__id=_text(list(on)))
    return _found(lines, "ledger_ties_to_tender", on, pl.col("unexplained").sum(), "__id")


def used_after_expiry(
    made: Pairing,
    *,
    key: Sequence[str],
    expires: str,
    entry: str,
    at: str = "at",
    kind: str = "kind",
    used: Sequence[str] = ("redeem",),
) -> pl.DataFrame:
    """Keys whose entries use what had expired: amount used late, entries, the first of them.

    Parameters
    ----------
    made : pairs of credits with the debits that used them. expires : last day of a credit. used : kinds of a use.
    """
    rows = made.moves.select(
        "row", *key, on=pl.col(at).cast(pl.Date), until=expires, what=pl.col(kind).cast(pl.String), id=entry
    )
    debits = rows.filter(pl.col("what").is_in(list(used))).select(*key, debit="row", on="on", __id="id")
    pairs = made.pairs.join(debits, on="debit").join(rows.select(credit="row", until="until"), on="credit")
    late = pairs.filter(pl.col("on") > pl.col("until")).sort("on", "debit")
    return _found(late, "used_after_expiry", key, pl.col("amount").sum(), "__id")


def unit_is_the_products(moves: AnyFrame, products: AnyFrame, *, entry: str = "move_id") -> pl.DataFrame:
    """Moves in another unit than their product's: kilograms and packs never add up."""
    rows = to_polars(moves, needs=["product_id", "unit", "quantity_milli", entry], name="moves")
    own = to_polars(products, needs=["product_id", "unit"], name="products", key="product_id")
    both = rows.join(own.select("product_id", __own=pl.col("unit").cast(pl.String)), on="product_id", how="inner")
    wrong = both.filter(pl.col("unit").cast(pl.String) != pl.col("__own"))
    return _found(wrong, "unit_is_the_products", ["product_id"], pl.col("quantity_milli").sum(), entry)


def card_sale_is_no_sale(card_moves: AnyFrame, sold: AnyFrame) -> pl.DataFrame:
    """Receipts that sold a card, or loaded one, and stand among the sales of goods as well: the money counted twice.

    Parameters
    ----------
    card_moves : move_id, receipt_id, kind, paid_minor. sold : receipt_id, net_minor of goods, services left out.
    """
    needs = ["move_id", "receipt_id", "kind", "paid_minor"]
    loaded = to_polars(card_moves, needs=needs, name="card_moves").drop_nulls("receipt_id")
    loaded = loaded.filter(pl.col("kind").cast(pl.String).is_in(["issue", "top_up"]), pl.col("paid_minor") > 0)
    goods = to_polars(sold, needs=["receipt_id", "net_minor"], name="sold").group_by("receipt_id").agg(
        pl.col("net_minor").sum()
    )  # fmt: skip
    both = loaded.join(goods, on="receipt_id").filter(pl.col("net_minor") >= pl.col("paid_minor"))
    return _found(
        both.sort("receipt_id", "move_id"),
        "card_sale_is_no_sale",
        ["receipt_id"],
        pl.col("paid_minor").sum(),
        "move_id",
    )


def refuse(findings: pl.DataFrame, *, table: str) -> None:
    """Raise `balances.<rule>` for the first rule that has findings; nothing where there are none."""
    if findings.is_empty():
        return
    rule = str(findings["rule"][0])
    rows = findings.filter(pl.col("rule") == rule).sort(pl.col("amount").abs(), descending=True)
    count, amount, key = int(rows["rows"].sum()), int(rows["amount"][0]), mask(rows["key"][0])
    raise ContractError(
        CODES[rule],
        values={"rows": count, "table": table, "key": key, "amount": amount},
        examples=[mask(first) for first in rows["first"]],
    )


CODES = {
    "balance_never_negative": "balances.negative",
    "one_opening": "balances.two_openings",
    "pairs_cancel": "balances.in_transit",
    "children_sum_to_parent": "balances.children",
    "allocated_within": "balances.over_allocated",
    "ledger_ties_to_tender": "balances.tender",
    "used_after_expiry": "balances.used_after_expiry",
    "unit_is_the_products": "balances.unit",
    "card_sale_is_no_sale": "balances.card_sale",
}
"""Code of the refusal of every rule."""


def _text(key: Sequence[str]) -> pl.Expr:
    return pl.concat_str([pl.col(c).cast(pl.String).fill_null("") for c in key], separator=" ")


def _found(rows: pl.DataFrame, rule: str, key: Sequence[str], amount: pl.Expr, entry: str) -> pl.DataFrame:
    grouped = rows.group_by(_text(list(key)).alias("key"), maintain_order=True).agg(
        amount=amount, rows=pl.len(), first=pl.col(entry).cast(pl.String).first()
    )
    return grouped.select(pl.lit(rule).alias("rule"), "key", "amount", "rows", "first").cast(FINDING)
