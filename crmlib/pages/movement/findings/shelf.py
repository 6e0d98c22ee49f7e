"""Which groups the same members buy, and where newcomers go on."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.kit.charts.labelled import bars
from crmlib.kit.finding import Finding
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.movement.cross_shop import CrossShop
from crmlib.movement.path import NOT_BACK

STRONG = 1.2
"""A pair is named if as many times the expected members buy both."""
FEWEST = 30
"""A pair or a step of fewer members is not named."""
HALF = 0.5
MOST_BARS = 8


def crossed(found: CrossShop, *, names: Mapping[str, str], words: Words) -> Finding:
    """Say how many members buy in one group only, and which pair is bought together more than expected.

    Parameters
    ----------
    found : members by exactly the groups they buy in, and pairs against what is expected.
    """
    form = words.format
    regions = found.regions.with_columns(count=pl.col("sets").list.len())
    buyers = int(regions.filter(pl.col("count") > 0)["members"].sum())
    one = int(regions.filter(pl.col("count") == 1)["members"].sum())
    pairs = found.pairs.filter(pl.col("members") >= FEWEST, pl.col("ratio") >= STRONG).sort("ratio", descending=True)
    top = pairs.row(0, named=True) if pairs.height else None
    share = one / buyers if buyers else 0.0
    kind = "one" if share > HALF else "several"
    pair = words("movement.crossed.no_pair", times=form.number(STRONG, digits=1))
    if top is not None:
        ends = {side: names.get(top[side], top[side]) for side in ("left", "right")}
        times = form.number(top["ratio"], digits=1)
        pair = words("movement.crossed.pair", members=form.count(top["members"]), times=times, **ends)
    shown = found.shown()
    table = shown.select(
        together=pl.Series([_together(s, names, words) for s in shown["sets"]], dtype=pl.String),
        members="members",
        inclusive="inclusive",
        moved_after_minor="net_minor",
        share="share",
    )
    single = table.filter(pl.Series([s is not None for s in shown["sets"]], dtype=pl.Boolean)).head(MOST_BARS)
    drawn = single.select(
        name="together", value="members", label=pl.Series([form.count(m) for m in single["members"]], dtype=pl.String)
    )
    values = {
        "one": form.share(share),
        "buyers": form.count(buyers),
        "pair": pair,
        "sets": form.count(found.sets.height),
    }
    return Finding.worded(
        "movement.crossed",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=readable(table, words=words),
        chart=bars(drawn, words=words, title=words("movement.people_axis")) if table.height else None,
        do=words(f"movement.crossed.do.{'none' if top is None else 'pair'}"),
        row_key=("together",),
    )


def steps(found: pl.DataFrame, *, names: Mapping[str, str], words: Words) -> Finding:
    """Say how many newcomers do not come a second time, and the step taken more often than chance.

    Parameters
    ----------
    found : step, before, next, members, share, index, known (`movement.path.path`).
    """
    form = words.format
    first = found.filter(pl.col("step") == 1)
    everybody = int(first["members"].sum())
    lost = int(first.filter(pl.col("next") == NOT_BACK)["members"].sum())
    share = lost / everybody if everybody else 0.0
    kind = "none" if not everybody else "lost" if share > HALF else "back"
    strong = first.filter(
        pl.col("next") != NOT_BACK, "known", pl.col("index") > 1, pl.col("before") != pl.col("next"),
        pl.col("members") >= FEWEST,
    ).sort("index", descending=True)  # fmt: skip
    told = words("movement.steps.no_step")
    if strong.height:
        row = strong.row(0, named=True)
        ends = {side: names.get(row[side], row[side]) for side in ("before", "next")}
        index = form.number(row["index"], digits=1)
        told = words("movement.steps.step", index=index, members=form.count(row["members"]), **ends)
    words_of = dict(names) | {NOT_BACK: words("movement.steps.not_back")}
    table = first.select(
        moved_from=pl.col("before").replace(words_of), moved_to=pl.col("next").replace(words_of), members="members",
        share="share", index="index", beyond_chance="known",
    ).sort("members", descending=True)  # fmt: skip
    by = first.group_by("before").agg(
        lost=pl.col("members").filter(pl.col("next") == NOT_BACK).sum(), members=pl.col("members").sum()
    )
    by = (
        by.filter(pl.col("members") >= FEWEST)
        .with_columns(value=pl.col("lost") / pl.col("members"))
        .sort("value", "before")
    )
    drawn = by.select(
        name=pl.col("before").replace(words_of), value="value",
        label=pl.Series([form.share(v) for v in by["value"]], dtype=pl.String),
    )  # fmt: skip
    values = {
        "share": form.share(share), "members": form.count(everybody), "step": told,
        "best": drawn["name"][0] if drawn.height else words("page.none"),
        "worst": drawn["name"][-1] if drawn.height else words("page.none"),
    }  # fmt: skip
    return Finding.worded(
        "movement.steps",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=readable(table, words=words),
        chart=bars(drawn, words=words, title=words("movement.steps_axis"), percent=True) if drawn.height else None,
        row_key=("moved_from", "moved_to"),
    )


def _together(sets: list[str] | None, names: Mapping[str, str], words: Words) -> str:
    if sets is None:
        return words("movement.crossed.rest")
    named = words("page.join").join(names.get(s, s) for s in sets)
    return words("movement.crossed.only", group=named) if len(sets) == 1 else named
