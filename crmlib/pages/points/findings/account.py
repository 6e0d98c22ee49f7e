"""The points page says what the data say: results in, cards out."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.balances.liability.points import QUIET_DAYS, Account
from crmlib.balances.roll_forward import Statement
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.points import charts
from crmlib.pages.shared import tied

SHOWN = 12
TWO_WEEKS = 14


def answer(
    account: Account, book: Statement, offences: pl.DataFrame, *, words: Words, wrong: pl.DataFrame | None = None
) -> Answer:
    """As `answer`, of explicit results; `wrong` are the lines on which the tills differ."""
    form, future, totals = words.format, account.future, book.totals
    broken = "break" if offences.height else "tie" if wrong is not None and wrong.height else ""
    kind = broken or "judged" if future.judged else "open" if account.outstanding else "none"
    cost, most = account.cost(future.expected or 0.0), account.cost(future.high)
    values = {
        "points": form.count(account.outstanding),
        "cost": form.money(cost),
        "most": form.money(most),
        "count": form.count(offences.height),
        "low": form.money(account.cost(future.low)),
        "worst": form.count(int(offences["amount"].min()) if offences.height else 0),  # type: ignore[arg-type]
        "issued": form.count(totals["earn"]),
        "used": form.count(-totals["redeem"]),
        **tied.values(wrong, words=words),
    }
    figures = (
        Figure(
            words("points.figure.open"),
            form.count(account.outstanding),
            form.money(account.cost(account.outstanding)),
            key="open",
            amount=account.outstanding,
        ),
        Figure(
            words("points.figure.future"),
            form.money(cost if future.expected is not None else None),
            words(f"points.figure.{'band' if future.judged else 'at_most'}", **values),
            key="future",
            amount=cost,
            money=True,
        ),
        Figure(words("points.figure.issued"), form.count(totals["earn"]), key="issued", amount=totals["earn"]),
        Figure(words("points.figure.used"), form.count(-totals["redeem"]), key="used", amount=-totals["redeem"]),
    )
    return Answer(words(f"points.answer.{kind}", **values), figures)


def book(made: Statement, offences: pl.DataFrame, *, words: Words) -> Finding:
    """As `book`, of explicit results."""
    form = words.format
    rows = [(name, amount) for name, amount in made.totals.items() if amount or name in ("opening", "closing")]
    table = pl.DataFrame(rows, schema={"points_line": pl.String, "points": pl.Int64}, orient="row")
    kind = "break" if offences.height else "closes"
    values = {
        "count": form.count(offences.height),
        "opening": form.count(made.totals["opening"]),
        "closing": form.count(made.totals["closing"]),
        "members": form.count(made.lines.height),
        "first": form.day(made.first),
        "last": form.day(made.last),
        "worst": form.count(int(offences["amount"].min()) if offences.height else 0),  # type: ignore[arg-type]
    }
    bars = table.select(
        pl.Series("name", [words(f"points.line.{line}") for line in table["points_line"]], dtype=pl.String),
        pl.col("points").cast(pl.Float64).alias("value"),
        pl.Series("label", [form.count(p) for p in table["points"]], dtype=pl.String),
        toned(pl.col("points_line").is_in(["opening", "closing"]), "total").alias("tone"),
    )
    return Finding.worded(
        "points.book",
        kind,
        values,
        words=words,
        status="fail" if offences.height else "ok",
        table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("points.chart.points")),
        row_key=("points_line",),
    )


def liability(account: Account, *, words: Words, life: int, aside: int | None) -> Finding:
    """As `liability`, of explicit results."""
    form, future = words.format, account.future
    kind = "unknown" if future.expected is None else "judged" if future.judged else "open"
    held = int(account.cohorts["open"].sum())
    values = {
        "expected": form.count(round(future.expected)) if future.expected is not None else form.count(None),
        "share": form.share(future.expected / held if held and future.expected is not None else None),
        "held": form.count(held),
        "cost": form.money(account.cost(future.expected or 0.0)),
        "low": form.money(account.cost(future.low)),
        "high": form.money(account.cost(future.high)),
        "ever": form.share(account.use_share),
        "life": life,
        "aside": form.money(aside),
        "worth": form.number(account.worth, digits=2),
    }
    table = account.cohorts.rename(
        {"issued": "points_issued", "used": "points_used", "expired": "points_expired", "open": "points_open"}
    )
    return Finding.worded(
        "points.liability",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table.tail(SHOWN), words=words),
        chart=charts.cohorts(account.cohorts.tail(24), words=words) if table.height else None,
        value_minor=account.cost(future.expected or 0.0),
        row_key=("month",),
    )


def months(rows: pl.DataFrame, *, words: Words) -> Finding:
    """More was issued than used and expired, or less: the account grows or shrinks."""
    form = words.format
    issued, gone = int(rows["issued"].sum()), int(rows["used"].sum()) + int(rows["expired"].sum())
    kind = "none" if rows.is_empty() else "grows" if issued > gone else "shrinks"
    values = {
        "issued": form.count(issued),
        "used": form.count(int(rows["used"].sum())),
        "gap": form.count(abs(issued - gone)),
        "expired": form.count(int(rows["expired"].sum())),
        "months": form.count(rows.height),
        "share": form.share(int(rows["used"].sum()) / issued if issued > 0 else None),
    }
    table = rows.rename({"issued": "points_issued", "used": "points_used", "expired": "points_expired"})
    return Finding.worded(
        "points.months",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table, words=words) if rows.height else None,
        chart=charts.months(rows, words=words) if rows.height else None,
        row_key=("month",),
    )


def gifts(rows: pl.DataFrame, products: pl.DataFrame, *, words: Words) -> Finding:
    """Gifts at cost, by product."""
    form, total = words.format, int(rows["cost_minor"].sum())
    called = pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True)
    named = rows.join(products.select("product_id", goods=called), on="product_id", how="left", maintain_order="left")
    table = named.select(pl.col("goods").fill_null(pl.col("product_id")), "quantity_milli", gift_minor="cost_minor")
    values = {
        "money": form.money(total),
        "goods": form.count(table.height),
        "top": table["goods"][0] if table.height else "",
        "first": form.money(table["gift_minor"][0] if table.height else 0),
    }
    return Finding.worded(
        "points.gifts",
        "some" if total > 0 else "none",
        values,
        words=words,
        status="none",
        table=table,
        view=views.readable(table.head(SHOWN), words=words) if table.height else None,
        value_minor=total,
        row_key=("goods",),
    )


def listed(
    account: Account,
    quiet: pl.DataFrame,
    owners: pl.DataFrame,
    *,
    words: Words,
    as_of: date,
    capacity: int,
    pseudonyms: dict[str, str],
) -> ActionList:
    """Accounts below zero first, then members with most points who have not come for three months."""
    below = account.below.with_columns(last_on=pl.lit(None, dtype=pl.Date))
    found = pl.concat([below, quiet.select(below.columns)])
    chosen = found.head(capacity).join(owners, on="customer_id", how="left", maintain_order="left")
    reason, advice, worth = [], [], []
    for row in chosen.iter_rows(named=True):
        kind = "below" if row["points"] < 0 else "quiet"
        values = {"points": words.format.count(row["points"]), "day": words.format.day(row["last_on"])}
        reason.append(words(f"points.reason.{kind}", **values))
        advice.append(words(f"points.advice.{kind}"))
        worth.append(account.cost(abs(row["points"])))
    table = chosen.select(
        pl.Series("customer", [pseudonyms[c] for c in chosen["customer_id"]], dtype=pl.String),
        pl.Series("reason", reason, dtype=pl.String),
        "points",
        pl.Series("worth_minor", worth, dtype=pl.Int64),
        pl.Series("suggestion", advice, dtype=pl.String),
        pl.col("owner").fill_null(words("churn.no_owner")),
        pl.lit(as_of + timedelta(days=TWO_WEEKS)).alias("due_on"),
    )
    kind = "none" if not found.height else "all" if found.height <= capacity else "capped"
    values = {"count": words.format.count(table.height), "found": words.format.count(found.height)}
    return ActionList(
        headline=words(f"points.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words),
        note=words("points.actions.note", days=QUIET_DAYS),
        row_key=("customer",),
    )
