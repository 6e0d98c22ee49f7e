"""What belongs to somebody who left: by leaver and kind, and who takes it over."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import polars as pl

from crmlib.cases.owned_things import KINDS, by_leaver
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Finding
from crmlib.kit.words import Words

SOON, WEEK = 2, 7


def handover(lost: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> Finding:
    """Anything owned by somebody gone is red: nobody looks after it."""
    form, rows = words.format, by_leaver(lost)
    total, money = int(rows["things"].sum()), int(rows["value_minor"].sum())
    unplaced = int(rows["unplaced"].sum())
    leavers = rows["owner_staff"].n_unique()
    most = names.get(rows["owner_staff"][0], rows["owner_staff"][0]) if rows.height else ""
    kind = "none" if not total else "unplaced" if unplaced else "open"
    values = {
        "count": form.count(total), "money": form.money(money), "leavers": form.count(leavers), "most": most,
        "unplaced": form.count(unplaced),
        "kinds": words("page.join").join(
            words("staff.of_kind", kind=words(f"staff.kind.{k}"), count=form.count(n))
            for k in KINDS
            if (n := int(rows.filter(pl.col("kind") == k)["things"].sum()))
        ),
    }  # fmt: skip
    by = rows.group_by("owner_staff", maintain_order=True).agg(pl.col("things", "value_minor").sum())
    bars = by.select(
        pl.col("owner_staff").replace(dict(names)).alias("name"), pl.col("things").cast(pl.Float64).alias("value"),
        pl.Series(
            "label",
            [
                words("staff.handover.label", count=form.count(n), money=form.money(m))
                for n, m in by.select("things", "value_minor").iter_rows()
            ],
            dtype=pl.String,
        ),
        toned(pl.col("things") > 0, "fail").alias("tone"),
    )  # fmt: skip
    table = rows.select(
        pl.col("owner_staff").replace(dict(names)).alias("left_owner"), thing_kind="kind", things="things",
        things_minor="value_minor", unplaced="unplaced",
    )  # fmt: skip
    return Finding.worded(
        "staff.handover", kind, values, words=words, status="fail" if total else "ok", table=table,
        view=views.readable(table, words=words) if total else None, names={"thing_kind": "staff.kind"},
        chart=labelled.bars(bars, words=words, title=words("staff.chart.things")) if total else None,
        value_minor=money or None, row_key=("left_owner", "thing_kind"),
    )  # fmt: skip


def listed(
    lost: pl.DataFrame, called: Mapping[str, str], names: Mapping[str, str], *, words: Words, as_of: date, capacity: int
) -> ActionList:
    """One line a thing: from whom, to whom, by when; dearest first. New owners add up to what the leavers had."""
    form, rows = words.format, lost.head(capacity)
    new = [names.get(o, o) if o else words("staff.nobody") for o in rows["new_owner"]]
    things = [called.get(t, t) for t in rows["thing_id"]]
    advice = [
        words(f"staff.advice.{('dead' if k == 'deal' and not v else k) if o else 'hire'}")
        for k, o, v in rows.select("kind", "new_owner", "value_minor").iter_rows()
    ]
    due = [as_of + timedelta(days=SOON if v else WEEK) for v in rows["value_minor"]]
    table = rows.select(
        pl.Series("thing", things, dtype=pl.String),
        pl.col("kind").alias("thing_kind"),
        "region",
        pl.col("value_minor").alias("things_minor"),
        pl.col("owner_staff").replace(dict(names)).alias("left_owner"),
        pl.Series("suggestion", advice, dtype=pl.String),
        pl.Series("owner", new, dtype=pl.String),
        pl.Series("due_on", due, dtype=pl.Date),
    )
    kind = "none" if lost.is_empty() else "all" if lost.height <= capacity else "capped"
    values = {
        "count": form.count(rows.height), "found": form.count(lost.height),
        "takers": form.count(lost["new_owner"].drop_nulls().n_unique()),
        "money": form.money(int(lost["value_minor"].sum())),
    }  # fmt: skip
    return ActionList(
        headline=words(f"staff.actions.headline.{kind}", **values), table=table,
        view=views.readable(table, words=words), note=words("staff.actions.note"), row_key=("thing_kind", "thing"),
        names={"thing_kind": "staff.kind"},
    )  # fmt: skip
