"""Goods sold outside their territory: names need scans of codes, and more of them abroad than travellers explain.

A partner's codes scanned elsewhere are tested against 5 % (binomial), and of those named at most one in ten may be
wrong (Benjamini–Hochberg .10). A raw share above 10 % is right in 59 % only, price drops find a third: prices and
balances are hints, never names.
"""

from __future__ import annotations

import numpy as np
import polars as pl
from scipy.stats import binom

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import benjamini_hochberg, wilson

TRAVELLERS, WRONG = 0.05, 0.10


def diverted(
    scans: AnyFrame, partners: AnyFrame, *, travellers: float = TRAVELLERS, wrong: float = WRONG
) -> pl.DataFrame:
    """Partners by scans outside their territory.

    Parameters
    ----------
    scans : code, partner_id (to whom the code was shipped), region (where scanned); a code scanned twice in a region
        counts once.
    partners : partner_id, territory (list of regions).
    travellers : share that honest partners' customers carry elsewhere.
    wrong : share of the named that may be innocent.

    Returns
    -------
    partner_id, scans, elsewhere, share, low, high (Wilson), p, named, main_region (where most of them turned up).

    Raises
    ------
    ModelError
        `cases.no_scans` without scans, `cases.no_territory` if a scanned partner has none.
    """
    rows = to_polars(scans, needs=("code", "partner_id", "region"), name="code_scans").unique(["code", "region"])
    home = to_polars(partners, needs=("territory",), name="partners", key="partner_id")
    if rows.is_empty():
        raise ModelError("cases.no_scans")
    joined = rows.join(home.select("partner_id", "territory"), on="partner_id", how="left")
    bare = joined.filter(pl.col("territory").list.len().fill_null(0) == 0)["partner_id"].n_unique()
    if bare:
        raise ModelError("cases.no_territory", values={"partners": bare})
    away = ~pl.col("region").is_in(pl.col("territory"))
    by = (
        joined.group_by("partner_id")
        .agg(
            scans=pl.len().cast(pl.Int64),
            elsewhere=away.sum().cast(pl.Int64),
            main_region=pl.col("region").filter(away).mode().sort().first(),
        )
        .sort("partner_id")
    )
    x, n = by["elsewhere"].to_numpy(), by["scans"].to_numpy()
    p = np.asarray(binom.sf(x - 1, n, travellers))
    low, high = wilson(x, n)
    return by.select(
        "partner_id",
        "scans",
        "elsewhere",
        share=pl.col("elsewhere") / pl.col("scans"),
        low=pl.Series(low),
        high=pl.Series(high),
        p=pl.Series(p),
        named=pl.Series(benjamini_hochberg(p, level=wrong)),
        main_region="main_region",
    ).sort("p", "partner_id")
