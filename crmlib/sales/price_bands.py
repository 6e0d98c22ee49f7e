"""The price ladder: on which steps the goods of a category stand, and where its sales lie.

Bands have round limits (1–2–5 in every decade), the same for all categories, so goods of one price are never parted.
Whether goods of a band sell more or less each than others of their category is asked of ranks (Wilcoxon 1945, variance
with ties): one best seller makes no band. Benjamini & Hochberg (1995) over all bands.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole
from crmlib.core.proportions import Array, benjamini_hochberg

STEPS = (1, 2, 5)
DECADES = 9
LEAST = 5
"""Goods in a band, and outside it, below which nothing is asked."""
LEVEL = 0.05
SHELF = ["category", "unit"]
SUMS = ["net_minor", "quantity_milli"]


def edges() -> list[int]:
    """Round limits from one minor unit on: 1, 2, 5, 10, … [minor units].

    Examples
    --------
    >>> edges()[:7]
    [1, 2, 5, 10, 20, 50, 100]
    """
    return [step * 10**decade for decade in range(DECADES) for step in STEPS]


def ladder(goods: AnyFrame, *, limits: Sequence[int] | None = None) -> pl.DataFrame:
    """One row per category, unit and band, cheapest first; bands without goods between filled ones are rows too.

    Parameters
    ----------
    goods : product_id, category, unit, net_minor, quantity_milli; several rows of a good are summed.
    limits : lower limits of the bands [minor units], rising; without, `edges`.

    Returns
    -------
    category, unit, from_minor, to_minor (null: no upper limit, or no price), goods, net_minor, quantity_milli,
    goods_share, net_share (of the category and unit), index (net ÷ goods share), p (null: too few), sells (more, less,
    null: not told), gap (no goods between dearer and cheaper ones). Goods that have no price (net or quantity not above
    0) have a row with from_minor null: the rows sum to what was given.

    Raises
    ------
    ModelError
        `sales.price_limits`: limits that do not rise.

    Examples
    --------
    >>> sold = pl.DataFrame({"product_id": ["a", "b"], "category": "tea", "unit": "piece", "net_minor": [900, 6_000],
    ...                      "quantity_milli": [3_000, 1_000]})
    >>> ladder(sold).select("from_minor", "to_minor", "goods", "gap").rows()
    [(200, 500, 1, False), (500, 1000, 0, True), (1000, 2000, 0, True), (2000, 5000, 0, True), (5000, 10000, 1, False)]
    """
    steps = list(limits) if limits is not None else edges()
    if not steps or any(b <= a for a, b in pairwise(steps)):
        raise ModelError("sales.price_limits", values={"limits": ", ".join(map(str, steps)) or "–"})
    table = to_polars(goods, needs=["product_id", *SHELF, *SUMS], name="goods")
    each = whole(table, SUMS, name="goods").group_by("product_id", *SHELF).agg(pl.col(SUMS).sum())
    step = _steps(each, steps)
    each = each.with_columns(step=pl.Series(step, dtype=pl.Int64)).sort(*SHELF, "product_id")
    filled = each.group_by(*SHELF, "step").agg(goods=pl.len().cast(pl.Int64), **{c: pl.col(c).sum() for c in SUMS})
    rows = _with_gaps(filled).join(_asked(each), on=[*SHELF, "step"], how="left", nulls_equal=True)
    upper = [*steps[1:], None]
    names = pl.DataFrame({"step": range(len(steps)), "from_minor": steps, "to_minor": upper}, schema_overrides={
        "step": pl.Int64, "from_minor": pl.Int64, "to_minor": pl.Int64})  # fmt: skip
    shares = {f"{to}_share": pl.col(of) / pl.col(of).sum().over(SHELF) for to, of in
              (("goods", "goods"), ("net", "net_minor"))}  # fmt: skip
    found = rows.join(names, on="step", how="left").with_columns(**shares)
    index = pl.when(pl.col("goods") > 0).then(pl.col("net_share") / pl.col("goods_share"))
    found = found.with_columns(index=index.fill_nan(None), gap=pl.col("goods") == 0)
    return _told(found).sort(*SHELF, "step", nulls_last=True).select(
        *SHELF, "from_minor", "to_minor", "goods", *SUMS, "goods_share", "net_share", "index", "p", "sells", "gap"
    )  # fmt: skip


def _steps(each: pl.DataFrame, steps: Sequence[int]) -> list[int | None]:
    """Position of each good's mean price in the bands; none without a price or under the first limit."""
    net, quantity = each["net_minor"].to_numpy(), each["quantity_milli"].to_numpy()
    priced = (net > 0) & (quantity > 0)
    price = (net * 1_000 + quantity // 2) // np.where(priced, quantity, 1)
    at = np.searchsorted(np.array(steps), price, side="right") - 1
    return [int(a) if ok and a >= 0 else None for a, ok in zip(at, priced, strict=True)]


def _with_gaps(filled: pl.DataFrame) -> pl.DataFrame:
    """`filled` with a row of nothing for each step between a category's lowest and highest."""
    ends = filled.drop_nulls("step").group_by(SHELF).agg(low=pl.col("step").min(), high=pl.col("step").max())
    every = ends.with_columns(step=pl.int_ranges("low", pl.col("high") + 1)).explode("step").select(*SHELF, "step")
    empty = every.join(filled, on=[*SHELF, "step"], how="anti", nulls_equal=True)
    return pl.concat([filled, empty.with_columns(pl.lit(0, pl.Int64).alias(c) for c in ("goods", *SUMS))])


def _asked(each: pl.DataFrame) -> pl.DataFrame:
    """Whether goods of a step rank higher in money than others of their category: category, unit, step, z."""
    ranked = each.drop_nulls("step").with_columns(rank=pl.col("net_minor").rank("average").over(SHELF))
    tied = ranked.group_by(*SHELF, "net_minor").agg(t=pl.len().cast(pl.Float64))
    ties = tied.group_by(SHELF).agg(ties=(pl.col("t") ** 3 - pl.col("t")).sum())
    total = ranked.group_by(SHELF).agg(total=pl.len().cast(pl.Float64))
    found = ranked.group_by(*SHELF, "step").agg(n=pl.len().cast(pl.Float64), ranks=pl.col("rank").sum())
    found = found.join(total, on=SHELF, nulls_equal=True).join(ties, on=SHELF, nulls_equal=True)
    n, other = pl.col("n"), pl.col("total") - pl.col("n")
    spread = pl.col("total") + 1 - pl.col("ties") / (pl.col("total") * (pl.col("total") - 1))
    z = (pl.col("ranks") - n * (pl.col("total") + 1) / 2) / (n * other / 12 * spread).sqrt()
    enough = (n >= LEAST) & (other >= LEAST) & (spread > 0)
    return found.select(*SHELF, "step", z=pl.when(enough).then(z))


def _told(found: pl.DataFrame) -> pl.DataFrame:
    """`found` with p and sells: both sides at once, false ones at most a twentieth of those told."""
    from scipy.stats import norm  # noqa: PLC0415  (only where a ladder is asked for)

    z = found["z"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    p: Array = 2 * norm.sf(np.abs(z))
    known = np.isfinite(p)
    sure = np.zeros(p.size, dtype=bool)
    sure[known] = benjamini_hochberg(p[known], level=LEVEL)
    told = found.with_columns(p=pl.Series(p).fill_nan(None), sure=pl.Series(sure))
    index, high = pl.col("index"), pl.col("z")
    kind = pl.when(pl.col("sure") & (high > 0) & (index > 1)).then(pl.lit("more"))
    return told.with_columns(sells=kind.when(pl.col("sure") & (high < 0) & (index < 1)).then(pl.lit("less")))
