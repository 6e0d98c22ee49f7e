"""The draft of a sources file as text: an entry per file, a comment per line that says why."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

from rich.console import Console
from rich.prompt import Prompt
from rich.table import Table
from rich.text import Text

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import SourceError, check_choice
from crmlib.data import draft as drafts
from crmlib.data.draft import Draft, Said
from crmlib.data.draft.times import orders
from crmlib.data.draft.vocabulary import TABLES
from crmlib.data.sources import ENCODINGS, Encoding
from crmlib.kit.words import Words

Say = Callable[[str], None]
Ask = Callable[[str, Sequence[str]], str | None]
"""A question and its choices; the choice taken, or nothing."""
PLAIN = re.compile(r"^[^\W\d][\w. ]*$")
CHINESE = re.compile(r"[\u4e00-\u9fff]")
CURRENCIES = ("CNY", "USD", "EUR", "GBP", "JPY", "HKD", "TWD", "SGD", "KRW", "AUD", "CAD", "INR", "BRL", "CHF")
RESERVED = frozenset({"null", "~", "true", "false", "yes", "no", "on", "off"})


def laid(encoding: str, delimiter: str, header: str, sheet: str) -> Said:
    """What a person says on the command line of how the files are laid out; an empty text says nothing.

    Raises
    ------
    ParameterError
        `frame.choice` for an encoding or a line of names that there is none of.
    SourceError
        `sources.delimiter` for one of several characters.
    """
    read_as = ENCODINGS.get(encoding.lower(), encoding.lower()) or "auto"
    check_choice(read_as, get_args(Encoding), name="--encoding")
    between = delimiter.replace("\\t", "\t") or "auto"
    if len(between) > 1 and between not in {"auto", "spaces"}:
        raise SourceError("sources.delimiter", values={"place": "--delimiter", "value": delimiter[:20]})
    if header not in {"", "none"} and not (header.isdecimal() and int(header)):
        check_choice(header, ("1", "2", "3", "…", "none"), name="--header")
    return Said(read_as, between, 0 if header == "none" else int(header) if header else None, sheet)


def write(
    files: Sequence[Path],
    *,
    table: str | None,
    out: Path,
    ask: Ask | None,
    say: Say,
    words: Words,
    said: Said = drafts.NOTHING,
) -> bool:
    """Draft the files' entries, ask what is open, show them, and write them to `out`; whether all are ready to run.

    Parameters
    ----------
    ask : puts a question with its choices and gives the one taken, or nothing; None asks nothing and writes.

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
    found = drafts.draft(files, table=table, said=said)
    if ask is not None:
        found = [_asked(one, ask, words) for one in found]
    made = text(found, folder=out.resolve().parent, words=words)
    say(made.rstrip())
    if ask is None or ask(words("draft.ask"), (words("draft.yes"), words("draft.no"))) == words("draft.yes"):
        out.write_text(made, encoding="utf-8")
        say(words("draft.written", path=out))
    for one in found:
        if not one.ready:
            say(words("draft.unready", name=one.name, count=len(one.mapped.missing)))
    return all(one.ready for one in found)


def _asked(one: Draft, ask: Ask, words: Words) -> Draft:
    """The draft with the answers of a person: which column holds what is missing, and whether day or month is first."""
    given, dates = dict[str, str](), dict[str, str]()
    taken = {head for line in one.mapped.lines for head in ([line.made] if isinstance(line.made, str) else [])}
    doubtful = [left.head for left in one.mapped.open_ if left.reason == "day_or_month"]
    for column in one.mapped.missing:
        free = [c for c in one.seen.rows.columns if c not in taken]
        timed = CONTRACTS[one.mapped.table].schema.columns()[column].dtype.is_temporal()
        asked = words("draft.which", file=one.seen.path.name, column=words.column(column))
        head = doubtful[0] if timed and doubtful else ask(asked, free)
        if head is None or head not in one.seen.rows.columns:
            continue
        given[column] = head
        fit = orders(one.seen.rows[head]) if timed else {}
        if len(fit) > 1:
            example = str(one.seen.rows[head].drop_nulls()[0])
            if (order := ask(words("draft.order", head=head, example=example), tuple(fit.values()))) is not None:
                dates[column] = order
    currency = ask(words("draft.which_currency"), CURRENCIES) if _no_currency(one) else None
    return drafts.answered(one, given, dates=dates, currency=currency or "") if given or currency else one


def _no_currency(one: Draft) -> bool:
    """Whether neither the file nor the language of its heads says in which currency it is."""
    sales = one.mapped.table == "receipt_lines"
    return sales and not one.mapped.currency and not any(map(CHINESE.search, one.seen.rows.columns))


def asking(words: Words) -> Ask:
    """Questions on a terminal: the choices numbered, answered by a number or by nothing."""
    console = Console()

    def ask(question: str, choices: Sequence[str]) -> str | None:
        table = Table(show_header=False, box=None)
        for number, choice in enumerate(choices, 1):
            table.add_row(str(number), choice)
        console.print(Text(question, style="bold"), table)
        answer = Prompt.ask(words("draft.choose"), default="", show_default=False, console=console)
        return choices[int(answer) - 1] if answer.isdecimal() and 0 < int(answer) <= len(choices) else None

    return ask


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
    seen, found = one.seen, one.mapped
    paths = [_relative(path, folder) for path in one.files]
    lines = [f"{one.name}:", f"  table: {found.table}", f"  files: {_yaml(paths if one.others else paths[0])}"]
    for setting, why in [*_layout(seen, found, words), *_rules(found, words)]:
        lines.append(f"  {setting}  # {why}")
    lines += [f"  # {line}" for line in _to_confirm(one, words)]
    lines.append("  columns:" if found.lines else "  columns: {}")
    for line in found.lines:
        why = words(f"draft.why.{line.why}", **line.values)
        lines.append(f"    {line.column}: {_yaml(line.made)}  # {why}")
    lines += [f"    # {words('draft.missing', column=words.column(c))}: {c}" for c in found.missing]
    for left in found.open_:
        lines.append(f"    # {words(f'draft.open.{left.reason}', head=left.head)}")
        lines += [f"    # {column}: {_yaml(made)}" for column, made in left.lines]
    if not seen.whole:
        lines.append(f"  # {words('draft.sampled', rows=seen.rows.height)}")
    return lines


def _to_confirm(one: Draft, words: Words) -> Iterator[str]:
    """What only a person can say, with what speaks for it: lines to be used by taking the sign away."""
    code, country, share = one.mapped.guess
    if code and _no_currency(one):
        yield f"currency: {code}  # {words('draft.why.country', share=f'{share:.0%}', country=country)}"
    elif _no_currency(one):
        yield words("draft.no_currency")
    column, codes = one.mapped.no_goods
    if codes:
        count = one.seen.rows[column].is_in(list(codes)).sum()
        why = words("draft.why.no_goods", rows=count, of=one.seen.rows.height)
        yield f"exclude: {_yaml({'no_goods': {column: list(codes)}})}  # {why}"
    if one.mapped.latest_by is None and (len(one.seen.alike) > 1 or one.others):
        keys = [c for line in one.mapped.lines if line.column in REPEATED for c in _columns_of(line.made)]
        yield f"repeat_of: {_yaml(list(dict.fromkeys(keys)))}  # {words('draft.why.repeat_of')}"


REPEATED = ("receipt_id", "product_id", "sold_at", "quantity_milli", "net_minor", "customer_id")
"""What makes two rows of two sheets or files the same row."""


def _columns_of(made: Any) -> list[str]:
    if isinstance(made, str):
        return [made]
    found = [made.get(verb) for verb in ("from", "product")] if isinstance(made, dict) else []
    return [
        name for part in found if part for name in ([part] if isinstance(part, str) else part) if isinstance(name, str)
    ]


def _relative(path: Path, folder: Path) -> str:
    whole = path.resolve()
    return whole.relative_to(folder).as_posix() if whole.is_relative_to(folder) else whole.as_posix()


def _layout(seen: drafts.Look, found: drafts.Mapped, words: Words) -> Iterator[tuple[str, str]]:
    """How the file is laid out: setting and why."""

    def why(key: str, **values: object) -> str:
        return words(f"draft.why.{key}", **values)

    if seen.encoding and seen.said.encoding != "auto":
        yield f"encoding: {seen.said.encoding}", why("by_you")
    elif seen.encoding not in {"", "utf-8"}:
        share = f"{seen.common:.0%}" if seen.common is not None else "100%"
        encoding = "utf-16" if seen.encoding.startswith("utf-16") else seen.encoding
        yield f"encoding: {encoding}", why("encoding", share=share)
    if seen.delimiter:
        said = seen.said.delimiter != "auto"
        yield f"delimiter: {json.dumps(seen.delimiter)}", why("by_you" if said else "delimiter")
    if seen.said.header is not None:
        yield f"header: {seen.said.header or 'none'}", why("by_you")
    elif seen.header > 1:
        yield f"header: {seen.header}", why("header", lines=seen.header - 1)
    elif seen.header < 0:
        yield "header: none", why("no_header")
    if seen.said.sheet:
        yield f"sheets: {_yaml([seen.sheet])}", why("by_you")
    elif seen.sheet and seen.sheets > len(seen.alike):
        key = "sheet" if len(seen.alike) == 1 else "alike"
        yield f"sheets: {_yaml(list(seen.alike))}", why(key, sheets=seen.sheets, count=len(seen.alike))
    if found.decimal != ".":
        yield 'decimal: ","', why("decimal")


def _rules(found: drafts.Mapped, words: Words) -> Iterator[tuple[str, str]]:
    """What holds for all rows: setting and why."""

    def why(key: str, **values: object) -> str:
        return words(f"draft.why.{key}", **values)

    if found.currency:
        yield f"currency: {found.currency}", why("currency")
    if found.clock:
        yield f"clock: {found.clock}", why("clock", system=found.title)
    if found.fill_down:
        yield f"fill_down: {_yaml(list(found.fill_down))}", why("fill_down")
    if found.table == "receipt_lines":
        yield "known_at: {lag_days: 0}", why("known_at")
    if found.latest_by is not None:
        yield f"latest_by: {_yaml(found.latest_by)}", why("latest_by")
    if found.exclude:
        empty = {"empty": "true"}
        rules = {name: {c: list(w) or empty for c, w in rule.items()} for name, rule in found.exclude.items()}
        yield f"exclude: {_yaml(rules)}", why("exclude" if found.latest_by is None else "no_code")


def _yaml(value: Any) -> str:
    """A value in flow style; texts that are more than a word stand in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_yaml(k)}: {_yaml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    if isinstance(value, int):
        return str(value)
    if value == "null":
        return "null"
    bare = PLAIN.match(value) and value.lower() not in RESERVED
    return str(value) if bare else json.dumps(value, ensure_ascii=False)
