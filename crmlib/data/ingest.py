"""From files to the lake: read, map, set apart, check, commit; every row accounted for.

Order and terms: docs/ingest.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from crmlib.core.errors import CrmError
from crmlib.data import gone, lookups, pieces, sourcefile, watermark
from crmlib.data.judge import latest, mapping, refusals, resolve
from crmlib.data.judge.mapping import EXCLUDED, PAGE, RULE
from crmlib.data.judge.resolve import KIND, PART, QUARANTINED
from crmlib.data.lake import delta, store
from crmlib.data.lake.held import Held
from crmlib.data.lake.lake import Lake
from crmlib.data.read import database, files, proposals, readers
from crmlib.data.read.files import InputFile
from crmlib.data.read.raw import RawPart
from crmlib.data.read.records import LINE
from crmlib.data.result import TERMS, IngestResult, total
from crmlib.data.sources import Source
from crmlib.data.task import Task, facts, nothing_new, record

Progress = Callable[[str, int, int], None]
"""Called with the step's name, what is done and the total."""

Tell = Callable[[str, IngestResult | CrmError], None]
"""Called with a source's name and its result, or why it failed."""

ANSWER_PIECES = 64
"""How large a query's answer will be is not known beforehand; small pieces are judged together."""
PER_BYTE = 4
"""Memory of a row's cells for each byte of its text, about."""
BUILT_IN = Path(__file__).with_name("cdnow.yml")


def ingest(
    source: str,
    *,
    sources: str | Path | None = None,
    lake: Lake,
    now: datetime,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> IngestResult:
    """Read one source into the lake, in one transaction (files of very many lines in several, one after another).

    Parameters
    ----------
    source : name of an entry of the sources file; `cdnow` needs no file.
    sources : the sources file.
    lake : where the rows go.
    now : the time of ingest, with its zone.
    root : folder that `files` are relative to; by default that of the sources file.
    progress : hook for a progress bar.

    Raises
    ------
    SourceError, ContractError, LakeError
        If nothing can be stored; the lake is then as it was.
    """
    path = Path(sources) if sources is not None else BUILT_IN
    entries = _entries(source, path)
    folder = Path(root) if root is not None else path.parent
    entry = lookups.resolved(sourcefile.pick(entries, source, path=path), entries, root=folder)
    return _ingest(source, entry, root=folder, lake=lake, now=now, report=progress)


def _entries(name: str, path: Path) -> dict[str, Source]:
    """The sources of the file, and the built-in one if it is meant and the file does not name it itself."""
    built_in = sourcefile.load(BUILT_IN)
    if name in built_in and not path.is_file():
        return built_in
    named = sourcefile.load(path)
    return {**built_in, **named} if name in built_in else named


def ingest_all(
    sources: str | Path,
    *,
    lake: Lake,
    now: datetime,
    root: str | Path | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> list[IngestResult]:
    """Read every source of a sources file, in its order, each in its own transaction; go on after a bad one.

    Parameters
    ----------
    tell : called after every source with its name and its result, or the reason why it could not be stored.

    Raises
    ------
    SourceError
        `ingest.some_failed` at the end, from the first reason, if any source failed; the others are stored then.
    """
    path = Path(sources)
    folder = Path(root) if root is not None else path.parent
    results: list[IngestResult] = []
    failed: dict[str, CrmError] = {}
    entries = sourcefile.load(path)
    for name, entry in entries.items():
        try:
            full = lookups.resolved(entry, entries, root=folder)
            found: IngestResult | CrmError = _ingest(name, full, root=folder, lake=lake, now=now, report=progress)
        except CrmError as error:
            found = error
        if isinstance(found, CrmError):
            failed[name] = found
        else:
            results.append(found)
        if tell is not None:
            tell(name, found)
    if failed:
        refusals.some_failed(failed, stored=[r.source for r in results])
    return results


def _ingest(
    name: str, source: Source, *, root: Path, lake: Lake, now: datetime, report: Progress | None
) -> IngestResult:
    with lake.writing():
        task = _task(name, source, root, lake, now)
        since = watermark.since(source, name=name, lake=lake, now=now)
        task = replace(task, source=watermark.asked(source, since))
        if not task.inputs:
            return _swept(task, nothing_new(task, lake), lake, since=since)
        if not source.database:
            pieces.check_room(task.inputs, source, limit=files.BATCH_BYTES, folder=lake.path)
        groups = iter([task.inputs]) if source.repeat_of or source.database else files.batches(task.inputs)
        results: list[IngestResult] = []
        if source.contract.dated and "day" in source.contract.columns:
            held = Held("receipt_id", source=name) if task.by_receipt else Held(source.contract.key[0])
            task = replace(task, held=held)
        for group in groups:
            before = results[-1].batch if results else task.before
            with refusals.explained(name), proposals.offered(source, group):
                results += _stored(replace(task, inputs=group, before=before), lake, report or _silent)
        return _swept(replace(task, before=results[-1].batch), total(results), lake, since=since)


def _swept(task: Task, result: IngestResult, lake: Lake, *, since: date | None) -> IngestResult:
    """The result with what the source no longer has: told, kept for the page, taken out where the source says so."""
    asked = gone.Asked(task.again, task.absent, since, query=task.source.database is not None)
    rows, told = gone.compare(lake, task.source, task.name, reading=task.reading, asked=asked, now=task.now)
    withdrawn = 0
    if task.source.gone == "withdraw" and rows.height:
        batch = replace(task, piece="gone")
        said = record(batch, replace(nothing_new(task, lake), withdrawn=rows.height)) | {"files": {}}
        done = delta.Batch(batch.batch, said)
        if gone.withdraw(lake, task.source, rows, batch=done, facts=facts(task)):
            told, withdrawn = told.filter(pl.col("kind") != "rows"), rows.height
    read = [f"{task.name}.query"] if task.source.database else list(task.reading.unknown)
    gone.note(lake, task.name, told, read=read)
    return replace(result, gone=told, withdrawn=result.withdrawn + withdrawn)


def _stored(task: Task, lake: Lake, report: Progress) -> list[IngestResult]:
    """One batch of the task's files, or one for each piece of a file or an answer that is too large."""
    source, count = task.source, 1
    if source.database:
        count = ANSWER_PIECES
    elif len(task.inputs) == 1:
        count = pieces.count(task.inputs[0], source, limit=files.BATCH_BYTES)
    if count == 1:
        return [_store(task, _raw_parts(task, report), lake, report)]
    path = lake.table_path(task.source.table)
    seen = delta.version(path) if delta.exists(path) else -1
    results: list[IngestResult] = []
    asked = source.database is not None
    file = task.inputs[0]
    packed = asked or not pieces.loose(file.name, files.text_size(file.path), pieces=count, folder=lake.path)
    with lake.scratch() as folder:
        stretches = database.parts(source, name=task.name) if asked else pieces.of_file(file, source)
        stretches = (latest.one_each(stretch, source) for stretch in stretches)
        room = PER_BYTE * files.BATCH_BYTES if asked else 0
        for part in pieces.divided(stretches, source, pieces=count, folder=folder, room=room, packed=packed):
            report("read", len(results), count)
            before = results[-1].batch if results else task.before
            last = not any(folder.iterdir())
            one = replace(task, piece=f"{len(results)}/{count}", last=last, seen=seen, before=before)
            results.append(_store(one, iter([part]), lake, report))
    if not results and source.may_be_empty:
        return [nothing_new(task, lake)]
    if not results:
        refusals.empty([], [file.name for file in task.inputs])
    return results


def _store(task: Task, raw: Iterator[RawPart], lake: Lake, report: Progress) -> IngestResult:
    """One batch: read, judge, commit."""
    frames, parts = _read(task, raw)
    verdict = _judged(task, frames, parts, lake, report)
    result = _result(task, verdict, parts)
    refusals.worthless(result, verdict.apart)
    _check_limit(task, result, verdict, parts)
    report("store", 0, 1)
    table = task.source.table
    apart = store.set_apart_rows(verdict.apart, parts, batch=task.batch, source=task.name, table=table, now=task.now)
    batch = delta.Batch(task.batch, record(task, result))
    version = store.commit(lake, task.source.contract, verdict, apart, batch=batch, facts=facts(task))
    if task.held is not None and verdict.remove.is_empty():
        task.held.wrote(verdict.store, version=version)
    report("store", 1, 1)
    return replace(result, version=version)


def _check_limit(task: Task, result: IngestResult, verdict: resolve.Verdict, parts: list[RawPart]) -> None:
    """Refuse a batch with too many bad rows; of a file in pieces the first speaks for all: keys fall by chance."""
    number, _, count = task.piece.partition("/")
    if number not in {"", "0"}:
        return
    torn = sum(part.torn.height for part in parts) if count else 0  # those of the whole file
    elsewhere = torn - torn // int(count or 1)
    refusals.over_limit(result, verdict.apart, limit=task.source.quarantine_limit, torn=elsewhere)


def _silent(step: str, done: int, total: int) -> None:
    """No progress wanted."""


def _task(name: str, source: Source, root: Path, lake: Lake, now: datetime) -> Task:
    """Find the files, leave out those whose content is stored already, and settle the currency."""
    found = _inputs(name, source, root, now)
    digest = hashlib.sha256(f"{name}\n{source.fingerprint()}".encode()).hexdigest()[:16]
    path = lake.table_path(source.table)
    records = [r for r in (delta.history(path) if delta.exists(path) else []) if r.get("mapping") == digest]
    last = {name: content for r in records for name, content in r["files"].items()}  # oldest first: the newest stays
    if source.numbered and source.contract.event is None:
        refusals.numbered(source.numbered[0], sorted({f.name for f in found} | set(last)))
    return Task(
        name=name,
        source=source,
        inputs=tuple(f for f in found if last.get(f.name) != f.digest),
        again=frozenset(f.name for f in found if last.get(f.name, f.digest) != f.digest),
        absent=frozenset() if source.database else frozenset(last) - {f.name for f in found},
        known=tuple(f for f in found if last.get(f.name) == f.digest),
        mapping=digest,
        before=records[-1]["batch"] if records else "",
        currency=_currency(name, source, lake),
        now=now,
    )


def _inputs(name: str, source: Source, root: Path, now: datetime) -> list[InputFile]:
    """The source's files; the answer to a query is new every time."""
    if source.database:
        return [InputFile(Path(), f"{name}.query", hashlib.sha256(now.isoformat().encode()).hexdigest())]
    return files.built_in(source) if source.reader else files.find(source, root=root)


def _currency(name: str, source: Source, lake: Lake) -> str | None:
    """The lake's currency, or the source's own for the first money in it."""
    if not any("_minor" in column for column in source.columns):
        return None
    settled = lake.settled_currency
    wanted = source.currency or settled or "CNY"
    refusals.mixed_currency(name, wanted, settled)
    return wanted


def _raw_parts(task: Task, report: Progress) -> Iterator[RawPart]:
    """The files and sheets of the task in order."""
    for number, file in enumerate(task.inputs):
        report("read", number, len(task.inputs))
        yield from readers.read(file.path, source=task.source, name=file.name)
    report("read", len(task.inputs), len(task.inputs))


def _read(task: Task, raw: Iterator[RawPart]) -> tuple[list[pl.DataFrame], list[RawPart]]:
    """The typed rows of all parts in order, and what is left of them to find raw texts again."""
    frames: list[pl.DataFrame] = []
    parts: list[RawPart] = []
    for part in (latest.one_each(part, task.source) for part in raw):
        if part.columns or part.read:
            rows = mapping.typed(part, task.source, name=task.name, currency=task.currency or "", now=task.now)
            frames.append(rows.with_columns(pl.lit(len(parts), dtype=pl.Int32).alias(PART)))
        parts.append(part.slim())
    refusals.empty(parts, [file.name for file in task.inputs])
    return frames, parts


def _judged(
    task: Task, frames: list[pl.DataFrame], parts: list[RawPart], lake: Lake, report: Progress
) -> resolve.Verdict:
    """Every row with what becomes of it; `frames` is emptied, so that a batch does not stand in memory twice."""
    source, contract = task.source, task.source.contract
    report("check", 0, 2)
    by_receipt = task.by_receipt
    frame = _paged(pl.concat(frames), source)
    frames.clear()
    frame = resolve.with_keys(frame, contract, name=task.name, numbered=not by_receipt)
    task.reading.add(frame, parts, contract, keys=bool(task.again or source.database))
    frame = resolve.first_verdicts(frame, contract)
    report("check", 1, 2)
    asked = {*contract.key, contract.event, "receipt_id", "day", "store_id"}.intersection(contract.columns)
    open_rows = frame.select(*asked, KIND).filter(pl.col(KIND).is_null())
    old = store.known_rows(
        lake, contract, open_rows, by_receipt=by_receipt, name=task.name, version=task.seen, held=task.held
    )
    if by_receipt and not source.receipts_may_move:
        refusals.reused_receipts(task.name, open_rows, old)
    if source.numbered:
        refusals.renumbered(source.numbered[0], open_rows, old, contract)
    torn_in = [part.file for part in parts if part.torn.height or part.damaged]
    places = frame.select(PART, "src_file").filter(pl.col(PART).ne_missing(pl.col(PART).shift()))
    whole = set(places.filter(~pl.col("src_file").is_in(torn_in))[PART].to_list())
    frames.append(frame)
    del frame, open_rows
    verdict = resolve.resolve(frames.pop(), old, contract, whole_parts=whole)
    torn = [_torn(part, source, verdict.apart.schema) for part in parts if part.torn.height]
    report("check", 2, 2)
    if not torn:
        return verdict
    aside = pl.concat([verdict.apart, *torn])
    kinds = dict(aside.group_by(KIND).len().iter_rows())
    return replace(verdict, apart=aside, counts={**verdict.counts, **kinds})


def _paged(frame: pl.DataFrame, source: Source) -> pl.DataFrame:
    """PART: files and sheets are numbered already; pages within them get numbers of their own."""
    if not source.part:
        return frame.drop(PAGE)
    pages = frame.select(PART, PAGE).unique(maintain_order=True).with_row_index("__page_number")
    joined = frame.join(pages, on=[PART, PAGE], how="left", nulls_equal=True, maintain_order="left")
    return joined.with_columns(pl.col("__page_number").cast(pl.Int32).alias(PART)).drop(PAGE, "__page_number")


def _torn(part: RawPart, source: Source, schema: pl.Schema) -> pl.DataFrame:
    """Torn lines as judged rows: quarantined, or excluded where a rule names their text."""
    named = part.torn.with_columns(mapping.excluded_lines(part.torn, source))
    hit = pl.col(EXCLUDED).is_not_null()
    known = named.select(
        pl.lit(part.file).alias("src_file"),
        pl.col(LINE).alias("src_line"),
        pl.when(hit).then(pl.lit("excluded")).otherwise(pl.lit(QUARANTINED)).alias(KIND),
        pl.when(hit).then(EXCLUDED).otherwise("rule").alias(RULE),
        pl.when(~hit).then("rule").alias("__rules"),
    )
    rest = {c: d for c, d in schema.items() if c not in known.columns}
    return known.with_columns(pl.lit(None, dtype=d).alias(c) for c, d in rest.items()).select(schema.names())


def _result(task: Task, verdict: resolve.Verdict, parts: list[RawPart]) -> IngestResult:
    return IngestResult(
        source=task.name,
        table=task.source.table,
        batch=task.batch,
        at=task.now.astimezone(UTC),
        version=-1,
        currency=task.currency,
        read=sum(part.read for part in parts),
        **{term: verdict.counts.get(term, 0) for term in TERMS},
        withdrawn=verdict.withdrawn,
        files=tuple(f.name for f in task.inputs if task.last),
        known_files=tuple(f.name for f in task.known),
        rules=resolve.rules_of(verdict.apart),
        read_as=tuple((p.file, p.encoding, p.common) for p in parts if p.encoding not in {"", "utf-8"}),
        gone=pl.DataFrame(),
    )
