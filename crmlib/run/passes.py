"""One pass over the schedules, and the watch that repeats it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from crmlib.data import Lake
from crmlib.run import deliver, disk, plan, portal, publish, runner, warm
from crmlib.run.ledger import Ledger, set_aside_if_damaged
from crmlib.run.progress import Progress
from crmlib.run.schedule import Due, Slots, due, name_of
from crmlib.run.workspace import Workspace
from crmlib.text import Language, Words

Say = Callable[[str], None]
Clock = Callable[[], datetime]
WATCH_SECONDS = 60


def run(paths: Sequence[Path], *, space: Workspace, clock: Clock, say: Say, words: Words, watch: bool) -> None:
    """Run what is due; with `watch`, look again every minute until interrupted."""
    while True:
        one_pass(paths, space=space, clock=clock, say=say, words=words)
        if not watch:
            return
        time.sleep(WATCH_SECONDS)


def one_pass(paths: Sequence[Path], *, space: Workspace, clock: Clock, say: Say, words: Words) -> list[Due]:
    """Run every slot that is due now and return those this pass took."""
    set_aside_if_damaged(space.ledger)
    slots = Slots(space.ledger)
    waiting = due(plan.files(paths), slots=slots, root=space.root, now=clock())
    taken = []
    for one in waiting:
        key = name_of(one.file, space.root)
        if not slots.claim(key, one.slot, now=clock()):
            say(words("cli.schedule.taken", file=key))
            continue
        say(words("cli.schedule.due", slot=f"{one.slot:%Y-%m-%d %H:%M} UTC", file=key))
        ok = _run_slot(one, space=space, clock=clock, words=words)
        slots.note(key, one.slot, state="done" if ok else "failed", now=clock())
        taken.append(one)
    if not waiting:
        say(words("cli.schedule.none"))
    return taken


def _run_slot(one: Due, *, space: Workspace, clock: Clock, words: Words) -> bool:
    """Make and announce the pages of one slot, with the data up to the day before it; whether all were made."""
    lake = Lake(space.lake)
    jobs = plan.jobs_of(one.file, latest=min(plan.latest_day(lake), one.as_of), overrides={})
    outcomes = render(jobs, space=space, lake=lake, clock=clock, words=words, options=runner.Options())
    announce(outcomes, space=space, now=clock())
    return all(o.state != "failed" for o in outcomes)


def render(
    jobs: Sequence[plan.Job], *, space: Workspace, lake: Lake, clock: Clock, words: Words, options: runner.Options
) -> list[runner.Outcome]:
    """Make the pages, showing progress, and renew the portal."""
    disk.refuse_unwritable(space.reports)
    notebooks = [space.notebooks / f"{job.report}.ipynb" for job in jobs]
    with warm.for_runs(notebooks, workers=options.workers), Progress(len(jobs), words=words) as progress:
        outcomes = runner.run(
            jobs,
            workspace=space,
            versions=lake.versions(),
            clock=clock,
            options=replace(options, language=words.language),
            on_end=progress.ended,
        )
    try:
        portal.write(space.reports, runs=Ledger(space.ledger).runs(), now=clock())
    except OSError as problem:
        raise disk.unwritable(space.reports, problem.strerror or str(problem)) from None
    return outcomes


def announce(outcomes: Sequence[runner.Outcome], *, space: Workspace, now: datetime) -> int:
    """Tell the readers of `params/delivery.yml`, if there is one; return how many messages left."""
    file = space.params / "delivery.yml"
    if not file.is_file():
        return 0
    things = [_announcement(o, space) for o in outcomes if o.state != "skipped"]
    return deliver.deliver(things, plan=deliver.read(file), noted=space.ledger, now=now)


def _announcement(outcome: runner.Outcome, space: Workspace) -> deliver.Announcement:
    folder = space.reports / outcome.job.output
    language: Language = "en" if outcome.job.parameters["language"] == "en" else "zh"
    failed = outcome.state == "failed"
    sentence = outcome.message if failed else str(portal.manifest(folder).get("answer", ""))
    return deliver.Announcement(
        output=outcome.job.output,
        report=outcome.job.report,
        language=language,
        sentence=sentence,
        failed=failed,
        page=None if failed else folder / "index.html",
        fingerprint=outcome.message if failed else publish.fingerprint(folder),
    )
