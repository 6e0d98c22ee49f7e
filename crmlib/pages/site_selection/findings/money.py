"""Who loses how much, when the money is back, and what if."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared import sites_tables as views
from crmlib.pages.shared.sites_wording import named
from crmlib.pages.site_selection import charts, tables
from crmlib.pages.site_selection.findings.wording import axis_minor, joined, months, nothing, on_axis
from crmlib.sites.plan import Plan
from crmlib.sites.study import Town

if TYPE_CHECKING:
    import altair as alt

HIT = 0.10
"""An own store that loses more than this share of its revenue is hit."""
SHOWN = 10
CHANCE = 0.7
"""A site is a safe bet for its lease above this chance of paying back in time, a gamble below half of it."""
MONTHS_SHOWN = 96


def losers(
    plan: Plan,
    town: Town,
    *,
    words: Words,
    run_by: Mapping[str, str] | None = None,
    leads: Mapping[str, str] | None = None,
) -> Finding:
    """Say what own stores lose to the new ones, and which of them is hit.

    Parameters
    ----------
    run_by : who runs each own store, by its number. leads : where a store's own figures stand, by its number.
    """
    if not plan.chosen:
        return nothing("site_selection.losers", key="sites.losers", words=words)
    form = words.format
    table = plan.joint
    total = int(table["loss_minor"].sum())
    gross = int(plan.table.filter(pl.col("choice").is_not_null())["gross_minor"].sum())
    hit = table.filter(pl.col("share") > HIT)
    most = table.row(0, named=True)
    values = {
        "total": form.money(total),
        "share": form.share(total / gross if gross else None),
        "store": town.names.get(most["from_id"], most["from_id"]),
        "loss": form.money(most["loss_minor"]),
        "loss_share": form.share(most["share"]),
        "taker": town.names.get(most["taker"], most["taker"]),
        "hit": form.count(hit.height),
        "limit": form.share(HIT, digits=0),
        "top": form.share(int(table.head(5)["loss_minor"].sum()) / total if total else None),
    }
    kind = "hit" if hit.height else "spread"
    runs, lead = run_by or {}, leads or {}
    franchised = table.filter(pl.col("from_id").is_in([i for i, who in runs.items() if who == "franchisee"]))
    values["franchised"] = form.money(int(franchised["loss_minor"].sum()))
    concerned = franchised.filter(pl.col("from_id") == most["from_id"]) if hit.height else franchised
    shown = named(named(table, "from_id", town.names), "taker", town.names, into="taker").with_columns(
        operator=pl.Series([runs.get(i) for i in table["from_id"]], dtype=pl.String),
        address=pl.Series([lead.get(i, "") for i in table["from_id"]], dtype=pl.String),
    )
    return Finding.worded(
        "site_selection.losers",
        kind,
        values,
        words=words,
        key="sites.losers",
        status="warn" if hit.height else "ok",
        table=plan.losses,
        seen=words(f"site_selection.losers.seen{'_mixed' if franchised.height else ''}", **values),
        do=words(f"site_selection.losers.do.{kind}{'_franchised' if concerned.height else ''}", **values),
        view=views.plain(
            shown.select(pl.col("name").alias("from_id"), "operator", "loss_minor", "share", "taker", "address"),
            words=words,
            links={"from_id": "address"},
        ),
        chart=_lost(shown.head(SHOWN), words),
        value_minor=-total,
        row_key=("site_id", "from_id"),
    )


def _lost(bars: pl.DataFrame, words: Words) -> alt.LayerChart:
    """What the stores that lose most lose, those that are hit in colour."""
    return labelled.bars(
        pl.DataFrame(
            {
                "name": bars["name"],
                "value": [on_axis(v, words) for v in bars["loss_minor"]],
                "label": [
                    words("site_selection.losers.label", loss=words.format.money(m), share=words.format.share(s))
                    for m, s in bars.select("loss_minor", "share").iter_rows()
                ],
                "tone": ["warn" if share > HIT else "quiet" for share in bars["share"]],
            }
        ),
        words=words,
        title=words("site_selection.axis.loss"),
    )


def paid_back(plan: Plan, town: Town, *, words: Words) -> Finding:
    """Say when the money of each chosen site is back, set against its lease, and from which month to judge it."""
    if not plan.chosen:
        return nothing("site_selection.payback", key="sites.payback", words=words)
    form = words.format
    table = plan.table.filter(pl.col("choice").is_not_null()).select(
        "site_id",
        "capex_minor",
        "payback_p10",
        "payback_p50",
        "payback_p90",
        "p_12",
        "p_24",
        "p_lease",
        "p_never",
        "lease_months",
    )
    worst = table.sort("p_lease").row(0, named=True)
    safe = table.filter(pl.col("p_lease") >= CHANCE).height
    kind = "safe" if safe == table.height else "gamble" if worst["p_lease"] < CHANCE / 2 else "tight"
    curve = town.ramp
    values = {
        "count": form.count(table.height),
        "safe": form.count(safe),
        "chance": form.share(CHANCE, digits=0),
        "site": town.names.get(worst["site_id"], worst["site_id"]),
        "p_lease": form.share(worst["p_lease"], digits=0),
        "lease": form.count(worst["lease_months"]),
        "p50": months(worst["payback_p50"], words),
        "p_never": form.share(worst["p_never"], digits=0),
        "judge": form.count(curve.month_to_judge if curve else None),
        "first": form.share(curve.first_month if curve else None, digits=0),
        "stores": form.count(curve.stores if curve else 0),
        "observations": form.count(curve.observations if curve else 0),
    }
    status: Status = "ok" if kind == "safe" else "fail" if kind == "gamble" else "warn"
    return Finding.worded(
        "site_selection.payback",
        kind,
        values,
        words=words,
        key="sites.payback",
        status=status,
        table=table,
        view=views.plain(_in_words(named(table, "site_id", town.names), words), words=words),
        chart=_paid_chart(plan, town, table, words),
        sure=words("site_selection.payback.sure" if curve else "site_selection.payback.sure_no_ramp", **values),
        row_key=("site_id",),
    )


def what_if(plan: Plan, town: Town, *, words: Words) -> Finding:
    """Let the planner move size, rent, margin, number, spacing, a rival, a closing store and the payback limit."""
    if not plan.chosen:
        return nothing("site_selection.whatif", key="sites.whatif", words=words)
    form = words.format
    costs = plan.table.select("site_id", "rent_minor_month", "fixed_minor_month", "capex_minor")
    per_axis = axis_minor(words)
    minor = 100.0  # the grid is in yuan
    shown = (
        named(plan.grid.join(costs, on="site_id", how="left", maintain_order="left"), "site_id", town.names)
        .with_columns(
            closes=pl.when(pl.col("closes") == "")
            .then(pl.lit(words("site_selection.whatif.nobody")))
            .otherwise(pl.col("closes").replace(town.names)),
            rivals=pl.when("rivals")
            .then(pl.lit(words("site_selection.whatif.beside")))
            .otherwise(pl.lit(words("site_selection.whatif.alone"))),
            net=(pl.col("net") * minor / per_axis).round(1),
            rent=(pl.col("rent_minor_month") * 12 * pl.col("size") / per_axis).round(2),
            fixed=(pl.col("fixed_minor_month") * 12 * pl.col("size") / per_axis).round(2),
            capex=(pl.col("capex_minor") / per_axis).round(1),
        )
        .rename({"spacing_km": "spacing"})
        .select("k", "spacing", "size", "rivals", "closes", "name", "order", "net", "rent", "fixed", "capex")
    )
    start = {
        "k": min(plan.goal.k, int(shown["k"].max())),  # type: ignore[arg-type]
        "spacing": _nearest(plan.goal.spacing_km, shown["spacing"].unique().sort().to_list()),
        "margin_percent": round(100 * plan.goal.margin),
    }
    base, rival = (_total(shown, start, r) for r in shown["rivals"].unique(maintain_order=True).to_list()[:2])
    drop = 1 - rival / base if base else 0.0
    values = {
        "drop": form.share(drop),
        "names": joined(plan.chosen, town.names, words),
        "scenarios": form.count(plan.grid.select("k", "spacing_km", "size", "rivals", "closes").n_unique()),
        "lost": form.number(plan.lost_months, digits=1),
    }
    return Finding.worded(
        "site_selection.whatif",
        "fragile" if drop > HIT else "robust",
        values,
        words=words,
        key="sites.whatif",
        status="none",
        table=_scenarios(plan, start),
        view=tables.scenarios(_scenarios(plan, start), town.names, words=words),
        chart=charts.what_if(shown, words=words, start=start, lost_months=plan.lost_months),
    )


def _paid_chart(plan: Plan, town: Town, table: pl.DataFrame, words: Words) -> alt.LayerChart:
    """Chance of having paid back by month, marked where each lease ends."""
    lines = named(plan.paid.filter(pl.col("month") <= MONTHS_SHOWN), "site_id", town.names)
    at_end = plan.paid.rename({"month": "lease_months"})
    ends = named(table, "site_id", town.names).join(at_end, on=["site_id", "lease_months"], how="left")
    marks = ends.select(
        "name",
        "p_paid",
        month="lease_months",
        label=told(ends, "p_paid", by=lambda p: words.format.share(p, digits=0)),
    )
    return charts.paid_back(lines.select("name", "month", "p_paid"), marks, words=words)


def _in_words(table: pl.DataFrame, words: Words) -> pl.DataFrame:
    """Payback times as a reader says them; none within ten years is an answer, not a gap."""
    spoken = [pl.Series(c, [months(v, words) for v in table[c]]) for c in ("payback_p10", "payback_p50", "payback_p90")]
    return table.with_columns(spoken).select("name", *(c for c in table.columns if c not in {"site_id", "name"}))


def _scenarios(plan: Plan, start: dict[str, float]) -> pl.DataFrame:
    """The scenarios of the asked number and spacing, one row per scenario: net sales of all sites together."""
    asked = plan.grid.filter((pl.col("k") == start["k"]) & (pl.col("spacing_km") == start["spacing"]))
    return asked.group_by("size", "rivals", "closes", maintain_order=True).agg(
        gain_minor=(pl.col("net").sum() * 100).round().cast(pl.Int64)
    )


def _nearest(value: float, options: list[float]) -> float:
    return min(options, key=lambda o: abs(o - value))


def _total(shown: pl.DataFrame, start: dict[str, float], rivals: str) -> float:
    """Net revenue of the starting scenario with or without rivals beside."""
    rows = shown.filter(
        (pl.col("k") == start["k"])
        & (pl.col("spacing") == start["spacing"])
        & (pl.col("size") == 1.0)
        & (pl.col("rivals") == rivals)
        & (pl.col("closes") == pl.col("closes").first())
    )
    return float(rows["net"].sum())
