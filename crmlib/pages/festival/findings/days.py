"""What is due when, what remains after the day, and how far off the forecast was."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.core.calendar import is_joint
from crmlib.kit import table as views
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.outreach.festival import FROM, TO
from crmlib.outreach.festival_goods import DAY, Feast
from crmlib.pages.festival.findings.outlook import Facts, called, units

REMIND = -7
"""Whoever holds a voucher is reminded a week before the day."""
CLOSE = 0.10


def due(facts: Facts) -> list[tuple[str, date]]:
    """The festival's days in order: key, day."""
    on = facts.feast.on
    rows = [
        ("open", on + FROM * DAY), ("order", facts.last_order), ("remind", on + REMIND * DAY), ("festival", on),
        ("markdown", facts.markdown_on), ("close", on + TO * DAY),
    ]  # fmt: skip
    return sorted(rows, key=lambda row: row[1])


def days(facts: Facts, *, words: Words) -> Finding:
    """The table of days; the headline names the next one."""
    form = words.format
    rows = due(facts)
    ahead = [row for row in rows if row[1] >= facts.as_of]
    table = pl.DataFrame(
        {
            "festival_step": [words(f"festival.step.{key}") for key, _ in rows],
            "due_on": [day for _, day in rows],
            "slot_offset": [facts.feast.offset(day) for _, day in rows],
            "days_to_go": [(day - facts.as_of).days for _, day in rows],
        },
        schema_overrides={"slot_offset": pl.Int32, "days_to_go": pl.Int64},
    )
    key, day = ahead[0] if ahead else rows[-1]
    values = {
        "festival": called(facts.feast, words, year=True), "step": words(f"festival.step.{key}"),
        "day": form.day(day), "days": form.count((day - facts.as_of).days),
    }  # fmt: skip
    kind = "over" if not ahead else "today" if day == facts.as_of else "next"
    return Finding.worded(
        "festival.days", kind, values, words=words, status="none", table=table,
        view=views.readable(table, words=words), row_key=("festival_step",),
    )  # fmt: skip


def after(rows: pl.DataFrame, *, words: Words, phase: str, markdown_on: date) -> Finding:
    """What was sold from T+1 on and at which share of the list price."""
    form = words.format
    last = rows.row(rows.height - 1, named=True) if rows.height else None
    kind = "none" if last is None else "little" if (last["after_share"] or 0) < CLOSE else "some"
    values = {
        "units": units(last["after_milli"] if last else 0, words), "day": form.day(markdown_on),
        "share": form.share(last["after_share"] if last else None),
        "price": form.share(last["price_share"] if last else None, digits=0),
        "on": form.day(last["festival_on"] if last else None),
    }  # fmt: skip
    do = words("festival.after.do.over", **values) if phase == "over" else None
    return Finding.worded(
        "festival.after", kind, values, words=words, status="none", table=rows, do=do,
        view=views.readable(rows, words=words) if rows.height else None, row_key=("festival_on",),
    )  # fmt: skip


def check(rows: pl.DataFrame, *, words: Words) -> Finding:
    """Past festivals forecast from one another: by lunar day within a tenth is green; by solar date beside it."""
    form = words.format
    known = rows.drop_nulls("lunar_milli")
    off = known.with_columns(
        lunar=(pl.col("lunar_milli") / pl.col("total_milli") - 1).abs(),
        solar=(pl.col("solar_milli") / pl.col("total_milli") - 1).abs(),
    )
    worst = off["lunar"].max()
    kind = "unknown" if worst is None else "close" if float(worst) <= CLOSE else "wide"  # type: ignore[arg-type]
    solar = off["solar"].max()
    values = {
        "worst": form.share(worst), "solar": form.share(solar), "count": form.count(known.height),  # type: ignore[arg-type]
        "limit": form.share(CLOSE, digits=0),
    }  # fmt: skip
    return Finding.worded(
        "festival.check", kind, values, words=words, role="check", table=rows,
        status="none" if kind == "unknown" else "ok" if kind == "close" else "warn",
        view=views.readable(rows, words=words) if rows.height else None, row_key=("festival_on",),
    )  # fmt: skip


def joint(feast: Feast, past: Sequence[date]) -> bool:
    """Whether this Mid-Autumn or one it is compared with meets National Day, and not both do."""
    if feast.slot != "mid_autumn" or not past:
        return False
    return any(is_joint(day.year) != is_joint(feast.year) for day in past)
