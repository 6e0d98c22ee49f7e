"""The call centre's log: complaints, follow-ups, care calls, surveys, registered reasons of loss, win-back calls."""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.simulate.campaigns import CALL_COST, COUPON, Outcome
from crmlib.simulate.complaints import PROMISED_DAYS, REASONS, Complaints
from crmlib.simulate.draws import Flags, Ints
from crmlib.simulate.leaving import CAUSES, NEW_CARD, STAYS, Departures
from crmlib.simulate.members import DEAL_HUNTER, MEMBER, Members
from crmlib.simulate.shops import Shops

FOLLOW_UP_SHARE, CARE_SHARE, SURVEY_SHARE, REGISTERED_SHARE = 0.45, 0.10, 0.35, 0.62
TRUE_REASON_SHARE = 0.85
"""Share of the registered reasons that are the true one."""
NEVER_SOLVED = -1


def log(
    members: Members, shops: Shops, leaving: Departures, complaints: Complaints, lists: list[Outcome],
    *, first_day: int, last_day: int, rng: np.random.Generator,
) -> pl.DataFrame:  # fmt: skip
    """All contacts: member, day, second, purpose, channel, outcome, due, solved, score, reason, cost_minor; by time."""
    parts = [
        _complained(complaints, shops, members, rng),
        _followed(members, first_day, last_day, rng),
        _cared(members, leaving.day, first_day, last_day, rng),
        _registered(leaving, members, last_day, rng),
        *(_called(outcome, rng) for outcome in lists),
    ]
    together = pl.concat(parts, how="diagonal_relaxed").filter(pl.col("day") <= last_day)
    second = pl.Series(rng.integers(9 * 3600, 18 * 3600, together.height))
    solved = pl.when(pl.col("solved") >= 0).then(pl.col("solved"))
    together = together.with_columns(second=second, solved=solved, home=pl.Series(members.home[together["member"]]))
    return together.sort("day", "second", "member")


def _complained(c: Complaints, shops: Shops, members: Members, rng: np.random.Generator) -> pl.DataFrame:
    """Complaints with their promise, solution and the customer's mark for it (1 to 5)."""
    n = len(c.member)
    in_time = (c.solved >= 0) & (c.solved - c.day <= PROMISED_DAYS)
    mark = np.clip(np.round(rng.normal(np.where(in_time, 4.2, 2.4), 0.8)), 1, 5).astype(np.int64)
    asked = (c.solved >= 0) & (rng.random(n) < SURVEY_SHARE)
    return pl.DataFrame(
        {
            "member": c.member,
            "day": c.day,
            "purpose": pl.Series(["complaint"]).new_from_index(0, n),
            "channel": pl.Series(("phone", "store", "online")).gather(pl.Series(rng.choice(3, n, p=[0.5, 0.3, 0.2]))),
            "outcome": pl.Series(("open", "solved")).gather(pl.Series((c.solved >= 0).astype(np.int64))),
            "due": c.day + PROMISED_DAYS,
            "solved": c.solved,
            "score": _where(asked, mark),
            "reason": pl.Series(REASONS).gather(pl.Series(c.reason)),
            "cost_minor": rng.integers(0, 60, n) * 100,
            "campaign": pl.Series([None], dtype=pl.Int64).new_from_index(0, n),
        }
    )


def _followed(members: Members, first_day: int, last_day: int, rng: np.random.Generator) -> pl.DataFrame:
    """First calls to new members, due within a week; some are late, some never made (no `solved`)."""
    new = np.flatnonzero((members.joined >= first_day) & (members.role == MEMBER))
    new = new[rng.random(len(new)) < FOLLOW_UP_SHARE]
    n = len(new)
    day = members.joined[new] + 1
    done = day + rng.geometric(0.25, n)
    made = (rng.random(n) < 0.85) & (done <= last_day)
    return _calls(new, day, "follow_up", np.where(made, rng.choice(3, n, p=[0.6, 0.3, 0.1]), 3), rng).with_columns(
        due=pl.Series(day + 7), solved=pl.Series(np.where(made, done, NEVER_SOLVED))
    )


def _cared(members: Members, gone: Ints, first_day: int, last_day: int, rng: np.random.Generator) -> pl.DataFrame:
    """Care calls to some frequent members, with a mark for satisfaction."""
    chance = np.clip(members.rate * 30, 0, 1.5) * CARE_SHARE * 4
    member = np.repeat(np.arange(len(chance)), rng.poisson(np.where(members.role < DEAL_HUNTER - 2, chance, 0)))
    n = len(member)
    day = rng.integers(first_day, last_day + 1, n)
    keep = (day > members.joined[member]) & (day < gone[member] + 60)
    member, day = member[keep], day[keep]
    n = len(member)
    mark = np.clip(np.round(rng.normal(4.1, 0.8, n)), 1, 5).astype(np.int64)
    answered = rng.choice(3, n, p=[0.66, 0.24, 0.10])
    calls = _calls(member, day, "care", answered, rng)
    return calls.with_columns(due=pl.Series(day), solved=pl.Series(day), score=_where(answered == 0, mark))


def _registered(leaving: Departures, members: Members, last_day: int, rng: np.random.Generator) -> pl.DataFrame:
    """Reasons of loss that owners wrote down some months after the last visit; some wrong, many missing."""
    lost = np.flatnonzero((leaving.cause != STAYS) & (leaving.day + 120 <= last_day) & (members.role == MEMBER))
    lost = lost[rng.random(len(lost)) < REGISTERED_SHARE]
    n = len(lost)
    guess = rng.integers(1, NEW_CARD, n)
    cause = np.where(rng.random(n) < TRUE_REASON_SHARE, leaving.cause[lost], guess)
    day = leaving.day[lost] + rng.integers(95, 121, n)
    calls = _calls(lost, day, "follow_up", np.full(n, 4), rng)
    return calls.with_columns(reason=pl.Series(CAUSES).gather(pl.Series(cause)), solved=pl.Series(day))


def _called(outcome: Outcome, rng: np.random.Generator) -> pl.DataFrame:
    """Win-back calls; those held out by lot stand in the list with the outcome ``holdout`` and no cost."""
    result = np.where(outcome.held_out, 5, np.where(outcome.reached, 0, 1))
    calls = _calls(outcome.member, outcome.day, "win_back", result, rng)
    spent = np.where(outcome.held_out, 0, CALL_COST + np.where(outcome.won_back, COUPON, 0))
    return calls.with_columns(
        cost_minor=pl.Series(spent),
        solved=pl.Series(np.where(outcome.held_out, NEVER_SOLVED, outcome.day)),
        campaign=pl.Series(outcome.campaign),
    )


OUTCOMES = ("reached", "no_answer", "declined", "not_done", "lost", "holdout")


def _calls(member: Ints, day: Ints, purpose: str, outcome: Ints, rng: np.random.Generator) -> pl.DataFrame:
    n = len(member)
    return pl.DataFrame(
        {
            "member": member,
            "day": day,
            "purpose": pl.Series([purpose]).new_from_index(0, n),
            "channel": pl.Series(("phone", "sms", "store")).gather(pl.Series(rng.choice(3, n, p=[0.7, 0.2, 0.1]))),
            "outcome": pl.Series(OUTCOMES).gather(pl.Series(outcome.astype(np.int64))),
            "cost_minor": np.full(n, 150, dtype=np.int64),
        },
        schema_overrides={"member": pl.Int64, "day": pl.Int64},
    )


def _where(flag: Flags, value: Ints) -> pl.Series:
    return pl.Series(value).zip_with(pl.Series(flag), pl.Series([None], dtype=pl.Int64))
