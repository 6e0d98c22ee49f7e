"""The list of the day, set for those who will call."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.churn.movement.forms import codes_of_tier
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.pages.early_warning.findings.reasons import joined
from crmlib.pages.shared import churn_tables as views
from crmlib.pages.shared.churn_wording import means_in_words, questions

TOP_GOODS = 2


def watch_list(
    listed: pl.DataFrame,
    *,
    words: Words,
    pseudonyms: pl.Series,
    found: int,
    held: int = 0,
    as_of: date,
    basis: str,
    horizon: int,
    reserve: tuple[str, str],
    goods: pl.DataFrame | None = None,
) -> ActionList:
    """One row per customer to call: reason in the customer's own numbers, value at risk, what to do, owner, due date.

    Parameters
    ----------
    listed : from `crmlib.churn.lists.watchlist.watchlist`, with the features beside.
    pseudonyms : in the order of `listed`.
    found : candidates before the cap, without those left alone; held : those.
    horizon : days within which no visit is risked.
    reserve : what must be said beside the money at risk.
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
            "means": means_in_words(listed["means"], words),
            "suggestion": pl.Series([words(f"churn.action.{a}") for a in listed["action"]], dtype=pl.String),
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
        headline=words(f"early_warning.actions.headline.{kind}", **values),
        table=table.with_columns(pl.lit(as_of).alias("listed_on")),
        ask=questions([codes_of_tier(tier) for tier in listed["tier"]], words),
        view=views.show(table, words=words, sales=basis == "sales"),
        note=words("early_warning.actions.note", basis=words(f"early_warning.basis.{basis}"), days=horizon, **values)
        + (words("early_warning.held", count=form.count(held)) if held else "")
        + (reserve[0] if listed.height and reserve[1] != "good" else "")
        + (words("early_warning.actions.estimated", guessed=form.count(guessed)) if guessed else ""),
        key="churn.watch_list",
        row_key=("customer",),
    )
