"""A site study from tables to a plan, in three steps: the town, the calibrated model, the plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import polars as pl

from crmlib.core.coordinates import frame_to_wgs84
from crmlib.core.dates import a_day
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.sites import backtest, choose, features, market, periods, ramp, score
from crmlib.sites.choose import Choice
from crmlib.sites.market import Market, Stores
from crmlib.sites.ramp import RampFit

DRAWS = 200
ACCESS = ("transit",)


@dataclass(frozen=True, slots=True)
class Town:
    """Checked tables of one town.

    market, candidates : as arrays; offers : candidates' rows, in the order of `candidates`; names : site_id → name;
    past : the market before the last openings; ramp : of the chain's openings, none if too few; rivals_known : whether
    there is a competitor layer; period_end : of the card flows; rows : table → rows read.
    """

    market: Market
    candidates: Stores
    offers: pl.DataFrame
    names: dict[str, str]
    past: choose.Past | None
    ramp: RampFit | None
    rivals_known: bool
    period_end: date
    rows: dict[str, int]


def town(
    *,
    cells: AnyFrame,
    sites: AnyFrame,
    competitors: AnyFrame | Literal["none-known"],
    openings: AnyFrame,
    card_flows: AnyFrame,
    per_head_minor: int,
    as_of: date,
    currency: str = "CNY",
) -> Town:
    """Bring the tables into one coordinate system and check them; the flows are the latest up to `as_of`.

    Parameters
    ----------
    per_head_minor : what a head spends on the category in a year, all sellers together.

    Raises
    ------
    ModelError
        Any refusal of `crmlib.sites.checks`; `sites.no_period` if no card flows end by `as_of`.
    """
    as_of = a_day(as_of, name="as_of")
    places, cells_ = frame_to_wgs84(sites, name="sites"), frame_to_wgs84(cells, name="cells")
    rivals = competitors if isinstance(competitors, str) else frame_to_wgs84(competitors, name="competitors")
    months = timed(openings, at="month", name="openings").with_columns(pl.col("month").cast(pl.Date))
    flows = timed(card_flows, at="period_end", name="card_flows").with_columns(pl.col("period_end").cast(pl.Date))
    if "opened_on" in places.columns:
        places = timed(places, at="opened_on", name="sites").with_columns(pl.col("opened_on").cast(pl.Date))
    ends = [day for day in periods.period_ends(flows) if day <= as_of]
    if not ends:
        raise ModelError("sites.no_period", values={"as_of": as_of.isoformat()})

    def at(day: date) -> tuple[pl.DataFrame, Market]:
        table, seen = periods.network(places, months, flows, period_end=day)
        made = market.build(
            cells=cells_, sites=table, flows=seen, competitors=rivals, per_head_minor=per_head_minor,
            attributes=ACCESS, currency=currency,
        )  # fmt: skip
        return table, made

    table, now = at(ends[-1])
    curve = _ramp(months, places)
    offers = places.filter(pl.col("kind") == "candidate").sort("site_id")
    return Town(
        market=now,
        candidates=market.candidates(now, places),
        offers=offers,
        names=_names(places),
        past=None if len(ends) < 2 else _past(at(ends[-2])[1], now, table, before_end=ends[-2], curve=curve),
        ramp=curve,
        rivals_known=not isinstance(rivals, str),
        period_end=ends[-1],
        rows={
            "sites": places.height, "cells": cells_.height, "card_flows": flows.height, "openings": months.height,
            "competitors": 0 if isinstance(rivals, str) else rivals.height,
        },
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scored:
    """Where the model cannot be used: the score's table, names of sites, own stores and card visits that there are."""

    table: pl.DataFrame
    names: dict[str, str]
    stores: int
    visits: int


def scored(
    *, cells: AnyFrame, sites: AnyFrame, competitors: AnyFrame, card_flows: AnyFrame | None = None,
    weights: dict[str, float] | None = None,
) -> Scored:  # fmt: skip
    """Score candidates by the map alone; for a chain with fewer than 8 stores or 2,000 geocoded card visits.

    Parameters
    ----------
    card_flows : period_end, cell_id, site_id, visits, if there are any: only counted, to say how far the model is off.
    weights : of `score.weighted`; the house's without it.
    """
    places, cells_ = frame_to_wgs84(sites, name="sites"), frame_to_wgs84(cells, name="cells")
    visits = 0
    if card_flows is not None:
        flows = to_polars(card_flows, needs=("period_end", "visits"), name="card_flows")
        visits = int(flows.filter(pl.col("period_end") == pl.col("period_end").max())["visits"].sum())
    none = pl.DataFrame(schema={"cell_id": pl.String, "site_id": pl.String, "visits": pl.Int64})
    made = market.build(
        cells=cells_, sites=places.with_columns(revenue_minor=pl.lit(0), revenue_days=pl.lit(365)), flows=none,
        competitors=frame_to_wgs84(competitors, name="competitors"), per_head_minor=1, few_allowed=True,
    )  # fmt: skip
    found = score.weighted(features.catchment(made, market.candidates(made, places)), weights=weights)
    return Scored(found, _names(places), len(made.own.ids), visits)


def calibrate(town_: Town, *, rng: np.random.Generator, draws: int = DRAWS) -> Choice:
    """Choose the decay form and fit the model."""
    return choose.choose(town_.market, past=town_.past, rng=rng, draws=draws)


def _names(places: pl.DataFrame) -> dict[str, str]:
    """Name of each site, its id where it has none."""
    if "name" not in places.columns:
        return {i: i for i in places["site_id"]}
    return dict(places.select("site_id", pl.coalesce("name", "site_id")).rows())


def _ramp(months: pl.DataFrame, places: pl.DataFrame) -> RampFit | None:
    """The chain's ramp, none if it has too few openings to tell."""
    try:
        return ramp.fit(months, places)
    except ModelError:
        return None


def _past(
    before: Market, after: Market, table: pl.DataFrame, *, before_end: date, curve: RampFit | None
) -> choose.Past | None:
    opened = backtest.past_openings(before, table, before_end=before_end, ramp=curve)
    return choose.Past(before, after, opened) if opened.height >= backtest.MIN_OPENINGS else None
