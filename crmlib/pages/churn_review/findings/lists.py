"""The losses whose reason somebody has still to write down."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.core.dates import day_number
from crmlib.kit.finding import ActionList
from crmlib.kit.words import Words
from crmlib.pages.shared import churn_tables as views
from crmlib.pages.shared.churn_wording import named, questions

SHOWN = 20
"""Rows of the questions that stand on the page; the download has them all."""
ANSWER_DAYS = 7
"""Days an owner has to write down why a customer left."""


def reason_list(
    listed: pl.DataFrame, *, words: Words, pseudonyms: pl.Series, found: int, as_of: date, start: date
) -> ActionList:
    """One row per loss without a reason, for the owner to ask and write down in the downloaded workbook.

    Parameters
    ----------
    listed : from `crmlib.churn.movement.forms.form`, capped per owner.
    pseudonyms : in the order of `listed`.
    found : losses without a reason before the cap, dated on or after `start`.
    """
    form = words.format
    table = pl.DataFrame(
        {
            "customer": pseudonyms,
            "stage": pl.Series([named(words, "churn_review.stage", s) for s in listed["stage"]], dtype=pl.String),
            "silent_days": day_number(as_of) - listed["last_n"],
            "lost_on": listed["lost_n"].cast(pl.Int32).cast(pl.Date),
            "owner": listed["owner"].fill_null(words("churn.no_owner")),
            "due_on": pl.Series([as_of + timedelta(days=ANSWER_DAYS)] * listed.height, dtype=pl.Date),
        }
    )
    kind = "none" if not found else "all" if listed.height == found else "capped"
    values = {"count": form.count(listed.height), "found": form.count(found), "day": form.day(start)}
    return ActionList(
        headline=words(f"churn_review.reasons.headline.{kind}", **values),
        table=table.with_columns(pl.lit(as_of).alias("listed_on")),
        ask=questions(listed["codes"].to_list(), words),
        view=views.show(table.head(SHOWN), words=words),
        note=words("churn_review.reasons.note", **values)
        + (words("churn_review.reasons.shown", shown=form.count(SHOWN)) if table.height > SHOWN else ""),
        key="churn.loss_reasons",
        row_key=("customer",),
    )
