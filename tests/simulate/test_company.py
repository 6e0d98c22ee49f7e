"""The simulated company: same bytes for the same seed, and exports that agree with their truth to the fen."""

from __future__ import annotations

import gzip
import hashlib
import re
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ParameterError
from crmlib.data import Lake, ingest_all
from crmlib.data.result import IngestResult
from crmlib.simulate import company, season

SIZE = {"customers": 1000, "stores": 5, "days": 430, "seed": 11, "end": date(2026, 10, 31)}
EPOCH = date(1970, 1, 1)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return company(**SIZE, out=tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="module")
def ingested(world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, dict[str, IngestResult]]:
    lake = Lake(tmp_path_factory.mktemp("lake") / "lake")
    results = ingest_all(world / "sources.yml", lake=lake, now=datetime(2026, 11, 1, tzinfo=UTC))
    return lake, {result.source: result for result in results}


@pytest.fixture(scope="module")
def lines(ingested: tuple[Lake, dict[str, IngestResult]]) -> pl.DataFrame:
    return ingested[0].table("receipt_lines").collect()


def truth(world: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(world / "truth" / f"{name}.parquet")


def digests(folder: Path) -> dict[str, str]:
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "README.md")
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def dirt(world: Path, prefix: str) -> dict[str, int]:
    table = truth(world, "dirt").filter(pl.col("file").str.starts_with(prefix))
    return dict(table.group_by("kind").agg(pl.col("lines").sum()).iter_rows())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    small = {"customers": 60, "stores": 3, "days": 70, "end": date(2026, 3, 5)}
    one = digests(company(**small, seed=5, out=tmp_path / "one"))
    assert one == digests(company(**small, seed=5, out=tmp_path / "two"))
    assert one == digests(company(**small, seed=5, out=tmp_path / "one")), "written over itself"
    other = digests(company(**small, seed=6, out=tmp_path / "three"))
    assert one.keys() == other.keys()
    assert one["members.csv.gz"] != other["members.csv.gz"]


def test_every_unspoiled_line_reaches_the_lake_and_agrees_to_the_fen(world: Path, lines: pl.DataFrame) -> None:
    kept = lines.group_by("store_id").agg(
        lines=pl.len().cast(pl.UInt32),
        milli=pl.col("quantity_milli").sum(),
        list_minor=pl.col("list_minor").sum(),
        net_minor=pl.col("net_minor").sum(),
    )
    told = truth(world, "sales").cast({"lines": pl.UInt32})
    assert kept.sort("store_id").rows() == told.sort("store_id").rows()


@pytest.mark.parametrize("source", ["pos_store", "pos_counter"])
def test_ingest_finds_exactly_the_dirt_that_was_put_in(
    source: str, world: Path, ingested: tuple[Lake, dict[str, IngestResult]]
) -> None:
    put, result = dirt(world, source), ingested[1][source]
    assert result.kept == put["rows"]  # a corrected line replaces its own spoiled version
    assert result.replaced == put.get("corrected", 0)
    assert result.duplicate == put["resent"]
    assert result.quarantined == put["torn"] + put["test"]
    assert result.excluded == put.get("total", 0)
    assert put["torn"] > 0, "the fixture should hold at least one torn line"


def test_the_counters_write_gb18030_with_unpadded_dates(world: Path) -> None:
    data = gzip.decompress(next(iter(sorted(world.glob("pos_counter_*.csv.gz")))).read_bytes())
    with pytest.raises(UnicodeDecodeError):
        data.decode("utf-8")
    rows = data.decode("gb18030").split("\r\n")
    assert rows[0].startswith("单号,日期时间,专柜号")
    assert any(re.search(r",2025/9/[1-9] \d{1,2}:\d\d,", row) for row in rows)
    assert not any(re.search(r",2025/0", row) for row in rows)
    assert rows[-2].startswith("合计,")


def test_promotion_lines_are_the_promoted_lines_of_the_truth(world: Path, lines: pl.DataFrame) -> None:
    effects = truth(world, "promotion_effects").filter(pl.col("kind").is_in(["base", "unmoved", "extra"]))
    told = effects.group_by("promotion_id").agg(pl.col("lines").sum(), pl.col("milli", "net_minor").sum())
    sold = lines.filter(pl.col("promotion_id").is_not_null(), pl.col("quantity_milli") > 0).group_by("promotion_id")
    seen = sold.agg(lines=pl.len(), milli=pl.col("quantity_milli").sum(), net_minor=pl.col("net_minor").sum())
    assert seen.cast(pl.Int64, strict=False).height == told.height
    as_rows = [
        frame.select("promotion_id", pl.col("lines", "milli", "net_minor").cast(pl.Int64)).sort("promotion_id").rows()
        for frame in (seen, told)
    ]
    assert as_rows[0] == as_rows[1]


def test_promotion_lines_lie_inside_the_plan(
    lines: pl.DataFrame, ingested: tuple[Lake, dict[str, IngestResult]]
) -> None:
    plans = ingested[0].table("promotions").collect()
    promoted = lines.filter(pl.col("promotion_id").is_not_null(), pl.col("quantity_milli") > 0)
    both = promoted.join(plans, on="promotion_id", how="left", suffix="_plan")
    assert both["starts_at"].null_count() == 0
    inside = pl.col("sold_at").is_between(pl.col("starts_at"), pl.col("ends_at"), closed="left")
    assert both.select(inside.all()).item()
    assert both.select(pl.col("stores").list.contains(pl.col("store_id")).all()).item()
    assert both.select(pl.col("products").list.contains(pl.col("product_id")).all()).item()


def test_nobody_buys_before_joining_or_after_leaving_unless_won_back(world: Path, lines: pl.DataFrame) -> None:
    bought = lines.filter(pl.col("customer_id").is_not_null(), pl.col("quantity_milli") > 0)
    known = bought.join(truth(world, "customers"), on="customer_id", how="left")
    assert known["role"].null_count() == 0
    assert known.filter(pl.col("day") < pl.col("joined_on")).is_empty()
    after = known.filter(pl.col("day") >= pl.col("dropout_on"))
    again = pl.col("day").is_between(pl.col("won_back_on"), pl.col("left_again_on"), closed="left")
    assert after.filter(~again.fill_null(value=False)).is_empty()


def test_everybody_who_leaves_has_a_cause_and_everybody_who_stays_none(world: Path) -> None:
    table = truth(world, "customers")
    assert table.filter((pl.col("cause") == "stays") != pl.col("dropout_on").is_null()).is_empty()
    assert table["cause"].n_unique() >= 7


def test_a_shut_store_sells_nothing(lines: pl.DataFrame, ingested: tuple[Lake, dict[str, IngestResult]]) -> None:
    closures = ingested[0].table("closures").collect().with_columns(pl.col("ends_on").fill_null(date(2100, 1, 1)))
    assert closures.height >= 1
    both = lines.join(closures.select("store_id", "starts_on", "ends_on"), on="store_id")
    assert both.filter(pl.col("day").is_between(pl.col("starts_on"), pl.col("ends_on"))).is_empty()


def test_the_special_cards_are_there_to_be_found(world: Path, lines: pl.DataFrame) -> None:
    roles = truth(world, "customers").select("customer_id", "role")
    bought = lines.filter(pl.col("quantity_milli") > 0).join(roles, on="customer_id")
    a_day = bought.group_by("customer_id", "role", "day").agg(receipts=pl.col("receipt_id").n_unique())
    busiest = dict(a_day.group_by("role").agg(pl.col("receipts").max()).iter_rows())
    assert (
        busiest["cashier_card"] >= 5 > busiest["member"]
    )  # in a store of three visits a day; the sample has busier ones
    largest = dict(bought.group_by("role").agg(pl.col("quantity_milli").max()).iter_rows())
    assert min(largest["wholesaler"], largest["group_buyer"]) > 4 * largest["member"]
    net = lines.group_by("customer_id").agg(pl.col("net_minor").sum())
    assert net.filter(pl.col("customer_id").is_not_null(), pl.col("net_minor") < 0).height > 0
    assert 0 < lines["cost_minor"].null_count() < 0.05 * lines.height


def test_returns_follow_sales_in_the_same_store_some_of_them_late(lines: pl.DataFrame) -> None:
    returned = lines.filter(pl.col("quantity_milli") < 0)
    assert 0.003 < returned.height / lines.height < 0.02
    assert (returned["net_minor"] <= 0).all()
    key = ["store_id", "product_id", pl.col("customer_id")]
    sold = lines.filter(pl.col("quantity_milli") > 0).group_by(key).agg(first=pl.col("day").min())
    both = returned.filter(pl.col("customer_id").is_not_null()).join(sold, on=["store_id", "product_id", "customer_id"])
    waited = (both["day"] - both["first"]).dt.total_days()
    assert (waited > 0).all()
    assert (waited >= 30).any()


def test_second_cards_share_the_name_and_birthday_of_the_person(
    world: Path, ingested: tuple[Lake, dict[str, IngestResult]]
) -> None:
    owners = truth(world, "customers").select("customer_id", "person")
    second = owners.filter(pl.col("customer_id") != pl.col("person"))
    assert second.height > 5
    people = ingested[0].table("people").collect().select("customer_id", "name", "birthday", "phone")
    pairs = second.join(people, on="customer_id").join(
        people, left_on="person", right_on="customer_id", suffix="_first"
    )
    assert (pairs["name"] == pairs["name_first"]).all()
    assert 0 < (pairs["phone"] == pairs["phone_first"]).sum() < pairs.height


def test_a_leaver_hands_over_every_member(ingested: tuple[Lake, dict[str, IngestResult]]) -> None:
    held = ingested[0].table("assignments").collect().sort("customer_id", "starts_on")
    held = held.filter(pl.col("src_name") == "assignments")  # the member system knows nothing of the pool
    others = ["salesperson", "agent"]  # who looks after small shops or answers the hotline has no members
    staff = ingested[0].table("staff").collect().filter(~pl.col("role").cast(pl.String).is_in(others))
    now = held.group_by("customer_id", maintain_order=True).agg(pl.col("staff_id", "starts_on").last())
    leavers = staff.filter(pl.col("left_on").is_not_null())
    assert leavers.height == staff["region"].n_unique()
    assert not now["staff_id"].is_in(leavers["staff_id"].implode()).any()
    members = ingested[0].table("customers").collect().filter(pl.col("owner_staff").is_not_null())
    both = members.join(now, on="customer_id")
    assert both.height == members.height == now.height
    assert (both["owner_staff"] == both["staff_id"]).all()
    moved = held.filter(pl.col("customer_id").is_duplicated())
    assert moved.height > 10
    late = ingested[0].table("contacts").collect().join(leavers.select("staff_id", "left_on"), on="staff_id")
    assert late.height > 0
    assert (late["at"].dt.date() <= late["left_on"]).all()


def test_the_points_account_earns_what_was_spent(
    lines: pl.DataFrame, ingested: tuple[Lake, dict[str, IngestResult]]
) -> None:
    entries = ingested[0].table("points").collect()
    october = pl.col("day").is_between(date(2026, 10, 1), date(2026, 10, 31))
    spent = lines.filter(october, pl.col("customer_id").is_not_null()).group_by("customer_id")
    due = spent.agg(points=(pl.col("net_minor").sum() / 100).floor().cast(pl.Int64)).filter(pl.col("points") != 0)
    earned = entries.filter(pl.col("kind") == "earn", pl.col("at").dt.date() == date(2026, 10, 31))
    assert earned.select("customer_id", "points").sort("customer_id").rows() == due.sort("customer_id").rows()
    assert set(entries["kind"]) == {"open", "earn", "redeem", "expire"}


def test_win_back_lists_hold_out_their_share_by_lot(
    world: Path, ingested: tuple[Lake, dict[str, IngestResult]]
) -> None:
    told = truth(world, "campaigns")
    logged = ingested[0].table("contacts").collect().filter(pl.col("purpose") == "win_back")
    assert logged.height == told.height
    held = set(logged.filter(pl.col("outcome") == "holdout")["customer_id"])
    assert held == set(told.filter(pl.col("held_out"))["customer_id"])
    shares = told.group_by("campaign").agg(pl.col("held_out").mean())["held_out"]
    assert (shares >= 0.15).all()
    assert not told.filter(pl.col("held_out"), pl.col("won_back")).height
    assert told["won_back"].any()


def test_complaints_have_a_promise_and_some_break_it(ingested: tuple[Lake, dict[str, IngestResult]]) -> None:
    raised = ingested[0].table("contacts").collect().filter(pl.col("purpose") == "complaint")
    assert (raised["due_at"] > raised["at"]).all()
    assert raised["solved_at"].null_count() > 0
    late = raised.filter(pl.col("solved_at") > pl.col("due_at"))
    assert 0 < late.height < raised.height / 2


def test_wrong_sizes_are_refused_in_three_parts(tmp_path: Path) -> None:
    with pytest.raises(ParameterError) as refused:
        company(customers=10, stores=1, days=30, seed=1, out=tmp_path, end=date(2026, 1, 1))
    assert refused.value.code == "simulate.size"
    assert "stores = 1" in refused.value.given


def test_the_books_of_a_promotion_agree_with_its_truth(
    world: Path, ingested: tuple[Lake, dict[str, IngestResult]]
) -> None:
    lake = ingested[0]
    plans = lake.table("promotions").collect()
    told = truth(world, "promotions")
    assert set(plans["promotion_id"]) == set(told["promotion_id"])
    sold = (
        truth(world, "promotion_effects")
        .filter(pl.col("kind").is_in(["base", "unmoved", "extra"]))
        .group_by("promotion_id")
    )
    given = sold.agg(off=(pl.col("list_minor") - pl.col("net_minor")).sum())
    costs = lake.table("promotion_costs").collect().filter(pl.col("kind") == "funding")
    both = costs.join(told, on="promotion_id").join(given, on="promotion_id")
    assert both.height > 0
    assert (both["amount_minor"] == both["off"] * both["funding_bp"] // 10_000).all()


def test_plans_pass_their_states_in_order_and_some_lie_ahead(ingested: tuple[Lake, dict[str, IngestResult]]) -> None:
    order = {state: n for n, state in enumerate(("draft", "submitted", "approved", "executing", "closed", "settled"))}
    steps = ingested[0].table("promotion_steps").collect().sort("promotion_id", "at")
    ranks = steps.group_by("promotion_id", maintain_order=True).agg(
        pl.col("state").cast(pl.String).replace_strict(order)
    )
    assert all(rank == list(range(len(rank))) for rank in ranks["state"].to_list())
    plans = ingested[0].table("promotions").collect()
    ahead = plans.filter(pl.col("starts_at").dt.date() > date(2026, 10, 31))
    assert ahead.height > 2
    assert {"approved", "draft"} <= set(ahead["state"]) | {"submitted"}
    assert plans.filter(pl.col("state") == "settled")["frozen"].any()


def test_stores_that_did_not_carry_an_event_out_sold_nothing_at_its_price(world: Path, lines: pl.DataFrame) -> None:
    idle = truth(world, "promotions").select("promotion_id", store_id="not_done").explode("store_id").drop_nulls()
    assert idle.height > 0
    assert lines.join(idle, on=["promotion_id", "store_id"], how="semi").is_empty()


def test_members_come_as_often_as_their_true_rate_says(world: Path, lines: pl.DataFrame) -> None:
    members = truth(world, "customers").filter(pl.col("role") == "member", pl.col("motive") != "group")
    last = SIZE["end"]
    assert isinstance(last, date)
    first_n, last_n = (last - EPOCH).days - 429, (last - EPOCH).days
    weights = np.cumsum(season.rhythm(first_n, last_n), axis=1)
    table = members.filter(pl.col("won_back_on").is_null()).with_columns(
        begins=pl.max_horizontal(pl.col("joined_on").cast(pl.Int32), first_n) - first_n,
        ends=pl.min_horizontal(pl.col("dropout_on").cast(pl.Int32).fill_null(last_n + 1), last_n + 1) - 1 - first_n,
    ).filter(pl.col("ends") >= pl.col("begins"))  # fmt: skip
    kind = (table["motive"] == "gift").cast(pl.Int64).to_numpy()
    begins, ends = table["begins"].to_numpy(), table["ends"].to_numpy()
    exposure = weights[kind, ends] - np.where(begins > 0, weights[kind, begins - 1], 0)
    new = int((table["joined_on"].cast(pl.Int32) >= first_n).sum())  # each comes once more, on the day of joining
    expected = float((table["visits_per_day"].to_numpy() * exposure).sum()) + new
    bought = lines.filter(pl.col("quantity_milli") > 0).join(table.select("customer_id"), on="customer_id", how="semi")
    # some find the store shut or go to a competitor
    assert 0.86 < bought["receipt_id"].n_unique() / expected < 1.02
