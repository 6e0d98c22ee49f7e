"""The desk's day: deadlines by the hours of teams, what is overdue, what lies, what returns; agents by half hour."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.cases import desk, queues
from crmlib.core.errors import ModelError

NOW = datetime(2026, 3, 31, 23, 59)  # noqa: DTZ001
HOURS = pl.DataFrame(
    {"team": ["a"] * 5 + ["b"] * 7, "weekday": [*range(1, 6), *range(1, 8)], "from_minute": [540] * 12,
     "to_minute": [1080] * 12, "holidays": ["closed"] * 5 + ["open"] * 7}
)  # fmt: skip
KINDS = {"staff_id": pl.String, "level": pl.Int64, "score": pl.Int64, "solution_id": pl.String}


def at(day, hour=10):
    return datetime(2026, 3, day, hour)  # noqa: DTZ001


def events(*rows):
    names = ["ticket_id", "at", "kind", "staff_id", "level"]
    return pl.DataFrame(rows, schema=names, orient="row", schema_overrides=KINDS)


def tickets(*rows):
    frame = pl.DataFrame(rows, schema=["ticket_id", "opened_at", "team"], orient="row")
    return frame.with_columns(promise_answer_s=pl.lit(3600), promise_solve_s=pl.lit(9 * 3600))


LOG = events(
    ("t1", at(6), "opened", None, None), ("t1", at(6, 12), "answer_human", "g", None),
    ("t1", at(9, 9), "solved", "g", None),
    ("t2", at(6), "opened", None, None), ("t2", at(9), "escalated", None, 2),
    ("t3", at(30), "opened", None, None), ("t3", at(30, 11), "asked_customer", "h", None),
)  # fmt: skip
TICKETS = tickets(("t1", at(6), "a"), ("t2", at(6), "b"), ("t3", at(30), "a"))


@pytest.fixture(scope="module")
def rows():
    return desk.standing(TICKETS, LOG, HOURS, as_of=NOW)


def test_each_team_has_its_own_clock(rows):
    """6 March 2026 is a Friday: nine working hours end on Monday for one team, on Saturday for the other."""
    due = dict(rows.select("ticket_id", "due_at").iter_rows())
    assert due["t1"] == at(9, 10)
    assert due["t2"] == at(7, 10)


def test_what_is_in_hand_is_open_and_of_whoever_did_something_last():
    asked = TICKETS.with_columns(customer_id=pl.lit("c"))
    assert desk.in_hand(asked, LOG).rows() == [("t2", "c", None), ("t3", "c", "h")]


def test_open_tickets_past_their_deadline_are_overdue_and_waiting_ones_are_marked(rows):
    found = {r["ticket_id"]: r for r in rows.iter_rows(named=True)}
    assert found["t1"]["late_days"] is None
    assert found["t2"]["late_days"] == 24
    assert (found["t3"]["asked"], found["t3"]["staff_id"]) == (True, "h")
    assert found["t2"]["level"] == 2


def test_promises_count_open_ones_as_broken_and_late_answers_as_late(rows):
    made = {(r["team"], r["promise"]): r for r in desk.promises(rows, as_of=NOW, days=28).iter_rows(named=True)}
    assert (made["a", "solve"]["due"], made["a", "solve"]["kept"]) == (2, 1)
    assert (made["b", "solve"]["open"], made["b", "solve"]["share"]) == (1, 0.0)
    assert made["a", "answer"]["late"] == 1
    assert all(r["due"] == r["kept"] + r["late"] + r["open"] for r in made.values())


def test_a_ticket_without_any_event_is_open():
    bare = desk.standing(TICKETS, LOG.filter(pl.col("ticket_id") != "t2"), HOURS, as_of=NOW)
    assert bare.filter(pl.col("ticket_id") == "t2")["late_days"].item() == 24


def test_an_open_ticket_before_its_deadline_is_not_overdue():
    young = desk.standing(tickets(("t", at(31, 17), "a")), LOG, HOURS, as_of=NOW)
    assert young.select("age_days", "late_days").row(0) == (0, None)


def test_a_team_without_hours_is_refused():
    with pytest.raises(ModelError) as error:
        desk.standing(tickets(("t", at(2), "night")), LOG, HOURS, as_of=NOW)
    assert error.value.code == "cases.no_hours"


def test_the_list_begins_with_the_highest_escalation_then_margin(rows):
    worth = pl.DataFrame({"customer_id": ["x"], "margin_minor": [5]})
    late = desk.overdue(rows.with_columns(customer_id=pl.lit("x"), late_days=pl.lit(1)), worth)
    assert late["ticket_id"][0] == "t2"
    assert late["margin_minor"].to_list() == [5] * 3


def test_the_backlog_sums_to_all_open(rows):
    table = desk.backlog(rows)
    assert table["tickets"].sum() == rows["age_days"].is_not_null().sum() == 2
    assert table["band"].to_list() == [name for name, _ in desk.BANDS]


def test_closings_know_whether_they_held_and_marks_count_once():
    log = pl.DataFrame(
        {"ticket_id": ["t"] * 6, "at": [at(d) for d in (1, 2, 3, 4, 5, 6)],
         "kind": ["opened", "solved", "reopened", "solved", "survey_sent", "survey_answered"],
         "solution_id": [None, "s", None, None, None, None], "score": [None] * 5 + [5]},
        schema_overrides=KINDS,
    )  # fmt: skip
    done = desk.closings(log, since=at(1))
    assert done.select("solution_id", "reopened").rows() == [("s", 1), (None, 0)]
    marks = desk.asked(log, since=at(1))
    assert (marks.asked, marks.answered, marks.satisfied) == (1, 1, 1)


def test_themes_compare_a_quarter_with_the_one_before():
    made = pl.DataFrame(
        {"ticket_id": list("abc"), "customer_id": ["x", "x", None], "theme": ["leak"] * 3, "solved_at": [None] * 3,
         "opened_at": [NOW - timedelta(days=d) for d in (120, 40, 5)]},
        schema_overrides={"solved_at": pl.Datetime},
    )  # fmt: skip
    row = desk.themes(made, as_of=NOW, days=91).row(0, named=True)
    assert (row["tickets"], row["before"], row["repeat"], row["open"]) == (2, 1, 1, 3)


def queue(rate, *, agents, patience, days=40, seed=1):
    """Calls of one half hour a day, served first come first served (times in minutes)."""
    rng = np.random.default_rng(seed)
    rows = []
    for day in range(days):
        begin = datetime(2026, 1, 1) + timedelta(days=day, hours=10)  # noqa: DTZ001
        free = np.zeros(agents)
        for moment in np.sort(rng.uniform(0, 30, rng.poisson(rate * 30))):
            k = int(free.argmin())
            wait, limit, talk = max(free[k] - moment, 0.0), rng.exponential(patience), rng.exponential(4.0)
            served = wait <= limit
            if served:
                free[k] = moment + wait + talk
            when = begin + timedelta(minutes=float(moment))
            waited = int(60 * min(wait, limit))
            rows.append((when, "in", "k" if served else None, waited, int(talk * 60) if served else None,
                         "answered" if served else "abandoned"))  # fmt: skip
    return pl.DataFrame(
        rows, schema=["at", "direction", "staff_id", "wait_s", "talk_s", "outcome"], orient="row"
    ).with_columns(wrap_s=pl.lit(0))


ROSTER = pl.DataFrame(
    {"staff_id": ["k"] * 2, "day": [date(2026, 1, 2)] * 2, "from_minute": [600, 600], "to_minute": [660, 660]}
)


def test_patience_and_need_are_found_again_in_calls_of_a_known_queue():
    calls = queue(0.9, agents=4, patience=2.0, days=120)
    made = queues.plan(calls, ROSTER, as_of=date(2026, 6, 1), target_s=20, level=0.8)
    assert made.patience_s == pytest.approx(120, rel=0.15)
    assert made.handle_s == pytest.approx(240, rel=0.1)
    row = made.table.row(0, named=True)
    assert row["needed"] == 6
    assert (row["rostered"], row["short"]) == (2.0, 4.0)
    assert made.worst is not None


def test_without_anybody_who_gave_up_the_need_is_an_upper_bound():
    calls = queue(0.9, agents=40, patience=500.0)
    made = queues.plan(calls, ROSTER, as_of=date(2026, 6, 1), target_s=20, level=0.8)
    assert made.patience_s is None
    known = queues.plan(queue(0.9, agents=4, patience=2.0), ROSTER, as_of=date(2026, 6, 1), target_s=20, level=0.8)
    assert made.table["needed"][0] >= known.table["needed"][0]


def test_a_day_without_calls_needs_nobody():
    none = queue(0.9, agents=4, patience=2.0).clear()
    made = queues.plan(none, ROSTER, as_of=date(2026, 6, 1), target_s=20, level=0.8)
    assert made.table.is_empty()
    assert made.worst is None
