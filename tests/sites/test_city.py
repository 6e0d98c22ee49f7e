"""The simulated city: reproducible, its exports ingest without loss, its truth is what its plan says."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
import yaml

from crmlib.core import coordinates
from crmlib.data import Lake, ingest
from crmlib.simulate import city as simulated
from crmlib.simulate import city_files, network
from tests.sites.conftest import SMALL

TINY = replace(SMALL, cells=150, own=12, rivals=10, candidates=8, people=3e5, openings=3)


LAST = date(2026, 10, 31)


def months(last: date, count: int) -> list[date]:
    at = last.year * 12 + last.month - 1
    return [date(m // 12, m % 12 + 1, 1) for m in range(at - count + 1, at + 1)]


def tills(last: date) -> network.Known:
    """An old shop whose receipts cover 20 months, and a counter that has just opened."""
    stores = pl.DataFrame(
        {
            "store_id": ["S007", "C009"], "name": ["杭州学院路店", "杭州城市广场专柜"], "lat": [30.24, 30.29],
            "lon": [120.15, 120.30], "gcj_lat": [30.2354, 30.29402], "gcj_lon": [120.15604, 120.30489],
            "area_m2": [57, 13], "rent_yuan": [2300.0, 1200.0], "counter": [False, True],
            "opened_on": [date(2019, 2, 12), months(last, 3)[0].replace(day=9)],
        }
    )  # fmt: skip
    sold = {("S007", m): 900_000 + 1_000 * m.month for m in months(last, 20)}
    sold |= {("C009", m): 400_000 for m in months(last, 2)}
    visits = {key: 50 for key in sold}
    season = {m: 1 + 0.1 * (m.month == 1) for m in months(last, 20)}
    return network.Known(stores, sold, visits, season)


@pytest.mark.parametrize("end", [TINY.end, LAST])
def test_known_stores_sell_what_their_receipts_say(end: date) -> None:
    plan, known = replace(TINY, end=end), tills(end)
    made = simulated.build(plan, rng=np.random.default_rng(1), known=known)
    first, last = simulated.periods(plan)
    told = {(s, m): v for s, m, v in made.openings.rows() if (s, m) in known.sold}
    assert told == known.sold
    gross = dict(made.stores.select("site_id", "gross").rows())
    assert gross["S007"] == pytest.approx(known.year("S007", last), rel=1e-8)
    assert known.year("C009", last) is None
    visits = dict(
        made.card_flows.filter(pl.col("period_end") == last).group_by("site_id").agg(pl.col("visits").sum()).rows()
    )
    assert visits["S007"] == 12 * 50
    early = made.openings.filter(pl.col("site_id") == "C009")["month"].min()
    assert early == months(last, 2)[0]  # the month in which it opened is not a whole one
    assert made.card_flows.filter(pl.col("period_end") == first, pl.col("site_id") == "C009").is_empty()


def test_a_month_that_no_receipt_covers_has_the_season_of_the_same_month() -> None:
    known = tills(LAST)
    assert known.busy(date(2023, 1, 1)) == pytest.approx(1.1)
    assert known.busy(date(2023, 2, 1)) == 1.0
    assert replace(known, season={}).busy(date(2023, 2, 1)) == 1.0


def test_the_same_seed_gives_the_same_city():
    one, two = (simulated.build(TINY, rng=np.random.default_rng(1)) for _ in range(2))
    other = simulated.build(TINY, rng=np.random.default_rng(2))
    for name in ("cells", "sites", "competitors", "card_flows", "openings", "truth"):
        assert getattr(one, name).equals(getattr(two, name)), name
        assert not getattr(one, name).equals(getattr(other, name)), name


def test_revenue_of_the_last_year_is_what_the_shares_say():
    quiet = simulated.build(replace(TINY, openings=0), rng=np.random.default_rng(1))
    year = quiet.openings.filter(pl.col("month") > date(2024, 6, 30))
    total = year["revenue_minor"].sum() / 100
    demand = quiet.cells["population"].sum() * TINY.per_head
    assert 0.05 < total / demand < 0.7
    assert year.group_by("site_id").len()["len"].unique().to_list() == [12]


def test_openings_start_low_and_take_from_old_stores():
    made = simulated.build(replace(TINY, own=20, openings=6), rng=np.random.default_rng(3))
    first, _ = simulated.periods(TINY)
    new = made.sites.filter(pl.col("opened_on") > first)["site_id"].to_list()
    assert len(new) == 6
    months = made.openings.with_columns(year=pl.col("month").dt.year(), new=pl.col("site_id").is_in(new))
    old = (
        months.filter(~pl.col("new") & pl.col("month").dt.month().is_between(1, 6))
        .group_by("year")
        .agg(pl.col("revenue_minor").sum())
    )
    by_year = dict(old.rows())
    assert by_year[2025] < by_year[2023] * 0.99
    assert simulated.ramp(1) == pytest.approx(0.45)
    assert simulated.ramp(60) == pytest.approx(1, abs=1e-3)


def test_missing_rivals_are_missing_from_the_file_only():
    whole, part = (
        simulated.build(replace(TINY, rivals=40, missing=m), rng=np.random.default_rng(4)) for m in (0.0, 0.5)
    )
    assert part.competitors.height < whole.competitors.height * 0.8
    assert part.truth.equals(whole.truth)


def test_the_mean_over_effects_lies_above_the_median_store():
    truth = simulated.build(TINY, rng=np.random.default_rng(5)).truth
    assert (truth["gross_mean"] > truth["gross_known"]).all()
    assert (truth["net"] < truth["gross"]).all()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("city")
    (folder / "truth").mkdir()
    city_files.write(folder, tills(LAST), end=LAST, rng=np.random.default_rng(1))
    mapping = city_files.mapping(known_on=date(2024, 1, 1))
    (folder / "sources.yml").write_text(yaml.safe_dump(mapping, allow_unicode=True), encoding="utf-8")
    lake = Lake(folder / "lake")
    results = [
        ingest(name, sources=folder / "sources.yml", lake=lake, now=datetime(2026, 11, 1, tzinfo=UTC))
        for name in mapping
    ]
    return folder, lake, results


def test_every_exported_row_is_ingested(exported):
    _, _, results = exported
    for result in results:
        assert result.kept == result.read
        assert result.kept > 0


def test_places_come_as_amap_shows_them_and_turn_back(exported):
    _, lake, _ = exported
    sites = lake.table("sites").collect()
    assert sites["crs"].cast(pl.String).unique().to_list() == ["GCJ02"]
    back = coordinates.frame_to_wgs84(sites)
    truth = pl.read_parquet(exported[0] / "truth" / "sites.parquet")
    assert set(truth["site_id"]) == set(back.filter(pl.col("kind") == "candidate")["site_id"])
    moved = coordinates.distance_km(sites["lat"], sites["lon"], back["lat"], back["lon"])
    assert 0.3 < moved.min() < moved.max() < 0.8


def test_the_files_stay_small(exported):
    folder, _, _ = exported
    assert sum(p.stat().st_size for p in folder.glob("sites_*")) < 600_000
