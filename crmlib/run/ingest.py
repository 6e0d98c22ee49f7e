"""Ingest and check as the command line shows them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from crmlib import data
from crmlib.core.errors import CrmError, LakeError, RunError
from crmlib.data import sourcefile
from crmlib.data.lake import compaction, reduced
from crmlib.data.result import TERMS
from crmlib.kit.words import Words
from crmlib.kit.words.rules import rule_in_words
from crmlib.panels import engines, reductions
from crmlib.run import feeds, workspace
from crmlib.run.failures import told

Say = Callable[[str], None]
NO_RECEIPT = "line_id|nullability"
"""The rule that a line without a receipt's number breaks."""


def run(source: str, *, sources: Path, lake: data.Lake, now: datetime, say: Say, words: Words) -> None:
    """Ingest one source, or `all` of the file, and print the sum of each with the rules behind it.

    Of `all`, a source that fails is told in its place, and the others are read all the same.
    """
    came = dict[str, bool]()

    def tell(name: str, found: data.IngestResult | CrmError) -> None:
        came[name] = not isinstance(found, CrmError)
        if isinstance(found, CrmError):
            say(words("cli.ingest.failed", source=name))
            say(told(found, words=words))
            return
        for line in lines_of(found, words=words):
            say(line)

    try:
        with _progress(words) as hook:
            if source == "all":
                data.ingest_all(sources, lake=lake, now=now, progress=hook, tell=tell)
            else:
                tell(source, data.ingest(source, sources=sources, lake=lake, now=now, progress=hook))
    finally:
        _note(came if source == "all" else {source: source in came}, sources=sources, lake=lake, now=now)
        _reduce_quietly(lake, say=say, words=words)


def _note(came: Mapping[str, bool], *, sources: Path, lake: data.Lake, now: datetime) -> None:
    """Write down which feeds came: reports that need one that did not wait for it."""
    with suppress(CrmError, OSError):  # a sources file that cannot be read has been told
        tables = {name: entry.table for name, entry in sourcefile.load(sources).items()}
        feeds.note(lake.path, [(s, tables[s], ok) for s, ok in came.items() if s in tables], now=now)


def _reduce_quietly(lake: data.Lake, *, say: Say, words: Words) -> None:
    if not lake.has("receipt_lines"):
        return
    try:
        reduce(lake.path, say=say, words=words, quiet=True)
        compaction.compact(lake, by=reductions)
    except (LakeError, RunError) as refused:  # the rows are stored; pages read the lines until the reductions are made
        say(told(refused, words=words))


def reduce(place: Path, *, say: Say, words: Words, quiet: bool = False, engine: str | None = None) -> None:
    """Bring the reductions up to the lines, and say how many days were made anew; `quiet` says nothing for none.

    `engine` makes them; without it the one that the workspace names.
    """
    on = engines.connect(workspace.engine(start=Path.cwd(), chosen=engine))
    try:
        _, days = reduced.reduce(data.Lake(place), by=reductions, on=on)
    finally:
        if on is not None:
            on.close()
    if days or not quiet:
        say(words(f"cli.reduce.{'made' if days else 'current'}", days=words.format.count(days), count=days))


@contextmanager
def _progress(words: Words) -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal that shows the step under way; nothing where the output goes to a file."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=None)

        def hook(step: str, done: int, total: int) -> None:
            bar.update(task, description=words(f"ingest.step.{step}"), completed=done, total=total)

        yield hook


def lines_of(result: data.IngestResult, *, words: Words) -> list[str]:
    """The five-term sum in one line, then one line per rule.

    Terms that are zero are shown too: the reader sees that everything was counted.
    """
    count = words.format.count
    terms = {term: count(getattr(result, term)) for term in ("read", *TERMS)}
    lines = [words("cli.ingest.sum", source=result.source, table=result.table, **terms)]
    for file, encoding, common in result.read_as:
        kind = "given" if common is None else "chosen"
        lines.append(words(f"cli.ingest.read_as.{kind}", file=file, encoding=encoding, common=f"{common or 0:.0%}"))
    if result.withdrawn:
        lines.append(words("cli.ingest.withdrawn", rows=count(result.withdrawn)))
    if result.gone.height:
        days, files = result.gone["day"].drop_nulls(), result.gone["file"].unique(maintain_order=True)
        first, last = (words.format.day(d) if d is not None else "–" for d in (days.min(), days.max()))  # type: ignore[arg-type]
        named = words("page.join").join(files.head(3))
        lines.append(
            words("cli.ingest.gone", rows=count(int(result.gone["rows"].sum())), first=first, last=last, files=named)
        )
    if not result.changed:
        lines.append(words("cli.ingest.unchanged"))
    for row in result.rules.iter_rows(named=True):
        money = Words(words.language, currency=result.currency or "CNY").format.money(row["net_minor"])
        kind = words(f"cli.ingest.kind.{row['kind']}") if words.has(f"cli.ingest.kind.{row['kind']}") else row["kind"]
        lines.append(
            words(
                "cli.ingest.rule",
                kind=kind,
                rule=rule_in_words(row["rule"], words),
                rows=count(row["rows"]),
                money=money,
            )
        )
        if (row["kind"], row["rule"]) == ("quarantined", NO_RECEIPT):
            lines.append(words("cli.ingest.fill_down"))
    return lines


def check_lake(place: Path, *, say: Say, words: Words) -> bool:
    """Verify the lake, print each check, and return whether it is sound."""
    report = data.check_lake(place)
    for row in report.describe().iter_rows(named=True):
        say(words(f"cli.lake.{'ok' if row['ok'] else 'bad'}", **{k: row[k] for k in row if k != "ok"}))
    kept = reduced.verify(data.Lake(place), by=reductions)
    for name, same, found, expected in kept:
        say(words(f"cli.lake.{'ok' if same else 'bad'}", table=name, check="reduction", found=found, expected=expected))
    sound = report.ok and all(same for _, same, _, _ in kept)
    say(words("cli.lake.sound" if sound else "cli.lake.unsound", path=report.path))
    return sound
