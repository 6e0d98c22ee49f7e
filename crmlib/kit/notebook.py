"""What a notebook says before it runs: title, question, headings, the cell of parameters with its comments.

A notebook is read here as text. Whatever is wrong with it is said with file, cell and line.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from dataclasses import dataclass
from pathlib import Path

from crmlib.core.errors import ParameterError

TAG = "parameters"
_HAN = re.compile("[\\u3400-\\u9fff]")
_MAGIC = re.compile(r"^(\s*)(?:[%!]|\w+\s*=\s*[%!]|.*\?$).*")
"""A line for the notebook's shell and not for Python."""
_COLON = re.compile(r"[:\uff1a]\s*")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its place among all cells from 1, kind, text, tags."""

    number: int
    kind: str
    source: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Declared:
    """One parameter of the cell: its annotation and default as written, its line, its words in zh and en."""

    name: str
    annotation: ast.expr | None
    default: ast.expr | None
    line: int
    label: tuple[str, str] = ("", "")
    help: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Notebook:
    """A notebook as it stands in its file."""

    path: Path
    cells: tuple[Cell, ...]

    @property
    def parameters(self) -> Cell | None:
        """The cell tagged `parameters`."""
        return next((cell for cell in self.cells if TAG in cell.tags and cell.kind == "code"), None)

    @property
    def title(self) -> str:
        """The first heading; empty without one."""
        return next((text for cell in self.cells for level, text in headings(cell) if level == 1), "")

    @property
    def question(self) -> str:
        """The first paragraph under the title."""
        first = next((cell for cell in self.cells if cell.kind == "markdown"), None)
        lines = [] if first is None else [line.strip() for line in first.source.splitlines()]
        return next((line for line in lines if line and not line.startswith("#")), "")

    def heading_of(self, source: str) -> str:
        """The heading above the code cell with this text; empty where there is none but the title."""
        above = ""
        for cell in self.cells:
            found = [text for level, text in headings(cell) if level > 1]
            above = found[-1] if found else above
            if cell.kind == "code" and cell.source.strip() == source.strip():
                return above
        return ""


def read(path: Path) -> Notebook:
    """The notebook at `path`.

    Raises
    ------
    ParameterError
        `report.no_notebook`, `report.no_json`.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = content["cells"]
        return Notebook(path, tuple(_cell(n, cell) for n, cell in enumerate(cells, start=1)))
    except OSError:
        raise broken(path, "report.no_notebook") from None
    except json.JSONDecodeError as problem:
        raise broken(path, "report.no_json", problem=problem.msg, line=problem.lineno) from None
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise broken(path, "report.no_json", problem=f"{type(problem).__name__}: {problem}") from None


def declared(notebook: Notebook) -> tuple[Declared, ...]:
    """The parameters of a notebook, in their order.

    Raises
    ------
    ParameterError
        `report.no_parameters`, `report.syntax`, `report.no_value`, with cell and line.
    """
    cell = notebook.parameters
    if cell is None:
        raise broken(notebook.path, "report.no_parameters")
    comments = _comments(cell.source)
    found = []
    for node in parsed(notebook, cell).body:
        match node:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                told = _told(comments.get(node.end_lineno or node.lineno, ""))
                found.append(Declared(name, annotation, value, node.lineno, *told))
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.append(Declared(name, None, value, node.lineno, *_told(comments.get(node.lineno, ""))))
            case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
                continue
            case _:
                raise broken(
                    notebook.path, "report.no_value", cell=cell.number, line=node.lineno, text=_line(cell, node)
                )
    return tuple(found)


def parsed(notebook: Notebook, cell: Cell) -> ast.Module:
    """The syntax tree of a code cell, shell and magic lines left out.

    Raises
    ------
    ParameterError
        `report.syntax`, with cell and line.
    """
    lines = (_MAGIC.sub(r"\1pass", line) for line in cell.source.splitlines())
    source = "" if cell.source.startswith("%%") else "\n".join(lines)
    try:
        return ast.parse(source)
    except SyntaxError as problem:
        where = {"cell": cell.number, "line": problem.lineno or 1}
        text = (problem.text or "").strip()
        raise broken(notebook.path, "report.syntax", problem=problem.msg, text=text, **where) from None


def broken(path: Path, code: str, *, cell: int = 0, line: int = 0, **values: object) -> ParameterError:
    """The error `code` about a place in a file.

    Examples
    --------
    >>> print(broken(Path("notebooks/own/own.ipynb"), "report.no_value", cell=2, line=3, text="x = f()"))
    given: notebooks/own/own.ipynb, cell 2, line 3: x = f()
    expected: name: type = value, with a value written out
    mend: correct this line; what has to be computed belongs into a later cell
    """
    where = f"{_short(path)}{f', cell {cell}' if cell else ''}{f', line {line}' if line else ''}"
    return ParameterError(code, values={"where": where, **values})


def split(text: str) -> tuple[str, str]:
    """What stands in zh and en: both sides of a ``|``, or the same for both.

    Examples
    --------
    >>> split("A | B"), split("A")
    (('A', 'B'), ('A', 'A'))
    """
    zh, bar, en = (part.strip() for part in text.partition("|"))
    return (zh, en) if bar and zh and en else (text.strip(), text.strip())


def is_chinese(text: str) -> bool:
    """Whether a text has Chinese characters."""
    return _HAN.search(text) is not None


def headings(cell: Cell) -> list[tuple[int, str]]:
    """The headings of a markdown cell with their level."""
    if cell.kind != "markdown":
        return []
    found = re.findall(r"^(#{1,6})\s+(.+?)\s*#*$", cell.source, re.M)
    return [(len(marks), text) for marks, text in found]


def _cell(number: int, cell: dict[str, object]) -> Cell:
    source, metadata = cell["source"], cell.get("metadata")
    text = "".join(source) if isinstance(source, list) else str(source)
    tags = metadata.get("tags", ()) if isinstance(metadata, dict) else ()
    return Cell(number, str(cell["cell_type"]), text, tuple(map(str, tags)))


def _comments(source: str) -> dict[int, str]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):  # the parser says what is wrong
        return {}
    return {t.start[0]: t.string.lstrip("#").strip() for t in tokens if t.type == tokenize.COMMENT}


def _told(comment: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Label and help, each in zh and en, of a trailing comment ``label: help | label: help``."""
    (zh, zh_help), (en, en_help) = (_labelled(side) for side in split(comment))
    return (zh, en), (zh_help, en_help)


def _labelled(text: str) -> tuple[str, str]:
    label, _, help_ = _COLON.sub("\n", text, count=1).partition("\n")
    return label, help_


def _line(cell: Cell, node: ast.stmt) -> str:
    return cell.source.splitlines()[node.lineno - 1].strip()


def _short(path: Path) -> str:
    """The file as one names it in its project: the last three parts."""
    return Path(*path.parts[-3:]).as_posix() if path.is_absolute() else path.as_posix()
