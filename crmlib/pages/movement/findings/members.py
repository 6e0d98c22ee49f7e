"""Who is new, who stayed, who left, and what newcomers become."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.core.money import minor_per_unit
from crmlib.kit.charts.labelled import bars
from crmlib.kit.charts.lines import columns
from crmlib.kit.finding import ActionList, Finding
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.movement.new_lapsed import NewLapsed

AGE = 3
"""Cohorts are compared after so many whole months."""
APART = 0.1
"""Newcomers of two years differ if their money does by this share."""
FEWEST = 30
"""A cohort of fewer newcomers is not compared."""


def kinds(found: NewLapsed, *, words: Words) -> Finding:
    """Count the members by kind; "new" is said only where a year before is known.

    Parameters
    ----------
    found : members of both periods by kind, and whether new and returning can be told apart.
    """
    form = words.format
    rows = {row["kind"]: row for row in found.table.iter_rows(named=True)}
    came, lapsed = rows["new"]["customers"] + rows["returning"]["customers"], rows["lapsed"]["customers"]
    kind = "unsettled" if not found.settled else "more" if came > lapsed else "fewer" if came < lapsed else "equal"
    back = rows["lapsed"]["came_back"]
    values = {
        "new": form.count(rows["new"]["customers"]), "returning": form.count(rows["returning"]["customers"]),
        "repeat": form.count(rows["repeat"]["customers"]), "lapsed": form.count(lapsed), "came": form.count(came),
        "lost": form.money(rows["lapsed"]["net_1_minor"]), "won": form.money(
            rows["new"]["net_2_minor"] + rows["returning"]["net_2_minor"]),
        "known": form.count(found.known_days),
        "back": words("movement.kinds.back.later" if back is None else "movement.kinds.back.some",
                      count=form.count(back)),
    }  # fmt: skip
    drawn = pl.DataFrame(
        {
            "name": [words(f"movement.kind.{name}") for name in rows],
            "value": [row["customers"] for row in rows.values()],
            "label": [form.count(row["customers"]) for row in rows.values()],
            "tone": ["loss" if name == "lapsed" else "plain" for name in rows],
        }
    )
    table = found.table.rename(
        {
            "kind": "member_kind", "came_back": "moved_came_back", "net_1_minor": "moved_before_minor",
            "net_2_minor": "moved_after_minor",
        }
    )  # fmt: skip
    return Finding.worded(
        "movement.kinds",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=readable(table, words=words, names={"member_kind": "movement.kind"}),
        chart=bars(drawn, words=words, title=words("movement.people_axis")),
        row_key=("member_kind",),
        names={"member_kind": "movement.kind"},
    )


def cohorts(found: pl.DataFrame, *, words: Words) -> Finding:
    """Compare newcomers of each month at the same age with those of a year before.

    Parameters
    ----------
    found : cohort, newcomers, after, customers, share, net_minor, per_newcomer_minor, settled.
    """
    form = words.format
    aged = found.filter(pl.col("after") <= AGE, pl.col("settled")).group_by("cohort", "newcomers").agg(
        share=pl.col("share").filter(pl.col("after") == AGE).first(),
        net_minor=pl.when(pl.col("net_minor").is_null().any()).then(None).otherwise(pl.col("net_minor").sum()),
    )  # fmt: skip
    table = aged.drop_nulls("net_minor").sort("cohort").with_columns(
        per_newcomer_minor=(pl.col("net_minor") / pl.col("newcomers")).round().cast(pl.Int64)
    ).drop("net_minor")  # fmt: skip
    able = table.filter(pl.col("newcomers") >= FEWEST)
    last = able.row(-1, named=True) if able.height else None
    before = None
    if last is not None:
        year = able.filter(pl.col("cohort") == last["cohort"].replace(year=last["cohort"].year - 1))
        before = year.row(0, named=True) if year.height else None
    if last is None or before is None:
        kind, ratio = "one" if last else "none", 1.0
    else:
        ratio = last["per_newcomer_minor"] / max(before["per_newcomer_minor"], 1)
        kind = "better" if ratio >= 1 + APART else "worse" if ratio <= 1 - APART else "same"
    values = {
        "month": form.month(last["cohort"]) if last else "",
        "each": form.money(last["per_newcomer_minor"] if last else 0),
        "before": form.money(before["per_newcomer_minor"] if before else 0), "age": form.count(AGE),
        "change": form.change(ratio - 1), "fewest": form.count(FEWEST),
        "share": form.share(last["share"] if last else 0),
    }  # fmt: skip
    drawn = table.with_columns(
        each=pl.col("per_newcomer_minor") / minor_per_unit(form.currency),
        label=pl.Series([form.money(m) for m in table["per_newcomer_minor"]], dtype=pl.String),
    )
    month, title = words("page.axis.month"), words("movement.each_axis")
    chart = columns(drawn, x="cohort", value="each", label="label", month_format=month, title=title)
    shown = table.with_columns(cohort=pl.Series([form.month(m) for m in table["cohort"]], dtype=pl.String))
    shown = shown.rename({"cohort": "cohort_month"})
    return Finding.worded(
        "movement.cohorts",
        kind,
        values,
        words=words,
        status="warn" if kind == "worse" else "none",
        table=shown,
        view=readable(shown, words=words),
        chart=chart if table.height else None,
        row_key=("cohort_month",),
    )


def left(rows: pl.DataFrame, *, total: int, names: Mapping[str, str], words: Words) -> ActionList:
    """List the members who left, by the margin they brought.

    Parameters
    ----------
    rows : customer_id (pseudonym), net_minor, margin_minor (null without costs), last_day, group, store_name.
    total : how many left.
    """
    form = words.format
    table = rows.select(
        "customer_id",
        last_margin_minor="margin_minor",
        last_net_minor="net_minor",
        favourite=pl.col("group").replace(names),
        last_seen="last_day",
        store_name="store_name",
    )
    kind = "none" if rows.is_empty() else "some" if total > rows.height else "all"
    values = {"shown": form.count(rows.height), "total": form.count(total)}
    return ActionList(
        headline=words(f"movement.left.headline.{kind}", **values),
        table=table,
        view=readable(table, words=words),
        note=words("movement.left.note"),
        key="movement.left",
        row_key=("customer_id",),
    )
