"""The list of the day, set for those who will call; the losses whose reason somebody has still to write down."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from crmlib.churn.forms import codes_of_tier
from crmlib.core.dates import day_number
from crmlib.findings.churn.wording import joined, named
from crmlib.findings.finding import ActionList
from crmlib.tables import churn as views
from crmlib.text import Words

TOP_GOODS = 2
SHOWN = 20
"""Rows of the questions that stand on the page; the download has them all."""
ANSWER_DAYS = 7
"""Days an owner has to write down why a customer left."""


def watch_list(
    listed: pl.DataFrame,
    *,
    words: Words,
    pseudonyms: pl.Series,
    found: int,
    as_of: date,
    basis: str,
    goods: pl.DataFrame | None = None,
) -> ActionList:
    """One row per customer to call: reason in the customer's own numbers, value at risk, what to do, owner, due date.

    Parameters
    ----------
    listed : from `crmlib.churn.watchlist.watchlist`, with the features beside.
    pseudonyms : in the order of `listed`.
    found : candidates before the cap.
    goods : customer_id, last_goods (list of kinds), or none where no products are connected.
    """
    form = words.format
    table = pl.DataFrame(
        {
            "customer": pseudonyms,
            "tier": listed["tier"],
            "reason": pl.Series(joined(words, listed), dtype=pl.String),
            "churn_risk": listed["risk"],
            "at_risk_minor": listed["at_risk_minor"],
            "suggestion": pl.Series([named(words, "action", a) for a in listed["action"]], dtype=pl.String),
            "owner": listed["owner"].fill_null(words("churn.no_owner")),
            "due_on": listed["due_on"],
        }
    )
    if goods is not None:
        bought = listed.select("customer_id").join(goods, on="customer_id", how="left", maintain_order="left")[
            "last_goods"
        ]
        shown = [words("page.join").join(g[:TOP_GOODS]) if g is not None and len(g) else None for g in bought.to_list()]
        table.insert_column(3, pl.Series("last_goods", shown, dtype=pl.String))
    kind = "none" if not found else "all" if listed.height == found else "capped"
    guessed = int(listed["estimated"].sum()) if "estimated" in listed.columns else 0
    values = {"count": form.count(listed.height), "found": form.count(found), "day": form.day(as_of)}
    return ActionList(
        headline=words(f"churn.actions.headline.{kind}", **values),
        table=table.with_columns(pl.lit(as_of).alias("listed_on")),
        ask=_ask([codes_of_tier(tier) for tier in listed["tier"]], words),
        view=views.show(table, words=words, sales=basis == "sales"),
        note=words("churn.actions.note", basis=words(f"churn.basis.{basis}"), **values)
        + (words("churn.actions.estimated", guessed=form.count(guessed)) if guessed else ""),
        key="churn.watch_list",
        row_key=("customer",),
    )


def reason_list(
    listed: pl.DataFrame, *, words: Words, pseudonyms: pl.Series, found: int, as_of: date, start: date
) -> ActionList:
    """One row per loss without a reason, for the owner to ask and write down in the downloaded workbook.

    Parameters
    ----------
    listed : from `crmlib.churn.forms.form`, capped per owner.
    pseudonyms : in the order of `listed`.
    found : losses without a reason before the cap, dated on or after `start`.
    """
    form = words.format
    table = pl.DataFrame(
        {
            "customer": pseudonyms,
            "stage": pl.Series([named(words, "stage", s) for s in listed["stage"]], dtype=pl.String),
            "silent_days": day_number(as_of) - listed["last_n"],
            "lost_on": listed["lost_n"].cast(pl.Int32).cast(pl.Date),
            "owner": listed["owner"].fill_null(words("churn.no_owner")),
            "due_on": pl.Series([as_of + timedelta(days=ANSWER_DAYS)] * listed.height, dtype=pl.Date),
        }
    )
    kind = "none" if not found else "all" if listed.height == found else "capped"
    values = {"count": form.count(listed.height), "found": form.count(found), "day": form.day(start)}
    return ActionList(
        headline=words(f"churn.reasons.headline.{kind}", **values),
        table=table.with_columns(pl.lit(as_of).alias("listed_on")),
        ask=_ask(listed["codes"].to_list(), words),
        view=views.show(table.head(SHOWN), words=words),
        note=words("churn.reasons.note", **values)
        + (words("churn.reasons.shown", shown=form.count(SHOWN)) if table.height > SHOWN else ""),
        key="churn.loss_reasons",
        row_key=("customer",),
    )


def _ask(codes: Sequence[Sequence[str]], words: Words) -> pl.DataFrame:
    """The column to fill in: for each row the reasons it allows, in the words of the page."""
    lists = [[words(f"churn.cause.{c}") for c in allowed] for allowed in codes]
    return pl.DataFrame({"loss_reason": pl.Series(lists, dtype=pl.List(pl.String))})
