"""During the event: plan against actual by day, stores, margin, siblings, money, and whom to call."""

from __future__ import annotations

import altair as alt
import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Status, Tone
from crmlib.kit.words import Words
from crmlib.pages.promotion_watch import charts
from crmlib.pages.shared.promotion_wording import against_budget, in_words, named, units
from crmlib.promotion.watch.running import BEHIND, Running
from crmlib.promotion.watch.watch import MARGIN_SLACK, STOCK_DAYS, projection

OVERSPEND = 1.0
CAPACITY = 12
_SHELVES = {"store_id": pl.String, "stock_milli": pl.Int64, "per_day_milli": pl.Int64, "empty": pl.UInt32}


def answer(run: Running, *, words: Words) -> Answer:
    """Where the event stands and where it will end."""
    form = words.format
    end = projection(run.daily)
    seen = run.daily.drop_nulls("actual_milli")
    done = int(seen["actual_milli"][-1]) if seen.height else 0
    kind = f"unplanned.{_stage(run)}" if not run.planned else "over" if run.over else run.standing
    values = {
        "name": named(run.promotion, words),
        "day": form.count(seen.height),
        "days": form.count(run.daily.height),
        "done": units(done, words),
        "end": units(end["projected_milli"], words),
        "share": form.share(end["share"] if run.planned else None, digits=0),
        "place": words(f"promotion_watch.place.{run.standing}") if run.planned else "",
    }
    return Answer(sentence=words(f"promotion_watch.answer.{kind}", **values), figures=_figures(run, values, words))


def _stage(run: Running) -> str:
    return "over" if run.over else "running"


def _figures(run: Running, values: dict[str, str], words: Words) -> tuple[Figure, ...]:
    """Units, end against plan, discount and alarms; above plan has no colour: it is money and a stock-out at once."""
    stage, alarms, own = _stage(run), run.alarms.height, run.promotion["promotion_id"]
    end, over = projection(run.daily), bool(run.budget_minor and run.projected_discount_minor > run.budget_minor)
    tones: dict[str, Tone] = {"on_plan": "good", "behind": "bad"}
    done = run.daily["actual_milli"].drop_nulls()
    return (
        Figure(
            label=words("promotion_watch.figure.done"),
            value=values["done"],
            comparison=words(f"promotion_watch.figure.day.{stage}", **values),
            key=f"done.{own}",
            amount=int(done[-1]) / 1000 if len(done) else 0,
        ),
        Figure(
            label=words(f"promotion_watch.figure.end.{stage}"),
            value=values["share"],
            comparison=values["place"] or words("promotion_watch.figure.no_plan"),
            tone=tones.get(run.standing, "neutral"),
            key=f"end.{own}",
            amount=end["share"] if run.planned else None,
        ),
        Figure(
            label=words(f"promotion_watch.figure.discount.{stage}"),
            value=words.format.money(run.discount_minor),
            comparison=_budgeted(run, words),
            tone="bad" if over else "neutral",
            key=f"discount.{own}",
            amount=run.discount_minor,
            money=True,
        ),
        Figure(
            label=words(f"promotion_watch.figure.alarms.{stage}"),
            value=words.format.count(alarms),
            comparison=_alarmed(run, words),
            tone="neutral" if run.over else "bad" if alarms else "good",
            key=f"alarms.{own}",
            amount=alarms,
        ),
    )


def _budgeted(run: Running, words: Words) -> str:
    """The discount against the budget: while it runs that of its end, and it is said so."""
    if run.over:
        return against_budget(run.discount_minor, run.budget_minor, words)
    if not run.budget_minor:
        return words("promotion_watch.figure.end_money", end=words.format.money(run.projected_discount_minor))
    against = against_budget(run.projected_discount_minor, run.budget_minor, words)
    return words("promotion_watch.figure.end_budget", against=against)


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
        "unplanned"
        if not run.planned
        else "early"
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
    ahead = {} if run.over else {"projected": "projected_milli"}
    series = {"plan": "plan_milli", "actual": "actual_milli", **ahead}
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
        seen=words(f"promotion_watch.band.seen.{_stage(run)}", **values) if run.planned else None,
        do=_over(run, f"promotion_watch.band.over.{kind}", words),
    )


def _over(run: Running, key: str, words: Words) -> str | None:
    """What is left to do once it is over; none while it runs."""
    return words(key) if run.over else None


def stores(run: Running, names: pl.DataFrame, *, words: Words) -> Finding:
    """Each store against its own plan."""
    form = words.format
    table = run.stores.join(names.select("store_id", store="name"), on="store_id", how="left", maintain_order="left")
    ranked = table.filter(pl.col("share").is_not_null()).sort("share", "store_id")
    behind = ranked.filter("behind").height
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
        seen=words(f"promotion_watch.stores.seen.{_stage(run)}"),
        do=_over(run, f"promotion_watch.stores.over.{kind}", words),
    )


def _margin_kind(run: Running) -> str:
    """One of unknown (no cost), both, low (margin), eaten (siblings, surely), alone (no siblings), fine."""
    if run.margin_rate is None:
        return "unknown"
    low = run.plan_margin_rate is not None and run.margin_rate < run.plan_margin_rate - MARGIN_SLACK
    if low or run.sibling_sure:
        return "both" if low and run.sibling_sure else "low" if low else "eaten"
    return "fine" if run.sibling_ratio is not None else "alone"


def margin(run: Running, *, words: Words) -> Finding:
    """Margin rate so far against the plan's, and siblings against their usual sales."""
    form = words.format
    kind = _margin_kind(run)
    values = {
        "rate": form.share(run.margin_rate),
        "plan": form.share(run.plan_margin_rate),
        "siblings": form.share(run.sibling_ratio, digits=0),
        "usual": words(f"promotion_watch.usual.{run.sibling_against}"),
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
        seen=words(f"promotion_watch.margin.seen.{_told(run)}", **values),
        do=_over(run, f"promotion_watch.margin.over.{kind}", words),
    )


def _told(run: Running) -> str:
    """What may be said of siblings: alone (none), sure (they lost sales), held (they did not), unsure."""
    if run.sibling_ratio is None:
        return "alone"
    return "sure" if run.sibling_sure else "held" if run.sibling_ratio >= 1 else "unsure"


def spending(run: Running, *, words: Words) -> Finding:
    """Discount so far and at the end against the budget: an overspend shows before it happens."""
    form = words.format
    budget = run.budget_minor
    kind = "none" if not budget else "over" if run.projected_discount_minor > OVERSPEND * budget else "within"
    ahead = [] if run.over else [("at_end", run.projected_discount_minor)]
    rows = [("so_far", run.discount_minor), *ahead, ("budget", budget)]
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
        f"{_stage(run)}.{kind}",
        values,
        words=words,
        key="promotion.spending",
        seen=words(f"promotion_watch.spending.seen.{_stage(run)}", **values),
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
    kind = "none" if ranked.is_empty() else "over" if run.over else "short" if short else "gone" if gone else "fine"
    values = {
        "short": form.count(short),
        "all": form.count(ranked.height),
        "limit": form.number(STOCK_DAYS),
        "gone": form.count(gone),
        "left": form.count(left),
    }
    status: Status = {"short": "fail", "gone": "warn", "fine": "ok"}.get(kind, "none")  # type: ignore[assignment]
    table = ranked.select(
        "store_id", "store", on_hand_milli="stock_milli", sold_a_day=pl.col("per_day_milli") / 1000,
        days_left="days_left", empty="empty",
    )  # fmt: skip
    pace = () if run.over else ("sold_a_day", "days_left")  # what is left will not sell at the offer's pace
    view = table.select("store", "on_hand_milli", *pace, "empty")
    return Finding.worded(
        "promotion_watch.shelves",
        kind,
        values,
        words=words,
        key="promotion.shelves",
        status=status,
        table=table,
        view=views.readable(view, words=words),
        chart=_left(table, run, words) if table.height else None,
        seen=words(f"promotion_watch.shelves.seen.{_stage(run)}", **values),
        row_key=("store_id",),
    )


def _left(table: pl.DataFrame, run: Running, words: Words) -> alt.LayerChart:
    """Stores with the fewest days of stock; once it is over, those with the most left."""
    form = words.format
    if run.over:
        head = table.sort("on_hand_milli", "store_id", descending=[True, False]).head(CAPACITY)
        value, label = pl.col("on_hand_milli") / 1000, [units(v, words) for v in head["on_hand_milli"]]
    else:
        head, value = table.head(CAPACITY), pl.col("days_left")
        label = [words("promotion_watch.shelves.days", days=form.number(d, digits=1)) for d in head["days_left"]]
    shown = head.select(name="store", value=value, label=pl.Series(label, dtype=pl.String))
    return labelled.bars(shown, words=words, title=words(f"promotion_watch.axis.{'left' if run.over else 'days'}"))


def actions(run: Running, names: pl.DataFrame, *, words: Words) -> ActionList:
    """Stores to call today: not carried out first, then those furthest behind their plan."""
    table = run.stores.join(names.select("store_id", store="name"), on="store_id", how="left", maintain_order="left")
    missing = (pl.col("plan_milli") - pl.col("actual_milli")).clip(lower_bound=0)
    undone = pl.col("status").is_in(["not_done", "partly"])
    late = table.with_columns(gap_milli=missing).filter(undone | pl.col("behind"))
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
    kind = ("over_none" if run.over else "none") if shown.is_empty() else "over" if run.over else "some"
    headline = words(
        f"promotion_watch.call.headline.{kind}",
        shown=words.format.count(shown.height),
        all=words.format.count(late.height),
    )
    return ActionList(
        headline=headline,
        table=shown,
        view=views.readable(shown.drop("store_id"), words=words) if shown.height else None,
        note=words(f"promotion_watch.call.note.{_stage(run)}"),
        row_key=("store_id",),
    )
