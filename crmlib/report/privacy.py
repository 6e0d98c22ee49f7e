"""Names and phones never leave the report layer: what was found in them is looked through before it is handed out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass

import polars as pl

from crmlib.core.errors import LakeError

PERSONAL = "people"
"""The table of names and phones."""
_NOT_PERSONAL = ("customer_id", "known_at", "src_name", "src_file", "src_line")
_PLAIN = (int, float, bool, type(None))


def personal(table: str, *, report: str) -> LakeError:
    """The refusal of what would show names and phones."""
    return LakeError("report.personal", values={"table": table, "report": report})


def check_impersonal(found: object, people: pl.DataFrame, *, report: str) -> None:
    """Refuse `found` if a text in it holds a value of `people` other than an id.

    Parameters
    ----------
    found : a frame, a number, or a dataclass of them.
    people : the table it was made from.

    Raises
    ------
    LakeError
        `report.personal`.

    Examples
    --------
    >>> people = pl.DataFrame({"customer_id": ["1", "2"], "name": ["Li Na", "Wu Bo"]})
    >>> check_impersonal(pl.DataFrame({"keep_id": ["1"], "reason": ["name"]}), people, report="demo")
    >>> check_impersonal(pl.DataFrame({"who": ["Li Na"]}), people, report="demo")
    Traceback (most recent call last):
    crmlib.core.errors.LakeError: ...
    """
    held = [name for name in people.columns if name not in _NOT_PERSONAL]
    for part in _parts(found, report=report):
        for name, kind in part.schema.items():
            if kind.is_nested() or kind == pl.Object:
                raise personal(PERSONAL, report=report)
            if not kind.is_numeric() and _holds(people, held, part[name].cast(pl.String)):
                raise personal(PERSONAL, report=report)


def _holds(people: pl.DataFrame, columns: list[str], values: pl.Series) -> bool:
    """Whether one of the texts stands in a column of `people`, and is no id; the many are looked up in the few."""
    texts = values.drop_nulls().unique()
    ids = people["customer_id"].cast(pl.String)
    known = ids.filter(ids.is_in(texts.implode()))
    left = texts.filter(~texts.is_in(known.implode()) & ~texts.is_in(people.columns))  # a repeated header is nobody
    return bool(len(left)) and any(people[c].cast(pl.String).is_in(left.implode()).any() for c in columns)


def _parts(found: object, *, report: str) -> Iterator[pl.DataFrame]:
    """The frames of `found`; nothing but frames and numbers may be there."""
    if isinstance(found, pl.DataFrame):
        yield found
    elif is_dataclass(found) and not isinstance(found, type):
        for one in fields(found):
            yield from _parts(getattr(found, one.name), report=report)
    elif not isinstance(found, _PLAIN):
        raise personal(PERSONAL, report=report)
