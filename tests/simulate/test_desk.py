"""The sample's desk, channel and introduction: one company with the other files, and a truth that the exports keep."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from crmlib.simulate import exports


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "data_samples"


def read(folder: Path, name: str, *, ending: str = "csv.gz", table: str = "") -> pl.DataFrame:
    named = exports.headers(table or name)
    return pl.read_csv(folder / f"{name}.{ending}", infer_schema=False).rename({v: k for k, v in named.items()})


def test_every_complaint_of_the_call_centre_is_a_ticket_of_the_same_member_and_day(folder: Path) -> None:
    contacts = read(folder, "contacts").filter(pl.col("purpose") == "投诉")
    tickets = read(folder, "tickets").filter(pl.col("team") == "投诉组")
    there = tickets.join(contacts.rename({"at": "opened_at"}), on=["customer_id", "opened_at"], how="inner")
    assert there["ticket_id"].n_unique() == tickets.height
    assert tickets.height == contacts.height


def test_events_come_in_order_and_nothing_happens_before_the_opening(folder: Path) -> None:
    events = read(folder, "ticket_events").with_columns(pl.col("event_no").cast(pl.Int64))
    steps = events.with_columns(before=pl.col("at").shift(1).over("ticket_id"))
    assert steps.filter(pl.col("before") > pl.col("at")).is_empty()
    assert (events.filter(pl.col("event_no") == 1)["kind"] == "受理").all()


def test_what_is_open_on_the_last_day_is_solved_later_in_the_truth(folder: Path) -> None:
    events, truth = read(folder, "ticket_events"), pl.read_parquet(folder / "truth" / "tickets.parquet")
    closed = events.filter(pl.col("kind") == "办结")["ticket_id"].unique()
    still = truth.filter(~pl.col("ticket_id").is_in(closed.implode()))
    assert still.height > 20
    assert str(still["solved_on"].min()) > "2026-10-31"


def test_callers_give_up_after_two_minutes_on_average(folder: Path) -> None:
    calls = read(folder, "calls").with_columns(pl.col("wait_s").cast(pl.Int64))
    gave_up = calls.filter(pl.col("outcome") == "放弃")
    assert gave_up.height > 100
    assert calls["wait_s"].sum() / gave_up.height == pytest.approx(120, rel=0.12)
    assert gave_up["wait_s"].mean() < 90, "the naive reading"


def test_what_partners_got_is_what_was_delivered(folder: Path) -> None:
    lines, came = read(folder, "wholesale_lines"), read(folder, "wholesale_deliveries")
    keys = ["order_id", "line_no"]
    pieces = came.group_by(keys).agg(pl.col("delivered").cast(pl.Int64).sum())
    joined = pieces.join(lines, on=keys, how="left")
    assert joined["ordered"].null_count() == 0
    assert (joined["delivered"] <= joined["ordered"].cast(pl.Int64)).all()
    truth = pl.read_parquet(folder / "truth" / "wholesale.parquet")
    assert truth.filter(pl.col("delivered_on").cast(pl.String) <= "2026-10-31").height == came.height


def test_loaded_partners_stock_up_while_people_buy_less(folder: Path) -> None:
    truth = pl.read_parquet(folder / "truth" / "channel_months.parquet")
    planted = pl.read_parquet(folder / "truth" / "channel.parquet")
    year = truth.with_columns(late=pl.col("month") >= 12).group_by("late").agg(pl.col("sold_milli").sum())
    sold = dict(year.iter_rows())
    assert sold[True] / sold[False] == pytest.approx(0.97, abs=0.015)
    loaded = truth.filter(pl.col("loaded_milli") > 0)["partner_id"].unique().sort().to_list()
    assert loaded == planted.filter("loaded")["partner_id"].sort().to_list()


def test_terminals_belong_to_distributors_of_the_partners_list(folder: Path) -> None:
    above = read(folder, "partners").filter(pl.col("kind") == "经销商")["partner_id"]
    assert read(folder, "terminals")["parent_id"].is_in(above.implode()).all()


def test_old_figures_differ_as_planted_and_one_line_by_nothing_that_explains_it(folder: Path) -> None:
    old, truth = read(folder, "old_figures", ending="csv"), pl.read_parquet(folder / "truth" / "old_figures.parquet")
    assert truth.filter(pl.col("unexplained") != 0).height == 1
    assert old.filter(pl.col("repeated").is_not_null()).height == 1
    assert old["definition"].null_count() == 0
