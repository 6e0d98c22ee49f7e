"""What is unusual about a group of members, beside all others."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmlib.customers.groups.drivers import PARTS
from crmlib.kit import table as views
from crmlib.kit.charts import intervals
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.customer_profile.groups import label

SHOWN = 10
"""Cells in the picture; the table has all."""


def answer(table: pl.DataFrame, parts: pl.DataFrame, *, group: str, size: int, members: int, words: Words) -> Answer:
    """The group in one sentence: how big it is, what sets it apart, why it spends what it spends.

    Parameters
    ----------
    table : the profile; parts : the decomposition of spend; group : its name; size, members : people in it, in all.
    """
    form = words.format
    top = _strongest(table)
    spend = parts.filter(pl.col("part") == "spend").row(0, named=True)
    main = parts.filter(pl.col("part").is_in(PARTS)).sort(
        pl.col("share_of_difference"), descending=True, nulls_last=True
    )
    reason = words(f"customer_profile.part.{main['part'][0]}")
    values = {
        "group": group,
        "size": form.count(size),
        "ratio": form.number(spend["ratio"], digits=1),
        "reason": reason,
        "trait": words.column(top["trait"]) if top else "",
        "value": label(words, top["trait"], top["value"]) if top else "",
        "times": form.number(top["ratio_to_rest"], digits=1) if top else "",
    }
    kind = "trait" if top else "plain"
    return Answer(
        sentence=words(f"customer_profile.profile.answer.{kind}", **values),
        figures=(
            Figure(
                label=words("customer_profile.figure.group_size"),
                value=words("scoring.persons", count=form.count(size)),
                comparison=words(
                    "customer_profile.figure.group_share", share=form.share(size / members if members else None)
                ),
                key="group_size",
                amount=float(size),
            ),
            Figure(
                label=words("customer_profile.figure.group_spend"),
                value=form.money(spend["value_group"]),
                comparison=words("customer_profile.figure.group_rest", money=form.money(spend["value_rest"])),
                key="group_spend",
                amount=float(spend["value_group"]),
                money=True,
            ),
            Figure(
                label=words("customer_profile.figure.unusual"),
                value=form.count(int(table["unusual"].sum())),
                comparison=words("customer_profile.figure.unusual_of", cells=form.count(table.height)),
                key="unusual",
                amount=float(table["unusual"].sum()),
            ),
        ),
    )


def profile(
    table: pl.DataFrame, *, group: str, words: Words, prices: tuple[float | None, float | None] = (None, None)
) -> Finding:
    """Say what sets the group apart from the rest, or that nothing does.

    Parameters
    ----------
    table : as `scoring.profile.profile` gives it; group : its name.
    prices : paid by the group and by the rest, beside the usual price of the same categories [ratio].
    """
    form = words.format
    hidden = table.height > 0 and bool(table["suppressed"].all())
    everybody = not hidden and table["ratio_to_rest"].null_count() == table.height
    top = _strongest(table)
    kind = "hidden" if hidden else "everybody" if everybody else "unusual" if top else "alike"
    values = {
        "group": group,
        "trait": words.column(top["trait"]) if top else "",
        "value": label(words, top["trait"], top["value"]) if top else "",
        "times": form.number(top["ratio_to_rest"], digits=1) if top else "",
        "share": form.share(top["share_group"]) if top else "",
        "unusual": form.count(int(table["unusual"].sum())),
        "cells": form.count(table.height),
        "hidden": form.count(int(table["suppressed"].sum())),
    }
    shown = _picture(table, words)
    view = table.drop("p_value", "unusual", "suppressed").with_columns(
        value=told(table, "trait", "value", by=lambda t, v: label(words, t, v)),
        trait=told(table, "trait", by=words.column),
    )
    interval = {"low": "index_low", "high": "index_high"}
    return Finding.worded(
        "customer_profile.profile",
        kind,
        values,
        words=words,
        key="scoring.profile",
        status="none",
        table=table.rename(interval),
        view=views.readable(view.rename(interval), words=words),
        chart=intervals.intervals(
            shown.select(
                name="name",
                value="ratio_to_rest",
                low="low",
                high="high",
                label="label",
                tone=toned(~pl.col("unusual")),
            ),
            words=words,
            title=words("customer_profile.profile.axis"),
            log=True,
        )
        if shown.height
        else None,
        seen=words("scoring.sentences").join(
            [words("customer_profile.profile.seen", **values), *_prices(prices, words)]
        ),
        row_key=("trait", "value"),
    )


def _prices(prices: tuple[float | None, float | None], words: Words) -> list[str]:
    """What the group pays beside the rest; nothing where either is not known."""
    own, rest = prices
    if own is None or rest is None:
        return []
    share = words.format.share
    return [words("customer_profile.profile.prices", own=share(own, digits=0), rest=share(rest, digits=0))]


def _strongest(table: pl.DataFrame) -> dict[str, Any] | None:
    """The unusual cell with the highest ratio above one that a fifth of the group shares, else the highest at all."""
    above = table.filter(pl.col("unusual"), pl.col("ratio_to_rest") > 1)
    common = above.filter(pl.col("share_group") >= 0.2)
    pick = (common if common.height else above).sort("ratio_to_rest", "trait", descending=[True, False])
    return pick.row(0, named=True) if pick.height else None


def _picture(table: pl.DataFrame, words: Words) -> pl.DataFrame:
    form = words.format
    known = table.filter(pl.col("ratio_to_rest").is_not_null(), pl.col("ratio_to_rest") > 0, pl.col("low") > 0)
    # the interval of the index carries over to the ratio in proportion
    picked = (
        known.with_columns(far=pl.col("ratio_to_rest").log().abs(), scale=pl.col("ratio_to_rest") / pl.col("index"))
        .sort("unusual", "far", descending=True)
        .head(SHOWN)
        .sort("ratio_to_rest", descending=True)
    )
    return picked.with_columns(
        low=pl.col("low") * pl.col("scale"),
        high=pl.col("high") * pl.col("scale"),
        name=told(
            picked,
            "trait",
            "value",
            by=lambda t, v: words("scoring.trait_value", trait=words.column(t), value=label(words, t, v)),
        ),
        label=told(
            picked,
            "share_group",
            "share_all",
            by=lambda g, a: words("customer_profile.profile.label", group=form.share(g), all=form.share(a)),
        ),
    )
