"""The service desk: tickets with every event, a queue of calls with patience, written solutions, rosters, hours.

Complaints are those of the call centre's log: same member, same day, same adviser, same mark; questions come on top.
Known: when what is open will be solved, whether somebody is satisfied who gave no mark, how long callers wait.
Planted: answers grow slower since six weeks, and evenings have too few agents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports, owners
from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.members import MEMBER
from crmlib.simulate.offices import names
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

DAY, HOUR, MINUTE = 86_400, 3_600, 60
QUESTIONS, QUESTION_THEMES = 0.12, ("delivery", "invoice", "points", "voucher", "pack")
"""Questions per member over the time seen."""
GRAVE = {"foreign_body": 3, "stale": 3, "packaging": 2, "price_tag": 2, "points": 2}
ANSWER_MINUTES, SLOWER_SINCE, SLOWER = 38.0, 42, 2.4
ASKS, SECOND_CLOSING, REOPENED_NOW, CITED, SENT = 0.22, 0.10, 0.05, 0.45, 0.6
HAPPY, ANSWERS_HAPPY, ANSWERS_NOT = 0.84, 0.30, 0.50
CALL_DAYS, HANDLE, WRAP, PATIENCE = 14, 200.0, 45.0, 120.0
"""Days of the call log; mean talk, wrap-up and patience [seconds]."""
FIRST_MINUTE, SHIFTS = 540, ((540, 1080), (540, 900), (660, 1260), (900, 1260), (720, 1080))
AGENTS = ("K01", "K02", "K03", "K04", "K05")
SKIP = 700
"""Agents of the hotline; their names come after so many of the other lists."""
PROFILE = (
    0.16, 0.22, 0.30, 0.34, 0.30, 0.24, 0.18, 0.16, 0.18, 0.22, 0.22, 0.20,
    0.20, 0.20, 0.18, 0.18, 0.20, 0.22, 0.26, 0.32, 0.36, 0.34, 0.26, 0.16,
)  # fmt: skip
"""Calls per minute by half hour, from nine to nine."""
AHEAD = 7
"""Days for which the roster is known."""
HOURS = {"complaints": (range(1, 7), 540, 1080), "questions": (range(1, 8), 540, 1260)}
EVENT = {"ticket": pl.Int64, "at": pl.Int64, "kind": pl.String, "level": pl.Int64, "score": pl.Int64}
Event = tuple[int, int, str, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket as it will really go: times in seconds since 1970, `solved` may lie after the last day."""

    number: int
    opened: int
    solved: int
    auto: bool
    grave: int
    score: int | None
    happy: bool
    complaint: bool


def write(world: World, contacts: pl.DataFrame, folder: Path, *, rng: np.random.Generator) -> None:
    """Write tickets, ticket_events, calls, solutions, rosters, service_calendar and the truth."""
    raised = pl.concat([_complaints(world, contacts, rng), _questions(world, rng)]).sort("opened", "member", "theme")
    end = (world.last_day + 1) * DAY - MINUTE
    cases = [_case(number, row, rng) for number, row in enumerate(raised.iter_rows(named=True))]
    events = pl.DataFrame(
        [event for case in cases for event in _events(case, world, end, rng)], schema=EVENT, orient="row"
    )
    _write_tickets(world, raised, folder)
    _write_events(world, raised, events, folder, rng)
    _write_calls(world, folder, rng)
    _write_lists(world, folder)
    pl.DataFrame(
        {
            "ticket_id": pl.select(_ticket_id(pl.int_range(len(cases)))).to_series(),
            "solved_on": pl.Series([c.solved // DAY for c in cases]).cast(pl.Int32).cast(pl.Date),
            "satisfied": [c.happy for c in cases],
        }
    ).write_parquet(folder / "truth" / "tickets.parquet", compression="zstd")


def _ticket_id(number: pl.Expr) -> pl.Expr:
    return pl.format("W{}", (number + 1).cast(pl.String).str.zfill(5))


def _complaints(world: World, contacts: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The log's complaints; what it has open is solved some days after the last one, or in a year."""
    rows = contacts.filter(pl.col("purpose") == "complaint")
    young = rows["day"].to_numpy() > world.last_day - 12
    later = world.last_day + np.where(young, 1 + rng.geometric(0.3, rows.height), 365)
    solved = pl.coalesce("solved", pl.Series("later", later)) * DAY + pl.col("second")
    opened = pl.col("day") * DAY + pl.col("second")
    soon = opened + pl.Series("lag", rng.integers(12, 90, rows.height)) * MINUTE
    return rows.select(
        "member", opened=opened, solved=pl.max_horizontal(solved, soon), theme="reason", channel="channel",
        score=pl.col("score").cast(pl.Int64), complaint=pl.lit(value=True),
    )  # fmt: skip


def _questions(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Questions of members: most are answered at once, some take days."""
    members = world.members
    there = np.flatnonzero(members.role == MEMBER)
    n = int(len(members.rate) * QUESTIONS)
    who, day = rng.choice(there, n), rng.integers(world.first_day, world.last_day + 1, n)
    keep = (members.joined[who] < day) & (world.leaving.day[who] > day)
    who, day = who[keep], day[keep]
    n = len(who)
    opened = day * DAY + rng.integers(9 * 60, 20 * 60 + 50, n) * MINUTE
    minutes = np.where(rng.random(n) < 0.6, rng.integers(6, 40, n), rng.lognormal(7.2, 0.9, n)).astype(np.int64)
    return pl.DataFrame(
        {
            "member": who, "opened": opened, "solved": opened + minutes * MINUTE,
            "theme": np.array(QUESTION_THEMES)[rng.choice(5, n, p=[0.34, 0.24, 0.18, 0.16, 0.08])],
            "channel": np.array(["phone", "online"])[(rng.random(n) < 0.45).astype(np.int64)],
            "score": pl.Series([None] * n, dtype=pl.Int64), "complaint": np.zeros(n, dtype=bool),
        },
        schema_overrides={"member": pl.Int64, "opened": pl.Int64, "solved": pl.Int64},
    )  # fmt: skip


def _case(number: int, row: dict[str, object], rng: np.random.Generator) -> Case:
    """What the log leaves open: the mark of whoever was not asked or did not answer."""
    opened, solved = int(str(row["opened"])), int(str(row["solved"]))
    quick = solved - opened <= 3 * DAY
    happy = bool(rng.random() < (HAPPY if quick or not row["complaint"] else 0.25))
    score = None if row["score"] is None else int(str(row["score"]))
    return Case(
        number, opened, solved, auto=row["channel"] == "online" and bool(rng.random() < 0.7),
        grave=GRAVE.get(str(row["theme"]), 1), score=score, happy=happy if score is None else score >= 4,
        complaint=bool(row["complaint"]),
    )  # fmt: skip


def _events(case: Case, world: World, end: int, rng: np.random.Generator) -> list[Event]:
    """Every event until the end of the time seen, in order."""
    slow = SLOWER if case.opened // DAY > world.last_day - SLOWER_SINCE else 1.0
    answer = case.opened + int(rng.lognormal(np.log(ANSWER_MINUTES * slow), 0.9)) * MINUTE
    if answer % DAY > (18 if case.complaint else 21) * HOUR:
        answer = (answer // DAY + 1) * DAY + 9 * HOUR + int(rng.integers(0, 60)) * MINUTE
    answer = min(answer, case.solved)
    found: list[Event] = [(case.number, case.opened, "opened", None, None)]
    if case.auto:
        found.append((case.number, case.opened + MINUTE, "answer_auto", None, None))
    found.append((case.number, answer, "answer_human", None, None))
    room = min(case.solved, end) - answer
    if case.complaint and rng.random() < ASKS and room > 6 * HOUR:
        asked = answer + int(rng.integers(1, 3)) * HOUR
        replied = min(asked + int(rng.integers(3, 40)) * HOUR, case.solved - HOUR)
        found += [(case.number, asked, "asked_customer", None, None)]
        found += [(case.number, replied, "customer_replied", None, None)] if replied > asked else []
    for level, days in ((2, 2), (3, 5)):
        at = (case.opened // DAY + days) * DAY + 9 * HOUR + 30 * MINUTE
        if case.complaint and case.grave >= level and at < case.solved:
            found.append((case.number, at, "escalated", level, None))
    found += _closings(case, answer, end, rng)
    order = sorted(found, key=lambda event: event[1])
    return [event for event in order if event[1] <= end]


def _closings(case: Case, answer: int, end: int, rng: np.random.Generator) -> Iterator[Event]:
    """A first closing that did not hold, the closing, the survey; a few that are open again."""
    span = case.solved - answer
    if rng.random() < SECOND_CLOSING and span > DAY:
        first = answer + int(span * rng.uniform(0.3, 0.6))
        yield case.number, first, "solved", None, None
        yield case.number, first + int(span * 0.3), "reopened", None, None
    yield case.number, case.solved, "solved", None, None
    recent = end - 9 * DAY < case.solved < end - DAY
    if case.complaint and recent and rng.random() < REOPENED_NOW * 4:
        yield case.number, case.solved + DAY // 2, "reopened", None, None
        return
    sent, answered = rng.random() < SENT, rng.random() < (ANSWERS_HAPPY if case.happy else ANSWERS_NOT)
    score = case.score or (int(rng.integers(4, 6) if case.happy else rng.integers(1, 4)))
    if case.score is not None or sent:
        yield case.number, case.solved + MINUTE, "survey_sent", None, None
        if case.score is not None or (answered and not case.complaint):
            yield case.number, min(case.solved + int(rng.integers(1, 30)) * HOUR, end), "survey_answered", None, score


def _write_tickets(world: World, raised: pl.DataFrame, folder: Path) -> None:
    words, all_words = toml("service")["words"], toml("words")
    themes = toml("reasons") | words["theme"]
    home = world.shops.frame["store_id"].gather(world.members.home[raised["member"].to_numpy()])
    team = pl.when("complaint").then(pl.lit(words["team"]["complaints"])).otherwise(pl.lit(words["team"]["questions"]))
    shown = raised.select(
        ticket_id=_ticket_id(pl.int_range(pl.len())), customer_id=card_numbers(raised["member"]),
        opened_at=_clock("opened"), channel=pl.col("channel").replace_strict(all_words["contact_channel"]),
        theme=pl.col("theme").replace_strict(themes), store_id=home,
        severity=pl.when("complaint").then(pl.col("theme").replace_strict(GRAVE, default=1, return_dtype=pl.Int64)),
        team=team,
    )  # fmt: skip
    exports.write_csv(shown, folder / "tickets.csv.gz", table="tickets")


def _write_events(
    world: World, raised: pl.DataFrame, events: pl.DataFrame, folder: Path, rng: np.random.Generator
) -> None:
    """Events in the desk's words; the adviser of that day does what people do, some closings cite a solution."""
    words = toml("service")["words"]
    place = events["ticket"].to_numpy()
    who = owners.code(owners.number(world, raised["member"].to_numpy()[place], day=events["at"].to_numpy() // DAY))
    by_theme = {theme: code for code, (theme, _) in reversed(words["solution"].items())}
    theme = raised["theme"].gather(place).replace_strict(by_theme, default=None, return_dtype=pl.String)
    cites = pl.Series(rng.random(events.height) < CITED) & (theme != "S03")
    people = ["answer_human", "asked_customer", "solved"]
    shown = events.select(
        ticket_id=_ticket_id(pl.col("ticket")), event_no=pl.int_range(1, pl.len() + 1).over("ticket"), at=_clock("at"),
        kind=pl.col("kind").replace_strict(words["event"]),
        staff_id=pl.when(pl.col("kind").is_in(people)).then(who), level="level", score="score",
        solution_id=pl.when((pl.col("kind") == "solved") & cites).then(theme),
    )  # fmt: skip
    exports.write_csv(shown, folder / "ticket_events.csv.gz", table="ticket_events")


def _write_calls(world: World, folder: Path, rng: np.random.Generator) -> None:
    """First come, first served; who has no patience left hangs up and takes nobody's time."""
    words = toml("service")["words"]["call"]
    rows: list[tuple[int, str | None, int, int | None, int | None, str]] = []
    for day in range(max(world.first_day, world.last_day - CALL_DAYS + 1), world.last_day + 1):
        at = _arrivals(rng)
        free = [(day * DAY + begin * MINUTE, day * DAY + over * MINUTE) for begin, over in SHIFTS]
        for second in at:
            now = day * DAY + int(second)
            talk, wrap = int(rng.exponential(HANDLE)) + 5, int(rng.exponential(WRAP))
            patience = int(rng.exponential(PATIENCE)) + 1
            ready = [(max(begin, now), k) for k, (begin, over) in enumerate(free) if max(begin, now) < over]
            start, agent = min(ready, default=(now + patience + 1, -1))
            if start - now > patience:
                rows.append((now, None, patience, None, None, words["abandoned"]))
                continue
            free[agent] = (start + talk + wrap, free[agent][1])
            rows.append((now, AGENTS[agent], start - now, talk, wrap, words["answered"]))
    table = pl.DataFrame(
        rows, orient="row",
        schema={"at": pl.Int64, "staff_id": pl.String, "wait_s": pl.Int64, "talk_s": pl.Int64, "wrap_s": pl.Int64,
                "outcome": pl.String},
    )  # fmt: skip
    shown = table.with_columns(
        call_id=pl.format("L{}", pl.int_range(1, pl.len() + 1)), at=_clock("at", "%Y-%m-%d %H:%M:%S")
    )
    exports.write_csv(shown, folder / "calls.csv.gz", table="calls")


def _arrivals(rng: np.random.Generator) -> Ints:
    """Seconds of the day at which calls come, in order; each half hour's rate varies by a fifth from day to day."""
    rates: Floats = np.array(PROFILE) * rng.gamma(25, 1 / 25, len(PROFILE))
    counts = rng.poisson(rates * 30)
    begin = np.repeat(FIRST_MINUTE * MINUTE + np.arange(len(PROFILE)) * 1800, counts)
    return np.sort(begin + rng.integers(0, 1800, len(begin)))


def _write_lists(world: World, folder: Path) -> None:
    """Agents, solutions, the roster with the week to come, the hours of both teams."""
    words = toml("service")["words"]
    staff = pl.DataFrame(
        {"staff_id": AGENTS, "name": names(len(AGENTS), skip=SKIP), "role": words["agent"],
         "joined_on": [world.first_day - 60 * (k + 1) for k in range(len(AGENTS))]}
    )  # fmt: skip
    exports.write_csv(staff.with_columns(_date("joined_on")), folder / "desk_staff.csv.gz", table="desk_staff")
    themes = toml("reasons") | words["theme"]
    since = world.first_day
    solutions = pl.DataFrame(
        [(code, themes[theme], title, AGENTS[k % 3], since + 40 * k, since + 500 if code == "S12" else None)
         for k, (code, (theme, title)) in enumerate(words["solution"].items())],
        schema=["solution_id", "theme", "title", "written_by", "published_on", "retired_on"], orient="row",
    )  # fmt: skip
    dated = solutions.with_columns(_date("published_on"), _date("retired_on"))
    exports.write_csv(dated, folder / "solutions.csv.gz", table="solutions")
    first = max(world.first_day, world.last_day - CALL_DAYS + 1)
    roster = [
        (agent, day, *shift)
        for day in range(first, world.last_day + AHEAD + 1)
        for agent, shift in zip(AGENTS, SHIFTS, strict=True)
    ]
    table = pl.DataFrame(roster, schema=["staff_id", "day", "from_minute", "to_minute"], orient="row")
    exports.write_csv(table.with_columns(_date("day")), folder / "desk_rosters.csv.gz", table="desk_rosters")
    hours = [
        (words["team"][team], weekday, begin, over, words["holidays"][team])
        for team, (weekdays, begin, over) in HOURS.items()
        for weekday in weekdays
    ]
    calendar = pl.DataFrame(hours, schema=list(exports.headers("service_calendar")), orient="row")
    exports.write_csv(calendar, folder / "service_calendar.csv.gz", table="service_calendar")


def _date(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Int32).cast(pl.Date)


def _clock(column: str, form: str = "%Y-%m-%d %H:%M") -> pl.Expr:
    return pl.from_epoch(pl.col(column), time_unit="s").dt.strftime(form)
