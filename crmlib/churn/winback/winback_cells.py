"""Whom did the win-back lists win? The four uplift cells of everybody on a closed list, and what each cell earned.

A person's features are those known the day before the list left; lost = not in the shop inside the window. Cells come
from the cross-fitted T-learner, effects from the doubly robust score of people the models never saw, so a split into
cells that is mere chance shows as effects alike. Their intervals allow for people, lists and stores that are alike
(`crmlib.churn.winback.clusters`). Per cell, with m the mean margin of a return inside the window, whose own error
counts, too,

    net = u · treated · m − cost,     cost = all contacts and all vouchers redeemed, free riders included.

A logit needs ten of the rarer outcome per feature (Peduzzi et al. 1996) in either group of either fold. Below that
nothing is fitted, and `missing` says how many more people would have to be on the lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil
from typing import Any

import numpy as np
import polars as pl

from crmlib.churn.features.features import EVERYBODY, features
from crmlib.churn.features.visits import Visits, among, trips, whose
from crmlib.churn.winback import uplift
from crmlib.churn.winback.clusters import product
from crmlib.churn.winback.winback import MIN_HELD_OUT, outcome
from crmlib.churn.winback.winback_lists import WINDOW_DAYS, lists, with_margin, worth
from crmlib.core.frames import AnyFrame

FEATURES = ("recency", "trips", "basket", "promotion_share")
"""Few, because a holdout is small: how long ago, how often, how much, and whether by offers."""
STORE = "home_store_id"
CLUSTERS = ("customer_id", "list", STORE)
EVENTS_PER_FEATURE = 10
FOLDS = 2
SCHEMA = {
    "cell": pl.String, "treated": pl.Int64, "held_out": pl.Int64, "came_treated": pl.Int64, "came_held_out": pl.Int64,
    "effect": pl.Float64, "low": pl.Float64, "high": pl.Float64, "cost_minor": pl.Int64, "net_minor": pl.Int64,
    "net_low_minor": pl.Int64, "net_high_minor": pl.Int64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cells:
    """The four cells of the closed lists.

    Parameters
    ----------
    table : one row per cell with the columns of `SCHEMA`; effect and money are null where fewer than 30 were contacted
        or left alone; no rows where the lists are too small to fit.
    people : on the closed lists that have a holdout.
    missing : people still to be listed before a fit is worth it; 0 where it was made.
    """

    table: pl.DataFrame
    people: int
    missing: int


def people(
    contacts: AnyFrame, seen: Visits, margins: pl.DataFrame, *, as_of: date, days: int = WINDOW_DAYS
) -> pl.DataFrame:
    """Everybody on a closed list with a holdout: `lists` with came, lost, margin_minor in the window, and `FEATURES`.

    Parameters
    ----------
    margins : customer_id, day_n, margin_minor; an empty frame where no cost is known (then margin_minor is null).
    """
    shown = lists(contacts).filter(pl.col("sent_on") + timedelta(days=days) <= as_of)
    held = (pl.col("group") == "holdout").any().over("list")
    listed = shown.filter(held)
    own = listed["customer_id"]
    few = whose(seen, own)
    paid = margins.filter(among(margins, own))
    parts = [
        _one_list(part, few, paid, sent=part["sent_on"][0], days=days)
        for _, part in listed.group_by("list", maintain_order=True)
    ]
    return pl.concat(parts, how="diagonal") if parts else pl.DataFrame()


def _one_list(part: pl.DataFrame, seen: Visits, margins: pl.DataFrame, *, sent: date, days: int) -> pl.DataFrame:
    came = outcome(part, trips(seen), sent_on=sent, until=sent + timedelta(days=days))
    came = with_margin(came, margins, sent=sent, days=days)
    known = features(seen, t0=sent - timedelta(days=1), options=EVERYBODY)
    kept = known.select("customer_id", *(n for n in (*FEATURES, STORE) if n in known.columns))
    joined = came.join(kept, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns((1 - pl.col("came")).alias("lost"))


def missing(listed: pl.DataFrame, *, features: int) -> int:
    """People still to be listed until each group has seen enough of the rarer outcome; 0 if it has.

    Examples
    --------
    >>> both = pl.DataFrame({"group": ["contact", "holdout"] * 100, "lost": [0, 0, 1, 1] * 50})
    >>> missing(both, features=2), missing(both, features=4)
    (0, 120)
    """
    needed, short = EVENTS_PER_FEATURE * features * FOLDS, 0
    for group in ("contact", "holdout"):
        lost = listed.filter(pl.col("group") == group)["lost"]
        rarer = min(int(lost.sum()), int(lost.len() - lost.sum()))
        if rarer < needed:
            short = max(short, ceil((needed - rarer) * listed.height / max(rarer, 1)))
    return short


def read_cells(listed: pl.DataFrame, *, rng: np.random.Generator) -> Cells | None:
    """The four cells with what each earned; none where no closed list has a holdout.

    Parameters
    ----------
    listed : from `people`.
    """
    if listed.is_empty():
        return None
    names = tuple(n for n in FEATURES if n in listed.columns)
    short = missing(listed, features=len(names))
    if short:
        return Cells(pl.DataFrame(schema=SCHEMA), listed.height, short)
    clusters = [c for c in CLUSTERS if c in listed.columns]
    fit = uplift.fit(listed, rng=rng, names=names, within="list", clusters=clusters)
    rows = fit.table.select("cell").hstack(listed.select("group", "came", "cost_minor"))
    found = uplift.cells(fit.table, clusters=clusters)
    return Cells(_earned(found, _counts(rows), worth(listed, clusters=clusters)), listed.height, 0)


def _counts(rows: pl.DataFrame) -> pl.DataFrame:
    contact = pl.col("group") == "contact"
    return rows.group_by("cell").agg(
        contact.sum().cast(pl.Int64).alias("treated"),
        (~contact).sum().cast(pl.Int64).alias("held_out"),
        pl.col("came").filter(contact).sum().cast(pl.Int64).alias("came_treated"),
        pl.col("came").filter(~contact).sum().cast(pl.Int64).alias("came_held_out"),
        pl.col("cost_minor").filter(contact).sum().alias("cost_minor"),
    )


def _earned(effects: pl.DataFrame, counts: pl.DataFrame, margin: tuple[float, float] | None) -> pl.DataFrame:
    table = effects.select("cell", "effect", "low", "high").join(counts, on="cell", how="left", maintain_order="left")
    table = table.with_columns(
        pl.col("treated", "held_out", "came_treated", "came_held_out", "cost_minor").fill_null(0)
    )
    enough = pl.min_horizontal("treated", "held_out") >= MIN_HELD_OUT
    table = table.with_columns(pl.when(enough).then(c).alias(c) for c in ("effect", "low", "high"))
    money = [_net(row, margin) for row in table.iter_rows(named=True)]
    nets = pl.DataFrame(money, schema=["net_minor", "net_low_minor", "net_high_minor"], orient="row")
    return table.hstack(nets).select(pl.col(n).cast(t) for n, t in SCHEMA.items())


def _net(row: dict[str, Any], margin: tuple[float, float] | None) -> tuple[int | None, ...]:
    """Net profit of a cell, low and high."""
    if margin is None or row["effect"] is None:
        return (None, None, None)
    gains = product(row["effect"], row["low"], row["high"], worth=margin[0], worth_half=margin[1])
    return tuple(round(gain * row["treated"]) - row["cost_minor"] for gain in gains)
