"""The expenses page says what the data say: results in, cards out."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Tone
from crmlib.kit.words import Words

SHOWN = 12
TWO_WEEKS = 14
FLOOR_SHARE = 0.02


def answer(lines: pl.DataFrame, stores: pl.DataFrame, *, words: Words) -> Answer:
    """As `answer`, of explicit results."""
    form = words.format
    spent, plan = int(lines["spent_minor"].sum()), int(lines["plan_minor"].sum())
    net = int(lines["net_minor"][0]) if lines.height else 0
    over = overspent(lines)
    spending, volume = int(lines["spending_minor"].sum()), int(lines["volume_minor"].sum())
    short = -int(stores.filter(pl.col("left_minor") < 0)["left_minor"].sum())
    losing = stores.filter(pl.col("left_minor") < 0).height
    kind = "none" if not lines.height else "over" if over.height else "within"
    values = {
        "spent": form.money(spent),
        "share": form.share(spent / net if net > 0 else None),
        "line": over["line"][0] if over.height else "",
        "money": form.money(over["spending_minor"][0] if over.height else 0),
        "count": form.count(over.height),
        "losing": form.count(losing),
        "short": form.money(short),
        "plan": form.money(plan),
    }
    share = spent / net if net > 0 else None
    beside = words("expenses.figure.spending_of", volume=form.money(volume))
    of = words("expenses.figure.of_stores", count=form.count(stores.height))
    dear: Tone = "bad" if spending > 0 else "good"
    poor: Tone = "bad" if losing else "good"
    change = form.change(spent / plan - 1 if plan else None)
    figures = (
        Figure(words("expenses.figure.spent"), form.money(spent), change, "neutral", "spent", spent, money=True),
        Figure(words("expenses.figure.share"), form.share(share), "", "neutral", "share", share),
        Figure(words("expenses.figure.spending"), form.money(spending), beside, dear, "spending", spending, money=True),
        Figure(words("expenses.figure.losing"), form.count(losing), of, poor, "losing", losing),
    )
    sentence = words(f"expenses.answer.{kind}", **values)
    if stores.height:
        sentence += words(f"expenses.answer.{'losing' if losing else 'earning'}", **values)
    return Answer(sentence, figures)


def overspent(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines spent by more than a fiftieth above their flexible plan, the largest first."""
    floor = FLOOR_SHARE * pl.col("flexible_minor").abs()
    return lines.filter(pl.col("spending_minor") > floor, pl.col("spending_minor") > 0)


def lines(rows: pl.DataFrame, *, words: Words) -> Finding:
    """As `lines`, of explicit results."""
    form, over = words.format, overspent(rows)
    sums = {name: int(rows[f"{name}_minor"].sum()) for name in ("plan", "volume", "spending", "spent")}
    kind = "over" if over.height else "within" if rows.height else "none"
    values = {name: form.money(amount) for name, amount in sums.items()} | {
        "count": form.count(over.height),
        "line": over["line"][0] if over.height else "",
        "money": form.money(over["spending_minor"][0] if over.height else 0),
        "all": form.money(int(over["spending_minor"].sum())),
        "floor": form.share(FLOOR_SHARE, digits=0),
    }
    table = rows.select(
        pl.col("kind").cast(pl.String).alias("expense_kind"),
        pl.col("line").alias("expense_line"),
        year_ago_minor="plan_minor",
        sales_driven_minor="volume_minor",
        beside_minor="spending_minor",
        outlay_minor="spent_minor",
    )
    top = table.head(SHOWN)
    bars = top.select(
        pl.col("expense_line").alias("name"),
        (pl.col("beside_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in top["beside_minor"]], dtype=pl.String),
        tone=pl.when(pl.col("beside_minor") > 0).then(pl.lit("warn")).otherwise(pl.lit("plain")),
    )
    return Finding.worded(
        "expenses.lines",
        kind,
        values,
        words=words,
        status="warn" if over.height else "ok" if rows.height else "none",
        table=table,
        view=views.readable(table, words=words, exact=True) if rows.height else None,
        chart=labelled.bars(bars, words=words, title=words("expenses.chart.money")) if rows.height else None,
        value_minor=int(over["spending_minor"].sum()),
        row_key=("expense_kind", "expense_line"),
    )


def months(rows: pl.DataFrame, *, words: Words) -> Finding:
    """The last month beside the mean of the twelve before it; more only beyond their range."""
    form = words.format
    by = rows.group_by("month").agg(pl.col("share").sum(), pl.col("amount_minor").sum()).sort("month")
    last = by["share"][-1] if by.height else None
    before = by.head(-1).tail(12)["share"]
    low, high = before.min(), before.max()
    kind = "unknown"
    if before.len() >= 6 and isinstance(low, float) and isinstance(high, float) and last is not None:
        kind = "more" if last > high else "less" if last < low else "usual"
    values = {
        "share": form.share(last),
        "low": form.share(low if isinstance(low, float) else None),
        "high": form.share(high if isinstance(high, float) else None),
        "month": form.month(by["month"][-1]) if by.height else "",
        "months": form.count(before.len()),
        "kinds": _kinds(rows, words),
    }
    table = rows.rename({"kind": "expense_kind"})
    shown = by.tail(13)
    bars = shown.select(
        pl.Series("name", [form.month(m) for m in shown["month"]], dtype=pl.String),
        pl.col("share").alias("value"),
        pl.Series("label", [form.share(s) for s in shown["share"]], dtype=pl.String),
    )
    return Finding.worded(
        "expenses.months",
        kind,
        values,
        words=words,
        status="warn" if kind == "more" else "none" if kind == "unknown" else "ok",
        table=table,
        view=views.readable(table.tail(SHOWN), words=words) if rows.height else None,
        chart=labelled.bars(bars, words=words, title=words("expenses.chart.share"), percent=True)
        if rows.height
        else None,
        row_key=("month", "expense_kind"),
    )


def _kinds(rows: pl.DataFrame, words: Words) -> str:
    """What the last month's expenses were, kind by kind."""
    last = rows.filter(pl.col("month") == pl.col("month").max()).sort("amount_minor", "kind", descending=[True, False])
    return words("expenses.kinds_join").join(
        words("expenses.of_kind", kind=words(f"expenses.kind.{k}"), money=words.format.money(m))
        for k, m in last.select("kind", "amount_minor").iter_rows()
    )


def stores(rows: pl.DataFrame, names: dict[str, str], *, words: Words) -> Finding:
    """The lowest first; below zero is red."""
    form = words.format
    losing = rows.filter(pl.col("left_minor") < 0)
    kind = "none" if rows.is_empty() else "losing" if losing.height else "earning"
    table = rows.with_columns(store=pl.Series([names.get(s, s) for s in rows["store_id"]], dtype=pl.String)).select(
        "store", "net_minor", "margin_minor", "own_minor", "shared_minor", kept_minor="left_minor"
    )
    values = {
        "count": form.count(losing.height),
        "of": form.count(rows.height),
        "money": form.money(-int(losing["left_minor"].sum())),
        "worst": table["store"][0] if table.height else "",
        "left": form.money(table["kept_minor"][0] if table.height else 0),
        "shared": form.money(int(rows["shared_minor"].sum())),
        "all": form.money(int(rows["left_minor"].sum())),
    }
    top = table.head(SHOWN)
    bars = top.select(
        pl.col("store").alias("name"),
        (pl.col("kept_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(m) for m in top["kept_minor"]], dtype=pl.String),
    )
    return Finding.worded(
        "expenses.stores",
        kind,
        values,
        words=words,
        status="fail" if losing.height else "ok" if rows.height else "none",
        table=table,
        view=views.readable(table, words=words) if rows.height else None,
        chart=labelled.bars(bars, words=words, title=words("expenses.chart.money")) if rows.height else None,
        value_minor=-int(losing["left_minor"].sum()),
        row_key=("store",),
    )


def listed(
    lines: pl.DataFrame, by_store: pl.DataFrame, names: dict[str, str], *, words: Words, as_of: date, capacity: int,
    kept: pl.DataFrame | None = None,
) -> ActionList:  # fmt: skip
    """Overspent lines of stores, and of the company where no store bears them, and stores short of their costs.

    Most money first.

    Parameters
    ----------
    lines : every line of the company. by_store : the same by store, own costs only.
    kept : what stores keep: store_id, margin_minor, own_minor, shared_minor, left_minor.
    """
    form = words.format
    borne = set(by_store["line"])
    alike = by_store.filter(pl.col("months_now") == pl.col("months_then"))
    common = overspent(lines.filter(~pl.col("line").is_in(list(borne))))
    common = common.with_columns(store_id=pl.lit(None, dtype=pl.String))
    columns = ["store_id", "line", "flexible_minor", "spent_minor", "spending_minor"]
    found = pl.concat([common.select(columns), overspent(alike).select(columns)])
    found = found.sort("spending_minor", "store_id", "line", descending=[True, False, False])
    losing = kept.filter(pl.col("left_minor") < 0) if kept is not None else pl.DataFrame()
    rows = [_row(row, names, words) for row in found.iter_rows(named=True)]
    rows += [_short(row, names, words) for row in losing.iter_rows(named=True)]
    rows.sort(key=lambda row: -int(str(row[3])))
    schema = {
        "store": pl.String,
        "expense_line": pl.String,
        "reason": pl.String,
        "stake_minor": pl.Int64,
        "suggestion": pl.String,
        "owner": pl.String,
    }
    table = pl.DataFrame(rows[:capacity], schema=schema, orient="row")
    table = table.with_columns(due_on=pl.lit(as_of + timedelta(days=TWO_WEEKS)))
    kind = "none" if not rows else "all" if len(rows) <= capacity else "capped"
    values = {
        "count": form.count(table.height),
        "found": form.count(len(rows)),
        "over": form.count(found.height),
        "losing": form.count(losing.height),
    }
    return ActionList(
        headline=words(f"expenses.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words) if rows else None,
        note=words("expenses.actions.note", floor=form.share(FLOOR_SHARE, digits=0)),
        row_key=("store", "expense_line"),
    )


def _row(row: dict[str, object], names: dict[str, str], words: Words) -> tuple[object, ...]:
    """Where, what, why, how much, what to do, by whom."""
    form, store = words.format, row["store_id"]
    plan, spent = (form.money(int(str(row[c]))) for c in ("flexible_minor", "spent_minor"))
    name = names.get(str(store), str(store))
    where = "store" if store else "house"
    return (
        name if store else words("expenses.house"),
        row["line"],
        words("expenses.reason", plan=plan, spent=spent),
        row["spending_minor"],
        words(f"expenses.advice.{where}"),
        words("expenses.owner", store=name) if store else words("expenses.finance"),
    )


def _short(row: dict[str, object], names: dict[str, str], words: Words) -> tuple[object, ...]:
    """A store short of its costs, as `_row`."""
    form, name = words.format, names.get(str(row["store_id"]), str(row["store_id"]))
    margin, own, shared, left = (int(str(row[f"{c}_minor"])) for c in ("margin", "own", "shared", "left"))
    return (
        name,
        words("expenses.whole_store"),
        words("expenses.reason_short", margin=form.money(margin), own=form.money(own), shared=form.money(shared)),
        -left,
        words("expenses.advice.short"),
        words("expenses.operations"),
    )
