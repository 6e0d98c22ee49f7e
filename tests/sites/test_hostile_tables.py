"""Tables as they really come: nothing counts twice, no gap passes for a zero, no percentage for a share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest

from crmlib.core import coordinates
from crmlib.core.errors import CrmError
from crmlib.sites import forecast, market, plan, ramp, score, select, study
from crmlib.sites.classics import location
from crmlib.sites.shares import Stage

FAR = np.array([[1.0, 2.0], [3.0, 1.0]])
LATER = date(2100, 1, 1)


def first(frame: pl.DataFrame, column: str, value: object) -> pl.DataFrame:
    """`frame` with `value` in the first row of `column`."""
    kind = frame.schema[column]
    return frame.with_columns(
        pl.when(pl.int_range(pl.len()) == 0).then(pl.lit(value, dtype=kind)).otherwise(column).alias(column)
    )


def twice(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame.head(1)])


BUILDS: dict[str, tuple[str, Callable[..., object]]] = {
    "a cell stands twice": ("sites.ids", lambda w: w.build(cells=twice(w.city.cells))),
    "a store stands twice": ("sites.ids", lambda w: w.build(sites=twice(w.sites))),
    "a rival stands twice": ("sites.ids", lambda w: w.build(competitors=twice(w.city.competitors))),
    "a cell has no id": ("sites.ids", lambda w: w.build(cells=first(w.city.cells, "cell_id", None))),
    "people without income": ("sites.no_income", lambda w: w.build(cells=first(w.city.cells, "income_minor_month", 0))),
    "an endless area": ("sites.negative", lambda w: w.build(sites=first(w.sites, "area_m2", np.inf))),
    "an unknown attribute": ("sites.unknown_number", lambda w: w.build(sites=first(w.sites, "transit", None))),
    "a latitude of text": (
        "coordinates.out_of_range",
        lambda w: w.build(cells=w.city.cells.with_columns(lat=pl.lit("north"))),
    ),
    "ids of numbers": ("sites.unknown_ids", lambda w: w.build(flows=w.flows.with_columns(cell_id=pl.lit(5)))),
    "nobody spends": ("sites.per_head", lambda w: w.build(per_head_minor=0)),
    "another currency": ("frame.choice", lambda w: w.build(currency="XYZ")),
    "a month stands twice": ("sites.months_twice", lambda w: ramp.fit(twice(w.city.openings), w.city.sites)),
    "an opening is a text": (
        "frame.no_time",
        lambda w: ramp.fit(w.city.openings.with_columns(month=pl.lit("2024-01")), w.city.sites),
    ),
    "a candidate stands twice": (
        "sites.ids",
        lambda w: market.candidates(w.market, twice(w.sites.filter(pl.col("kind") == "candidate"))),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BUILDS)
def test_tables_that_would_give_a_wrong_market_are_refused(case: str, world) -> None:
    code, call = BUILDS[case]
    with pytest.raises(CrmError) as refused:
        call(world)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("sites.bad_k", {"k": 2.5}),
        ("sites.offers", {"capex": np.array([np.nan, 1.0])}),
        ("sites.offers", {"yearly_cost": np.zeros(3)}),
        ("sites.margin", {"margin": 35.0}),
        ("sites.margin", {"margin": -0.1}),
        ("sites.margin", {"budget": float("nan")}),
    ],
)
def test_a_choice_without_its_numbers_is_refused(code: str, changes: dict[str, object]) -> None:
    one = np.ones(1)
    at = Stage(demand=one, own=np.ones((1, 1)), rivals=one, outside=one, shift=one, nest=1.0, sigma=0.0)
    given = {"margin": 0.35, "yearly_cost": np.zeros(2), "capex": np.zeros(2), "k": 1} | changes
    with pytest.raises(CrmError) as refused:
        select.task(at, np.ones((1, 2)), **given)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "call",
    [
        lambda: location.p_median(FAR, np.ones(2), p=3),
        lambda: location.p_center(FAR, p=0),
        lambda: location.cover_all(np.where(FAR == 2, np.nan, FAR), radius=2),
        lambda: location.cover_most(-FAR, np.ones(2), p=1, radius=2),
    ],
)
def test_location_problems_without_sites_or_distances_are_refused(call: Callable[[], object]) -> None:
    with pytest.raises(CrmError) as refused:
        call()
    assert refused.value.code == "sites.locations"


def test_a_score_of_unknown_features_or_weights_is_refused() -> None:
    features = pl.DataFrame({"site_id": ["a", "b"], "people": [1.0, None], "rivals": [1.0, 2.0]})
    for code, weights in (("sites.unknown_number", {"people": 1.0}), ("sites.weights", {"rivals": float("nan")})):
        with pytest.raises(CrmError) as refused:
            score.weighted(features, weights=weights)
        assert refused.value.code == code


def test_unequal_lists_of_places_are_refused() -> None:
    for known in ([], [31.0, 32.0]):
        with pytest.raises(CrmError) as refused:
            coordinates.detect([31.0], [121.0], known_lat=known, known_lon=known)
        assert refused.value.code == "coordinates.nothing_known"


def test_a_candidate_next_door_to_an_own_store_is_marked(world, fitted) -> None:
    door = world.sites.filter(pl.col("kind") == "own").head(1)
    beside = door.with_columns(site_id=pl.lit("NEXT"), kind=pl.lit("candidate"))
    places = market.candidates(world.market, pl.concat([world.sites, beside]))
    marks = dict(zip(places.ids, forecast.extrapolated(world.market, places), strict=True))
    assert "beside" in marks.pop("NEXT")
    assert not any("beside" in mark for mark in marks.values())


def test_a_forecast_needs_draws(world, fitted) -> None:
    with pytest.raises(CrmError) as refused:
        forecast.simulate(world.market, fitted, world.candidates, draws=0, rng=np.random.default_rng(1))
    assert refused.value.code == "sites.draws"


def test_pandas_tables_and_timestamps_make_the_same_town_and_a_missing_rent_is_no_zero(world) -> None:
    names = ("cells", "sites", "competitors", "openings", "card_flows")
    tables = {name: getattr(world.city, name) for name in names}
    town = study.town(**tables, per_head_minor=28_000, as_of=LATER)
    other = study.town(
        **{name: table.to_pandas() for name, table in tables.items()},
        per_head_minor=28_000,
        as_of=datetime(2100, 1, 1),  # noqa: DTZ001
    )
    assert other.period_end == town.period_end
    assert np.array_equal(other.market.visits, town.market.visits)
    assert np.array_equal(other.market.revenue, town.market.revenue)
    unknown = replace(town, offers=first(town.offers, "rent_minor_month", None))
    with pytest.raises(CrmError) as refused:
        plan.make(unknown, None, plan.Goal(k=1, margin=0.3), rng=np.random.default_rng(1))
    assert refused.value.code == "sites.unknown_number"
