"""A small city with known truth, its market and its fit, made once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from crmlib.simulate import city as simulated
from crmlib.sites import forecast, huff, market, periods, shares
from crmlib.sites.market import Market, Stores

SMALL = simulated.CityPlan(cells=600, own=26, rivals=28, candidates=30, people=1e6, openings=6)
PER_HEAD_MINOR = 28_000  # the plan's 280 yuan


@dataclass(frozen=True)
class World:
    city: simulated.City
    sites: pl.DataFrame
    flows: pl.DataFrame
    market: Market
    candidates: Stores

    def build(self, **changes: object) -> Market:
        given = {
            "cells": self.city.cells, "sites": self.sites, "flows": self.flows,
            "competitors": self.city.competitors, "per_head_minor": PER_HEAD_MINOR, "attributes": ("transit",),
        } | changes  # fmt: skip
        return market.build(**given)


def make(plan: simulated.CityPlan, *, seed: int) -> World:
    city = simulated.build(plan, rng=np.random.default_rng(seed))
    sites, flows = periods.network(city.sites, city.openings, city.card_flows, period_end=simulated.periods(plan)[1])
    built = market.build(
        cells=city.cells, sites=sites, flows=flows, competitors=city.competitors, per_head_minor=PER_HEAD_MINOR,
        attributes=("transit",),
    )  # fmt: skip
    return World(city, sites, flows, built, market.candidates(built, sites))


@pytest.fixture(scope="session")
def world() -> World:
    return make(SMALL, seed=3)


@pytest.fixture(scope="session")
def fitted(world: World) -> huff.HuffFit:
    return huff.fit(world.market)


@pytest.fixture(scope="session")
def stage(world: World, fitted: huff.HuffFit) -> tuple[shares.Stage, np.ndarray]:
    return forecast.candidate_attractions(world.market, fitted, world.candidates)


@pytest.fixture(scope="session")
def nested_world() -> World:
    return make(replace(SMALL, nest=0.6), seed=4)
