"""One person, one customer: double cards, cards that are no persons, and fields nobody filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import polars as pl

from crmlib.customers.members.cards import Cards
from crmlib.customers.members.identity import Proposals
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.data_health.findings.check import check

DOUBLE_WARN = 0.02
"""From 2 % of cards in likely pairs on, numbers of members are visibly too high."""
APART_WARN = 0.05
"""From 5 % of card sales on cards that are no persons, member figures need them set apart."""
GAP_WARN = 0.05
"""A field missing in more than 5 % of the rows is a hole."""


def doubles(
    found: Proposals,
    *,
    words: Words,
    pseudonyms: tuple[pl.Series, pl.Series],
    decided: Mapping[str, int] = MappingProxyType({}),
) -> Finding:
    """Say how many cards may belong to one person, and list the pairs with their reason, without names.

    Parameters
    ----------
    found : candidate merges; pseudonyms : of keep_id and merge_id, in the order of its pairs.
    decided : how many pairs were accepted, rejected or taken back.
    """
    form = words.format
    share = found.in_pairs / found.cards if found.cards else 0.0
    kind = "none" if not found.pairs.height else "many" if share >= DOUBLE_WARN else "few"
    values = {
        "pairs": form.count(found.pairs.height),
        "sure": form.count(found.sure),
        "share": form.share(share),
        "cards": form.count(found.cards),
        "shared": form.count(found.shared_values),
        **{state: form.count(decided.get(state, 0)) for state in ("accepted", "rejected", "undone")},
    }
    table = found.pairs.with_columns(keep_id=pseudonyms[0], merge_id=pseudonyms[1])
    view = table.with_columns(_in_words(table, column, words) for column in ("reason", "against"))
    status: Status = "warn" if kind == "many" else "ok"
    made = check("doubles", kind, status, table, values, words=words, view=view, row_key=("keep_id", "merge_id"))
    more = words("data_health.doubles.decided", **values) if any(decided.values()) else ""
    return replace(made, note_seen=made.note_seen + more)


def left(pairs: pl.DataFrame, made: Finding, *, words: Words) -> dict[str, object]:
    """What the page leaves for whoever may merge: the pairs by number and code, each with its reason in words."""
    codes = made.table.select(keep="keep_id", merge="merge_id")
    why = zip(_in_words(pairs, "reason", words), pairs["probability"], strict=True)
    said = pl.Series("told", [f"{reason} ({words.format.share(sure)})" for reason, sure in why], dtype=pl.String)
    return {"rows": pl.concat([pairs, codes, said.to_frame()], how="horizontal").to_dicts()}


def _in_words(table: pl.DataFrame, column: str, words: Words) -> pl.Series:
    """Names of fields joined by ``+``, in words."""
    names = {field: words(f"data_health.field.{field}") for field in ("phone", "email", "name", "birthday")}
    said = [
        words("scoring.join").join(names[f] for f in text.split("+") if f in names) if text else None
        for text in table[column]
    ]
    return pl.Series(column, said, dtype=pl.String)


def no_persons(cards: Cards, *, words: Words, birthdays: pl.DataFrame | None = None) -> Finding:
    """Say which cards are no persons and how much is sold on them; placeholder birthdays beside them.

    Parameters
    ----------
    cards : sorted cards; birthdays : `scoring.cards.birthday_doubts`.
    """
    form = words.format
    share = float(cards.summary["share_net"].fill_null(0).sum())
    count = int(cards.summary["cards"].sum())
    kind = "none" if not count else "much" if share >= APART_WARN else "little"
    first = (
        birthdays.filter(pl.col("doubt") == "first_of_january").row(0, named=True) if birthdays is not None else None
    )
    doubtful = bool(first and first["share"] and first["share"] > 3 * first["expected"])
    values = {
        "cards": form.count(count),
        "share": form.share(share),
        "january": form.share(first["share"] if first else None),
    }
    shown = cards.summary.filter(pl.col("cards") > 0).sort("net_minor", "reason", descending=[True, False])
    shown = shown.with_columns(
        told(shown, "reason", by=lambda r: words(f"data_health.reason.{r}")).alias("name"),
        told(
            shown,
            "share_net",
            "cards",
            by=lambda s, n: words("data_health.apart.label", share=form.share(s), cards=form.count(n)),
        ).alias("label"),
    )
    return check(
        "apart",
        kind,
        "warn" if kind == "much" or doubtful else "ok",
        cards.summary,
        values,
        words=words,
        view=cards.summary,
        named={"reason": "data_health.reason"},
        chart=labelled.bars(
            shown.select(name="name", value="share_net", label="label"),
            words=words,
            title=words("data_health.apart.axis"),
            percent=True,
        )
        if shown.height
        else None,
        seen="seen_birthdays" if doubtful else "seen",
        row_key=("reason",),
    )


def gaps(table: pl.DataFrame, *, words: Words) -> Finding:
    """Say which fields that reports lean on are missing most."""
    form = words.format
    absent, mapped = table.filter(pl.col("share") == 1), table.filter(pl.col("share") < 1)
    holes = mapped.filter(pl.col("share") > GAP_WARN)
    kind = "holes" if holes.height else "absent" if absent.height else "filled"
    name, field, share = mapped.select("table", "field", "share").row(0) if mapped.height else ("", "", None)
    values = {
        "field": words.column(field),
        "table": _source(words, name),
        "share": form.share(share),
        "holes": form.count(holes.height),
        "fields": form.count(table.height),
        "absent": words("page.join").join(words.column(f) for f in absent["field"]),
        "unmapped": form.count(absent.height),
    }
    view = table.with_columns(
        table=told(table, "table", by=lambda t: _source(words, t)),
        field=told(table, "field", by=words.column),
    )
    status: Status = {"holes": "warn", "absent": "none", "filled": "ok"}[kind]  # type: ignore[assignment]
    view_holes = view.filter(pl.col("missing") > 0).head(8)
    shown = view_holes.with_columns(
        name=told(view_holes, "table", "field", by=lambda t, f: words("scoring.trait_value", trait=t, value=f)),
        label=told(view_holes, "share", by=form.share),
    )
    return check(
        "gaps",
        kind,
        status,
        table,
        values,
        words=words,
        view=view,
        seen="seen_absent" if kind == "absent" else "seen",
        chart=labelled.bars(
            shown.select(name="name", value="share", label="label"),
            words=words,
            title=words("data_health.gaps.axis"),
            percent=True,
        )
        if shown.height
        else None,
        row_key=("table", "field"),
    )


def _source(words: Words, table: str) -> str:
    return words(f"page.source.{table}") if words.has(f"page.source.{table}") else table
