"""The form of a report: one field per parameter, plain HTML, sent by GET, so that every answer has an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from crmlib.kit.words import Words
from crmlib.report.form.parameters import Issue, ReportParameters, sentence
from crmlib.report.form.picks import Follows, Pick

Kind = Literal["date", "number", "choice", "text", "hidden"]


@dataclass(frozen=True, slots=True)
class Group:
    """Choices of a field that stand together, offered under one value (`key`) of the field that it follows."""

    key: str
    label: str
    choices: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: what it is called, what may be written, what was written, and what is wrong with that.

    `groups` are its choices under each value of the field `by`, of which `under` is chosen.
    """

    name: str
    kind: Kind
    label: str
    help: str
    value: str
    low: str = ""
    high: str = ""
    step: str = ""
    longest: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    message: str = ""
    by: str = ""
    under: str = ""
    groups: tuple[Group, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """All fields, what is wrong beside them (names that are no parameters), and where the reader may keep them."""

    fields: tuple[Field, ...]
    messages: tuple[str, ...] = ()
    wrong: int = 0
    keep: str = ""


def form(
    report: str,
    kind: type[ReportParameters],
    *,
    given: Mapping[str, object],
    issues: Sequence[Issue],
    regions: Sequence[str],
    words: Words,
    choices: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    follows: Mapping[str, Follows] | None = None,
) -> Form:
    """The form of `report`.

    Parameters
    ----------
    kind : its parameters.
    given : what stands in the fields: checked values, or what the reader wrote.
    issues : what is wrong; those of a field stand beside it, others above the form.
    regions : regions to choose from.
    choices : of further fields, what to choose from: value and label.
    follows : of fields whose choices hang on another field, what is offered under each of its values.
    """
    lists = {"region": [(region, region) for region in regions], **(choices or {})}
    told = {issue.name: sentence(issue, words) for issue in issues}
    fields = tuple(
        _field(report, name, info, value=given.get(name), message=told.get(name, ""), lists=lists, words=words)
        for name, info in _ordered(kind.model_fields)
    )
    fields = tuple(_following(report, f, (follows or {}).get(f.name), given, words) for f in fields)
    others = tuple(f"{i.name[:60]}: {told[i.name]}" for i in issues if i.name not in kind.model_fields)
    return Form(fields=fields, messages=others, wrong=len(issues))


def _following(report: str, field: Field, follows: Follows | None, given: Mapping[str, object], words: Words) -> Field:
    """The field with its choices by the field it follows; what was written all the same stands under the one chosen."""
    if follows is None:
        return field
    under = str(given.get(follows.by) or "")
    groups = []
    for key, choices in follows.options.items():
        typed = key == under and field.value and field.value not in dict(choices)
        written = ((field.value, shown_value(report, field.name, field.value, words)),) if typed else ()
        groups.append(Group(key, shown_value(report, follows.by, key, words), (*written, *choices)))
    return replace(field, kind="choice", by=follows.by, under=under, groups=tuple(groups))


def parameter_label(report: str, name: str, words: Words) -> str:
    """Label of a parameter: the report's own, else the common one, else its name."""
    return _text(report, f"parameter.{name}.label", words) or name


def shown_value(report: str, name: str, value: object, words: Words, *, info: FieldInfo | None = None) -> str:
    """A parameter's value as a reader knows it; a share, which `info` says by its upper end, as a percentage."""
    if value is None:
        return words("page.all" if name in {"region", "person"} else "page.automatic")
    if isinstance(value, bool):
        return words("page.yes" if value else "page.no")
    if isinstance(value, float) and info is not None and float(_limits(info).get("high", "inf")) <= 1:
        return words.format.share(value, digits=0 if round(100 * value, 6).is_integer() else 1)
    return _text(report, f"parameter.{name}.choice.{value}", words) or str(value)


def _ordered(fields: Mapping[str, FieldInfo]) -> list[tuple[str, FieldInfo]]:
    """Day and region first, as declared otherwise; the language has its link in the head and is only carried along."""
    return sorted(fields.items(), key=lambda item: item[0] == "language")


def _field(
    report: str,
    name: str,
    info: FieldInfo,
    *,
    value: object,
    message: str,
    lists: Mapping[str, Sequence[tuple[str, str]]],
    words: Words,
) -> Field:
    kind, choices = _kind(report, name, info, lists=lists, words=words)
    limits = _limits(info)
    optional = kind == "choice" and info.default in (None, "")
    blank = words("page.all" if name in {"region", "person"} or not _picked(info) else "page.automatic")
    written = _written(value)[:200]
    if choices and written and written not in dict(choices):
        choices = (*choices, (written, written))
    return Field(
        name=name,
        kind=kind,
        label=parameter_label(report, name, words),
        help=_help(report, name, limits, words),
        value=written,
        low=limits.get("low", ""),
        high=limits.get("high", ""),
        step=_step(info),
        longest=limits.get("longest", ""),
        choices=(("", blank), *choices) if optional else choices,
        message=message,
    )


def _kind(
    report: str, name: str, info: FieldInfo, *, lists: Mapping[str, Sequence[tuple[str, str]]], words: Words
) -> tuple[Kind, tuple[tuple[str, str], ...]]:
    if name == "language":
        return "hidden", ()
    if name == "region" and not lists["region"]:
        return "hidden", ()
    if lists.get(name):
        return "choice", tuple(lists[name])
    inner = _inner(info.annotation)
    if get_origin(inner) is Literal:
        return "choice", tuple((str(v), shown_value(report, name, v, words)) for v in get_args(inner))
    if inner is bool:
        return "choice", (("true", words("page.yes")), ("false", words("page.no")))
    kinds: dict[Any, Kind] = {date: "date", int: "number", float: "number"}
    return kinds.get(inner, "text"), ()


def _picked(info: FieldInfo) -> bool:
    return any(isinstance(rule, Pick) for rule in info.metadata)


def _inner(annotation: Any) -> Any:
    """The type without `| None`."""
    parts = [a for a in get_args(annotation) if a is not NoneType]
    return parts[0] if NoneType in get_args(annotation) and len(parts) == 1 else annotation


def _limits(info: FieldInfo) -> dict[str, str]:
    names = {"ge": "low", "gt": "low", "le": "high", "lt": "high", "max_length": "longest"}
    return {
        target: str(getattr(rule, source))
        for rule in info.metadata
        for source, target in names.items()
        if getattr(rule, source, None) is not None
    }


def _step(info: FieldInfo) -> str:
    return "1" if _inner(info.annotation) is int else "any"


def _help(report: str, name: str, limits: Mapping[str, str], words: Words) -> str:
    """The help, with the range if there is one."""
    text = _text(report, f"parameter.{name}.help", words)
    if "low" in limits and "high" in limits:
        span = words("page.range", low=_readable(limits["low"]), high=_readable(limits["high"]))
        return f"{text}{words('page.semicolon')}{span}" if text else span
    return text


def _written(value: object) -> str:
    """A value as one would type it: 8, not 8.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def _readable(number: str) -> str:
    """Thousands apart where there are many: ``10,000,000``."""
    return f"{int(number):,}" if number.isdigit() else number


def _text(report: str, key: str, words: Words) -> str:
    found = next((k for k in (f"{report}.{key}", f"page.{key}") if words.has(k)), None)
    return words(found) if found else ""
