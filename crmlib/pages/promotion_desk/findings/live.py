"""What runs: every promotion against its plan and its budget, the largest budget first."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import named
from crmlib.promotion.watch.running import Running
from crmlib.promotion.watch.watch import projection

_SCHEMA = {
    "promotion_id": pl.String, "name": pl.String, "standing": pl.String, "share": pl.Float64,
    "discount_minor": pl.Int64, "discount_end_minor": pl.Int64, "event_budget_minor": pl.Int64, "alarms": pl.Int64,
}  # fmt: skip


def running(live: list[Running], ahead: list[dict[str, Any]], addresses: dict[str, str], *, words: Words) -> Finding:
    """All promotions that run; ahead: those to come, the next first; addresses: promotion_id → its watch."""
    form = words.format
    rows = [
        (
            str(r.promotion["promotion_id"]), named(r.promotion, words), r.standing,
            projection(r.daily)["share"] if r.planned else None, r.discount_minor, r.projected_discount_minor,
            r.budget_minor, r.alarms.height,
        )
        for r in live
    ]  # fmt: skip
    table = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    over = table.filter(pl.col("discount_end_minor") > pl.col("event_budget_minor"))
    behind = table.filter(pl.col("standing") == "behind").height
    kind = "none" if table.is_empty() else "over" if over.height else "behind" if behind else "fine"
    first = ahead[0] if ahead else None
    values = {
        "all": form.count(table.height),
        "over": form.count(over.height),
        "above": form.money(int((over["discount_end_minor"] - over["event_budget_minor"]).sum())),
        "behind": form.count(behind),
        "next": named(first, words) if first else "",
        "day": form.day(first["first_day"]) if first else "",
        "days": form.count(first["days_to"]) if first else "",
    }
    status: Status = {"over": "fail", "behind": "warn", "fine": "ok"}.get(kind, "none")  # type: ignore[assignment]
    told = table.with_columns(
        standing=pl.Series([words(f"promotion_desk.place.{p}") for p in table["standing"]], dtype=pl.String),
        address=pl.Series([addresses.get(i, "") for i in table["promotion_id"]], dtype=pl.String),
    ).drop("promotion_id")
    bars = table.drop_nulls("share").select(
        name="name", value="share", label=pl.Series([form.share(v, digits=0) for v in table["share"].drop_nulls()])
    )
    return Finding.worded(
        "promotion_desk.running",
        "none_next" if kind == "none" and first else kind,
        values,
        words=words,
        key="promotion.running",
        names={"standing": "promotion_desk.place"},
        status=status,
        table=table,
        view=views.readable(told, words=words, links={"name": "address"}) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("promotion_desk.axis.plan"), percent=True, marks=(1.0,))
        if bars.height
        else None,
        value_minor=int((over["discount_end_minor"] - over["event_budget_minor"]).sum()) if over.height else None,
        row_key=("name",),
    )
