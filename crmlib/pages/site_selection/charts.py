"""Pictures of site selection: maps, rankings, payback, what if."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from crmlib.kit.charts import theme
from crmlib.kit.words import Words

ROW = 30
"""Height of one bar's row [px]."""

MAP_HEIGHT = 460
NAME_WIDE, NAME_HIGH = 0.16, 0.05
"""Shares of the map that a name takes."""

LAYERS = ("chosen", "candidate", "own", "rival")

LAYER_COLORS = (theme.FAIL, theme.INK, theme.SERIES[2], theme.SOFT)

LAYER_SHAPES = ("circle", "diamond", "square", "cross")


def profit_curve(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Joint profit by number of sites.

    Parameters
    ----------
    frame : k, who (name of the ranking), ours, amount (in the axis unit), label (empty but at the asked k and the end).
    """
    base = alt.Chart(frame).encode(
        x=alt.X("k:O", title=words("site_selection.axis.k"), axis=alt.Axis(labelAngle=0)),
        y=alt.Y(
            "amount:Q",
            title=words("site_selection.axis.profit"),
            scale=alt.Scale(zero=True),
            axis=alt.Axis(tickCount=5),
        ),
        color=alt.Color(
            "who:N",
            sort=None,
            title=None,
            scale=alt.Scale(
                domain=frame["who"].unique(maintain_order=True).to_list(), range=[theme.ACCENT, theme.WARN]
            ),
        ),
        tooltip=[alt.Tooltip("who:N"), alt.Tooltip("k:O"), alt.Tooltip("amount:Q")],
    )
    text = base.mark_text(dy=-12, fontWeight="bold").encode(text=alt.Text("label:N"))
    return theme.finish(_over(base.mark_line(point=alt.OverlayMarkDef(size=50)), text), height=270)


def town_map(
    cells: pl.DataFrame, places: pl.DataFrame, *, words: Words, districts: pl.DataFrame | None = None
) -> alt.LayerChart:
    """The town from above, without a tile server: demand as colour, stores as marks, chosen sites named.

    Parameters
    ----------
    cells : ring (clockwise), level (of demand, in words), rank (its order); places : layer (one of `LAYERS`),
    name, lat, lon, and where (district and address), if known; districts : name, lat, lon of each district's middle.
    """
    levels = cells.sort("rank")["level"].unique(maintain_order=True).to_list()
    shapes = [
        {
            "type": "Feature",
            "geometry": {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]},
            "properties": {"level": level},
        }
        for level, rings in cells.group_by("level", maintain_order=True).agg("ring").iter_rows()
    ]
    ground = (
        alt.Chart(alt.InlineData(values=shapes))
        .mark_geoshape(stroke=theme.PAPER, strokeWidth=0.4, fillOpacity=0.7)
        .encode(
            color=alt.Color(
                "properties.level:N",
                sort=levels,
                scale=alt.Scale(domain=levels, range=list(theme.RAMP)[-len(levels) :]),
                legend=alt.Legend(
                    title=words("site_selection.map.demand"), orient="bottom", titleLimit=400, symbolStrokeWidth=0
                ),
            ),
        )
    )
    domain = [words(f"site_selection.map.{name}") for name in LAYERS]
    seen = places.with_columns(what=pl.col("layer").replace_strict(dict(zip(LAYERS, domain, strict=True))))
    marks = (
        alt.Chart(seen)
        .mark_point(filled=True, size=62, opacity=1, stroke=theme.PAPER, strokeWidth=0.9)
        .encode(
            longitude=alt.Longitude("lon:Q"),
            latitude=alt.Latitude("lat:Q"),
            fill=alt.Fill("what:N", title=None, sort=domain, scale=alt.Scale(domain=domain, range=list(LAYER_COLORS))),
            shape=alt.Shape(
                "what:N", title=None, sort=domain, scale=alt.Scale(domain=domain, range=list(LAYER_SHAPES))
            ),
            size=alt.condition("datum.layer === 'chosen'", alt.value(200), alt.value(62)),
            tooltip=[
                alt.Tooltip("what:N", title=words("site_selection.map.what")),
                alt.Tooltip("name:N", title=words("site_selection.map.name")),
                *([alt.Tooltip("where:N", title=words("site_selection.map.where"))] if "where" in seen.columns else []),
            ],
        )
    )
    named = [layer for part, dy in zip(_apart(seen), (-15, 18), strict=True) for layer in _named(part, dy=dy)]
    quarters = [] if districts is None or districts.is_empty() else [_quarters(districts)]
    chart: alt.LayerChart = (
        _over(ground, *quarters, marks, *named).project(type="mercator").resolve_scale(color="independent")
    )
    return theme.finish(chart, height=MAP_HEIGHT)


def _apart(seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Chosen places whose name stands above the mark, and those close below another one, whose name stands under it."""
    chosen = seen.filter(pl.col("layer") == "chosen").sort("lat", descending=True)
    wide, high = (float(seen.select(pl.col(c).max() - pl.col(c).min()).item() or 0.0) for c in ("lon", "lat"))
    above: list[tuple[float, float]] = []
    under = []
    for lon, lat in chosen.select("lon", "lat").iter_rows():
        under.append(any(abs(lon - x) < NAME_WIDE * wide and y - lat < NAME_HIGH * high for x, y in above))
        if not under[-1]:
            above.append((lon, lat))
    mask = pl.Series(under, dtype=pl.Boolean)
    return chosen.filter(~mask), chosen.filter(mask)


def _named(places: pl.DataFrame, *, dy: int) -> list[alt.Chart]:
    """Names with a rim, so that they can be read on any ground."""
    if places.is_empty():
        return []
    rim = (
        alt.Chart(places)
        .mark_text(dy=dy, fontWeight="bold", fontSize=13, stroke=theme.PAPER, strokeWidth=3, strokeJoin="round")
        .encode(longitude=alt.Longitude("lon:Q"), latitude=alt.Latitude("lat:Q"), text=alt.Text("name:N"))
    )
    return [rim, rim.mark_text(dy=dy, fontWeight="bold", fontSize=13, color=theme.FAIL)]


def _quarters(districts: pl.DataFrame) -> alt.Chart:
    """Names of districts in their middle, dark enough to be read on any ground."""
    chart: alt.Chart = (
        alt.Chart(districts)
        .mark_text(fontSize=13, color=theme.INK, fontWeight="bold")
        .encode(longitude=alt.Longitude("lon:Q"), latitude=alt.Latitude("lat:Q"), text=alt.Text("name:N"))
    )
    return chart


def waterfall(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """From the average candidate to one site's net revenue, step by step; the site is picked above the chart.

    Parameters
    ----------
    frame : site (name), order, step (name), start, end, amount (axis unit), label, kind (total, up, down).
    """
    sites = frame["site"].unique(maintain_order=True).to_list()
    pick = alt.param(
        name="site_shown",
        value=sites[0],
        bind=alt.binding_select(options=sites, name=words("site_selection.why.pick") + " "),
    )
    base = (
        alt.Chart(frame)
        .transform_filter("datum.site === site_shown")
        .encode(
            y=alt.Y(
                "step:N", sort=alt.EncodingSortField("order"), title=None, axis=alt.Axis(ticks=False, labelLimit=190)
            ),
            tooltip=[alt.Tooltip("step:N"), alt.Tooltip("label:N")],
        )
    )
    axis = alt.X(
        "start:Q", title=words("site_selection.axis.revenue"), scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6)
    )
    color = alt.Color(
        "kind:N",
        legend=None,
        scale=alt.Scale(domain=["total", "up", "down"], range=[theme.SERIES[2], theme.ACCENT, theme.WARN]),
    )
    bar = base.mark_bar(cornerRadius=1).encode(x=axis, x2=alt.X2("end:Q"), color=color)
    edge = base.transform_calculate(edge="max(datum.start, datum.end)", room="max(datum.start, datum.end) * 1.22")
    room = edge.mark_point(opacity=0).encode(x=alt.X("room:Q"))
    text = edge.mark_text(align="left", dx=5).encode(x=alt.X("edge:Q"), text=alt.Text("label:N"))
    return theme.finish(_over(bar, room, text).add_params(pick), height=ROW * 8)


def paid_back(frame: pl.DataFrame, leases: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Probability of having paid back by month, with the end of each lease.

    Parameters
    ----------
    frame : name, month, p_paid; leases : name, month, p_paid (at the lease's end), label.
    """
    order = frame["name"].unique(maintain_order=True).to_list()
    x = alt.X("month:Q", title=words("site_selection.axis.month"), axis=alt.Axis(values=list(range(0, 121, 12))))
    y = alt.Y(
        "p_paid:Q",
        title=words("site_selection.axis.p_paid"),
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%", tickCount=5),
    )
    color = alt.Color(
        "name:N", title=None, sort=order, scale=alt.Scale(domain=order, range=list(theme.SERIES[: len(order)]))
    )
    line = (
        alt.Chart(frame)
        .mark_line()
        .encode(
            x=x,
            y=y,
            color=color,
            tooltip=[alt.Tooltip("name:N"), alt.Tooltip("month:Q"), alt.Tooltip("p_paid:Q", format=".0%")],
        )
    )
    end = alt.Chart(leases).encode(x=x, y=y, color=color)
    marks = end.mark_point(filled=True, size=110, shape="diamond", opacity=1)
    halo = end.mark_text(align="left", dx=9, dy=11, stroke=theme.PAPER, strokeWidth=4).encode(text=alt.Text("label:N"))
    text = end.mark_text(align="left", dx=9, dy=11).encode(text=alt.Text("label:N"))
    return theme.finish(_over(line, marks, halo, text), height=280)


def opened(frame: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    """Past openings: forecast with its 80 % interval, and what came.

    Parameters
    ----------
    frame : name, predicted, low, high, actual (axis unit), inside.
    """
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=frame["name"].to_list(), title=None, axis=alt.Axis(ticks=False, labelLimit=170))
    )
    axis = alt.X(
        "low:Q", title=words("site_selection.axis.revenue"), scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6)
    )
    rule = base.mark_rule(strokeWidth=5, color=theme.RAMP[2]).encode(x=axis, x2=alt.X2("high:Q"))
    tick = base.mark_tick(color=theme.ACCENT, thickness=3, size=18).encode(x=alt.X("predicted:Q"))
    real = base.mark_point(filled=True, size=90, opacity=1, shape="diamond").encode(
        x=alt.X("actual:Q"), color=alt.condition("datum.inside", alt.value(theme.INK), alt.value(theme.FAIL))
    )
    return theme.finish(_over(rule, tick, real), height=ROW * max(frame.height, 3))


def what_if(frame: pl.DataFrame, *, words: Words, start: dict[str, float], lost_months: float) -> alt.LayerChart:
    """Profit of each site under the controls: number, spacing, size, rent, margin, a rival, a closed store, the limit.

    The scenarios are in the page; rent, margin and payback are worked out there.

    Parameters
    ----------
    frame : k, spacing, size, rivals, closes, name, order, net, rent, fixed (axis unit a year), capex (axis unit).
    start : margin_percent, k, spacing; lost_months : months of mature revenue lost while ramping up.
    """
    never, unit = words("site_selection.whatif.never"), words("site_selection.whatif.months")
    chart = (
        alt.Chart(frame)
        .transform_filter(
            "datum.k === wi_k && datum.spacing === wi_spacing && datum.size === wi_size"
            " && datum.rivals === wi_rivals && datum.closes === wi_closes"
        )
        .transform_calculate(
            earned="datum.net * wi_margin / 100",
            cost="datum.rent * wi_rent / 100 + datum.fixed",
        )
        .transform_calculate(
            profit="datum.earned - datum.cost",
            months="datum.earned > datum.cost ? ceil((datum.capex * datum.size + datum.earned / 12 * "
            + f"{lost_months:.3f}) / ((datum.earned - datum.cost) / 12)) : 999",
        )
        .transform_calculate(
            quick="datum.months <= wi_limit",
            label=f"format(datum.profit, ',.0f') + ' · ' + (datum.months > 120 ? '{never}' : datum.months + '{unit}')",
        )
    )
    order = frame.sort("order", "k")["name"].unique(maintain_order=True).to_list()
    y = alt.Y("name:N", sort=order, title=None, axis=alt.Axis(ticks=False, labelLimit=170))
    bar = chart.mark_bar(cornerRadiusEnd=2).encode(
        y=y,
        x=alt.X("profit:Q", title=words("site_selection.axis.profit"), axis=alt.Axis(tickCount=5)),
        color=alt.condition("datum.quick", alt.value(theme.ACCENT), alt.value(theme.MUTED)),
    )
    text = chart.mark_text(align="left", dx=5).encode(y=y, x=alt.X("profit:Q"), text=alt.Text("label:N"))
    room = chart.transform_calculate(pad="datum.profit * 1.6").mark_point(opacity=0).encode(y=y, x=alt.X("pad:Q"))
    total = (
        chart.transform_aggregate(profit="sum(profit)", net="sum(net)")
        .transform_calculate(
            line=f"'{words('site_selection.whatif.total')} ' + format(datum.profit, ',.0f')"
            f" + ' {words('site_selection.unit.year')}'"
        )
        .mark_text(align="left", baseline="top", fontSize=14, fontWeight="bold", x=4, y=-20)
        .encode(text=alt.Text("line:N"))
    )
    return theme.finish(_over(bar, room, text, total).add_params(*_controls(frame, words, start)), height=210)


def _controls(frame: pl.DataFrame, words: Words, start: dict[str, float]) -> list[alt.Parameter]:
    def name(key: str) -> str:
        return words(f"site_selection.whatif.{key}") + " "

    def select(key: str, column: str, value: object, labels: list[str] | None = None) -> alt.Parameter:
        options = frame[column].unique(maintain_order=True).to_list()
        bind = alt.binding_select(options=options, labels=labels or [str(o) for o in options], name=name(key))
        return alt.param(name=f"wi_{key}", value=value, bind=bind)

    def slide(key: str, value: float, low: float, high: float, step: float) -> alt.Parameter:
        return alt.param(
            name=f"wi_{key}", value=value, bind=alt.binding_range(min=low, max=high, step=step, name=name(key))
        )

    sizes = [f"{round(100 * s)}%" for s in frame["size"].unique(maintain_order=True)]
    return [
        select("k", "k", start["k"]),
        select("spacing", "spacing", start["spacing"]),
        select("size", "size", 1.0, sizes),
        slide("rent", 100, 60, 160, 5),
        slide("margin", start["margin_percent"], 15, 60, 1),
        select("rivals", "rivals", frame["rivals"][0]),
        select("closes", "closes", frame["closes"][0]),
        slide("limit", 36, 12, 96, 6),
    ]


def _over(*charts: Any) -> alt.LayerChart:
    """Charts over one another, the first at the bottom."""
    layered: alt.LayerChart = alt.layer(*charts)  # type: ignore[assignment]
    return layered
