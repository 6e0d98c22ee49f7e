"""Reports by name, never by import of a page: an analyst's own, then the package's, then installed ones.

A report is a notebook, parameters, words and parameter files. An own one is ``notebooks/<name>/<name>.ipynb`` with a
cell tagged `parameters`; `parameters.py`, `zh.toml` and `en.toml` beside it are read if they are there. Another package
brings one by an entry point `crmlib.reports` that names the package of its room, with the same files inside.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal

from crmlib.core import places
from crmlib.core.errors import CrmError, ParameterError
from crmlib.kit import notebook as notebooks
from crmlib.kit.words import LANGUAGES, Language, own
from crmlib.kit.words.sentences import common
from crmlib.report.form import cell
from crmlib.report.form.base import ReportParameters

Origin = Literal["own", "package", "installed"]
PAGES = "crmlib.pages"


@dataclass(frozen=True, slots=True)
class Report:
    """A report found by its name.

    Parameters
    ----------
    name : that of its room, its notebook and its folder of parameter files.
    origin : an analyst's own, the package's, or another package's.
    room : the folder that has its parameters and words.
    notebook : the file that runs; it may be missing or broken, which `problems` says.
    """

    name: str
    origin: Origin
    room: Path
    notebook: Path

    @property
    def languages(self) -> tuple[Language, ...]:
        """The languages it can be made in."""
        return LANGUAGES if self.origin == "package" else own.languages(self.room, name=self.name)

    @property
    def model(self) -> type[ReportParameters]:
        """Its parameters: of the class in its parameters.py, else of the notebook's cell.

        Raises
        ------
        ParameterError
            What is wrong with the cell or the file, and where.
        """
        if self.origin == "package":
            return _class_of(importlib.import_module(f"{PAGES}.{self.name}.parameters"))
        file = self.room / "parameters.py"
        if file.is_file():
            return _class_of(_loaded(self.name, file))
        return cell.model_of(notebooks.read(self.notebook), languages=self.languages)

    def problems(self) -> Iterator[CrmError]:
        """What is wrong with it as it stands, each with file, cell and line; nothing is run."""
        if self.origin == "package":
            return
        try:
            notebook = notebooks.read(self.notebook)
        except CrmError as problem:
            yield problem
            return
        for check in (lambda: self.model, lambda: [notebooks.parsed(notebook, c) for c in notebook.cells if _code(c)]):
            try:
                check()
            except CrmError as problem:
                yield problem
                return
        yield from _calls(self, notebook)
        yield from _words(self.room)

    def files(self) -> list[Path]:
        """Its own files, in order: what it is made of besides the package."""
        if self.origin == "package":
            return []
        inside = (path for path in self.room.rglob("*") if path.is_file() and path.suffix in _OURS)
        return sorted(
            p for p in inside if not any(part.startswith((".", "__")) for part in p.relative_to(self.room).parts)
        )


_OURS = frozenset({".ipynb", ".py", ".toml"})


def needs(name: str) -> tuple[str, ...]:
    """Tables without which a report has no answer: the lines of receipts, and what its room's answer asks for."""
    if name not in package_rooms():
        return ("receipt_lines",)
    answer = getattr(importlib.import_module(f"{PAGES}.{name}.findings"), "answer", None)
    return ("receipt_lines", *getattr(answer, "needs", ()))


def find(name: str, *, project: Path | None = None) -> Report:
    """The report of this name.

    Parameters
    ----------
    project : folder with `notebooks/` and `params/`; that around this process unless given.

    Raises
    ------
    ParameterError
        `report.unknown`, with the nearest name.
    """
    found = _find(name, project or places.root())
    if found is None:
        names = known(project=project)
        near = nearest(name, names) or names[0]
        raise ParameterError(
            "report.unknown",
            values={"report": name, "known": ", ".join(names), "nearest": near},
        )
    return found


def known(*, project: Path | None = None) -> tuple[str, ...]:
    """Names of all reports, in alphabetical order.

    Examples
    --------
    >>> "customer_value" in known()
    True
    """
    return tuple(sorted({*own_names(project=project), *package_rooms(), *places.installed_rooms()}))


def own_names(*, project: Path | None = None) -> list[str]:
    """Names of the analyst's own reports."""
    return [name for name in places.own_rooms(project=project) if name not in common()]


def own_problems(names: set[str], *, every: bool) -> list[tuple[Path, CrmError]]:
    """All that is wrong with own reports: those named, or every one of the project."""
    reports = [find(name) for name in own_names() if every or name in names]
    return [(report.notebook, problem) for report in reports for problem in report.problems()]


def model(report: str) -> type[ReportParameters]:
    """The parameters of `report`.

    Raises
    ------
    ParameterError
        `report.unknown`, with the nearest name; what is wrong with the notebook of an own report.

    Examples
    --------
    >>> model("customer_value").__name__
    'CustomerValue'
    """
    return find(report).model


def reads_pages(report: str) -> bool:
    """Whether a report is made of other reports' pages; false for one that is not known or broken."""
    try:
        return model(report).reads_pages
    except CrmError:
        return False


def notebook(name: str, *, project: Path) -> Path:
    """The notebook of a report, whether or not it is there."""
    found = _find(name, project)
    return project / "notebooks" / f"{name}.ipynb" if found is None else found.notebook


def servable(*, project: Path) -> list[str]:
    """Names of the reports that can be opened in this project: those that have a notebook."""
    plain = {path.stem for path in (project / "notebooks").glob("*.ipynb")}
    rooms = {n: places.own_room(n, project=project) for n in own_names(project=project)} | places.installed_rooms()
    return sorted(plain | {name for name, room in rooms.items() if room and (room / f"{name}.ipynb").is_file()})


def languages(name: str) -> tuple[Language, ...]:
    """The languages a report can be made in; all for one that is not known."""
    found = _find(name, places.root())
    return LANGUAGES if found is None else found.languages


@cache
def package_rooms() -> dict[str, Path]:
    """The folder of every report's room in the package, found by name and not imported."""
    spec = find_spec(PAGES)
    places_of = spec.submodule_search_locations if spec is not None else None
    rooms = {m.name: Path(place, m.name) for place in places_of or () for m in pkgutil.iter_modules([place]) if m.ispkg}
    return {name: room for name, room in rooms.items() if (room / "parameters.py").is_file()}


def nearest(name: str, names: object) -> str | None:
    """The one of `names` that was probably meant."""
    found = difflib.get_close_matches(name.lower(), list(names), n=1, cutoff=0.5)  # type: ignore[call-overload]
    return found[0] if found else None


def _find(name: str, project: Path | None) -> Report | None:
    folder = places.own_room(name, project=project) if project is not None and name not in common() else None
    if folder is not None:
        return Report(name, "own", folder, folder / f"{name}.ipynb")
    if name in package_rooms():
        return Report(name, "package", package_rooms()[name], (project or Path.cwd()) / "notebooks" / f"{name}.ipynb")
    if name in places.installed_rooms():
        folder = places.installed_rooms()[name]
        return Report(name, "installed", folder, folder / f"{name}.ipynb")
    return None


def _class_of(module: ModuleType) -> type[ReportParameters]:
    classes = (thing for _, thing in inspect.getmembers(module, inspect.isclass))
    ours = [c for c in classes if issubclass(c, ReportParameters) and c.__module__ == module.__name__]
    if len(ours) != 1:
        raise notebooks.broken(Path(str(module.__file__)), "report.bad_module", problem=f"{len(ours)} classes")
    return ours[0]


def _loaded(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"_own_{name}_parameters", file)
    if spec is None or spec.loader is None:
        raise notebooks.broken(file, "report.bad_module")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as problem:  # whatever a file of somebody else's may raise
        line = problem.lineno or 0 if isinstance(problem, SyntaxError) else 0
        text = f"{type(problem).__name__}: {problem}"
        raise notebooks.broken(file, "report.bad_module", line=line, problem=text) from None
    return module


def _code(one: notebooks.Cell) -> bool:
    return one.kind == "code"


def _calls(report: Report, notebook: notebooks.Notebook) -> Iterator[CrmError]:
    """Whether the notebook opens itself and writes its page."""
    code = [c for c in notebook.cells if _code(c)]
    source = "\n".join(c.source for c in code)
    opened = [c for c in code if "report.open" in c.source or "open_page(" in c.source]
    if not any(f'"{report.name}"' in c.source or f"'{report.name}'" in c.source for c in opened):
        where = opened[0].number if opened else 0
        yield notebooks.broken(notebook.path, "report.no_open", cell=where)
    if ".close()" not in source:
        yield notebooks.broken(notebook.path, "report.no_close", cell=code[-1].number if code else 0)


def _words(room: Path) -> Iterator[CrmError]:
    for language in LANGUAGES:
        file = room / f"{language}.toml"
        if file.is_file():
            try:
                own.read(file)
            except CrmError as problem:
                yield problem
