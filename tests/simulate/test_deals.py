"""Deals, meetings, the pool of the simulated company: books close, and the naive reading is not the truth."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crmlib.cases import forecast, funnel, meetings, pool, stages
from crmlib.simulate.pipeline import draw_fates

END = date(2026, 10, 31)
STAGES = ("初步接触", "需求确认", "方案报价", "合同谈判")


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "data_samples"


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / f"{name}.csv.gz", infer_schema=False)


@pytest.fixture(scope="module")
def deals(folder: Path) -> pl.DataFrame:
    said = {"赢单": "won", "丢单": "lost"}
    return read(folder, "deals").select(
        deal_id="商机编号", opened_on=pl.col("立项日期").str.to_date(), closed_on=pl.col("结束日期").str.to_date(),
        outcome=pl.col("结果").replace_strict(said, default=None), owner="业务员",
        value_minor=pl.col("预计金额").cast(pl.Float64).cast(pl.Int64) * 100, feed=pl.col("结果启用日").str.to_date(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def moves(folder: Path) -> pl.DataFrame:
    at = pl.col("时间").str.to_datetime("%Y-%m-%d %H:%M")
    return read(folder, "stage_moves").select(deal_id="商机编号", at=at, to_stage="新阶段", by="操作人")


def test_deals_that_ended_before_outcomes_were_recorded_are_in_no_file(deals: pl.DataFrame, folder: Path) -> None:
    feed = deals["feed"].item(0)
    assert deals["closed_on"].min() >= feed > deals["opened_on"].min() + timedelta(days=30)  # type: ignore[operator]
    truth = pl.read_parquet(folder / "truth" / "deals.parquet")
    assert set(truth.filter(pl.col("seen"))["deal_id"]) == set(deals["deal_id"])
    gone = truth.filter(~pl.col("seen"))
    assert gone.height > 20
    assert (gone["ends_on"] < feed).all()
    left = truth.filter(pl.col("seen") & ~pl.col("dead") & (pl.col("opened_on") < feed))
    assert left["won"].mean() > gone["won"].mean() + 0.1, "quick losses are missing"  # type: ignore[operator]


def test_the_win_rate_is_that_of_the_truth_where_the_snapshot_is_not(deals: pl.DataFrame, folder: Path) -> None:
    feed = deals["feed"].item(0)
    truth = pl.read_parquet(folder / "truth" / "deals.parquet")
    days = (pl.col("ends_on") - pl.col("opened_on")).dt.total_days()
    true = truth.select((pl.col("won") & (days <= 90)).mean()).item()
    said = funnel.win_rate(deals, as_of=END, first=date(2024, 11, 1), last=END, days=90, feed_start=feed).share_won
    assert said == pytest.approx(true, abs=0.04)
    assert funnel.naive_rates(deals, as_of=END)["snapshot"] > true + 0.1


def test_the_forecast_counts_no_dead_deals(deals: pl.DataFrame, folder: Path) -> None:
    said = forecast.expected_wins(deals, as_of=END, ahead=92, window=92, feed_start=deals["feed"].item(0))
    truth = pl.read_parquet(folder / "truth" / "deals.parquet")
    to_come = truth.filter(pl.col("won"), pl.col("ends_on") > END, pl.col("ends_on") <= END + timedelta(days=92)).height
    assert said["p_win"].sum() == pytest.approx(to_come, rel=0.3)
    assert said.height * funnel.naive_rates(deals, as_of=END)["snapshot"] > 3 * to_come


def test_a_deal_that_changes_hands_keeps_its_stage(deals: pl.DataFrame, moves: pl.DataFrame) -> None:
    taken = moves.group_by("deal_id").agg(pl.col("by").n_unique(), pl.len(), pl.col("to_stage").n_unique().alias("s"))
    several = taken.filter(pl.col("by") > 1)
    assert several.height > 3
    stays = stages.spells(moves, deals, as_of=END, order=STAGES)
    kept = stays.filter(pl.col("deal_id").is_in(several["deal_id"].implode()))
    assert kept.height < moves.filter(pl.col("deal_id").is_in(several["deal_id"].implode())).height


def test_no_fate_follows_the_order_of_deals() -> None:
    fates = draw_fates(np.repeat(20_000, 4000), np.zeros(4000), last_day=20_400, rng=np.random.default_rng(3))
    assert fates.dead.mean() == pytest.approx(0.2, abs=0.03)
    assert fates.won.mean() == pytest.approx(0.8 * 0.42, abs=0.03)
    assert ((fates.ends > fates.opened) | (fates.dead == 1)).all()


@pytest.fixture(scope="module")
def guests(folder: Path) -> pl.DataFrame:
    ordered = read(folder, "meeting_orders").filter(pl.col("类型") == "下单").select("会议编号", "顾客编号").unique()
    table = read(folder, "meeting_guests").filter(pl.col("是否自来") == "否", pl.col("会议编号") != "HY06")
    return table.join(ordered.with_columns(bought=pl.lit(value=True)), on=["会议编号", "顾客编号"], how="left").select(
        held_out=pl.col("是否留作对照") == "是", came=pl.col("到会时间").is_not_null(),
        bought=pl.col("bought").fill_null(value=False),
    )  # fmt: skip


def test_came_against_did_not_come_flatters_and_the_lot_covers_the_truth(guests: pl.DataFrame, folder: Path) -> None:
    truth = pl.read_parquet(folder / "truth" / "meetings.parquet").filter(pl.col("came") & ~pl.col("walk_in"))
    true = (truth["bought"] & ~truth["would_buy"]).mean()
    interval = meetings.effect(guests, outcome="bought").interval
    assert interval is not None
    assert interval[0] < true < interval[1]
    invited = guests.filter(~pl.col("held_out"))
    naive = [invited.filter(pl.col("came") == came)["bought"].mean() for came in (True, False)]
    assert naive[0] - naive[1] > true + 0.05  # type: ignore[operator]


def test_the_pools_book_closes_and_owners_follow_it(folder: Path) -> None:
    kinds = {
        "回收": "recycled",
        "领取": "claimed",
        "分配": "assigned",
        "移出": "removed",
        "锁定": "locked",
        "解锁": "unlocked",
    }
    moves = read(folder, "pool_moves").select(
        customer_id="会员卡号", at=pl.col("时间").str.to_datetime("%Y-%m-%d %H:%M"), staff_id="工号", lot="抽签号",
        kind=pl.col("类型").replace_strict(kinds),
    )  # fmt: skip
    book = pool.book(moves, start=datetime(2026, 10, 1), end=datetime(2026, 11, 1))  # noqa: DTZ001  (the file's clock)
    assert (book.residual, book.end > 0) == (0, True)
    claimed = moves.filter(pl.col("kind") == "claimed")
    a_day = claimed.group_by("staff_id", pl.col("at").dt.date()).len()
    assert a_day["len"].max() <= 5  # type: ignore[operator]
    owners = read(folder, "pool_owners")
    assert owners.filter(pl.col("顾问工号").is_null()).height == moves.filter(pl.col("kind") == "recycled").height


def test_who_is_claimed_buys_more_by_nature_and_the_lot_says_claiming_brings_nothing(folder: Path) -> None:
    draws = pl.read_parquet(folder / "truth" / "pool.parquet")
    rate = pl.read_parquet(folder / "truth" / "customers.parquet").select("customer_id", "visits_per_day")
    moves = read(folder, "pool_moves")
    claimed = set(moves.filter(pl.col("类型") == "领取")["会员卡号"])
    known = draws.unique("customer_id").join(rate, on="customer_id").with_columns(
        taken=pl.col("customer_id").is_in(list(claimed))
    )  # fmt: skip
    by = dict(known.group_by("taken").agg(pl.col("visits_per_day").mean()).iter_rows())
    assert by[True] > 1.3 * by[False]
    lots = dict(known.group_by("late").agg(pl.col("visits_per_day").mean()).iter_rows())
    assert lots[True] == pytest.approx(lots[False], rel=0.15)
