"""From what a notebook shows to what stands on the page: pictures, tables and downloads are made here."""

from __future__ import annotations

import base64
import json
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from markupsafe import Markup

from crmlib.kit.finding import ActionList, Finding, anchor
from crmlib.kit.terms import terms
from crmlib.kit.words import Words
from crmlib.report import sanitize
from crmlib.report.drawing import Drawing, DrawingError
from crmlib.report.html import sheets
from crmlib.report.html.content import Card, Chart, Lead, Line, ListBlock, TableBlock

if TYPE_CHECKING:
    from great_tables import GT

MOST_ROWS = 200
"""More rows than this are not set on the page; the download has them."""
LARGEST_LINK = 400_000
"""A larger workbook [bytes] is not put into the page, but lies beside it."""
LARGEST_PICTURE = 100_000
"""A larger picture [characters] is left to scripts; a chart of the page has 5,000, a map of 900 cells 165,000."""
SHORT = 15
"""A table of so many rows stands open on a card without a chart: it is what there is to see."""
DRAWING_SECONDS = 60.0
"""A chart that takes longer is left out."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all cards of a page share: its words, its day (the date inside the files), where its lists go."""

    words: Words
    day: date
    lists: Path | None = None


def card(finding: Finding, setting: Setting, drawing: Future[Drawing] | None) -> tuple[Card, Chart | None]:
    """The card of a finding, and its chart's specification.

    Parameters
    ----------
    drawing : the chart in the making. One that cannot be drawn leaves the card with its table opened.

    Raises
    ------
    ValueError
        If the key cannot be an anchor and a file name: a programming error.
    """
    words = setting.words
    drawn, failed = _result(drawing)
    place = anchor(finding.key)
    notes = (("seen", finding.note_seen), ("sure", finding.note_sure), ("do", finding.note_do))
    shown = Card(
        anchor=place,
        status=finding.status,
        headline=finding.headline,
        notes=tuple(Line(words(f"page.note.{name}"), text) for name, text in notes if text),
        table=_table(finding, setting),
        svg="" if drawn is None else _picture(drawn.svg, finding.alt or finding.headline),
        alt=finding.alt or finding.headline,
        wide=drawn is not None and not _fits(drawn.vega),
        failed=failed,
        opened=failed or (finding.chart is None and 0 < finding.table.height <= SHORT),
        leads=_leads(finding),
    )
    return shown, None if drawn is None else Chart(place, drawn.vega)


def action_list(actions: ActionList, setting: Setting) -> ListBlock:
    """The block of an action list."""
    return ListBlock(
        anchor=anchor(actions.key),
        headline=actions.headline,
        table=_table(actions, setting),
        note=actions.note,
        leads=_leads(actions),
    )


def _leads(thing: Finding | ActionList) -> tuple[Lead, ...]:
    return tuple(Lead(text, href) for text, href in thing.leads if href)


def _picture(svg: str, alt: str) -> Markup:
    """The picture for readers without scripts; of one as large as a map only its text, and the table below it."""
    if len(svg) > LARGEST_PICTURE:
        return Markup('<p class="small">{}</p>').format(alt)
    return Markup(svg)


def _result(drawing: Future[Drawing] | None) -> tuple[Drawing | None, bool]:
    try:
        return (None, False) if drawing is None else (drawing.result(timeout=DRAWING_SECONDS), False)
    except (DrawingError, TimeoutError):
        return None, True


def _fits(vega: str) -> bool:
    autosize = json.loads(vega).get("autosize")
    return isinstance(autosize, dict) and autosize.get("type") == "fit-x"


def _table(thing: Finding | ActionList, setting: Setting) -> TableBlock:
    words, rows = setting.words, thing.table.height
    if rows == 0:
        return TableBlock(markup=Markup("<p>{}</p>").format(words("page.no_rows")))
    view = thing.view
    note = ""
    if rows > MOST_ROWS and view is not None and len(view._tbl_data) > MOST_ROWS:
        view = None  # set anew, shortened: a page of ten thousand rows helps nobody
    if view is None:
        view = plain(thing.table.head(MOST_ROWS), words=words)
        shown, total = words.format.count(MOST_ROWS), words.format.count(rows)
        note = words("page.rows_shown", shown=shown, total=total) if rows > MOST_ROWS else ""
    place = f"t-{anchor(thing.key)}"
    raw = view.with_id(place).as_raw_html()
    markup, explained = sanitize.explained(sanitize.table(raw), raw, place=place, known=terms(words.language))
    if isinstance(thing, ActionList):
        markup = sanitize.labelled(markup)
    ask = thing.ask if isinstance(thing, ActionList) else None
    tables = [sheets.Sheet(thing.headline, thing.table, ask, thing.names)]
    behind = None if isinstance(thing, ActionList) else thing.behind
    if behind is not None:
        tables.append(sheets.Sheet(words("page.behind.sheet"), behind))
        note = " ".join([*([note] if note else []), words("page.behind.note", count=words.format.count(behind.height))])
    book = sheets.xlsx(tables, words=words, day=setting.day)
    file = f"{thing.key}.xlsx" if ask is None else f"{thing.key}.{setting.day}.{words.language}.xlsx"
    href = _link(book, file, setting.lists)
    return TableBlock(
        markup=Markup('<div class="scroll" tabindex="0" role="region" aria-label="{}">{}</div>').format(
            words("page.table_of", headline=thing.headline),
            Markup(markup),
        ),
        note=note,
        href=href,
        file=file,
        too_large=not href,
        terms=explained,
    )


def _link(book: bytes, file: str, lists: Path | None) -> str:
    """Where a workbook is asked for: from the server that wants it, else inside the page if it is small enough."""
    if lists is not None:
        (lists / file).write_bytes(book)
        return f"/lists/{lists.name}/{file}"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return f"data:{kind};base64,{base64.b64encode(book).decode()}" if len(book) <= LARGEST_LINK else ""


def plain(table: pl.DataFrame, *, words: Words) -> GT:
    """A table set by what its column names and types say, for findings that bring no view of their own."""
    from crmlib.kit.table import readable  # noqa: PLC0415

    return readable(table, words=words, exact=True)
