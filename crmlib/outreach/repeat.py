"""What will this member buy again? An item-wise beta-binomial of own counts and the good's share.

    P = (w + p·s) / (Λ + s),   Λ = (1 − g^L) / (1 − g)

w: the member's baskets with the good, each weighing g per later basket; L: own baskets; p = n/ΣL: share of all baskets
with the good; s = 1/ρ − 1, where ρ = (Σc(c−1)/ΣL(L−1) − p²)/(p(1−p)) says how much of the good is own taste, shrunk to
the pooled ρ by n/(n+20). ρ ≤ 0 over all goods means that there is no personal taste here. With much taste own counts
decide, with little the good's share does, so it loses to neither. Ties go to the more popular good. What was bought
within the own cycle is not left out (recent buyers buy again): only goods with days of use wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.apportion import Floats, Ints
from crmlib.core.codes import coded
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach import counted

Flags: TypeAlias = npt.NDArray[np.bool_]
DECAYS = (1.0, 0.9, 0.8)
SHRINK = 20
FLOOR, CEILING = 1e-4, 0.999
BLOCK = 200_000
"""Members ranked at a time, so that memory stays bounded."""
CELLS = 2_000_000
"""Goods of members looked at in one table."""


@dataclass(frozen=True, slots=True)
class RepeatFit:
    """Goods and members of a history.

    Parameters
    ----------
    goods : product_id, n, p, rho, s, popular (place by n, 0 first).
    members : customer_id, row (its place by id), L, lam (Λ).
    held : row (of the member), popular (of the good), c, w, last (day of the last purchase), in this order.
    pooled_rho : ρ over all goods.
    personal : whether that is above 0.
    decay : g.
    """

    goods: pl.DataFrame
    members: pl.DataFrame
    held: pl.DataFrame
    pooled_rho: float
    personal: bool
    decay: float

    @property
    def own(self) -> pl.DataFrame:
        """`held` with the ids: customer_id, product_id, row, popular, c, w, last."""
        return self.held.select(
            self.members["customer_id"].gather(self.held["row"]).alias("customer_id"),
            self.goods["product_id"].gather(self.held["popular"]).alias("product_id"), *self.held.columns,
        )  # fmt: skip


def fit(history: AnyFrame, *, decay: float) -> RepeatFit:
    """Fit on the baskets of members.

    Parameters
    ----------
    history : customer_id, day, product_id; a basket is a member's day, a good counts once in it.
    decay : g, 1 = all baskets alike.

    Raises
    ------
    ModelError
        `outreach.no_baskets` without a member with two baskets.
    """
    ids = ("customer_id", "product_id")
    small = isinstance(history, pl.DataFrame) and all(isinstance(history.schema.get(c), pl.Enum) for c in ids)
    rows = to_polars(history, needs=[*ids, "day"], name="history", texts=not small).select("day", *ids).drop_nulls()
    (row, people), (good, names) = (coded(rows[c]) for c in ids)
    people, names = (few.cast(pl.String) for few in (people, names))
    keys = counted.keys(row, good, rows["day"].cast(pl.Date).cast(pl.Int64).to_numpy(), goods=names.len())
    del rows, row, good
    popular = counted.popular(keys, names)
    parts = [counted.own(counted.bought(keys, part), popular, decay=decay) for part in counted.parts(keys)]
    visits = np.concatenate([part.visits for part in parts]) if parts else np.empty(0, dtype=np.int64)
    pairs = int((visits * (visits - 1)).sum())
    if pairs == 0:
        raise ModelError("outreach.no_baskets", values={"members": people.len()})
    goods, pooled = _goods(parts, names[np.argsort(popular)], baskets=int(visits.sum()), pairs=pairs)
    members = pl.DataFrame({"customer_id": people, "L": visits}).with_row_index("row")
    count = pl.col("L").cast(pl.Float64)
    lam = count if decay == 1 else (1 - pl.lit(decay) ** pl.col("L")) / (1 - decay)
    return RepeatFit(goods, members.with_columns(lam=lam), pl.concat(p.held for p in parts), pooled, pooled > 0, decay)


def _goods(parts: list[counted.Own], names: pl.Series, *, baskets: int, pairs: int) -> tuple[pl.DataFrame, float]:
    """`RepeatFit.goods` and the pooled ρ; `names` by popularity."""
    n, again = (np.sum([getattr(part, what) for part in parts], axis=0) for what in ("n", "again"))
    table = pl.DataFrame({"product_id": names, "n": n.astype(np.int64), "again": again})
    shares = table.with_columns(p=pl.col("n") / baskets).with_columns(
        over=pl.col("again") / pairs - pl.col("p") ** 2, spread=pl.col("p") * (1 - pl.col("p"))
    )
    spread = float(shares["spread"].sum())
    pooled = float(shares["over"].sum()) / spread if spread > 0 else 0.0
    own_rho = pl.when(pl.col("spread") > 0).then(pl.col("over") / pl.col("spread")).otherwise(pooled)
    rho = ((own_rho * pl.col("n") + SHRINK * pooled) / (pl.col("n") + SHRINK)).clip(FLOOR, CEILING)
    return shares.select(
        "product_id", "n", "p", rho=rho, s=1 / rho - 1, popular=pl.int_range(pl.len(), dtype=pl.UInt32)
    ), pooled


def recommend(
    fitted: RepeatFit,
    *,
    top: int = 10,
    members: Iterable[str] | None = None,
    margins: AnyFrame | None = None,
    in_stock: Iterable[str] | None = None,
    days_of_use: AnyFrame | None = None,
    as_of: date | None = None,
) -> pl.DataFrame:
    """The `top` goods of each member by P × margin.

    Parameters
    ----------
    members : whom to rank for; all of the history without it.
    margins : product_id, margin_minor of one purchase; goods without are left out, and P alone ranks without it.
    in_stock : goods that can be had.
    days_of_use : product_id, days; such a good waits until it is used up, counted to `as_of`.

    Returns
    -------
    customer_id, rank (1 first), product_id, p, score (P × margin, or P).
    """
    worth = pl.lit(1.0)
    goods = fitted.goods.select("product_id", "p", "s")
    if margins is not None:
        table = to_polars(margins, needs=["margin_minor"], name="margins", key="product_id")
        known = table.select("product_id", margin=pl.col("margin_minor").cast(pl.Float64)).filter(pl.col("margin") > 0)
        goods = goods.join(known, on="product_id", how="left", maintain_order="left")
        worth = pl.col("margin")
    if in_stock is not None:
        worth = pl.when(pl.col("product_id").is_in(list(in_stock))).then(worth)
    offered = goods.select("p", "s", worth=worth).fill_null(float("nan"))
    p, s, value = (offered[c].to_numpy() for c in ("p", "s", "worth"))
    facts = _Facts(p, s, value, fitted.personal)
    people = fitted.members if members is None else fitted.members.filter(pl.col("customer_id").is_in(list(members)))
    waiting, names = _waiting(fitted, days_of_use, as_of), fitted.goods["product_id"]
    people = people.sort("row")
    kinds = {"customer_id": pl.String, "rank": pl.Int64, "product_id": pl.String, "p": pl.Float64, "score": pl.Float64}
    told = [pl.DataFrame(schema=pl.Schema(kinds))]
    for part in people.iter_slices(BLOCK):
        best = pl.concat(_ranked(fitted, part, facts, waiting, top)).sort("at", "rank")
        told.append(best.select(
            part["customer_id"].gather(best["at"]).alias("customer_id"), "rank",
            names.gather(best["popular"]).alias("product_id"), "p", "score",
        ))  # fmt: skip
    return pl.concat(told)


def _waiting(fitted: RepeatFit, days_of_use: AnyFrame | None, as_of: date | None) -> Flags:
    """Which rows of `own` are not used up yet, shape (own,)."""
    if days_of_use is None or as_of is None:
        return np.zeros(fitted.held.height, dtype=bool)
    table = to_polars(days_of_use, needs=["days"], name="days_of_use", key="product_id")
    days = fitted.goods.join(table.select("product_id", "days"), on="product_id", how="left", maintain_order="left")
    used = fitted.held.select("last", days=days["days"].gather(fitted.held["popular"]))
    waits = pl.col("last") + pl.duration(days=pl.col("days")) > as_of
    return used.select(waits.fill_null(value=False)).to_series().to_numpy()


@dataclass(frozen=True, slots=True)
class _Facts:
    """p, s, worth by popularity (NaN: cannot be offered), and whether taste counts."""

    p: Floats
    s: Floats
    worth: Floats
    personal: bool


def _chance(facts: _Facts, popular: Ints, lam: Floats, w: Floats | float) -> Floats:
    """P of goods with the members' weights, one shape."""
    p, s = facts.p[popular], facts.s[popular]
    return np.asarray((w + p * s) / (lam + s)) if facts.personal else np.broadcast_to(p, np.shape(lam + s))


def _ranked(fitted: RepeatFit, people: pl.DataFrame, facts: _Facts, waiting: Flags, top: int) -> list[pl.DataFrame]:
    """Own goods, and of the others the best for a member with so many baskets: no other good can pass these."""
    rows, goods = people["row"].to_numpy().astype(np.int64), max(facts.p.size, 1)
    owner, w = fitted.held["row"].to_numpy(), fitted.held["w"].to_numpy()
    start, end = (np.searchsorted(owner, rows.astype(owner.dtype), side=side) for side in ("left", "right"))
    place = fitted.held["popular"].to_numpy()
    held = np.repeat(start - np.concatenate([[0], (end - start).cumsum()[:-1]]), end - start)
    at = held + np.arange(held.size)
    depth = min(top + int(waiting[at].sum() and np.add.reduceat(waiting[at], _firsts(start, end)).max()), goods)
    lam, visits = people["lam"].to_numpy(), people["L"].to_numpy()
    known = np.repeat(np.arange(rows.size), end - start) * goods + place[at]
    fill = _others(facts, visits, lam, depth)
    key = np.arange(rows.size)[:, None] * goods + fill
    near = np.minimum(np.searchsorted(known, key), max(known.size - 1, 0))
    fill = np.where(known[near] == key, -1, fill) if known.size else fill
    many, found = end - start, []
    for who in _chunks(many, top + depth):
        wide = start[who][:, None] + np.arange(int(many[who].max(initial=0)))
        inside = wide < end[who][:, None]
        wide = np.where(inside, wide, 0)
        there = inside & ~waiting[wide] & np.isfinite(facts.worth[place[wide]])
        popular = np.where(there, place[wide].astype(np.int64), -1)
        both = np.concatenate([popular, fill[who]], axis=1)
        weight = np.concatenate([np.where(there, w[wide], 0.0), np.zeros(fill[who].shape)], axis=1)
        found.append(_best(facts, both, weight, lam[who], top).with_columns(at=_members(who)))
    return found


def _members(who: Ints) -> pl.Expr:
    """Which member each row of a table is."""
    return pl.lit(pl.Series(who)).gather(pl.col("at"))


def _firsts(start: Ints, end: Ints) -> Ints:
    """Where the goods of each member who has some begin."""
    many = end - start
    return np.asarray((many.cumsum() - many)[many > 0])


def _chunks(many: Ints, more: int) -> list[Ints]:
    """Members with about as many goods together, so that a table of theirs is hardly empty."""
    order = np.argsort(many, kind="stable")
    width = many[order] + more
    cuts, start = [], 0
    while start < order.size:
        stop = start + 1 + int(np.searchsorted(width[start + 1 :] * np.arange(2, order.size - start + 1), CELLS))
        cuts.append(np.sort(order[start:stop]))
        start = stop
    return cuts


def _others(facts: _Facts, visits: Ints, lam: Floats, depth: int) -> Ints:
    """The best goods for somebody with so many baskets who never bought them, shape (members, depth)."""
    _, first, kind = np.unique(visits, return_index=True, return_inverse=True)
    popular = np.arange(facts.p.size)
    best = np.full((first.size, depth), -1, dtype=np.int64)
    for i, one in enumerate(first):
        score = _chance(facts, popular, np.full(popular.size, lam[one]), 0.0) * facts.worth
        order = np.argsort(-np.where(np.isfinite(score), score, -np.inf), kind="stable")[:depth]
        order = order[np.isfinite(score[order])]
        best[i, : order.size] = order
    return np.asarray(best[kind])


def _best(facts: _Facts, popular: Ints, weight: Floats, lam: Floats, top: int) -> pl.DataFrame:
    """The best of each row: at (row of the table), rank, popular, p, score; -1 is none, ties go to the more popular."""
    none = popular < 0
    chance = _chance(facts, np.maximum(popular, 0), lam[:, None], weight)
    score = np.where(none, -np.inf, chance * facts.worth[np.maximum(popular, 0)])
    rows = np.arange(popular.shape[0])[:, None]
    by_place = np.argsort(np.where(none, np.iinfo(np.int64).max, popular), axis=1, kind="stable")
    order = np.argsort(-score[rows, by_place], axis=1, kind="stable")[:, :top]
    chosen = by_place[rows, order]
    took = np.isfinite(score[rows, chosen])
    ranks = np.broadcast_to(np.arange(1, chosen.shape[1] + 1), chosen.shape)
    at = np.broadcast_to(rows, chosen.shape)
    return pl.DataFrame({
        "at": at[took], "rank": ranks[took], "popular": popular[rows, chosen][took], "p": chance[rows, chosen][took],
        "score": score[rows, chosen][took],
    })  # fmt: skip


def choose_decay(
    history: AnyFrame, *, top: int = 10, decays: Iterable[float] = DECAYS
) -> tuple[float, dict[float, float]]:
    """The decay that ranked best in the last closed window: each member's last basket, told from the ones before.

    Returns
    -------
    g, and recall of every g.
    """
    before, last = split_last(history)
    found = {g: recall(recommend(fit(before, decay=g), top=top), last) for g in decays}
    return max(found, key=lambda g: found[g]), found


def split_last(history: AnyFrame, *, least: int = 3) -> tuple[pl.DataFrame, pl.DataFrame]:
    """History before, and goods of, the last basket of members with at least `least` baskets."""
    rows = to_polars(history, needs=["customer_id", "day", "product_id"], name="history")
    rows = rows.select("customer_id", "day", "product_id").drop_nulls().unique()
    days = rows.group_by("customer_id").agg(days=pl.col("day").n_unique(), end=pl.col("day").max())
    known = rows.join(days.filter(pl.col("days") >= least), on="customer_id")
    before = known.filter(pl.col("day") < pl.col("end")).select(rows.columns)
    return before, known.filter(pl.col("day") == pl.col("end")).select("customer_id", "product_id")


def recall(ranked: pl.DataFrame, bought: pl.DataFrame) -> float:
    """Mean over members of the share of their goods that was ranked."""
    values = recalls(ranked, bought)["recall"]
    return float(values.mean() or 0.0)  # type: ignore[arg-type]


def recalls(ranked: pl.DataFrame, bought: pl.DataFrame) -> pl.DataFrame:
    """customer_id, recall of everybody who bought."""
    hits = ranked.join(bought, on=["customer_id", "product_id"], how="semi").group_by("customer_id").len("hits")
    size = bought.group_by("customer_id").len("size").sort("customer_id")
    joined = size.join(hits, on="customer_id", how="left", maintain_order="left")
    return joined.select("customer_id", recall=pl.col("hits").fill_null(0) / pl.col("size"))


def popular(fitted: RepeatFit, *, top: int = 10) -> pl.DataFrame:
    """The same most popular goods for everybody: the baseline every list has to beat."""
    best = fitted.goods.head(top).select("product_id", "p", rank=pl.int_range(1, pl.len() + 1))
    return fitted.members.select("customer_id").join(best, how="cross")


def personal(fitted: RepeatFit, *, top: int = 10, decayed: bool = False) -> pl.DataFrame:
    """Each member's most frequent goods (`decayed`: by the fit's decay), filled up with popular ones: a baseline."""
    place = fitted.goods.select("product_id", "popular")
    count = pl.col("w" if decayed else "c").cast(pl.Float64)
    mine = fitted.own.select("customer_id", "product_id", score=count, popular="popular")
    fill = fitted.members.select("customer_id").join(place.head(top), how="cross").with_columns(score=pl.lit(0.0))
    fill = fill.join(mine, on=["customer_id", "product_id"], how="anti").select(mine.columns)
    best = pl.concat([mine, fill]).sort("customer_id", "score", "popular", descending=[False, True, False])
    return best.group_by("customer_id", maintain_order=True).head(top)
