"""An adviser's day: rules make no task twice, greet nobody late, and count what was done; effects are by lot only."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from crmlib.cases import birthdays, care_day
from crmlib.core.dates import day_number

TODAY = date(2026, 11, 1)


def tasks(*rows):
    schema = {
        "customer_id": pl.String,
        "kind": pl.String,
        "due_on": pl.Date,
        "state": pl.String,
        "owner_staff": pl.String,
    }
    made = pl.DataFrame(rows, schema=schema, orient="row")
    blank = pl.lit(None, dtype=pl.String)
    return made.with_columns(
        reason=pl.lit("r"), product_id=blank,
        done_at=pl.when(pl.col("state") == "done").then(pl.col("due_on").cast(pl.Datetime)),
    )  # fmt: skip


def test_what_stands_in_the_log_is_not_made_again_and_a_birthday_long_gone_is_not_greeted():
    log = tasks(
        ("a", "birthday", TODAY - timedelta(days=1), "open", "G"),
        ("b", "birthday", TODAY - timedelta(days=4), "open", "G"),
        ("c", "use_up", TODAY - timedelta(days=40), "open", "G"),
        ("d", "use_up", TODAY, "done", "G"),
        ("e", "use_up", TODAY + timedelta(days=1), "open", "G"),
    )
    assert care_day.logged(log, today=TODAY)["customer_id"].to_list() == ["a", "c"]
    made = pl.DataFrame(
        {"customer_id": ["a", "d", "x"], "kind": ["birthday", "use_up", "use_up"], "due_on": [TODAY] * 3, "reason": "r"}
    )
    assert care_day.new(made, log)["customer_id"].to_list() == ["x"]


def test_a_closed_complaint_is_followed_once_and_not_if_somebody_has_spoken_since():
    at = datetime(2026, 10, 20, 9, tzinfo=UTC)
    log = pl.DataFrame(
        {"customer_id": ["a", "b", "b"], "contact_id": ["1", "2", "3"], "purpose": ["complaint", "complaint", "care"],
         "at": [at, at, datetime(2026, 10, 30, 9, tzinfo=UTC)],
         "solved_at": [datetime(2026, 10, 26, 9, tzinfo=UTC)] * 2 + [None],
         "next_at": [None, None, datetime(2026, 11, 1, 10, tzinfo=UTC)]}
    )  # fmt: skip
    assert care_day.complaints_closed(log, today=TODAY).select("customer_id", "due_on").rows() == [
        ("a", date(2026, 10, 31))
    ]
    assert care_day.promised(log, today=TODAY)["customer_id"].to_list() == ["b"]
    spoken = pl.concat(
        [log, log.tail(1).with_columns(at=datetime(2026, 10, 31, 9, tzinfo=UTC), contact_id=pl.lit("4"))]
    )
    assert care_day.promised(
        spoken.with_columns(next_at=pl.when(pl.col("contact_id") == "3").then("next_at")), today=TODAY
    ).is_empty()


def test_a_birthday_kept_apart_holds_before_the_list_and_impossible_days_are_counted():
    people = pl.DataFrame(
        {"customer_id": list("abcde"), "birth_month": [1, 12, 5, None, 3], "birth_day": [1, 31, 5, None, 9],
         "birth_lunar": [False, True, False, None, True]}
    )  # fmt: skip
    apart = pl.DataFrame(
        {"customer_id": ["b", "c"], "kind": ["birthday", "wedding"], "month": [9, 11], "day": [23, 1],
         "lunar": [True, False], "leap": [False, None]}
    )  # fmt: skip
    own = care_day.own_birthdays(people, apart)
    assert own.filter(pl.col("customer_id") == "b").row(0)[1:4] == (9, 23, True)
    kept, counts = birthdays.sorted_out(own)
    assert counts == {"kept": 3, "placeholder": 1, "impossible": 0, "missing": 1}
    assert birthdays.sorted_out(care_day.own_birthdays(people, None))[1]["impossible"] == 1
    assert sum(counts.values()) == own.height == people.height
    assert kept.height == counts["kept"]
    days = care_day.anniversaries(apart, first=TODAY, last=TODAY)
    assert days.rows() == [("c", "anniversary", TODAY, "anniversary")]


def test_the_account_adds_up_by_owner_and_what_was_left_alone_is_not_due():
    log = tasks(
        *[("a", "use_up", TODAY - timedelta(days=d), s, o) for d, s, o in (
            (2, "done", "G"), (3, "open", "G"), (4, "cancelled", "G"), (5, "held_out", "G"), (6, "not_fitted", "H"),
            (60, "open", "G"))]
    )  # fmt: skip
    rows = care_day.account(log, as_of=TODAY)
    assert rows.select("owner_staff", "due", "in_time", "late", "open", "cancelled", "held_out").rows() == [
        ("H", 1, 0, 0, 1, 0, 0), ("G", 3, 1, 0, 1, 1, 1),
    ]  # fmt: skip
    assert (rows["due"] == rows.select(pl.sum_horizontal("in_time", "late", "open", "cancelled")).to_series()).all()


def bought(beta: float, n: int = 120, *, seed: int = 3) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        day = day_number(TODAY) - 400
        while day < day_number(TODAY):
            packs = int(rng.integers(1, 5))
            rows.append((f"c{i}", "p", day, packs * 1000))
            day += max(round(20 * packs**beta * rng.lognormal(0, 0.1)), 1)
    return pl.DataFrame(rows, schema=["customer_id", "product_id", "day_n", "quantity_milli"], orient="row")


def test_a_dose_is_a_clock_only_where_quantity_drives_the_interval():
    labels = pl.DataFrame({"product_id": ["p"], "days_of_use": [20]})
    made, clock = care_day.used_up(bought(1.0), labels, today=TODAY)
    assert (clock.kind, round(clock.beta, 1)) == ("dose", 1.0)
    assert made["due_on"].is_between(TODAY - timedelta(days=6), TODAY).all()
    _, rhythm = care_day.used_up(bought(0.0), labels, today=TODAY)
    assert rhythm.kind == "rhythm"
    few, none = care_day.used_up(bought(0.0, n=2), labels, today=TODAY)
    assert (few.height, none.kind) == (0, "none")


def test_a_lot_shows_an_effect_that_is_there_and_none_that_is_not():
    held = [("held_out" if i % 2 else "done") for i in range(200)]
    log = tasks(*[(f"c{i}", "birthday", TODAY - timedelta(days=30), s, "G") for i, s in enumerate(held)])
    start = day_number(TODAY) - 29
    some = pl.DataFrame({"customer_id": [f"c{i}" for i in range(0, 200, 2)][:60], "day_n": [start] * 60})
    found = care_day.lot(log, some, as_of=TODAY)
    assert (found.called, found.bought, found.alone, found.alone_bought) == (100, 60, 100, 0)
    assert found.low > 0.4
    both = pl.concat([some, some.with_columns(customer_id=pl.format("c{}", pl.int_range(1, 120, 2)))])
    even = care_day.lot(log, both, as_of=TODAY)
    assert even.low < 0 < even.high
    assert care_day.lot(log.head(20), both, as_of=TODAY).low is None


def test_capacity_is_of_those_who_are_here_and_nobodys_tasks_are_named():
    staff = pl.DataFrame(
        {"staff_id": ["a", "b"], "left_on": [None, date(2026, 1, 1)], "calls_per_day": [None, 9]},
        schema_overrides={"left_on": pl.Date},
    )
    room = care_day.capacity(staff, as_of=TODAY, usual=7)
    assert room.rows() == [("a", 7)]
    plan = pl.DataFrame(
        {"owner_staff": ["a", "b", None, "a"], "state": ["open", "not_fitted", "not_fitted", "cancelled"]}
    )
    rows = care_day.by_owner(plan, room)
    assert dict(rows.select("owner_staff", "tasks_per_day").iter_rows()) == {"a": 7, "b": None, None: None}
    assert rows["fits"].sum() + rows["over"].sum() == 3
