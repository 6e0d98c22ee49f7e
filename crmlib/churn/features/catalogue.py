"""The features by name: the reason each belongs to, whether its logarithm is taken, whether it ages by itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import polars as pl

Group = Literal["recency", "rhythm", "trend", "value", "promotion", "store", "season", "service"]
GROUPS: tuple[Group, ...] = ("recency", "rhythm", "trend", "value", "promotion", "store", "season", "service")
"""Families of features; a reason names one of them."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature.

    Parameters
    ----------
    name, group : its name and the reason it belongs to.
    log : a linear model reads log1p of it.
    tenure_like : it grows with the calendar; its drift is a note, never an alarm.
    linear : the logit reads it by default; the others say the same once more and cost it accuracy where the history
        of the training rows is shorter than today's (CDNOW AUC .8302 with all of them, .8388 without).
    """

    name: str
    group: Group
    log: bool = True
    tenure_like: bool = False
    linear: bool = True


# all counts of trips are one family: only their sum says whether somebody comes less than before
CATALOGUE: dict[str, Feature] = {
    f.name: f
    for f in (
        Feature("recency", "recency"),
        Feature("age", "value", tenure_like=True),
        Feature("trips", "trend", tenure_like=True),
        Feature("trips_30", "trend"),
        Feature("trips_90", "trend"),
        Feature("trips_180", "trend"),
        Feature("trips_365", "trend"),
        Feature("trips_prior_90", "trend"),
        Feature("spend_365", "value", linear=False),
        Feature("spend_90", "trend", linear=False),
        Feature("spend_prior_90", "trend", linear=False),
        Feature("basket", "value"),
        Feature("spend_trend", "trend", log=False, linear=False),
        Feature("gap_mean", "rhythm"),
        Feature("gap_median", "rhythm", linear=False),
        Feature("gap_sd", "rhythm", linear=False),
        Feature("gap_last", "rhythm"),
        Feature("gap_max", "rhythm", tenure_like=True),
        Feature("missed_trips", "rhythm"),
        Feature("return_share", "service", log=False, linear=False),
        Feature("promotion_share", "promotion", log=False),
        Feature("stores", "store"),
        Feature("store_idle", "store"),
        Feature("festival_share", "season", log=False),
        Feature("points_balance", "promotion"),
        Feature("points_redeemed", "promotion", log=False),
        Feature("contact_response", "promotion", log=False),
        Feature("complaints", "service"),
        Feature("complaints_open", "service"),
    )
}


def feature(name: str) -> Feature:
    """The catalogue's entry; an unknown number column is taken as it is and belongs to `value`.

    Examples
    --------
    >>> feature("gap_sd").group, feature("own_score").group
    ('rhythm', 'value')
    """
    return CATALOGUE.get(name, Feature(name, "value", log=False))


def usable(table: pl.DataFrame, *, skip: Iterable[str] = ()) -> tuple[str, ...]:
    """Number columns of a feature table that a model may read, in the order of the catalogue."""
    never = {"customer_id", "home_store_id", "origin", "y", "horizon", *skip}
    present = [c for c in table.columns if c not in never and table.schema[c].is_numeric()]
    known = [c for c in CATALOGUE if c in present]
    return (*known, *(c for c in present if c not in CATALOGUE))


def linear(table: pl.DataFrame, *, skip: Iterable[str] = ()) -> tuple[str, ...]:
    """The usable columns that the logit reads by default."""
    return tuple(n for n in usable(table, skip=skip) if feature(n).linear)
