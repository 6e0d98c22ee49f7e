"""Every refusal of the spec: the right code, in words that name the rows."""

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.core.coordinates import from_wgs84
from crmlib.core.errors import ContractError, CrmError, ModelError
from crmlib.kit.words import Words
from crmlib.sites import checks, market

OWN = pl.col("kind") == "own"


def first(column: str, value: object, *, own: bool = True) -> pl.Expr:
    """`value` in the first (own) row of `column`."""
    row = pl.int_range(pl.len()) == 0
    where = OWN & row if own else row
    return pl.when(where).then(pl.lit(value)).otherwise(pl.col(column)).alias(column)


def sites(world, *changes: pl.Expr) -> pl.DataFrame:
    return world.sites.sort(OWN, descending=True, maintain_order=True).with_columns(*changes)


CASES = {
    "undeclared_crs": lambda w: {"cells": w.city.cells.with_columns(crs=pl.lit(None, dtype=pl.String))},
    "mixed_crs": lambda w: {"competitors": w.city.competitors.with_columns(crs=pl.lit("GCJ02"))},
    "same_point": lambda w: {"competitors": w.city.competitors.with_columns(lat=pl.lit(30.2), lon=pl.lit(120.1))},
    "negative": lambda w: {"cells": w.city.cells.with_columns(first("population", -5, own=False))},
    "partial_year": lambda w: {"sites": sites(w, first("revenue_days", None))},
    "mixed_units": lambda w: {"sites": sites(w, first("revenue_minor", 10**13))},
    "unknown_ids": lambda w: {"flows": w.flows.with_columns(first("cell_id", "nowhere", own=False))},
    "no_competitors": lambda w: {"competitors": w.city.competitors.head(0)},
    "too_few": lambda w: {"sites": w.sites.filter(~OWN | pl.col("site_id").is_in(["S001", "S002"])),
                          "flows": w.flows.filter(pl.col("site_id").is_in(["S001", "S002"]))},
}  # fmt: skip


@pytest.mark.parametrize("code", CASES)
def test_a_market_is_refused(world, code):
    with pytest.raises(ModelError) as raised:
        world.build(**CASES[code](world))
    assert raised.value.code == f"sites.{code}"


@pytest.mark.parametrize(
    "code", [*CASES, "bad_distances", "metres", "geocoder_centroid", "calibration_failed", "no_period"]
)
@pytest.mark.parametrize("part", ["given", "expected", "mend"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_refusal_has_words(code, part, language):
    assert Words(language).has(f"sites.error.{code}.{part}")


def test_the_words_fit_the_values(world):
    for code, change in CASES.items():
        with pytest.raises(CrmError) as raised:
            world.build(**change(world))
        for part in ("given", "expected", "mend"):
            assert Words("zh")(f"sites.error.{code}.{part}", **raised.value.values)


def test_swapped_coordinates_are_refused_before_anything_is_computed(world):
    swapped = world.city.cells.rename({"lat": "lon", "lon": "lat"})
    with pytest.raises(ContractError) as raised:
        world.build(cells=swapped)
    assert raised.value.code == "coordinates.out_of_range"


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("cells", "area_km2"),
        ("cells", "income_minor_month"),
        ("sites", "area_m2"),
        ("competitors", "area_m2"),
        ("flows", "visits"),
    ],
)
def test_negative_measures_are_refused_everywhere(world, table, column):
    frame = {
        "cells": world.city.cells,
        "sites": world.sites,
        "competitors": world.city.competitors,
        "flows": world.flows,
    }
    spoiled = frame[table].with_columns((-pl.col(column)).alias(column))
    with pytest.raises(ModelError) as raised:
        world.build(**{table: spoiled})
    assert raised.value.code == "sites.negative"
    assert raised.value.values["column"] == column


def test_areas_of_zero_are_refused_but_empty_cells_are_not(world):
    with pytest.raises(ModelError):
        world.build(sites=sites(world, first("area_m2", 0.0)))
    world.build(cells=world.city.cells.with_columns(first("population", 0, own=False)))


def test_a_full_year_of_a_store_half_a_year_old_is_refused(world):
    young = sites(world, first("opened_on", date(2025, 1, 1)))
    with pytest.raises(ModelError) as raised:
        world.build(sites=young)
    assert raised.value.code == "sites.partial_year"


def test_a_part_of_a_year_that_says_so_is_brought_to_a_year(world):
    half = sites(world, first("revenue_days", 184))
    whole, part = world.market.revenue, world.build(sites=half).revenue
    assert part[0] == pytest.approx(whole[0] * 365 / 184)
    assert np.array_equal(part[1:], whole[1:])


def test_none_known_is_accepted_when_it_is_said(world):
    assert world.build(competitors="none-known").rivals.ids == ()
    with pytest.raises(ModelError) as raised:
        world.build(competitors="none")
    assert raised.value.code == "sites.no_competitors"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (pl.lit(float("nan")), "bad_distances"),
        (-pl.col("km"), "bad_distances"),
        (pl.col("km") * 1000, "metres"),
    ],
    ids=["missing", "negative", "metres"],
)
def test_bad_distances_are_refused(world, change, code):
    ids = (*world.market.own.ids, *world.market.rivals.ids)
    km = np.column_stack([world.market.own.km, world.market.rivals.km])
    table = pl.DataFrame(
        {"cell_id": np.repeat(world.market.cell_ids, len(ids)), "site_id": list(ids) * len(km), "km": km.ravel()}
    )
    with pytest.raises(ModelError) as raised:
        world.build(distances=table.with_columns(km=change))
    assert raised.value.code == f"sites.{code}"


def test_a_gap_in_the_matrix_is_refused(world):
    ids = (*world.market.own.ids, *world.market.rivals.ids)
    km = np.column_stack([world.market.own.km, world.market.rivals.km])
    table = pl.DataFrame(
        {"cell_id": np.repeat(world.market.cell_ids, len(ids)), "site_id": list(ids) * len(km), "km": km.ravel()}
    )
    with pytest.raises(ModelError) as raised:
        world.build(distances=table.slice(1))
    assert raised.value.code == "sites.bad_distances"


def test_members_at_a_geocoders_centroid_are_refused():
    rng = np.random.default_rng(1)
    lat, lon = 30.2 + rng.normal(0, 0.1, 200), 120.1 + rng.normal(0, 0.1, 200)
    checks.customers(pl.DataFrame({"lat": lat, "lon": lon}))
    lat[:12], lon[:12] = 30.25, 120.15
    with pytest.raises(ModelError) as raised:
        checks.customers(pl.DataFrame({"lat": lat, "lon": lon}))
    assert raised.value.code == "sites.geocoder_centroid"


def test_candidates_are_checked_like_stores(world):
    zero = world.sites.with_columns(area_m2=pl.lit(0.0))
    with pytest.raises(ModelError):
        market.candidates(world.market, zero)


def test_one_common_shifted_system_gives_the_same_market(world, fitted):
    def shift(frame: pl.DataFrame) -> pl.DataFrame:
        lat, lon = from_wgs84(frame["lat"].to_numpy(), frame["lon"].to_numpy(), crs="GCJ02")
        return frame.with_columns(lat=pl.Series(lat), lon=pl.Series(lon), crs=pl.lit("GCJ02"))

    moved = world.build(
        cells=shift(world.city.cells), sites=shift(world.sites), competitors=shift(world.city.competitors)
    )
    assert np.abs(moved.own.km - world.market.own.km).max() < 0.05  # the shift is smooth: distances stay
    assert replace(moved, own=world.market.own).own.ids == world.market.own.ids
