"""Errors a user can act on: what was given, what was expected, how to mend it.

Every error carries a code and plain values; the English text is built here, the Chinese one from `crmlib.kit.words`
(keys `error.<code>.given`, `.expected`, `.mend`) by `report` and `cli`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

MAX_EXAMPLES = 5


class CrmError(Exception):
    """Base of all errors meant for a user: three parts, a code, values and at most five masked examples.

    Parameters
    ----------
    code : stable machine name, e.g. ``"ingest.missing_column"``.
    given, expected, mend : one short English sentence each.
    values : plain numbers and names that the sentences use, for the Chinese text and for tests.
    examples : keys of offending rows, already masked (see `mask`); at most five are kept.

    Examples
    --------
    >>> print(CrmError("demo.empty", given="table 'x', 0 rows", expected="at least 1 row", mend="check the export"))
    given: table 'x', 0 rows
    expected: at least 1 row
    mend: check the export
    """

    def __init__(
        self,
        code: str,
        *,
        given: str,
        expected: str,
        mend: str,
        values: Mapping[str, object] | None = None,
        examples: Iterable[str] = (),
    ) -> None:
        self.code = code
        self.given = given
        self.expected = expected
        self.mend = mend
        self.values: dict[str, object] = dict(values or {})
        self.examples: tuple[str, ...] = tuple(examples)[:MAX_EXAMPLES]
        super().__init__(str(self))

    def __str__(self) -> str:
        shown = f"; for example {', '.join(self.examples)}" if self.examples else ""
        return f"given: {self.given}{shown}\nexpected: {self.expected}\nmend: {self.mend}"

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.code, self.given, self.expected, self.mend, self.values, self.examples))


def _rebuild(  # noqa: PLR0917
    kind: type[CrmError],
    code: str,
    given: str,
    expected: str,
    mend: str,
    values: dict[str, object],
    examples: tuple[str, ...],
) -> CrmError:
    return kind(code, given=given, expected=expected, mend=mend, values=values, examples=examples)


class SourceError(CrmError):
    """A file, folder, mapping or database could not be used as a source."""


class ContractError(CrmError):
    """A table breaks its contract: missing columns, wrong types, rows breaking a rule."""


class LakeError(CrmError):
    """The lake is missing, locked, full or damaged."""


class ParameterError(CrmError):
    """A parameter has an unknown name or a value out of its range."""


class ModelError(CrmError):
    """A model refuses its input, or a fit did not succeed."""


class RunError(CrmError):
    """A report run could not start or finish."""


def check_choice(value: object, known: Iterable[str], *, name: str) -> None:
    """Refuse an option that is none of the known ones (`frame.choice`), before it silently means another.

    Examples
    --------
    >>> check_choice("down", ["down", "up"], name="ties")
    """
    names = tuple(known)
    if value not in names:
        raise ParameterError(
            "frame.choice",
            given=f"{name} = {value!r}",
            expected=f"one of {', '.join(names)}",
            mend="choose one of these",
            values={"name": name, "given": str(value)[:40], "known": ", ".join(names)},
        )


def mask(key: object) -> str:
    """Shorten a key for messages: enough to find it again in the source, too little to identify a person.

    Examples
    --------
    >>> mask("13800138000"), mask("A7"), mask(None)
    ('138…00', 'A…', 'null')
    """
    if key is None:
        return "null"
    text = str(key)
    return f"{text[:3]}…{text[-2:]}" if len(text) > 6 else f"{text[:1]}…"
