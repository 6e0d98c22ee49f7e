"""Notebooks are thin: they name what to show; everything else is in the package."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest

from crmlib.report import registry
from crmlib.report.form import parameters

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
MOST_LINES = 12
MOST_CODE = 40
THICK = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With,
    ast.comprehension, ast.Lambda, ast.Global, ast.Assert,
)  # fmt: skip
RANDOM_ID = re.compile(r"^[0-9a-f]{8}(-|$)")


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def every(path: Path) -> ast.Module:
    return ast.parse("\n".join(cell.source for cell in code(path)))


notebooks = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


def test_every_report_has_its_notebook_and_every_notebook_its_report() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(registry.package_rooms())


@notebooks
def test_it_is_valid_has_no_outputs_and_ids_that_stay(path: Path) -> None:
    notebook = read(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids) and not any(RANDOM_ID.match(i) for i in ids)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code(path))


@notebooks
def test_it_begins_with_title_parameters_and_opening_and_ends_with_closing(path: Path) -> None:
    cells = read(path).cells
    assert cells[0].cell_type == "markdown" and cells[0].source.startswith("# ")
    assert cells[1].metadata.get("tags") == ["parameters"]
    assert f'page = report.open("{path.stem}", globals())' in cells[2].source
    assert cells[-1].source.strip() == "page.close()"


@notebooks
def test_the_parameters_cell_has_every_parameter_with_the_models_default(path: Path) -> None:
    given: dict[str, object] = {}
    for statement in ast.parse(code(path)[0].source).body:
        assert isinstance(statement, ast.Assign) and len(statement.targets) == 1
        target = statement.targets[0]
        assert isinstance(target, ast.Name)
        given[target.id] = ast.literal_eval(statement.value)
    assert all(value is None or isinstance(value, str | int | float | bool) for value in given.values())
    assert given == parameters.model(path.stem)().model_dump(mode="json")


@notebooks
def test_cells_are_short_and_only_name_things(path: Path) -> None:
    shown = code(path)[1:]  # the first holds the model's parameters, one line each, and nothing else
    assert all(len(cell.source.splitlines()) <= MOST_LINES for cell in shown)
    thick = {type(node).__name__ for node in ast.walk(every(path)) if isinstance(node, THICK)}
    assert not thick


@notebooks
def test_it_imports_nothing_but_the_package_and_days(path: Path) -> None:
    roots = set()
    for node in ast.walk(every(path)):
        if isinstance(node, ast.Import):
            roots |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").split(".")[0])
    assert roots <= {"crmlib", "datetime"}


def has_study(path: Path) -> bool:
    return (FOLDER.parent / "crmlib" / "pages" / path.stem / "study.py").exists()


with_study = pytest.mark.parametrize("path", [p for p in NOTEBOOKS if has_study(p)], ids=lambda p: p.stem)


@with_study
def test_it_opens_studies_shows_and_closes_and_decides_nothing(path: Path) -> None:
    cells = code(path)
    assert sum(len([line for line in cell.source.splitlines() if line.strip()]) for cell in cells) <= MOST_CODE
    assert not [n for n in ast.walk(every(path)) if isinstance(n, ast.If | ast.IfExp | ast.BoolOp | ast.Compare)]
    for statement in ast.parse("\n".join(cell.source for cell in cells[1:])).body:
        said = ast.unparse(statement)
        allowed = r"page = report\.open\(|study = Study\(page\)|study\.keep\(\)|page\.close\(\)|page\.show\("
        assert isinstance(statement, ast.ImportFrom) or re.match(allowed, said), said
        if said.startswith("page.show("):
            assert re.fullmatch(r"page\.show\(findings\.\w+\(study\)(, findings\.\w+\(study\))*\)", said), said


@with_study
def test_it_imports_the_report_the_room_s_sections_and_its_study(path: Path) -> None:
    named = {
        f"{node.module}.{name.name}"
        for node in ast.walk(every(path))
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    room = f"crmlib.pages.{path.stem}"
    assert named == {"crmlib.report", f"{room}.findings", f"{room}.study.Study"}
