"""The plan: everybody's sheet, the year, changes and sums, next year's split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared.sales_wording import signed

Named = Callable[[pl.Series], pl.Series]
ROWS = 12


KEPT = ("collected_minor", "to_remind", "calls", "open_leads")
"""What a seller does beside the till: shown where somebody has a record of it."""


def sellers(
    sheet: pl.DataFrame, called: Mapping[str, str], together: tuple[int, int] | None, *, words: Words, name: Named
) -> Finding:
    """Say how many people are behind, and what the one furthest behind needs; who has no record has no data.

    sheet : of `sales.people.sheet`, with store_id where it is known. called : names of staff by their numbers.
    together : lines of the month that several people share and their net; none where no shares are connected.
    """
    form = words.format
    behind = sheet.filter(pl.col("gap_minor") > 0)
    silent = sheet.filter(pl.col("state") == "no_data").height
    left = int(sheet["days_left"][0])
    kind = "behind" if behind.height else "all" if silent < sheet.height else "no_data"
    first = behind.row(0, named=True) if behind.height else None
    values = {
        "people": form.count(sheet.height),
        "behind": form.count(behind.height),
        "silent": form.count(silent),
        "days": form.count(left),
        "person": called.get(first["staff_id"], str(first["staff_id"])) if first else "",
        "gap": form.money(first["gap_minor"] if first else None),
        "total": form.money(int(behind["gap_minor"].sum())),
        "lines": form.count(together[0] if together else 0),
        "money": form.money(together[1] if together else 0),
    }
    columns = ["staff_id", "target_minor", "sold_minor", "gap_minor", *(c for c in KEPT if c in sheet.columns), "state"]
    if left:
        columns += ["day_needs_minor", "usual_day_minor"]
    table = sheet.select(*columns)
    table.insert_column(1, sheet["staff_id"].replace(dict(called)).alias("person"))
    if "store_id" in sheet.columns:
        table.insert_column(2, name(sheet["store_id"]).alias("store"))
    status: Status = "warn" if behind.height else "ok" if kind == "all" else "none"
    return Finding.worded(
        "targets.sellers", kind, values, words=words, status=status, table=table,
        view=views.readable(table.drop("staff_id").head(20), words=words, names={"state": "targets.state"}),
        seen=words(f"targets.sellers.seen.{'silent' if silent else 'known'}", **values),
        sure=words(f"targets.sellers.sure.{'till' if together is None else 'shared'}", **values),
        row_key=("staff_id",),
        names={"state": "targets.state"},
    )  # fmt: skip


def year(months: pl.DataFrame, *, words: Words, as_of: date) -> Finding:
    """Say where the year stands against the targets of the months that have ended, and what the rest must bring.

    months : month, target_minor, actual_minor (null: ahead).
    """
    form = words.format
    done = months.filter((pl.col("month").dt.month_end() <= as_of) & pl.col("actual_minor").is_not_null())
    open_ = months.filter(pl.col("month").dt.month_end() > as_of)
    asked, sold = int(done["target_minor"].sum()), int(done["actual_minor"].sum())
    gap = sold - asked
    part = int(months["actual_minor"].sum()) - sold
    rest = int(open_["target_minor"].sum()) - part
    missed = done.filter(pl.col("actual_minor") < pl.col("target_minor")).height
    kind = "first" if done.is_empty() else "ahead" if gap >= 0 else "behind"
    values = {
        "year": str(as_of.year),
        "asked": form.money(asked),
        "sold": form.money(sold),
        "share": form.share(sold / asked if asked else None),
        "gap": form.money(abs(gap)),
        "missed": form.count(missed),
        "months": form.count(done.height),
        "rest": form.money(max(rest - min(gap, 0), 0)),
        "left": form.count(open_.height),
    }
    table = months.with_columns(
        month=told(months, "month", by=form.month), gap_minor=pl.col("actual_minor") - pl.col("target_minor"),
        attained=pl.when(pl.col("target_minor") > 0).then(pl.col("actual_minor") / pl.col("target_minor")),
    )  # fmt: skip
    shown = table.drop_nulls("gap_minor")
    chart = None
    if shown.height:
        running = months.drop_nulls("actual_minor").select(pl.col("month").dt.month_end() > as_of).to_series()
        label = told(shown, "gap_minor", by=lambda g: signed(g, words=words))
        chart = labelled.amounts(
            shown, "gap_minor", name="month", label=label, tone=toned(running), words=words, axis="targets.year.axis"
        )
    status: Status = {"ahead": "ok", "behind": "warn", "first": "none"}[kind]  # type: ignore[assignment]
    rows = table.select(
        "month", "target_minor", so_far_minor="actual_minor", attained="attained", gap_minor="gap_minor"
    )
    return Finding.worded(
        "targets.year", kind, values, words=words, status=status, table=rows, view=views.readable(rows, words=words),
        chart=chart, seen=words(f"targets.year.seen.{'rest' if open_.height else 'over'}", **values),
        value_minor=max(-gap, 0), row_key=("month",),
    )  # fmt: skip


def changes(changed: pl.DataFrame, broken: pl.DataFrame, *, words: Words, name: Named) -> Finding:
    """Say what was changed since the year began, and whether the parts add up to their parents.

    changed : of `sales.plans.changes`; broken : of `sales.targets.unbalanced`.
    """
    form = words.format
    kind = "broken" if broken.height else "changed" if changed.height else "none"
    values = {
        "parents": form.count(broken.height),
        "apart": form.money(int(broken["gap_minor"].abs().sum()) if broken.height else 0),
        "months": form.count(changed.height),
        "day": form.day(changed["valid_from"].max() if changed.height else None),  # type: ignore[arg-type]
        "gap": signed(int(changed["gap_minor"].sum()) if changed.height else 0, words=words),
        "reason": next((r for r in changed["reason"] if r), words("page.none")),
    }
    table = changed.with_columns(month=told(changed, "month", by=form.month))
    if broken.height:
        table = broken.select(
            unit=name(broken["parent_id"]).fill_null(words("targets.company")),
            month=told(broken, "month", by=form.month), target_minor="parent_minor",
            parts_minor="children_minor", gap_minor="gap_minor",
        )  # fmt: skip
    status: Status = "fail" if broken.height else "ok"
    return Finding.worded(
        "targets.changes", kind, values, words=words, status=status, table=table,
        view=views.readable(table, words=words, exact=True),
        row_key=("unit", "month") if broken.height else ("valid_from", "month"),
    )  # fmt: skip


def proposal(rows: pl.DataFrame, *, words: Words, year: int, step: int, name: Named) -> Finding:
    """Next year's total split by last year's lunar-aligned sales; every part a multiple of the step.

    rows : region, store_id, month, amount_minor.
    """
    form = words.format
    months = rows.group_by("month").agg(pl.col("amount_minor").sum()).sort("month")
    top = months.sort("amount_minor", descending=True).row(0, named=True)
    total = int(rows["amount_minor"].sum())
    values = {
        "year": str(year),
        "total": form.money(total),
        "stores": form.count(rows["store_id"].n_unique()),
        "month": form.month(top["month"]),
        "share": form.share(top["amount_minor"] / total if total else None),
        "money": form.money(top["amount_minor"]),
        "step": form.money(step * MINOR_PER_UNIT[form.currency]),
    }
    table = rows.select(
        "region", store=name(rows["store_id"]), month=told(rows, "month", by=form.month), target_minor="amount_minor"
    )
    said = told(months, "month", by=form.month)
    by_store = table.group_by("region", "store", maintain_order=True).agg(pl.col("target_minor").sum())
    return Finding.worded(
        "targets.proposal", "split", values, words=words, status="none", table=table,
        view=views.readable(by_store, words=words),
        chart=labelled.amounts(months, "amount_minor", name=said, words=words),
        row_key=("region", "store", "month"),
    )  # fmt: skip
