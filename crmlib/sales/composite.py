"""A rank of ranks: goods (or stores, people) by several figures at once, equals never parted, with its noise.

Each figure is ranked by itself (1 = best), the ranks are weighted and summed, and the sums are ranked. Which place is
chance is said by drawing the weeks anew (Efron 1979): a range of places that hardly leaves 3 to 40 is no podium.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
import polars as pl
from scipy.stats import rankdata

from crmlib.core.errors import ModelError, check_choice
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import Array

Ties: TypeAlias = Literal["average", "min", "max", "dense"]
TIES = ("average", "min", "max", "dense")
DRAWS = 400
LEVEL = 0.95


def composite(
    table: AnyFrame,
    *,
    by: Mapping[str, bool],
    key: str = "product_id",
    weights: Mapping[str, float] | None = None,
    ties: Ties = "average",
) -> pl.DataFrame:
    """Place of each row by several figures together, best first; what is equal in all of them shares its place.

    Parameters
    ----------
    table : `key` and the figures; a row that lacks one has no place and stands last.
    by : figure → whether much is good.
    weights : figure → weight above 0; 1 each if not given.
    ties : how equals are counted, within a figure and in the end: average, min (1, 1, 3), max (2, 2, 3), dense
        (1, 1, 2). Never by the order of rows or names.

    Returns
    -------
    key, the figures, rank_<figure>, score (weighted mean of these), place; sorted by place and key.

    Raises
    ------
    ModelError
        `sales.rank_figures`: no figure, or a weight that is not above 0.

    Examples
    --------
    >>> goods = pl.DataFrame({"product_id": ["a", "b", "c"], "net_minor": [9, 9, 1], "returns": [1, 1, 0]})
    >>> composite(goods, by={"net_minor": True, "returns": False}, ties="min").select("product_id", "place").rows()
    [('a', 1.0), ('b', 1.0), ('c', 3.0)]
    """
    check_choice(ties, TIES, name="ties")
    each = _weights(by, weights)
    rows = to_polars(table, needs=list(by), key=key, name="table").select(key, *by)
    known = rows.filter(pl.all_horizontal(pl.col(c).is_not_null() & pl.col(c).cast(pl.Float64).is_finite() for c in by))
    places = _places(known.select(pl.col(c).cast(pl.Float64) for c in by).to_numpy()[None], by, each, ties)
    told = known.with_columns(
        *(pl.Series(f"rank_{c}", places.ranks[0, :, i]) for i, c in enumerate(by)),
        score=pl.Series(places.score[0]), place=pl.Series(places.place[0]),
    )  # fmt: skip
    lacking = rows.join(told, on=key, how="anti")
    return pl.concat([told, lacking], how="diagonal").sort("place", key, nulls_last=True)


def places(
    weeks: AnyFrame,
    *,
    by: Mapping[str, bool],
    rng: np.random.Generator,
    key: str = "product_id",
    weights: Mapping[str, float] | None = None,
    draws: int = DRAWS,
) -> pl.DataFrame:
    """`composite` of the sums over weeks, with the places that redrawn weeks give (95 %): key, place, best, worst.

    Parameters
    ----------
    weeks : `key`, week, and the figures of each week, which add up (money, units, receipts; no rates); weeks without a
        row brought nothing.

    Raises
    ------
    ModelError
        `sales.short_weeks` with fewer than four weeks; those of `composite`.
    """
    each = _weights(by, weights)
    table = to_polars(weeks, needs=[key, "week", *by], name="weeks")
    names, times = table[key].unique().sort(), table["week"].unique().sort()
    if times.len() < 4:
        raise ModelError("sales.short_weeks", values={"weeks": times.len(), "least": 3})
    sums = table.group_by(key, "week").agg(pl.col(c).cast(pl.Float64).sum() for c in by)
    at = (sums["week"].rank("dense").to_numpy() - 1, sums[key].rank("dense").to_numpy() - 1)
    cube = np.zeros((times.len(), names.len(), len(by)))
    cube[at[0].astype(int), at[1].astype(int)] = sums.select(list(by)).to_numpy()
    often = rng.multinomial(times.len(), np.full(times.len(), 1 / times.len()), size=draws)
    drawn = _places(np.einsum("rt,tgf->rgf", often, cube), by, each, "average").place
    now = _places(cube.sum(axis=0)[None], by, each, "average").place[0]
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    found = pl.DataFrame({key: names, "place": now, "best": np.minimum(low, now), "worst": np.maximum(high, now)})
    return found.sort("place", key)


class _Places:
    """ranks (draws, rows, figures), score and place (draws, rows)."""

    def __init__(self, ranks: Array, score: Array, place: Array) -> None:
        self.ranks, self.score, self.place = ranks, score, place


def _places(values: Array, by: Mapping[str, bool], weights: Array, ties: Ties) -> _Places:
    """Places of `values` (draws, rows, figures)."""
    sign = np.array([-1.0 if much else 1.0 for much in by.values()])
    ranks = rankdata(values * sign, method=ties, axis=1).astype(float)
    score = np.round(ranks @ weights, 9)  # sums of equal ranks in another order are equal
    return _Places(ranks, score, rankdata(score, method=ties, axis=1).astype(float))


def _weights(by: Mapping[str, bool], weights: Mapping[str, float] | None) -> Array:
    given = np.array([1.0 if weights is None else float(weights.get(c, 0.0)) for c in by])
    if not by or not (given > 0).all():
        raise ModelError("sales.rank_figures", values={"figures": len(by), "weights": str([float(w) for w in given])})
    return np.asarray(given / given.sum())
