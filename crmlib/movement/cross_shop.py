"""Who buys in which of 2–12 sets (stores, categories, goods), region by region.

Exclusive regions are a partition of all members: each member is in exactly one, `none` included. `inclusive` counts all
members with at least these sets; both are printed, because one is often taken for the other. A pair is held against
D · n_j · n_k / N, where D = Σ observed ÷ Σ n_j n_k / N takes away that some members buy more of everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole

LEAST, MOST = 2, 12
SHOWN = 12
"""Regions drawn one by one; the others together."""


@dataclass(frozen=True, slots=True)
class CrossShop:
    """Sets, regions and pairs.

    Parameters
    ----------
    sets : set, members, net_minor (inside the set).
    regions : sets (list of names, empty = none), members (exactly these sets), inclusive (at least these sets),
        net_minor (inside the sets), total_minor (all spend of these members, null if not given), share; by members.
    pairs : left, right, members, expected, ratio.
    members : N, all members.
    dependence : D.
    """

    sets: pl.DataFrame
    regions: pl.DataFrame
    pairs: pl.DataFrame
    members: int
    dependence: float

    def shown(self, most: int = SHOWN) -> pl.DataFrame:
        """The largest `most` regions with any set; the rest of them as one row whose `sets` is null."""
        inside = self.regions.filter(pl.col("sets").list.len() > 0)
        rest = inside.slice(most)
        if rest.is_empty():
            return inside
        nothing = pl.lit(None, dtype=pl.List(pl.String)).alias("sets")
        summed = rest.select(
            nothing, pl.col("members").sum(), pl.lit(None, dtype=pl.Int64).alias("inclusive"),
            pl.col("net_minor").sum(), _known_sum("total_minor"), pl.col("share").sum(),
        )  # fmt: skip
        return pl.concat([inside.head(most), summed])


def cross_shop(bought: AnyFrame, *, members: int | AnyFrame, sets: list[str] | None = None) -> CrossShop:
    """Regions of 2–12 sets.

    Parameters
    ----------
    bought : customer_id, set, net_minor; one row per customer and set, or finer.
    members : all members, as a number, or as a frame customer_id, total_minor (then total spend is shown, too).
    sets : the sets in the order wanted; otherwise by name.

    Raises
    ------
    ModelError
        `movement.sets`.
    """
    frames = [f.schema.get("customer_id") for f in (bought, members) if isinstance(f, pl.DataFrame)]
    texts = len(frames) < 2 or frames[0] != frames[1]  # ids of one kind join as they are
    table = whole(
        to_polars(bought, needs=["customer_id", "set", "net_minor"], name="bought", texts=texts),
        ["net_minor"], name="bought",
    ).filter(pl.col("customer_id").is_not_null())  # fmt: skip
    names = sets or table["set"].drop_nulls().unique().sort().to_list()
    _refuse_sets(len(names))
    rows = table.filter(pl.col("set").is_in(names)).with_columns(
        bit=pl.col("set").replace_strict(names, [1 << j for j in range(len(names))], return_dtype=pl.Int64)
    )
    each = rows.group_by("customer_id").agg(mask=pl.col("bit").bitwise_or(), net_minor=pl.col("net_minor").sum())
    if isinstance(members, int):
        everybody, count = each.with_columns(total_minor=pl.lit(None, dtype=pl.Int64)), members
    else:
        people = to_polars(members, needs=["total_minor"], name="members", key="customer_id", texts=texts)
        everybody = people.select("customer_id", "total_minor").join(each, on="customer_id", how="full", coalesce=True)
        everybody = everybody.with_columns(pl.col("mask", "net_minor").fill_null(0))
        count = everybody.height
    found = everybody.group_by("mask").agg(
        pl.len().cast(pl.Int64).alias("members"), pl.col("net_minor").sum(),
        _known_sum("total_minor"),
    )  # fmt: skip
    nobody = count - found["members"].sum()
    if isinstance(members, int) and nobody > 0:
        extra = {"mask": [0], "members": [nobody], "net_minor": [0], "total_minor": [None]}
        found = pl.concat([found, pl.DataFrame(extra, schema=found.schema)])
    summed = rows.group_by("set").agg(
        members=pl.col("customer_id").n_unique().cast(pl.Int64), net_minor=pl.col("net_minor").sum()
    )
    summed = summed.with_columns(pl.col("set").cast(pl.String))
    per_set = pl.DataFrame({"set": names}).join(summed, on="set", how="left", maintain_order="left")
    per_set = per_set.with_columns(pl.col("members", "net_minor").fill_null(0))
    pairs, dependence = _pairs(names, found, per_set["members"].to_list(), count)
    return CrossShop(per_set, _regions(names, found, count), pairs, count, dependence)


def _known_sum(column: str) -> pl.Expr:
    """Sum, null where nothing is known."""
    return pl.when(pl.col(column).is_not_null().any()).then(pl.col(column).sum()).alias(column)


def _refuse_sets(count: int) -> None:
    if not LEAST <= count <= MOST:
        raise ModelError("movement.sets", values={"sets": count, "least": LEAST, "most": MOST})


def _regions(names: list[str], found: pl.DataFrame, count: int) -> pl.DataFrame:
    masks, members = found["mask"].to_numpy(), found["members"].to_numpy()
    inclusive = [int(members[(masks & mask) == mask].sum()) for mask in masks]
    lists = [[name for j, name in enumerate(names) if mask >> j & 1] for mask in masks.tolist()]
    return (
        found.with_columns(
            pl.Series("sets", lists, dtype=pl.List(pl.String)), pl.Series("inclusive", inclusive, dtype=pl.Int64)
        )
        .sort("members", "mask", descending=[True, False])
        .with_columns(share=pl.col("members") / max(count, 1))
        .select("sets", "members", "inclusive", "net_minor", "total_minor", "share")
    )


def _pairs(names: list[str], found: pl.DataFrame, sizes: list[int], count: int) -> tuple[pl.DataFrame, float]:
    masks, members = found["mask"].to_numpy(), found["members"].to_numpy()
    couples = list(combinations(range(len(names)), 2))
    both = [int(members[(masks >> j & 1).astype(bool) & (masks >> k & 1).astype(bool)].sum()) for j, k in couples]
    alone = np.array([sizes[j] * sizes[k] / max(count, 1) for j, k in couples])
    dependence = float(sum(both) / alone.sum()) if alone.sum() > 0 else float("nan")
    expected = dependence * alone
    ratio = [b / e if e > 0 else None for b, e in zip(both, expected, strict=True)]
    columns = {"left": [names[j] for j, _ in couples], "right": [names[k] for _, k in couples], "members": both}
    return pl.DataFrame({**columns, "expected": expected, "ratio": ratio}), dependence
