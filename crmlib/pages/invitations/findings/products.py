"""With what to invite: the goods, whether the choice beats simple ones, goods that are new."""

from __future__ import annotations

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.outreach.invite import Beaten
from crmlib.outreach.new_to_them import Slot

SHOWN = 10


def goods(listed: pl.DataFrame, named: pl.DataFrame, earned: pl.DataFrame | None, *, words: Words) -> Finding:
    """The goods by how many are invited with each first.

    Parameters
    ----------
    earned : product_id, margin_minor of one purchase; none where no cost is known.
    """
    form = words.format
    by = listed.group_by(product_id="product_1").agg(
        members=pl.len().cast(pl.Int64), p_buy=pl.col("p").mean(), buyers=pl.col("p").sum()
    )
    by = by.join(named, on="product_id", how="left")
    money = pl.DataFrame(schema={"product_id": pl.String, "margin_minor": pl.Int64}) if earned is None else earned
    by = by.join(money, on="product_id", how="left").sort("members", "product_id", descending=[True, False])
    table = by.select(
        goods=pl.coalesce("goods", "product_id"), members="members", p_buy="p_buy", margin_each_minor="margin_minor",
        margin_expected_minor=(pl.col("buyers") * pl.col("margin_minor")).round().cast(pl.Int64),
    )  # fmt: skip
    top = table.head(SHOWN)
    kind = "none" if table.is_empty() else "one" if table.height == 1 else "many"
    values = {
        "count": form.count(table.height), "first": top["goods"][0] if top.height else "",
        "members": form.count(top["members"][0] if top.height else 0),
        "share": form.share(top["members"][0] / listed.height if top.height else None),
        "p": form.share(top["p_buy"][0] if top.height else None),
    }  # fmt: skip
    bars = top.select(
        pl.col("goods").alias("name"), pl.col("members").cast(pl.Float64).alias("value"),
        pl.Series("label", [form.count(n) for n in top["members"]], dtype=pl.String),
    )  # fmt: skip
    return Finding.worded(
        "invitations.goods", kind, values, words=words, status="none", table=table,
        sure=words(f"invitations.goods.sure.{'margin' if earned is not None else 'chance'}"),
        view=views.readable(table.head(3 * SHOWN), words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("invitations.axis.members")) if table.height else None,
        row_key=("goods",),
    )  # fmt: skip


def beaten(found: Beaten, *, words: Words, drawn: int | None = None) -> Finding:
    """The share of each member's last basket that was told: green where neither simple list does better."""
    form = words.format
    kind = "beats" if found.beats else "level" if found.wins else "loses"
    better = max(found.popular, found.personal)
    rival = "popular" if found.popular >= found.personal else "personal"
    values = {
        "own": form.share(found.own), "popular": form.share(found.popular), "personal": form.share(found.personal),
        "better": form.share(better), "rival": words(f"invitations.rival.{rival}"),
        "members": form.count(found.members),
        "low": form.number(100 * found.low, digits=1), "high": form.number(100 * found.high, digits=1),
    }  # fmt: skip
    shares = [("own", found.own), ("personal", found.personal), ("popular", found.popular)]
    table = pl.DataFrame(
        {"goods_order": [words(f"invitations.rival.{k}") for k, _ in shares], "share_told": [s for _, s in shares]}
    )
    bars = table.select(
        pl.col("goods_order").alias("name"), pl.col("share_told").alias("value"),
        pl.Series("label", [form.share(s) for _, s in shares], dtype=pl.String),
        toned(pl.Series([k != "own" for k, _ in shares]), "quiet").alias("tone"),
    )  # fmt: skip
    return Finding.worded(
        "invitations.beaten", kind, values, words=words, role="check", status="warn" if kind == "loses" else "ok",
        sure=words("invitations.beaten.sure", **values) + _drawn(drawn, words),
        table=table, view=views.readable(table, words=words),
        chart=labelled.bars(bars, words=words, title=words("invitations.axis.told"), percent=True),
        row_key=("goods_order",),
    )  # fmt: skip


def new(slot: Slot, *, words: Words, drawn: int | None = None) -> Finding:
    """Whether goods that are new to a member may be suggested: only where they beat popularity beyond chance."""
    form = words.format
    kind = "shown" if slot.shown else "not_shown"
    values = {
        "own": form.share(slot.recall), "popular": form.share(slot.popular),
        "low": form.number(100 * slot.low, digits=1),
        "high": form.number(100 * slot.high, digits=1),
    }  # fmt: skip
    table = pl.DataFrame({
        "goods_order": [words("invitations.rival.cosine"), words("invitations.rival.popular")],
        "share_told": [slot.recall, slot.popular],
    })  # fmt: skip
    return Finding.worded(
        "invitations.new", kind, values, words=words, status="none", table=table, role="check",
        sure=words("invitations.new.sure") + _drawn(drawn, words),
        view=views.readable(table, words=words), row_key=("goods_order",),
    )  # fmt: skip


def _drawn(count: int | None, words: Words) -> str:
    """On how many members it was tried, where these were drawn."""
    return "" if count is None else words("invitations.tried", count=words.format.count(count))
