"""The cash book beside other books: results in, cards out. A gap is a line, red, and never spread."""

from __future__ import annotations

import polars as pl

from crmlib.balances.cash import takings
from crmlib.balances.roll_forward import Statement
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding, Tone
from crmlib.kit.words import Words

SHOWN = 12


def answer(
    made: Statement,
    ties: pl.DataFrame,
    transit: pl.DataFrame | None,
    counts: pl.DataFrame,
    names: dict[str, str],
    *,
    words: Words,
) -> Answer:
    """As `answer`, of explicit results; `transit` none: a reader who does not see the bank."""
    form, wrong = words.format, differing(ties)
    late = None if transit is None else transit.filter("late")
    gap, held = int(wrong["gap_minor"].abs().sum()), made.totals["closing"]
    kind = (
        "break" if wrong.height else "late" if late is not None and late.height
        else "counted" if counts.height else "closes"
    )  # fmt: skip
    over = int(counts["amount_minor"].sum())
    values = {
        "count": form.count(wrong.height),
        "money": form.money(gap),
        "where": _where(wrong, names, words),
        "bags": form.count(None if late is None else late.height),
        "late": form.money(None if late is None else int(late["amount_minor"].sum())),
        "counted": form.money(over),
        "held": form.money(held),
    }
    bad: Tone = "bad" if gap else "good"
    figures = [
        Figure(words("cashbook.figure.held"), form.money(held), key="held", amount=held, money=True),
        Figure(words("cashbook.figure.gap"), form.money(gap), tone=bad, key="gap", amount=gap, money=True),
        Figure(words("cashbook.figure.counted"), form.money(over), key="counted", amount=over, money=True),
    ]
    if transit is not None:
        way = int(transit["amount_minor"].sum())
        figures.insert(2, Figure(words("cashbook.figure.way"), form.money(way), key="way", amount=way, money=True))
    return Answer(words(f"cashbook.answer.{kind}", **values), tuple(figures))


def differing(ties: pl.DataFrame) -> pl.DataFrame:
    """Rows that differ, the largest first."""
    order = (pl.col("gap_minor").abs(), "day", "tie", "store_id")
    return ties.filter(pl.col("gap_minor") != 0).sort(*order, descending=[True, False, False, False], nulls_last=True)


def _where(wrong: pl.DataFrame, names: dict[str, str], words: Words) -> str:
    """The store and day of the largest gap."""
    if wrong.is_empty():
        return ""
    row = wrong.row(0, named=True)
    store = words("cashbook.company") if row["store_id"] is None else names.get(row["store_id"], row["store_id"])
    return words("cashbook.where", store=store, day=words.format.day(row["day"]))


def named(rows: pl.DataFrame, names: dict[str, str], words: Words) -> pl.Series:
    """The stores of `rows` by name, the company where there is none."""
    said = [words("cashbook.company") if s is None else names.get(s, s) for s in rows["store_id"]]
    return pl.Series("store", said, dtype=pl.String)


def tie(ties: pl.DataFrame, names: dict[str, str], *, words: Words) -> Finding:
    """Which books differ where; where none does, what each pair came to."""
    form, wrong = words.format, differing(ties)
    kind = "break" if wrong.height else "agrees" if ties.height else "none"
    till = ties.filter(pl.col("tie").is_in([takings.CASH, takings.CODE]))
    values = {
        "count": form.count(wrong.height),
        "money": form.money(int(wrong["gap_minor"].abs().sum())),
        "less": form.money(int(wrong["gap_minor"].clip(lower_bound=0).sum())),
        "more": form.money(-int(wrong["gap_minor"].clip(upper_bound=0).sum())),
        "where": _where(wrong, names, words),
        "till": form.money(int(till["other_minor"].sum())),
        "book": form.money(int(till["book_minor"].sum())),
        "days": form.count(ties.height),
    }
    summed = takings.summed(ties).select("tie", "other_minor", "book_minor", "gap_minor")
    table = (
        wrong.with_columns(named(wrong, names, words)).select("tie", "store", "day", *takings.TIE.names()[3:])
        if wrong.height else summed
    )  # fmt: skip
    bars = table.head(SHOWN).select(
        pl.concat_str([pl.col("store"), pl.col("day").dt.strftime("%m-%d")], separator=" ").alias("name"),
        (pl.col("gap_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in table.head(SHOWN)["gap_minor"]], dtype=pl.String),
    ) if wrong.height else None  # fmt: skip
    return Finding.worded(
        "cashbook.tie",
        kind,
        values,
        words=words,
        status="fail" if wrong.height else "ok" if ties.height else "none",
        table=table,
        view=views.readable(table.head(SHOWN), words=words, exact=True) if table.height else None,
        chart=None if bars is None else labelled.bars(bars, words=words, title=words("cashbook.chart.gap")),
        value_minor=int(wrong["gap_minor"].abs().sum()),
        row_key=("tie", "store", "day") if wrong.height else ("tie",),
    )


def rows(entries: pl.DataFrame, names: dict[str, str], *, words: Words) -> Finding:
    """The payments and entries behind the gaps: all in the workbook, the first on the page."""
    form = words.format
    table = entries.with_columns(named(entries, names, words)).select(
        "tie", "store", "day", "side", "slip_id", "amount_minor"
    )
    values = {
        "count": form.count(table.height),
        "days": form.count(entries.select("store_id", "day").unique().height),
        "shown": form.count(min(table.height, SHOWN)),
    }
    return Finding.worded(
        "cashbook.rows",
        "some" if table.height else "none",
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table.head(SHOWN), words=words, exact=True) if table.height else None,
        row_key=("slip_id", "side"),
    )


def book(made: Statement, moves: pl.DataFrame, *, words: Words) -> Finding:
    """The month by kind of account; unexplained is a line."""
    form, totals = words.format, made.totals
    table = takings.by_class(made, moves)
    kind = "break" if totals["unexplained"] or not made.ok else "closes"
    values = {
        "opening": form.money(totals["opening"]),
        "closing": form.money(totals["closing"]),
        "gap": form.money(totals["unexplained"]),
        "accounts": form.count(made.lines.height),
        "taken": form.money(sum(totals[k] for k in ("sale", "sale_return", "card_sale"))),
        "collected": form.money(totals["collection"]),
        "paid": form.money(-totals["payment"] - totals["expense"] - totals["fee"]),
        "first": form.day(made.first),
        "last": form.day(made.last),
    }
    bars = table.select(
        pl.Series("name", [words(f"cashbook.line.{line}") for line in table["cash_line"]], dtype=pl.String),
        (pl.col("amount_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in table["amount_minor"]], dtype=pl.String),
        toned(pl.col("cash_line").is_in(["opening", "closing"]), "total").alias("tone"),
    )
    return Finding.worded(
        "cashbook.book",
        kind,
        values,
        words=words,
        status="fail" if kind == "break" else "ok",
        table=table,
        view=views.readable(table, words=words, exact=True),
        chart=labelled.bars(bars, words=words, title=words("cashbook.chart.money")),
        row_key=("cash_line",),
    )
