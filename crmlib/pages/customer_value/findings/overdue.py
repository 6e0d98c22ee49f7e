"""Which upper members should have come by now, what is at risk with them, and whom to contact first."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.churn.lists.watchlist import LATE
from crmlib.customers.loyalty.contact_list import ContactList, Result
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import ActionList, Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.shared.churn_wording import means_in_words

STATES = ("on_rhythm", "due", "overdue", "silent")
OVERDUE_WARN, OVERDUE_FAIL = 0.10, 0.25
"""Overdue share of the upper members: amber, red."""


def overdue_upper(
    rhythm: pl.DataFrame,
    late: pl.DataFrame,
    *,
    words: Words,
    upper: Sequence[str],
    basis: str,
    horizon: int,
    reserve: tuple[str, str],
) -> Finding:
    """Say how many upper members are overdue against their own rhythm, and the money at risk.

    Parameters
    ----------
    rhythm : all members by state, tier, risk, stake_minor, waiting (`Study.rhythm`).
    late : the upper ones who are late, with at_risk_minor.
    basis : margin where cost is known, else sales.
    horizon : days within which no visit is risked.
    reserve : what must be said beside the money (`churn_wording.reserve`).
    """
    form = words.format
    members = rhythm.filter(pl.col("tier").is_in(list(upper)))
    money = int(late["at_risk_minor"].sum())
    share = late.height / members.height if members.height else 0.0
    kind, status = _verdict(members.height, late.height, share)
    values = {
        "tiers": words("scoring.join").join(upper),
        "late": form.count(late.height),
        "members": form.count(members.height),
        "share": form.share(share),
        "money": form.money(money),
        "what": words(f"customer_value.overdue.what.{basis}"),
        "days": horizon,
    }
    waiting = members.filter(pl.col("state").is_in(LATE) & pl.col("waiting")).height
    beside = words("customer_value.overdue.waiting", waiting=form.count(waiting)) if waiting else ""
    table = _by_state(members)
    labels = [
        words(
            "customer_value.overdue.label" if state in LATE else "scoring.persons",
            customers=form.count(n),
            count=form.count(n),
            money=form.money(m),
        )
        for state, n, m in table.select("lateness", "customers", "at_risk_minor").iter_rows()
    ]
    bars = pl.DataFrame(
        {
            "name": [words(f"churn.state.{s}") for s in table["lateness"]],
            "value": table["customers"],
            "label": labels,
        }
    ).with_columns(tone=toned(pl.Series([s not in LATE for s in table["lateness"]])))
    worth = {"margin_minor": "net_minor", "at_risk_minor": "at_risk_net_minor"}
    return Finding.worded(
        "customer_value.overdue",
        kind,
        values,
        words=words,
        key="scoring.overdue",
        status=status,
        table=table,
        view=views.readable(table if basis == "margin" else table.rename(worth), words=words),
        chart=labelled.bars(bars, words=words, title=words("customer_value.overdue.axis")),
        seen=words("customer_value.overdue.seen", **values) + beside,
        sure=words("customer_value.overdue.sure", **values) + reserve[0],
        do=words("customer_value.overdue.do.late" if late.height else "customer_value.overdue.do.none", **values),
        value_minor=money,
        row_key=("lateness",),
    )


def contact_list(
    listed: ContactList,
    *,
    words: Words,
    pseudonyms: pl.Series,
    last: Result | None = None,
    basis: str = "margin",
) -> ActionList:
    """Name whom to contact first, each with the own reason, and say who is held back and what came of the last list.

    Parameters
    ----------
    listed : chosen by `scoring.contact_list.choose` from overdue upper members, with usual_gap, recency, owner, means
        and due_on (`shared.churn_watch`).
    pseudonyms : of the chosen, in their order.
    basis : the value at stake is margin; else net sales, and the column says so.
    """
    form = words.format
    rows = listed.chosen
    reasons = [
        words("customer_value.actions.reason", gap=form.number(max(gap, 1.0)), days=form.count(days))
        for gap, days in rows.select("usual_gap", "recency").iter_rows()
    ]
    told = [words(f"churn.action.{action}") for action in rows["action"]]
    table = pl.DataFrame(
        {
            "customer_id": pseudonyms,
            "tier": rows["tier"],
            "reason": pl.Series(reasons, dtype=pl.String),
            "at_risk_minor" if basis == "margin" else "at_risk_net_minor": rows["at_risk_minor"],
            "means": means_in_words(rows["means"], words),
            "suggestion": pl.Series(told, dtype=pl.String),
            "owner": rows["owner"].fill_null(words("churn.no_owner")),
            "due_on": rows["due_on"],
        }
    )  # fmt: skip
    control = "held" if listed.held_back.height else "none"
    headline = words(
        f"customer_value.actions.headline.{'some' if listed.found else 'nobody'}",
        shown=form.count(table.height),
        found=form.count(listed.found),
    )
    note = words(f"customer_value.actions.control.{control}", control=form.count(listed.held_back.height))
    return ActionList(
        headline=headline,
        table=table,
        view=views.readable(table, words=words),
        note=f"{note} {_outcome(last, words)}".strip(),
        row_key=("customer_id",),
    )


def _outcome(last: Result | None, words: Words) -> str:
    if last is None or not last.listed:
        return words("customer_value.actions.last.first")
    form = words.format
    kind = "control" if last.control else "alone"
    return words(
        f"customer_value.actions.last.{kind}",
        listed=form.count(last.listed),
        came=form.count(last.came),
        rate=form.share(last.rate),
        low=form.share(last.low),
        high=form.share(last.high),
        control=form.count(last.control),
        control_came=form.count(last.control_came),
    )


def _verdict(members: int, late: int, share: float) -> tuple[str, Status]:
    if not members:
        return "no_rhythm", "none"
    if not late:
        return "none", "ok"
    return "late", "fail" if share >= OVERDUE_FAIL else "warn" if share >= OVERDUE_WARN else "ok"


def _by_state(members: pl.DataFrame) -> pl.DataFrame:
    """Members by state, empty ones too; who waits for a festival is not late and stands with those in rhythm."""
    shown = pl.when(pl.col("waiting")).then(pl.lit("on_rhythm")).otherwise("state")
    counted = members.group_by(lateness=shown).agg(
        customers=pl.len().cast(pl.Int64),
        margin_minor=pl.col("margin_minor").sum(),
        at_risk_minor=(pl.col("risk") * pl.col("stake_minor").clip(0)).round().cast(pl.Int64).sum(),
    )
    table = pl.DataFrame({"lateness": STATES}).join(counted, on="lateness", how="left", maintain_order="left")
    return table.with_columns(pl.exclude("lateness").fill_null(0))
