"""Writes the files of a new report: an analyst's own in two files, or a room of the package in eight."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic.fields import FieldInfo

from crmlib.core.errors import ParameterError
from crmlib.kit.notebook import TAG
from crmlib.kit.words import Words
from crmlib.kit.words.sentences import common
from crmlib.report import registry
from crmlib.report.form.base import ReportParameters
from crmlib.report.form.cell import place_of
from crmlib.report.registry import Report

STARTERS = Path(__file__).with_name("starters")
_RULES = frozenset({"Ge", "Le", "MaxLen", "Choice"})
_COMMON = ("as_of", "language", "region")


def own(name: str, *, root: Path, source: str | None = None) -> list[Path]:
    """Write an own report below `root`: its notebook and one file of parameters; what was written.

    Parameters
    ----------
    source : a report to begin with: its notebook with its parameters in the tagged cell, without its schedule. Where
        its class has checks that a cell cannot say, `parameters.py` beside the notebook keeps them.

    Raises
    ------
    ParameterError
        `report.bad_report_name`, `report.exists`, `report.unknown`; nothing is changed then.
    """
    if source is None:
        texts = {
            Path("notebooks", name, f"{name}.ipynb"): _starter("own/own.ipynb", name),
            Path("params", name, "daily.yml"): _starter("own/daily.yml", name),
        }
    else:
        texts = _copied(name, registry.find(source, project=root), root)
    return _written(name, root, texts)


def room(name: str, *, root: Path) -> list[Path]:
    """Write a room of the package below `root`: six files, a notebook, a file of parameters; what was written.

    Raises
    ------
    ParameterError
        As `own`.
    """
    place = Path("crmlib", "pages", name)
    files = sorted(p for p in (STARTERS / "room").iterdir() if p.suffix != ".ipynb")
    texts = {place / p.name.removesuffix(".txt"): _starter(f"room/{p.name}", name) for p in files}
    texts[Path("notebooks", f"{name}.ipynb")] = _starter("room/room.ipynb", name)
    texts[Path("params", name, "daily.yml")] = _starter("own/daily.yml", name)
    return _written(name, root, texts)


def _starter(file: str, name: str) -> str:
    words = name.split("_")
    text = (STARTERS / file).read_text(encoding="utf-8")
    text = re.sub(r"\bCLASS\b", "".join(word.capitalize() for word in words), text)
    return re.sub(r"\bTITLE\b", " ".join(words).capitalize(), re.sub(r"\bNAME\b", name, text))


def _written(name: str, root: Path, texts: Mapping[Path, str]) -> list[Path]:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,59}", name) or name in common():
        raise ParameterError("report.bad_report_name", values={"report": name})
    there = [path for path in texts if (root / path).exists()]
    if there or name in registry.known(project=root):
        place = there[0] if there else registry.find(name, project=root).room
        raise ParameterError("report.exists", values={"file": place.as_posix()})
    for path, text in texts.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return list(texts)


def _copied(name: str, source: Report, root: Path) -> dict[Path, str]:
    content = json.loads(source.notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            text = re.sub(rf"""(open(?:_page)?\(\s*)["']{source.name}["']""", rf'\1"{name}"', text)
        if source.origin == "package" and TAG in cell["metadata"].get("tags", ()):
            text = _declared(source)
        cell["source"] = text
    if source.origin == "package":
        content["cells"][0]["source"] = _title(source, name)
    notebook = json.dumps(content, ensure_ascii=False, indent=1) + "\n"
    texts = {Path("notebooks", name, f"{name}.ipynb"): notebook}
    if source.origin != "package":
        beside = [path for path in source.files() if path.suffix != ".ipynb" and path.parent == source.room]
        texts |= {Path("notebooks", name, p.name): p.read_text(encoding="utf-8") for p in beside}
    elif not _in_a_cell(source):
        text = _starter("own/parameters.py.txt", name).replace("SOURCE", source.name)
        texts[Path("notebooks", name, "parameters.py")] = text.replace("BASE", source.model.__name__)
    found = sorted((root / "params" / source.name).glob("*.yml"))
    plan = yaml.safe_load(found[0].read_text(encoding="utf-8")) if found else {"parameters": {}}
    plan = {"report": name} | {key: value for key, value in plan.items() if key not in {"report", "schedule"}}
    return texts | {
        Path("params", name, found[0].name if found else "daily.yml"): yaml.safe_dump(plan, sort_keys=False)
    }


def _title(source: Report, name: str) -> str:
    zh, en = Words("zh"), Words("en")
    title, question = ([w.label(f"{source.name}.{key}") or "" for w in (zh, en)] for key in ("title", "question"))
    return f"# {title[0]} ({name}) | {title[1]} ({name})\n\n{question[0]} | {question[1]}"


def _declared(source: Report) -> str:
    """The cell of parameters of a model, as an own report writes it."""
    fields = {name: info for name, info in source.model.model_fields.items() if name not in _COMMON}
    lines = [_line(source.name, name, info) for name, info in fields.items()]
    first = ["from datetime import date", "from typing import Annotated"]
    uses = [
        line for line, word in zip(first, (r"\bdate\b", "Annotated"), strict=True) if re.search(word, "".join(lines))
    ]
    head = [*uses, "from crmlib.report import Choice, Range", "", "as_of = None", 'language = "zh"', "region = None"]
    return "\n".join([*head, *lines])


def _in_a_cell(source: Report) -> bool:
    """Whether the cell can say all of the rules: types, ranges and choices, no checks of the class's own."""
    model = source.model
    checks, common_checks = (
        len(kind.__pydantic_decorators__.field_validators) + len(kind.__pydantic_decorators__.model_validators)
        for kind in (model, ReportParameters)
    )
    rules = [rule for info in model.model_fields.values() for rule in info.metadata]
    return checks == common_checks and all(type(rule).__name__ in _RULES for rule in rules)


def _line(report: str, name: str, info: FieldInfo) -> str:
    default = info.default
    shown = (
        f"date({default:%Y, %-m, %-d})" if hasattr(default, "isoformat") else json.dumps(default, ensure_ascii=False)
    )
    shown = {"null": "None", "true": "True", "false": "False"}.get(shown, shown)
    sides = [_comment(Words(language), report, name) for language in ("zh", "en")]
    comment = f"  # {' | '.join(sides)}" if all(sides) else ""
    return f"{name}: {_annotation(info)} = {shown}{comment}"


def _annotation(info: FieldInfo) -> str:
    kind: Any = info.annotation
    kind = (
        next((part for part in get_args(kind) if part is not type(None)), kind)
        if type(None) in get_args(kind)
        else kind
    )
    if place := place_of(info.metadata):
        return f'Choice("{place}")'
    if get_origin(kind) is Literal:
        return f"Choice({', '.join(json.dumps(value, ensure_ascii=False) for value in get_args(kind))})"
    ends = {
        end: getattr(rule, end)
        for rule in info.metadata
        for end in ("ge", "le")
        if getattr(rule, end, None) is not None
    }
    if len(ends) == 2:
        low, high = (kind(ends[end]) for end in ("ge", "le"))
        return f"Range({low}, {high})"
    name = getattr(kind, "__name__", "str")
    return f"{name} | None" if info.default is None else name


def _comment(words: Words, report: str, name: str) -> str:
    key = f"{report}.parameter.{name}"
    label, help_ = (re.sub(r"[|\n]", " ", words.label(f"{key}.{part}") or "") for part in ("label", "help"))
    label = re.sub("[:\uff1a]", " ", label)
    return f"{label}: {help_}" if label and help_ else label
