"""Where: the map, the ranked candidates, and why the first of them earn what they earn."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import polars as pl

from crmlib.core.coordinates import from_wgs84
from crmlib.kit.charts import intervals
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared import sites_tables as views
from crmlib.pages.shared.sites_wording import named, own_stores, runners
from crmlib.pages.site_selection import charts, tables
from crmlib.pages.site_selection.findings.wording import interval, joined, months, nothing, on_axis
from crmlib.sites import shapes
from crmlib.sites.features import within
from crmlib.sites.plan import Plan
from crmlib.sites.study import Town

SHOWN = 15
"""Candidates in the picture; the table has them all."""
STABLE = 0.5
"""A site that is among the best k in at least half of the draws has a stable rank."""
NEAR_KM = 1.0


def town_map(
    plan: Plan,
    town: Town,
    *,
    words: Words,
    known: pl.DataFrame | None = None,
    districts: pl.DataFrame | None = None,
    run_by: Mapping[str, str] | None = None,
) -> Finding:
    """Show the town: demand, own stores, rivals, candidates and the chosen ones, these with where to find them.

    Parameters
    ----------
    known : site_id, district, address (null: not on file). districts : name, lat, lon of each district's middle.
    run_by : who runs each own store, by its number.
    """
    form = words.format
    market, chosen = town.market, list(plan.chosen)
    layers = [("own", market.own), ("rival", market.rivals), ("candidate", town.candidates)]
    places = pl.concat(
        pl.DataFrame(
            {"layer": [layer] * len(s.ids), "site_id": list(s.ids), "lat": s.lat.round(5), "lon": s.lon.round(5)},
            schema={"layer": pl.String, "site_id": pl.String, "lat": pl.Float64, "lon": pl.Float64},
        )
        for layer, s in layers
    ).with_columns(layer=pl.when(pl.col("site_id").is_in(chosen)).then(pl.lit("chosen")).otherwise(pl.col("layer")))
    places = named(places, "site_id", town.names).with_columns(
        name=pl.when(pl.col("layer") == "rival").then(pl.lit("")).otherwise(pl.col("name"))
    )
    places = _found(places, known)
    near = _own_within(town, chosen)
    cells = _levels(shapes.polygons(market), words)
    values = {
        "chosen": joined(chosen, town.names, words),
        "near": form.count(near),
        "stores": own_stores(len(market.own.ids), runners(market.own.ids, run_by), words=words),
        "rivals": form.count(len(market.rivals.ids)),
        "candidates": form.count(len(town.candidates.ids)),
        "people": form.count(round(float(market.population.sum()))),
        "cells": form.count(cells.height),
        "km": form.number(NEAR_KM),
    }
    kind = "none" if not chosen else "apart" if near == 0 else "beside"
    return Finding.worded(
        "site_selection.map",
        kind,
        values,
        words=words,
        key="sites.map",
        status="none",
        table=places,
        view=views.plain(
            places.filter(pl.col("layer") == "chosen").select("name", "district", "address", "gcj_lat", "gcj_lon"),
            words=words,
            numbers={"gcj_lat": 5, "gcj_lon": 5},
        ),
        chart=charts.town_map(
            cells, places.drop("gcj_lat", "gcj_lon").sort("layer", descending=True), words=words, districts=districts
        ),
        row_key=("site_id",),
    )


def _found(places: pl.DataFrame, known: pl.DataFrame | None) -> pl.DataFrame:
    """`places` with district, address, where (both in one) and the coordinates that Chinese maps navigate by."""
    blank = pl.DataFrame(schema={"site_id": pl.String, "district": pl.String, "address": pl.String})
    rows = places.join(blank if known is None else known, on="site_id", how="left", maintain_order="left")
    lat, lon = from_wgs84(rows["lat"].to_numpy(), rows["lon"].to_numpy(), crs="GCJ02")
    where = pl.concat_str("district", "address", separator=" ", ignore_nulls=True)
    return rows.with_columns(where=where, gcj_lat=pl.Series(lat).round(5), gcj_lon=pl.Series(lon).round(5))


def ranking(plan: Plan, town: Town, *, words: Words) -> Finding:
    """Rank the candidates by what they leave after rent, each with its interval, payback and stability."""
    form = words.format
    table = plan.table
    best, second = table.row(0, named=True), table.row(min(1, table.height - 1), named=True)
    losing = table.filter(pl.col("profit_minor") <= 0).height
    steady = table.filter(pl.col("choice").is_not_null() & (pl.col("stability") >= STABLE)).height
    alone = table.height == 1
    kind = "all_lose" if losing == table.height else "only" if alone else "clear" if _clear(best, second) else "close"
    values = {
        "best": town.names.get(best["site_id"], best["site_id"]),
        "second": town.names.get(second["site_id"], second["site_id"]),
        "profit": form.money(best["profit_minor"]),
        "span": interval(best["profit_low_minor"], best["profit_high_minor"], words),
        "candidates": form.count(table.height),
        "losing": form.count(losing),
        "steady": form.count(steady),
        "k": form.count(max(len(plan.chosen), 1)),
        "share": form.share(int(table["cannibalised_minor"].sum()) / int(table["gross_minor"].sum())),
    }
    values["alone"] = words(f"site_selection.ranking.alone.{'some' if losing else 'none'}", **values)
    shown = named(table, "site_id", town.names).with_columns(
        payback_span=pl.Series([_span(r, words) for r in table.iter_rows(named=True)]),
        remark=pl.Series([_remark(r, words) for r in table.iter_rows(named=True)]),
    )
    return Finding.worded(
        "site_selection.ranking",
        kind,
        values,
        words=words,
        key="sites.ranking",
        status=_rank_status(losing, table.height, steady, len(plan.chosen)),
        table=table,
        view=tables.ranking(shown, words=words),
        chart=intervals.intervals(_bars(shown, words), words=words, title=words("site_selection.axis.profit_interval")),
        do=words(f"site_selection.ranking.do.{'steady' if steady == len(plan.chosen) else 'unsteady'}", **values),
        row_key=("site_id",),
    )


def why(plan: Plan, town: Town, *, words: Words) -> Finding:
    """Explain the first sites in yuan that sum, beside own stores like them."""
    if not plan.chosen:
        return nothing("site_selection.why", key="sites.why", words=words)
    form = words.format
    first = plan.chosen[0]
    steps = plan.steps.filter(pl.col("site_id") == first)
    factors = steps.filter(pl.col("order").is_between(1, 5))
    top = factors.row(int(factors["step_minor"].arg_max() or 0), named=True)
    low = factors.row(int(factors["step_minor"].arg_min() or 0), named=True)
    net, lost = steps["step_minor"][-1], -int(steps["step_minor"][-2])
    like = plan.analogs.filter(pl.col("site_id") == first)
    values = {
        "site": town.names.get(first, first),
        "top": words(f"site_selection.step.{top['step']}"),
        "top_amount": form.money(top["step_minor"]),
        "low": words(f"site_selection.step.{low['step']}"),
        "low_amount": form.money(low["step_minor"]),
        "gross": form.money(net + lost),
        "net": form.money(net),
        "lost": form.money(lost),
        "average": form.money(steps["step_minor"][0]),
        "analogs": words("sites.semicolon").join(
            words("site_selection.why.analog", name=town.names.get(a, a), revenue=form.money(r))
            for a, r in like.select("analog_id", "revenue_minor").iter_rows()
        ),
    }
    kind = "lifted" if top["step_minor"] > 0 and net > steps["step_minor"][0] - lost else "plain"
    table = plan.steps.join(
        plan.analogs.group_by("site_id").agg(pl.col("analog_id").str.join(" ")), on="site_id", how="left"
    )
    wide = named(plan.steps, "site_id", town.names).with_columns(
        step=told(plan.steps, "step", by=lambda s: words(f"site_selection.step.{s}"))
    )
    return Finding.worded(
        "site_selection.why",
        kind,
        values,
        words=words,
        key="sites.why",
        status="none",
        table=table,
        view=views.plain(wide.select("name", "step", "step_minor"), words=words),
        chart=charts.waterfall(_falls(plan, town, words), words=words),
        row_key=("site_id", "step"),
    )


def _levels(cells: pl.DataFrame, words: Words) -> pl.DataFrame:
    """Demand in five classes of equally many cells, named by their limits in 10,000 yuan a km²."""
    density = cells["demand"] / 1e4
    cuts = sorted({round(float(density.quantile(q) or 0)) for q in (0.2, 0.4, 0.6, 0.8)})
    form = words.format
    inner = [words("site_selection.map.level", low=form.count(a), high=form.count(b)) for a, b in pairwise(cuts)]
    names = [
        words("site_selection.map.below", limit=form.count(cuts[0])),
        *inner,
        words("site_selection.map.above", limit=form.count(cuts[-1])),
    ]
    rank = pl.sum_horizontal([(density > c).cast(pl.Int64) for c in cuts])
    return cells.with_columns(rank=rank).with_columns(level=pl.col("rank").replace_strict(dict(enumerate(names))))


def _own_within(town: Town, chosen: list[str]) -> int:
    """How many chosen sites have an own store within `NEAR_KM`."""
    index = [town.candidates.ids.index(i) for i in chosen]
    near = within(town.candidates, town.market.own, NEAR_KM).sum(axis=1)
    return sum(1 for i in index if near[i] > 0)


def _clear(best: dict[str, int], second: dict[str, int]) -> bool:
    """The first site's interval lies above the second's point."""
    return best["profit_low_minor"] > second["profit_minor"]


def _rank_status(losing: int, rows: int, steady: int, chosen: int) -> Status:
    if losing == rows:
        return "fail"
    return "ok" if chosen and steady == chosen else "warn"


def _span(row: dict[str, int | None], words: Words) -> str:
    return words("site_selection.span", low=months(row["payback_p10"], words), high=months(row["payback_p90"], words))


def _remark(row: dict[str, object], words: Words) -> str:
    parts = [words("site_selection.remark.chosen", order=str(row["choice"]))] if row["choice"] is not None else []
    parts += [words("site_selection.remark.feel")] if row["by_feel"] else []
    parts += [words(f"site_selection.remark.{p}") for p in str(row["extrapolated"]).split(", ") if p]
    return words("page.join").join(parts)


def _bars(shown: pl.DataFrame, words: Words) -> pl.DataFrame:
    rows = shown.head(SHOWN)
    return pl.DataFrame(
        {
            "name": rows["name"],
            "value": [on_axis(v, words) for v in rows["profit_minor"]],
            "low": [on_axis(v, words) for v in rows["profit_low_minor"]],
            "high": [on_axis(v, words) for v in rows["profit_high_minor"]],
            "label": [words.format.money(v) for v in rows["profit_minor"]],
        }
    ).with_columns(tone=toned(rows["choice"].is_null()))


def _falls(plan: Plan, town: Town, words: Words) -> pl.DataFrame:
    """Start and end of every bar: totals from zero, steps from where the last one ended."""
    rows = []
    for site in plan.steps["site_id"].unique(maintain_order=True):
        level = 0
        for step, order, value in (
            plan.steps.filter(pl.col("site_id") == site).select("step", "order", "step_minor").rows()
        ):
            total = step in ("average", "net")
            start, end = (0, value) if total else (level, level + value)
            level = end
            rows.append(
                {
                    "site": town.names.get(site, site),
                    "order": order,
                    "step": words(f"site_selection.step.{step}"),
                    "start": on_axis(start, words),
                    "end": on_axis(end, words),
                    "label": words.format.money(value) if total or value <= 0 else f"+{words.format.money(value)}",
                    "kind": "total" if total else "up" if value > 0 else "down",
                }
            )
    return pl.DataFrame(rows)
