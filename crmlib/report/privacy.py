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
    columns = [people[name].cast(pl.String) for name in people.columns if name not in _NOT_PERSONAL]
    secret = pl.concat([pl.Series([], dtype=pl.String), *(c.rename("") for c in columns)]).drop_nulls().unique()
    secret = secret.filter(~secret.is_in(people.columns))  # a repeated header row is nobody
    for part in _parts(found, report=report):
        for name, kind in part.schema.items():
            values = part[name]
            if kind.is_nested() or kind == pl.Object:
                raise personal(PERSONAL, report=report)
            texts = secret.clear() if kind.is_numeric() else values.cast(pl.String).unique()
            if (texts.is_in(secret.implode()) & ~texts.is_in(people["customer_id"].implode())).any():
                raise personal(PERSONAL, report=report)


def _parts(found: object, *, report: str) -> Iterator[pl.DataFrame]:
    """The frames of `found`; nothing but frames and numbers may be there."""
    if isinstance(found, pl.DataFrame):
        yield found
    elif is_dataclass(found) and not isinstance(found, type):
        for one in fields(found):
            yield from _parts(getattr(found, one.name), report=report)
    elif not isinstance(found, _PLAIN):
        raise personal(PERSONAL, report=report)
