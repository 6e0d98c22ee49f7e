"""What is owed: the first sentence, buckets, the ledger, who owes most, what will never come."""

from __future__ import annotations

import polars as pl

from crmlib.balances.receivables.open_items import BUCKETS, LATE, OpenItems
from crmlib.balances.receivables.settle import AHEAD, Coming
from crmlib.balances.roll_forward import Statement
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.receivables import charts

MOST = 0.5
SHOWN = 12


def overdue(found: OpenItems) -> int:
    """What is late, disputed ones apart [minor units]."""
    return int(found.buckets.filter(pl.col("bucket").is_in(LATE))["amount_minor"].sum())


def answer(
    found: OpenItems, book: Statement, coming: Coming, items: pl.DataFrame, excess: pl.DataFrame, *, words: Words
) -> Answer:
    """Overdue, coming and lost; where ledger and open items differ, or too much was applied, that goes first.

    excess : what was applied above a payment or an instalment, a row each: owner, amount_minor.
    """
    form, late, lost = words.format, overdue(found), int(items["loss_minor"].sum())
    share = late / found.owed_minor if found.owed_minor > 0 else None
    kind = "break" if not book.ok else "over" if excess.height else "late" if late else "fine"
    values = {
        "late": form.money(late), "share": form.share(share), "owed": form.money(found.owed_minor),
        "coming": form.money(coming.expected_minor), "days": AHEAD, "lost": form.money(lost),
        "band": _band(coming, words),
        "gap": form.money(int(book.breaks["unexplained"].abs().sum())), "count": form.count(book.breaks.height),
        "rows": form.count(excess.height), "above": form.money(int(excess["amount_minor"].sum())),
    }  # fmt: skip
    figures = (
        Figure(
            words("receivables.figure.owed"), form.money(found.owed_minor), key="owed", amount=found.owed_minor,
            money=True,
        ),
        Figure(
            words("receivables.figure.late"), form.money(late), words("receivables.figure.of_owed", **values),
            "bad" if late else "good", key="late", amount=late, money=True,
        ),
        Figure(
            words("receivables.figure.coming", **values), form.money(coming.expected_minor), _band(coming, words),
            key="coming", amount=coming.expected_minor, money=True,
        ),
        Figure(
            words("receivables.figure.lost"), form.money(lost), words("receivables.figure.lost_of"),
            "bad" if lost else "good", key="lost", amount=lost, money=True,
        ),
    )  # fmt: skip
    return Answer(words(f"receivables.answer.{kind}", **values), figures)


def _band(coming: Coming, words: Words) -> str:
    if coming.low_minor is None or coming.high_minor is None:
        return words("receivables.no_band")
    form = words.format
    return words("receivables.band", low=form.money(coming.low_minor), high=form.money(coming.high_minor))


def buckets(found: OpenItems, months: pl.DataFrame, *, words: Words) -> Finding:
    """What is open by lateness, today and at each month's end.

    Parameters
    ----------
    months : day, bucket, amount_minor.
    """
    form, table = words.format, found.buckets.filter(pl.col("amount_minor") != 0)
    late, owed = overdue(found), found.owed_minor
    by = dict(found.buckets.select("bucket", "amount_minor").iter_rows())
    old = by["late_91_180"] + by["late_over_180"]
    kind = "none" if not late else "old" if old > MOST * late else "young"
    values = {
        "late": form.money(late), "old": form.money(old), "share": form.share(late / owed if owed > 0 else None),
        "not_due": form.money(by["not_due"]), "undated": form.money(by["no_due_date"]),
        "disputed": form.money(by["disputed"]), "unapplied": form.money(by["unapplied"]), "owed": form.money(owed),
    }  # fmt: skip
    names = [words(f"receivables.bucket.{b}") for b in BUCKETS]
    shown = months.filter(pl.col("amount_minor") != 0).with_columns(
        order=pl.col("bucket").replace_strict({b: i for i, b in enumerate(BUCKETS)}, return_dtype=pl.Int32),
        bucket=pl.col("bucket").replace_strict(dict(zip(BUCKETS, names, strict=True)), return_dtype=pl.String),
        value=pl.col("amount_minor") / MINOR_PER_UNIT[form.currency],
    )
    shown = shown.with_columns(pl.Series("label", [form.money(m) for m in shown["amount_minor"]], dtype=pl.String))
    used = [name for name in names if name in set(shown["bucket"])]
    return Finding.worded(
        "receivables.buckets", kind, values, words=words, table=table,
        status="ok" if not late else "fail" if kind == "old" else "warn",
        view=views.readable(table, words=words, exact=True),
        chart=charts.buckets(shown, names=used, words=words, title=words("receivables.chart.money")) if used else None,
        value_minor=late, row_key=("bucket",),
    )  # fmt: skip


def book(made: Statement, names: pl.DataFrame, excess: pl.DataFrame, *, words: Words) -> Finding:
    """The month's ledger; by what the open items differ from it is a line; what was applied too much is said."""
    form, breaks = words.format, made.breaks
    rows = [(name, amount) for name, amount in made.totals.items() if amount or name in ("opening", "closing")]
    table = pl.DataFrame(rows, schema={"owed_line": pl.String, "amount_minor": pl.Int64}, orient="row")
    first = breaks["owner"] if breaks.height else excess.sort("amount_minor", descending=True)["owner"]
    known = dict(names.select("owner", "name").iter_rows())
    where = known.get(first[0], str(first[0])) if first.len() else ""
    kind = "break" if not made.ok else "over" if excess.height else "closes"
    values = {
        "opening": form.money(made.totals["opening"]), "closing": form.money(made.totals["closing"]),
        "count": form.count(breaks.height), "money": form.money(int(breaks["unexplained"].abs().sum())), "where": where,
        "first": form.day(made.first), "last": form.day(made.last), "paid": form.money(-made.totals["paid"]),
        "invoiced": form.money(made.totals["invoiced"]), "rows": form.count(excess.height),
        "above": form.money(int(excess["amount_minor"].sum())),
    }  # fmt: skip
    bars = table.select(
        pl.Series("name", [words(f"receivables.line.{line}") for line in table["owed_line"]], dtype=pl.String),
        (pl.col("amount_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in table["amount_minor"]], dtype=pl.String),
        pl.coalesce(
            toned(pl.col("owed_line") == "unexplained", "fail"),
            toned(pl.col("owed_line").is_in(["opening", "closing"]), "total"),
        ).alias("tone"),
    )
    return Finding.worded(
        "receivables.book", kind, values, words=words, status="ok" if kind == "closes" else "fail",
        table=table, view=views.readable(table, words=words, exact=True),
        chart=labelled.bars(bars, words=words, title=words("receivables.chart.money")),
        value_minor=int(breaks["unexplained"].abs().sum()) or int(excess["amount_minor"].sum()),
        row_key=("owed_line",),
    )  # fmt: skip


def owners(items: pl.DataFrame, unapplied: pl.DataFrame, names: pl.DataFrame, *, words: Words) -> Finding:
    """Who owes most, how much of it is late, and who is above the limit."""
    form = words.format
    by = items.group_by("owner").agg(
        owed_minor=pl.col("open_minor").sum(),
        late_minor=pl.col("open_minor").filter(pl.col("bucket").is_in(LATE)).sum(),
    )
    spare = unapplied.group_by("owner").agg(spare=pl.col("amount_minor").sum())
    by = by.join(spare, on="owner", how="left").with_columns(pl.col("owed_minor") + pl.col("spare").fill_null(0))
    table = by.join(names.select("owner", "name", "limit_minor"), on="owner", how="left")
    table = table.with_columns(over_minor=(pl.col("owed_minor") - pl.col("limit_minor")).clip(lower_bound=0))
    table = table.sort("owed_minor", "owner", descending=[True, False]).select(
        pl.coalesce("name", "owner").alias("debtor"), "owed_minor", "late_minor", "limit_minor", "over_minor"
    )
    over = table.filter(pl.col("over_minor") > 0)
    kind = (
        "none"
        if table.is_empty()
        else "over"
        if over.height
        else "within"
        if table["limit_minor"].count()
        else "unlimited"
    )
    values = {
        "count": form.count(table.height), "over": form.count(over.height),
        "money": form.money(int(over["over_minor"].sum())), "top": table["debtor"][0] if table.height else "",
        "owed": form.money(table["owed_minor"][0] if table.height else 0),
        "late": form.money(table["late_minor"][0] if table.height else 0),
    }  # fmt: skip
    top = table.head(SHOWN)
    labels = [
        words("receivables.owners.label", owed=form.money(o), late=form.money(m))
        for o, m in top.select("owed_minor", "late_minor").iter_rows()
    ]
    bars = top.select(
        pl.col("debtor").alias("name"),
        (pl.col("owed_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels, dtype=pl.String),
        toned(pl.col("over_minor").fill_null(0) > 0, "warn").alias("tone"),
    )
    return Finding.worded(
        "receivables.owners", kind, values, words=words,
        status="warn" if kind == "over" else "ok" if kind == "within" else "none", table=table,
        view=views.readable(top, words=words),
        chart=labelled.bars(bars, words=words, title=words("receivables.chart.money")) if table.height else None,
        value_minor=int(over["over_minor"].sum()), row_key=("debtor",),
    )  # fmt: skip


def losses(items: pl.DataFrame, *, words: Words) -> Finding:
    """What will never come, by lateness."""
    form = words.format
    by = items.group_by("bucket").agg(pl.col("open_minor", "loss_minor").sum())
    order = pl.DataFrame({"bucket": BUCKETS})
    table = order.join(by, on="bucket", maintain_order="left").with_columns(
        share=pl.col("loss_minor") / pl.col("open_minor")
    )
    table = table.rename({"loss_minor": "never_minor"})
    lost, owed = int(table["never_minor"].sum()), int(table["open_minor"].sum())
    kind = "none" if lost <= 0 else "some"
    values = {"money": form.money(lost), "share": form.share(lost / owed if owed else None), "owed": form.money(owed)}
    labels = [
        words("receivables.losses.label", money=form.money(m), share=form.share(s))
        for m, s in table.select("never_minor", "share").iter_rows()
    ]
    bars = table.select(
        pl.Series("name", [words(f"receivables.bucket.{b}") for b in table["bucket"]], dtype=pl.String),
        (pl.col("never_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels, dtype=pl.String),
    )
    return Finding.worded(
        "receivables.losses", kind, values, words=words, status="warn" if lost > 0 else "ok", table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("receivables.chart.money")) if lost > 0 else None,
        value_minor=lost, row_key=("bucket",),
    )  # fmt: skip
