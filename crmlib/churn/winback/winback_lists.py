"""The win-back lists that were sent, read out one by one and together.

A list is the contacts with purpose `win_back` whose `contact_id` begins alike (before the first ``-``); those held out
by lot stand in it with outcome `holdout`. Margin counts only inside the window of the read-out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.churn.features.visits import only
from crmlib.churn.winback.clusters import MIN_CLUSTERS, half_width, labels, mean_of_those, product
from crmlib.churn.winback.winback import MIN_HELD_OUT, outcome, read_out
from crmlib.core.dates import day_number
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.proportions import newcombe

WINDOW_DAYS = 56
TOGETHER = "all"
SCHEMA = {
    "list": pl.String, "sent_on": pl.Date, "closed": pl.Boolean, "treated": pl.Int64, "held_out": pl.Int64,
    "came_treated": pl.Int64, "came_held_out": pl.Int64, "effect": pl.Float64, "low": pl.Float64, "high": pl.Float64,
    "extra": pl.Float64, "cost_minor": pl.Int64, "net_minor": pl.Int64, "net_low_minor": pl.Int64,
    "net_high_minor": pl.Int64,
}  # fmt: skip


def lists(contacts: AnyFrame) -> pl.DataFrame:
    """Everybody on a win-back list: list, sent_on, customer_id, group (contact, holdout), cost_minor."""
    needs = ["contact_id", "customer_id", "at", "purpose", "outcome"]
    table = to_polars(contacts, needs=needs, name="contacts").filter(pl.col("purpose").cast(pl.String) == "win_back")
    cost = pl.col("cost_minor").fill_null(0) if "cost_minor" in table.columns else pl.lit(0, dtype=pl.Int64)
    group = pl.when(pl.col("outcome") == "holdout").then(pl.lit("holdout")).otherwise(pl.lit("contact"))
    named = table.select(
        pl.col("contact_id").str.split("-").list.first().alias("list"),
        pl.col("at").dt.date().alias("sent_on"),
        "customer_id",
        group.alias("group"),
        cost.cast(pl.Int64).alias("cost_minor"),
    )
    return named.with_columns(pl.col("sent_on").min().over("list")).sort("sent_on", "list", "customer_id")


def read_lists(
    contacts: AnyFrame, trips: pl.DataFrame, margins: pl.DataFrame, *, as_of: date, days: int = WINDOW_DAYS
) -> pl.DataFrame:
    """The read-out of each list whose window has closed, in order of sending, and of all together (`all`).

    Parameters
    ----------
    trips : customer_id, day_n.
    margins : customer_id, day_n, margin_minor of each trip day; an empty frame where no cost is known.

    Returns
    -------
    The columns of `SCHEMA`; effect and money are null where a list has no holdout that could show one.
    """
    every = lists(contacts).filter(pl.col("sent_on") <= as_of)
    trips = only(trips, every["customer_id"])
    rows, closed_parts = [], []
    for (name,), part in every.group_by("list", maintain_order=True):
        sent = part["sent_on"][0]
        closed = sent + timedelta(days=days) <= as_of
        seen = outcome(part, trips, sent_on=sent, until=min(sent + timedelta(days=days), as_of))
        seen = with_margin(seen, margins, sent=sent, days=days)
        rows.append(_row(str(name), sent, seen, closed=closed))
        if closed:
            closed_parts.append(seen)
    if len(closed_parts) > 1:
        rows.append(_together(pl.concat(closed_parts)))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def with_margin(seen: pl.DataFrame, margins: pl.DataFrame, *, sent: date, days: int) -> pl.DataFrame:
    """Add margin_minor, what each of a list brought inside the window; null where no margin is known at all."""
    if margins.is_empty():
        return seen.with_columns(pl.lit(None, dtype=pl.Int64).alias("margin_minor"))
    first = day_number(sent)
    inside = margins.filter(pl.col("day_n").is_between(first + 1, first + days))
    made = inside.group_by("customer_id").agg(pl.col("margin_minor").sum().cast(pl.Int64))
    joined = seen.join(made, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("margin_minor").fill_null(0))


def worth(seen: pl.DataFrame, *, clusters: Sequence[str] = ("customer_id",)) -> tuple[float, float] | None:
    """Mean margin of a return inside the window [minor units] and half of its 95 % interval; none if none is known.

    Parameters
    ----------
    seen : came, margin_minor (`with_margin`).
    clusters : columns whose bunches widen the interval (`crmlib.churn.winback.clusters`).
    """
    known = seen.filter(pl.col("margin_minor").is_not_null())
    if known["came"].sum() == 0:
        return None
    margin, came = known["margin_minor"].to_numpy().astype(float), known["came"].to_numpy().astype(float)
    return mean_of_those(margin, came, clusters=labels(known, clusters))


def pooled(both: pl.DataFrame) -> tuple[float, float, float]:
    """The mean effect over those contacted, lists apart, and the widest of three 95 % intervals: effect, low, high.

    Newcombe's of each list, added in squares (Zou & Donner 2008); people on several lists as one; and, from five lists
    on, the spread of the lists' own effects, since the next list is another one.

    Parameters
    ----------
    both : list, customer_id, group, came of lists drawn by lot, each with both groups; their shares may differ.
    """
    contact = pl.col("group") == "contact"
    n1, n0 = contact.sum().alias("n1"), (~contact).sum().alias("n0")
    p1, p0 = pl.col("came").filter(contact).mean().alias("p1"), pl.col("came").filter(~contact).mean().alias("p0")
    k1, k0 = pl.col("came").filter(contact).sum().alias("k1"), pl.col("came").filter(~contact).sum().alias("k0")
    per = both.group_by("list", maintain_order=True).agg(n1, n0, p1, p0, k1, k0)
    weight = (per["n1"] / per["n1"].sum()).to_numpy()
    own = (per["p1"] - per["p0"]).to_numpy()
    effect = float((weight * own).sum())
    _, lows, highs = newcombe(*(per[c].to_numpy() for c in ("k1", "n1", "k0", "n0")))
    low, high = (float(np.sqrt(((weight * (end - own)) ** 2).sum())) for end in (lows, highs))
    half = _by_person(both, per)
    if len(own) >= MIN_CLUSTERS:
        half = max(half, half_width(weight * (own - effect) * len(own)))
    return effect, effect - max(low, half), effect + max(high, half)


def _by_person(both: pl.DataFrame, per: pl.DataFrame) -> float:
    """Half of the interval of the pooled effect, from what each row adds to it, people on several lists as one."""
    contact, total = pl.col("group") == "contact", per["n1"].sum()
    treated = (pl.col("came") - pl.col("p1")) / total
    alone = (pl.col("p0") - pl.col("came")) * pl.col("n1") / pl.col("n0") / total
    part = pl.when(contact).then(treated).otherwise(alone).alias("part")
    added = both.join(per, on="list", maintain_order="left").select(part, "customer_id")
    return half_width(added["part"].to_numpy() * added.height, clusters=labels(added, ["customer_id"]))


def _row(name: str, sent: date | None, seen: pl.DataFrame, *, closed: bool) -> list[object]:
    counts, cost = _counted(seen)
    if not closed or min(counts[:2]) < MIN_HELD_OUT:
        return _unread([name, sent, closed, *counts], cost)
    value, half = worth(seen) or (0.0, 0.0)
    made = read_out(seen, margin_minor=value, margin_half=half, cost_minor=cost)
    known = seen["margin_minor"].null_count() < seen.height
    money = [made.net_minor, made.net_low_minor, made.net_high_minor] if known else [None] * 3
    return [name, sent, closed, *counts, made.effect, made.low, made.high, made.extra, cost, *money]


def _together(seen: pl.DataFrame) -> list[object]:
    """All closed lists as one."""
    counts, cost = _counted(seen)
    both = seen.filter((pl.col("group").n_unique() > 1).over("list"))
    if both.is_empty() or min(_counted(both)[0][:2]) < MIN_HELD_OUT:
        return _unread([TOGETHER, None, True, *counts], cost)
    effect, low, high = pooled(both)
    money: list[int | None] = [None] * 3
    margin = worth(seen, clusters=("customer_id", "list"))
    if margin is not None:
        gains = product(effect, low, high, worth=margin[0], worth_half=margin[1])
        money = [round(gain * counts[0]) - cost for gain in gains]
    return [TOGETHER, None, True, *counts, effect, low, high, effect * counts[0], cost, *money]


def _counted(seen: pl.DataFrame) -> tuple[list[int], int]:
    """Contacted, left alone, came of either; and what was spent on the contacted."""
    treated, held = seen.filter(pl.col("group") == "contact"), seen.filter(pl.col("group") == "holdout")
    counts = [treated.height, held.height, int(treated["came"].sum()), int(held["came"].sum())]
    return counts, int(treated["cost_minor"].sum())


def _unread(counts: Sequence[object], cost: int) -> list[object]:
    return [*counts, None, None, None, None, cost, None, None, None]
