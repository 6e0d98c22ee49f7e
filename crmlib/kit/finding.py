"""What a notebook puts on a page: findings, the answer, the action list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from crmlib.core.errors import CrmError
from crmlib.kit import rich
from crmlib.kit.words import Words

if TYPE_CHECKING:
    import altair
    from great_tables import GT

Status = Literal["ok", "warn", "fail", "none"]
Tone = Literal["good", "bad", "neutral"]
Unavailable = Literal["table", "data"]
MOST_BEHIND = 2_000
_KEY = re.compile(r"^[a-z][a-z0-9_.]*$")


def anchor(key: str) -> str:
    """Where on a page the finding of this key stands.

    Raises
    ------
    ValueError
        If the key cannot be an anchor and a file name: a programming error.

    Examples
    --------
    >>> anchor("scoring.overdue_test")
    'scoring-overdue-test'
    """
    if not _KEY.match(key):
        raise ValueError(f"key {key!r} of a finding is not made of a-z, 0-9, _ and .")
    return key.replace(".", "-").replace("_", "-")


@dataclass(frozen=True, slots=True)
class Finding:
    """A table, a sentence and a status; usually a chart.

    Parameters
    ----------
    key : stable dotted name, e.g. ``"scoring.pyramid"``; the anchor on the page and the file name of its table.
    status : verdict from thresholds named beside the rule; ``"none"`` where no verdict is meant.
    headline : the takeaway as a sentence, chosen by the data.
    table : the figures behind it under machine column names (money columns end in ``_minor``); it is stored as
        Parquet, offered as a download under the words of the language, and compared with the previous run's.
    view : the same table set for reading (`crmlib.kit.table`).
    chart : an Altair chart, or none.
    alt : text alternative of the chart: its takeaway, for a reader who cannot see it.
    note_seen, note_sure, note_do : what you see; how sure (interval, sample, definition); what to do.
    value_minor : money at stake, by which "what changed" is ordered.
    row_key : columns of `table` that identify a row from one run to the next.
    names : column → key under which its codes are worded (``{"reason_1": "churn.group"}``), before what the vocabulary
        of columns says; asked by the workbook and the comparison.
    role : ``"check"`` puts it into the model-check section instead of among the findings.
    leads : what can be done from here: the words of a link and its address; an empty address shows nothing.
    behind : the rows that the figures are made of (receipts, moves, entries), at most `MOST_BEHIND`: a second sheet of
        the downloaded workbook, not on the page.
    """

    key: str
    status: Status
    headline: str
    table: pl.DataFrame
    note_seen: str
    note_sure: str
    note_do: str
    view: GT | None = None
    chart: altair.TopLevelMixin | None = None
    alt: str = ""
    value_minor: int | None = None
    row_key: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    role: Literal["finding", "check"] = "finding"
    leads: tuple[tuple[str, str], ...] = ()
    behind: pl.DataFrame | None = None

    def _repr_html_(self) -> str:
        return rich.finding(self)

    @classmethod
    def worded(
        cls,
        section: str,
        kind: str,
        values: Mapping[str, object],
        *,
        words: Words,
        status: Status,
        table: pl.DataFrame,
        key: str = "",
        seen: str | None = None,
        sure: str | None = None,
        do: str | None = None,
        view: GT | None = None,
        chart: altair.TopLevelMixin | None = None,
        alt: str | None = None,
        value_minor: int | None = None,
        row_key: tuple[str, ...] = (),
        names: Mapping[str, str] | None = None,
        role: Literal["finding", "check"] = "finding",
        leads: tuple[tuple[str, str], ...] = (),
    ) -> Finding:
        """A finding in the words of its section: the one way to make one.

        The headline is ``<section>.headline.<kind>``. Each note is ``<section>.<note>.<kind>`` where a sentence of
        this kind stands, else ``<section>.<note>``; both are filled in with `values`.

        Parameters
        ----------
        section : where its words stand, e.g. ``"customer_value.migration"``.
        kind : the alternative that the data chose.
        values : what the sentences name, formatted already.
        key : of the finding; the section itself if not given.
        seen, sure, do : a note that does not go by `kind`, as a sentence.
        alt : the headline if not given.

        Examples
        --------
        >>> found = Finding.worded("page.unavailable", "table", {"title": "Needs", "tables": "goods"},
        ...                        words=Words("en"), status="none", table=pl.DataFrame())
        >>> found.key, found.note_seen
        ('page.unavailable', 'Not connected yet: goods.')
        """
        headline = words(f"{section}.headline.{kind}", **values)

        def note(name: str, given: str | None) -> str:
            own = f"{section}.{name}.{kind}"
            return words(own if words.has(own) else f"{section}.{name}", **values) if given is None else given

        return cls(
            key=key or section,
            status=status,
            headline=headline,
            table=table,
            note_seen=note("seen", seen),
            note_sure=note("sure", sure),
            note_do=note("do", do),
            view=view,
            chart=chart,
            alt=headline if alt is None else alt,
            value_minor=value_minor,
            row_key=row_key,
            names=names or {},
            role=role,
            leads=leads,
        )

    def of_rows(self, rows: pl.DataFrame) -> Finding:
        """The same finding with the rows that its figures are made of, the first `MOST_BEHIND`.

        Parameters
        ----------
        rows : in the order of importance, under column names that the vocabulary knows; people by pseudonym.
        """
        return self if rows.is_empty() else replace(self, behind=rows.head(MOST_BEHIND))

    @classmethod
    def unavailable(
        cls,
        section: str,
        why: Unavailable,
        *,
        words: Words,
        key: str = "",
        tables: tuple[str, ...] = (),
        refused: CrmError | None = None,
    ) -> Finding:
        """The finding in place of a section that cannot be made: which one, why, and what to do about it.

        It is called by ``<section>.title``. A section's own sentences ``<section>.unavailable.<why>.seen`` and
        ``.do`` go before those that a planner is told of `refused`, and these before the common ones. The key is that
        of the section's finding, so that the next run compares.

        Parameters
        ----------
        why : ``table`` where `tables` are not connected, ``data`` where the data do not suffice or are wrong.
        refused : a model's refusal.
        """
        values = {"title": words(f"{section}.title"), "tables": named(tables, words=words)}

        def own(name: str) -> str | None:
            at = f"{section}.unavailable.{why}.{name}"
            return words(at, **values) if words.has(at) else told(refused, name, words=words)

        wrong = refused is not None and words.has(f"page.unavailable.wrong.{refused.code}.seen")
        return cls.worded(
            "page.unavailable",
            "wrong" if wrong else why,
            values,
            words=words,
            status="none",
            table=pl.DataFrame(),
            key=key or section,
            seen=own("seen"),
            do=own("do"),
        )


def named(tables: tuple[str, ...], *, words: Words) -> str:
    """What `tables` of the lake are called, joined."""
    return words("page.join").join(words.label(f"page.source.{table}") or table for table in tables)


def told(refused: CrmError | None, name: str, *, words: Words) -> str | None:
    """What a planner is told of a model's refusal, ``seen`` or ``do``; none where the common sentence must do.

    Under ``why`` stand refusals of too few data, under ``wrong`` those of data that somebody must correct.
    """
    if refused is None:
        return None
    found = (f"page.unavailable.{group}.{refused.code}.{name}" for group in ("why", "wrong"))
    return next((words(at, **refused.values) for at in found if words.has(at)), None)


@dataclass(frozen=True, slots=True)
class Figure:
    """One of at most four figures under the answer: label, value with unit, comparison, and whether that is good.

    `key` and `amount` (the bare number) let the next run say what changed; `money` marks minor units.
    """

    label: str
    value: str
    comparison: str = ""
    tone: Tone = "neutral"
    key: str = ""
    amount: float | None = None
    money: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One sentence a planner can repeat in a meeting, and at most four figures.

    `value_minor` is the money that the sentence is about, where it is not that of a finding which it names.
    """

    sentence: str
    figures: tuple[Figure, ...] = ()
    value_minor: int | None = None

    @classmethod
    def unavailable(
        cls, why: Unavailable, *, words: Words, tables: tuple[str, ...] = (), refused: CrmError | None = None
    ) -> Answer:
        """The answer of a page that has none yet: what is missing, and what would bring it; as `Finding.unavailable`.

        Examples
        --------
        >>> Answer.unavailable("table", words=Words("en"), tables=("stores",)).sentence
        'No answer yet: stores not connected. Once ingested, the answer comes by itself.'
        """
        seen, do = (
            told(refused, name, words=words) or words(f"page.unavailable.{name}.data") for name in ("seen", "do")
        )
        return cls(words(f"page.unavailable.answer.{why}", tables=named(tables, words=words), seen=seen, do=do))


def led(answer: Answer, findings: Sequence[Finding], *, words: Words) -> Answer:
    """`answer`, led by the problem of the page with the most money at stake unless it speaks of as much already.

    A planner who reads one sentence reads where the money is. What a sentence speaks of is its own `value_minor`, and
    the money of whatever problem stands in it.
    """
    judged = [f for f in findings if f.role == "finding" and f.status in ("warn", "fail") and f.value_minor]
    if not judged:
        return answer
    first = max(judged, key=lambda f: abs(f.value_minor or 0))
    told = [f.value_minor or 0 for f in judged if _money(f, words) in answer.sentence]
    if abs(first.value_minor or 0) <= max(map(abs, [answer.value_minor or 0, *told])):
        return answer
    kind = "said" if _money(first, words) in first.headline else "money"
    lead = words(f"page.lead.{kind}", headline=first.headline, money=_money(first, words))
    return replace(answer, sentence=lead + answer.sentence)


def _money(finding: Finding, words: Words) -> str:
    return words.format.money(abs(finding.value_minor or 0))


@dataclass(frozen=True, slots=True)
class ActionList:
    """Who or what to act on, one row each, with its own reason.

    Parameters
    ----------
    headline : says how many are listed out of how many, and the control group.
    table : one row per action in order of value; ids are pseudonyms, money columns end in ``_minor``.
    view : the same set for reading.
    note : control group, capacity, what came of the last list.
    ask : what whoever gets the list fills in, in the downloaded workbook: a column of lists, one row per row of
        `table`; a cell takes one of its list.
    leads : as of `Finding`.
    """

    headline: str
    table: pl.DataFrame
    view: GT | None = None
    ask: pl.DataFrame | None = None
    note: str = ""
    key: str = "actions"
    row_key: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    leads: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What this page cannot tell you: one sentence each, shown in the foot."""

    sentences: tuple[str, ...] = field(default_factory=tuple)


Shown = Answer | Finding | ActionList | Limits
"""What a page shows."""
