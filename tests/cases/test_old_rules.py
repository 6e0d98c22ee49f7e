"""Old figures counted again the old way: every planted reason is found to the fen, what is left is unexplained."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.cases.accept import REASONS
from crmlib.cases.old_rules import accepted, by_scope, gate
from crmlib.core.errors import ModelError

STORES = pl.DataFrame({"store_id": ["a", "b"], "region": ["north", "north"], "kind": ["own", "counter"]})
FIRST = date(2026, 8, 20)
DAYS = pl.DataFrame(
    [
        (store, FIRST + timedelta(days=n), 10_000 + 37 * n + step, 5_000, 10 + n, 3)
        for store, step in (("a", 0), ("b", 501)) for n in range(42)
    ],
    schema=["store_id", "day", "net_minor", "member_net_minor", "lines", "receipts"], orient="row",
)  # fmt: skip
SEPTEMBER = DAYS.filter(pl.col("day").dt.month() == 9)
RULES = {
    "tax_bp": pl.Int64, "closing_day": pl.Int16, "leaves_out": pl.String, "rounded_to": pl.Int64,
    "repeated": pl.List(pl.String),
}  # fmt: skip


def old(value, *, figure="net_sales", scope="north", definition="as counted", **rules):
    row = {"figure_id": figure, "scope": scope, "period": "2026-09", "value": value, "definition": definition}
    return pl.DataFrame([row | dict.fromkeys(RULES) | rules], schema_overrides=RULES)


def split(frame):
    return accepted(frame, DAYS, STORES).table.row(0, named=True)


NET = int(SEPTEMBER["net_minor"].sum())
FIFTH = int(SEPTEMBER.filter(pl.col("store_id") == "a")["net_minor"][4])


def test_a_figure_counted_alike_needs_no_reason():
    made = accepted(old(NET), DAYS, STORES)
    assert made.go
    assert made.table["difference"].item() == 0


@pytest.mark.parametrize(
    ("reason", "value", "rules"),
    [
        ("excluded", int(SEPTEMBER.filter(pl.col("store_id") == "a")["net_minor"].sum()), {"leaves_out": "counter"}),
        (
            "timing",
            int(DAYS.filter(pl.col("day").is_between(date(2026, 8, 26), date(2026, 9, 25)))["net_minor"].sum()),
            {"closing_day": 25},
        ),

               ("duplicate", NET + FIFTH, {"repeated": ["a 2026-09-05"]}),
        ("rounding", sum((n + 50) // 100 * 100 for n in SEPTEMBER["net_minor"]), {"rounded_to": 100}),
        ("definition", sum((2 * n * 10_000 + 10_900) // 21_800 for n in SEPTEMBER["net_minor"]), {"tax_bp": 900}),
    ],
)  # fmt: skip
def test_each_reason_is_found_alone_and_to_the_fen(reason, value, rules):
    row = split(old(value, **rules))
    assert row["unexplained"] == 0
    assert {name for name in REASONS if row[name]} == {reason}
    assert row[reason] == row["new"] - row["old"] == NET - value


def test_what_no_rule_explains_is_unexplained_and_no_go():
    made = accepted(old(NET - 12_345), DAYS, STORES)
    assert (made.unexplained, made.go) == (12_345, False)
    assert by_scope(made, first=[]).rows() == [("north", 1, 1)]


OLD_WAYS = st.fixed_dictionaries(
    {
        "tax_bp": st.integers(0, 2_000), "closing_day": st.sampled_from([None, 25, 31]),
        "leaves_out": st.sampled_from([None, "counter"]), "rounded_to": st.sampled_from([None, 100, 1000]),
        "repeated": st.sampled_from([None, ["a 2026-09-05"]]),
    }
)  # fmt: skip


@given(OLD_WAYS, st.integers(-(10**9), 10**9))
def test_all_reasons_together_sum_to_the_difference(rules, value):
    row = split(old(value, **rules))
    assert sum(row[name] for name in REASONS) + row["unexplained"] == row["new"] - value


def test_scopes_are_regions_stores_and_all():
    one = int(SEPTEMBER.filter(pl.col("store_id") == "b")["net_minor"].sum())
    assert split(old(one, scope="b"))["difference"] == 0
    assert split(old(NET, scope="all"))["difference"] == 0
    assert split(old(int(SEPTEMBER["receipts"].sum()), figure="receipts"))["difference"] == 0


@pytest.mark.parametrize("other", [{"figure": "headcount"}, {"scope": "south"}])
def test_what_cannot_be_counted_again_stands_on_the_old_side_only(other):
    made = accepted(old(7, **other), DAYS, STORES)
    assert made.table["only"].to_list() == ["old"]
    assert not made.go


def test_an_old_figure_without_definition_is_refused():
    with pytest.raises(ModelError) as error:
        accepted(old(7, definition=" "), DAYS, STORES)
    assert error.value.code == "cases.no_definition"


def test_a_blocking_step_counts_only_when_due_and_needs_evidence():
    day = date(2026, 10, 31)
    steps = pl.DataFrame(
        {"step_id": list("abcde"), "due_on": [day - timedelta(days=n) for n in (9, 5, 3, 1, -4)],
         "done_on": [day, day, None, None, None], "evidence": ["signed", " ", None, None, None],
         "blocking": [True, True, True, False, True]}
    )  # fmt: skip
    made = gate(steps, as_of=day)
    assert made.select("step_id", "late_days").rows() == [("b", 5), ("c", 3)]
