"""Next orders: how many, when, who is late, what was agreed, and whether the last forecast held."""

from __future__ import annotations

import polars as pl

from crmlib.cases.cycle import WITHIN, Cycle, CycleTest
from crmlib.core.renewal import STATES
from crmlib.kit import table as views
from crmlib.kit.charts import checks, labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding, Status
from crmlib.kit.words import Words

SHOWN = 12
APART = 1 / 3
"""A rhythm is another than agreed from this share of the agreed days on."""
LEAST = 10
"""Fewer buyers in last year's slot are no comparison."""


def answer(said: Cycle, calls: pl.DataFrame, slot: int, test: CycleTest, *, words: Words) -> Answer:
    """Buyers expected in 30 days beside last year's slot; late ones first where there are any."""
    form, expected = words.format, float(said.buyers["p_30"].sum())
    margin = int(calls["margin_minor"].fill_null(0).sum())
    stopped = said.buyers.filter(pl.col("state") == "stopped").height
    values = {
        "expected": form.count(round(expected)), "slot": form.count(slot), "buyers": form.count(said.buyers.height),
        "calls": form.count(calls.height), "first": str(calls["buyer"][0] or "") if calls.height else "",
        "margin": form.money(margin), "stopped": form.count(stopped),
    }  # fmt: skip
    kind = "late" if calls.height else "fine"
    beside = "" if slot < LEAST else words("order_cycle.beside_slot", **values)
    figures = (
        Figure(
            words("order_cycle.figure.expected"), words("order_cycle.firms", count=values["expected"]),
            words("order_cycle.figure.slot", **values) if slot >= LEAST else "", key="expected", amount=expected,
        ),
        Figure(
            words("order_cycle.figure.late"), words("order_cycle.firms", count=values["calls"]),
            words("order_cycle.figure.margin", **values), "bad" if calls.height else "good",
            key="late", amount=float(calls.height),
        ),
        Figure(
            words("order_cycle.figure.stopped"), words("order_cycle.firms", count=values["stopped"]),
            words("order_cycle.figure.of", **values), key="stopped", amount=float(stopped),
        ),
        Figure(
            words("order_cycle.figure.test"), words("order_cycle.firms", count=form.count(round(test.expected))),
            words("order_cycle.figure.came", came=form.count(test.ordered)), "good" if test.ok else "bad",
            key="test", amount=test.expected,
        ),
    )  # fmt: skip
    return Answer(words(f"order_cycle.answer.{kind}", beside=beside, **values), figures)


def spans(rows: pl.DataFrame, said: Cycle, slot: int, test: CycleTest, *, words: Words) -> Finding:
    """When the next orders are expected; more or fewer than last year's slot only beyond chance."""
    form, expected = words.format, float(rows["expected"].sum())
    p = said.buyers["p_30"]
    spread = 1.64 * float((p * (1 - p)).sum() + slot) ** 0.5
    gap = expected - slot
    kind = "alone" if slot < LEAST else "more" if gap > spread else "fewer" if gap < -spread else "like"
    values = {
        "expected": form.count(round(expected)), "slot": form.count(slot), "gap": form.count(round(abs(gap))),
        "spread": form.count(round(spread)), "first": form.day(rows["first_on"][0]),
        "last": form.day(rows["last_on"][-1]), "buyers": form.count(said.buyers.height),
        "short": form.count(said.short),
    }  # fmt: skip
    status: Status = ("none" if kind == "alone" else "warn" if kind == "fewer" else "ok") if test.ok else "warn"
    names = [
        words("order_cycle.span", first=f"{a:%m-%d}", last=f"{b:%m-%d}")
        for a, b in rows.select("first_on", "last_on").iter_rows()
    ]
    table = rows.rename({"first_on": "span_first", "last_on": "span_last", "expected": "buyers_expected"})
    bars = rows.select(
        pl.Series("name", names, dtype=pl.String), value="expected",
        label=pl.Series([form.number(v, digits=1) for v in rows["expected"]], dtype=pl.String),
    )  # fmt: skip
    return Finding.worded(
        "order_cycle.spans", kind, values, words=words, status=status, table=table,
        view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("order_cycle.chart.buyers")), row_key=("span_first",),
    )  # fmt: skip


def states(buyers: pl.DataFrame, short: int, *, words: Words) -> Finding:
    """Who is early, on time, late, and who has stopped, with what an order of theirs earns."""
    form = words.format
    by = buyers.group_by(cycle_state=pl.col("state").cast(pl.String)).agg(
        buyers=pl.len().cast(pl.Int64), order_margin_minor=pl.col("margin_minor").fill_null(0).sum()
    )
    order = pl.DataFrame({"cycle_state": STATES})
    table = order.join(by, on="cycle_state", how="left", maintain_order="left").with_columns(
        pl.col("buyers", "order_margin_minor").fill_null(0)
    )
    count = dict(table.select("cycle_state", "buyers").iter_rows())
    late, stopped = count["late"], count["stopped"]
    silent = buyers.filter(pl.col("state") == "late")
    kind = "none" if not buyers.height else "late" if late else "stopped" if stopped else "fine"
    values = {
        "late": form.count(late), "stopped": form.count(stopped), "buyers": form.count(buyers.height),
        "share": form.share(stopped / buyers.height if buyers.height else None), "short": form.count(short),
        "margin": form.money(int(silent["margin_minor"].fill_null(0).sum())),
    }  # fmt: skip
    names = [words(f"order_cycle.state.{s}") for s in STATES]
    bars = table.select(
        pl.Series("name", names, dtype=pl.String), pl.col("buyers").cast(pl.Float64).alias("value"),
        pl.Series("label", [form.count(n) for n in table["buyers"]], dtype=pl.String),
        pl.coalesce(
            toned(pl.col("cycle_state") == "late", "warn"), toned(pl.col("cycle_state") == "stopped", "total")
        ).alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "order_cycle.states", kind, values, words=words, status="warn" if late else "ok" if buyers.height else "none",
        table=table, view=views.readable(table, words=words), names={"cycle_state": "order_cycle.state"},
        chart=labelled.bars(bars, words=words, title=words("order_cycle.chart.buyers")) if buyers.height else None,
        row_key=("cycle_state",),
    )  # fmt: skip


def agreed(buyers: pl.DataFrame, *, words: Words) -> Finding:
    """Agreed rhythms beside those that are kept: an agreement that nobody keeps is no reason to call."""
    form = words.format
    known = buyers.filter(pl.col("cycle_days").is_not_null()) if "cycle_days" in buyers.columns else buyers.head(0)
    if known.is_empty():
        empty = pl.DataFrame(schema={"buyer": pl.String, "agreed_days": pl.Int32, "usual_gap": pl.Float64})
        zeros = dict.fromkeys(("count", "off", "past", "inside"), form.count(0))
        return Finding.worded("order_cycle.agreed", "none", zeros, words=words, status="none", table=empty)
    apart = (pl.col("usual_gap") - pl.col("cycle_days")).abs() > APART * pl.col("cycle_days")
    going = known.filter(pl.col("state") != "stopped")
    off = going.filter(apart)
    past = going.filter(pl.col("agreed_late") > 0)
    inside = past.filter(pl.col("state") != "late")
    kind = "off" if off.height else "kept"
    values = {
        "count": form.count(going.height), "off": form.count(off.height), "past": form.count(past.height),
        "inside": form.count(inside.height),
    }  # fmt: skip
    table = going.select(
        "buyer", pl.col("cycle_days").alias("agreed_days"), "usual_gap", "agreed_on", "agreed_late",
        pl.col("state").cast(pl.String).alias("cycle_state"),
    )  # fmt: skip
    table = table.sort((pl.col("usual_gap") - pl.col("agreed_days")).abs(), "buyer", descending=[True, False])
    return Finding.worded(
        "order_cycle.agreed", kind, values, words=words, status="none", table=table,
        names={"cycle_state": "order_cycle.state"},
        view=views.readable(table.head(SHOWN), words=words, names={"cycle_state": "order_cycle.state"}),
        row_key=("buyer",),
    )  # fmt: skip


def check(test: CycleTest, *, words: Words) -> Finding:
    """Buyers said to order in the last 90 days beside those who did, in groups by what was said."""
    form, bins = words.format, test.bins()
    kind = "none" if not test.buyers else "held" if test.ok else "missed"
    values = {
        "expected": form.count(round(test.expected)), "ordered": form.count(test.ordered),
        "buyers": form.count(test.buyers), "limit": form.share(WITHIN, digits=0),
        "miss": form.share(abs(test.expected - test.ordered) / max(test.ordered, 1)),
        "brier": form.number(test.brier, digits=3),
    }  # fmt: skip
    named = {"expected": "order_said", "observed": "order_came", "low": "came_low", "high": "came_high"}
    table = bins.rename(named) if test.buyers else bins
    return Finding.worded(
        "order_cycle.check", kind, values, words=words, status={"none": "none", "held": "ok", "missed": "warn"}[kind],  # type: ignore[arg-type]
        table=table, view=views.readable(table, words=words) if test.buyers else None,
        chart=checks.calibration(bins, titles=(words("order_cycle.chart.said"), words("order_cycle.chart.came")))
        if test.buyers
        else None,
        role="check", row_key=("order_said",) if test.buyers else (),
    )  # fmt: skip
