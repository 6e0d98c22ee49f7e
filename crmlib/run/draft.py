"""The draft of a sources file as text: an entry per file, a comment per line that says why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from crmlib.core.errors import SourceError, check_choice
from crmlib.data import draft as drafts
from crmlib.data.draft import Draft
from crmlib.data.draft.columns import TABLES
from crmlib.kit.words import Words

Say = Callable[[str], None]
PLAIN = re.compile(r"^[^\W\d][\w. ]*$")
RESERVED = frozenset({"null", "~", "true", "false", "yes", "no", "on", "off"})


def write(
    files: Sequence[Path], *, table: str | None, out: Path, agreed: Callable[[str], bool], say: Say, words: Words
) -> bool:
    """Draft the files' entries, show them, and write them to `out` if that is agreed; whether all are ready to run.

    Raises
    ------
    SourceError
        `draft.exists` if `out` is there, and what looking at a file raises.
    ParameterError
        `frame.choice` for a table that no draft is made for.
    """
    if table is not None:
        check_choice(table, TABLES, name="--table")
    if out.exists():
        raise SourceError("draft.exists", values={"path": out})
    found = drafts.draft(files, table=table)
    made = text(found, folder=out.resolve().parent, words=words)
    say(made.rstrip())
    if agreed(words("draft.ask")):
        out.write_text(made, encoding="utf-8")
        say(words("draft.written", path=out))
    for one in found:
        if not one.ready:
            say(words("draft.unready", name=one.name, count=len(one.mapped.missing)))
    return all(one.ready for one in found)


def text(found: Sequence[Draft], *, folder: Path, words: Words) -> str:
    """The sources file, ready to run where every required column was found; paths are relative to `folder`."""
    parts = [f"# {words('draft.head')}"]
    parts += ["\n".join(_entry(one, folder, words)) for one in found]
    lacks = {report: columns for report, columns in drafts.lacking(found).items() if columns}
    for report, columns in lacks.items():
        named = ", ".join(words.column(c) for c in columns)
        parts.append(f"# {words('draft.lacking', report=report, columns=named)}")
    return "\n".join(parts) + "\n"


def _entry(one: Draft, folder: Path, words: Words) -> list[str]:
    seen = one.seen
    path = seen.path.resolve()
    shown = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
    lines = [f"{one.name}:", f"  table: {one.mapped.table}", f"  files: {_yaml(shown)}"]

    def say(setting: str, why: str, **values: object) -> None:
        lines.append(f"  {setting}  # {words(f'draft.why.{why}', **values)}")

    if seen.encoding not in {"", "utf-8"}:
        share = f"{seen.common:.0%}" if seen.common is not None else "100%"
        say(f"encoding: {'utf-16' if seen.encoding.startswith('utf-16') else seen.encoding}", "encoding", share=share)
    if seen.delimiter:
        say(f"delimiter: {json.dumps(seen.delimiter)}", "delimiter")
    if seen.header > 1:
        say(f"header: {seen.header}", "header", lines=seen.header - 1)
    elif seen.header < 0:
        say("header: none", "no_header")
    if seen.sheets > 1:
        say(f"sheets: [{_yaml(seen.sheet)}]", "sheet", sheets=seen.sheets)
    if one.mapped.decimal != ".":
        say('decimal: ","', "decimal")
    if one.mapped.table == "receipt_lines":
        say("known_at: {lag_days: 0}", "known_at")
    lines.append("  columns:" if one.mapped.lines else "  columns: {}")
    for line in one.mapped.lines:
        why = words(f"draft.why.{line.why}", **line.values)
        lines.append(f"    {line.column}: {_yaml(line.made)}  # {why}")
    lines += [f"    # {words('draft.missing', column=words.column(c))}: {c}" for c in one.mapped.missing]
    lines += [f"    # {words(f'draft.open.{reason}', head=head)}" for reason, head in one.mapped.open_]
    if not seen.whole:
        lines.append(f"  # {words('draft.sampled', rows=seen.rows.height)}")
    return lines


def _yaml(value: Any) -> str:
    """A value in flow style; texts that are more than a word stand in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, int):
        return str(value)
    if value == "null":
        return "null"
    bare = PLAIN.match(value) and value.lower() not in RESERVED
    return str(value) if bare else json.dumps(value, ensure_ascii=False)
