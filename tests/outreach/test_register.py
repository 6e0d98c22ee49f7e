"""The register's rows of a list, and what all lists brought side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.contracts import TIME_ZONE
from crmlib.core.errors import ModelError
from crmlib.outreach import draw as drawing
from crmlib.outreach import register, results
from crmlib.outreach.register import Terms
from crmlib.outreach.results import Register

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
PEOPLE = pl.DataFrame({"recipient_id": [f"C{i:04}" for i in range(200)], "tier": ["A", "B"] * 100})


def drawn(terms: Terms, eligible: pl.DataFrame = PEOPLE, **more: Any) -> register.Filed:
    return register.make(eligible, terms, key=b"k", at=NOW, **more)


def test_whom_the_season_leaves_alone_is_filed_and_neither_contacted_nor_anybody_s_control() -> None:
    held = pl.Series([f"C{i:04}" for i in range(10)])
    made = drawn(Terms("L1", "x", "repeat", "sms", "li", control_bp=1000, season_id="S"), season_held=held)
    assert made.of("season")["recipient_id"].sort().to_list() == held.to_list()
    assert made.drawn.table.height == 190
    assert not made.drawn.table["recipient_id"].is_in(held.implode()).any()
    assert made.of("season")["status"].unique().to_list() == ["not_sent"]


def test_the_control_is_chosen_by_what_it_must_show_and_a_list_too_small_says_so() -> None:
    many = pl.DataFrame({"recipient_id": [f"C{i:05}" for i in range(10_000)]})
    hoped = {"base": 0.2437, "planned": 0.05}
    assert drawn(Terms("L1", "x", "repeat", "sms", "li", **hoped), many).plan.control_bp == 1000
    small = drawn(Terms("L1", "x", "repeat", "sms", "li", **hoped))
    assert (small.plan.control_bp, small.plan.measurable) == (5000, False)


@given(st.permutations(range(60)), st.integers(1, 59))
def test_order_and_other_lists_change_nobody_s_lot_and_the_seal_knows_each_row(order: list[int], gone: int) -> None:
    terms = Terms("L1", "x", "repeat", "sms", "li", control_bp=2000, strata=("tier",))
    few = PEOPLE.head(60)
    one, other = drawn(terms, few), drawn(terms, few[order])
    assert one.drawn.seal == other.drawn.seal
    row = one.campaign.row(0, named=True)
    assert register.frozen(row, one.rows).table.equals(one.drawn.table)
    with pytest.raises(ModelError) as error:
        register.frozen(row, one.rows.filter(pl.col("recipient_id") != f"C{gone:04}"))
    assert error.value.code == "outreach.drawn"


def test_another_key_draws_others_and_the_standing_line_leaves_an_exact_tenth() -> None:
    pool = PEOPLE.rename({"tier": "stratum"})
    lines = register.cutoffs(pool, standing="2026-09", key=b"k")
    at = pool.join(lines, on="stratum", maintain_order="left")["cutoff"]
    held = register.left_alone(pool["recipient_id"], at, standing="2026-09", key=b"k")
    assert pool.with_columns(held=held).group_by("stratum").agg(pl.col("held").sum())["held"].to_list() == [10, 10]
    other = register.left_alone(pool["recipient_id"], at, standing="2026-09", key=b"another")
    assert not held.equals(other)


def sent(made: register.Filed, *, first: date, window: int) -> Register:
    """A register with one list that was sent on one day."""
    zone = pl.Datetime("us", TIME_ZONE)
    at = datetime(first.year, first.month, first.day, 3, tzinfo=UTC)
    row = made.campaign.with_columns(pl.lit(window).alias("window_days"), pl.col("frozen_at", "planned_at").cast(zone))
    steps = pl.DataFrame({
        "list_id": "L1", "version": 1, "state": ["drawn", "approved", "sending", "sent"],
        "at": [at - timedelta(days=2), at - timedelta(days=1), at, at + timedelta(hours=1)],
    }).with_columns(pl.col("at").cast(zone), pl.col("version").cast(pl.Int64),
                    pl.col("state").cast(pl.Enum(["drawn", "approved", "sending", "sent"])))  # fmt: skip
    none = pl.DataFrame(schema=dict.fromkeys(("list_id", "recipient_id", "kind"), pl.String))
    return Register(row, steps, made.rows.with_columns(pl.col("version").cast(pl.Int64)), none)


def test_only_the_window_counts_the_same_for_everybody_drawn() -> None:
    made = drawn(Terms("L1", "x", "repeat", "sms", "li", control_bp=5000))
    first = date(2026, 9, 3)
    book = sent(made, first=first, window=7)
    contact, control = made.of("contact")["recipient_id"], made.of("control")["recipient_id"]

    def read(on: date, who: pl.Series, *, as_of: date = date(2026, 10, 1)) -> dict[str, Any]:
        days = pl.DataFrame({"customer_id": who}).with_columns(
            day_n=pl.lit((on - date(1970, 1, 1)).days), is_purchase=pl.lit(value=True), net_minor=pl.lit(1_000)
        )
        return results.results(book, days, margin=0.3, as_of=as_of).row(0, named=True)

    last = first + timedelta(days=7)
    for on, counts in ((first - timedelta(days=1), 0), (first, 100), (last, 100), (last + timedelta(days=1), 0)):
        assert read(on, contact)["came_contact"] == counts
        assert read(on, control)["came_control"] == counts
    early = read(first, contact, as_of=last)
    assert (early["closed"], early["verdict"], early["effect"], early["net_minor"]) == (False, "open", None, None)
    assert read(first, control, as_of=last)["verdict"] == "harm", "of an open list harm alone is told"


def test_a_list_that_lost_most_of_its_control_is_broken_and_not_just_small() -> None:
    made = drawn(Terms("L1", "x", "repeat", "sms", "li", control_bp=3000))
    few = pl.concat([made.of("contact"), made.of("control").head(8)])
    table = few.select("recipient_id", "group", "stratum", "draw_u")
    seal = drawing.seal(table, list_id="L1", version=1)
    kept = replace(made, rows=few, campaign=made.campaign.with_columns(seal=pl.lit(seal)))
    book = sent(kept, first=date(2026, 9, 3), window=7)
    none = pl.DataFrame(schema={"customer_id": pl.String, "day_n": pl.Int32, "is_purchase": pl.Boolean,
                                "net_minor": pl.Int64})  # fmt: skip
    row = results.results(book, none, margin=0.3, as_of=date(2026, 10, 1)).row(0, named=True)
    assert (row["verdict"], row["n_control"], row["effect"]) == ("broken", 8, None)


def test_a_list_of_which_nothing_was_sent_is_no_result() -> None:
    made = drawn(Terms("L1", "x", "repeat", "sms", "li", control_bp=5000))
    book = sent(made, first=date(2026, 9, 3), window=7)
    none = pl.DataFrame(schema={"customer_id": pl.String, "day_n": pl.Int32, "is_purchase": pl.Boolean,
                                "net_minor": pl.Int64})  # fmt: skip
    assert results.results(book, none, margin=0.3, as_of=date(2026, 9, 2)).is_empty()
    assert results.standing(book, as_of=date(2026, 9, 2))["state"].to_list() == ["approved"]
