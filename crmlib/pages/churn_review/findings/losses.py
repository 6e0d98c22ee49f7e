"""At which stage, why, how soon: what is known about those who left, and how much of it was written down."""

from __future__ import annotations

import polars as pl

from crmlib.churn.models.competing import at, median_time
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.churn_review import charts
from crmlib.pages.shared import churn_tables as views
from crmlib.pages.shared.churn_wording import named

FILL_OK, FILL_LOW = 0.8, 0.4
"""Share of lost customers with a written reason: from here on good, below that red."""
UNKNOWN_WARN = 0.4
"""From this share without any known cause on, the ranking of causes is amber."""
EARLY_STAGES = ("lead", "first_follow_up", "first_purchase", "second_purchase")
HALF_YEAR = 180
TOP_OWNERS = 12


def stages(funnel: pl.DataFrame, *, words: Words, active_days: int) -> Finding:
    """At which stage most are lost.

    Parameters
    ----------
    funnel : from `crmlib.churn.movement.stages.funnel`.
    """
    form = words.format
    lost = int(funnel["lost"].sum())
    empty = (pl.col("lost") + pl.col("still") == 0) & pl.col("stage").is_in(["lead", "first_follow_up", "tier_ab"])
    used = funnel.filter(~empty)  # a stage whose table is not connected is left out, not shown as zero
    early = int(funnel.filter(pl.col("stage").is_in(EARLY_STAGES))["lost"].sum())
    kind = "none" if not lost else "early" if early * 2 > lost else "late"
    there = pl.col("stage").is_in(EARLY_STAGES) == (kind == "early")
    top = funnel.filter(there).sort("lost", descending=True, maintain_order=True).row(0, named=True)
    values = {
        "stage": named(words, "churn_review.stage", top["stage"]),
        "count": form.count(top["lost"]),
        "share": form.share(top["lost"] / lost if lost else None),
        "lost": form.count(lost),
        "early": form.share(early / lost if lost else None),
        "active_days": form.count(active_days),
        "people": form.count(funnel["reached"].to_list()[0]),
    }
    labels = [
        words("churn_review.stages.label", lost=form.count(n), share=form.share(s))
        for n, s in used.select("lost", "share").rows()
    ]
    shown = used.with_columns(
        pl.Series("name", [named(words, "churn_review.stage", s) for s in used["stage"]]), pl.Series("label", labels)
    )
    return Finding.worded(
        "churn_review.stages",
        kind,
        values,
        words=words,
        key="churn.stages",
        status="none",
        table=funnel,
        view=views.show(shown.select(pl.col("name").alias("stage"), "reached", "lost", "still", "share"), words=words),
        chart=charts.stages(shown.select("name", "reached", "lost", "label"), words=words),
        row_key=("stage",),
    )


def causes(ranked: pl.DataFrame, *, words: Words) -> Finding:
    """The known causes in order; what only the model suggests is named so, unknown is shown.

    Parameters
    ----------
    ranked : cause, source, customers, share, value_minor (`crmlib.churn.movement.causes.ranked`).
    """
    form = words.format
    total = int(ranked["customers"].sum())
    known = ranked.filter(pl.col("source").is_in(["recorded", "closure"]))
    by = known.group_by("cause").agg(pl.col("customers").sum()).sort("customers", "cause", descending=[True, False])
    unknown = int(ranked.filter(pl.col("source") == "unknown")["customers"].sum())
    told = int(known["customers"].sum())
    suggested = int(ranked.filter(pl.col("source") == "model")["customers"].sum())
    kind = "none" if by.is_empty() else "known"
    first = by["cause"][0] if by.height else "other"
    values = {
        "cause": named(words, "churn.cause", by["cause"][0]) if by.height else "",
        "count": form.count(by["customers"][0] if by.height else 0),
        "share": form.share(by["customers"][0] / told if by.height else None),
        "told": form.count(told),
        "total": form.count(total),
        "model": form.count(suggested),
        "unknown": form.count(unknown),
        "unknown_share": form.share(unknown / total if total else None),
    }
    shown = ranked.with_columns(
        pl.Series("name", [_cause(words, c, s) for c, s in ranked.select("cause", "source").rows()], dtype=pl.String)
    )
    titles = pl.Series("name", [named(words, "churn.cause", c) for c in by["cause"]], dtype=pl.String)
    heard = by.select(titles, "customers", pl.lit(None, dtype=pl.String).alias("tone"))
    guessed = shown.filter(pl.col("source").is_in(["model", "unknown"])).sort(
        "source", "customers", descending=[False, True]
    )
    both = pl.concat([heard, guessed.select("name", "customers", pl.lit("quiet").alias("tone"))])
    labels = [
        words("churn_review.causes.label", count=form.count(n), share=form.share(n / max(total, 1)))
        for n in both["customers"]
    ]
    bars = both.select("name", pl.col("customers").alias("value"), pl.Series("label", labels, dtype=pl.String), "tone")
    money = ["value_minor"] if ranked["value_minor"].null_count() < ranked.height else []
    return Finding.worded(
        "churn_review.causes",
        kind,
        values,
        words=words,
        key="churn.causes",
        status="warn" if total and unknown / total > UNKNOWN_WARN else "none",
        table=ranked,
        view=views.show(shown.select(pl.col("name").alias("cause"), "customers", "share", *money), words=words),
        chart=labelled.bars(bars, words=words, title=words("churn.chart.people")) if ranked.height else None,
        seen=words(f"churn_review.causes.{'seen' if suggested else 'seen_plain'}", **values),
        do=words(
            f"churn_review.causes.do.{first if words.has(f'churn_review.causes.do.{first}') else 'other'}",
            **values,
        ),
        row_key=("cause", "source"),
    )


def fill(rates: pl.DataFrame, *, words: Words) -> Finding:
    """How many losses have a written reason, by whom it was to be asked.

    Parameters
    ----------
    rates : from `crmlib.churn.movement.forms.fill_rate`: a group column first, then lost, filled,
        share; the last row is all.
    """
    form, group = words.format, rates.columns[0]
    whole = rates.filter(pl.col(group) == "all").row(0, named=True)
    parts = rates.filter(pl.col(group).ne_missing("all"))
    if group != "stage":  # stages keep their order, owners stand with the least filled first
        parts = parts.sort("share", "lost", group, descending=[False, True, False]).head(TOP_OWNERS)
    share = whole["share"]
    kind = "none" if share is None else "good" if share >= FILL_OK else "low" if share < FILL_LOW else "middle"
    names = [
        named(words, "churn_review.stage", g) if group == "stage" else g or words("churn.no_owner")
        for g in parts[group].to_list()
    ]
    gaps = rates.filter(pl.col(group).is_not_null() & (pl.col(group) != "all")).with_columns(
        (pl.col("lost") - pl.col("filled")).alias("open")
    )
    worst = gaps.sort("open", group, descending=[True, False]).row(0, named=True) if gaps.height else None
    missing = whole["lost"] - whole["filled"]
    unowned = missing - int(gaps["open"].sum())
    nobody = "_nobody" if worst and unowned > worst["open"] else ""
    values = {
        "share": form.share(share),
        "lost": form.count(whole["lost"]),
        "filled": form.count(whole["filled"]),
        "missing": form.count(missing),
        "worst": (named(words, "churn_review.stage", worst[group]) if group == "stage" else worst[group])
        if worst
        else words("page.none"),
        "worst_open": form.count(worst["open"]) if worst else words("page.none"),
        "unowned": form.count(unowned),
    }
    labels = [
        words("churn_review.fill.label", filled=form.count(f), lost=form.count(n), share=form.share(s))
        for f, n, s in parts.select("filled", "lost", "share").rows()
    ]
    bars = pl.DataFrame(
        {
            "name": names,
            "value": parts["share"],
            "label": pl.Series(labels, dtype=pl.String),
        }
    )
    return Finding.worded(
        "churn_review.fill",
        kind,
        values,
        words=words,
        key="churn.fill",
        status="none" if share is None else {"good": "ok", "middle": "warn", "low": "fail"}[kind],  # type: ignore[arg-type]
        table=rates,
        view=views.show(parts.with_columns(pl.Series(group, names, dtype=pl.String)), words=words),
        chart=labelled.bars(bars, words=words, title=words("churn_review.chart.fill"), percent=True)
        if parts.height
        else None,
        seen=words(f"churn_review.fill.seen{nobody}", **values),
        do=words(f"churn_review.fill.do{nobody}", **values),
        row_key=(group,),
    )


def follow_up(incidence: pl.DataFrame, people: pl.DataFrame, *, words: Words, horizon: int) -> Finding:
    """How soon after the first follow-up people are lost or won; both compete, those still open are censored.

    Parameters
    ----------
    incidence : from `crmlib.churn.models.competing.cumulative_incidence`.
    people : days, event: one row per person followed up.
    """
    form = words.format
    lost, won = at(incidence, cause="lost", days=HALF_YEAR), at(incidence, cause="won", days=HALF_YEAR)
    half = median_time(incidence, cause="won")
    quick = at(incidence, cause="won", days=28)
    kind = "won" if won[1] > lost[2] else "lost" if lost[1] > won[2] else "even"
    values = {
        "won": form.share(won[0]),
        "lost": form.share(lost[0]),
        "low": form.share(lost[1]),
        "high": form.share(lost[2]),
        "quick": form.share(quick[0]),
        "median": form.count(round(half)) if half is not None else words("page.none"),
        "people": form.count(people.height),
        "open": form.count(int((people["event"] == 0).sum())),
        "horizon": form.count(horizon),
    }
    last = pl.col("time") == pl.col("time").max().over("cause")
    label = pl.col("cause").replace_strict(
        {c: words(f"churn_review.cause_of_end.{c}") for c in ("lost", "won")}, return_dtype=pl.String
    )
    shown = incidence.with_columns(pl.when(last).then(label).alias("label"))
    table = incidence.with_columns(
        pl.col("cause").replace_strict(
            {c: words(f"churn_review.cause_of_end.{c}") for c in ("lost", "won")}, return_dtype=pl.String
        )
    )
    return Finding.worded(
        "churn_review.follow_up",
        kind,
        values,
        words=words,
        key="churn.follow_up",
        status="none",
        table=incidence,
        view=views.show(table, words=words),
        chart=charts.incidence(shown, words=words),
        seen=words("churn_review.follow_up.seen" if half is not None else "churn_review.follow_up.seen_few", **values),
        row_key=("cause", "time"),
    )


def _cause(words: Words, cause: str, source: str) -> str:
    if source == "model":
        return words("churn_review.cause_from_model", cause=named(words, "churn.group", cause))
    if source == "closure":
        return words("churn_review.cause_from_closure", cause=named(words, "churn.cause", cause))
    return named(words, "churn.cause", cause)
