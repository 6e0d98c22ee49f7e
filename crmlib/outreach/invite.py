"""One invitation a member: which goods, on which day and at which hour, in which store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.runs import begins
from crmlib.outreach import repeat
from crmlib.outreach.money import Z

SLOTS = ((11, "morning"), (14, "noon"), (18, "afternoon"), (24, "evening"))
"""Hour before which each slot ends."""
LOSES = 0.98
"""Below this share of the better baseline the list loses to it."""


@dataclass(frozen=True, slots=True)
class Beaten:
    """How well goods were told on each member's last basket, from the baskets before.

    Parameters
    ----------
    members : with a last basket. decay : g that ranked best.
    own, popular, personal : mean share of the last basket that was ranked.
    low, high : 95 % of own − the better of the two.
    wins : own is at least `LOSES` of the better; beats : low is above 0.
    """

    members: int
    decay: float
    own: float
    popular: float
    personal: float
    low: float
    high: float
    wins: bool
    beats: bool


def judge(history: AnyFrame, *, top: int = 10) -> Beaten:
    """Hold the list against plain popularity and against each member's own most frequent goods.

    Parameters
    ----------
    history : customer_id, day, product_id.

    Raises
    ------
    ModelError
        `outreach.no_baskets`.
    """
    before, last = repeat.split_last(history)
    fits = {g: repeat.fit(before, decay=g) for g in repeat.DECAYS}
    found = {g: repeat.recalls(repeat.recommend(f, top=top), last)["recall"].to_numpy() for g, f in fits.items()}
    decay = max(found, key=lambda g: float(found[g].mean()))
    fitted = fits[decay]
    rivals = [repeat.recalls(r(fitted, top=top), last)["recall"].to_numpy() for r in (repeat.popular, repeat.personal)]
    popular, personal = (float(r.mean()) for r in rivals)
    gap = found[decay] - (rivals[0] if popular >= personal else rivals[1])
    half = Z * float(gap.std(ddof=1)) / float(np.sqrt(gap.size)) if gap.size > 1 else np.inf
    own, better = float(found[decay].mean()), max(popular, personal)
    low, high = float(gap.mean()) - half, float(gap.mean()) + half
    return Beaten(gap.size, decay, own, popular, personal, low, high, own >= LOSES * better, low > 0)


def margins(prices: AnyFrame) -> pl.DataFrame:
    """What one purchase of each good earns: product_id, margin_minor; only of goods whose cost is known.

    Parameters
    ----------
    prices : product_id, receipts, quantity_milli, net_minor, costed_milli, cost_minor: `panels.receipts.goods_price`.
    """
    needs = ["product_id", "receipts", "quantity_milli", "net_minor", "costed_milli", "cost_minor"]
    rows = to_polars(prices, needs=needs, name="prices").filter(pl.col("costed_milli") > 0, pl.col("receipts") > 0)
    cost = pl.col("cost_minor") * pl.col("quantity_milli") / pl.col("costed_milli")
    earned = rows.group_by("product_id").agg(margin=(pl.col("net_minor") - cost).sum(), n=pl.col("receipts").sum())
    return earned.select("product_id", margin_minor=(pl.col("margin") / pl.col("n")).round().cast(pl.Int64)).sort(
        "product_id"
    )


def wide(ranked: pl.DataFrame, *, top: int = 3) -> pl.DataFrame:
    """One row a member: customer_id, store_id, product_1 … product_`top` (null where there are fewer), p, score."""
    first = ranked.filter(pl.col("rank") == 1).select("customer_id", "store_id", "p", "score", product_1="product_id")
    for place in range(2, top + 1):
        more = ranked.filter(pl.col("rank") == place).select(
            "customer_id", pl.col("product_id").alias(f"product_{place}")
        )
        first = first.join(more, on="customer_id", how="left", maintain_order="left")
    return first.sort("customer_id")


def in_reach(ranked: pl.DataFrame, homes: AnyFrame, on_hand: AnyFrame | None, *, top: int) -> pl.DataFrame:
    """The first `top` goods of each member that lie in the own store, ranked anew.

    Parameters
    ----------
    ranked : customer_id, rank, product_id, p, score. homes : customer_id, store_id.
    on_hand : store_id, product_id, on_hand_milli; a good that a store never counted is taken to be there. None: not
        known anywhere.
    """
    home = to_polars(homes, needs=["store_id"], name="homes", key="customer_id").select("customer_id", "store_id")
    rows = ranked.join(home, on="customer_id", how="left", maintain_order="left")
    if on_hand is not None:
        lies = to_polars(on_hand, needs=["store_id", "product_id", "on_hand_milli"], name="stock")
        out = lies.filter(pl.col("on_hand_milli") <= 0).select("store_id", "product_id")
        rows = rows.join(out, on=["store_id", "product_id"], how="anti", maintain_order="left")
    rows, place = rows.sort("customer_id", "rank"), pl.int_range(pl.len())
    first = pl.when(begins(pl.col("customer_id"))).then(place).forward_fill()
    return rows.with_columns(rank=place - first + 1).filter(pl.col("rank") <= top)


def own_time(clock: AnyFrame) -> pl.DataFrame:
    """When each member comes most often: customer_id, weekday (1 = Monday), send_slot; ties to the earlier.

    Parameters
    ----------
    clock : customer_id, hour, weekday, receipts.
    """
    rows = to_polars(clock, needs=["customer_id", "hour", "weekday", "receipts"], name="receipts by hour")
    spans = pairwise([0, *(end for end, _ in SLOTS)])
    slots = {
        name: pl.col("hour").is_between(*span, closed="left") for (_, name), span in zip(SLOTS, spans, strict=True)
    }
    days = {str(day): pl.col("weekday") == day for day in range(1, 8)}
    sums = {name: pl.when(when).then("receipts").otherwise(0).sum() for name, when in (days | slots).items()}
    counts = rows.lazy().group_by("customer_id").agg(**sums)

    def most(names: Iterable[str]) -> pl.Expr:
        top = pl.max_horizontal(*names)
        return pl.coalesce(*(pl.when(pl.col(name) == top).then(pl.lit(name)) for name in names))

    weekday = most(days).cast(rows.schema["weekday"])
    return (
        counts.select("customer_id", weekday=weekday, send_slot=most(slots))
        .sort("customer_id")
        .collect(engine="streaming")
    )
