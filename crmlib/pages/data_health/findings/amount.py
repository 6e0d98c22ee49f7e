"""Whether as much came in as usual: stores, months, and days that have not come yet."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.data.lake.volume import Volume
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.data_health.findings.check import check

WIDE = 0.1
"""From a tenth of the store-days on it is a feed that fails, not a shop that was shut."""
STATUS: dict[str, Status] = {
    "month": "fail", "wide": "fail", "unpaid": "fail", "stray": "warn", "stores": "warn", "even": "ok", "thin": "none"
}  # fmt: skip


def volume(found: Volume, stray: pl.DataFrame, *, words: Words, names: Mapping[str, str] | None = None) -> Finding:
    """Say where sales are missing, whole months first.

    Parameters
    ----------
    found : `crmlib.data.lake.volume`. stray : days ahead of the sales: day, lines. names : of stores.
    """
    form = words.format
    kind = _kind(found, stray)
    worst = next(found.stores.iter_rows(named=True), None)
    titles = names or {}
    stores = [titles.get(s) or s or words("data_health.volume.nowhere") for s in found.stores["store_id"].to_list()]
    values = {
        "months": form.count(found.months.height),
        "month": form.month(found.months["month"][-1]) if found.months.height else "",
        "days": form.count(found.bad_days),
        "share": form.share(found.bad_days / found.store_days if found.store_days else None),
        "of": form.count(found.store_days),
        "stores": form.count(found.stores.height),
        "store": stores[0] if stores else "",
        "first": form.day(worst["first_day"]) if worst else "",
        "last": form.day(worst["last_day"]) if worst else "",
        "unpaid": form.count(int(found.stores["unpaid_days"].sum())),
        "stray": form.day(stray["day"][-1]) if stray.height else "",
        "lines": form.count(int(stray["lines"].sum())),
    }
    table = found.stores.with_columns(store=pl.Series(stores, dtype=pl.String)).drop("store_id")
    return check(
        "volume",
        kind,
        STATUS[kind],
        table.select("store", pl.exclude("store")),
        values,
        words=words,
        seen=f"seen.{kind}" if words.has(f"data_health.volume.seen.{kind}") else "seen.usual",
        row_key=("store",),
    )


def _kind(found: Volume, stray: pl.DataFrame) -> str:
    """Whole months first, then feeds, money, dates to come, single stores; too thin to tell is said as that."""
    if found.months.height:
        return "month"
    if found.store_days and found.bad_days >= WIDE * found.store_days:
        return "wide"
    if int(found.stores["unpaid_days"].sum()):
        return "unpaid"
    if stray.height:
        return "stray"
    return "stores" if found.stores.height else "even" if found.store_days else "thin"
