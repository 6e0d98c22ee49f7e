"""Rows of a chart: names on the left, marks, their figures beside them, and an axis that leaves the figures room.

The room is worked out where the chart is drawn, from its width there: on a telephone the bars get shorter and the
figures stay inside; on a wide page they take no more than they need.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TypeVar, cast

import altair as alt
import polars as pl
from altair.utils.schemapi import Undefined, UndefinedType

from crmlib.kit.charts import theme
from crmlib.kit.words import Words

DAY = re.compile(r"\d{4}-\d{2}(-\d{2})?")
C = TypeVar("C", alt.Color, alt.Fill, alt.Stroke)
ROW = 34
"""Height of one row [px]."""
NAMES, CUT = 125, 145
"""A name longer than this [px] has two lines; what is longer than that in one of them is cut."""
GAP = 8
"""Between the end of a mark and its figure [px]."""
NARROW, WIDE = 7.0, 12.5
"""Width of a Latin letter or digit and of a Chinese character in a figure [px]."""
MOST = 0.85
"""Share of the plot that figures take at most, both sides together."""
FEW = 5
"""Ticks of an axis; counts of fewer have a tick each."""
TONES = {
    "plain": theme.ACCENT,
    "quiet": theme.MUTED,
    "total": theme.SERIES[2],
    "loss": theme.SERIES[1],
    "warn": theme.WARN,
    "fail": theme.FAIL,
}
"""What a mark's colour says."""


def prepared(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` (name, value, label, and low, high, tone where given) with every column a row of a chart needs.

    Without an interval it ends at the value; without a tone a value below zero is a loss, and any other plain. A figure
    stands outside the mark and its interval, on the side of the value.
    """
    value = pl.col("value").cast(pl.Float64)
    known = {c: pl.col(c).cast(pl.Float64).fill_null(value) if c in frame.columns else value for c in ("low", "high")}
    usual = pl.when(pl.col("value") < 0).then(pl.lit("loss")).otherwise(pl.lit("plain"))
    tone = pl.col("tone") if "tone" in frame.columns else pl.lit(None, dtype=pl.String)
    shown = frame.with_columns(**known, value=value, tone=pl.coalesce(tone, usual), label=pl.col("label").fill_null(""))
    return shown.with_columns(at=pl.when(pl.col("value") < 0).then("low").otherwise("high"), right=pl.col("value") >= 0)


def base(shown: pl.DataFrame, *, words: Words, title: str | None) -> alt.Chart:
    """A chart of `shown` with one row per name, in their order."""
    lines = shown.with_columns(lines=pl.Series([in_two(name) for name in shown["name"]], dtype=pl.String))
    axis = alt.Axis(ticks=False, labelLimit=0, labelOverlap=False, labelExpr="split(datum.label, '\\n')")
    return alt.Chart(lines).encode(
        y=alt.Y("lines:N", sort=lines["lines"].to_list(), title=None, axis=axis),
        tooltip=[
            alt.Tooltip("name:N", title=words("page.chart.what")),
            alt.Tooltip("label:N", title=title or words("page.chart.figure")),
        ],
    )


def tone(channel: type[C]) -> C:
    """The colour of a mark by its tone, as `channel` (Color, Fill, Stroke)."""
    return channel("tone:N", scale=alt.Scale(domain=list(TONES), range=list(TONES.values())), legend=None)


def toned(where: pl.Expr | pl.Series, tone: str = "quiet") -> pl.Expr:
    """The tone of rows: `tone` where `where` holds, else that of their sign."""
    return pl.when(where).then(pl.lit(tone))


def figures(drawn: alt.Chart) -> list[alt.Chart]:
    """Each row's figure beside its mark, right of it or, below zero, left of it."""
    right = drawn.transform_filter("datum.right").mark_text(align="left", dx=GAP)
    left = drawn.transform_filter("!datum.right").mark_text(align="right", dx=-GAP)
    return [side.encode(x=alt.X("at:Q"), text=alt.Text("label:N")) for side in (right, left)]


def value_axis(shown: pl.DataFrame, *, percent: bool, words: Words | None = None, title: str | None = None) -> alt.Axis:
    """Ticks of the values: whole numbers for counts, no share above the whole where none is, large ones as `scaled`."""
    least, most = ends(shown)
    if percent and 0.5 < most <= 1 and least >= 0:
        return alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1])
    if percent:
        return alt.Axis(format="%", tickCount=5)
    whole = bool((shown["value"] == shown["value"].round()).all())
    if whole and most - least < FEW:
        return alt.Axis(format=",d", values=list(range(math.floor(least), math.ceil(most) + 1)))
    return alt.Axis(format=",.2~f", tickCount=FEW, labelExpr=scaled(max(-least, most), words=words, title=title))


def scaled(most: float, *, words: Words | None, title: str | None) -> str | UndefinedType:
    """What an axis of values up to `most` writes at its ticks: from the language's own size on in its scale (30K).

    As it is where the title already says the scale, or the language is not known.

    Examples
    --------
    >>> scaled(1e5, words=Words("en"), title="¥")
    "datum.value == 0 ? '0' : format(datum.value / 1000, ',.2~f') + 'K'"
    >>> scaled(900, words=Words("en"), title="¥")
    Undefined
    """
    if words is None:
        return Undefined
    money = words.format.locale.money
    scale = next((word for size, word in money.scales if size == money.axis), "")
    said = words("page.axis.large", unit="").strip()
    if not scale or most < money.axis_from or said in (title or ""):
        return Undefined
    return f"datum.value == 0 ? '0' : format(datum.value / {money.axis:.0f}, ',.2~f') + '{scale}'"


def large(words: Words) -> alt.Axis:
    """An axis of amounts and counts whose ticks are said in the sizes of the language, tick by tick."""
    text = "format(datum.value, ',.3~f')"
    for size, word in sorted(words.format.locale.money.scales):
        text = f"abs(datum.value) >= {size:.0f} ? format(datum.value / {size:.0f}, ',.3~f') + '{word}' : {text}"
    # from the largest size down: each stands before those below it
    return alt.Axis(tickCount=FEW, labelExpr=text)


def ends(shown: pl.DataFrame, *, at: float | None = 0.0) -> tuple[float, float]:
    """Least and most of all marks and intervals, and of the line at `at`."""
    held = [at] if at is not None else []
    low = [v for v in shown["low"].to_list() if v is not None and math.isfinite(v)]
    high = [v for v in shown["high"].to_list() if v is not None and math.isfinite(v)]
    least, most = min([*low, *held], default=0.0), max([*high, *held], default=1.0)
    return (least, most) if most > least else (least, least + 1.0)


def scale(shown: pl.DataFrame, *, at: float | None = 0.0, log: bool = False) -> alt.Scale:
    """An axis that holds all marks, the line at `at`, and the figures on their side, however wide the plot is."""
    least, most = ends(shown, at=at)
    if log:
        least, most = math.log(least * 0.95), math.log(most * 1.05)
    left, right = (_widest(shown.filter(pl.col("right") == side)) for side in (False, True))
    taken = f"max(1, {(left + right) / MOST:.1f} / width)"
    left_share, right_share = (f"({side:.1f} / width / {taken})" for side in (left, right))
    whole = f"({most - least!r} / (1 - {left_share} - {right_share}))"
    low, high = f"{least!r} - {left_share} * {whole}", f"{most!r} + {right_share} * {whole}"
    if log:
        low, high = f"exp({low})", f"exp({high})"
    kind = {"type": "log"} if log else {"zero": False}
    return alt.Scale(domainMin=alt.ExprRef(low), domainMax=alt.ExprRef(high), nice=False, **kind)


def in_two(name: str) -> str:
    r"""A name too long for its line, parted at the space or hyphen nearest to its middle (never in a day), else there.

    Examples
    --------
    >>> in_two("short"), in_two("Taken from siblings of it")
    ('short', 'Taken from\nsiblings of it')
    """
    if text_width(name) <= NAMES:
        return name
    middle = len(name) // 2
    within = {i for day in DAY.finditer(name) for i in range(*day.span())}
    gaps = [i + (c == "-") for i, c in enumerate(name) if c in " -" and i not in within]
    inner = [i for i in gaps if len(name) / 4 < i < 3 * len(name) / 4]
    at = min(inner, key=lambda i: abs(i - middle), default=middle)
    return "\n".join(_cut(line.strip()) for line in (name[:at], name[at:]))


def _cut(line: str) -> str:
    """The beginning of a line that is longer than `CUT`."""
    if text_width(line) <= CUT:
        return line
    return next(line[:n] for n in range(len(line), -1, -1) if text_width(line[:n]) <= CUT - WIDE) + "\u2026"


def text_width(text: str) -> float:
    r"""Width of a figure [px].

    Examples
    --------
    >>> text_width("12 \u5143")
    33.5
    """
    return sum(WIDE if ord(c) > 0x2E80 else NARROW for c in text)


def _widest(side: pl.DataFrame) -> float:
    """Width of the widest figure with its gaps [px]; nothing where no figure stands."""
    return max((text_width(label) + 2 * GAP for label in side["label"] if label), default=0.0)


def lines_at(values: Sequence[float]) -> alt.Chart:
    """Dashed lines across all rows."""
    drawn = alt.Chart(pl.DataFrame({"mark": [float(v) for v in values]}))
    dashed: alt.Chart = drawn.mark_rule(color=theme.SOFT, strokeDash=[4, 3])
    return dashed.encode(x=alt.X("mark:Q"))


def layers(*parts: alt.Chart) -> alt.LayerChart:
    """`parts` one above the other, the first at the bottom."""
    return cast(alt.LayerChart, alt.layer(*parts))


def finish(*parts: alt.Chart, count: int) -> alt.LayerChart:
    """`parts` in the house's look, as high as `count` rows need."""
    return theme.finish(layers(*parts), height=ROW * max(count, 2))
