"""By which means a member may be reached today: one rule for every list, so that no two lists say two things.

Consent comes first: who refused calls is not called, whatever the list thinks of them. Then the cap on contacts of all
lists together, then the worth: a call costs a person's time, so the upper classes are called and the rest written to.
Who consented to nothing is spoken to in the store, and where consent is not known it is asked for before anything else.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach.permission import ContactRules

Means = Literal["call", "sms", "email", "store", "wait", "ask"]
"""Call, message, e-mail; speak in the store (no consent); wait (the cap is reached); ask for consent (not known)."""
CONSENTS = ("may_call", "may_sms", "may_email")
NOT_MADE = ("holdout", "not_done")
"""Outcomes of contacts that were planned and not made."""
OPTED_OUT = "opted_out"
"""Outcome of whoever asked not to be contacted again: as good as no consent."""


def means(
    members: AnyFrame,
    *,
    consents: AnyFrame | None,
    made: AnyFrame | None,
    on: date,
    rules: ContactRules | None = None,
) -> pl.DataFrame:
    """The means for every member: customer_id, means; in the order given.

    Parameters
    ----------
    members : customer_id and upper (whether worth a call).
    consents : customer_id, may_call, may_sms, may_email; a missing row or value is no consent. None: not known.
    made : contacts of all lists: customer_id, at, purpose, outcome; what the member began (a complaint) does not count.
    on : the day of the list; contacts of the cap's days up to it count.

    Examples
    --------
    >>> who = pl.DataFrame({"customer_id": ["a", "b", "c"], "upper": [True, True, False]})
    >>> said = pl.DataFrame({"customer_id": ["a", "b", "c"], "may_call": [True, False, True],
    ...                      "may_sms": [True, True, True], "may_email": [False, False, False]})
    >>> means(who, consents=said, made=None, on=date(2026, 11, 2))["means"].to_list()
    ['call', 'sms', 'sms']
    """
    table = to_polars(members, needs=["upper"], name="members", key="customer_id").select("customer_id", "upper")
    if consents is None:
        return table.select("customer_id", means=pl.lit("ask"))
    said = to_polars(consents, needs=CONSENTS, name="consents", key="customer_id").select("customer_id", *CONSENTS)
    joined = table.join(said, on="customer_id", how="left", maintain_order="left")
    joined = joined.with_columns(pl.col(CONSENTS).fill_null(value=False))
    gone = _opted_out(made, on=on)
    refused = pl.col("customer_id").is_in(gone.implode())
    joined = joined.with_columns(pl.when(refused).then(pl.lit(value=False)).otherwise(pl.col(*CONSENTS)).name.keep())
    used = _contacts(made, rules=rules or ContactRules(), on=on)
    full = pl.col("customer_id").is_in(used.implode())
    call, sms, email = (pl.col(name) for name in CONSENTS)
    chosen = (
        pl.when(full & (call | sms | email)).then(pl.lit("wait"))
        .when(call & pl.col("upper")).then(pl.lit("call"))
        .when(sms).then(pl.lit("sms"))
        .when(call).then(pl.lit("call"))
        .when(email).then(pl.lit("email"))
        .otherwise(pl.lit("store"))
    )  # fmt: skip
    return joined.select("customer_id", means=chosen)


def _opted_out(made: AnyFrame | None, *, on: date) -> pl.Series:
    """Members who asked, in any contact up to the day, not to be contacted again."""
    if made is None:
        return pl.Series("customer_id", [], dtype=pl.String)
    log = to_polars(made, needs=["customer_id", "at", "outcome"], name="contacts")
    return log.filter(pl.col("at").dt.date() <= on, pl.col("outcome") == OPTED_OUT)["customer_id"].unique()


def _contacts(made: AnyFrame | None, *, rules: ContactRules, on: date) -> pl.Series:
    """Members with whom the cap over all lists is reached."""
    if made is None:
        return pl.Series("customer_id", [], dtype=pl.String)
    log = to_polars(made, needs=["customer_id", "at", "purpose", "outcome"], name="contacts")
    since = on - timedelta(days=rules.overall.days - 1)
    counted = log.filter(
        pl.col("at").dt.date().is_between(since, on),
        pl.col("purpose").cast(pl.String) != "complaint",
        ~pl.col("outcome").is_in(NOT_MADE).fill_null(value=False),
    )
    many = counted.group_by("customer_id").len().filter(pl.col("len") >= rules.overall.most)
    return many["customer_id"]
