"""The month: shall we make it, which stores are behind, whom to talk to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.money import axis
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status, Tone
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.shared.sales_wording import signed
from crmlib.pages.targets import charts
from crmlib.sales.outlook import COMPANY, Completion

if TYPE_CHECKING:
    import altair as alt

Named = Callable[[pl.Series], pl.Series]
ROWS = 12
STATUS: dict[str, Status] = {
    "reached": "ok", "will_reach": "ok", "missed": "fail", "will_miss": "fail", "open": "warn", "unsure": "none",
    "no_target": "none",
}  # fmt: skip
TONES: dict[str, Tone] = {"ok": "good", "fail": "bad", "warn": "neutral", "none": "neutral"}
ANSWER_DAYS = 3
HARD = 1.5
"""From one and a half expected days a day on, asking for more is not enough."""


def whole(outlook: Completion) -> tuple[str, dict[str, int | None]]:
    """What the company's row says (reached, missed, will_reach, will_miss, open, unsure, no_target), and the row."""
    row = outlook.units.filter(pl.col("unit_id") == COMPANY).row(0, named=True)
    if row.get("target_minor") is None:
        return "no_target", row
    if outlook.days_left == 0:
        return ("reached" if row["actual_minor"] >= row["target_minor"] else "missed"), row
    return row["verdict"] or "unsure", row


def short_of(outlook: Completion) -> pl.DataFrame:
    """Stores with a target and what each is short of it (below 0: above), at the month's end; largest first."""
    likely = pl.col("forecast_minor") if outlook.days_left else pl.col("actual_minor")
    if "target_minor" not in outlook.units.columns:
        return outlook.units.head(0).with_columns(short_minor=pl.lit(0, dtype=pl.Int64))
    units = outlook.units.filter(pl.col("unit_id") != COMPANY).drop_nulls("target_minor")
    return units.with_columns(short_minor=pl.col("target_minor") - likely).sort(
        "short_minor", "unit_id", descending=[True, False]
    )


def values_of(outlook: Completion, row: dict[str, int | None], *, words: Words, as_of: date) -> dict[str, str]:
    """What the sentences name."""
    form = words.format
    asked, actual, likely = row.get("target_minor"), row["actual_minor"] or 0, row["forecast_minor"] or 0
    short = short_of(outlook)
    behind = short.filter(pl.col("short_minor") > 0)
    return {
        "month": form.month(as_of),
        "target": form.money(asked),
        "actual": form.money(actual),
        "share": form.share(actual / asked if asked else None),
        "missing": form.money(abs((asked or 0) - actual)),
        "forecast": form.money(likely),
        "low": form.money(row["low_minor"]),
        "high": form.money(row["high_minor"]),
        "short": form.money(abs((asked or 0) - likely)),
        "needs": form.money(row.get("day_needs_minor")),
        "usual": form.money(row["coming_day_minor"]),
        "days": form.count(outlook.days_left),
        "behind": form.count(behind.height),
        "stores": form.count(short.height),
        "lost": form.money(int(behind["short_minor"].sum())),
    }


def answer(outlook: Completion, *, words: Words, as_of: date, name: Named) -> Answer:
    """One sentence: whether the target is reached, and which store is furthest behind.

    outlook : of `sales.completion`, with targets where there are any.
    """
    form = words.format
    kind, row = whole(outlook)
    values = values_of(outlook, row, words=words, as_of=as_of)
    sentence = words(f"targets.answer.{kind}", **values)
    behind = short_of(outlook).filter(pl.col("short_minor") > 0)
    if behind.height:
        first, money = name(behind["unit_id"].head(1)).item(), form.money(int(behind["short_minor"][0]))
        sentence += words("targets.answer.behind", **values, store=first, money=money)
    tone = TONES[STATUS[kind]]
    left = words("targets.figure.left", **values)
    now, asked = row["actual_minor"] or 0, row.get("target_minor")
    figures = [Figure(words("targets.figure.actual"), values["actual"], left, key="actual", amount=now, money=True)]
    if kind != "no_target":
        figures += [
            Figure(words("targets.figure.share"), values["share"], words("targets.figure.of", **values), tone,
                   key="share", amount=now / asked if asked else None),
            Figure(words("targets.figure.behind"), values["behind"], words("targets.figure.stores", **values),
                   "bad" if behind.height else "good", key="behind", amount=behind.height),
        ]  # fmt: skip
    if outlook.days_left:
        band = words("targets.figure.band" if row["low_minor"] is not None else "targets.figure.no_band", **values)
        figures.insert(1, Figure(words("targets.figure.forecast"), values["forecast"], band, tone, key="forecast",
                                 amount=row["forecast_minor"], money=True))  # fmt: skip
    return Answer(sentence, tuple(figures), int(behind["short_minor"].sum()))


def course(path: pl.DataFrame, outlook: Completion, *, words: Words, as_of: date) -> Finding:
    """The month day by day against the path of its target.

    path : day, target_minor, net_minor (null: no sales or ahead).
    """
    kind, row = whole(outlook)
    values = values_of(outlook, row, words=words, as_of=as_of)
    seen = path.filter(pl.col("day") <= as_of)
    due = int(seen["target_minor"].sum())
    ahead = int(seen["net_minor"].sum()) - due
    values |= {"due": words.format.money(due), "ahead": words.format.money(abs(ahead))}
    test = outlook.coverage.filter(pl.col("level") == "company")
    best = outlook.candidates.filter(pl.col("chosen") & (pl.col("level") == "company"))
    values |= {
        "dates": words.format.count(int(test["dates"].sum())),
        "held": words.format.share(test["held"].item() if test.height else None, digits=0),
        "error": words.format.share(best["error"].item() if best.height else None),
        "method": words(f"targets.method.{best['name'].item()}") if best.height else words("page.none"),
    }
    table = path.with_columns(pl.col("net_minor").fill_null(0)).with_columns(
        path_minor=pl.col("target_minor").cum_sum(),
        so_far_minor=pl.when(pl.col("day") <= as_of).then(pl.col("net_minor").cum_sum()),
    )
    shown = table.select("day", "net_minor", "so_far_minor", "path_minor")
    surely = "ended" if outlook.days_left == 0 else "band" if row["low_minor"] is not None else "no_band"
    return Finding.worded(
        "targets.course", kind, values, words=words, status=STATUS[kind], table=shown,
        view=views.readable(shown, words=words),
        chart=_drawn(shown, outlook, row, words=words),
        seen=words(f"targets.course.seen.{'ahead' if ahead >= 0 else 'behind'}", **values),
        sure=words(f"targets.course.sure.{surely}", **values),
        do=words(f"targets.course.do.{'good' if STATUS[kind] == 'ok' else 'bad'}", **values),
        value_minor=max((row["target_minor"] or 0) - (row["forecast_minor"] or 0), 0),
        row_key=("day",),
    )  # fmt: skip


def _drawn(table: pl.DataFrame, outlook: Completion, row: dict[str, int | None], *, words: Words) -> alt.LayerChart:
    most = max(int(table["path_minor"].max() or 0), row["high_minor"] or row["forecast_minor"] or 0)  # type: ignore[arg-type]
    divisor, title = axis(most, words=words)
    names = {"so_far_minor": words("targets.course.sold"), "path_minor": words("targets.course.path")}
    tall = table.unpivot(index="day", on=list(names), variable_name="kind", value_name="minor")
    tall = tall.with_columns(
        series=pl.col("kind").replace_strict(names, return_dtype=pl.String),
        value=pl.col("minor") / divisor,
        label=told(tall, "minor", by=words.format.money),
    )
    likely = row["forecast_minor"] or 0
    low, high = (row[c] if row[c] is not None else likely for c in ("low_minor", "high_minor"))
    end = pl.DataFrame(
        {
            "day": [table["day"].max()], "value": [likely / divisor], "low": [low / divisor],  # type: ignore[operator]
            "high": [high / divisor], "label": [words.format.money(likely)],  # type: ignore[operator]
        }
    )  # fmt: skip
    if outlook.days_left == 0:
        end = end.head(0)
    form = words("page.axis.day")
    return charts.course(tall, end, title=title, order=list(names.values()), day_format=form)


def stores(outlook: Completion, *, words: Words, as_of: date, name: Named) -> Finding:
    """Say which stores are behind their target, by money."""
    _, row = whole(outlook)
    short = short_of(outlook)
    values = values_of(outlook, row, words=words, as_of=as_of)
    behind = short.filter(pl.col("short_minor") > 0)
    values["store"] = name(behind["unit_id"].head(1)).item() if behind.height else ""
    values["money"] = words.format.money(int(behind["short_minor"][0]) if behind.height else 0)
    kind = "none" if short.is_empty() else "behind" if behind.height else "all"
    ended = outlook.days_left == 0
    table = short.select(
        store=name(short["unit_id"]), target_minor="target_minor", so_far_minor="actual_minor",
        attained=pl.when(pl.col("target_minor") > 0).then(pl.col("actual_minor") / pl.col("target_minor")),
        forecast_minor="forecast_minor", short_minor="short_minor", verdict="verdict",
        day_needs_minor="day_needs_minor", coming_day_minor="coming_day_minor",
    )  # fmt: skip
    status: Status = "none" if kind == "none" else "warn" if behind.height else "ok"
    hide = ("verdict", "forecast_minor", "day_needs_minor", "coming_day_minor") if ended else ()
    return Finding.worded(
        "targets.stores", kind, values, words=words, status=status, table=table,
        view=views.readable(table, words=words, hide=hide),
        chart=_bars(table, words=words),
        sure=words(f"targets.stores.sure.{'ended' if ended else 'forecast'}", **values),
        value_minor=int(behind["short_minor"].sum()),
        row_key=("store",),
    )  # fmt: skip


def _bars(table: pl.DataFrame, *, words: Words) -> alt.LayerChart | None:
    shown = table.filter(pl.col("short_minor") != 0)
    shown = pl.concat([shown.head(ROWS // 2), shown.tail(ROWS // 2)]) if shown.height > ROWS else shown
    if shown.is_empty():
        return None
    label = told(shown, "short_minor", by=lambda g: signed(-g, words=words))
    return labelled.amounts(
        shown, "short_minor", name="store", label=label, words=words, axis="targets.stores.axis", turned=True
    )


def actions(
    outlook: Completion, *, words: Words, as_of: date, name: Named, shops: pl.DataFrame | None, capacity: int
) -> ActionList:
    """Stores that are (or will be) short of their target, most money first: what a day must bring, who, until when."""
    form = words.format
    behind = short_of(outlook).filter(pl.col("short_minor") > 0)
    by = behind.head(capacity)
    if shops is None:
        by = by.with_columns(region=pl.lit(None, dtype=pl.String))
    else:
        where = shops.select(unit_id="store_id", region="region")
        by = by.join(where, on="unit_id", how="left", maintain_order="left")
    ended = outlook.days_left == 0
    reasons, advice, owner = [], [], []
    for row in by.iter_rows(named=True):
        far = row["day_needs_minor"] is not None and row["day_needs_minor"] > HARD * row["coming_day_minor"]
        reasons.append(
            words(
                f"targets.actions.reason.{'ended' if ended else 'open'}",
                share=form.share(row["actual_minor"] / row["target_minor"]),
                target=form.money(row["target_minor"]),
                needs=form.money(row["day_needs_minor"]),
                usual=form.money(row["coming_day_minor"]),
            )
        )
        advice.append(words(f"targets.actions.do.{'ended' if ended else 'hard' if far else 'near'}"))
        region = row["region"]
        owner.append(words("targets.actions.owner", region=region) if region else words("targets.actions.store"))
    table = pl.DataFrame(
        {
            "store": name(by["unit_id"]),
            "reason": pl.Series(reasons, dtype=pl.String),
            "short_minor": by["short_minor"],
            "advice": pl.Series(advice, dtype=pl.String),
            "owner": pl.Series(owner, dtype=pl.String),
            "due_on": pl.Series([as_of + timedelta(days=ANSWER_DAYS)] * by.height, dtype=pl.Date),
        }
    )  # fmt: skip
    kind = "none" if behind.is_empty() else "all" if by.height == behind.height else "some"
    values = {"shown": form.count(by.height), "found": form.count(behind.height)}
    return ActionList(
        headline=words(f"targets.actions.headline.{kind}", **values),
        table=table,
        view=views.readable(table, words=words),
        note=words("targets.actions.note"),
        row_key=("store",),
    )
