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

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Ints: TypeAlias = npt.NDArray[np.int64]
DECAYS = (1.0, 0.9, 0.8)
SHRINK = 20
FLOOR, CEILING = 1e-4, 0.999
BLOCK = 200_000
"""Members ranked at a time, so that memory stays bounded."""


@dataclass(frozen=True, slots=True)
class RepeatFit:
    """Goods and members of a history.

    Parameters
    ----------
    goods : product_id, n, p, rho, s, popular (place by n, 0 first).
    members : customer_id, row (its place by id), L, lam (Λ).
    own : customer_id, product_id, row, popular, c, w, last (day of the last purchase).
    pooled_rho : ρ over all goods.
    personal : whether that is above 0.
    decay : g.
    """

    goods: pl.DataFrame
    members: pl.DataFrame
    own: pl.DataFrame
    pooled_rho: float
    personal: bool
    decay: float


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
    rows = to_polars(history, needs=["customer_id", "day", "product_id"], name="history")
    rows = rows.select("customer_id", "day", "product_id").drop_nulls()
    people, names = (rows[c].unique().sort() for c in ("customer_id", "product_id"))
    own, visits = _own(rows, people, names, decay=decay)
    pairs = int((visits * (visits - 1)).sum())
    if pairs == 0:
        raise ModelError("outreach.no_baskets", values={"members": people.len()})
    goods, pooled = _goods(own, names, baskets=int(visits.sum()), pairs=pairs)
    members = pl.DataFrame({"customer_id": people, "L": visits}).with_row_index("row")
    count = pl.col("L").cast(pl.Float64)
    lam = count if decay == 1 else (1 - pl.lit(decay) ** pl.col("L")) / (1 - decay)
    place = goods.sort("product_id").select("popular").with_row_index("good")  # goods are coded by name
    own = own.with_columns(pl.col("row", "good").cast(pl.UInt32)).join(place, on="good", maintain_order="left")
    told = own.select(
        people.gather(own["row"]).alias("customer_id"), names.gather(own["good"]).alias("product_id"), "row", "popular",
        "c", "w", "last",
    )  # fmt: skip
    return RepeatFit(goods, members.with_columns(lam=lam), told, pooled, pooled > 0, decay)


def _own(rows: pl.DataFrame, people: pl.Series, names: pl.Series, *, decay: float) -> tuple[pl.DataFrame, Ints]:
    """row, good (codes), c, w, last of every member and good, and the baskets of each member; in whole numbers."""
    row = _codes(rows["customer_id"], people)
    good = _codes(rows["product_id"], names)
    day = rows["day"].cast(pl.Date).cast(pl.Int64).to_numpy()
    first = int(day.min()) if day.size else 0
    span = int(day.max()) - first + 1 if day.size else 1
    key = np.sort((row * span + (day - first)) * names.len() + good)
    key = key[np.diff(key, prepend=-1) != 0]
    visit, good = np.divmod(key, max(names.len(), 1))
    starts = np.diff(visit, prepend=-1) != 0
    row = visit // span
    visits = np.bincount(row[starts], minlength=people.len())
    later = visits.cumsum()[row] - np.cumsum(starts)  # baskets of this member after this one
    lines = pl.DataFrame({"row": row, "good": good, "w": decay**later, "day": visit % span + first})
    own = lines.group_by("row", "good").agg(
        c=pl.len().cast(pl.Int64), w=pl.col("w").sum(), last=pl.col("day").max().cast(pl.Int32).cast(pl.Date)
    )
    return own.sort("row", "good"), visits.astype(np.int64)


def _codes(values: pl.Series, known: pl.Series) -> Ints:
    """Place of each value in `known`."""
    places = pl.DataFrame({"value": known, "place": pl.int_range(known.len(), eager=True)})
    return values.to_frame("value").join(places, on="value", how="left", maintain_order="left")["place"].to_numpy()


def _goods(own: pl.DataFrame, names: pl.Series, *, baskets: int, pairs: int) -> tuple[pl.DataFrame, float]:
    again = (pl.col("c") * (pl.col("c") - 1)).sum()
    counted = own.group_by("good").agg(n=pl.col("c").sum(), again=again).sort("good")
    counted = counted.with_columns(names.gather(counted["good"]).alias("product_id"))
    shares = counted.with_columns(p=pl.col("n") / baskets).with_columns(
        over=pl.col("again") / pairs - pl.col("p") ** 2, spread=pl.col("p") * (1 - pl.col("p"))
    )
    spread = float(shares["spread"].sum())
    pooled = float(shares["over"].sum()) / spread if spread > 0 else 0.0
    own_rho = pl.when(pl.col("spread") > 0).then(pl.col("over") / pl.col("spread")).otherwise(pooled)
    rho = ((own_rho * pl.col("n") + SHRINK * pooled) / (pl.col("n") + SHRINK)).clip(FLOOR, CEILING)
    return shares.sort("n", "product_id", descending=[True, False]).select(
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
    goods = fitted.goods.with_columns(worth=pl.lit(1.0))
    if margins is not None:
        table = to_polars(margins, needs=["margin_minor"], name="margins", key="product_id")
        worth = table.select("product_id", worth=pl.col("margin_minor").cast(pl.Float64)).filter(pl.col("worth") > 0)
        goods = goods.drop("worth").join(worth, on="product_id", maintain_order="left")
    if in_stock is not None:
        goods = goods.filter(pl.col("product_id").is_in(list(in_stock)))
    people = fitted.members if members is None else fitted.members.filter(pl.col("customer_id").is_in(list(members)))
    waiting = _waiting(fitted.own, days_of_use, as_of)
    people = people.sort("customer_id")
    blocks = [_ranked(fitted, part, goods, waiting, top) for part in people.iter_slices(BLOCK)]
    kinds = {"customer_id": pl.String, "rank": pl.Int64, "product_id": pl.String, "p": pl.Float64, "score": pl.Float64}
    return pl.concat(blocks) if blocks else pl.DataFrame(schema=pl.Schema(kinds))


def _waiting(own: pl.DataFrame, days_of_use: AnyFrame | None, as_of: date | None) -> pl.DataFrame:
    empty = own.select("row", "popular").head(0)
    if days_of_use is None or as_of is None:
        return empty
    days = to_polars(days_of_use, needs=["days"], name="days_of_use", key="product_id")
    joined = own.join(days.select("product_id", "days"), on="product_id")
    used_up = pl.col("last") + pl.duration(days=pl.col("days"))
    return joined.filter(used_up > as_of).select("row", "popular")


def _ranked(
    fitted: RepeatFit, people: pl.DataFrame, goods: pl.DataFrame, waiting: pl.DataFrame, top: int
) -> pl.DataFrame:
    """Own goods, and of the others the best for a member with so many baskets: no other good can pass these."""
    facts = goods.select("popular", "p", "s", "worth")
    own_p = (pl.col("w") + pl.col("p") * pl.col("s")) / (pl.col("lam") + pl.col("s"))
    new_p = pl.col("p") * pl.col("s") / (pl.col("lam") + pl.col("s"))
    if not fitted.personal:
        own_p = new_p = pl.col("p")
    kept, pair = ("row", "popular", "chance", "score"), ["row", "popular"]
    mine = fitted.own.select("row", "popular", "w").join(people.select("row", "lam"), on="row")
    scored = mine.join(facts, on="popular").with_columns(chance=own_p)
    scored = scored.with_columns(score=pl.col("chance") * pl.col("worth")).select(kept)
    depth = top + (int(waiting.group_by("row").len()["len"].max() or 0) if waiting.height else 0)  # type: ignore[arg-type]
    others = (
        people.select("L", "lam").unique().join(facts, how="cross").with_columns(chance=new_p)
        .with_columns(score=pl.col("chance") * pl.col("worth"))
        .sort("L", "score", "popular", descending=[False, True, False])
        .group_by("L", maintain_order=True).head(depth)
    )  # fmt: skip
    fill = people.select("row", "L").join(others.drop("lam"), on="L").select(kept)
    both = pl.concat([scored, fill.join(mine, on=pair, how="anti")])
    if waiting.height:
        both = both.join(waiting, on=pair, how="anti")
    best = both.sort("row", "score", "popular", descending=[False, True, False])
    place = pl.int_range(1, pl.len() + 1).over("row")
    best = best.with_columns(rank=place).filter(pl.col("rank") <= top)
    named = best.join(people.select("row", "customer_id"), on="row", maintain_order="left")
    named = named.join(goods.select("popular", "product_id"), on="popular", maintain_order="left")
    return named.select("customer_id", "rank", "product_id", p="chance", score="score")


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
    mine = fitted.own.select("customer_id", "product_id", score=count).join(place, on="product_id")
    fill = fitted.members.select("customer_id").join(place.head(top), how="cross").with_columns(score=pl.lit(0.0))
    fill = fill.join(mine, on=["customer_id", "product_id"], how="anti").select(mine.columns)
    best = pl.concat([mine, fill]).sort("customer_id", "score", "popular", descending=[False, True, False])
    return best.group_by("customer_id", maintain_order=True).head(top)
