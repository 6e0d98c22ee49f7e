"""Whom to keep: customers whose staying is open, and the list of those worth a call."""

from __future__ import annotations

import polars as pl

from crmlib.clv.forecast.portfolio import HERE_HIGH, HERE_LOW, Portfolio
from crmlib.clv.judge.backtest import Backtest
from crmlib.kit import table as style
from crmlib.kit.charts import labelled
from crmlib.kit.finding import ActionList, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.customer_lifetime.findings.wording import (
    as_minor,
    axis,
    bias_words,
    minor_of,
    money,
    what,
)
from crmlib.pages.shared.churn_watch import UPPER
from crmlib.pages.shared.churn_wording import means_in_words
from crmlib.pages.shared.lifetime_wording import chance_words

BANDS = (("gone", 0.0, HERE_LOW), ("unlikely", HERE_LOW, 0.5), ("likely", 0.5, HERE_HIGH), ("here", HERE_HIGH, 1.01))
"""Bands of the probability of still being a customer: from, below."""
MUCH = 0.10
"""From this share of the future value at stake on, amber."""
TIMES = 3.0
"""Absent for so many of the own usual gaps, the multiple is said; who is late is for `core.renewal` to say."""


def undecided(portfolio: Portfolio, test: Backtest, *, words: Words) -> Finding:
    """Say how many customers may or may not be lost, and what hangs on them."""
    form = words.format
    table = _by_band(portfolio.customers, words)
    open_ones = table.filter(pl.col("chance").is_in(["unlikely", "likely"]))
    people, at_stake = int(open_ones["customers"].sum()), int(open_ones["at_stake_minor"].sum())
    whole = max(as_minor(float(portfolio.total["expected"]), words), 1)
    kind = "none" if not people or at_stake <= 0 else "much" if at_stake / whole >= MUCH else "little"
    status: Status = "warn" if kind == "much" else "ok"
    gone = int(table.filter(pl.col("chance") == "gone")["customers"].sum())
    values = {
        "customers": form.count(people),
        "money": form.money(at_stake),
        "share": form.share(at_stake / whole),
        "gone": form.count(gone),
        "what": what(portfolio, words),
    }
    divisor, unit = axis(float(table["at_stake_minor"].to_numpy().max()) / as_minor(1.0, words), words)
    names = [words(f"customer_lifetime.band.{b}") for b in table["chance"]]
    with_people = [
        words("customer_lifetime.undecided.name", name=name, customers=form.count(n))
        for name, n in zip(names, table["customers"], strict=True)
    ]
    each = [v / as_minor(1.0, words) / divisor for v in table["at_stake_minor"]]
    labels = [form.money(m) for m in table["at_stake_minor"]]
    tone = ["quiet" if band in {"unlikely", "likely"} else None for band in table["chance"]]
    chart = pl.DataFrame({"name": with_people, "value": each, "label": labels, "tone": tone})
    return Finding.worded(
        "customer_lifetime.undecided",
        kind,
        values,
        words=words,
        key="clv.undecided",
        status=status,
        table=table,
        view=style.readable(table.with_columns(chance=pl.Series(names)), words=words),
        chart=labelled.bars(chart, words=words, title=words("customer_lifetime.chart.at_stake", unit=unit)),
        sure=words("customer_lifetime.undecided.sure", bias=bias_words(test, words)) + chance_words(test, words),
        value_minor=at_stake,
        row_key=("chance",),
    )


def keep_list(
    listed: pl.DataFrame,
    test: Backtest,
    *,
    words: Words,
    reach: pl.DataFrame,
    pseudonyms: pl.Series,
    last: dict[str, int] | None,
) -> ActionList:
    """The customers to contact, in order of the value at stake, each with its own reason.

    Parameters
    ----------
    listed : `portfolio.keep_list`.
    test : whether the probabilities behind it held.
    reach : class of past spend, owner, means and due day of its customers, days between their visits and, of those who
        are late, what to say, in its order (`Study.reached`).
    pseudonyms : of its customers, in its order.
    last : what came of the last list (`portfolio.outcome_of_last`).
    """
    form = words.format
    known = reach.select("past_tier", "owner", "means", "due_on", "usual_gap", "action")
    marked = listed.with_columns(customer_id=pseudonyms).hstack(known)
    marked = marked.with_columns(gap_days=pl.coalesce("usual_gap", "gap_days"))
    contacts = marked.filter(pl.col("group") == "contact")
    controls = marked.height - contacts.height
    reasons = [_reason(row, words) for row in contacts.iter_rows(named=True)]
    advice = [_suggestion(row, words) for row in contacts.iter_rows(named=True)]
    table = contacts.select(
        "customer_id",
        tier="past_tier",
        reason=pl.Series(reasons, dtype=pl.String),
        p_alive="p_alive",
        at_stake_minor=minor_of(pl.col("at_stake"), words),
        means=means_in_words(contacts["means"], words),
        suggestion=pl.Series(advice, dtype=pl.String),
        owner=pl.col("owner").fill_null(words("churn.no_owner")),
        due_on="due_on",
    )
    note = words(
        "customer_lifetime.list.control" if controls else "customer_lifetime.list.no_control",
        controls=form.count(controls),
    )
    if contacts.height:
        note += words("customer_lifetime.list.order") + chance_words(test, words)
    if last is not None:
        note += words(
            "customer_lifetime.list.last",
            contact=form.count(last["contact"]),
            contact_back=form.count(last["contact_back"]),
            control=form.count(last["control"]),
            control_back=form.count(last["control_back"]),
        )
    return ActionList(
        headline=words(
            "customer_lifetime.list.headline" if contacts.height else "customer_lifetime.list.empty",
            listed=form.count(contacts.height),
            money=money(float(contacts["at_stake"].sum()), words),
        ),
        table=table,
        view=style.readable(table, words=words) if table.height else None,
        note=note,
        row_key=("customer_id",),
    )


def _by_band(customers: pl.DataFrame, words: Words) -> pl.DataFrame:
    at_stake = pl.col("value") * (1.0 - pl.col("p_alive")) / pl.col("p_alive").clip(lower_bound=1e-6)
    rows = []
    for band, low, below in BANDS:
        part = customers.filter(pl.col("p_alive") >= low, pl.col("p_alive") < below)
        lost = float(part.select(at_stake.sum()).item()) if band != "gone" else 0.0
        rows.append(
            {
                "chance": band,
                "customers": part.height,
                "future_minor": as_minor(float(part["value"].sum()), words),
                "at_stake_minor": as_minor(lost, words),
            }
        )
    return pl.DataFrame(rows)


def _reason(row: dict[str, float], words: Words) -> str:
    kind = "times" if row["days_since"] >= TIMES * row["gap_days"] else "days"
    return words(
        f"customer_lifetime.list.reason.{kind}",
        gap=words.format.number(row["gap_days"]),
        days=words.format.number(row["days_since"]),
        times=words.format.number(row["days_since"] / max(row["gap_days"], 1.0), digits=1),
    )


def _suggestion(row: dict[str, float | str], words: Words) -> str:
    """By the own reason of whoever is late, as on the other lists; else by class and chance."""
    if isinstance(row["action"], str):
        return words(f"churn.action.{row['action']}")
    upper = row["past_tier"] in UPPER
    likely = float(row["p_alive"]) >= 0.5
    return words(f"churn.action.{'taste' if upper else 'remind' if likely else 'coupon'}")
