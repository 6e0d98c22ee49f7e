"""One company: every table of the sample speaks of the same stores, people, goods, sums and places."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.core.coordinates import distance_km, frame_to_wgs84
from crmlib.data import Lake
from crmlib.pages.site_selection.parameters import SiteSelection
from crmlib.simulate import city_files
from crmlib.simulate.members import ROLES
from crmlib.simulate.story import HOUSEHOLDS
from crmlib.simulate.vocabulary import toml
from crmlib.sites import study

LAST = date(2026, 10, 31)
KEYS = {
    "store_id": "stores", "customer_id": "customers", "staff_id": "staff", "product_id": "products",
    "promotion_id": "promotions", "partner_id": "partners", "deal_id": "deals", "lead_id": "leads",
    "meeting_id": "meetings", "invoice_id": "invoices", "payment_id": "payments", "account_id": "accounts",
    "card_id": "cards", "voucher_id": "vouchers", "supplier_id": "suppliers", "ticket_id": "tickets",
    "site_id": "sites", "cell_id": "cells", "solution_id": "solutions", "list_id": "campaigns", "lot_id": "lots",
    "pool_id": "pool_rules", "season_id": "seasons", "task_id": "care_tasks", "contact_id": "contacts",
    "receipt_id": "receipt_lines", "call_id": "calls",
}  # fmt: skip
ALIASES = {
    "home_store": "store_id", "sold_store": "store_id", "to_partner": "partner_id", "parent_id": "partner_id",
    "recipient_id": "customer_id",
}  # fmt: skip
STRANGERS = {
    ("meeting_guests", "customer_id"): "N",  # guests and leads who have no card yet
    ("meeting_orders", "customer_id"): "N",
    ("touches", "customer_id"): "N",
    ("outreach", "list_id"): "S",  # the season whose people stand on no list
    ("stock", "lot_id"): "",  # counted without a lot
}


@pytest.fixture(scope="module")
def read(sample_lake: Lake) -> dict[str, pl.LazyFrame]:
    return {name: sample_lake.table(name) for name in sample_lake.tables()}


@pytest.fixture(scope="module")
def truth(root: Path) -> Path:
    return root / "data_samples" / "truth"


@pytest.fixture(scope="module")
def own(read: dict[str, pl.LazyFrame]) -> pl.DataFrame:
    """Own stores of the site study."""
    return read["sites"].filter(pl.col("kind").cast(pl.String) == "own").collect()


@pytest.fixture(scope="module")
def run(own: pl.DataFrame) -> pl.DataFrame:
    """Those that the company runs."""
    return own.filter(pl.col("operator").cast(pl.String) == "company")


def test_whatever_a_table_names_stands_in_the_list_of_it(read: dict[str, pl.LazyFrame]) -> None:
    wrong, asked = [], 0
    for name, table in read.items():
        for column in table.collect_schema().names():
            key = ALIASES.get(column, "staff_id" if column.endswith("_staff") else column)
            if key not in KEYS or (KEYS[key] == name and column == key):
                continue
            asked += 1
            named = table.select(pl.col(column).cast(pl.String).alias(key)).drop_nulls().unique()
            known = read[KEYS[key]].select(pl.col(key).cast(pl.String)).unique()
            if column == "recipient_id":  # a member, or a shop that salespeople supply
                known = pl.concat([known, read["partners"].select(pl.col("partner_id").alias(key))])
            gone = named.join(known, on=key, how="anti").collect()[key]
            allowed = STRANGERS.get((name, column))
            if allowed is not None:
                gone = gone.filter(~gone.str.starts_with(allowed) if allowed else gone != "")
            wrong += [(name, column, gone.len())] if gone.len() else []
    assert wrong == []
    assert asked > 60


def test_regions_are_those_of_the_stores(read: dict[str, pl.LazyFrame]) -> None:
    regions = set(read["stores"].collect()["region"])
    for name, table in read.items():
        if "region" in table.collect_schema().names():
            assert set(table.select("region").drop_nulls().unique().collect()["region"]) <= regions, name


def test_members_live_where_their_store_is_and_joined_while_it_was_open(read: dict[str, pl.LazyFrame]) -> None:
    stores = read["stores"].select(home_store="store_id", of="region", opened="opened_on", closed="closed_on")
    homes = read["customers"].join(stores, on="home_store").collect()
    assert homes.height == read["customers"].select(pl.len()).collect().item()
    assert (homes["region"] == homes["of"]).all()
    assert homes.filter((pl.col("joined_on") < pl.col("opened")) | (pl.col("joined_on") >= pl.col("closed"))).is_empty()


def test_people_of_a_store_are_of_its_region_and_goods_move_where_it_is_open(read: dict[str, pl.LazyFrame]) -> None:
    stores = read["stores"].select("store_id", of="region", opened="opened_on", closed="closed_on")
    staff = read["staff"].drop_nulls("store_id").join(stores, on="store_id").collect()
    assert (staff["region"] == staff["of"]).all()
    for name, day in (("receipt_lines", "day"), ("stock", "counted_on"), ("expenses", "month")):
        table = read[name].join(stores, on="store_id")
        shut = (pl.col(day) < pl.col("opened").dt.month_start()) | (pl.col(day) >= pl.col("closed"))
        assert table.filter(shut).collect().is_empty(), name


def test_sites_the_company_runs_are_its_stores_of_that_city(read: dict[str, pl.LazyFrame], run: pl.DataFrame) -> None:
    stores = read["stores"].filter(
        pl.col("city") == run["city"][0], pl.col("closed_on").is_null() | (pl.col("closed_on") > LAST)
    )
    same = ["name", "city", "lon", "lat", "crs", "opened_on", "area_m2", "rent_minor_month"]
    listed = stores.select("store_id", *same).collect().sort("store_id")
    assert listed.height == 4
    assert run.select(pl.col("site_id").alias("store_id"), *same).sort("store_id").equals(listed)


def test_what_they_sold_is_what_their_receipts_say(
    read: dict[str, pl.LazyFrame], run: pl.DataFrame, truth: Path
) -> None:
    at = {"site_id": "store_id", "month": pl.col("day").dt.truncate("1mo")}
    receipts = read["receipt_lines"].filter(pl.col("store_id").is_in(run["site_id"].implode()))
    sums = receipts.group_by(**at).agg(pl.col("net_minor").sum()).collect()
    months = read["openings"].select("site_id", "month", "revenue_minor").collect()
    both = sums.join(months, on=["site_id", "month"], how="left")
    assert both.height == 4 * 24
    assert (both["net_minor"] == both["revenue_minor"]).all()
    year = both.filter(pl.col("month") > LAST - timedelta(days=365)).group_by("site_id").agg(pl.col("net_minor").sum())
    made = pl.read_parquet(truth / "site_stores.parquet").join(year, on="site_id")
    assert made["gross"].to_list() == pytest.approx((made["net_minor"] / 100).to_list(), rel=1e-5)


def test_their_card_visits_are_days_on_which_a_member_bought(
    read: dict[str, pl.LazyFrame], run: pl.DataFrame, truth: Path
) -> None:
    roles = [ROLES[role] for role in HOUSEHOLDS]
    cards = pl.read_parquet(truth / "customers.parquet").filter(pl.col("role").is_in(roles))["customer_id"]
    bought = read["receipt_lines"].filter(
        pl.col("store_id").is_in(run["site_id"].implode()), pl.col("day") > LAST - timedelta(days=365),
        pl.col("customer_id").is_in(cards.implode()), pl.col("quantity_milli") > 0,
    )  # fmt: skip
    days = bought.select("store_id", "customer_id", "day").unique().group_by("store_id").len().collect()
    seen = read["card_flows"].filter(pl.col("period_end") == LAST).group_by("site_id").agg(pl.col("visits").sum())
    both = days.join(seen.collect(), left_on="store_id", right_on="site_id")
    assert both.height == 4
    assert (both["len"] == both["visits"]).all()


def test_franchised_shops_are_of_the_size_of_the_companys_stores(
    read: dict[str, pl.LazyFrame], own: pl.DataFrame, run: pl.DataFrame
) -> None:
    franchised = own.filter(pl.col("operator").cast(pl.String) == "franchisee")
    assert franchised.height == city_files.FRANCHISED == own.height - run.height
    stores, last_year = read["stores"].collect(), LAST - timedelta(days=365)
    assert not set(franchised["site_id"]) & set(stores["store_id"])
    assert not set(franchised["name"]) & set(stores["name"])
    assert franchised["opened_on"].min() > stores["opened_on"].min()
    shops = stores.filter(pl.col("kind").cast(pl.String) == "own")
    lines = read["receipt_lines"].filter(
        pl.col("day") > last_year, pl.col("store_id").is_in(shops["store_id"].implode())
    )
    sold = lines.group_by("store_id").agg(pl.col("net_minor").sum()).collect()["net_minor"]
    months = read["openings"].filter(pl.col("month") > last_year, ~pl.col("site_id").is_in(run["site_id"].implode()))
    theirs = months.group_by("site_id").agg(pl.col("revenue_minor").sum()).collect()["revenue_minor"]
    for share in (0.25, 0.5, 0.75):
        assert 0.6 < theirs.quantile(share) / sold.quantile(share) < 1.6
    assert theirs.max() < 1.5 * sold.max()
    a_metre = [(f["rent_minor_month"] / f["area_m2"]).median() for f in (shops, franchised)]
    assert a_metre[1] == pytest.approx(a_metre[0], rel=0.3)
    assert 0.6 < franchised["area_m2"].median() / shops["area_m2"].median() < 1.4


def test_names_and_addresses_of_sites_are_their_own(read: dict[str, pl.LazyFrame]) -> None:
    sites, words = read["sites"].collect(), toml("city")
    assert sites["name"].is_unique().all()
    assert sites["address"].is_unique().all()
    drawn = sites.filter(pl.col("site_id").str.starts_with("HZ"))
    number = (
        drawn["name"].str.extract(r"(\d+)").cast(pl.Int64)
    )  # what a page calls a site is what the workbook calls it
    assert (number == drawn["site_id"].str.tail(3).cast(pl.Int64)).all()
    for address, district in drawn.select("address", "district").iter_rows():
        assert any(address.startswith(road) for road in words["roads"][district]), (address, district)


def test_sites_lie_in_their_district_and_on_chinese_maps(read: dict[str, pl.LazyFrame]) -> None:
    sites, cells = read["sites"].collect(), frame_to_wgs84(read["cells"].collect())
    assert sites["crs"].cast(pl.String).unique().to_list() == ["GCJ02"]
    assert sites.select(pl.all_horizontal(pl.col("district", "address", "name").is_not_null())).to_series().all()
    places = frame_to_wgs84(sites)
    far = distance_km(
        places["lat"].to_numpy()[:, None], places["lon"].to_numpy()[:, None],
        cells["lat"].to_numpy(), cells["lon"].to_numpy(),
    )  # fmt: skip
    nearest = cells["district"].gather(pl.Series(far.argmin(axis=1)))
    agree = (nearest == places["district"]).mean()
    assert float(agree or 0.0) > 0.9  # a site near a border may lie beside a cell of the other district
    assert far.min(axis=1).max() < 1.0


def test_nothing_that_has_happened_lies_beyond_the_last_day(read: dict[str, pl.LazyFrame]) -> None:
    for name, table in read.items():
        event = CONTRACTS[name].event
        if event is None or CONTRACTS[name].ahead:
            continue
        last = table.select(pl.col(event).cast(pl.Date).max()).collect().item()
        assert last is None or last <= LAST, name


def test_promotions_run_are_approved_and_lie_ahead_on_the_last_day(read: dict[str, pl.LazyFrame]) -> None:
    plans, steps = read["promotions"].collect(), read["promotion_steps"].collect()
    on = plans.filter(pl.col("starts_at").dt.date() <= LAST, pl.col("ends_at").dt.date() > LAST)
    today = set(read["receipt_lines"].filter(pl.col("day") == LAST).collect()["promotion_id"].drop_nulls())
    assert on.height > 0 and set(on["promotion_id"]) & today, "one runs, and is sold"
    ahead = plans.filter(pl.col("starts_at").dt.date() > LAST)
    approved = steps.filter(pl.col("state").cast(pl.String) == "approved")["promotion_id"]
    assert ahead.filter(pl.col("promotion_id").is_in(approved.implode())).height > 0


def test_business_customers_vouchers_tickets_leads_and_distributors_have_a_known_truth(
    read: dict[str, pl.LazyFrame], truth: Path
) -> None:
    for table, of in (
        ("partner_needs", "business"), ("vouchers", "vouchers"), ("tickets", "tickets"), ("deals", "deals"),
        ("partner_moves", "channel"), ("partners", "channel_months"),
    ):  # fmt: skip
        assert read[table].select(pl.len()).collect().item() > 0, table
        assert pl.read_parquet(truth / f"{of}.parquet").height > 0, of


def test_the_model_finds_the_truth_behind_the_network(read: dict[str, pl.LazyFrame], truth: Path) -> None:
    plan, names = city_files.SAMPLE, ("cells", "sites", "competitors", "openings", "card_flows")
    asked = SiteSelection()
    assert asked.per_head == plan.per_head
    town = study.town(**{n: read[n] for n in names}, per_head_minor=asked.per_head_minor, as_of=LAST)
    fit = study.calibrate(town, rng=np.random.default_rng(1), draws=40).fit
    assert fit.form == plan.decay
    assert fit.coefficients["lambda"] == pytest.approx(plan.lambda_, rel=0.05)
    known = pl.read_parquet(truth / "site_stores.parquet").join(fit.store_effects, on="site_id", suffix="_found")
    assert known.height == len(town.market.own.ids) == city_files.FRANCHISED + 4
    assert known.select(pl.corr("effect", "effect_found")).item() > 0.7
