"""What kinds of promotions earned together: stop, repeat, test."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.promotion_wording import in_words, mechanic

SHOWN = 12


def portfolio(kinds: pl.DataFrame, cells: pl.DataFrame, whole: dict[str, Any], *, words: Words) -> Finding:
    """Net margin by mechanic and depth with its range, and what to do with each kind; cells: by category too."""
    form = words.format
    known = kinds.drop_nulls("net_margin_minor")
    stop, repeat = (known.filter(pl.col("advice") == a) for a in ("stop", "repeat"))
    kind = "none" if known.is_empty() else "stop" if stop.height else "repeat" if repeat.height else "test"
    top = (stop if stop.height else repeat if repeat.height else known).head(1).to_dicts()
    values = {
        "total": form.money(whole["net_margin_minor"]),
        "low": form.money(whole["net_margin_low_minor"]),
        "high": form.money(whole["net_margin_high_minor"]),
        "events": form.count(whole["events"] - whole["dark"]),
        "dark": form.count(whole["dark"]),
        "dark_discount": form.money(whole["dark_discount_minor"]),
        "stop": form.count(stop.height),
        "repeat": form.count(repeat.height),
        "test": form.count(known.height - stop.height - repeat.height),
        "kind": mechanic(top[0], words) if top else "",
        "net": form.money(abs(top[0]["net_margin_minor"])) if top else "",
        "count": form.count(top[0]["events"] - top[0]["dark"]) if top else "",
    }
    head = known.head(SHOWN)
    bars = head.select(
        name=pl.Series([mechanic(r, words) for r in head.iter_rows(named=True)], dtype=pl.String),
        value=pl.col("net_margin_minor") / 100,
        low=pl.col("net_margin_low_minor") / 100,
        high=pl.col("net_margin_high_minor") / 100,
        label=pl.Series(
            [
                f"{form.money(v)} {words(f'promotion_desk.advice.{a}')}"
                for v, a in head.select("net_margin_minor", "advice").iter_rows()
            ],
            dtype=pl.String,
        ),
    )
    status: Status = {"stop": "fail", "repeat": "ok", "test": "none"}.get(kind, "none")  # type: ignore[assignment]
    table = cells.select(
        "mechanic", "depth_bp", "category", "events", "discount_minor", "net_margin_minor", "net_margin_low_minor",
        "net_margin_high_minor", "advice",
    )  # fmt: skip
    view = in_words(table, words, {"mechanic": "promotion.mechanic", "advice": "promotion_desk.advice"})
    return Finding.worded(
        "promotion_desk.portfolio",
        kind,
        values,
        words=words,
        key="promotion.portfolio",
        status=status,
        table=table,
        view=views.readable(view, words=words),
        chart=labelled.bars(bars, words=words, title=words("promotion.axis.money")) if bars.height else None,
        value_minor=int(stop["net_margin_minor"].abs().sum()) if stop.height else None,
    )
