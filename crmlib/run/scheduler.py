"""One pass over the schedules, and the watch that repeats it.

Each report stands alone: a file that cannot be read, a report that fails, a portal or a message that does not come
through is told and holds up nobody else. A pass makes what is due, notes how each slot ended, and then looks at the
queue of messages, which it does whether or not anything was due.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from crmlib.core.errors import CrmError, RunError
from crmlib.data import Lake
from crmlib.kit.words import Words
from crmlib.report import registry
from crmlib.run import deliver, disk, feeds, plan, portal, publish, runner
from crmlib.run.failures import failure, lines
from crmlib.run.ledger import Ledger, set_aside_if_damaged
from crmlib.run.lists import audit
from crmlib.run.outbox import Announcement, Outbox
from crmlib.run.process import ask as warm
from crmlib.run.progress import Progress
from crmlib.run.schedule import Due, Slots, content_of, due, name_of
from crmlib.run.workspace import Workspace

Say = Callable[[str], None]
Clock = Callable[[], datetime]
WATCH_SECONDS = 60
DELIVERY = "delivery.yml"
HAND_OFFS = "handoff"


@dataclass(slots=True)
class Pass:
    """One pass: where it runs, whom it tells, the slots it took, and whether everything went well."""

    space: Workspace
    clock: Clock
    say: Say
    words: Words
    taken: list[Due] = field(default_factory=list)
    ok: bool = True

    @contextmanager
    def alone(self, about: str, *, wrong: Callable[[Exception], None] | None = None) -> Iterator[None]:
        """Whatever goes wrong inside is said, counted, given to `wrong`, and ends here."""
        try:
            yield
        except Exception as problem:  # each report alone, whatever it comes to
            self.tell(about, problem)
            if wrong is not None:
                with self.alone(about):
                    wrong(problem)

    def tell(self, about: str, problem: Exception) -> None:
        """Say what is wrong with what."""
        self.ok = False
        self.say(f"{about}\n{told(problem, self.words)}")

    def announce(self, things: Sequence[Announcement]) -> None:
        """Put what is to be told into the queue, where readers are named."""
        if (self.space.params / DELIVERY).is_file():
            Outbox(self.space.ledger).put(things, now=self.clock())


def told(problem: Exception, words: Words) -> str:
    """The three parts of an error; of one that nobody foresaw its kind and its text, for whoever runs the pass."""
    detail = "" if isinstance(problem, CrmError) else f"{type(problem).__name__}: {problem}"
    return lines(failure(problem, detail=detail), words=words)


def run(paths: Sequence[Path], *, space: Workspace, clock: Clock, say: Say, words: Words, watch: bool) -> bool:
    """Run what is due; with `watch`, look again every minute until interrupted. Whether all went well."""
    while True:
        one = one_pass(paths, space=space, clock=clock, say=say, words=words)
        if not watch:
            return one.ok
        time.sleep(WATCH_SECONDS)


def one_pass(paths: Sequence[Path], *, space: Workspace, clock: Clock, say: Say, words: Words) -> Pass:
    """Run every slot that is due now, then send what waits."""
    this = Pass(space, clock, say, words)
    with this.alone("schedule"):
        set_aside_if_damaged(space.ledger)
        Ledger(space.ledger).recover(now=clock())
        _run_due(paths, this)
    with this.alone(DELIVERY):
        send(space, now=clock())
    with this.alone(HAND_OFFS):
        audit.sweep(space.lake, now=clock())
    return this


def _run_due(paths: Sequence[Path], this: Pass) -> None:
    slots, space = Slots(this.space.ledger), this.space

    def unreadable(file: Path, problem: CrmError) -> None:
        key = name_of(file, space.root)
        this.tell(key, problem)
        with this.alone(key):
            this.announce([_failure(key, file.parent.name, problem, this.words)])

    waiting = due(plan.files(paths), slots=slots, root=space.root, now=this.clock(), problem=unreadable)
    for one in waiting:
        key = name_of(one.file, space.root)
        with this.alone(key):
            _take(one, key, slots, this)
    if not waiting:
        this.say(this.words("cli.schedule.none"))


def _take(one: Due, key: str, slots: Slots, this: Pass) -> None:
    """Claim a slot, make its pages, and note how it ended."""
    content = content_of(one.file)
    if not slots.claim(key, one.slot, now=this.clock(), tries=one.tries):
        this.say(this.words("cli.schedule.taken", file=key))
        return
    this.say(this.words("cli.schedule.due", slot=f"{one.slot:%Y-%m-%d %H:%M} UTC", file=key))
    this.taken.append(one)
    ended = [False]

    def failed(problem: Exception) -> None:
        this.announce([_failure(f"{key}/{one.as_of}", one.file.parent.name, problem, this.words)])

    with this.alone(key, wrong=failed):
        ended[0] = _run_slot(one, this)
    this.ok &= ended[0]
    slots.note(key, one.slot, state="done" if ended[0] else "failed", now=this.clock(), content=content)


def _run_slot(one: Due, this: Pass) -> bool:
    """Make and announce the pages of one slot, with the data up to the day before it; whether all were made."""
    lake = Lake(this.space.lake)
    jobs = plan.jobs_of(one.file, latest=min(plan.latest_day(lake), one.as_of), overrides={})
    _wait_for_feeds(one, jobs, this)
    outcomes = make(jobs, space=this.space, lake=lake, clock=this.clock, words=this.words, options=runner.Options())
    this.announce(_announcements(outcomes, this.space))
    with this.alone("portal"):
        renew_portal(this.space, now=this.clock())
    return all(o.state != "failed" for o in outcomes)


def _wait_for_feeds(one: Due, jobs: Sequence[plan.Job], this: Pass) -> None:
    """End here, with a page in the failure's place that says so, where a feed that the report needs has not come."""
    file = plan.read(one.file)
    if file.schedule is not None and file.schedule.feeds == "any":
        return
    try:
        feeds.check(this.space.lake, file.report)
    except RunError as problem:
        for job in jobs:
            runner.keep_failure(job, this.space.reports, uuid4().hex[:12], failure(problem))
        with this.alone("portal"):
            renew_portal(this.space, now=this.clock())
        raise


def render(
    jobs: Sequence[plan.Job], *, space: Workspace, lake: Lake, clock: Clock, words: Words, options: runner.Options
) -> list[runner.Outcome]:
    """Make the pages, showing progress, and renew the portal."""
    outcomes = make(jobs, space=space, lake=lake, clock=clock, words=words, options=options)
    renew_portal(space, now=clock())
    return outcomes


def make(
    jobs: Sequence[plan.Job], *, space: Workspace, lake: Lake, clock: Clock, words: Words, options: runner.Options
) -> list[runner.Outcome]:
    """Make the pages, showing progress."""
    disk.refuse_unwritable(space.reports)
    notebooks = [registry.notebook(job.report, project=space.root) for job in jobs]
    with warm.for_runs(notebooks, workers=options.workers), Progress(len(jobs), words=words) as progress:
        return runner.run(
            jobs,
            workspace=space,
            versions=lake.versions(),
            clock=clock,
            options=replace(options, language=words.language),
            on_end=progress.ended,
        )


def renew_portal(space: Workspace, *, now: datetime) -> None:
    """Write the portal anew."""
    try:
        portal.write(space.reports, runs=Ledger(space.ledger).runs(), now=now)
    except OSError as problem:
        raise disk.unwritable(space.reports, problem.strerror or str(problem)) from None


def announce(outcomes: Sequence[runner.Outcome], *, space: Workspace, now: datetime) -> int:
    """Tell the readers of `params/delivery.yml`, if there is one; return how many messages left."""
    if not (space.params / DELIVERY).is_file():
        return 0
    Outbox(space.ledger).put(_announcements(outcomes, space), now=now)
    return send(space, now=now)


def send(space: Workspace, *, now: datetime) -> int:
    """Send what waits in the queue; return how many messages left.

    Raises
    ------
    ParameterError, RunError
        `run.bad_delivery`, `run.undelivered`; what did not leave waits.
    """
    file = space.params / DELIVERY
    return deliver.deliver([], plan=deliver.read(file), noted=space.ledger, now=now) if file.is_file() else 0


def _announcements(outcomes: Sequence[runner.Outcome], space: Workspace) -> list[Announcement]:
    """What is to be told of pages made or failed; a page that stood already may not have been told of."""
    return [_announcement(o, space) for o in outcomes if o.state != "skipped" or o.stands]


def _announcement(outcome: runner.Outcome, space: Workspace) -> Announcement:
    folder = space.reports / outcome.job.output
    language = str(outcome.job.parameters["language"])
    failed = outcome.state == "failed"
    sentence = outcome.message if failed else str(portal.manifest(folder).get("answer", ""))
    return Announcement(
        output=outcome.job.output,
        report=outcome.job.report,
        language=language,
        sentence=sentence,
        failed=failed,
        page=None if failed else folder / "index.html",
        fingerprint=outcome.message if failed else publish.fingerprint(folder),
    )


def _failure(output: str, report: str, problem: Exception, words: Words) -> Announcement:
    """A report of which not even a page could be begun."""
    sentence = told(problem, words)
    return Announcement(output, report, words.language, sentence, failed=True, fingerprint=sentence)
