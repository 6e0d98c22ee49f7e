"""How much was sold, and whether that is more than it was: the answer and the course of sales."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from crmlib.core.calendar import festivals
from crmlib.core.errors import ModelError
from crmlib.kit import table as views
from crmlib.kit.charts.money import axis
from crmlib.kit.finding import Answer, Figure, Finding, Status, Tone
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.sales_pulse import charts
from crmlib.pages.shared.sales_wording import cause, largest, period_name, points, signed
from crmlib.sales.causes import total
from crmlib.sales.comparisons import Reading

if TYPE_CHECKING:
    import altair as alt

__all__ = ["LENGTH", "answer", "course", "period_name", "tried"]
T = TypeVar("T")
LENGTH = {"day": 1, "week": 7, "month": 7}
STILL = 0.01
"""A change below 1 % is neither good nor bad."""
NARROW = 0.1
"""A change within the usual swings is called level up to 10 %; beyond, the swings are too wide to tell."""
FESTIVALS = ("spring_festival", "dragon_boat", "mid_autumn")
"""Marked in the course of sales: the great slots."""


def tried(step: Callable[[], T]) -> T | None:
    """A step of the study, or none where the data do not allow it: the answer does without."""
    try:
        return step()
    except ModelError:
        return None


def row_of(trade: pl.DataFrame, name: str | None) -> dict[str, float | None]:
    """The row of a comparison, empty where it is not known."""
    found = trade.filter(pl.col("comparison") == (name or ""))
    return found.row(0, named=True) if found.height else {}


def change(now: dict[str, float | None], then: dict[str, float | None], column: str) -> float | None:
    """Now ÷ then − 1, none where either is unknown or then is 0 or less."""
    a, b = now.get(column), then.get(column)
    return a / b - 1 if a is not None and b is not None and b > 0 else None


def judged(reading: Reading, like: float | None) -> str | None:
    """The verdict, but `unsure` instead of `as_last_year` where so large a change is still within the usual swings."""
    wide = reading.verdict == "as_last_year" and like is not None and abs(like) > NARROW
    return "unsure" if wide else reading.verdict


def _ends(band: tuple[float, float] | None, *, words: Words) -> dict[str, str]:
    """The usual swings in words: low, high."""
    low, high = (None, None) if band is None else (math.expm1(end) for end in band)
    return {"low": words.format.change(low), "high": words.format.change(high)}


def tone(value: float | None) -> Tone:
    """Good above 1 %, bad below −1 %."""
    return "neutral" if value is None or abs(value) < STILL else "good" if value > 0 else "bad"


def answer(
    trade: pl.DataFrame,
    *,
    words: Words,
    period: str,
    ground: str | None,
    reading: Reading,
    band: tuple[float, float] | None,
    growth: pl.DataFrame,
    split: pl.DataFrame | None,
    watched: pl.DataFrame | None,
    name: Callable[[pl.Series], pl.Series],
) -> Answer:
    """One sentence: what was sold, more or less than before, the largest cause, the store to look at first.

    Parameters
    ----------
    trade : of `sales.trade.compared`; growth, reading, band : of `sales.comparisons`.
    split : of `sales.split`, none where nothing can be compared; watched : of `sales.flags`, none where not judged.
    name : names of stores by their ids.
    """
    form = words.format
    now, then = row_of(trade, "now"), row_of(trade, ground)
    grown = change(now, then, "net_minor")
    like = growth.filter(pl.col("comparison") == ground)["like_growth"].item() if ground else None
    kind = (
        "alone"
        if ground is None
        else (judged(reading, like) or _plain(grown))
        if ground == "same_slot"
        else _plain(grown)
    )
    reason = None if split is None else largest(total(split))
    sentence = words(
        f"sales_pulse.answer.{kind}",
        period=period,
        net=form.money(now["net_minor"]),
        receipts=form.count(int(now["receipts"] or 0)),
        ticket=form.money(now["ticket_minor"]),
        ground=words(f"sales.comparison.{ground}") if ground else "",
        change=form.change(grown),
        like=form.change(like),
        size=form.share(None if like is None else abs(like)),
        **_ends(band, words=words),
    )
    if reason is not None:
        sentence += words(
            "sales_pulse.answer.cause", cause=cause(reason[0], words=words), money=signed(reason[1], words=words)
        )
    sentence += _look(watched, words=words, name=name)

    def against(value: float | None) -> str:
        return words(f"sales_pulse.figure.{ground or 'alone'}", change=form.change(value))

    figures = [
        Figure(
            words("sales_pulse.figure.net"), form.money(now["net_minor"]), against(grown), tone(grown),
            key="net", amount=now["net_minor"], money=True,
        ),
        _rate(now, then, words=words),
        *(
            Figure(
                words(f"sales_pulse.figure.{column.removesuffix('_minor')}"),
                form.money(now[column]) if column == "ticket_minor" else form.count(int(now[column] or 0)),
                against(change(now, then, column)),
                tone(change(now, then, column)), key=column.removesuffix("_minor"), amount=now[column],
                money=column == "ticket_minor",
            )
            for column in ("receipts", "ticket_minor")
        ),
    ]  # fmt: skip
    return Answer(sentence, tuple(f for f in figures if f is not None))


def _plain(grown: float | None) -> str:
    return "alone" if grown is None else "level" if abs(grown) < STILL else "more" if grown > 0 else "less"


def _rate(now: dict[str, float | None], then: dict[str, float | None], *, words: Words) -> Figure | None:
    """The margin rate; none where no cost is known."""
    rate, was = now.get("margin_rate"), then.get("margin_rate")
    if rate is None:
        return None
    moved = None if was is None else rate - was
    kind: Tone = "neutral" if moved is None or abs(moved) < STILL else "good" if moved > 0 else "bad"
    return Figure(
        words("sales_pulse.figure.margin"),
        words.format.share(rate),
        words("sales_pulse.figure.points", points=points(rate, was, words=words)) if moved is not None else "",
        kind,
        key="margin_rate",
        amount=rate,
    )


def _look(watched: pl.DataFrame | None, *, words: Words, name: Callable[[pl.Series], pl.Series]) -> str:
    if watched is None:
        return ""
    low = watched.filter(pl.col("flagged") & (pl.col("gap_minor") < 0)).sort("gap_minor", "store_id")
    if low.is_empty():
        return words("sales_pulse.answer.calm")
    return words(
        "sales_pulse.answer.look",
        store=name(low["store_id"].head(1)).item(),
        money=words.format.money(-int(low["gap_minor"][0])),
    )


def course(
    weeks: pl.DataFrame,
    growth: pl.DataFrame,
    reading: Reading,
    *,
    words: Words,
    band: tuple[float, float] | None,
    period: str,
) -> Finding:
    """Whether sales grew: like for like against the same slot, judged by the band of earlier periods.

    Parameters
    ----------
    weeks : of `sales.trade.course`; growth, reading, band : of `sales.comparisons`.
    period : name of the period.
    """
    form = words.format
    by = {row["comparison"]: row for row in growth.iter_rows(named=True)}
    slot = by["same_slot"]
    verdict = judged(reading, slot["like_growth"])
    if slot["growth"] is None:
        told_as = "first" if by["last_period"]["growth"] is None else "no_year"
    elif reading.festival_shift:
        told_as = "shift"
    elif reading.openings:
        told_as = "openings"
    else:
        told_as = verdict or "no_band"
    values = {
        "period": period,
        "like": form.change(slot["like_growth"]),
        "size": form.share(None if slot["like_growth"] is None else abs(slot["like_growth"])),
        "slot": form.change(slot["growth"]),
        "dates": form.change(by["same_dates"]["growth"]),
        "last": form.change(by["last_period"]["growth"]),
        **_ends(band, words=words),
        "verdict": words(f"sales_pulse.verdict.{verdict or 'none'}"),
        "net": form.money(slot["now_minor"]),
    }
    seen = "seen_no_history" if told_as == "first" else "seen"
    status: Status = {"grew": "ok", "as_last_year": "ok", "fell": "warn"}.get(verdict or "", "none")  # type: ignore[assignment]
    table = growth.select("comparison", "then_first", "then_last", "now_minor", "then_minor", "growth", "like_growth")
    return Finding.worded(
        "sales_pulse.course", told_as, values, words=words, key="sales.course", status=status, table=table,
        view=views.readable(table.drop_nulls("growth"), words=words),
        chart=_drawn(weeks, words=words) if weeks.height > 1 else None,
        seen=words(f"sales_pulse.course.{seen}", **values),
        sure=words(f"sales_pulse.course.sure.{'band' if band else 'no_band'}", **values),
        row_key=("comparison",),
    )  # fmt: skip


def _drawn(weeks: pl.DataFrame, *, words: Words) -> alt.LayerChart:
    divisor, title = axis(float(weeks["net_minor"].max() or 0), words=words)  # type: ignore[arg-type]
    names = {"net_minor": words("sales.comparison.now"), "then_minor": words("sales.comparison.same_slot")}
    tall = weeks.unpivot(index="ends", on=list(names), variable_name="kind", value_name="minor").drop_nulls("minor")
    tall = tall.with_columns(
        series=pl.col("kind").replace_strict(names, return_dtype=pl.String),
        value=pl.col("minor") / divisor,
        label=told(tall, "minor", by=words.format.money),
    )
    ends = weeks["ends"].to_list()
    first, last = min(ends), max(ends)
    marks = festivals(first, last).filter(pl.col("festival").is_in(FESTIVALS))
    marks = marks.select("day", name=told(marks, "festival", by=lambda f: words(f"calendar.festival.{f}")))
    form = words("page.axis.day" if (last - first).days < 100 else "page.axis.month_short")
    return charts.course(tall, marks, title=title, order=list(names.values()), day_format=form)
