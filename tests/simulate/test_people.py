"""Small shops, care and work of the sample: what was planted can be found, and the truth stands beside it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.cases.birthdays import lunar_day

LAST = date(2026, 10, 31)


@pytest.fixture(scope="module")
def read(root: Path):
    return lambda name: pl.read_csv(root / "data_samples" / f"{name}.csv.gz", try_parse_dates=True)


@pytest.fixture(scope="module")
def truth(root: Path):
    return lambda name: pl.read_parquet(root / "data_samples" / "truth" / f"{name}.parquet")


def test_a_shop_that_stopped_never_orders_again_and_the_others_order_after_the_last_day(read, truth) -> None:
    orders = read("trade_orders").with_columns(day=pl.col("下单时间").dt.date())
    last = orders.group_by(partner_id="客户编码").agg(pl.col("day").max())
    known = truth("trade").join(last, on="partner_id")
    stopped = known.filter(pl.col("stopped_on").is_not_null())
    assert (stopped["day"] == stopped["stopped_on"]).all()
    assert stopped["next_on"].is_null().all()
    others = known.filter(pl.col("stopped_on").is_null())
    assert 30 <= others.height <= 70
    assert (others["next_on"] > LAST).all()


def test_the_leavers_shops_were_not_handed_over_and_their_orders_have_nobody_since(read) -> None:
    left = read("trade_staff").filter(pl.col("离职日期").is_not_null())
    assert left["工号"].to_list() == ["Y22"]
    shops = read("traders").filter(pl.col("业务负责人") == "Y22")["客户编码"]
    assert shops.len() == 12
    orders = read("trade_orders").with_columns(day=pl.col("下单时间").dt.date())
    since = orders.filter(pl.col("客户编码").is_in(shops.implode()), pl.col("day") > left["离职日期"][0])
    assert since.height > 0
    assert since["业务员"].is_null().all()


def test_one_adviser_is_late_more_often_than_all_others(read) -> None:
    done = read("care_tasks").filter(pl.col("状态") == "已完成")
    late = pl.col("完成时间").dt.date() > pl.col("应完成日期")
    by = done.group_by("顾问工号").agg(late=late.mean(), n=pl.len()).sort("late", descending=True)
    assert by["顾问工号"][0] == "G202"
    assert by["late"][0] > 0.3
    assert done.select(late.mean()).item() < 0.2


def test_every_task_has_one_owner_and_records_belong_to_tasks_that_were_done(read) -> None:
    tasks, records = read("care_tasks"), read("visit_records")
    done = tasks.filter(pl.col("状态") == "已完成")
    assert set(records["任务号"]) == set(done["任务号"])
    held = tasks.filter(pl.col("状态") == "对照（不联系）")
    assert held["任务类型"].unique().to_list() == ["生日"]
    assert held["完成时间"].is_null().all()


def test_lunar_birthdays_are_those_of_people_born_then(truth) -> None:
    rows = truth("birthdays")
    for year, month, day, leap, born in rows.select("lunar_year", "month", "day", "leap", "born_on").iter_rows():
        assert lunar_day(year, month, day, leap=leap, leap_month=True) == born


def test_one_adviser_types_more_calls_than_there_are(read, truth) -> None:
    over = truth("staff").filter(pl.col("typed_over") > 1)
    assert over["staff_id"].to_list() == ["G202"]
    typed = read("work_reports").filter(pl.col("类型") == "周报", pl.col("工号") == "G202")
    said = typed["填报数字"].str.extract(r"calls=(\d+)").cast(pl.Int64)
    assert said.sum() > 0
    assert typed["开始日"].max() >= LAST - timedelta(days=13)
