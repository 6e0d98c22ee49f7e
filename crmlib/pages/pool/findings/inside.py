"""Customers in the pool: the book, how long they lie there, claims by the rules, what claiming brought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from crmlib.cases.engine import Identity
from crmlib.cases.pool import INTO, OUT_OF, Brought
from crmlib.cases.pooled import BANDS
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.pool import charts
from crmlib.pages.shared.points_wording import points

REFUSED = ("owned", "locked", "former_owner", "day_limit", "owned_limit")


def flow(books: Sequence[tuple[date, Identity]], *, words: Words) -> Finding:
    """Start + recycled + released + new − claimed − assigned − removed = end, every month; the last one is said."""
    form = words.format
    rows = [
        {"pool_month": month, "pool_start": b.start, **{f"pool_{k}": b.came[k] for k in INTO},
         **{f"pool_{k}": b.went[k] for k in OUT_OF}, "pool_end": b.end, "_gap": b.residual}
        for month, b in books
    ]  # fmt: skip
    names = [*(f"pool_{k}" for k in ("start", *INTO, *OUT_OF, "end")), "_gap"]
    whole = pl.DataFrame(rows, schema={"pool_month": pl.Date, **dict.fromkeys(names, pl.Int64)})
    wrong = int(whole["_gap"].abs().sum())
    last = whole.tail(1).row(0, named=True) if whole.height else dict.fromkeys(names, 0)
    kind = (
        "none" if whole.is_empty() else "break" if wrong else "grows" if last["pool_end"] > last["pool_start"]
        else "shrinks" if last["pool_end"] < last["pool_start"] else "same"
    )  # fmt: skip
    values = {k.removeprefix("pool_"): form.count(last[k]) for k in names if k != "_gap"} | {
        "gap": form.count(wrong), "month": form.month(whole["pool_month"][-1] if whole.height else None),
        "change": form.count(abs(last["pool_end"] - last["pool_start"])),
    }  # fmt: skip
    table = (
        whole.drop("_gap").reverse().with_columns(pl.col("pool_month").map_elements(form.month, return_dtype=pl.String))
    )
    drawn = whole.select(
        month="pool_month", came=pl.sum_horizontal(f"pool_{k}" for k in INTO),
        went=pl.sum_horizontal(f"pool_{k}" for k in OUT_OF), end="pool_end",
    )  # fmt: skip
    return Finding.worded(
        "pool.flow", kind, values, words=words, table=table,
        status="none" if kind == "none" else "fail" if wrong else "ok",
        view=views.readable(table, words=words) if table.height else None,
        chart=charts.flow(drawn, words=words) if drawn.height else None, row_key=("pool_month",),
    )  # fmt: skip


def ages(rows: pl.DataFrame, *, words: Words) -> Finding:
    """How many lie there for how long, with what they bought in a year; those nobody may claim yet stand apart."""
    form = words.format
    inside, old = int(rows["customers"].sum()), rows.filter(pl.col("age").is_in(BANDS[2:]))
    late = int(old["customers"].sum())
    kind = "none" if not inside else "old" if late else "fresh"
    values = {
        "inside": form.count(inside), "old": form.count(late), "old_money": form.money(int(old["value_minor"].sum())),
        "locked": form.count(inside - int(rows["free"].sum())), "money": form.money(int(rows["value_minor"].sum())),
        "share": form.share(late / inside if inside else None),
    }  # fmt: skip
    table = rows.select(
        pool_age="age", pool_inside="customers", pool_free="free", bought_year_minor="value_minor",
    )  # fmt: skip
    bars = rows.select(
        pl.Series("name", [words(f"pool.age.{a}") for a in rows["age"]], dtype=pl.String),
        (pl.col("value_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [
            words("pool.returns.label", count=form.count(n), money=form.money(m))
            for n, m in rows.select("customers", "value_minor").iter_rows()
        ], dtype=pl.String),
        toned(pl.col("age").is_in(BANDS[2:]), "warn").alias("tone"),
    )  # fmt: skip
    said = {"pool_age": "pool.age"}
    return Finding.worded(
        "pool.ages", kind, values, words=words, status="none", table=table, names=said,
        view=views.readable(table, words=words, names=said),
        chart=labelled.bars(bars, words=words, title=words("pool.chart.money")) if inside else None,
        row_key=("pool_age",),
    )  # fmt: skip


def claims(rows: pl.DataFrame, names: Mapping[str, str], *, words: Words, days: int) -> Finding:
    """Claims of the last weeks by person; whoever claimed against a rule is named with the rule."""
    form = words.format
    counted = ((pl.col("refused") == r).sum().cast(pl.Int64).alias(r) for r in REFUSED)
    by = rows.group_by("staff_id").agg(pl.len().cast(pl.Int64).alias("claims"), *counted)
    by = by.with_columns(broken=pl.sum_horizontal(*REFUSED)).sort("broken", "claims", "staff_id",
                                                                  descending=[True, True, False])  # fmt: skip
    broken = int(by["broken"].sum())
    whys = {r: int(by[r].sum()) for r in REFUSED}
    top = max(whys, key=lambda r: whys[r])
    kind = "none" if rows.is_empty() else "broken" if broken else "fine"
    values = {
        "claims": form.count(rows.height), "broken": form.count(broken), "days": form.count(days),
        "who": words("page.join").join(names.get(s, s) for s in by.filter(pl.col("broken") > 0)["staff_id"]),
        "why": words(f"pool.refused.{top}"), "people": form.count(by.height),
    }  # fmt: skip
    table = by.select(
        pl.col("staff_id").replace(dict(names)).alias("owner"), pool_claims="claims",
        **{f"claims_{r}": r for r in REFUSED},
    )  # fmt: skip
    return Finding.worded(
        "pool.claims", kind, values, words=words, table=table,
        status={"none": "none", "broken": "warn", "fine": "ok"}[kind],  # type: ignore[arg-type]
        view=views.readable(table, words=words) if table.height else None, row_key=("owner",),
    )  # fmt: skip


def brought(said: Brought, *, words: Words) -> Finding:
    """Orders in 90 days: offered at once against offered late, by lot; claimed against not claimed is never said."""
    form = words.format
    low, high = said.interval
    kind = "more" if low > 0 else "less" if high < 0 else "unclear"
    values = {
        "early": form.count(said.early), "late": form.count(said.late), "share": form.share(said.share_early),
        "late_share": form.share(said.share_late), "difference": points(said.difference, words),
        "low": points(low, words), "high": points(high, words),
    }  # fmt: skip
    table = pl.DataFrame({
        "pool_arm": ["early", "late"], "drawn": [said.early, said.late],
        "ordered_90": [said.share_early, said.share_late],
    })  # fmt: skip
    bars = table.select(
        pl.Series("name", [words(f"pool.arm.{a}") for a in table["pool_arm"]], dtype=pl.String),
        pl.col("ordered_90").alias("value"),
        pl.Series("label", [form.share(s) for s in table["ordered_90"]], dtype=pl.String),
    )
    names = {"pool_arm": "pool.arm"}
    return Finding.worded(
        "pool.brought", kind, values, words=words, status="none", table=table, names=names,
        view=views.readable(table, words=words, names=names),
        chart=labelled.bars(bars, words=words, title=words("pool.chart.ordered"), percent=True),
        row_key=("pool_arm",),
    )  # fmt: skip


def agree(counts: Mapping[str, int], *, words: Words) -> Finding:
    """The pool's log against the owners of the day: every page shows those, so a gap is a gap everywhere."""
    form, gaps = words.format, {k: n for k, n in counts.items() if k != "checked"}
    wrong = sum(gaps.values())
    kind = "none" if not counts["checked"] else "apart" if wrong else "same"
    values = {k: form.count(n) for k, n in counts.items()} | {"wrong": form.count(wrong)}
    table = pl.DataFrame(
        {"pool_gap": [words(f"pool.gap.{k}") for k in gaps], "pool_gaps": list(gaps.values())},
        schema={"pool_gap": pl.String, "pool_gaps": pl.Int64},
    )
    return Finding.worded(
        "pool.agree", kind, values, words=words, table=table, role="check",
        status={"none": "none", "apart": "fail", "same": "ok"}[kind],  # type: ignore[arg-type]
        view=views.readable(table, words=words), row_key=("pool_gap",),
    )  # fmt: skip
