"""Whom to contact: what earlier lists of this purpose did in each cell, shrunk, times margin, less the cost.

Cells are purpose × tier × recency. Their effects are pooled over closed lists by precision, and shrunk towards the
purpose's mean (random effects, DerSimonian & Laird 1986). Without any earlier list the order is by value and the effect
is unknown. A model of uplift may replace the cells only where it beats "who answers" and past spend by two standard
deviations over at least twelve split halves: such models lose to simple orders as often as they win.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach.money import Array, Flags

CELL = ("tier", "recency")
MIN_SPLITS = 12
BEYOND_SD = 2.0


def cell_effects(read: AnyFrame) -> pl.DataFrame:
    """Shrunk effect of each cell and purpose.

    Parameters
    ----------
    read : objective, tier, recency, effect_minor (spend per head), se_minor; one row per closed list and cell.

    Returns
    -------
    objective, tier, recency, lists, effect_minor, se_minor.
    """
    table = to_polars(read, needs=["objective", *CELL, "effect_minor", "se_minor"], name="read-outs")
    weight = 1 / pl.col("se_minor") ** 2
    pooled = (
        table.filter(pl.col("se_minor") > 0)
        .group_by("objective", *CELL)
        .agg(
            lists=pl.len().cast(pl.Int64),
            mean=(pl.col("effect_minor") * weight).sum() / weight.sum(),
            precision=weight.sum(),
        )
    )
    parts = [_shrunk(part) for _, part in pooled.sort("objective", *CELL).group_by("objective", maintain_order=True)]
    kept = ("objective", *CELL, "lists", "effect_minor", "se_minor")
    kinds = {**dict.fromkeys(kept, pl.Float64), "objective": pl.String, "tier": pl.String, "recency": pl.String}
    return pl.concat(parts).select(kept) if parts else pl.DataFrame(schema=kinds)


def _shrunk(part: pl.DataFrame) -> pl.DataFrame:
    mean, weight = part["mean"].to_numpy(), part["precision"].to_numpy()
    middle, middle_var, between = _middle(mean, weight)
    kept = between / (between + 1 / weight)
    se = np.sqrt(kept / weight + (1 - kept) ** 2 * middle_var)
    return part.with_columns(pl.Series("effect_minor", middle + kept * (mean - middle)), pl.Series("se_minor", se))


def _middle(mean: Array, weight: Array) -> tuple[float, float, float]:
    """The purpose's mean, its variance, and the variance between cells (DerSimonian & Laird 1986)."""
    centre = float((weight * mean).sum() / weight.sum())
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    between = max(0.0, (float((weight * (mean - centre) ** 2).sum()) - (mean.size - 1)) / scale) if scale > 0 else 0.0
    total = 1 / (between + 1 / weight)
    return float((total * mean).sum() / total.sum()), 1 / float(total.sum()), between


def everywhere(read: AnyFrame, cells: AnyFrame) -> pl.DataFrame:
    """`cell_effects`, and for `cells` in which no list has read enough the purpose's mean with the error of a new cell.

    Parameters
    ----------
    read : as `cell_effects`. cells : tier, recency.
    """
    found = cell_effects(read)
    table = to_polars(read, needs=["objective", *CELL, "effect_minor", "se_minor"], name="read-outs")
    table = table.filter(pl.col("se_minor") > 0).sort("objective")
    asked = to_polars(cells, needs=CELL, name="cells").select(CELL).unique().sort(CELL)
    parts = [found]
    for (objective,), part in table.group_by("objective", maintain_order=True):
        weight = 1 / part["se_minor"].to_numpy() ** 2
        middle, var, between = _middle(part["effect_minor"].to_numpy(), weight)
        known = found.filter(pl.col("objective") == objective).select(CELL)
        rest = asked.join(known, on=CELL, how="anti", maintain_order="left")
        parts.append(rest.select(
            pl.lit(objective).alias("objective"), *CELL, lists=pl.lit(0, dtype=pl.Int64), effect_minor=pl.lit(middle),
            se_minor=pl.lit(float(np.sqrt(var + between))),
        ))  # fmt: skip
    return pl.concat(parts, how="vertical_relaxed")


def choose(members: AnyFrame, effects: pl.DataFrame, *, objective: str, margin: float, cost_minor: int) -> pl.DataFrame:
    """Members by expected net of a contact.

    Parameters
    ----------
    members : recipient_id, tier, recency, value_minor.
    effects : from `cell_effects`.
    margin : margin of a unit of spend [share]; cost_minor : of one contact.

    Returns
    -------
    recipient_id, tier, recency, value_minor, net_minor (expected; null = effect unknown), reason (`paid`, `costs`,
    `unknown`); best first, unknown ones by value after those that pay.
    """
    people = to_polars(members, needs=[*CELL, "value_minor"], name="members", key="recipient_id")
    known = effects.filter(pl.col("objective") == objective).select(*CELL, "effect_minor")
    joined = people.join(known, on=CELL, how="left", maintain_order="left")
    net = (pl.col("effect_minor") * margin - cost_minor).round().cast(pl.Int64)
    reason = (
        pl.when(net.is_null()).then(pl.lit("unknown")).when(net > 0).then(pl.lit("paid")).otherwise(pl.lit("costs"))
    )
    place = pl.col("reason").replace_strict({"paid": 0, "unknown": 1, "costs": 2}, return_dtype=pl.Int64)
    listed = joined.with_columns(net_minor=net, reason=reason)
    return listed.sort(
        place, "net_minor", "value_minor", "recipient_id", descending=[False, True, True, False], nulls_last=True
    ).select("recipient_id", *CELL, "value_minor", "net_minor", "reason")


def qini(y: Array, contact: Flags, score: Array) -> float:
    """Area between the curve of extra outcomes by falling score and that of a random order, per head.

    Parameters
    ----------
    y : outcome 0/1, contact : contacted at random, score : higher = first; shape (n,).
    """
    order = np.argsort(-score, kind="stable")
    w, out = contact[order].astype(np.float64), y[order].astype(np.float64)
    treated, held = np.cumsum(w), np.cumsum(1 - w)
    extra = np.cumsum(out * w) - np.cumsum(out * (1 - w)) * treated / np.maximum(held, 1)
    n = y.size
    straight = extra[-1] * np.arange(1, n + 1) / n
    return float((extra - straight).sum() / n / n)


def model_may_choose(splits: AnyFrame) -> bool:
    """Whether a model of uplift beat both simple orders by 2 sd on at least twelve split halves.

    Parameters
    ----------
    splits : model, answers, spend (Qini of each order); one row per split half.

    Examples
    --------
    >>> model_may_choose(pl.DataFrame({"model": [2.0] * 12, "answers": [1.0] * 12, "spend": [0.5] * 12}))
    True
    """
    table = to_polars(splits, needs=["model", "answers", "spend"], name="splits")
    if table.height < MIN_SPLITS:
        return False
    for rival in ("answers", "spend"):
        gap = (table["model"] - table[rival]).to_numpy()
        if gap.mean() <= BEYOND_SD * gap.std(ddof=1):
            return False
    return True
