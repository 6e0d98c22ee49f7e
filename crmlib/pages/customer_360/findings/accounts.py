"""Whose the customer is, which contact it allows, what it holds with us and still brings."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.customers.view360 import WAYS
from crmlib.kit import table as views
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words


def account(held: dict[str, Any], worth: dict[str, Any] | None, *, words: Words) -> Finding:
    """Owner, consent, points, stored value and the value of the coming year.

    held : `view360.account`, the owner by name; worth : p_alive and value [currency units] of the lifetime model.
    """
    form, ways = words.format, held["ways"]
    kind = "unknown" if ways is None else "open" if ways else "closed"
    join = words("scoring.join")
    allowed = join.join(words(f"customer_360.account.way.{w}") for w in WAYS if w in (ways or ()))
    year = None if worth is None else worth["value"] * MINOR_PER_UNIT[form.currency]
    values = {
        "owner": held["owner"] or words("churn.no_owner"),
        "ways": allowed or words("page.none"),
        "points": form.count(held["points"]),
        "stored": form.money(held["stored_minor"]),
        "year": form.money(year),
        "alive": form.share(None if worth is None else worth["p_alive"], digits=0),
    }
    rows = [
        (words(f"customer_360.account.row.{name}"), values[name])
        for name, there in (
            ("owner", True), ("ways", True), ("points", held["points"] is not None),
            ("stored", held["stored_minor"] is not None), ("year", year is not None), ("alive", year is not None),
        )
        if there
    ]  # fmt: skip
    table = pl.DataFrame(rows, schema={"trait": pl.String, "value": pl.String}, orient="row")
    status: Status = "warn" if kind == "closed" else "none"
    return Finding.worded(
        "customer_360.account", kind, values, words=words, key="one.account", status=status, table=table,
        view=views.readable(table, words=words), row_key=("trait",),
    )  # fmt: skip
