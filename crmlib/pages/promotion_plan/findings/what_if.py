"""Before the event, what if it were deeper, longer, with fewer goods or in fewer stores."""

from __future__ import annotations

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.promotion_plan import charts
from crmlib.pages.promotion_plan.findings.plan import remarked
from crmlib.pages.shared.promotion_wording import depth_text, in_words, units
from crmlib.promotion.plan.forecast import SCENARIO
from crmlib.promotion.plan.planning import Plan


def grid(plan: Plan, *, words: Words) -> Finding:
    """What-if: margin added by depth, for the days, goods and stores picked above the chart."""
    form = words.format
    table = plan.grid.drop("plan_id").sort("depth_bp", *SCENARIO)
    tried = table.filter(~pl.col("extrapolated"))  # what was never tried is drawn, not recommended
    top = (tried if tried.height else table).sort("extra_margin_minor", descending=True).row(0, named=True)
    kind = "untried" if tried.is_empty() else "loss" if top["extra_margin_minor"] <= 0 else "best"
    low, high = plan.response.ranges.get(plan.draft.mechanic, (plan.response.lowest, plan.response.highest))
    span = {k: depth_text(v, words) if v else words("promotion.no_depth") for k, v in (("low", low), ("high", high))}
    values = {
        **span,
        "depth": depth_text(top["depth_bp"], words),
        "days": form.count(top["days"]),
        "products": form.count(top["products"]),
        "stores": form.count(top["stores"]),
        "extra": form.money(abs(top["extra_margin_minor"])),
    }
    shown = _scenarios(table, words)
    largest = table.select(pl.col("products", "stores").max()).row(0, named=True)
    asked = {"depth": plan.draft.depth_bp, "days": plan.draft.days, **largest}
    return Finding.worded(
        "promotion_plan.grid",
        kind,
        values,
        words=words,
        key="promotion.grid",
        status="none",
        table=table,
        view=views.readable(in_words(remarked(table, words), words, {}), words=words),
        chart=charts.what_if(
            shown,
            picks={k: _choice(k, int(v), words) for k, v in asked.items()},
            words=words,
            titles=(words("promotion_plan.axis.depth"), words("promotion_plan.axis.extra")),
        ),
        sure=words(f"promotion_plan.grid.sure.{'tried' if tried.height else 'untried'}", **values)
        + words("promotion_plan.grid.sure.sizes"),
    )


def _choice(name: str, value: int, words: Words) -> str:
    """One choice of a control in words."""
    return (
        depth_text(value, words)
        if name == "depth"
        else words(f"promotion_plan.choice.{name}", count=words.format.count(value))
    )


def _scenarios(table: pl.DataFrame, words: Words) -> pl.DataFrame:
    """The grid as the chart needs it: every scenario in words and figures."""
    form = words.format
    rows = [
        {
            "x": r["depth_bp"] / 100,
            "y": r["extra_margin_minor"] / 100,
            "low": (r["margin_low_minor"] - r["margin_minor"] + r["extra_margin_minor"]) / 100,
            "high": (r["margin_high_minor"] - r["margin_minor"] + r["extra_margin_minor"]) / 100,
            "beyond": r["extrapolated"],
            "label": words(
                f"promotion_plan.grid.label.{'beyond' if r['extrapolated'] else 'tried'}",
                depth=depth_text(r["depth_bp"], words),
                extra=form.money(r["extra_margin_minor"]),
                units=units(r["units_milli"], words),
                stock=units(r["stock_milli"], words),
            ),
            "depth": _choice("depth", r["depth_bp"], words),
            **{k: _choice(k, r[k], words) for k in SCENARIO},
        }
        for r in table.iter_rows(named=True)
    ]
    return pl.DataFrame(rows)
