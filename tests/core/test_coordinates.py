"""WGS-84, GCJ-02, BD-09: published vectors, round trips, borders, the detector."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core import coordinates as geo
from crmlib.core.errors import ContractError, ModelError

VECTORS = [  # lat, lon WGS-84 → GCJ-02, as listed by the open implementations (Shanghai, Shenzhen, Beijing)
    (31.1774276, 121.5272106, 31.17530398364597, 121.531541859215),
    (22.543847, 113.912316, 22.540796131694766, 113.9171764808363),
    (39.911954, 116.377817, 39.91334545536069, 116.38404722455657),
]
LAST_DIGIT = 2e-14  # degrees; the vectors carry 15 to 17 digits
FIFTH_OF_A_MILLIMETRE = 0.0002

mainland = st.tuples(st.floats(24.0, 41.0), st.floats(100.0, 117.0))


def metres(lat: float, lon: float, to: tuple[object, object]) -> float:
    return float(1000 * geo.distance_km(lat, lon, to[0], to[1]))


@pytest.mark.parametrize(("lat", "lon", "gcj_lat", "gcj_lon"), VECTORS)
def test_the_shift_reproduces_the_published_vectors(lat, lon, gcj_lat, gcj_lon):
    y, x = geo.wgs_to_gcj(lat, lon)
    assert abs(float(y) - gcj_lat) <= LAST_DIGIT
    assert abs(float(x) - gcj_lon) <= LAST_DIGIT


@given(mainland)
def test_there_and_back_is_within_a_fifth_of_a_millimetre(point):
    lat, lon = point
    for crs in geo.CRS:
        back = geo.to_wgs84(*geo.from_wgs84(lat, lon, crs=crs), crs=crs)
        # haversine itself resolves about 0.1 mm at these distances, so compare degrees
        assert abs(float(back[0]) - lat) * 111_195 <= FIFTH_OF_A_MILLIMETRE
        assert abs(float(back[1]) - lon) * 111_195 <= FIFTH_OF_A_MILLIMETRE


@given(mainland)
def test_mainland_points_move_by_100_to_1000_metres(point):
    assert 50 < metres(*point, geo.wgs_to_gcj(*point)) < 1000  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("place", "lat", "lon", "moved"),
    [
        ("Central", 22.2819, 114.1582, False), ("Tsim Sha Tsui", 22.2976, 114.1722, False),
        ("Yuen Long", 22.4445, 114.0222, False), ("Sheung Shui", 22.5011, 114.1275, False),
        ("Macau Senado", 22.1935, 113.5399, False), ("Cotai", 22.1420, 113.5630, False),
        ("Taipei", 25.0330, 121.5654, False), ("Kaohsiung", 22.6273, 120.3014, False),
        ("Seoul", 37.5665, 126.9780, False), ("Tokyo", 35.6762, 139.6503, False), ("Hanoi", 21.0278, 105.8342, False),
        ("Vladivostok", 43.1155, 131.8855, False), ("Ulaanbaatar", 47.8864, 106.9057, False),
        ("Singapore", 1.3521, 103.8198, False), ("Delhi", 28.6139, 77.2090, False),
        ("Luohu", 22.5480, 114.1200, True), ("Futian Port", 22.5215, 114.0690, True),
        ("Shekou", 22.4850, 113.9130, True),
        ("Gongbei", 22.2210, 113.5500, True), ("Xiamen", 24.4798, 118.0894, True), ("Fuzhou", 26.0745, 119.2965, True),
        ("Dandong", 40.1240, 124.3940, True), ("Yantian", 22.5850, 114.2700, True), ("Sanya", 18.2528, 109.5119, True),
        ("Kashgar", 39.4704, 75.9898, True), ("Mohe", 52.9721, 122.5386, True), ("Lhasa", 29.6520, 91.1721, True),
        ("Fuyuan", 48.3617, 134.2955, True), ("Urumqi", 43.8256, 87.6168, True), ("Hunchun", 42.8625, 130.3660, True),
        ("Ruili", 24.0128, 97.8510, True), ("Pingxiang", 22.0960, 106.7600, True), ("Hekou", 22.5290, 103.9390, True),
    ],
)  # fmt: skip
def test_only_the_mainland_is_shifted(place, lat, lon, moved):
    assert bool(geo.shifted(lat, lon)) is moved, place


def test_baidu_turns_points_that_amap_leaves_alone():
    hong_kong = (22.2819, 114.1582)
    assert metres(*hong_kong, geo.from_wgs84(*hong_kong, crs="GCJ02")) == 0
    assert metres(*hong_kong, geo.from_wgs84(*hong_kong, crs="BD09")) > 500


@pytest.mark.parametrize("crs", geo.CRS)
def test_the_detector_names_the_system_despite_30_metres_of_noise(crs):
    rng = np.random.default_rng(1)
    lat, lon = 30.3 + rng.normal(0, 0.1, 40), 120.2 + rng.normal(0, 0.1, 40)
    y, x = geo.from_wgs84(lat, lon, crs=crs)
    found = geo.detect(y + rng.normal(0, 3e-4, 40), x + rng.normal(0, 3e-4, 40), known_lat=lat, known_lon=lon)
    assert found.crs == crs
    assert found.error_m < 60 < found.next_error_m


def test_the_detector_refuses_lists_that_do_not_match():
    lat, lon = np.array([30.1, 30.2, 30.3]), np.array([120.1, 120.2, 120.3])
    with pytest.raises(ModelError, match=r"clearly nearer") as raised:
        geo.detect(lat[::-1], lon, known_lat=lat, known_lon=lon)
    assert raised.value.code == "coordinates.no_match"


@pytest.mark.parametrize("kind", ["polars", "pandas", "pyarrow"])
def test_a_frame_with_mixed_declared_systems_comes_out_in_one(kind):
    lat, lon = np.array([31.2, 31.2, 31.2]), np.array([121.5, 121.5, 121.5])
    y, x = zip(*(geo.from_wgs84(31.2, 121.5, crs=crs) for crs in geo.CRS), strict=True)
    columns = {"id": [1, 2, 3], "lat": [float(v) for v in y], "lon": [float(v) for v in x], "crs": list(geo.CRS)}
    frame = {"polars": pl.DataFrame, "pandas": pd.DataFrame, "pyarrow": pa.table}[kind](columns)
    out = geo.frame_to_wgs84(frame)
    assert np.abs(out["lat"].to_numpy() - lat).max() < 1e-8
    assert np.abs(out["lon"].to_numpy() - lon).max() < 1e-8
    assert out["crs"].to_list() == ["WGS84"] * 3
    assert out["id"].to_list() == [1, 2, 3]


@pytest.mark.parametrize("crs", [None, "EPSG:4326"])
def test_an_undeclared_system_is_refused(crs):
    with pytest.raises(ContractError) as raised:
        geo.frame_to_wgs84(
            pl.DataFrame({"lat": [31.2], "lon": [121.5], "crs": [crs]}, schema_overrides={"crs": pl.String})
        )
    assert raised.value.code == "coordinates.undeclared"


@pytest.mark.parametrize(("lat", "lon"), [(121.5, 31.2), (95.0, 120.0), (31.0, 181.0), (float("nan"), 120.0)])
def test_swapped_or_impossible_coordinates_are_refused(lat, lon):
    with pytest.raises(ContractError) as raised:
        geo.frame_to_wgs84(pl.DataFrame({"lat": [31.2, lat], "lon": [121.5, lon], "crs": ["WGS84", "WGS84"]}))
    assert raised.value.code == "coordinates.out_of_range"
    assert raised.value.values["bad"] == 1
