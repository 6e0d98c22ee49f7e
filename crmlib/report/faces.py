"""The three faces: files for the reviewer, an answer for Voilà's browser, cards in the analyst's notebook."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

from markupsafe import escape

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.report.assemble import Assembled, assemble
from crmlib.report.html import cards, render, sheets
from crmlib.report.html.content import Card
from crmlib.report.page import Page
from crmlib.report.record import manifest

PAGE_MARK = {"crmlib": {"page": True}}
"""Metadata of the one output that Voilà's template sends."""


def finish(page: Page) -> None:
    """Make the page and hand it to its face."""
    made = assemble(page)
    if page.context.face == "voila":
        send(made.html)
    elif page.context.out is not None:
        write(page, made, page.context.out)
    else:
        display_note(page, made)


def write(page: Page, made: Assembled, out: Path) -> None:
    """Write index.html, manifest.json, tables/*.parquet and tables.xlsx into `out`."""
    (out / "tables").mkdir(parents=True, exist_ok=True)
    book = [sheets.Sheet(t.record.headline, t.table, names=t.names) for t in made.tabled]
    record = replace(made.manifest, page_sha256=hashlib.sha256(made.html.encode()).hexdigest())
    for tabled in made.tabled:
        save(out / tabled.record.table, sheets.parquet(tabled.table))
        if tabled.behind is not None:
            save(out / "tables" / f"{tabled.record.key}.rows.parquet", sheets.parquet(tabled.behind))
    if book:
        save(out / "tables.xlsx", sheets.xlsx(book, words=page.words, day=page.as_of))
    save(out / "index.html", made.html.encode())
    save(out / "manifest.json", manifest.dump(record).encode())


def save(path: Path, content: bytes) -> None:
    """Write `content` whole and onto the disk, or not at all under this name."""
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def send(page: str) -> None:
    """Hand a whole page to Voilà's template."""
    from IPython.display import publish_display_data  # noqa: PLC0415

    publish_display_data({"text/html": page}, metadata={"text/html": PAGE_MARK})  # type: ignore[no-untyped-call]


def show(page: Page, thing: Answer | Finding | ActionList | Limits) -> None:
    """In a notebook: show what will stand on the page."""
    if page.context.face != "lab":
        return
    setting = cards.Setting(words=page.words, day=page.as_of)
    match thing:
        case Finding():
            _show(
                render.card(
                    _without_download(cards.card(thing, setting, page.drawings.get(thing.key))[0]), words=page.words
                )
            )
        case ActionList():
            _show(str(cards.action_list(thing, setting).table.markup))
        case Answer():
            _show(f"<p><strong>{escape(thing.sentence)}</strong></p>")
        case Limits():
            return


def display_note(page: Page, made: Assembled) -> None:
    """Say in a notebook that the page is whole; it is shown by a run, not here."""
    checked = escape(page.words(f"page.status.{made.manifest.status}"))
    _show(f"<p>{escape(made.manifest.title)} · {made.manifest.as_of} · {checked}</p>")


def _show(markup: str) -> None:
    from IPython.display import HTML, display  # noqa: PLC0415

    display(HTML(markup))  # type: ignore[no-untyped-call]


def _without_download(card: Card) -> Card:
    return replace(card, table=replace(card.table, href=""))
