"""What stands on a page, in order, as plain data: the template only sets it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from crmlib.kit.finding import Answer
from crmlib.kit.terms import Term
from crmlib.report.form.explain import Explanation
from crmlib.report.form.fields import Form


@dataclass(frozen=True, slots=True)
class Fact:
    """A short fact in the head; a tone makes it a chip."""

    text: str
    tone: Literal["", "ok", "warn", "neutral"] = ""


@dataclass(frozen=True, slots=True)
class Other:
    """The same page in the other language."""

    href: str
    lang: str


@dataclass(frozen=True, slots=True)
class Head:
    """Title, the question the page answers, what it covers, the way back to the portal."""

    title: str
    question: str
    facts: tuple[Fact, ...] = ()
    other: Other | None = None
    home: str = ""


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table to read (safe markup), and the whole of it to download.

    Parameters
    ----------
    terms : keys of the measures in its head that have a definition (`kit.terms`).
    """

    markup: str
    note: str = ""
    href: str = ""
    file: str = ""
    too_large: bool = False
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A label and its text, or its items."""

    label: str
    text: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lead:
    """A link to what can be done from a card."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Card:
    """A finding or a model check.

    Parameters
    ----------
    svg : safe picture; empty without a chart.
    wide : whether the chart keeps its width and scrolls sideways where the page is narrower.
    failed : whether there should be a chart, but it could not be drawn.
    opened : whether the table is shown at once: it is short, and there is no chart to look at.
    """

    anchor: str
    status: str
    headline: str
    notes: tuple[Line, ...]
    table: TableBlock
    svg: str = ""
    alt: str = ""
    wide: bool = False
    failed: bool = False
    opened: bool = False
    leads: tuple[Lead, ...] = ()


@dataclass(frozen=True, slots=True)
class ListBlock:
    """The action list."""

    anchor: str
    headline: str
    table: TableBlock
    note: str = ""
    leads: tuple[Lead, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """What changed since the last report: lines, or a note why there are none."""

    title: str
    lines: tuple[str, ...] = ()
    note: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Foot:
    """Provenance, what the page cannot tell, and where all definitions are."""

    lines: tuple[Line, ...]
    technical: tuple[Line, ...]
    definitions: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart's specification for the browser, as JSON that fits into a script element."""

    anchor: str
    vega: str


@dataclass(frozen=True, slots=True)
class Content:
    """A whole page.

    Parameters
    ----------
    terms : the definitions of the measures on the page; named : label of a figure → key of its definition.
    """

    language: str
    head: Head
    form: Form | None = None
    error: Explanation | None = None
    answer: Answer | None = None
    changed: Changed | None = None
    findings: tuple[Card, ...] = ()
    actions: tuple[ListBlock, ...] = ()
    checks: tuple[Card, ...] = ()
    checks_open: bool = False
    foot: Foot | None = None
    charts: tuple[Chart, ...] = ()
    terms: tuple[Term, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
