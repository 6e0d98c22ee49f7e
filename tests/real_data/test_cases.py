"""Deals, tickets and an event nobody here wrote, through sources files: the reference numbers come out of the lake."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from crmlib.cases import funnel, meetings, service
from crmlib.data import IngestResult, Lake, ingest

pytestmark = [pytest.mark.real_data, pytest.mark.long]

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOURCES = Path(__file__).with_name("sources.yml")
END = date(2017, 12, 31)


def read(source: str, real_data: Path, lake: Lake) -> IngestResult:
    result = ingest(source, sources=SOURCES, root=real_data, lake=lake, now=NOW)
    assert result.sum_holds
    return result


def test_deals_of_the_pipeline_bring_its_win_rates(real_data, tmp_path):
    lake = Lake(tmp_path)
    result = read("crm_deals", real_data, lake)
    assert (result.read, result.kept, result.excluded, result.quarantined) == (8_800, 8_300, 500, 0)
    deals = lake.table("deals").collect()
    counts = dict(deals.group_by(pl.col("outcome").cast(pl.String)).len().iter_rows())
    assert counts == {"won": 4_238, "lost": 2_473, None: 1_589}
    assert "GTXPro" not in deals["product_id"].to_list() and deals["product_id"].n_unique() == 7
    rate = funnel.win_rate(deals, as_of=END, first=date(2016, 1, 1), last=END, feed_start="feed_start")
    assert (rate.won, rate.won + rate.lost, rate.share_won) == (4_238, 6_711, pytest.approx(0.5290, abs=1e-4))
    still = deals.filter(pl.col("outcome").is_null())
    old = still.filter((pl.lit(END) - pl.col("opened_on")).dt.total_days() > 138)
    assert (still.height, old.height) == (1_589, 1_291)
    assert (still["value_minor"].sum() / 1e8, old["value_minor"].sum() / 1e8) == pytest.approx((3.89, 3.20), abs=0.01)
    assert read("crm_staff", real_data, lake).kept == 35


def test_events_of_the_help_desk_bring_its_times(real_data, tmp_path):
    lake = Lake(tmp_path)
    result = read("helpdesk_events", real_data, lake)
    assert (result.read, result.kept) == (13_710, 13_710), "no event is lost for want of a number"
    events = lake.table("ticket_events").collect()
    assert events["ticket_id"].n_unique() == 3_804
    assert events.group_by("ticket_id").agg(pl.col("event_no").sort() == pl.int_range(1, pl.len() + 1))[
        "event_no"
    ].explode().all()  # fmt: skip
    tickets = service.tickets(events)
    days = (pl.col("solved_at") - pl.col("opened_at")).dt.total_microseconds() / 86_400e6
    assert tickets.select(days.median()).item() == pytest.approx(3.9278, abs=2e-3)
    assert tickets.filter((pl.col("closings") > 1) | (pl.col("doubled") > 0)).height == 326


def test_a_mail_trial_is_an_event_with_those_held_out(real_data, tmp_path):
    lake = Lake(tmp_path)
    guests, orders = (read(f"hillstrom_{t}", real_data, lake) for t in ("guests", "orders"))
    assert (guests.kept, orders.kept, orders.read - orders.kept) == (64_000, 578, 63_422)
    table = lake.table("meeting_guests").collect()
    assert (table["held_out"].sum(), table["came_at"].is_not_null().sum()) == (21_306, 9_394)
    spent = lake.table("meeting_orders").group_by("customer_id").agg(spend=pl.col("amount_minor").sum() / 100).collect()
    frame = table.join(spent, on="customer_id", how="left").with_columns(
        pl.col("spend").fill_null(0.0), came=pl.col("came_at").is_not_null()
    )
    fit = meetings.effect(frame, outcome="spend")
    assert (fit.per_invited, fit.per_invited_se) == (
        pytest.approx(0.5968, abs=1e-4), pytest.approx(0.1126, abs=1e-4),
    )  # fmt: skip
