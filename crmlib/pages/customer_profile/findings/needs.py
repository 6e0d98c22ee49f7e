"""How many groups of members the data can tell apart by what they buy."""

from __future__ import annotations

import polars as pl

from crmlib.customers.groups.needs import STABLE, NeedSegments
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.pages.customer_profile.groups import need_names


def need_segments(found: NeedSegments, *, words: Words) -> Finding:
    """Say how many need segments the data can tell apart, and what the largest one buys."""
    form = words.format
    kind = "stable" if found.stable else "unstable"
    rand = found.stability.filter(pl.col("k") == found.k).row(0, named=True)
    names = need_names(found, words=words)
    first = found.sizes.row(0, named=True)
    values = {
        "k": form.count(found.k),
        "first": names[first["segment"]],
        "share": form.share(first["share_customers"]),
        "rand": form.number(rand["adjusted_rand"], digits=2),
        "least": form.number(STABLE, digits=1),
        "tried": f"{found.stability['k'][0]}–{found.stability['k'][-1]}",
    }
    shown = found.sizes.with_columns(
        told(found.sizes, "segment", by=lambda s: names[s]).alias("name"),
        told(
            found.sizes,
            "share_customers",
            "customers",
            by=lambda s, n: words("customer_profile.needs.label", share=form.share(s), customers=form.count(n)),
        ).alias("label"),
    )
    table = found.profile.join(
        found.sizes.select("segment", "customers"), on="segment", how="left", maintain_order="left"
    )
    return Finding.worded(
        "customer_profile.needs",
        kind,
        values,
        words=words,
        key="scoring.needs",
        status="ok" if found.stable else "warn",
        table=table,
        view=views.readable(table.with_columns(pl.col("segment").replace(names)), words=words),
        chart=labelled.bars(
            shown.select(name="name", value="share_customers", label="label"),
            words=words,
            title=words("scoring.chart.of_members"),
            percent=True,
        ),
        row_key=("segment", "category"),
    )
