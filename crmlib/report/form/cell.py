"""Parameters of an own report, read from the notebook's cell tagged `parameters`: no class to write.

``months: Range(1, 60) = 12  # M | Months`` has a type, a default, a range and words, the Chinese ones before the bar.
Written without an annotation, the type is that of the default. `Range` and `Choice` may be used as annotations as they
are, or inside `Annotated`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, create_model

from crmlib.kit.notebook import Declared, Notebook, broken, declared
from crmlib.kit.words import LANGUAGES, Language
from crmlib.report.form.base import ReportParameters

_TYPES: dict[str, Any] = {"int": int, "float": float, "str": str, "bool": bool, "date": date}
_PLACE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Range:
    """From `low` to `high`, both included: whole numbers if both are.

    Examples
    --------
    >>> months: Range(1, 60) = 12
    """

    low: float
    high: float


@dataclass(frozen=True, slots=True, init=False)
class Choice:
    """One of the given texts, or of the values of a column of the lake: ``Choice("stores.store_id")``.

    Examples
    --------
    >>> Choice("stores.store_id").place, Choice("by_day", "by_week").values
    ('stores.store_id', ('by_day', 'by_week'))
    """

    values: tuple[str, ...]
    place: str

    def __init__(self, *values: str) -> None:
        from_lake = len(values) == 1 and _PLACE.fullmatch(values[0]) is not None
        object.__setattr__(self, "values", () if from_lake else values)
        object.__setattr__(self, "place", values[0] if from_lake else "")


def model_of(notebook: Notebook, *, languages: Sequence[str]) -> type[ReportParameters]:
    """The parameters that a notebook declares, with the day, the language and the region that every report has.

    Parameters
    ----------
    languages : those the report can be made in; asked for in another one it is made in the first.

    Raises
    ------
    ParameterError
        `report.no_parameters`, `report.syntax`, `report.no_value`, `report.no_type`, `report.bad_name`,
        `report.bad_default`, with file, cell and line.
    """
    found = {one.name: one for one in declared(notebook)}
    fields = {name: _field(notebook, one) for name, one in found.items() if name not in ReportParameters.model_fields}
    asked = found.get("language")
    wanted = None if asked is None else _value(notebook, asked)
    fields["language"] = _language(languages, wanted)
    if "as_of" in found:
        fields["as_of"] = (date | None, _value(notebook, found["as_of"]))
    if "region" in found:
        fields["region"] = (str | None, Field(default=_value(notebook, found["region"]), max_length=80))
    title = "".join(part.capitalize() for part in notebook.path.stem.split("_"))
    kind = create_model(title, __base__=ReportParameters, __doc__=notebook.title or title, **fields)  # type: ignore[call-overload]
    _check_defaults(notebook, kind, found)
    return kind  # type: ignore[no-any-return]


def place_of(metadata: Sequence[object]) -> str:
    """The column of the lake whose values a field takes; empty if it is none."""
    return next((rule.place for rule in metadata if isinstance(rule, Choice)), "")


def _language(languages: Sequence[str], wanted: object) -> tuple[Any, Any]:
    def available(value: object) -> object:
        return languages[0] if value in LANGUAGES and value not in languages else value

    default = wanted if wanted in languages else languages[0]
    return Annotated[Language, BeforeValidator(available)], default


def _field(notebook: Notebook, one: Declared) -> tuple[Any, Any]:
    if one.name.startswith(("_", "model_")) or hasattr(BaseModel, one.name):
        raise _wrong(notebook, one, "report.bad_name")
    default = _value(notebook, one)
    kind = _guessed(notebook, one, default) if one.annotation is None else _kind(notebook, one, one.annotation)
    return (_optional(kind) if default is None else kind), default


def _optional(kind: Any) -> Any:
    """The type or none; rules stay outside, where the form reads them."""
    if get_origin(kind) is Annotated:
        inner, *rules = get_args(kind)
        return Annotated[inner | None, *rules]
    return kind | None


def _guessed(notebook: Notebook, one: Declared, default: object) -> Any:
    if default is None:
        return str
    if type(default) in {int, float, str, bool}:
        return type(default)
    raise _wrong(notebook, one, "report.no_value")


def _kind(notebook: Notebook, one: Declared, node: ast.expr) -> Any:
    """The type that an annotation means, with its rules in `Annotated`."""
    kind: Any = None
    match node:
        case ast.Name(id=name) if name in _TYPES:
            kind = _TYPES[name]
        case (
            ast.BinOp(op=ast.BitOr(), left=inner, right=ast.Constant(value=None))
            | ast.BinOp(op=ast.BitOr(), left=ast.Constant(value=None), right=inner)
        ):
            kind = _optional(_kind(notebook, one, inner))
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            kind = _optional(_kind(notebook, one, inner))
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = _literal(notebook, one, inner)
            kind = Literal[values if isinstance(values, tuple) else (values,)]
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[inner, rule])):
            kind = Annotated[_kind(notebook, one, inner), *_rules(_rule(notebook, one, rule))]
        case ast.Call():
            kind = _ruled(_rule(notebook, one, node))
    if kind is None:
        raise _wrong(notebook, one, "report.no_type")
    return kind


def _ruled(rule: Range | Choice) -> Any:
    if isinstance(rule, Choice):
        return Literal[rule.values] if rule.values else Annotated[str, rule]
    whole = isinstance(rule.low, int) and isinstance(rule.high, int)
    return Annotated[int if whole else float, *_rules(rule)]


def _rule(notebook: Notebook, one: Declared, node: ast.expr) -> Range | Choice:
    match node:
        case ast.Call(func=ast.Name(id="Range"), args=[low, high], keywords=[]):
            ends = (_literal(notebook, one, low), _literal(notebook, one, high))
            if all(isinstance(end, int | float) for end in ends):
                return Range(*ends)
        case ast.Call(func=ast.Name(id="Choice"), args=args, keywords=[]) if args:
            return Choice(*(str(_literal(notebook, one, arg)) for arg in args))
    raise _wrong(notebook, one, "report.no_type")


def _rules(rule: Range | Choice) -> tuple[Any, ...]:
    return (Field(ge=rule.low, le=rule.high),) if isinstance(rule, Range) else (rule,)


def _value(notebook: Notebook, one: Declared) -> Any:
    return None if one.default is None else _literal(notebook, one, one.default)


def _literal(notebook: Notebook, one: Declared, node: ast.expr) -> Any:
    match node:
        case ast.Call(func=ast.Name(id="date"), args=parts, keywords=[]):
            return date(*(int(_literal(notebook, one, part)) for part in parts))
    try:
        return ast.literal_eval(node)
    except ValueError:
        raise _wrong(notebook, one, "report.no_value") from None


def _check_defaults(notebook: Notebook, kind: type[ReportParameters], found: dict[str, Declared]) -> None:
    try:
        kind()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise _wrong(notebook, found[str(first["loc"][0])], "report.bad_default", problem=str(first["msg"])) from None


def _wrong(notebook: Notebook, one: Declared, code: str, **values: object) -> Exception:
    cell = notebook.parameters
    number = 0 if cell is None else cell.number
    text = "" if cell is None else cell.source.splitlines()[one.line - 1].strip()
    return broken(notebook.path, code, cell=number, line=one.line, text=text, **values)
