"""`crmlib list`: draw what a page proposed, approve, send, take receipts, close; each step in somebody's name."""

from __future__ import annotations

import getpass
import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crmlib.cli import said

if TYPE_CHECKING:
    from crmlib.data import Lake
    from crmlib.run.lists.rules import Rules
    from crmlib.run.lists.ways import Way

app = typer.Typer(no_args_is_help=True, help="Draw a list, approve it, send it, take its receipts, close it.")
DAY = "%Y-%m-%d"
RESULTS = "list_results"
"""Whoever handles lists may open this report."""
ListId = Annotated[str, typer.Argument(help="The list's id, as `crmlib list show` prints it.")]
As = Annotated[str, typer.Option("--as", help="In whose name; asks for the password where there are users.")]
LakeOption = Annotated[Path | None, typer.Option("--lake", help="The lake's folder (else CRMLIB_LAKE or .crmlib).")]


class Ways(StrEnum):
    """Ways out."""

    mail = "mail"
    xlsx = "xlsx"
    csv = "csv"
    webhook = "webhook"


@app.command()
def draw(
    report: Annotated[
        str, typer.Argument(help="The report whose last scheduled run proposed the list, or the list's id.")
    ],
    *,
    name: As = "",
    lake: LakeOption = None,
) -> None:
    """Draw the list that a report proposed and freeze it; you are its owner."""
    from crmlib.run.lists import audit, book

    store = _store(lake)
    by = _who(store, name, report=book.proposed(store, report).report)
    made = book.draw(store, report, at=said.now(), by=by, rules=_rules().contact)
    audit.note(store.path, what="drawn", by=by, at=said.now(), list=made.drawn.list_id, seal=made.drawn.seal)
    words, form = said.words(), said.words().format
    said.say(
        words(
            "cli.list.drawn",
            list=made.drawn.list_id,
            version=made.drawn.version,
            contact=form.count(made.of("contact").height),
            control=form.count(made.of("control").height),
            shows=form.number(100 * made.plan.shows, digits=1),
        )
    )
    if not made.plan.measurable:
        said.say(words("cli.list.not_measurable"))


@app.command()
def approve(list_id: ListId, *, name: As = "", lake: LakeOption = None) -> None:
    """Approve a drawn list; its owner cannot."""
    _move(list_id, "approved", _store(lake), name, right="approve")


@app.command()
def cancel(list_id: ListId, *, name: As = "", lake: LakeOption = None) -> None:
    """Cancel a list that was not sent; a new version may be drawn, with the same control."""
    _move(list_id, "cancelled", _store(lake), name, right="send")


@app.command()
def send(
    list_id: ListId,
    *,
    way: Annotated[Ways | None, typer.Option(help="mail, xlsx or csv (a file), webhook; by the channel.")] = None,
    channel: Annotated[str | None, typer.Option(help="Only rows of this channel (default: the list's).")] = None,
    finish: Annotated[bool, typer.Option("--finish", help="Leave out who still waits; the list is through.")] = False,
    name: As = "",
    lake: LakeOption = None,
) -> None:
    """Send what may leave now; again later for whoever waits. Nobody gets two."""
    from crmlib.run.lists import audit, book, sending

    store, rules = _store(lake), _rules()
    by = _who(store, name, right="send")
    audit.sweep(store.path, now=said.now())
    asked = channel or str(book.find(store, list_id).row["channel"])
    out = _way(way or (Ways.mail if asked == "email" else Ways.xlsx), store, rules, by=by)
    came = sending.send(store, list_id, channel=asked, way=out, rules=rules, clock=said.now, by=by, finish=finish)
    words = said.words()
    for status, count in came.counts.items():
        said.say(words("cli.list.status", status=words(f"cli.list.is.{status}"), count=words.format.count(count)))
    path = getattr(out, "path", None)
    if path is not None:
        said.say(words("cli.list.file", file=path))
    said.say(words(f"cli.list.{'through' if came.done else 'waits'}", list=list_id))


@app.command()
def receipts(
    list_id: ListId,
    file: Annotated[Path, typer.Argument(help="CSV with code (or token), kind, at, and value, staff_id if known.")],
    *,
    name: As = "",
    lake: LakeOption = None,
) -> None:
    """Take what came back; who opted out is contacted no more."""
    from crmlib.run.lists import receipts as back

    store = _store(lake)
    took = back.take(store, list_id, file, at=said.now(), by=_who(store, name, right="send"))
    counts = {field: said.words().format.count(getattr(took, field)) for field in type(took).__slots__}
    said.say(said.words()("cli.list.receipts", **counts))


@app.command()
def close(list_id: ListId, *, name: As = "", lake: LakeOption = None) -> None:
    """Close a list whose window is over, and read it out by its draw."""
    from crmlib.run.lists import closing

    store = _store(lake)
    row = closing.close(store, list_id, at=said.now(), by=_who(store, name, right="send"))
    words = said.words()
    form = words.format
    said.say(
        words(
            f"cli.list.read.{'told' if row['net_minor'] is not None else 'withheld'}",
            list=list_id,
            verdict=words(f"list_results.verdict.{row['verdict']}"),
            net=form.money(row["net_minor"]),
            low=form.money(row["net_low_minor"]),
            high=form.money(row["net_high_minor"]),
        )
    )


@app.command()
def season(
    name_of: Annotated[str, typer.Argument(metavar="SEASON", help="The season's id: letters, digits, . _ -")],
    start: Annotated[datetime, typer.Option("--from", formats=[DAY], help="First day; today or later.")],
    end: Annotated[datetime, typer.Option("--to", formats=[DAY], help="Last day.")],
    *,
    percent: Annotated[int, typer.Option(min=1, max=50, help="Share of members who stand on no list.")] = 3,
    name: As = "",
    lake: LakeOption = None,
) -> None:
    """Draw who stands on no list all season, so that all lists together can be measured."""
    from crmlib.run.lists import season as seasons

    store = _store(lake)
    by = _who(store, name, right="approve")
    held = seasons.draw(
        store, name_of, start=start.date(), end=end.date(), at=said.now(), by=by, holdout_bp=percent * 100
    )
    said.say(said.words()("cli.list.season", season=name_of, held=said.words().format.count(held)))


@app.command()
def show(*, lake: LakeOption = None) -> None:
    """All lists with where they stand, the newest last."""
    from crmlib.run.lists import book

    store, words = _store(lake), said.words()
    for list_id in book.names(store):
        found = book.find(store, list_id)
        state = words(f"cli.list.stands.{found.life.state}")
        said.say(words("cli.list.line", list=list_id, version=found.life.version, state=state, name=found.row["name"]))


def _move(list_id: str, to: str, store: Lake, name: str, *, right: str) -> None:
    from crmlib.run.lists import audit, book

    by, now = _who(store, name, right=right), said.now()
    moved = book.step(store, list_id, to, at=now, by=by)  # type: ignore[arg-type]
    audit.note(store.path, what=to, by=by, at=now, list=list_id)
    said.say(said.words()("cli.list.moved", list=list_id, state=said.words()(f"cli.list.stands.{moved.life.state}")))


def _who(store: Lake, name: str, *, report: str = RESULTS, right: str = "") -> str:
    """Who does it: a user with the right, for all regions; where there are no users, whoever sits at this machine."""
    import time

    from crmlib.core.errors import RunError
    from crmlib.serve import users
    from crmlib.serve.server import USERS

    file = store.path / USERS
    if not file.exists():
        return name or getpass.getuser()
    word = typer.prompt(said.words()("cli.password"), hide_input=True)
    found = users.Door(file, time.monotonic).enter(name, word, address="terminal")
    able = found is not None and found.regions is None and found.may_open(report)
    if found is None or not able or (right and not found.allowed(right)):
        raise RunError("run.not_yours", values={"name": name or "-", "right": right or report})
    return found.name


def _way(kind: Ways, store: Lake, rules: Rules, *, by: str) -> Way:
    from crmlib.run.lists import ways

    if kind is Ways.mail:
        return ways.Mail(rules.smtp)
    if kind is Ways.webhook:
        return ways.Hook(os.environ.get(rules.webhook_from, "") if rules.webhook_from else "")
    return ways.HandOff(store.path, by=by, kind="csv" if kind is Ways.csv else "xlsx")


def _rules() -> Rules:
    from crmlib.run import workspace
    from crmlib.run.lists import rules

    return rules.read(workspace.find(start=Path.cwd()).params)


def _store(lake: Path | None) -> Lake:
    from crmlib.data import Lake

    return Lake(said.lake_folder(lake))
