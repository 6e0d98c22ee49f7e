"""Small wordings that all promotion findings share."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.kit.words import Words


def units(milli: float | None, words: Words) -> str:
    """Thousandths of a unit as whole units with their word."""
    return words("promotion.units", count=words.format.number(None if milli is None else milli / 1000))


def named(event: dict[str, Any], words: Words) -> str:
    """Name of a promotion, or its mechanic and category where it has none."""
    return str(event.get("name") or words("promotion.unnamed", mechanic=mechanic(event, words)))


def mechanic(event: dict[str, Any], words: Words) -> str:
    """Mechanic and depth in words."""
    kind = str(event.get("mechanic") or "other")
    key = f"promotion.mechanic.{kind}"
    word = words.label(key) or kind
    depth = event.get("depth_bp")
    return words("promotion.mechanic_depth", mechanic=word, off=depth_text(int(depth), words)) if depth else word


def depth_text(depth_bp: int, words: Words) -> str:
    """A discount as the language says it: the part paid in Chinese, the part saved in English."""
    paid = (10_000 - depth_bp) / 1000
    return words(
        "promotion.depth",
        paid=f"{paid:.1f}".rstrip("0").rstrip("."),
        off=words.format.share(depth_bp / 10_000, digits=0),
    )


def against_budget(spent: int | None, budget: int | None, words: Words) -> str:
    """What was spent against the budget."""
    if spent is None or not budget:
        return words("promotion.no_budget")
    return words(
        "promotion.of_budget", share=words.format.share(spent / budget, digits=0), budget=words.format.money(budget)
    )


def in_words(table: pl.DataFrame, words: Words, columns: dict[str, str]) -> pl.DataFrame:
    """Codes replaced by their words under `<prefix>.<code>`, a depth by what the customer saves or pays.

    A lift is called by a name of its own: the column `lift` of other questions is a ratio.
    """
    said = {
        c: pl.Series([None if v is None else words(f"{p}.{v}") for v in table[c]], dtype=pl.String)
        for c, p in columns.items()
    }
    if "depth_bp" in table.columns:
        deep = [depth_text(d, words) if d else words("promotion.no_depth") for d in table["depth_bp"].fill_null(0)]
        said["depth_bp"] = pl.Series(deep, dtype=pl.String)
    names = {"depth_bp": "depth", "lift": "extra_share"}
    return table.with_columns(**said).rename({k: v for k, v in names.items() if k in table.columns})
