"""Too little data for a model: a weighted score of the map, its weights shown, without any yuan."""

from __future__ import annotations

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.sites.checks import known_numbers

WEIGHTS = {"people_1km": 0.30, "people_3km": 0.20, "income_3km": 0.20, "rivals_3km": -0.15, "own_3km": -0.15}
"""Signed weights of the default score; absolute values sum to 1."""


def weighted(features: AnyFrame, *, weights: dict[str, float] | None = None) -> pl.DataFrame:
    """site_id, rank, score (0 to 100) and one column of points per feature; the points sum to the score.

    Each feature becomes its percentile among the candidates (0 to 1; reversed where the weight is negative), times the
    weight times 100. The score orders sites; a difference of points is not money.

    Parameters
    ----------
    features : from `crmlib.sites.features.catchment`.
    weights : feature → signed weight; absolute values sum to 1.

    Examples
    --------
    >>> sites = pl.DataFrame({"site_id": ["a", "b", "c"], "people": [10, 30, 20], "rivals": [0, 5, 1]})
    >>> weighted(sites, weights={"people": 0.7, "rivals": -0.3})["site_id"].to_list()
    ['b', 'c', 'a']
    """
    chosen = WEIGHTS if weights is None else weights
    table = to_polars(features, needs=("site_id", *chosen), name="features")
    known_numbers(table, chosen, key="site_id", name="features")
    if not abs(sum(abs(w) for w in chosen.values()) - 1) <= 1e-9:
        raise ModelError("sites.weights", values={"sum": round(sum(abs(w) for w in chosen.values()), 3)})
    last = max(table.height - 1, 1)
    points = [
        ((pl.col(name).rank("average", descending=weight < 0) - 1) / last * abs(weight) * 100).alias(f"points_{name}")
        for name, weight in chosen.items()
    ]
    scored = table.select("site_id", *points)
    return (
        scored.with_columns(score=pl.sum_horizontal(pl.exclude("site_id")))
        .sort("score", "site_id", descending=[True, False])
        .with_row_index("rank", offset=1)
        .select("site_id", pl.col("rank").cast(pl.Int64), "score", pl.exclude("site_id", "rank", "score"))
    )
