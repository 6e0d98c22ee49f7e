"""Agents per half hour: published values, a simulated queue, patience, and what Erlang C overstates."""

from __future__ import annotations

import heapq

import numpy as np
import polars as pl
import pytest

from crmlib.cases import service, staffing
from crmlib.core.errors import ModelError

DESK = dict(answers=0.25, target=1 / 3)


def test_erlang_a_gives_the_published_figures():
    """λ 2.5, μ .25, patience 2 minutes, target 20 s; Garnett's calculator agrees."""
    said = staffing.erlang_a(calls=2.5, patience=2.0, agents=np.array([11, 12]), **DESK)
    assert said.service_level == pytest.approx([0.7403, 0.8203], abs=1e-4)
    assert said.abandoned == pytest.approx([0.1016, 0.0676], abs=1e-4)
    assert said.occupancy[1] == pytest.approx(0.7770, abs=1e-4)
    assert staffing.erlang_c(calls=2.5, agents=14, **DESK) == pytest.approx(0.8752, abs=1e-4)


def test_erlang_c_asks_for_fourteen_where_twelve_do():
    calls = np.array([2.5, 0.0])
    assert staffing.agents_needed(calls=calls, level=0.8, patience=2.0, **DESK).tolist() == [12, 0]
    assert staffing.agents_needed(calls=calls, level=0.8, **DESK).tolist() == [14, 0]


def test_twelve_all_day_fail_the_busy_half_hours():
    profile = 2.5 * np.array([0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 1.8, 1.6, 1.2, 1.0, 0.8, 0.6])
    flat = staffing.erlang_a(calls=profile, patience=2.0, agents=12, **DESK).service_level
    assert (profile @ flat) / profile.sum() < 0.75
    assert flat.min() < 0.35
    fitted = staffing.agents_needed(calls=profile, level=0.8, patience=2.0, **DESK)
    assert staffing.erlang_a(calls=profile, patience=2.0, agents=fitted, **DESK).service_level.min() >= 0.8


def test_nothing_overflows_far_from_capacity():
    with np.errstate(all="raise", under="ignore"):
        said = staffing.erlang_a(
            calls=np.array([1e-9, 2000.0, 500.0, 200.0]), patience=2.0, agents=np.array([1, 10, 4000, 700]), **DESK
        )
    assert said.service_level == pytest.approx([1.0, 0.0, 1.0, 0.65007], abs=1e-4)
    assert said.abandoned[1] == pytest.approx(1 - 10 * 0.25 / 2000, abs=1e-6)


def queue(n_calls, agents, *, seed=1, lam=2.5, mu=0.25, patience=2.0):
    """First come, first served, with callers who give up; waits in seconds."""
    rng = np.random.default_rng(seed)
    at = np.cumsum(rng.exponential(1 / lam, n_calls))
    talk, limit = rng.exponential(1 / mu, n_calls), rng.exponential(patience, n_calls)
    free = [0.0] * agents
    rows = []
    for t, service_time, most in zip(at, talk, limit, strict=True):
        begin = max(t, free[0])
        if begin - t > most:
            rows.append((most * 60, "abandoned"))
            continue
        heapq.heapreplace(free, begin + service_time)
        rows.append(((begin - t) * 60, "answered"))
    return pl.DataFrame(rows, schema=["wait_s", "outcome"], orient="row").with_columns(direction=pl.lit("in"))


def test_a_simulated_queue_behaves_as_erlang_a_says():
    table = queue(60_000, 12)
    counted = service.calls(table, target_s=20)
    said = staffing.erlang_a(calls=2.5, patience=2.0, agents=12, **DESK)
    assert counted.service_level == pytest.approx(float(said.service_level), abs=0.015)
    assert counted.abandoned / counted.offered == pytest.approx(float(said.abandoned), abs=0.008)
    assert counted.of_answered > counted.service_level, "leaving out those who gave up flatters"


def test_the_wait_of_those_who_gave_up_is_not_their_patience():
    table = queue(60_000, 11)
    assert staffing.patience(table) == pytest.approx(2.0, abs=0.1)
    gave_up = table.filter(pl.col("outcome") == "abandoned")["wait_s"].mean() / 60
    assert gave_up < 0.8


def test_no_abandoned_calls_no_patience():
    with pytest.raises(ModelError) as error:
        staffing.patience(pl.DataFrame({"wait_s": [3], "outcome": ["answered"]}))
    assert error.value.code == "cases.no_abandoned"
    with pytest.raises(ModelError) as error:
        staffing.agents_needed(calls=np.array([5000.0]), level=0.8, answers=0.01, target=0.3)
    assert error.value.code == "cases.too_many_agents"


def test_offered_calls_are_answered_abandoned_blocked_or_waiting():
    table = pl.DataFrame(
        {
            "direction": ["in"] * 5 + ["out"],
            "wait_s": [5, 40, 9, 0, 3, 0],
            "outcome": ["answered", "answered", "abandoned", "blocked", None, "answered"],
        }
    )
    c = service.calls(table, target_s=20)
    assert c.offered == c.answered + c.abandoned + c.blocked + c.waiting == 5
    assert c.service_level == 0.2
