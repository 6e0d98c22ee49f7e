"""What a bundle must bring: baskets to turn, profit at each uptake, which to try."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.baskets import break_even
from crmlib.baskets.pairs import Pairs
from crmlib.core.money import minor_per_unit
from crmlib.kit.charts.labelled import bars
from crmlib.kit.finding import ActionList, Answer, Figure, Finding
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.pages.bundles.findings.wording import pair_of

MOST_BARS = 8
EASY = 0.1
"""A bundle that pays if so many single baskets turn is worth a trial."""


def answer(worth: pl.DataFrame, tested: Pairs, *, names: Mapping[str, str], rate: int, words: Words) -> Answer:
    """Name the bundle that pays most easily, or say that none does.

    Parameters
    ----------
    worth : pairs that go together with what a bundle of each must bring (`Study.worth`).
    tested : all pairs tested.
    rate : discount on the bundle [basis points].
    """
    form = words.format
    now = worth.filter("in_season")
    kind = _kind(worth) if tested.table.height else "untested"
    first = now.row(0, named=True) if now.height else {}
    sentence = words(
        f"bundles.answer.{kind}",
        count=form.count(now.filter("pays_at_ten").height),
        pair=pair_of(first, names, words) if first else "",
        share=form.share(first.get("share")),
        rate=form.share(rate / 10_000, digits=0),
        pairs=form.count(worth.height),
        together=form.count(tested.together().height),
    )
    easy = now.filter("pays_at_ten").height
    figures = (
        Figure(words("bundles.figure.pays"), form.count(easy), key="pays", amount=easy),
        Figure(words("bundles.figure.together"), form.count(tested.together().height), key="together",
               amount=tested.together().height),
        Figure(words("bundles.figure.tested"), form.count(tested.table.height), key="tested"),
        Figure(words("bundles.figure.baskets"), form.count(tested.baskets), key="baskets"),
    )  # fmt: skip
    return Answer(sentence, figures)


def no_answer(*, words: Words) -> Answer:
    """Say that there are too few baskets."""
    return Answer(words("bundles.answer.thin"))


def pays(worth: pl.DataFrame, *, names: Mapping[str, str], rate: int, words: Words) -> Finding:
    """Draw the share of single baskets that must turn, the easiest first."""
    form = words.format
    known = worth.filter("in_season").drop_nulls("share")
    easy = known.filter("pays_at_ten").height
    kind = _kind(worth)
    shown = known.head(MOST_BARS)
    drawn = pl.DataFrame(
        {
            "name": [pair_of(row, names, words) for row in shown.iter_rows(named=True)],
            "value": shown["share"],
            "label": [form.share(s) for s in shown["share"]],
        },
        schema_overrides={"name": pl.String, "label": pl.String},
    )
    table = _table(worth, names, words)
    values = {
        "easy": form.count(easy),
        "pairs": form.count(worth.height),
        "rate": form.share(rate / 10_000, digits=0),
        "least": form.share(known["share"][0]) if known.height else words("page.none"),
        "limit": form.share(EASY, digits=0),
    }
    return Finding.worded(
        "bundles.pay",
        kind,
        values,
        words=words,
        status="fail" if kind == "below" else "ok" if kind == "pays" else "none",
        table=table,
        view=readable(table, words=words),
        chart=bars(drawn, words=words, title=words("bundles.axis"), percent=True) if known.height else None,
        row_key=("bundle",),
    )


def uptake(worth: pl.DataFrame, *, names: Mapping[str, str], words: Words) -> Finding:
    """Show what the easiest bundle brings at each uptake: a grid, no forecast."""
    form = words.format
    known = worth.filter("in_season").drop_nulls("share")
    if known.is_empty():
        why = "out" if _kind(worth) == "out" else "none"
        return Finding.worded("bundles.uptake", why, {}, words=words, status="none", table=pl.DataFrame())
    row = known.row(0, named=True)
    grid = break_even.uptake({k: int(row[k]) for k in ("both", "single", "discount_minor", "margin_minor")})
    earns = grid.filter(pl.col("profit_minor") > 0)
    kind = "some" if earns.height else "never"
    drawn = pl.DataFrame(
        {
            "name": [form.share(bp / 10_000, digits=0) for bp in grid["uptake_bp"]],
            "value": grid["profit_minor"] / minor_per_unit(form.currency),
            "label": [form.money(m) for m in grid["profit_minor"]],
        }
    )
    values = {
        "pair": pair_of(row, names, words),
        "from": form.share(earns["uptake_bp"][0] / 10_000, digits=0) if earns.height else "",
        "both": form.count(row["both"]),
        "given": form.money(row["both"] * row["discount_minor"]),
    }
    table = grid.select(uptake_bp="uptake_bp", baskets_turned="turned", bundle_profit_minor="profit_minor")
    return Finding.worded(
        "bundles.uptake",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=readable(table, words=words),
        chart=bars(drawn, words=words, title=words("bundles.profit_axis")),
        row_key=("uptake_bp",),
    )


def tries(
    worth: pl.DataFrame, stocked: pl.DataFrame | None, *, names: Mapping[str, str], most: int, words: Words
) -> ActionList:
    """List the bundles to try, with price, discount, baskets to turn and sets in stock.

    Parameters
    ----------
    stocked : units of each good; none where stock is not connected.
    """
    form = words.format
    easy = worth.filter("pays_at_ten", "in_season")
    rows = easy.head(most)
    units = dict(stocked.iter_rows()) if stocked is not None else {}
    sets = [min(units.get(a, 0), units.get(b, 0)) for a, b in rows.select("left", "right").iter_rows()]
    known = pl.Series("sets_in_stock", sets if stocked is not None else [None] * rows.height, dtype=pl.Int64)
    table = _table(rows, names, words).select(
        "bundle", "set_price_minor", "discount_minor", "baskets_to_turn", "baskets_single", "stores"
    )
    table = table.with_columns(known)
    kind = "none" if rows.is_empty() else "some" if easy.height > rows.height else "all"
    return ActionList(
        headline=words(f"bundles.try.headline.{kind}", shown=form.count(rows.height), total=form.count(easy.height)),
        table=table,
        view=readable(table, words=words),
        note=words(f"bundles.try.note.{'stock' if stocked is not None else 'no_stock'}"),
        key="bundles.try",
        row_key=("bundle",),
    )


def _kind(worth: pl.DataFrame) -> str:
    """What can be said of the pairs: some pay, all are hard, all below cost, all out of season, or there is none."""
    now = worth.filter("in_season")
    if now.is_empty():
        return "out" if worth.height else "none"
    if now["share"].drop_nulls().is_empty():
        return "below"
    return "pays" if now["pays_at_ten"].any() else "hard"


def _table(worth: pl.DataFrame, names: Mapping[str, str], words: Words) -> pl.DataFrame:
    bundles = pl.Series([pair_of(row, names, words) for row in worth.iter_rows(named=True)], dtype=pl.String)
    return worth.select(
        bundle=bundles,
        set_price_minor=pl.col("price_minor") - pl.col("discount_minor"),
        discount_minor="discount_minor",
        added_margin_minor="margin_minor",
        baskets_both="both",
        baskets_single="single",
        baskets_to_turn=pl.col("needed").ceil().cast(pl.Int64),
        share_to_turn="share",
        stores="stores",
        in_season="in_season",
    )
