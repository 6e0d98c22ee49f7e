"""Groups and their values in words: what a page calls a group, and how a reader may ask for one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from crmlib.customers.groups.needs import NeedSegments
from crmlib.customers.groups.traits import asked_for
from crmlib.kit.words import Words


@dataclass(frozen=True, slots=True)
class Asked:
    """A group asked for in words: the members with the trait in words, and its values as the column writes them."""

    table: pl.DataFrame
    values: str


def label(words: Words, trait: str, value: str) -> str:
    """A trait's value as a planner says it; words of the data stay as they are."""
    key = f"scoring.value.{trait}.{value}"
    return words.label(key) or value


def group_name(
    words: Words, column: str, values: str, *, needs: Mapping[str, str] | None = None, known: Collection[str] = ()
) -> str:
    """A group in words: tier A and B, female members, buyers of nuts; `known` : the values that there are."""
    asked = asked_for(values, known)
    names = words("scoring.join").join((needs or {}).get(v) or label(words, column, v) for v in asked)
    return words(
        f"customer_profile.group.{'tier' if column == 'tier' else 'other'}", names=names, trait=words.column(column)
    )


def to_choose(
    table: pl.DataFrame, traits: Sequence[str], *, words: Words, needs: Mapping[str, str]
) -> dict[str, tuple[tuple[str, str], ...]]:
    """The values of each trait that can be asked for, with what a reader calls them: the largest group first.

    Tiers come from the top, each also together with those above it.

    Parameters
    ----------
    needs : names of the groups of needs by number, as far as they are known.
    """
    found = {}
    for trait in traits:
        if trait == "need":
            found[trait] = tuple(needs.items()) or (("1", words("customer_profile.needs.first")),)
        elif trait in table.columns:
            sizes = (
                table[trait]
                .cast(pl.String)
                .drop_nulls()
                .value_counts(sort=True)
                .sort("count", trait, descending=[True, False])
            )
            values = sizes[trait].to_list()
            if trait == "tier":
                values = sorted(values)
                values = ["+".join(values[:n]) for n in range(2, len(values))] + values
            found[trait] = tuple(
                (v, words("scoring.join").join(label(words, trait, one) for one in asked_for(v, sizes[trait])))
                for v in values
            )
    return {trait: choices for trait, choices in found.items() if choices}


def need_names(found: NeedSegments, *, words: Words) -> dict[str, str]:
    """Number of a group of needs → its name."""
    return {s: _need_name(found, s, words) for s in found.sizes["segment"]}


def in_words(table: pl.DataFrame, column: str, values: str, *, words: Words, needs: Mapping[str, str]) -> Asked:
    """Members with the values of `column` in words, and `values` likewise: asked for as code, label or number.

    Parameters
    ----------
    table : members with their traits; values : joined by ``+``.
    needs : names of the groups of needs by number, where `column` is ``need``.
    """
    if column not in table.columns:
        return Asked(table, values)
    known = table[column].cast(pl.String).drop_nulls().unique().to_list()
    labels = {v: needs.get(v) or label(words, column, v) for v in known}
    asked = asked_for(values, [*known, *labels.values()])
    return Asked(
        table.with_columns(pl.col(column).cast(pl.String).replace(labels)), "+".join(labels.get(v, v) for v in asked)
    )


def _need_name(found: NeedSegments, segment: str, words: Words) -> str:
    """A segment by the category it buys far more of than others, with its weight: "mostly pastry"."""
    rows = found.profile.filter(pl.col("segment") == segment)
    heavy = rows.filter(pl.col("share") >= 0.15).sort("lift", "category", descending=[True, False])
    pick = (heavy if heavy.height else rows.sort("share", descending=True)).row(0, named=True)
    return words(
        "customer_profile.needs.name",
        number=segment,
        category=pick["category"],
        share=words.format.share(pick["share"], digits=0),
    )
