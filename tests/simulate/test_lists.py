"""The sample's lists: sealed as the register seals, and read out as their truth says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.data import Lake
from crmlib.outreach import aims, results
from crmlib.outreach.outcomes import outcomes
from crmlib.outreach.read_out import ReadOut, read_out
from crmlib.outreach.results import Register
from crmlib.run.lists import book

SHOPS = "P2026-08"
"""The list to small shops."""


@pytest.fixture(scope="module")
def truth(root: Path) -> dict[str, dict[str, object]]:
    table = pl.read_parquet(root / "data_samples" / "truth" / "lists.parquet")
    return {str(row["list_id"]): row for row in table.iter_rows(named=True)}


@pytest.fixture(scope="module")
def read(sample_lake: Lake) -> dict[str, ReadOut | str]:
    """Each closed list's read-out, or the code of its refusal."""
    lines = sample_lake.table("receipt_lines").filter(pl.col("day_n") > 20_000)
    days = panels.customer_day(lines)
    events = sample_lake.table("outreach_events").filter(pl.col("kind").cast(pl.String) == "delivered").collect()
    found: dict[str, ReadOut | str] = {}
    for name in book.names(sample_lake):
        listed = book.find(sample_lake, name)
        if str(listed.row["recipient"]) == "partner":
            continue
        row, drawn = listed.row, listed.life.drawn
        assert drawn is not None
        if listed.life.state != "closed":
            found[name] = listed.life.state
            continue
        end = (row["send_to"] + timedelta(days=row["window_days"])).date()
        told = outcomes(drawn.table["recipient_id"], days, start=row["send_from"].date(), end=end)
        mine = events.filter(pl.col("list_id") == name)["recipient_id"]
        told = told.with_columns(contacted=pl.col("recipient_id").is_in(mine.implode()))
        cost = int(listed.rows["cost_minor"].sum()) + row["cost_fixed_minor"]
        try:
            found[name] = read_out(drawn, told, margin=0.35, cost_minor=cost, planned=row["planned_effect_bp"] / 1e4)
        except ModelError as refused:
            found[name] = refused.code
    return found


def test_every_list_is_what_its_truth_says(read: dict[str, ReadOut | str], truth: dict[str, dict[str, object]]) -> None:
    verdicts = {name: found if isinstance(found, str) else found.verdict for name, found in read.items()}
    assert verdicts == {
        "L2025-11": "pays", "L2026-01": "costs", "L2026-03": "harm", "L2026-04": "not_measurable",
        "L2026-05": "pays", "L2026-06": "broken", "L2026-07": "outreach.control_contacted",
        "L2026-08": "not_measurable", "L2026-10": "sent",
    }  # fmt: skip
    assert verdicts.keys() == truth.keys() - {SHOPS}


def test_intervals_of_effect_and_money_hold_the_truth_and_costs_agree_to_the_fen(
    read: dict[str, ReadOut | str], truth: dict[str, dict[str, object]]
) -> None:
    for name, found in read.items():
        if not isinstance(found, ReadOut):
            continue
        true = truth[name]
        assert (found.n_contact, found.n_control) == (true["n_contact"], true["n_control"])
        assert found.cost_minor == true["cost_minor"]
        if found.effect is not None and found.low is not None and found.high is not None and found.money is not None:
            assert found.low <= float(str(true["effect"])) <= found.high, name
            assert found.money.low <= float(str(true["money_per_head_minor"])) <= found.money.high, name


def test_the_list_to_shops_went_the_whole_way_and_its_read_out_covers_the_truth(
    sample_lake: Lake, truth: dict[str, dict[str, object]]
) -> None:
    listed, true = book.find(sample_lake, SHOPS), truth[SHOPS]
    rows, events, steps = (
        sample_lake.table(name).filter(pl.col("list_id") == SHOPS).collect()
        for name in ("outreach", "outreach_events", "campaign_steps")
    )
    done = steps.sort("at", "state")["state"].cast(pl.String).to_list()
    assert done == ["drawn", "approved", "sending", "sent", "closed"]
    assert listed.row["approved_by"] != listed.life.owner and listed.row["season_id"] is None
    shops = sample_lake.table("partners").select("partner_id").collect()["partner_id"]
    assert rows["recipient_id"].is_in(shops.implode()).all(), "shops that the sales office knows"
    contact = rows.filter(pl.col("group").cast(pl.String) == "contact")["recipient_id"]
    answered = events.filter(pl.col("kind").cast(pl.String) == "replied")["recipient_id"]
    assert answered.is_in(contact.implode()).all() and 0.2 < len(answered) / len(contact) < 0.6
    register = Register(
        *(sample_lake.table(n).collect() for n in ("campaigns", "campaign_steps", "outreach", "outreach_events")),
        whole=True,
    )
    none = pl.DataFrame(schema={"product_id": pl.String})
    feeds = aims.feeds(none, *(sample_lake.table(name).collect() for name in aims.ORDERS))
    days = panels.customer_day(sample_lake.table("receipt_lines").filter(pl.col("day_n") > 20_700))
    found = results.results(register, days, margin=0.35, as_of=date(2026, 10, 31), feeds=feeds)
    read = found.row(by_predicate=pl.col("list_id") == SHOPS, named=True)
    assert (read["recipient"], read["outcome"], read["closed"]) == ("partner", "ordered", True)
    assert (read["n_contact"], read["n_control"]) == (true["n_contact"], true["n_control"])
    assert read["cost_minor"] == true["cost_minor"]
    assert 0 < read["low"] <= float(str(true["effect"])) <= read["high"], "more ordered, and it is shown"
    assert read["money_low_minor"] <= float(str(true["money_per_head_minor"])) <= read["money_high_minor"]
    assert read["verdict"] not in {"broken", "contacted", "edited", "no_control"}


def test_a_season_s_holdout_stands_on_none_of_its_lists(sample_lake: Lake) -> None:
    rows = sample_lake.table("outreach").collect()
    held = set(rows.filter(pl.col("group").cast(pl.String) == "season")["recipient_id"])
    season = sample_lake.table("seasons").collect().row(0, named=True)
    ids = rows.filter(pl.col("list_id").str.starts_with("L2026"))["recipient_id"]
    assert len(held) == 101
    assert not held & set(ids)
    assert season["holdout_bp"] == 300
