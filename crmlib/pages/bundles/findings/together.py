"""Which goods go together for the same member; what only looks so."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.baskets.pairs import Pairs
from crmlib.kit.charts.labelled import bars
from crmlib.kit.finding import Finding
from crmlib.kit.table import readable
from crmlib.kit.words import Words
from crmlib.pages.bundles.findings.wording import pair_of

MOST_BARS = 8
STRONGEST = 20
"""So many pairs of the highest plain lift are looked at again within members."""


def together(
    tested: Pairs,
    plain: pl.DataFrame,
    *,
    names: Mapping[str, str],
    by_member: bool,
    words: Words,
    receipts: int | None = None,
) -> Finding:
    """Say how many pairs go together for the same member, and what became of the strongest plain lifts.

    Parameters
    ----------
    tested : pairs tested within members, or within store and week.
    plain : ordered pairs by plain lift (`baskets.rules`).
    by_member : whether the comparison is within members.
    receipts : from which those were drawn that pairs were tested on; none where it was all of them.
    """
    form = words.format
    found = tested.together().sort("ratio", "left", "right", descending=[True, False, False])
    kind = "some" if found.height else "none" if tested.table.height else "untested"
    unordered = plain.filter(pl.col("left") < pl.col("right")).sort(
        "bound", "left", "right", descending=[True, False, False]
    )
    top = unordered.head(STRONGEST)
    kept = top.join(found.select("left", "right"), on=["left", "right"], how="semi").height
    shown = found.head(MOST_BARS)
    drawn = shown.select(
        name=pl.Series([pair_of(r, names, words) for r in shown.iter_rows(named=True)], dtype=pl.String),
        value="ratio",
        label=pl.Series([form.number(r, digits=1) for r in shown["ratio"]], dtype=pl.String),
    )
    named = pl.Series([pair_of(r, names, words) for r in tested.table.iter_rows(named=True)], dtype=pl.String)
    table = tested.table.select(
        bundle=named, baskets_both="baskets", members="members", stores="stores", baskets_expected="expected",
        ratio="ratio", plain_lift="lift", pair_verdict="verdict",
    )  # fmt: skip
    values = {
        "count": form.count(found.height), "tested": form.count(tested.table.height), "top": form.count(top.height),
        "kept": form.count(kept), "gone": form.count(top.height - kept), "strata": form.count(tested.strata),
        "within": words(f"bundles.within.{'member' if by_member else 'store_week'}"),
    }  # fmt: skip
    sure = words("bundles.together.sure", **values)
    if receipts is not None:
        how = words(f"bundles.drawn.{'member' if by_member else 'store_week'}")
        sure += words("bundles.together.drawn", drawn=form.count(tested.baskets), all=form.count(receipts), how=how)
    return Finding.worded(
        "bundles.together",
        kind,
        values,
        words=words,
        status="none",
        sure=sure,
        table=table,
        view=readable(table.head(200), words=words),
        chart=bars(drawn, words=words, title=words("bundles.ratio_axis")) if shown.height else None,
        row_key=("bundle",),
    )


def artefacts(tested: Pairs, *, names: Mapping[str, str], words: Words) -> Finding:
    """Count the pairs whose excess changes its sign with promotion weeks."""
    form = words.format
    found = tested.table.filter(pl.col("verdict") == "promotion_artefact")
    kind = "some" if found.height else "none"
    named = pl.Series([pair_of(r, names, words) for r in found.iter_rows(named=True)], dtype=pl.String)
    table = found.select(bundle=named, baskets_both="baskets", members="members", ratio="ratio")
    values = {"count": form.count(found.height), "first": named[0] if found.height else ""}
    return Finding.worded(
        "bundles.artefacts",
        kind,
        values,
        words=words,
        status="none",
        table=table,
        view=readable(table, words=words),
        row_key=("bundle",),
    )
