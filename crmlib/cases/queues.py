"""How many agents each half hour of the day needs, how many are on the roster, and what service that gives.

Rates are means over days of the same half hour; the law is Erlang A (`staffing`), with the patience the calls show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.cases import staffing
from crmlib.core.frames import AnyFrame, timed, to_polars

HALF = 30
"""Minutes of a half hour."""
DAY_MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Plan:
    """The half hours of a day, and what they are reckoned with.

    Parameters
    ----------
    table : minute (after midnight), a_day (calls), level (answered in time over offered, as it was), needed, rostered
        (agents; of several days the mean), expected (service level with the rostered), short (needed − rostered).
    handle_s : mean time an agent is taken by a call [seconds].
    patience_s : mean patience [seconds]; none where nobody gave up: `needed` is an upper bound then (Erlang C).
    days : days of calls that the rates are means of.
    """

    table: pl.DataFrame
    handle_s: float
    patience_s: float | None
    days: int

    @property
    def worst(self) -> dict[str, object] | None:
        """The half hour that is shortest of agents; the one with more calls of two; none where nothing is short."""
        short = self.table.filter(pl.col("short") > 0).sort("short", "a_day", "minute", descending=[True, True, False])
        return short.row(0, named=True) if short.height else None

    @property
    def spare(self) -> pl.DataFrame:
        """Half hours that have more agents than they need."""
        return self.table.filter(pl.col("short") < 0)


@dataclass(frozen=True, slots=True)
class Law:
    """Calls an agent can take per minute, target wait and mean patience [minutes; none: Erlang C]."""

    answers: float
    target: float
    patience: float | None

    def needed(self, rate: staffing.Array, *, level: float) -> staffing.Array:
        """Fewest agents by half hour."""
        return staffing.agents_needed(
            calls=rate, answers=self.answers, target=self.target, level=level, patience=self.patience
        )


def plan(calls: AnyFrame, roster: AnyFrame, *, as_of: date, target_s: int, level: float) -> Plan:
    """Needed against rostered, half hour by half hour.

    Parameters
    ----------
    calls : at, direction, staff_id, wait_s, talk_s, wrap_s, outcome; incoming ones of the days to plan with.
    roster : staff_id, day, from_minute, to_minute of days after `as_of`, else of the days with calls; whoever took
        calls counts.
    target_s, level : a call is to be answered within so many seconds, for this share of all offered.
    """
    table = timed(calls, at="at", needs=("direction", "staff_id", "wait_s", "outcome"), name="calls")
    came = table.filter(pl.col("direction").cast(pl.String) == "in")
    outcome = pl.col("outcome").cast(pl.String)
    days = came["at"].dt.date().n_unique()
    took = came.filter(outcome == "answered")
    handle = float(took.select((pl.col("talk_s").fill_null(0) + pl.col("wrap_s").fill_null(0)).mean()).item() or 0.0)
    gave_up = came.filter(outcome == "abandoned").height
    patience = staffing.patience(came) if gave_up else None
    minute = (pl.col("at").dt.hour().cast(pl.Int64) * 60 + pl.col("at").dt.minute()) // HALF * HALF
    good = (outcome == "answered") & (pl.col("wait_s") <= target_s)
    halves = came.group_by(minute=minute).agg(a_day=pl.len() / max(days, 1), level=good.mean()).sort("minute")
    rate = halves["a_day"].to_numpy() / HALF
    law = Law(60 / handle if handle else 0.0, target_s / 60, patience)
    needed = law.needed(rate, level=level) if handle and halves.height else np.zeros(len(rate))
    there = _rostered(roster, took["staff_id"].unique(), as_of=as_of)
    joined = halves.with_columns(needed=pl.Series(needed, dtype=pl.Int64)).join(
        there, on="minute", how="left", maintain_order="left"
    )
    rostered = joined["rostered"].fill_null(0.0)
    expected = _level(law, rate, rostered.to_numpy()) if handle and halves.height else np.zeros(len(rate))
    return Plan(
        joined.with_columns(rostered, expected=pl.Series(expected, dtype=pl.Float64)).with_columns(
            short=pl.col("needed") - pl.col("rostered")
        ),
        handle,
        None if patience is None else patience * 60,
        days,
    )


def _rostered(roster: AnyFrame, agents: pl.Series, *, as_of: date) -> pl.DataFrame:
    """Agents by half hour: minute, rostered (mean over the days of the roster)."""
    rows = to_polars(roster, needs=("staff_id", "day", "from_minute", "to_minute"), name="rosters")
    rows = rows.filter(pl.col("staff_id").is_in(agents.implode()))
    ahead = rows.filter(pl.col("day") > as_of)
    used = ahead if ahead.height else rows
    days = max(used["day"].n_unique(), 1)
    minutes = pl.DataFrame({"minute": np.arange(0, DAY_MINUTES, HALF, dtype=np.int64)})
    inside = used.select(pl.col("from_minute", "to_minute").cast(pl.Int64)).join(minutes, how="cross")
    there = inside.filter(pl.col("minute") >= pl.col("from_minute"), pl.col("minute") + HALF <= pl.col("to_minute"))
    return there.group_by("minute").agg(rostered=pl.len() / days)


def _level(law: Law, rate: staffing.Array, agents: staffing.Array) -> staffing.Array:
    """Service level with the whole agents of a roster; 0 where nobody is there."""
    n = np.floor(agents + 1e-9).astype(np.int64)
    some, mu, soon = np.maximum(n, 1), law.answers, law.target
    if law.patience is None:
        return np.where(n > 0, staffing.erlang_c(calls=rate, answers=mu, agents=some, target=soon), 0.0)
    found = staffing.erlang_a(calls=rate, answers=mu, patience=law.patience, agents=some, target=soon)
    return np.where(n > 0, found.service_level, 0.0)
