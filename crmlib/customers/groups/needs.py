"""Need segments: groups of members who buy the same things, as many as the data can tell apart.

Each member is the vector of square roots of category shares (Hellinger distance, so that small categories count),
grouped by k-means. The number of segments is the largest k whose grouping comes back when the members are drawn
anew: mean adjusted Rand index between the reference grouping and those of bootstrap samples >= .8, and each single
group found again (mean Jaccard similarity >= .75, Hennig 2007). Without the second condition one clear group cut in two
at random still passes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.codes import coded
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Array: TypeAlias = npt.NDArray[np.float64]

STABLE = 0.8
"""Mean adjusted Rand index from which a grouping is called stable."""
FOUND_AGAIN = 0.75
"""Mean Jaccard similarity from which a single group counts as found again."""
UNKNOWN = "?"
OTHERS = "…"
KINDS_OF = 10_000
"""Members whose baskets are looked at first."""
MOST_PARTS = 40
"""Categories told apart, the largest; what is finer than that is noise to a planner."""


@dataclass(frozen=True, slots=True)
class NeedSegments:
    """Groups by what members buy.

    Parameters
    ----------
    customers : customer_id, segment (``"1"`` is the largest).
    profile : segment, category, share (of the segment's mean member), share_all, lift; sorted by segment and lift.
    sizes : segment, customers, share_customers, net_minor.
    stability : segments tried (k), adjusted_rand (mean), lowest (of the samples), worst_group (Jaccard), stable.
    k : the number taken; `stable` is false where no number reached the threshold and the steadiest was taken.
    """

    customers: pl.DataFrame
    profile: pl.DataFrame
    sizes: pl.DataFrame
    stability: pl.DataFrame
    k: int
    stable: bool


def need_segments(
    parts: AnyFrame,
    *,
    rng: np.random.Generator,
    least: int = 3,
    most: int = 8,
    samples: int = 20,
    fit_on: int = 2_000,
) -> NeedSegments:
    """Group members by what they buy.

    Parameters
    ----------
    parts : customer_id, part (the category), net_minor of sales; one row per pair, as `panels` gives it.
    least, most : numbers of segments to try.
    samples : bootstrap samples per number.
    fit_on : members drawn for the fits (all members are assigned); the grouping needs no more.

    Raises
    ------
    ModelError
        `scoring.too_few_to_group` if there are fewer than ten members per segment, two categories or `least` different
        baskets, `scoring.segment_counts`.
    """
    if not 2 <= least <= most:
        raise ModelError("scoring.segment_counts", values={"least": least, "most": most})
    table = to_polars(parts, needs=("customer_id", "part", "net_minor"), name="parts").with_columns(
        pl.col("part").cast(pl.String)
    )
    ids, names, spend = _spend_matrix(table)
    shares = spend / spend.sum(axis=1, keepdims=True)
    kinds = _kinds(shares, enough=least)
    if len(ids) < 10 * least or len(names) < 2 or kinds < least:
        raise ModelError(
            "scoring.too_few_to_group",
            values={"members": len(ids), "categories": len(names), "least": 10 * least, "kinds": kinds},
        )
    points = np.sqrt(shares)
    drawn = points if len(ids) <= fit_on else points[rng.choice(len(ids), fit_on, replace=False)]
    tried = list(range(least, min(most, len(ids) // 10, len(np.unique(drawn, axis=0))) + 1))
    scores = [_stability(drawn, k, rng=rng, samples=samples) for k in tried]
    stability = pl.DataFrame(
        {
            "k": tried,
            "adjusted_rand": [float(np.mean(rand)) for rand, _ in scores],
            "lowest": [float(np.min(rand)) for rand, _ in scores],
            "worst_group": [worst for _, worst in scores],
        }
    ).with_columns(stable=(pl.col("adjusted_rand") >= STABLE) & (pl.col("worst_group") >= FOUND_AGAIN))
    passed = stability.filter("stable")["k"].to_list()
    k = max(passed) if passed else tried[int(stability["adjusted_rand"].arg_max() or 0)]
    labels = _by_size(_assign(points, _centres(drawn, k, rng=rng)), k)
    return NeedSegments(
        customers=pl.DataFrame({"customer_id": ids, "segment": [str(label + 1) for label in labels]}),
        profile=_profile(shares, labels, names),
        sizes=_sizes(spend, labels, k),
        stability=stability,
        k=k,
        stable=bool(passed),
    )


def _spend_matrix(table: pl.DataFrame) -> tuple[list[str], list[str], Array]:
    """Members, categories and positive spend, shape (members, categories); both sorted."""
    large = (
        table.group_by("part")
        .agg(pl.col("net_minor").sum())
        .sort("net_minor", "part", descending=[True, False])
        .head(MOST_PARTS)["part"]
    )
    is_large = pl.col("part").is_in(large.implode())
    kept = (
        pl.when(is_large)
        .then(pl.col("part"))
        .when(pl.col("part").is_null())
        .then(pl.lit(UNKNOWN))
        .otherwise(pl.lit(OTHERS))
    )
    member, ids = coded(table["customer_id"])
    column, names = coded(table.select(part=kept)["part"])
    spend = np.zeros((ids.len(), names.len()))
    np.add.at(spend, (member, column), table["net_minor"].clip(lower_bound=0).to_numpy())
    bought = spend.sum(axis=1) > 0
    return ids.filter(pl.Series(bought)).to_list(), names.to_list(), spend[bought]


def _kinds(shares: Array, *, enough: int) -> int:
    """Different baskets; of millions of members the first tell that there are `enough`, or all are looked at."""
    kinds = 0
    for rows in (shares[:KINDS_OF], shares):
        kinds = len(np.unique(rows.round(6), axis=0))
        if kinds >= enough:
            break
    return kinds


def _stability(points: Array, k: int, *, rng: np.random.Generator, samples: int) -> tuple[list[float], float]:
    """Adjusted Rand index with the grouping of each bootstrap sample, and the Jaccard similarity of the worst group."""
    from sklearn.metrics import adjusted_rand_score  # noqa: PLC0415  (costs a second to import)

    reference = _assign(points, _centres(points, k, rng=rng))
    rand, jaccard = [], np.zeros(k)
    for _ in range(samples):
        again = points[rng.integers(len(points), size=len(points))]
        labels = _assign(points, _centres(again, k, rng=rng))
        rand.append(float(adjusted_rand_score(reference, labels)))
        jaccard += _found_again(reference, labels, k)
    return rand, float(jaccard.min() / samples)


def _found_again(reference: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], k: int) -> Array:
    """Largest Jaccard similarity of each reference group with any group of the other grouping; shape (k,)."""
    both = np.bincount(reference * k + labels, minlength=k * k).reshape(k, k).astype(np.float64)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    best: Array = (both / np.maximum(union, 1)).max(axis=1)
    return best


def _centres(points: Array, k: int, *, rng: np.random.Generator) -> Array:
    from sklearn.cluster import KMeans  # noqa: PLC0415  (costs a second to import)
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    seed = int(rng.integers(2**31 - 1))
    with threadpool_limits(1):  # many tiny fits: threads cost twelve times the work
        centres: Array = KMeans(n_clusters=k, n_init=4, random_state=seed).fit(points).cluster_centers_
    return centres


def _assign(points: Array, centres: Array) -> npt.NDArray[np.int64]:
    """Nearest centre of each point; shape (n,)."""
    distance = (centres**2).sum(axis=1)[None, :] - 2 * points @ centres.T
    nearest: npt.NDArray[np.int64] = distance.argmin(axis=1)
    return nearest


def _by_size(labels: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """Labels renumbered so that 0 is the largest group; ties by the first member."""
    counts = np.bincount(labels, minlength=k)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(k, dtype=np.int64)
    rank[order] = np.arange(k)
    return rank[labels]


def _profile(shares: Array, labels: npt.NDArray[np.int64], names: list[str]) -> pl.DataFrame:
    overall = shares.mean(axis=0)
    groups = [g for g in range(int(labels.max()) + 1) if (labels == g).any()]
    rows = [
        {"segment": str(g + 1), "category": name, "share": float(s), "share_all": float(a)}
        for g in groups
        for name, s, a in zip(names, shares[labels == g].mean(axis=0), overall, strict=True)
    ]
    return (
        pl.DataFrame(rows)
        .with_columns(lift=pl.col("share") / pl.col("share_all"))
        .sort("segment", "lift", "category", descending=[False, True, False])
    )


def _sizes(spend: Array, labels: npt.NDArray[np.int64], k: int) -> pl.DataFrame:
    total = spend.sum(axis=1)
    return pl.DataFrame(
        {
            "segment": [str(g + 1) for g in range(k)],
            "customers": [int((labels == g).sum()) for g in range(k)],
            "share_customers": [float((labels == g).mean()) for g in range(k)],
            "net_minor": [int(total[labels == g].sum()) for g in range(k)],
        }
    )
