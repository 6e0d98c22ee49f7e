"""The early-warning page: who turned late, what is at risk, what became of the last list, until when to call."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.churn.metrics import wilson
from crmlib.churn.models.hazard import first_late_week
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.pages.early_warning import charts
from crmlib.pages.shared import churn_tables as views
from crmlib.pages.shared.churn_wording import named

EXPLAINED = ("logit", "additive")
"""Scores whose reasons are their own."""
MOST = 0.5
"""From this share on, one reason or tier holds "most"; for a sample its lower bound must be above it."""
UPPER = ("A", "B")
FEW = 30
"""Below this many people a share is shown, but no verdict is passed on it."""
CAME_OK, CAME_LOW = 0.3, 0.1
"""Share of the last list that came by now: from here on good, below that a warning."""


AT_RISK = (pl.col("risk") * pl.col("stake_minor").clip(0)).sum().round().cast(pl.Int64)
"""Money at risk of a group, whole."""


def at_risk(table: pl.DataFrame) -> int:
    """Money at risk of everybody, as the tiers add up to it."""
    return int(table.group_by("tier").agg(AT_RISK.alias("at_risk_minor"))["at_risk_minor"].sum())


def answer(
    found: pl.DataFrame,
    late: pl.DataFrame,
    table: pl.DataFrame,
    *,
    words: Words,
    tiers: Sequence[str],
    rhythm: str,
    basis: str,
    horizon: int,
    reserve: tuple[str, str],
    returns: float | None = None,
) -> Answer:
    """What is at risk in all, how much of it with good customers who are late, and who of them turned so by now.

    Parameters
    ----------
    found : candidates of the list before the cap (`crmlib.churn.lists.watchlist.candidates`); `held` are left alone.
    late : everybody of these tiers who is late, with at_risk_minor (`Watch.late`).
    table : everybody (`crmlib.churn.lists.snapshot.night` with tier and stake_minor).
    basis : `margin` where cost is known, else `sales`.
    reserve : what must be said beside the money of all (`churn_wording.reserve`).
    returns : share of earlier absentees who came again later; none where not known.
    """
    form = words.format
    every = at_risk(table)
    upper = words("page.join").join(tiers)
    money = int(found["at_risk_minor"].sum())
    kind = "entries" if found.height else "still" if late.height else "none"
    values = {
        "since": words(f"early_warning.since.{rhythm}"),
        "count": form.count(found.height),
        "late": form.count(late.height),
        "tiers": upper,
        "money": form.money(money),
        "late_money": form.money(int(late["at_risk_minor"].sum())),
        "all": form.money(every),
        "days": form.count(horizon),
        "basis": words(f"early_warning.basis.{basis}"),
    }
    at = {"money": values["money"], "basis": values["basis"]}
    beside = reserve[0] if reserve[1] != "good" else ""
    held = int(found["held"].sum()) if "held" in found.columns else 0
    alone = words("early_warning.held", count=form.count(held)) if held else ""
    return Answer(
        sentence=words(f"early_warning.answer.{kind}", **values) + alone + beside,
        value_minor=every,
        figures=(
            Figure(
                label=words("early_warning.figure.entries", tiers=upper),
                value=words("churn.people", count=form.count(found.height)),
                comparison=words("early_warning.figure.entries_of", since=words(f"early_warning.since.{rhythm}"), **at),
                key="entries",
                amount=float(found.height),
            ),
            Figure(
                label=words("early_warning.figure.at_risk", basis=words(f"early_warning.basis.{basis}")),
                value=form.money(every),
                comparison=words("early_warning.figure.at_risk_of", days=horizon),
                key="at_risk_all_minor",
                amount=float(every),
                money=True,
            ),
            Figure(
                label=words("churn.late.figure", tiers=upper),
                value=words("churn.people", count=form.count(late.height)),
                comparison=words(
                    "churn.late.money",
                    money=form.money(int(late["at_risk_minor"].sum())),
                    basis=words(f"early_warning.basis.{basis}"),
                ),
                tone="bad" if late.height else "good",
                key="late",
                amount=float(late.height),
            ),
            _expected(table, words=words, horizon=horizon, returns=returns),
        ),
    )


def _expected(table: pl.DataFrame, *, words: Words, horizon: int, returns: float | None) -> Figure:
    """How many of all will stay away, and how many of those come again later."""
    form, expected = words.format, float(table["risk"].sum())
    return Figure(
        label=words("early_warning.figure.expected", days=horizon),
        value=words("churn.people", count=form.count(round(expected))),
        comparison=words(
            f"early_warning.figure.expected_{'of' if returns is None else 'return'}",
            count=form.count(table.height),
            returns=form.share(returns),
        ),
        key="expected_away",
        amount=expected,
    )


def entries(found: pl.DataFrame, *, words: Words, rhythm: str, basis: str, ranked_by: str = "logit") -> Finding:
    """Why the new entries are at risk: the model's strongest reason of each.

    Parameters
    ----------
    ranked_by : from `crmlib.churn.league.trial`; what has no reasons of its own borrows the logit's, and says so.
    """
    form = words.format
    by = (
        found.with_columns(pl.col("reason_1").fill_null("unclear"))
        .group_by("reason_1")
        .agg(pl.len().alias("customers"), pl.col("at_risk_minor").sum())
    )
    table = by.sort("customers", "at_risk_minor", "reason_1", descending=[True, True, False]).with_columns(
        (pl.col("customers") / max(found.height, 1)).alias("share")
    )
    shown = table.with_columns(
        pl.Series("reason", [named(words, "churn.group", g) for g in table["reason_1"]], dtype=pl.String)
    )
    values: dict[str, object] = {"count": form.count(found.height), "since": words(f"early_warning.since.{rhythm}")}
    kind = "none"
    clear = table.filter(pl.col("reason_1") != "unclear")
    if found.height:
        kind = "unclear"
    if clear.height:
        top = clear.row(0, named=True)
        kind = "most" if wilson(top["customers"], found.height)[0] > MOST else "mixed"
        values |= {"reason": named(words, "churn.group", top["reason_1"]), "share": form.share(top["share"])}
    bars = shown.select(
        pl.col("reason").alias("name"),
        pl.col("customers").alias("value"),
        pl.Series(
            "label",
            [
                words("early_warning.entries.label", count=form.count(c), money=form.money(m))
                for c, m in table.select("customers", "at_risk_minor").rows()
            ],
            dtype=pl.String,
        ),
        toned(pl.col("reason_1") == "unclear").alias("tone"),
    )
    return Finding.worded(
        "early_warning.entries",
        kind,
        values,
        words=words,
        key="churn.entries",
        status="none",
        table=table,
        view=views.show(
            shown.select("reason", "customers", "share", "at_risk_minor"), words=words, sales=basis == "sales"
        ),
        chart=labelled.bars(bars, words=words, title=words("churn.chart.people")) if found.height else None,
        sure=words("early_warning.entries.sure")
        if ranked_by in EXPLAINED
        else words("early_warning.entries.sure_borrowed", model=named(words, "churn.score", ranked_by)),
        value_minor=int(found["at_risk_minor"].sum()),
        row_key=("reason_1",),
    )


def value_at_risk(
    table: pl.DataFrame,
    *,
    words: Words,
    horizon: int,
    basis: str,
    reserve: tuple[str, str],
    returns: float | None = None,
) -> Finding:
    """Who will not come within the horizon, and what is at risk by it, by tier: Σ risk and Σ risk × stake.

    Parameters
    ----------
    reserve : what must be said beside the money of all (`churn_wording.reserve`).
    returns : share of earlier absentees who came again later, already taken off the stakes; none where not known.
    """
    form = words.format
    by = (
        table.group_by("tier")
        .agg(
            pl.len().alias("customers"),
            pl.col("risk").sum().alias("expected_away"),
            AT_RISK.alias("at_risk_minor"),
        )
        .sort("tier")
    )
    total = max(at_risk(table), 1)
    by = by.with_columns((pl.col("at_risk_minor") / total).alias("share"))
    top = by.sort("at_risk_minor", descending=True).row(0, named=True)
    kind = "most" if top["share"] > MOST else "spread"
    values = {
        "tier": top["tier"],
        "share": form.share(top["share"]),
        "money": form.money(total),
        "days": horizon,
        "count": form.count(table.height),
        "expected": form.count(round(float(by["expected_away"].sum()))),
        "returns": form.share(returns),
        "basis": words(f"early_warning.basis.{basis}"),
    }
    labels = [
        words("early_warning.at_risk.label", money=form.money(m), away=form.count(round(e)), count=form.count(c))
        for m, e, c in by.select("at_risk_minor", "expected_away", "customers").rows()
    ]
    sure = words(f"early_warning.at_risk.sure.{'known' if returns is not None else 'unknown'}", **values)
    bars = by.select(
        pl.col("tier").alias("name"),
        (pl.col("at_risk_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels),
    )
    return Finding.worded(
        "early_warning.at_risk",
        kind,
        values,
        words=words,
        key="churn.at_risk",
        status="none",
        table=by,
        view=views.show(by, words=words, sales=basis == "sales"),
        chart=labelled.bars(bars, words=words, title=words(f"early_warning.chart.money_{basis}")),
        sure=sure + reserve[0],
        do=words(f"early_warning.at_risk.do.{'upper' if top['tier'] in UPPER else 'broad'}", **values),
        value_minor=total,
        row_key=("tier",),
    )


def capacity(found: pl.DataFrame, listed: pl.DataFrame, *, words: Words, each: int, basis: str) -> Finding:
    """Whether the owners can call all new entries: entries and listed per owner."""
    form = words.format
    by = found.group_by("owner").agg(pl.len().alias("entries"), pl.col("at_risk_minor").sum())
    taken = listed.group_by("owner").agg(pl.len().alias("listed"))
    table = by.join(taken, on="owner", how="left", nulls_equal=True).with_columns(pl.col("listed").fill_null(0))
    table = table.sort("at_risk_minor", "owner", descending=[True, False])
    left = found.join(listed.select("customer_id"), on="customer_id", how="anti")
    kind = "none" if found.is_empty() else "over" if left.height else "fits"
    values = {
        "count": form.count(found.height),
        "owners": form.count(table.height),
        "left": form.count(left.height),
        "money": form.money(int(left["at_risk_minor"].sum())),
        "each": form.count(each),
    }
    top = table.head(12).with_columns(pl.col("owner").fill_null(words("churn.no_owner")))
    labels = [
        words("early_warning.capacity.label", entries=form.count(e), money=form.money(m))
        for e, m in top.select("entries", "at_risk_minor").rows()
    ]
    bars = top.select(
        pl.col("owner").alias("name"),
        (pl.col("at_risk_minor") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", labels, dtype=pl.String),
    )
    return Finding.worded(
        "early_warning.capacity",
        kind,
        values,
        words=words,
        key="churn.capacity",
        status="warn" if left.height else "ok",
        table=table,
        view=views.show(table, words=words, sales=basis == "sales"),
        chart=labelled.bars(bars, words=words, title=words(f"early_warning.chart.money_{basis}"))
        if found.height
        else None,
        row_key=("owner",),
    )


def last_list(result: pl.DataFrame, *, words: Words, listed_on: date, rebuilt: bool, basis: str) -> Finding:
    """What became of the last list: who came since. Without people left alone this is no effect, and says so.

    Parameters
    ----------
    result : customer_id, tier, at_risk_minor, state_now, came_on (`crmlib.churn.lists.watchlist.outcomes`).
    rebuilt : no list had been stored; it was made again from what was known then.
    """
    form = words.format
    came = int((result["state_now"] == "came").sum())
    share = came / result.height if result.height else None
    low, high = wilson(came, result.height)
    kind = "none" if share is None else "few" if result.height < FEW else "good" if low > CAME_OK else "counted"
    values = {
        "count": form.count(result.height),
        "came": form.count(came),
        "share": form.share(share),
        "low": form.share(low),
        "high": form.share(high),
        "day": form.day(listed_on),
        "open": form.count(result.height - came),
        "money": form.money(int(result.filter(pl.col("state_now") != "came")["at_risk_minor"].sum())),
    }
    by = result.group_by("tier", "state_now").agg(pl.len().alias("customers"), pl.col("at_risk_minor").sum())
    table = by.sort("tier", "state_now")
    order = pl.col("state_now").replace_strict({"came": 0, "not_yet": 1}, return_dtype=pl.Int32)
    shown = table.with_columns(
        pl.Series("state", [named(words, "early_warning.state_now", s) for s in table["state_now"]], dtype=pl.String),
        order.alias("order"),
    )
    made = "rebuilt" if rebuilt else "stored"
    return Finding.worded(
        "early_warning.last_list",
        kind,
        values,
        words=words,
        key="churn.last_list",
        status="none" if kind in {"none", "few"} else "warn" if high < CAME_LOW else "ok",
        table=table,
        view=views.show(
            shown.select("tier", "state", "customers", "at_risk_minor"), words=words, sales=basis == "sales"
        ),
        chart=charts.outcomes(shown.select("tier", "state", "customers", "order"), words=words)
        if result.height
        else None,
        sure=words(f"early_warning.last_list.sure.{made}", **values),
        row_key=("tier", "state_now"),
    )


def silence(hazard: pl.DataFrame, *, words: Words, horizon_weeks: int) -> Finding:
    """From how many weeks of silence on coming back unasked is less likely than not."""
    form = words.format
    week = first_late_week(hazard)
    kind = "never" if week is None else "week" if week else "none"
    gone = dict(hazard.select("week", "gone").rows())
    values = {
        "week": form.count(week or 0),
        "days": form.count(7 * (week or 0)),
        "horizon": horizon_weeks,
        "fresh": form.share(gone.get(0)),
        "gone": form.share(gone.get(week)),
    }
    label = pl.when(pl.col("week").eq_missing(week)).then(pl.lit(words("early_warning.silence.label", **values)))
    return Finding.worded(
        "early_warning.silence",
        kind,
        values,
        words=words,
        key="churn.silence",
        status="none",
        table=hazard,
        view=views.show(hazard, words=words),
        chart=charts.silence(hazard.drop_nulls("gone").select("week", "gone", label.alias("label")), words=words),
        sure=words(
            "early_warning.silence.sure", returns=form.count(max(hazard["at_risk"].to_list(), default=0)), **values
        ),
        row_key=("week",),
    )
