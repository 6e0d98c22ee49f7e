"""What changed since the last report: figures, verdicts and table rows, beyond thresholds, by money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import polars as pl

from crmlib.kit import columns
from crmlib.kit.table import say
from crmlib.kit.words import Words
from crmlib.report.record.manifest import FigureRecord, FindingRecord, Manifest

FIGURE_CHANGE = 0.05
"""A figure is worth a line from this relative change on."""
ROW_CHANGE = 0.10
"""So is a table row from this relative change of its money on …"""
ROW_FLOOR = 0.01
"""… if the change is also this share of the column's total."""
MOST_LINES = 5
ROWS_PER_TABLE = 2
"""At most so many rows of one table: five lines are for the whole page."""
_RANK = {"ok": 0, "none": 0, "warn": 1, "fail": 2}


@dataclass(frozen=True, slots=True)
class Change:
    """One line, the money it moves [minor units] and how it is ordered where no money is known."""

    line: str
    money: float = 0.0
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Tabled:
    """A finding of this run with its table, how the values of its row key are named, and the rows behind it."""

    record: FindingRecord
    table: pl.DataFrame
    names: Mapping[str, str] = field(default_factory=dict)
    behind: pl.DataFrame | None = None


def changes(
    before: Manifest,
    *,
    folder: Path,
    figures: Sequence[FigureRecord],
    findings: Sequence[Tabled],
    words: Words,
) -> tuple[str, ...]:
    """At most five lines, the largest amount of money first.

    Parameters
    ----------
    before : the last run's manifest.
    folder : where its tables lie.
    figures, findings : of this run.
    """
    found = [*_figures(before.figures, figures, words), *_verdicts(before.findings, findings, words)]
    for now in findings:
        last = next((r for r in before.findings if r.key == now.record.key), None)
        table = _read(folder, last)
        if last is not None and table is not None:
            found += _rows(table, now, words) if now.record.role != "actions" else _list(table, now, words)
    found.sort(key=lambda c: (-abs(c.money), -c.weight, c.line))
    return tuple(c.line for c in found[:MOST_LINES])


def _figures(before: Iterable[FigureRecord], now: Iterable[FigureRecord], words: Words) -> list[Change]:
    last = {f.key: f for f in before if f.key and f.amount is not None}
    found = []
    for figure in now:
        old = last.get(figure.key)
        if old is None or old.amount is None or figure.amount is None or figure.value == old.value:
            continue
        moved = figure.amount - old.amount
        relative = moved / abs(old.amount) if old.amount else None
        if relative is not None and abs(relative) < FIGURE_CHANGE:
            continue
        kind = "figure_from_zero" if relative is None else "figure_money" if figure.money else "figure_number"
        line = words(
            f"page.change.{kind}",
            label=figure.label,
            before=old.value,
            after=figure.value,
            change=words.format.change(relative),
            amount=words.format.gain(moved),
        )
        found.append(Change(line, money=moved if figure.money else 0.0, weight=min(abs(relative or 1.0), 10.0)))
    return found


def _verdicts(before: Iterable[FindingRecord], now: Iterable[Tabled], words: Words) -> list[Change]:
    last = {r.key: r for r in before}
    found = []
    for finding in now:
        old, record = last.get(finding.record.key), finding.record
        if old is None or _RANK[old.status] == _RANK[record.status]:
            continue
        line = words(
            f"page.change.{'worse' if _RANK[record.status] > _RANK[old.status] else 'better'}",
            headline=record.headline,
            before=words(f"page.status.{old.status}"),
            after=words(f"page.status.{record.status}"),
        )
        found.append(Change(line, money=float(record.value_minor or 0), weight=20.0))
    return found


def _rows(old: pl.DataFrame, now: Tabled, words: Words) -> list[Change]:
    """Rows whose money moved most; rows are told apart by the finding's key columns.

    Of days and months only those that both reports reach: that time went on is no change, that a past day has other
    sales is one.
    """
    key = list(now.record.row_key)
    money = next(
        (c for c, t in now.table.schema.items() if columns.of(c, t).kind == "money" and c in old.columns), None
    )
    if not key or money is None or any(c not in old.columns or c not in now.table.columns for c in key):
        return []
    joined = (
        _keyed(now.table, key, money)
        .join(_keyed(old, key, money), on=key, how="full", suffix="_before", coalesce=True)
        .with_columns(moved=pl.col("value").fill_null(0) - pl.col("value_before").fill_null(0))
    )
    total = float(max(joined["value"].abs().sum() or 0, joined["value_before"].abs().sum() or 0))
    if any(now.table.schema[c].is_temporal() for c in key):
        joined = joined.drop_nulls(["value", "value_before"])
    beyond = joined.filter(
        pl.col("moved").abs() >= ROW_CHANGE * pl.col("value_before").abs().fill_null(0),
        pl.col("moved").abs() >= ROW_FLOOR * total,
        pl.col("moved") != 0,
    ).sort(pl.col("moved").abs(), *key, descending=[True] + [False] * len(key), nulls_last=True)
    domain = now.record.key.split(".")[0]
    said_by = {c: (now.names.get(c), *columns.of(c, now.table.schema[c]).values) for c in key}
    under = {c: [*filter(None, said_by[c])] or [f"{domain}.{c}", f"{domain}.{c.split('_')[0]}"] for c in key}
    said = partial(_row_line, under=under, column=words.column(money), words=words)
    return [said(row) for row in beyond.head(ROWS_PER_TABLE).iter_rows(named=True)]


def _keyed(table: pl.DataFrame, key: list[str], money: str) -> pl.DataFrame:
    return table.group_by(key).agg(value=pl.col(money).sum()).with_columns(pl.col(key).cast(pl.String))


def _row_line(row: dict[str, object], *, under: Mapping[str, Sequence[str]], column: str, words: Words) -> Change:
    after, before, moved = row["value"], row["value_before"], float(str(row["moved"]))
    kind = "row_new" if before is None else "row_gone" if after is None else "row_money"
    name = " × ".join(_label(row[c], places, words) for c, places in under.items())
    line = words(
        f"page.change.{kind}",
        row=name,
        column=column,
        before=words.format.money(None if before is None else float(str(before))),
        after=words.format.money(None if after is None else float(str(after))),
        amount=words.format.gain(moved),
    )
    return Change(line, money=moved)


def _label(value: object, places: Sequence[str], words: Words) -> str:
    """A row's name: in words where a text file names it (``scoring.tier.none``), else as it is; a dash for no value."""
    if value is None:
        return words("page.none")
    return say(str(value), places, words)


def _list(old: pl.DataFrame, now: Tabled, words: Words) -> list[Change]:
    key = [c for c in now.record.row_key if c in old.columns and c in now.table.columns]
    if not key:
        return []
    current, last = now.table.select(key).unique(), old.select(key).unique()
    added = current.join(last, on=key, how="anti", nulls_equal=True).height
    gone = last.join(current, on=key, how="anti", nulls_equal=True).height
    if not added and not gone:
        return []
    count = words.format.count
    line = words("page.change.list", added=count(added), gone=count(gone), total=count(current.height))
    return [Change(line, weight=1.0)]


def _read(folder: Path, record: FindingRecord | None) -> pl.DataFrame | None:
    if record is None:
        return None
    try:
        return pl.read_parquet(folder / record.table)
    except (OSError, pl.exceptions.PolarsError):
        return None
