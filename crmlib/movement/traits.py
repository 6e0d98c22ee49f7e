"""Which trait decides the choice on a shelf: brand, flavour, pack or price.

    κ = (P(next purchase at the same level) − Σ s²) / (1 − Σ s²)

over consecutive trips of a member to this shelf; members weigh 1; s is the share of a level on this shelf. κ is 0
without preference however active members are (Yule's Q then averages .288) and 1 when nobody ever switches. The trait
with the largest κ is the root; the others are ranked within those who stayed at its level. The root "decides" only if
it is the root in at least 80 % of 200 bootstraps of members and its κ is above 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.movement.apportion import Array

MIN_MEMBERS = 100
DECIDES = 0.8
DRAWS = 200
BLOCK = 20
"""Bootstraps worked on at a time, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class Traits:
    """Order of the traits of one shelf.

    Parameters
    ----------
    table : rank, trait, kappa, low, high (95 %, bootstrap), levels, members, within (the trait above, null for the
        root): κ of rank 2 and later is among purchases that stayed at the level of the root.
    root_share : share of bootstraps in which the same trait was the root.
    decides : whether that is at least 80 % and the interval of its κ lies above 0.
    members : with two trips to the shelf.
    """

    table: pl.DataFrame
    root_share: float
    decides: bool
    members: int


def traits(
    purchases: AnyFrame, *, names: list[str], rng: np.random.Generator, draws: int = DRAWS, least: int = MIN_MEMBERS
) -> Traits:
    """κ of each trait, nested.

    Parameters
    ----------
    purchases : customer_id, day and one column per trait; one row per good bought on this shelf.
    names : the trait columns.

    Raises
    ------
    ModelError
        `movement.trait_thin` below `least` members with two trips.
    """
    table = to_polars(purchases, needs=["customer_id", "day", *names], name="purchases")
    table = table.drop_nulls(["customer_id", *names]).sort("customer_id", "day")
    days = table.group_by("customer_id").agg(trips=pl.col("day").n_unique())
    regular = days.filter(pl.col("trips") >= 2)
    if regular.height < least:
        raise ModelError("movement.trait_thin", values={"members": regular.height, "least": least})
    kept = table.join(regular, on="customer_id", how="semi", maintain_order="left")
    tables = {name: _stay(kept, name) for name in names}
    once = np.ones((1, regular.height))
    root = max(names, key=lambda name: float(_kappa(*tables[name], once)[0]))
    nested = {name: _stay(kept, name, within=root) for name in names if name != root}
    kappas: dict[str, list[Array]] = {name: [] for name in names}
    inner: dict[str, list[Array]] = {name: [] for name in nested}
    for weights in [once, *_resampled(regular.height, draws, rng)]:
        for found, source in ((kappas, tables), (inner, nested)):
            for name, table_of in source.items():
                found[name].append(_kappa(*table_of, weights))
    drawn = {name: np.concatenate(parts) for name, parts in kappas.items()}
    below = {name: np.concatenate(parts) for name, parts in inner.items()}
    roots = np.stack([drawn[name][1:] for name in names]).argmax(axis=0)
    share = float((roots == names.index(root)).mean()) if draws else 0.0
    rest = sorted(below, key=lambda name: -below[name][0])
    rows = [_row(1, root, drawn[root], kept, None)]
    rows += [_row(rank, name, below[name], kept, root) for rank, name in enumerate(rest, start=2)]
    order = pl.DataFrame(rows, schema_overrides={"within": pl.String, "low": pl.Float64, "high": pl.Float64})
    decides = share >= DECIDES and float(order["low"][0] or 0) > 0
    return Traits(order, share, decides, regular.height)


def _row(rank: int, name: str, kappa: Array, kept: pl.DataFrame, within: str | None) -> dict[str, object]:
    low, high = (float(v) for v in np.quantile(kappa[1:], [0.025, 0.975])) if kappa.size > 1 else (None, None)
    return {
        "rank": rank, "trait": name, "kappa": float(kappa[0]), "low": low, "high": high,
        "levels": kept[name].n_unique(), "members": kept["customer_id"].n_unique(), "within": within,
    }  # fmt: skip


def _resampled(members: int, draws: int, rng: np.random.Generator) -> Iterator[Array]:
    """Weights of the members in bootstraps, in blocks of shape (≤ `BLOCK`, members)."""
    for start in range(0, draws, BLOCK):
        size = min(BLOCK, draws - start)
        yield rng.multinomial(members, np.full(members, 1 / members), size=size).astype(np.float64)


def _stay(kept: pl.DataFrame, name: str, *, within: str | None = None) -> tuple[Array, Array, Array, Array]:
    """Per member: chance of the same level again, whether known, share of each (cell, level), weight of each cell.

    Within a trait, only what stayed at its level from trip to trip is compared, and s is the share inside that level.
    """
    keys = ["_cell", "_level"]
    cell = pl.lit(0, dtype=pl.Int64) if within is None else pl.col(within).rank("dense").cast(pl.Int64) - 1
    coded = kept.select(
        "customer_id", "day", member=pl.col("customer_id").rank("dense").cast(pl.Int64) - 1, _cell=cell,
        _level=pl.col(name).rank("dense").cast(pl.Int64) - 1,
    )  # fmt: skip
    trip = coded.group_by("member", "day", *keys, maintain_order=True).agg(n=pl.len())
    trip = trip.with_columns(share=pl.col("n") / pl.col("n").sum().over("member", "day"))
    place = trip.select("member", "day").unique(maintain_order=True).sort("member", "day")
    place = place.with_columns(t=pl.int_range(pl.len()).over("member"))
    trip = trip.join(place, on=["member", "day"])
    after = trip.select("member", (pl.col("t") - 1).alias("t"), *keys, next=pl.col("share"))
    same = (
        trip.join(after, on=["member", "t", *keys])
        .group_by("member")
        .agg(same=(pl.col("share") * pl.col("next")).sum())
    )
    cells = ["member", "t", "_cell"]
    a = trip.group_by(cells).agg(a=pl.col("share").sum())
    b = after.group_by(cells).agg(b=pl.col("next").sum())
    stayed = a.join(b, on=cells).group_by("member", "_cell").agg(stayed=(pl.col("a") * pl.col("b")).sum())
    return _arrays(trip, same, stayed, members=kept["customer_id"].n_unique())


def _arrays(
    trip: pl.DataFrame, same: pl.DataFrame, stayed: pl.DataFrame, *, members: int
) -> tuple[Array, Array, Array, Array]:
    levels, cells = int(trip["_level"].max()) + 1, int(trip["_cell"].max()) + 1  # type: ignore[arg-type]
    total = _table(stayed, "_cell", "stayed", (members, cells))
    kept = np.zeros(members)
    kept[same["member"].to_numpy()] = same["same"].to_numpy()
    own = trip.group_by("member", "_cell", "_level").agg(share=pl.col("share").sum())
    shares = np.zeros((members, cells, levels))
    shares[own["member"].to_numpy(), own["_cell"].to_numpy(), own["_level"].to_numpy()] = own["share"].to_numpy()
    trips = shares.sum(axis=(1, 2))
    weight = total.sum(axis=1)
    scale = np.where(weight > 0, weight, 1.0)
    return kept / scale, (weight > 0).astype(float), shares / trips[:, None, None], total / scale[:, None]


def _table(frame: pl.DataFrame, column: str, value: str, shape: tuple[int, int]) -> Array:
    table = np.zeros(shape)
    table[frame["member"].to_numpy(), frame[column].to_numpy()] = frame[value].to_numpy()
    return table


def _kappa(same: Array, valid: Array, shares: Array, cells: Array, weights: Array) -> Array:
    """κ under each weighting of the members, one per row of `weights`."""
    used: npt.NDArray[np.float64] = weights * valid
    total = np.maximum(used.sum(axis=1), 1e-12)
    observed = (used @ same) / total
    in_cell = (used @ cells) / total[:, None]
    members, count, levels = shares.shape
    level = (weights @ shares.reshape(members, -1)).reshape(-1, count, levels)
    inside = level.sum(axis=2)
    chance = ((level / np.where(inside > 0, inside, 1.0)[:, :, None]) ** 2).sum(axis=2)
    expected = (in_cell * chance).sum(axis=1)
    return np.asarray((observed - expected) / np.maximum(1 - expected, 1e-12))
