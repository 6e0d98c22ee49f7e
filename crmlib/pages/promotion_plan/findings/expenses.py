"""Expenses of promotions: the year's budget by activity, what is open, what was claimed above its cap."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import in_words

NEARLY = 0.9
"""Budget used up to this share and more is amber."""


def budget(table: pl.DataFrame, accounts: pl.DataFrame, *, words: Words) -> Finding:
    """Budget against spending by activity; table: `books.by_activity`, accounts: `books.books`."""
    form = words.format
    whole, used = int(table["budget_minor"].sum()), int((table["spent_minor"] + table["reserved_minor"]).sum())
    over = table.filter("over")
    beyond = int((over["spent_minor"] + over["reserved_minor"] - over["budget_minor"]).sum())
    share = used / whole if whole else None
    claims = accounts.filter(pl.col("over_cap_minor") > 0)
    close = table.filter(
        ~pl.col("over"), pl.col("budget_minor") > 0,
        pl.col("spent_minor") + pl.col("reserved_minor") >= NEARLY * pl.col("budget_minor"),
    )  # fmt: skip
    kind = (
        "none"
        if not whole
        else "over"
        if over.height
        else "nearly"
        if close.height
        else "claims"
        if claims.height
        else "within"
    )
    named = over if over.height else close
    values = {
        "budget": form.money(whole),
        "used": form.money(used),
        "share": form.share(share, digits=0),
        "left": form.money(whole - used),
        "activity": words("promotion.join").join(words(f"promotion_plan.activity.{a}") for a in named["activity"]),
        "claims": form.count(claims.height),
        "over_cap": form.money(int(claims["over_cap_minor"].sum())),
        "over": form.count(accounts.filter(pl.col("over_minor") > 0).height),
        "edited": form.count(accounts.filter(pl.col("edited")).height),
        "released": form.money(int(accounts["released_minor"].sum())),
    }
    status: Status = {"over": "fail", "within": "ok", "none": "none"}.get(kind, "warn")  # type: ignore[assignment]
    return Finding.worded(
        "promotion_plan.budget",
        kind,
        values,
        words=words,
        key="promotion.budget",
        status=status,
        table=table,
        view=views.readable(
            in_words(table, words, {"activity": "promotion_plan.activity"}).rename({"budget_minor": "year_minor"}),
            words=words,
            exact=True,
        ),
        chart=_bars(table, words),
        seen=words("promotion_plan.budget.seen", **values)
        + (words("promotion_plan.budget.over_cap", **values) if claims.height and kind != "claims" else ""),
        value_minor={"over": beyond, "claims": int(claims["over_cap_minor"].sum())}.get(kind),
    )


def of_all(*, words: Words) -> Finding:
    """On a page of some regions: approvals are for all regions, so no region's spending can be set against them."""
    do = words("promotion_plan.budget.do.region")
    return Finding.worded(
        "promotion_plan.budget", "region", {}, words=words, key="promotion.budget", status="none", table=pl.DataFrame(),
        seen=words("promotion_plan.budget.of_all"), sure=do, do=do,
    )  # fmt: skip


def _bars(table: pl.DataFrame, words: Words) -> alt.LayerChart:
    """Budget, paid and approved by activity."""
    rows = [
        {"name": words(f"promotion_plan.activity.{r['activity']}"), "value": r[c] / 100, "share": r[c], "kind": c}
        for r in table.iter_rows(named=True)
        for c in ("budget_minor", "spent_minor", "reserved_minor")
    ]
    bars = pl.DataFrame(
        {
            "name": [f"{r['name']} {words('promotion_plan.money.' + str(r['kind']))}" for r in rows],
            "value": [float(r["value"]) for r in rows],
            "label": [words.format.money(r["share"]) for r in rows],
            "tone": ["total" if r["kind"] == "budget_minor" else None for r in rows],
        }
    )
    return labelled.bars(bars, words=words, title=words("promotion.axis.money"))
