"""Why a group spends more or less, and which traits go with spend: described, not proven."""

from __future__ import annotations

import polars as pl

from crmlib.customers.groups.drivers import PARTS
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.customer_profile.groups import label

MAIN_PART = 0.5
"""A part that carries half of the difference is its main reason."""
MUCH, LITTLE = 0.25, 0.05
"""Explained variance: from 25 % on traits go with spend to a good part; below 5 % hardly."""


def decomposition(parts: pl.DataFrame, *, group: str, words: Words) -> Finding:
    """Say how much more (or less) the group spends per member, and whether by coming, by quantity or by price.

    Parameters
    ----------
    parts : as `scoring.drivers.decompose` gives it.
    """
    form = words.format
    spend = parts.filter(pl.col("part") == "spend").row(0, named=True)
    each = parts.filter(pl.col("part").is_in(PARTS))
    main = each.sort("share_of_difference", descending=True, nulls_last=True).row(0, named=True)
    alike = spend["ratio"] is None or 1 / 1.1 < spend["ratio"] < 1.1
    single = (main["share_of_difference"] or 0) >= MAIN_PART
    kind = "alike" if alike else f"{'more' if spend['ratio'] > 1 else 'less'}_{'one' if single else 'mixed'}"
    values = {
        "group": group,
        "ratio": form.number(spend["ratio"], digits=1),
        "part": words(f"customer_profile.part.{main['part']}"),
        "share": form.share(main["share_of_difference"], digits=0),
        "spend": form.money(spend["value_group"]),
        "rest": form.money(spend["value_rest"]),
        "trips": form.number(each["value_group"][0], digits=1),
        "trips_rest": form.number(each["value_rest"][0], digits=1),
    }
    shown = each.with_columns(
        told(each, "part", by=lambda p: words(f"customer_profile.part.{p}")).alias("name"),
        told(
            each, "ratio", by=lambda r: words("customer_profile.decompose.label", ratio=form.number(r, digits=2))
        ).alias("label"),
    )
    return Finding.worded(
        "customer_profile.decompose",
        kind,
        values,
        words=words,
        key="scoring.decompose",
        status="none",
        table=parts,
        view=views.readable(_decomposition_view(parts, words), words=words, names={"part": "customer_profile.part"}),
        chart=labelled.bars(
            shown.select(name="name", value="ratio", label="label"),
            words=words,
            title=words("customer_profile.decompose.axis"),
        ),
        do=words(f"customer_profile.decompose.do.{main['part']}"),
        row_key=("part",),
    )


def drivers(table: pl.DataFrame, *, words: Words) -> Finding:
    """Say which traits go with spend and to what part; described, not proven.

    Parameters
    ----------
    table : as `scoring.drivers.importance` gives it.
    """
    form = words.format
    total = float(table["explained"].sum())
    top = table.row(0, named=True)
    kind = "much" if total >= MUCH else "little" if total < LITTLE else "some"
    values = {
        "total": form.share(total),
        "trait": words.column(top["trait"]),
        "share": form.share(top["explained"]),
        "best": label(words, top["trait"], top["best"]) if top["best"] else "",
        "ratio": form.number(top["best_ratio"], digits=1),
    }
    named = table.with_columns(
        told(table, "trait", "best", by=lambda t, b: label(words, t, b) if b else None).alias("best"),
        told(table, "trait", by=words.column).alias("trait"),
    )
    shown = named.with_columns(told(table, "explained", by=form.share).alias("label"))
    return Finding.worded(
        "customer_profile.drivers",
        kind,
        values,
        words=words,
        key="scoring.drivers",
        status="none",
        table=table,
        view=views.readable(named, words=words),
        chart=labelled.bars(
            shown.select(name="trait", value="explained", label="label"),
            words=words,
            title=words("customer_profile.drivers.axis"),
            percent=True,
        ),
        row_key=("trait",),
    )


def _decomposition_view(parts: pl.DataFrame, words: Words) -> pl.DataFrame:
    """Values in their own units: visits, units, money."""
    form = words.format

    def shown(part: str, value: float) -> str:
        return form.money(value) if part in {"price", "spend"} else form.number(value, digits=1)

    return parts.with_columns(
        told(parts, "part", "value_group", by=shown).alias("value_group"),
        told(parts, "part", "value_rest", by=shown).alias("value_rest"),
    )
