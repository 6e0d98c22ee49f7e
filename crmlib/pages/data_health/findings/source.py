"""What the source took back, dates far behind and prices that never change, master data that come late."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.data.lake.masters import Unknown
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.data_health.findings.check import check

MUCH, SOME = 0.05, 0.01
"""From 5 % of sales on ids that nobody knows on, pages by region, category or member are wrong; 1 % is to be mended."""
LONG = 7
"""Master data that come within a week are late, not lost."""
SHOWN = 50
GONE: dict[str, Status] = {"file": "fail", "day": "fail", "rows": "warn", "things": "warn", "none": "ok"}
ODD: dict[str, Status] = {"price": "fail", "behind": "warn", "fine": "ok"}
KNOWN: dict[str, Status] = {"many": "fail", "some": "warn", "few": "ok", "all": "ok", "absent": "none"}


def gone(rows: pl.DataFrame, *, withdrawn: int, words: Words, names: Mapping[str, str] | None = None) -> Finding:
    """Say what the lake holds and the source no longer has: files first, then whole days of stores, then rows.

    Parameters
    ----------
    rows : table, kind, file, day, store_id, rows, net_minor, left. withdrawn : lines that corrected receipts no longer
    have. names : of stores.
    """
    form, titles = words.format, names or {}
    files, sales = rows.filter(pl.col("kind") == "file"), rows.filter(pl.col("table") == "receipt_lines")
    days = sales.filter(pl.col("left") == 0)
    kind = (
        "file" if files.height else "day" if days.height else "rows" if sales.height else "things" if rows.height else
        "none"
    )  # fmt: skip
    meant = {"file": files, "day": days, "rows": sales}.get(kind, rows)
    first = next(meant.sort("rows", descending=True).iter_rows(named=True), None)
    store = first["store_id"] if first else None
    values = {
        "files": form.count(files["file"].n_unique()),
        "file": first["file"] if first else "",
        "days": form.count(days.height),
        "rows": form.count(int(meant["rows"].sum())),
        "money": form.money(int(meant["net_minor"].sum())),
        "store": titles.get(store, store) if store else words("data_health.volume.nowhere"),
        "day": form.day(first["day"]) if first and first["day"] else "",
        "first": form.day(meant["day"].min()) if meant["day"].null_count() < meant.height else "",  # type: ignore[arg-type]
        "last": form.day(meant["day"].max()) if meant["day"].null_count() < meant.height else "",  # type: ignore[arg-type]
        "table": _source(words, first["table"]) if first else "",
        "withdrawn": form.count(withdrawn),
    }
    stores = [titles.get(s, s) if s else "" for s in rows["store_id"].to_list()]
    table = rows.with_columns(store=pl.Series(stores, dtype=pl.String)).select(
        "table", "file", "day", "store", "rows", "net_minor", "left"
    )
    view = table.head(SHOWN).with_columns(table=told(table.head(SHOWN), "table", by=lambda t: _source(words, t)))
    seen = "seen.none" if kind == "none" else "seen.some"
    return check("gone", kind, GONE[kind], table, values, words=words, view=view, seen=seen, role="check")


def odd(behind: pl.DataFrame, price: int | None, *, words: Words) -> Finding:
    """Say whether dates lie far before the sales, and whether all goods have one price.

    Parameters
    ----------
    behind : day, lines. price : the one price of a piece of all goods [minor units]; none where prices differ.
    """
    form = words.format
    kind = "price" if price is not None else "behind" if behind.height else "fine"
    values = {
        "price": form.money(price),
        "lines": form.count(int(behind["lines"].sum())),
        "day": form.day(behind["day"][0]) if behind.height else "",
    }
    return check("odd", kind, ODD[kind], behind, values, words=words, row_key=("day",), role="check")


def known(found: Unknown, *, words: Words, pseudonyms: pl.Series) -> Finding:
    """Say which stores, goods or members are sold on and stand in no table of theirs, and for how long.

    Parameters
    ----------
    pseudonyms : of the ids of `found.rows`; members are shown by theirs.
    """
    form, worst = words.format, found.worst
    share, mine = found.shares.get(worst, 0.0), found.rows.filter(pl.col("kind") == worst)
    longest = max(mine["days"].to_list(), default=0)
    kind = (
        "absent" if not found.shares else "all" if not mine.height else "many" if share >= MUCH else
        "some" if share >= SOME or longest >= LONG else "few"
    )  # fmt: skip
    ids = pl.when(pl.col("kind") == "customers").then(pl.Series(pseudonyms)).otherwise("id").alias("id")
    table = found.rows.with_columns(ids)
    shown = table.filter(pl.col("kind") == worst).head(1)["id"].to_list()
    values = {
        "kind": _source(words, worst) if worst else "",
        "count": form.count(mine.height),
        "share": form.share(share, digits=1),
        "days": form.count(longest),
        "id": shown[0] if shown else "",
        "tables": words("page.join").join(_source(words, k) for k in found.shares),
    }
    table = table.rename({"kind": "table"})
    view = table.head(SHOWN).with_columns(table=told(table.head(SHOWN), "table", by=lambda t: _source(words, t)))
    return check(
        "known", kind, KNOWN[kind], table, values, words=words, view=view, seen=f"seen.{_seen(kind)}",
        row_key=("table", "id"), role="check",
    )  # fmt: skip


def _seen(kind: str) -> str:
    return kind if kind in {"absent", "all"} else "some"


def _source(words: Words, table: str) -> str:
    return words(f"page.source.{table}") if words.has(f"page.source.{table}") else table
