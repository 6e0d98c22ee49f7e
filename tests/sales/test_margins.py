from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.sales import assortment, margins


@pytest.mark.real_data
def test_the_fresh_counters_sums_to_the_fen(fresh):  # reference numbers 1 to 3
    got = margins.margin(fresh).row(0, named=True)
    assert (got["net_minor"], got["cost_minor"], got["margin_minor"]) == (336_977_203, 212_611_561, 124_365_642)
    under = margins.under_cost(fresh)
    rates = fresh.filter(pl.col("net_minor") > 0).select(
        (pl.col("net_minor") - pl.col("cost_minor")) / pl.col("net_minor")
    )
    assert rates.mean().item() == pytest.approx(0.3570, abs=5e-5)  # the naive mean of lines
    assert got["rate"] == pytest.approx(0.3691, abs=5e-5)
    assert under.height == 2_852  # the 2,853rd counted sold 0 kg: nothing is lost on it
    assert under["margin_minor"].sum() == -726_267


@pytest.mark.real_data
def test_loss_divides_and_does_not_add(fresh, real_data):
    loss = pl.read_parquet(real_data / "fresh_counter" / "loss_rate.parquet")
    loss.columns = ["code", "product_id", "per_cent"]
    rates = loss.unique("product_id").select("product_id", loss_bp=(pl.col("per_cent") * 100).round().cast(pl.Int64))
    table = margins.with_loss(fresh.join(rates, on="product_id", how="left"))
    net, lost = table["net_minor"].sum(), table["loss_cost_minor"].sum()
    naive = table.select((pl.col("cost_minor") * (1 + pl.col("loss_bp").fill_null(0) / 10_000)).sum()).item()
    assert 1 - lost / net == pytest.approx(0.2979, abs=5e-5)
    assert 1 - naive / net == pytest.approx(0.3068, abs=5e-5)


@given(st.integers(0, 10**10), st.integers(0, 9999))
def test_what_is_lost_is_paid_by_what_is_left(cost, loss):
    got = margins.with_loss(pl.DataFrame({"cost_minor": [cost], "loss_bp": [loss]}))["loss_cost_minor"].item()
    assert abs(got * (10_000 - loss) - cost * 10_000) <= (10_000 - loss) / 2


def test_a_loss_in_per_cent_of_hundreds_is_refused():
    with pytest.raises(ModelError, match="9999"):
        margins.with_loss(pl.DataFrame({"cost_minor": [1], "loss_bp": [10_000]}))


def test_sales_without_a_cost_are_no_margin_of_100_per_cent():
    got = margins.margin(pl.DataFrame({"net_minor": [100, 900], "cost_minor": [60, None]})).row(0, named=True)
    assert (got["rate"], got["uncosted_minor"]) == (0.4, 900)


def test_a_return_under_cost_stands_with_the_sales_under_cost():
    table = pl.DataFrame({"net_minor": [50, -50, -90], "cost_minor": [80, -80, -80], "quantity_milli": [1, -1, -1]})
    assert margins.under_cost(table)["margin_minor"].to_list() == [-30, 30]


def test_purchase_prices_are_compared_on_goods_bought_in_both_periods():
    names = ["supplier_id", "category", "unit", "product_id", "quantity_milli", "price_minor"]
    then = pl.DataFrame(
        [("V", "c", "kg", "a", 1000, 100), ("V", "c", "kg", "old", 1000, 1)], schema=names, orient="row"
    )
    now = pl.DataFrame([("V", "c", "kg", "a", 3000, 330), ("V", "c", "kg", "new", 10, 999)], schema=names, orient="row")
    got = margins.purchases(now, then).row(0, named=True)
    assert got["price_index"] == pytest.approx(1.1)
    assert (got["price_minor"], got["before_minor"]) == (1329, 101)
    assert margins.purchases(now, then.clear())["price_index"].item() is None


@pytest.mark.real_data
def test_distribution_of_a_good_states_its_window(frat):  # reference numbers 6 and 7
    sold = frat.rename({"week": "day"})
    last = sold["day"].max()
    four = sold.filter(pl.col("day") > last - timedelta(weeks=4))
    assert four["net_minor"].sum() == 70_213_157
    assert four.select("store_id", "day").n_unique() == 308
    stores = sold.select("store_id").unique()
    got = {
        w: assortment.distribution(sold, stores=stores, first=last - timedelta(weeks=w) + timedelta(days=1), last=last)
        for w in (1, 4, 52)
    }
    row = got[4].filter(pl.col("product_id") == "7110410470").row(0, named=True)
    assert (row["carrying"], row["able"]) == (31, 77)
    assert row["weighted"] == pytest.approx(0.65978, abs=5e-6)
    carried = [t.filter(pl.col("product_id") == "2066200532")["carrying"].item() for t in got.values()]
    assert carried == [34, 41, 45]


def test_a_listed_good_that_did_not_sell_is_not_active_and_a_sold_one_must_be_listed():
    day = date(2026, 3, 28)
    sold = pl.DataFrame(
        {"store_id": "s", "product_id": ["a", "b", "c"], "day": [day, day, date(2026, 2, 28)], "net_minor": 1}
    )
    listings = pl.DataFrame(
        {"store_id": "s", "product_id": ["a", "c"], "valid_from": date(2026, 1, 1), "valid_to": None},
        schema_overrides={"valid_to": pl.Date},
    )
    assert assortment.active(sold, as_of=day)["product_id"].to_list() == ["a", "b"]
    assert assortment.active(sold, as_of=day, listings=listings)["product_id"].to_list() == ["a"]


def test_sales_per_day_count_days_on_which_the_store_sold():
    cells = pl.DataFrame({"store_id": ["s", "s"], "day": [date(2026, 3, 1), date(2026, 3, 5)], "net_minor": [100, 300]})
    area = pl.DataFrame({"store_id": ["s"], "area_m2": [20.0]})
    got = assortment.velocity(cells, stores=area).row(0, named=True)
    assert (got["per_day_minor"], got["per_m2_minor"]) == (200, 20)
    assert assortment.velocity(cells)["per_m2_minor"].item() is None
