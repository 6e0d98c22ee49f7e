"""Published numbers: San Francisco location problems, Freiburg's Huff model, Karlsruhe's MCI regression."""

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.sites.classics import location, mci

pytestmark = pytest.mark.real_data

PRINTED = 5e-10  # R prints ten digits


@pytest.fixture(scope="module")
def san_francisco(real_data):
    """205 tracts × 16 stores, network distances [m] and population, as in the examples of spopt."""
    long = pl.read_parquet(real_data / "spopt_sf" / "network_distance.parquet")
    wide = long.pivot(on="name", index=["DestinationName", "demand"], values="distance")
    return wide.select(wide.columns[2:]), wide["demand"].to_numpy().astype(float)


def names(frame: pl.DataFrame, found: location.Located) -> set[int]:
    return {int(frame.columns[i].removeprefix("Store_")) for i in found.chosen}


def test_eight_stores_cover_every_tract_within_5_km(san_francisco):
    frame, _ = san_francisco
    assert location.cover_all(frame.to_numpy(), radius=5000).objective == 8


def test_four_stores_cover_875247_people(san_francisco):
    frame, people = san_francisco
    found = location.cover_most(frame.to_numpy(), people, p=4, radius=5000)
    assert found.objective == 875_247
    assert found.covered / frame.height == pytest.approx(0.89756, abs=5e-6)  # of tracts
    assert found.objective / people.sum() == pytest.approx(0.91638, abs=5e-6)  # of people


def test_the_p_median_is_the_published_one(san_francisco):
    frame, people = san_francisco
    found = location.p_median(frame.to_numpy(), people, p=4)
    assert found.objective == pytest.approx(2_848_268_129.7145, abs=1e-3)
    assert names(frame, found) == {11, 12, 15, 2}


def test_the_p_center_is_the_published_one(san_francisco):
    frame, _ = san_francisco
    assert location.p_center(frame.to_numpy(), p=4).objective == pytest.approx(7403.0638, abs=5e-5)


def test_a_radius_that_reaches_nobody_is_refused(san_francisco):
    frame, _ = san_francisco
    with pytest.raises(ModelError) as raised:
        location.cover_all(frame.to_numpy(), radius=10)
    assert raised.value.code == "sites.no_cover"


@pytest.fixture(scope="module")
def freiburg(real_data):
    """42 districts × 63 stores: purchasing power, sales areas, distances, store sales (estimates)."""
    pairs, power, sales = (pl.read_parquet(real_data / "mci" / f"Freiburg{i}.parquet") for i in (1, 2, 3))
    order = sales["store"].to_list()
    district = power["district"].to_list()

    def wide(values: str) -> np.ndarray:
        table = pairs.pivot(on="store", index="district", values=values)
        return (
            pl.DataFrame({"district": district})
            .join(table, on="district", maintain_order="left")
            .select(order)
            .to_numpy()
        )

    return power["ppower"].to_numpy(), wide("salesarea"), wide("distance"), sales["annualsales"].to_numpy()


def test_freiburg_gives_the_printed_totals(freiburg):
    demand, area, distance, sales = freiburg
    expected = mci.huff_totals(demand, area, distance, gamma=1, lambda_=-2)
    r2, mape = mci.quality(sales, expected)
    assert round(expected[0]) == 4_057_591
    assert r2 == pytest.approx(0.5128422, abs=5e-8)
    assert mape == pytest.approx(0.6383766, abs=5e-8)
    assert expected.sum() == pytest.approx(377_105_880)
    assert sales.sum() == pytest.approx(377_105_880)


def test_fitted_to_freiburg_the_model_explains_more_than_the_textbook_exponents(freiburg):
    demand, area, distance, sales = freiburg
    found = mci.fit_totals(demand, area, distance, sales)
    assert found.converged
    assert found.pseudo_r2 > 0.9
    assert found.mape < 0.25
    # the sales are estimates from areas, hence almost no distance in them: the map decides λ, not this set
    assert found.area == pytest.approx(1.03, abs=0.05)
    assert -0.3 < found.distance < 0


@pytest.fixture(scope="module")
def karlsruhe(real_data):
    """Grocery trips and spending of eastern Karlsruhe by district and store, as R's MCI prepares them (+0.1)."""
    trips, routes, districts, stores = (
        pl.read_parquet(real_data / "mci" / f"shopping{i}.parquet") for i in (1, 2, 3, 4)
    )
    east = districts.filter(pl.col("KA_east") == 1)["resid_code"]
    raw = trips.filter(pl.col("resid_code").is_in(east.implode())).drop_nulls(["resid_code", "gro_purchase_code"])
    often = raw.group_by("gro_purchase_code").len().filter(pl.col("len") > 2)["gro_purchase_code"]
    homes = raw.group_by("resid_code").len().filter(pl.col("len") > 1)["resid_code"]
    raw = raw.filter(pl.col("gro_purchase_code").is_in(often.implode()) & pl.col("resid_code").is_in(homes.implode()))
    keys = ["resid_code", "gro_purchase_code"]
    seen = raw.group_by(keys).agg(trips=pl.len(), spent=pl.col("gro_purchase_expen").sum())
    grid = raw.select("resid_code").unique().join(raw.select("gro_purchase_code").unique(), how="cross")
    full = grid.join(seen, on=keys, how="left").with_columns(pl.col("trips", "spent").fill_null(0) + 0.1)
    shares = full.with_columns(pl.col("trips", "spent") / pl.col("trips", "spent").sum().over("resid_code"))
    return shares.join(routes, left_on=keys, right_on=["from", "to"]).join(
        stores, left_on="gro_purchase_code", right_on="location_code"
    )


def test_karlsruhe_trips_give_the_printed_regression(karlsruhe):
    x = karlsruhe.select("d_time", pl.col("salesarea_qm").cast(pl.Float64)).to_numpy()
    found = mci.regression(karlsruhe["resid_code"].to_numpy(), karlsruhe["trips"].to_numpy(), x)
    assert found.coefficients == pytest.approx((-1.2443115428, 0.9413016655), abs=PRINTED)
    assert found.standard_errors == pytest.approx((0.2319, 0.1158), abs=5e-5)
    assert found.r_squared == pytest.approx(0.4603, abs=5e-5)


def test_karlsruhe_spending_gives_the_printed_regression(karlsruhe):
    x = karlsruhe.select("d_time", pl.col("salesarea_qm").cast(pl.Float64)).to_numpy()
    found = mci.regression(karlsruhe["resid_code"].to_numpy(), karlsruhe["spent"].to_numpy(), x)
    assert found.coefficients == pytest.approx((-2.3788, 2.0409), abs=5e-5)


@pytest.mark.parametrize("name", ["distance", "area"])
def test_a_power_law_refuses_a_store_in_the_cell_itself_instead_of_answering_nan(freiburg, name):
    demand, area, distance, _ = freiburg
    given = {"area": area.copy(), "distance": distance.copy()}
    given[name][0, 0] = 0.0
    with pytest.raises(ModelError, match=f"{name}: 1 of"):
        mci.huff_totals(demand, **given, gamma=1, lambda_=-2)


def test_a_transposed_distance_is_refused(freiburg):
    demand, area, distance, _ = freiburg
    with pytest.raises(ModelError, match="distance of shape"):
        mci.huff_totals(demand, area, distance.T, gamma=1, lambda_=-2)
