"""During the event: plan against actual by day, stores, margin, siblings, money, and whom to call."""

from __future__ import annotations

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.promotion_watch import charts
from crmlib.pages.shared.promotion_wording import against_budget, in_words, named, units
from crmlib.promotion.watch.running import Running
from crmlib.promotion.watch.watch import MARGIN_SLACK, SIBLING_SLACK, STOCK_DAYS, projection

BEHIND = 0.7
"""A store below this share of its own plan is behind."""
OVERSPEND = 1.0
CAPACITY = 12
_SHELVES = {"store_id": pl.String, "stock_milli": pl.Int64, "per_day_milli": pl.Int64, "empty": pl.UInt32}


def answer(run: Running, *, words: Words) -> Answer:
    """Where the event stands and where it will end."""
    form = words.format
    end = projection(run.daily)
    seen = run.daily.drop_nulls("actual_milli")
    done = int(seen["actual_milli"][-1]) if seen.height else 0
    over = seen.height == run.daily.height
    kind = "over" if over else "ahead" if end["share"] > 1.1 else "behind" if end["share"] < 0.9 else "on_plan"
    values = {
        "name": named(run.promotion, words),
        "day": form.count(seen.height),
        "days": form.count(run.daily.height),
        "done": units(done, words),
        "end": units(end["projected_milli"], words),
        "share": form.share(end["share"], digits=0),
    }
    alarms = run.alarms.height
    return Answer(
        sentence=words(f"promotion_watch.answer.{kind}", **values),
        figures=(
            Figure(
                label=words("promotion_watch.figure.done"),
                value=units(done, words),
                comparison=words("promotion_watch.figure.day", **values),
                key=f"done.{run.promotion['promotion_id']}",
                amount=done / 1000,
            ),
            Figure(
                label=words("promotion_watch.figure.end"),
                value=form.share(end["share"], digits=0),
                comparison=words("promotion_watch.figure.end_note", **values),
                tone="good" if end["share"] >= 0.9 else "bad",
                key=f"end.{run.promotion['promotion_id']}",
                amount=end["share"],
            ),
            Figure(
                label=words("promotion_watch.figure.discount"),
                value=form.money(run.discount_minor),
                comparison=against_budget(run.projected_discount_minor, run.budget_minor, words),
                tone="bad" if run.budget_minor and run.projected_discount_minor > run.budget_minor else "neutral",
                key=f"discount.{run.promotion['promotion_id']}",
                amount=run.discount_minor,
                money=True,
            ),
            Figure(
                label=words("promotion_watch.figure.alarms"),
                value=form.count(alarms),
                comparison=_alarmed(run, words),
                tone="bad" if alarms else "good",
                key=f"alarms.{run.promotion['promotion_id']}",
                amount=alarms,
            ),
        ),
    )


def _alarmed(run: Running, words: Words) -> str:
    """What the alarms are about."""
    kinds = run.alarms["kind"].unique(maintain_order=True).to_list()
    told = words("promotion.join").join(words(f"promotion_watch.alarm.{kind}") for kind in kinds)
    return told or words("promotion_watch.figure.alarms_none")


def band(run: Running, *, words: Words) -> Finding:
    """Cumulative actual against the plan's band."""
    seen = run.daily.drop_nulls("actual_milli")
    last = seen.row(-1, named=True) if seen.height else None
    kind = (
        "early"
        if last is None
        else "inside"
        if last["inside"]
        else "below"
        if last["actual_milli"] < last["low_milli"]
        else "above"
    )
    values = {
        "actual": units(last["actual_milli"] if last else None, words),
        "plan": units(last["plan_milli"] if last else None, words),
        "low": units(last["low_milli"] if last else None, words),
        "high": units(last["high_milli"] if last else None, words),
    }
    series = {"plan": "plan_milli", "actual": "actual_milli", "projected": "projected_milli"}
    start = seen["day"][-1] if seen.height else run.daily["day"][0]
    rows = [
        run.daily.select(
            "day",
            series=pl.lit(words(f"promotion_watch.series.{kind_}")),
            kind=pl.lit(kind_),
            value=pl.when(pl.lit(kind_ != "projected") | (pl.col("day") >= start)).then(pl.col(column) / 1000),
            low=pl.col("low_milli") / 1000,
            high=pl.col("high_milli") / 1000,
        )
        for kind_, column in series.items()
    ]
    status: Status = {"inside": "ok", "above": "warn", "below": "fail"}.get(kind, "none")  # type: ignore[assignment]
    return Finding.worded(
        "promotion_watch.band",
        kind,
        values,
        words=words,
        key="promotion.band",
        status=status,
        table=run.daily,
        view=views.readable(run.daily.drop("inside"), words=words),
        chart=charts.band(pl.concat(rows), words=words),
    )


def stores(run: Running, names: pl.DataFrame, *, words: Words) -> Finding:
    """Each store against its own plan."""
    form = words.format
    table = run.stores.join(names.select("store_id", store="name"), on="store_id", how="left", maintain_order="left")
    ranked = table.filter(pl.col("share").is_not_null()).sort("share", "store_id")
    behind = ranked.filter(pl.col("share") < BEHIND).height
    kind = "none" if ranked.is_empty() else "many" if 2 * behind > ranked.height else "some" if behind else "fine"
    shown = ranked.select(
        name="store",
        value="share",
        label=pl.Series([form.share(s, digits=0) for s in ranked["share"]], dtype=pl.String),
    )
    values = {"behind": form.count(behind), "all": form.count(ranked.height), "limit": form.share(BEHIND, digits=0)}
    view = in_words(
        table.select("store", "status", "actual_milli", "plan_milli", "share"), words, {"status": "promotion.done"}
    )
    return Finding.worded(
        "promotion_watch.stores",
        kind,
        values,
        words=words,
        key="promotion.stores",
        status="none" if kind == "none" else "fail" if kind == "many" else "warn" if kind == "some" else "ok",
        table=table,
        view=views.readable(view, words=words),
        chart=labelled.bars(shown, words=words, title=words("promotion_watch.axis.share"), percent=True)
        if shown.height
        else None,
        row_key=("store_id",),
    )


def _margin_kind(run: Running) -> str:
    """One of unknown (no cost), both, low (margin), eaten (siblings), alone (no siblings to compare), fine."""
    if run.margin_rate is None:
        return "unknown"
    low = run.plan_margin_rate is not None and run.margin_rate < run.plan_margin_rate - MARGIN_SLACK
    eaten = run.sibling_ratio is not None and run.sibling_ratio < 1 - SIBLING_SLACK
    if low or eaten:
        return "both" if low and eaten else "low" if low else "eaten"
    return "fine" if run.sibling_ratio is not None else "alone"


def margin(run: Running, *, words: Words) -> Finding:
    """Margin rate so far against the plan's, and siblings against their usual sales."""
    form = words.format
    kind = _margin_kind(run)
    values = {
        "rate": form.share(run.margin_rate),
        "plan": form.share(run.plan_margin_rate),
        "siblings": form.share(run.sibling_ratio, digits=0),
    }
    rows = [("margin", run.margin_rate), ("margin_plan", run.plan_margin_rate), ("siblings", run.sibling_ratio)]
    table = pl.DataFrame(rows, schema={"measure": pl.String, "share": pl.Float64}, orient="row")
    known = table.drop_nulls()
    shown = known.select(
        name=pl.Series([words(f"promotion_watch.measure.{m}") for m in known["measure"]], dtype=pl.String),
        value="share",
        label=pl.Series([form.share(s) for s in known["share"]], dtype=pl.String),
        tone=toned(pl.col("measure") == "margin_plan", "total"),
    )
    return Finding.worded(
        "promotion_watch.margin",
        kind,
        values,
        words=words,
        key="promotion.margin",
        status="none" if kind == "unknown" else "ok" if kind in {"fine", "alone"} else "warn",
        table=table,
        view=views.readable(in_words(table, words, {"measure": "promotion_watch.measure"}), words=words),
        chart=labelled.bars(shown, words=words, title=words("promotion_watch.axis.share"), percent=True)
        if shown.height
        else None,
        seen=words(f"promotion_watch.margin.seen.{'alone' if run.sibling_ratio is None else 'both'}", **values),
    )


def spending(run: Running, *, words: Words) -> Finding:
    """Discount so far and at the end against the budget: an overspend shows before it happens."""
    form = words.format
    budget = run.budget_minor
    kind = "none" if not budget else "over" if run.projected_discount_minor > OVERSPEND * budget else "within"
    rows = [("so_far", run.discount_minor), ("at_end", run.projected_discount_minor), ("budget", budget)]
    table = pl.DataFrame(rows, schema={"measure": pl.String, "amount_minor": pl.Int64}, orient="row")
    known = table.drop_nulls()
    shown = known.select(
        name=pl.Series([words(f"promotion_watch.money.{m}") for m in known["measure"]], dtype=pl.String),
        value=pl.col("amount_minor") / 100,
        label=pl.Series([form.money(v) for v in known["amount_minor"]], dtype=pl.String),
        tone=toned(pl.col("measure") == "budget", "total"),
    )
    values = {
        "so_far": form.money(run.discount_minor),
        "end": form.money(run.projected_discount_minor),
        "budget": form.money(budget),
        "over": form.money(max(run.projected_discount_minor - (budget or 0), 0)),
    }
    return Finding.worded(
        "promotion_watch.spending",
        kind,
        values,
        words=words,
        key="promotion.spending",
        status="none" if kind == "none" else "fail" if kind == "over" else "ok",
        table=table,
        view=views.readable(in_words(table, words, {"measure": "promotion_watch.money"}), words=words, exact=True),
        chart=labelled.bars(shown, words=words, title=words("promotion.axis.money")) if shown.height else None,
        value_minor=run.projected_discount_minor,
    )


def shelves(run: Running, names: pl.DataFrame, *, words: Words) -> Finding:
    """Days that the stock of every store still lasts; run.shelves must be there."""
    form = words.format
    cover = pl.when(pl.col("per_day_milli") > 0).then(pl.col("stock_milli") / pl.col("per_day_milli"))
    counted = run.shelves if run.shelves is not None else pl.DataFrame(schema=_SHELVES)
    table = counted.with_columns(days_left=cover).join(
        names.select("store_id", store="name"), on="store_id", how="left", maintain_order="left"
    )
    left = max((run.daily["day"][-1] - run.as_of).days, 0)
    ranked = table.drop_nulls("days_left").sort("days_left", "store_id")
    short = ranked.filter(pl.col("days_left") < min(left, STOCK_DAYS)).height
    gone = int(table["empty"].sum())
    kind = "none" if ranked.is_empty() else "over" if not left else "short" if short else "gone" if gone else "fine"
    values = {
        "short": form.count(short),
        "all": form.count(ranked.height),
        "limit": form.number(STOCK_DAYS),
        "gone": form.count(gone),
        "left": form.count(left),
    }
    head = ranked.head(CAPACITY)
    shown = head.select(
        name="store",
        value="days_left",
        label=pl.Series(
            [words("promotion_watch.shelves.days", days=form.number(d, digits=1)) for d in head["days_left"]],
            dtype=pl.String,
        ),
    )
    status: Status = {"short": "fail", "gone": "warn", "fine": "ok"}.get(kind, "none")  # type: ignore[assignment]
    view = ranked.select("store", "stock_milli", "per_day_milli", "days_left", "empty")
    return Finding.worded(
        "promotion_watch.shelves",
        kind,
        values,
        words=words,
        key="promotion.shelves",
        status=status,
        table=ranked.select("store_id", *view.columns),
        view=views.readable(view, words=words),
        chart=labelled.bars(shown, words=words, title=words("promotion_watch.axis.days")) if shown.height else None,
        row_key=("store_id",),
    )


def actions(run: Running, names: pl.DataFrame, *, words: Words) -> ActionList:
    """Stores to call today: not carried out first, then those furthest behind their plan."""
    table = run.stores.join(names.select("store_id", store="name"), on="store_id", how="left", maintain_order="left")
    missing = (pl.col("plan_milli") - pl.col("actual_milli")).clip(lower_bound=0)
    late = table.with_columns(gap_milli=missing).filter(
        pl.col("status").is_in(["not_done", "partly", "silent"]) | (pl.col("share") < BEHIND).fill_null(value=False)
    )
    late = late.filter((pl.col("plan_milli") > 0) | (pl.col("status") == "not_done"))
    late = late.sort("gap_milli", "store_id", descending=[True, False])
    rows = late.head(CAPACITY)
    reasons = [
        words(
            f"promotion_watch.call.{r['status'] if r['status'] != 'done' else 'behind'}",
            share=words.format.share(r["share"], digits=0),
            gap=units(r["gap_milli"], words),
        )
        for r in rows.iter_rows(named=True)
    ]
    shown = rows.select("store_id", "store", reason=pl.Series(reasons, dtype=pl.String), gap_milli="gap_milli")
    over = run.as_of > run.daily["day"][-1]
    kind = "none" if shown.is_empty() else "over" if over else "some"
    headline = words(
        f"promotion_watch.call.headline.{kind}",
        shown=words.format.count(shown.height),
        all=words.format.count(late.height),
    )
    return ActionList(
        headline=headline,
        table=shown,
        view=views.readable(shown.drop("store_id"), words=words) if shown.height else None,
        note=words("promotion_watch.call.note"),
        row_key=("store_id",),
    )
