"""What a notebook puts on a page: findings, the answer, the action list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    import altair as alt
    from great_tables import GT

Status = Literal["ok", "warn", "fail", "none"]
Tone = Literal["good", "bad", "neutral"]


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
    view : the same table set for reading (`crmlib.kit.views`).
    chart : an Altair chart, or none.
    alt : text alternative of the chart: its takeaway, for a reader who cannot see it.
    note_seen, note_sure, note_do : what you see; how sure (interval, sample, definition); what to do.
    value_minor : money at stake, by which "what changed" is ordered.
    row_key : columns of `table` that identify a row from one run to the next.
    names : column → key under which its codes are worded (``{"reason_1": "churn.group"}``), before what the vocabulary
        of columns says; asked by the workbook and the comparison.
    role : ``"check"`` puts it into the model-check section instead of among the findings.
    """

    key: str
    status: Status
    headline: str
    table: pl.DataFrame
    note_seen: str
    note_sure: str
    note_do: str
    view: GT | None = None
    chart: alt.TopLevelMixin | None = None
    alt: str = ""
    value_minor: int | None = None
    row_key: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    role: Literal["finding", "check"] = "finding"


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
    """One sentence a planner can repeat in a meeting, and at most four figures."""

    sentence: str
    figures: tuple[Figure, ...] = ()


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
    """

    headline: str
    table: pl.DataFrame
    view: GT | None = None
    ask: pl.DataFrame | None = None
    note: str = ""
    key: str = "actions"
    row_key: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What this page cannot tell you: one sentence each, shown in the foot."""

    sentences: tuple[str, ...] = field(default_factory=tuple)
