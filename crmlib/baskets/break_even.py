"""How many single baskets a bundle must turn into double ones before it pays.

Everybody who buys both already takes the discount D for nothing: n_both·D. A single basket that turns brings the margin
m of the added good, less D. So x = n_both·D / (m − D), and bundles are ranked by x ÷ single baskets, not by support. At
m ≤ D a bundle never pays. Untried uptake is a grid, never a forecast.
"""

from __future__ import annotations

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

UPTAKE_BP = (100, 200, 500, 1000)
"""Uptake among single baskets shown while nothing is tried [basis points]."""


def break_even(pairs: AnyFrame) -> pl.DataFrame:
    """Baskets to turn, for each pair.

    Parameters
    ----------
    pairs : both (baskets with both goods now), left_baskets, right_baskets (with each), discount_minor (D),
        margin_minor (m, of the added good at full price).

    Returns
    -------
    the columns given, and single (baskets with one of both), needed (x; null where it never pays), share (x ÷ single),
    pays_at_ten (share ≤ 10 %); by share, lowest first.

    Examples
    --------
    >>> pair = pl.DataFrame({"both": [736], "left_baskets": [2513], "right_baskets": [1903], "discount_minor": [20],
    ...                      "margin_minor": [25]})
    >>> break_even(pair).select("single", "needed", "share").rows()
    [(2944, 2944.0, 1.0)]
    """
    columns = ("both", "left_baskets", "right_baskets", "discount_minor", "margin_minor")
    table = to_polars(pairs, needs=columns, name="pairs")
    gain = pl.col("margin_minor") - pl.col("discount_minor")
    needed = pl.when(gain > 0).then(pl.col("both") * pl.col("discount_minor") / gain)
    found = table.with_columns(
        single=pl.col("left_baskets") + pl.col("right_baskets") - 2 * pl.col("both"), needed=needed
    )
    share = pl.when(pl.col("single") > 0).then(pl.col("needed") / pl.col("single"))
    judged = found.with_columns(share=share).with_columns(pays_at_ten=(pl.col("share") <= 0.1).fill_null(value=False))
    return judged.sort("share", nulls_last=True, maintain_order=True)


def uptake(pair: dict[str, int]) -> pl.DataFrame:
    """Profit at each uptake of `UPTAKE_BP`.

    Parameters
    ----------
    pair : both, single, discount_minor, margin_minor.

    Returns
    -------
    uptake_bp, turned (single baskets), profit_minor.

    Examples
    --------
    >>> uptake({"both": 69, "single": 1094, "discount_minor": 10, "margin_minor": 25})["profit_minor"].to_list()
    [-540, -375, 120, 945]
    """
    rows = []
    for bp in UPTAKE_BP:
        turned = pair["single"] * bp // 10_000
        profit = turned * (pair["margin_minor"] - pair["discount_minor"]) - pair["both"] * pair["discount_minor"]
        rows.append((bp, turned, profit))
    return pl.DataFrame(rows, schema=["uptake_bp", "turned", "profit_minor"], orient="row")
