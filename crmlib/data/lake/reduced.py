"""Reductions in the lake: made for the days that changed, found by the version of the lines they were made from.

A page finds the reduction of the very version of the lines that it reads, or none, and then reads the lines: the bytes
are the same. The entry of a version is written last, by one rename: what a killed run leaves behind is never read, and
taken back by the next.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Protocol

import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import LakeError
from crmlib.core.frames import AnyFrame
from crmlib.data.lake import delta, storage
from crmlib.data.lake.lake import MONTH, Lake, month_of

LINES, FOLDER, BUILT = "receipt_lines", "reductions", "built.json"
LINES_AT_ONCE, STEPS_OF_COMMIT = 500_000, 4
"""So many lines are reduced at a time, and the cells of so many times are stored in one commit."""
KEEP = 400
"""So many versions are remembered: those of a year of nights."""


@dataclass(frozen=True, slots=True)
class Built:
    """What was made from one version of the lines.

    Parameters
    ----------
    lines : version of the lines. form : of the definitions and contract. versions : of each reduction.
    odd : days whose receipts are not told from cells (see `reductions.odd_days`).
    """

    lines: int
    form: str
    versions: dict[str, int] = field(default_factory=dict)
    odd: list[int] = field(default_factory=list)


class Reducer(Protocol):
    """Who makes reductions of lines; `crmlib.panels.reductions` is the one there is.

    Columns of each reduction by its name, the text of the definitions, a span of lines reduced, days whose receipts are
    not told from cells, and a reduction in its own types and order.
    """

    @property
    def COLUMNS(self) -> Mapping[str, tuple[str, ...]]: ...  # noqa: D102, N802

    def definitions(self) -> bytes: ...  # noqa: D102

    def reduced_span(self, lines: AnyFrame, *, stamped: Collection[datetime]) -> dict[str, pl.DataFrame]: ...  # noqa: D102

    def odd_days(self, receipt: pl.DataFrame) -> list[int]: ...  # noqa: D102

    def typed(self, name: str, frame: pl.DataFrame) -> pl.DataFrame: ...  # noqa: D102


class Engine(Protocol):
    """Who reads the lines, if not Polars in this process; see `crmlib.panels.engines`."""

    @property
    def at_once(self) -> int: ...  # noqa: D102

    def lines(self, files: Sequence[str], *, zone: str, days: Collection[int]) -> AnyFrame: ...  # noqa: D102

    def explained(self, error: Exception) -> LakeError: ...  # noqa: D102


def form(lake: Lake, *, by: Reducer) -> str:
    """What a reduction depends on besides the lines: their contract, the definitions, the time zone."""
    fields = {name: str(column.dtype) for name, column in CONTRACTS[LINES].schema.columns().items()}
    told = json.dumps([fields, lake.time_zone], sort_keys=True).encode()
    return hashlib.sha256(by.definitions() + told).hexdigest()[:16]


def entries(lake: Lake) -> list[Built]:
    """What was made, oldest first; nothing where nothing was, or the file cannot be read: it can be made again."""
    try:
        found = json.loads((lake.path / FOLDER / BUILT).read_text(encoding="utf-8"))
        return [Built(**one) for one in found]
    except (OSError, ValueError, TypeError):
        return []


def of_version(lake: Lake, version: int, *, by: Reducer) -> Built | None:
    """What was made from this version of the lines by these definitions; none where it is behind or older."""
    now = form(lake, by=by)
    return next((b for b in reversed(entries(lake)) if b.lines == version and b.form == now), None)


def scan(lake: Lake, built: Built, name: str) -> pl.LazyFrame:
    """A reduction as it was made then."""
    return delta.scan(lake.path / FOLDER / name, at=built.versions[name]).drop("day", MONTH)


def reduce(lake: Lake, *, by: Reducer, on: Engine | None = None) -> tuple[Built, int]:
    """Bring the reductions up to the newest version of the lines; what was made, and how many days were made anew.

    Only days in files that came or went since are made again, some days after the other: memory is that of half a
    million lines and the cells of two million, or of the months that half a million fill.

    Parameters
    ----------
    on : the engine that reads the lines and gives back cells; none is Polars in this process.

    Raises
    ------
    LakeError
        `lake.no_table` without lines; `lake.locked` while another process makes them; `lake.engine_failed`.
    """
    if not lake.has(LINES):
        raise delta.no_table(LINES, lake.tables())
    with pen(lake):
        version, now = delta.version(lake.table_path(LINES)), form(lake, by=by)
        known = [b for b in entries(lake) if b.form == now]
        last = known[-1] if known else None
        if last is not None and last.lines == version:
            return last, 0
        return _made(lake, last, version=version, form_=now, by=by, on=on)


def _made(
    lake: Lake, last: Built | None, *, version: int, form_: str, by: Reducer, on: Engine | None
) -> tuple[Built, int]:
    _take_back(lake, last, by=by)
    days = touched(lake, None if last is None else last.lines, version)
    stamped = lake.ingests(LINES)["at"].to_list()
    odd = set(last.odd if last else []) - {(d - date(1970, 1, 1)).days for d in days}
    step = _days_at_once(lake, version, LINES_AT_ONCE if on is None else on.at_once)
    for span in _spans(days, step):
        parts = []
        for few in (span[i : i + step] for i in range(0, len(span), step)):
            parts.append(_reduced(lake, few, version=version, stamped=stamped, by=by, on=on))
        made = {name: pl.concat([part[name] for part in parts]) for name in by.COLUMNS}
        odd |= set(by.odd_days(made["receipt"]))
        for name, frame in made.items():
            _write(lake.path / FOLDER / name, frame, days=span)
    versions = {name: delta.version(lake.path / FOLDER / name) for name in by.COLUMNS}
    built = Built(version, form_, versions, sorted(odd))
    remember(lake, built)
    return built, len(days)


def _reduced(
    lake: Lake,
    days: list[date],
    *,
    version: int,
    stamped: list[datetime],
    by: Reducer,
    on: Engine | None,
) -> dict[str, pl.DataFrame]:
    """The reductions of some days, by the engine."""
    if on is None:
        lines = lake.table(LINES, version=version)
        inside = lines.filter(pl.col("day") >= days[0], pl.col("day") <= days[-1], pl.col("day").is_in(days))
        return by.reduced_span(inside, stamped=stamped)
    root, options = storage.place(lake.table_path(LINES))
    root = root if options is not None else str(lake.table_path(LINES).resolve())
    files = [f"{root}/{path}" for path, (a, b) in _files(lake, version).items() if a <= days[-1] and b >= days[0]]
    try:
        numbers = [(d - date(1970, 1, 1)).days for d in days]
        return by.reduced_span(on.lines(files, zone=lake.time_zone, days=numbers), stamped=stamped)
    except Exception as error:  # an engine has errors of its own kind
        raise on.explained(error) from error


def _spans(days: list[date], step: int) -> Iterator[list[date]]:
    """The days, whole months together while they have no more than `step` days: each span is one commit.

    A month of very many lines is cut, so that memory does not grow with the company.

    Examples
    --------
    >>> days = [date(2025, 12, 30) + timedelta(days=d) for d in range(40)]
    >>> [len(span) for span in _spans(days, 33)], [len(span) for span in _spans(days, 5)]
    ([33, 7], [2, 20, 11, 7])
    """
    span: list[date] = []
    for _, month in groupby(days, key=lambda d: (d.year, d.month)):
        more = list(month)
        if span and len(span) + len(more) > step:
            yield span
            span = []
        span += more
        while len(span) > STEPS_OF_COMMIT * step:
            yield span[: STEPS_OF_COMMIT * step]
            span = span[STEPS_OF_COMMIT * step :]
    if span:
        yield span


def _days_at_once(lake: Lake, version: int, lines: int) -> int:
    """Days of no more than about so many lines in the fullest month, so that memory does not grow with the company."""
    adds = pl.DataFrame(delta.opened(lake.table_path(LINES), at=version).get_add_actions(flatten=True))
    month = f"partition.{MONTH}"
    if adds.is_empty() or "num_records" not in adds.columns:
        return 1
    told = touched(lake, None, version)
    if month not in adds.columns:  # files of no month: those of the average day
        return max(1, int(lines * len(told) / max(int(adds["num_records"].sum()), 1)))
    days = Counter(f"{day:%Y-%m}" for day in told)
    rows = adds.group_by(month).agg(pl.col("num_records").sum()).iter_rows()
    return max(1, int(lines / max(max(count, 1) / max(days[when], 1) for when, count in rows)))


def touched(lake: Lake, before: int | None, after: int) -> list[date]:
    """Days with lines in files that came or went between two versions of the lines, from the log alone; sorted."""
    new = _files(lake, after)
    old = {} if before is None else _files(lake, before)
    spans = {span for path, span in (new.items() ^ old.items())}
    return sorted({first + timedelta(days=d) for first, last in spans for d in range((last - first).days + 1)})


def verify(lake: Lake, *, by: Reducer, most: int = 3) -> list[tuple[str, bool, str, str]]:
    """Compare the newest reductions with the lines on a few days: name, whether equal, found, expected.

    The first, the last and the largest days are looked at, and the sums of all.
    """
    known = entries(lake)
    if not known:
        return []
    built = known[-1]
    if built.form != form(lake, by=by):
        return [(name, True, "of another form: made anew before it is read", "-") for name in by.COLUMNS]
    try:
        return [_verified(lake, built, name, by=by, most=most) for name in by.COLUMNS]
    except (LakeError, OSError, pl.exceptions.PolarsError, KeyError) as error:
        return [("reductions", False, str(error).splitlines()[0][:120], "reductions that can be read")]


def _verified(lake: Lake, built: Built, name: str, *, by: Reducer, most: int) -> tuple[str, bool, str, str]:
    lines = lake.table(LINES, version=built.lines)
    whole = lines.select(pl.len().cast(pl.Int64).alias("n"), pl.col("net_minor").sum()).collect(engine="streaming")
    sums = scan(lake, built, name).select(pl.col("lines").sum().alias("n"), pl.col("net_minor").sum())
    found, expected = sums.collect(engine="streaming").row(0), whole.row(0)
    counts = lines.group_by("day").agg(pl.len().alias("n")).collect(engine="streaming").sort("n", "day")
    days = {*counts.tail(most - 2)["day"], *(counts.sort("day")["day"][[0, -1]] if counts.height else [])}
    inside = lines.filter(pl.col("day").is_in(sorted(days)))
    made = by.reduced_span(inside, stamped=lake.ingests(LINES)["at"].to_list())[name]
    number = [(d - date(1970, 1, 1)).days for d in days]
    kept = by.typed(name, scan(lake, built, name).filter(pl.col("day_n").is_in(number)).collect())
    same = found == expected and kept.equals(made)
    return (name, same, f"{found[0]} lines, {kept.height} cells of {len(days)} days", f"{expected[0]}, {made.height}")


def _files(lake: Lake, version: int) -> dict[str, tuple[date, date]]:
    """First and last day of every file of a version of the lines."""
    adds = pl.DataFrame(delta.opened(lake.table_path(LINES), at=version).get_add_actions(flatten=True))
    if adds.is_empty():
        return {}
    if not {"min.day", "max.day"} <= set(adds.columns):
        first, last = (
            lake.table(LINES, version=version).select(a=pl.col("day").min(), b=pl.col("day").max()).collect().row(0)
        )
        return dict.fromkeys(adds["path"].to_list(), (first, last))
    return {path: (first, last) for path, first, last in adds.select("path", "min.day", "max.day").iter_rows()}


def _take_back(lake: Lake, last: Built | None, *, by: Reducer) -> None:
    """Undo what an unfinished run wrote: each reduction as it was when it was last whole."""
    for name in by.COLUMNS:
        path = lake.path / FOLDER / name
        if not delta.exists(path):
            continue
        if last is None:
            delta.opened(path).delete()
        elif delta.version(path) != last.versions[name]:
            delta.opened(path).restore(last.versions[name])


def _write(path: Path, frame: pl.DataFrame, *, days: list[date]) -> None:
    day = frame["day_n"].cast(pl.Date)
    rows = frame.with_columns(day.alias("day"), month_of(day))
    if delta.exists(path) and any(a <= days[-1] and b >= days[0] for a, b in _spanned(path)):
        delta.overwrite(path, rows, batch=delta.Batch(""), description="{}", days=days)
    else:
        delta.append(path, rows, batch=delta.Batch(""), partition=MONTH, description="{}")


def _spanned(path: Path) -> list[tuple[date, date]]:
    """First and last day of every file of a reduction; all days where a file does not say."""
    adds = pl.DataFrame(delta.opened(path).get_add_actions(flatten=True))
    if adds.is_empty() or not {"min.day", "max.day"} <= set(adds.columns):
        return [(date.min, date.max)] * adds.height
    return adds.select(pl.col("min.day").fill_null(date.min), pl.col("max.day").fill_null(date.max)).rows()


def remember(lake: Lake, built: Built) -> None:
    """Write the entry of a version: from now on it is read."""
    path = lake.path / FOLDER / BUILT
    kept = [asdict(b) for b in [*entries(lake), built][-KEEP:]]
    draft = path.with_name(f".{BUILT}.{os.getpid()}")
    with delta.lake_errors(path):
        with draft.open("w", encoding="utf-8") as file:
            json.dump(kept, file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)


@contextmanager
def pen(lake: Lake) -> Iterator[None]:
    """The pen for reductions: an ingest need not wait for it."""
    folder = lake.path / FOLDER
    with delta.lake_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        pen = (folder / ".lock").open("w", encoding="ascii")
    with pen:
        try:
            fcntl.flock(pen, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LakeError("lake.locked", values={"path": str(folder)}) from None
        yield
