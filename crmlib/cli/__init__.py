"""The command line: ingest, check, run, runs, simulate, serve, doctor.

Commands import what they need when they are called, so that `crmlib --help` answers at once.
"""

from __future__ import annotations

import os
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crmlib.cli import lists, said
from crmlib.core import allocators
from crmlib.core.errors import CrmError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From raw retail exports to findings that a planner can act on.",
)

app.add_typer(lists.app, name="list")
Names = list[str] | None
LakeOption = Annotated[Path | None, typer.Option("--lake", help="The lake's folder (else CRMLIB_LAKE or .crmlib).")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="name=value, overrides the file; repeatable.")]


class Export(StrEnum):
    """Other schedulers."""

    crontab = "crontab"
    systemd = "systemd"
    airflow = "airflow"


Files = Annotated[list[Path], typer.Argument(help="Parameter files (params/<report>/<variant>.yml) or folders.")]


@app.command()
def ingest(
    source: Annotated[str, typer.Argument(help="Name of a source in the sources file, `all`, or `cdnow`.")],
    sources: Annotated[Path | None, typer.Option(help="Sources file (default: params/sources.yml).")] = None,
    lake: LakeOption = None,
) -> None:
    """Read a source into the lake; rows that break a rule are set apart with the reason."""
    allocators.keep()
    from crmlib import data
    from crmlib.run import ingest as ingesting

    chosen, store = sources or Path("params/sources.yml"), data.Lake(said.lake_folder(lake))
    ingesting.run(source, sources=chosen, lake=store, now=said.now(), say=said.say, words=said.words())


@app.command()
def reduce(
    *,
    engine: Annotated[str | None, typer.Option(help="Who makes them: polars, duckdb or sc://host:port.")] = None,
    lake: LakeOption = None,
) -> None:
    """Bring the lake's reductions up to its lines: what pages read instead of every line; `ingest` does it, too."""
    allocators.keep()
    from crmlib.run import ingest as ingesting

    ingesting.reduce(said.lake_folder(lake), say=said.say, words=said.words(), engine=engine)


@app.command()
def draft(
    files: Annotated[list[Path], typer.Argument(help="Files to look at: text, Excel, Parquet.")],
    *,
    table: Annotated[str | None, typer.Option(help="Contract (default: the one that most columns fit).")] = None,
    out: Annotated[Path, typer.Option("--out", help="Sources file to write.")] = Path("sources.yml"),
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    encoding: Annotated[str, typer.Option(help="Encoding of the texts (default: found).")] = "",
    delimiter: Annotated[str, typer.Option(help=r"What stands between two fields: one character, \t, spaces.")] = "",
    header: Annotated[str, typer.Option(help="Line of the columns' names, or none.")] = "",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook (default: the fullest).")] = "",
) -> None:
    """Look at files and write a sources file for them, with a comment per line that says why."""
    from crmlib.run import draft as drafting

    ask = None if yes or not sys.stdin.isatty() else drafting.asking(said.words())
    told = drafting.laid(encoding, delimiter, header, sheet)
    ready = drafting.write(files, table=table, out=out, ask=ask, say=said.say, words=said.words(), said=told)
    raise typer.Exit(0 if ready else 1)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Empty folder for the workspace.")] = Path("crmlib-demo"),
    *,
    pages: Annotated[bool, typer.Option(help="Render every report, too.")] = True,
) -> None:
    """A simulated company, its lake, every report and the portal, in a folder of their own; needs no clone."""
    from crmlib.run import demo as demonstrating

    sources = demonstrating.lay(folder.resolve())
    place = folder.resolve()
    os.chdir(place)
    ingest("all", sources=sources, lake=place / ".crmlib")
    if pages:
        run([place / "params"], lake=place / ".crmlib", out=place / "reports")


@app.command()
def run(
    files: Files,
    *,
    overrides: SetOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the reports (default: reports).")] = None,
    lake: LakeOption = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Runs at the same time.")] = 2,
    force: Annotated[bool, typer.Option("--force", help="Run again although nothing changed.")] = False,
    deliver: Annotated[bool, typer.Option("--deliver", help="Tell the readers of params/delivery.yml.")] = False,
) -> None:
    """Render reports: every parameter is checked before the first one starts."""
    from crmlib.data import Lake
    from crmlib.run import portal, runner, workspace
    from crmlib.run import scheduler as passes

    space = workspace.find(start=Path.cwd(), lake=lake, reports=out)
    store = Lake(space.lake)
    jobs, broken = said.jobs_of(files, store=store, overrides=overrides)
    options = runner.Options(workers=workers, force=force)
    outcomes = passes.render(jobs, space=space, lake=store, clock=said.now, words=said.words(), options=options)
    said.say(said.words()("cli.portal", address=(space.reports / portal.PAGES[said.language()]).as_uri()))
    if deliver:
        passes.announce(outcomes, space=space, now=said.now())
    said.tell_failures(outcomes, broken)


@app.command()
def schedule(
    files: Annotated[list[Path] | None, typer.Argument(help="Parameter files or folders (default: params).")] = None,
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and look again every minute.")] = False,
    export: Annotated[Export | None, typer.Option(help="Print the entries for another scheduler instead.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the reports.")] = None,
    lake: LakeOption = None,
) -> None:
    """Run what is due, send what waits, and end; call it from cron, a timer or an orchestrator.

    Exit code 1 if something went wrong; everything else was made all the same.
    """
    from crmlib.run import schedule as plans
    from crmlib.run import scheduler as passes
    from crmlib.run import workspace

    space = workspace.find(start=Path.cwd(), lake=lake, reports=out)
    if export is not None:
        from crmlib.run import plan

        chosen = plan.files(files or [space.params])
        options = ["--lake", str(space.lake), "--out", str(space.reports)]
        command = [f"{sys.prefix}/bin/crmlib"]
        said.say(plans.export(chosen, root=space.root, command=command, options=options, kind=export.value).rstrip())
        return
    ok = passes.run(files or [space.params], space=space, clock=said.now, say=said.say, words=said.words(), watch=watch)
    raise typer.Exit(0 if ok else 1)


@app.command()
def check(
    files: Annotated[list[Path] | None, typer.Argument(help="Parameter files or folders of them.")] = None,
    *,
    lake: LakeOption = None,
) -> None:
    """Check parameter files and own reports; with --lake and no files the tables, versions and sums of that lake."""
    from crmlib import data
    from crmlib.run import ingest as ingesting

    place = said.lake_folder(lake)
    if lake and not files:
        raise typer.Exit(0 if ingesting.check_lake(place, say=said.say, words=said.words()) else 1)
    from crmlib.report import registry
    from crmlib.run import plan

    paths = plan.files(files or [Path("params")])
    jobs, broken = plan.collected(paths, latest=plan.latest_day(data.Lake(place)), overrides={})
    for job in jobs:
        said.say(job.output)
    told = registry.own_problems({path.parent.name for path in paths}, every=not files)
    named = {path.stem for path, _ in told}
    said.tell_broken([*told, *((path, problem) for path, problem in broken if path.parent.name not in named)])
    said.say(said.words()("cli.checked", count=len(jobs)))
    raise typer.Exit(1 if broken or told else 0)


@app.command("set-apart")
def set_apart(
    source: Annotated[str | None, typer.Argument(help="Only rows of this source.")] = None,
    *,
    kind: Annotated[str | None, typer.Option(help="quarantined, conflict, duplicate, excluded.")] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Whole values and lines, for those with the right.")] = False,
    last: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many at most, newest first.")] = 50,
    lake: LakeOption = None,
) -> None:
    """List rows that were read and not stored: where they stand, the rule, and the value that breaks it."""
    from crmlib.run import set_apart as rows

    rows.show(said.lake_folder(lake), source=source, kind=kind, raw=raw, last=last, say=said.say, words=said.words())


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name of the report: small letters, digits and _.")],
    *,
    source: Annotated[str | None, typer.Option("--from", help="A report to begin with.")] = None,
    room: Annotated[bool, typer.Option("--room", help="In the package: six files, notebook, parameters.")] = False,
) -> None:
    """Write a report of your own (notebook and parameters), ready to run."""
    from crmlib.run import new as starters
    from crmlib.run import workspace

    root = workspace.find(start=Path.cwd()).root
    written = starters.room(name, root=root) if room else starters.own(name, root=root, source=source)
    for path in written:
        said.say(path.as_posix())
    folders = len({path.parent for path in written})
    said.say(said.words()("cli.new", files=len(written), folders=folders, name=name))


@app.command()
def runs(
    *,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the reports.")] = None,
    last: Annotated[int, typer.Option(min=1, max=100_000, help="How many, newest first.")] = 20,
    report: Annotated[str | None, typer.Option(help="Of this report only.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only runs that failed or were interrupted.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Everything known of each run, one JSON object per line.")
    ] = False,
) -> None:
    """Show the ledger: what ran when, how it ended, what it took."""
    from crmlib.run import workspace
    from crmlib.run.ledger import Ledger
    from crmlib.run.progress import print_runs

    space = workspace.find(start=Path.cwd(), reports=out)
    ledger = Ledger(space.ledger)
    ledger.recover(now=said.now())  # what was killed is not running any more
    found = ledger.runs(report=report, failed=failed, last=last)
    if as_json:
        said.say(found.write_ndjson().rstrip())
    else:
        print_runs(found, reports=space.reports, words=said.words())


@app.command()
def doctor(
    *,
    engine: Annotated[
        str | None, typer.Option(help="Only this engine: polars, pandas, pyarrow, duckdb, spark or sc://host:port.")
    ] = None,
    lake: LakeOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the reports.")] = None,
) -> None:
    """Check this machine: engines agree on every panel, charts and Chinese can be drawn, disk, lake, ledger, clock."""
    from crmlib.run import doctor as checks
    from crmlib.run import workspace

    words, bad = said.words(), 0
    for one in checks.examine(workspace.find(start=Path.cwd(), lake=lake, reports=out), engine=engine, now=said.now()):
        bad += one.state == "bad"
        said.say(words(f"cli.doctor.mark.{one.state}") + words(f"cli.doctor.{one.key}.{one.state}", **one.values))
    said.say(words("cli.doctor.unfit", count=bad) if bad else words("cli.doctor.fit"))
    raise typer.Exit(1 if bad else 0)


@app.command()
def simulate(
    *,
    out: Annotated[Path, typer.Option(help="Folder to write the raw exports and their truth into.")],
    customers: Annotated[int, typer.Option(min=10, max=10_000_000)] = 10_000,
    stores: Annotated[int, typer.Option(min=2, max=5_000)] = 30,
    days: Annotated[int, typer.Option(min=30, max=3_660)] = 730,
    seed: Annotated[int, typer.Option(min=0)] = 1,
    end: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day.")] = None,
) -> None:
    """Write the raw exports of a food retailer whose truth is known (saved beside them)."""
    from crmlib.simulate import company

    last = end.date() if end else date(2026, 10, 31)
    company(customers=customers, stores=stores, days=days, seed=seed, out=out, end=last)
    said.say(said.words()("cli.simulated", folder=out.resolve()))


@app.command()
def accept(
    old: Annotated[
        Path, typer.Argument(help="CSV of the old reports: figure, scope, month, value, definition, rules.")
    ],
    *,
    lake: LakeOption = None,
) -> None:
    """Compare a company's old figures with the new ones and split every difference; exit code 1 is no go."""
    from crmlib.data import Lake
    from crmlib.run import accept as accepting

    ready = accepting.run(old, lake=Lake(said.lake_folder(lake)), say=said.say, words=said.words())
    raise typer.Exit(0 if ready else 1)


@app.command()
def serve(
    *,
    port: Annotated[int, typer.Option(min=1, max=65_535)] = 8866,
    lake: LakeOption = None,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of the reports.")] = None,
    at_once: Annotated[int, typer.Option(min=1, max=256, help="Pages made at the same time.")] = 4,
    deadline: Annotated[float, typer.Option(min=2, max=3600, help="Seconds for one page.")] = 120.0,
    memory_mb: Annotated[int, typer.Option(min=100, help="What one page's kernel may hold of its own.")] = 3000,
    patience: Annotated[float, typer.Option(min=0, max=600, help="Seconds to wait for a turn before 'busy'.")] = 30.0,
) -> None:
    """Serve the portal and the apps on this machine only (http://127.0.0.1:PORT)."""
    from crmlib.run import workspace
    from crmlib.serve import server
    from crmlib.serve.handlers import Bounds

    space = workspace.find(start=Path.cwd(), lake=lake, reports=out)
    bounds = Bounds(at_once, deadline, memory_mb, patience)
    server.serve(space, port=port, clock=said.now, say=said.say, words=said.words(), bounds=bounds)


@app.command()
def user(
    name: Annotated[str, typer.Argument(help="User name.")],
    *,
    region: Annotated[Names, typer.Option(help="A region this user may see; repeatable; default all.")] = None,
    report: Annotated[Names, typer.Option(help="A report this user may open; repeatable; default all.")] = None,
    records: Annotated[
        bool, typer.Option("--records", help="May also read notebook, record and tables beside a finished page.")
    ] = False,
    may: Annotated[Names, typer.Option(help="approve, reveal (names, phones), merge or send; repeatable.")] = None,
    staff: Annotated[str, typer.Option(help="Own staff number: own figures and customers only; without: a head.")] = "",
    lake: LakeOption = None,
) -> None:
    """Add a user of the served reports, or give one a new password; asks for the password."""
    from crmlib.data import Lake
    from crmlib.run import workspace
    from crmlib.serve import users
    from crmlib.serve.server import USERS

    space = workspace.find(start=Path.cwd(), lake=lake)
    users.check_known("region", region or (), workspace.regions(Lake(space.lake)))
    users.check_known("report", report or (), workspace.reports(space))
    users.check_known("right", may or (), users.RIGHTS)
    word = typer.prompt(said.words()("cli.password"), hide_input=True, confirmation_prompt=True)
    file = space.lake / USERS
    given = {"regions": tuple(region or ()), "reports": tuple(report or ()), "may": tuple(may or ())}
    users.add(file, name, password=word, records=records, staff=staff, **given)
    said.say(said.words()("cli.user", name=name, file=file))


def main() -> None:
    """Entry point: a user's mistake ends in three lines and exit code 1, never in a stack trace."""
    try:
        app()
    except CrmError as problem:
        from crmlib.run.failures import told

        print(told(problem, words=said.words()), file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BaseException as problem:  # a damaged file lets an engine panic, which is no Exception
        from crmlib.data.lake.delta import damage
        from crmlib.run.failures import told

        found = None if isinstance(problem, SystemExit) else damage(problem)
        if found is None:
            raise
        print(told(found, words=said.words()), file=sys.stderr)
        sys.exit(1)


__all__ = ["app", "main"]
