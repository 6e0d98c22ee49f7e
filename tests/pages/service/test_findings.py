"""The service page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from crmlib.cases import service
from crmlib.cases.desk import PROMISE
from crmlib.cases.engine import Identity
from crmlib.cases.queues import Plan
from crmlib.cases.service import Calls, satisfaction
from crmlib.pages.service.findings import actions, desk, phone, voice
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
NOW = datetime(2026, 10, 31, 23, tzinfo=UTC)


def tickets(*, late=(None, None), level=(None, None)):
    return pl.DataFrame(
        {"ticket_id": ["a", "b"], "late_days": late, "age_days": [9, 3], "level": level},
        schema_overrides={"late_days": pl.Int64, "level": pl.Int64},
    )


def promised(kept, due, promise="solve", team="complaints"):
    low, high = 0.9 * kept / due, min(1.1 * kept / due, 1.0)
    return pl.DataFrame(
        [(team, promise, due, kept, due - kept, 0, kept / due, low, high)], schema=PROMISE, orient="row"
    )


@pytest.mark.parametrize(
    ("kind", "rows", "kept"),
    [
        ("escalated", tickets(late=(4, 2), level=(2, None)), 5),
        ("overdue", tickets(late=(4, None)), 5),
        ("kept", tickets(), 9),
    ],
)
def test_the_answer_names_overdue_escalations_before_anything_else(words, kind, rows, kept):
    said = desk.answer(rows, promised(kept, 10), words=words, target=0.9, days=28)
    assert says(words, f"service.answer.{kind}", said.sentence)
    assert (said.figures[1].tone == "good") == (kind == "kept")
    assert (said.figures[2].tone == "good") == (kept >= 9)


@pytest.mark.parametrize(
    ("kept", "kind", "status"), [(95, "kept", "ok"), (85, "unsure", "warn"), (60, "below", "fail")]
)
def test_below_the_target_is_red_only_beyond_chance(words, kept, kind, status):
    found = desk.promises(promised(kept, 100), words=words, target=0.9, days=28)
    assert found.status == status
    assert says(words, f"service.promises.headline.{kind}", found.headline)


def test_the_worst_promise_says_the_headline(words):
    both = pl.concat([promised(99, 100, "answer"), promised(40, 100, "solve", "questions")])
    found = desk.promises(both, words=words, target=0.9, days=28)
    assert words("service.promise_of.solve", team=words("service.team.questions")) in found.headline


@pytest.mark.parametrize(
    ("counts", "overdue", "kind", "status"),
    [((1, 0, 0, 0, 9), 9, "old", "fail"), ((5, 2, 0, 0, 0), 2, "late", "warn"), ((5, 0, 0, 0, 0), 0, "fresh", "ok")],
)
def test_old_tickets_are_named(words, counts, overdue, kind, status):
    bands = ["day", "three_days", "week", "month", "older"]
    late = [0] * 4 + [overdue] if counts[4] else [overdue, 0, 0, 0, 0]
    rows = pl.DataFrame({"band": bands, "tickets": counts, "overdue": late, "asked": [0] * 5, "escalated": [0] * 5})
    found = desk.backlog(rows, words=words)
    assert found.status == status
    assert says(words, f"service.backlog.headline.{kind}", found.headline)


@pytest.mark.parametrize(("end", "kind"), [(12, "grows"), (8, "shrinks"), (10, "same"), (99, "break")])
def test_a_book_that_does_not_close_is_red(words, end, kind):
    closed = 5 if kind == "break" else 15 - end
    made = Identity(10, {"opened": 4, "reopened": 1}, {"closed": closed}, end)
    found = desk.book(made, words=words, first=AS_OF.replace(day=1), last=AS_OF)
    assert found.status == ("fail" if kind == "break" else "none")
    assert says(words, f"service.book.headline.{kind}", found.headline)
    rows = dict(found.table.iter_rows())
    assert sum(n for name, n in rows.items() if name != "open_now") == rows["open_now"]


def solved(days):
    start = NOW - timedelta(days=60)
    rows = pl.DataFrame({"opened_at": [start] * len(days), "solved_at": [start + timedelta(days=d) for d in days]})
    return service.solve_times(rows, as_of=NOW)


@pytest.mark.parametrize(("now", "before", "kind"), [(9, 2, "slower"), (2, 9, "faster"), (3, 3, "same")])
def test_slower_and_faster_flip_with_the_quarters(words, now, before, kind):
    found = desk.times(solved([now] * 9), solved([before] * 9), words=words, days=91)
    assert says(words, f"service.times.headline.{kind}", found.headline)
    assert (found.status == "warn") == (kind == "slower")


def test_a_longer_tail_is_told_although_the_median_stands(words):
    quick, slow = solved([1] * 60 + [2] * 40), solved([1] * 60 + [20] * 40)
    found = desk.times(slow, quick, words=words, days=91)
    assert found.status == "warn"
    assert says(words, "service.times.headline.tail", found.headline)
    assert says(words, "service.times.headline.same", desk.times(quick, slow, words=words, days=91).headline)


def about(now, before):
    return pl.DataFrame({"theme": ["stale"], "tickets": [now], "before": [before], "repeat": [1], "open": [2]})


def test_a_theme_rose_only_beyond_chance(words):
    rose, same = (voice.themes(about(*n), words=words, days=91) for n in ((60, 20), (22, 20)))
    assert (rose.status, same.status) == ("warn", "none")
    assert words("service.theme.stale") in rose.headline


def test_few_marks_give_wide_bounds(words):
    wide = voice.satisfaction(satisfaction(asked=100, answered=20, satisfied=15), words=words, days=91)
    narrow = voice.satisfaction(satisfaction(asked=100, answered=90, satisfied=70), words=words, days=91)
    assert says(words, "service.satisfaction.headline.wide", wide.headline)
    assert says(words, "service.satisfaction.headline.narrow", narrow.headline)


CALLS = Calls(100, 90, 10, 0, 0, 85, 0.85, 85 / 90)


@pytest.mark.parametrize(("in_time", "kind"), [(85, "kept"), (75, "unsure"), (50, "below")])
def test_calls_are_judged_over_all_offered(words, in_time, kind):
    made = replace(CALLS, in_time=in_time, service_level=in_time / 100)
    found = phone.calls(made, words=words, days=14, seconds=20, level=0.8)
    assert says(words, f"service.calls.headline.{kind}", found.headline)
    assert found.table.filter(pl.col("call_outcome") != "offered")["calls_n"].sum() == 100


def day(rostered, *, patience=120.0):
    needed = [2, 3, 3]
    table = pl.DataFrame(
        {"minute": [600, 630, 660], "a_day": [5.0, 9.0, 9.0], "level": [0.9] * 3, "needed": needed,
         "rostered": rostered,
         "expected": [0.7] * 3, "short": [n - r for n, r in zip(needed, rostered, strict=True)]}
    )  # fmt: skip
    return Plan(table, 240.0, patience, 14)


@pytest.mark.parametrize(
    ("rostered", "kind", "status"),
    [([4.0, 2.0, 3.0], "move", "warn"), ([2.0, 1.0, 1.0], "few", "warn"), ([2.0, 3.0, 3.0], "fine", "ok")],
)
def test_missing_agents_are_moved_where_others_are_spare(words, rostered, kind, status):
    found = phone.agents(day(rostered), words=words, seconds=20, level=0.8)
    assert found.status == status
    assert says(words, f"service.agents.headline.{kind}", found.headline)


def test_half_hours_in_a_row_are_one_stretch_and_no_patience_is_an_upper_bound(words):
    found = phone.agents(day([2.0, 1.0, 1.0], patience=None), words=words, seconds=20, level=0.8)
    assert "10:30–11:30" in found.headline
    assert says(words, "service.agents.sure_bound", found.note_sure)


def test_the_list_names_an_owner_for_every_ticket(words):
    late = pl.DataFrame(
        {"ticket_id": ["a", "b"], "customer_id": ["x", None], "theme": ["stale", None], "margin_minor": [100, None],
         "late_days": [40, 2], "level": [3, None], "asked": [False, True], "staff_id": ["g", None]},
        schema_overrides={"margin_minor": pl.Int64},
    )  # fmt: skip
    made = actions.listed(late, words=words, found=2, as_of=AS_OF, people={"g": "Zhao"}, pseudonyms={"x": "QQ"})
    assert made.table["owner"].to_list() == ["Zhao", words("service.no_owner")]
    assert made.table["suggestion"].to_list() == [words("service.advice.decide"), words("service.advice.owner")]
    held = late.with_columns(staff_id=pl.lit("g"))
    for gone, advice in ((frozenset[str](), "reply"), (frozenset({"g"}), "owner")):
        said = actions.listed(held, words=words, found=2, as_of=AS_OF, people={}, pseudonyms={}, gone=gone)
        assert said.table["suggestion"][1] == words(f"service.advice.{advice}")
    assert made.table["customer"].to_list() == ["QQ", None]
