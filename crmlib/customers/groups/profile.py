"""Profile of a group against all members: what is unusual about it, and is that more than chance.

For each value of each trait: index = share in the group / share in all members. The group is part of "all", so one
share's interval is wrong; with w the group's share of members, p_g, p_r the shares in the group and in the rest,

    Var ln index = (1/p_g − w/p_all)² p_g q_g / n_g + ((1 − w)/p_all)² p_r q_r / n_r.

Shares in it are (x + 1/2)/(n + 1): with the plain ones an interval shrinks to a point where the rest has nobody
(coverage .33 instead of .95). The index cannot exceed 1/w, so the ratio to the rest is shown beside it. Differences are
tested by a two-proportion z test and controlled for their number by Benjamini and Hochberg (1995). Values of fewer than
five members count as not known; small cells, and what would betray them, are hidden (`scoring.suppression`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import ndtr

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.members import flag
from crmlib.customers.groups.suppression import LEAST, hidden

Array: TypeAlias = npt.NDArray[np.float64]

Z = 1.959964
"""Two-sided 95 %."""
RATE = 0.05
"""Share of false findings allowed among those called unusual."""
_REAL = ("share_group", "share_all", "index", "low", "high", "ratio_to_rest", "p_value")
SCHEMA = {
    "trait": pl.String, "value": pl.String, "in_group": pl.Int64, "in_all": pl.Int64,
    **dict.fromkeys(_REAL, pl.Float64), "suppressed": pl.Boolean, "q_value": pl.Float64, "unusual": pl.Boolean,
}  # fmt: skip


def profile(frame: AnyFrame, *, group: str, traits: Iterable[str], rate: float = RATE) -> pl.DataFrame:
    """Compare a group with all members, trait by trait.

    Parameters
    ----------
    frame : one row per member: customer_id, the Boolean column `group`, the trait columns (text; null = not known,
        left out of that trait's shares).
    group : name of the Boolean column; true for the members of the group.
    traits : names of the trait columns.
    rate : false discovery rate.

    Returns
    -------
    trait, value, in_group, in_all [members]; share_group, share_all; index, low, high (95 %); ratio_to_rest; p_value,
    q_value; unusual (q below `rate`); suppressed (small cells and what would betray them: numbers null). A group that
    is everybody has index 1, no rest, nothing unusual. Sorted by trait, then by index, largest first.

    Raises
    ------
    ModelError
        `scoring.empty_group` if nobody is in the group.

    Examples
    --------
    >>> frame = pl.DataFrame({"customer_id": [str(i) for i in range(40)], "g": [i < 20 for i in range(40)],
    ...     "band": ["young"] * 15 + ["old"] * 25})
    >>> found = profile(frame, group="g", traits=["band"])
    >>> found.select("value", "in_group", "index").row(0)
    ('young', 15, 2.0)
    """
    traits = tuple(dict.fromkeys(traits))
    table = flag(to_polars(frame, needs=(group, *traits), name="members", key="customer_id"), group)
    if not traits:
        return pl.DataFrame(schema=SCHEMA)
    if not table[group].any():
        raise ModelError("scoring.empty_group", values={"members": table.height})
    cells = pl.concat([_count(table, group=group, trait=trait) for trait in traits])
    tested = _with_statistics(cells)
    return (
        tested.with_columns(
            q_value=pl.Series(benjamini_hochberg(tested["p_value"].to_numpy())).fill_nan(None),
        )
        .with_columns(unusual=(pl.col("q_value") < rate).fill_null(value=False))
        .sort("trait", "index", "value", descending=[False, True, False], nulls_last=True, maintain_order=True)
        .select(list(SCHEMA))
    )


def log_index_variance(p_group: Array, n_group: Array, p_rest: Array, n_rest: Array) -> Array:
    """Var ln index of a group inside all members; the formula above; shape (cells,).

    Parameters
    ----------
    p_group, p_rest : shares in the group and in the rest; n_group, n_rest : members; each shape (cells,).
    """
    w = n_group / (n_group + n_rest)
    p_all = w * p_group + (1 - w) * p_rest
    own = (1 / p_group - w / p_all) ** 2 * p_group * (1 - p_group) / n_group
    others = ((1 - w) / p_all) ** 2 * p_rest * (1 - p_rest) / np.maximum(n_rest, 1)
    return own + others


def benjamini_hochberg(p: Array) -> Array:
    """Adjusted p values of Benjamini and Hochberg; NaN stays NaN; shape (cells,).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, 0.04, 0.03, np.nan])).round(3)
    array([0.03, 0.04, 0.04,  nan])
    """
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * order.size / np.arange(1, order.size + 1)
    adjusted = np.full(p.shape, np.nan)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _count(table: pl.DataFrame, *, group: str, trait: str) -> pl.DataFrame:
    known = table.filter(pl.col(trait).is_not_null()).select(value=pl.col(trait).cast(pl.String), member=pl.col(group))
    counted = (
        known.group_by("value")
        .agg(in_group=pl.col("member").sum().cast(pl.Int64), in_all=pl.len().cast(pl.Int64))
        .filter(pl.col("in_all") >= LEAST)
        .sort("value")
    )
    hide = hidden(counted["in_group"].to_numpy(), counted["in_all"].to_numpy())
    return counted.select(
        pl.lit(trait).alias("trait"),
        "value",
        "in_group",
        "in_all",
        pl.Series("suppressed", hide, dtype=pl.Boolean),
        n_group=pl.col("in_group").sum(),
        n_all=pl.col("in_all").sum(),
    )


def _with_statistics(cells: pl.DataFrame) -> pl.DataFrame:
    g, a, n_g, n_a = (cells[c].to_numpy().astype(np.float64) for c in ("in_group", "in_all", "n_group", "n_all"))
    n_r = n_a - n_g
    with np.errstate(divide="ignore", invalid="ignore"):
        p_g, p_a = g / n_g, a / n_a
        p_r = np.where(n_r > 0, (a - g) / np.maximum(n_r, 1), np.nan)
        index = p_g / p_a
        spread = Z * np.sqrt(log_index_variance((g + 0.5) / (n_g + 1), n_g, (a - g + 0.5) / (n_r + 1), n_r))
        low, high = index * np.exp(-spread), index * np.exp(spread)
        z = (p_g - p_r) / np.sqrt(p_a * (1 - p_a) * (1 / n_g + 1 / np.where(n_r > 0, n_r, np.nan)))
        p_value = 2 * ndtr(-np.abs(z))
        ratio = p_g / p_r
    hide = cells["suppressed"].to_numpy()
    columns = {
        "share_group": p_g, "share_all": p_a, "index": index, "low": low, "high": np.minimum(high, n_a / n_g),
        "ratio_to_rest": ratio, "p_value": p_value,
    }  # fmt: skip
    alone = {"low", "high", "ratio_to_rest", "p_value"}
    clean = {
        name: pl.Series(np.where(hide | (n_r == 0) if name in alone else hide, np.nan, values))
        for name, values in columns.items()
    }
    finite = [pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in clean]
    return (
        cells.with_columns(**clean)
        .with_columns(*finite)
        .with_columns(in_group=pl.when(pl.col("suppressed")).then(None).otherwise(pl.col("in_group")))
    )
