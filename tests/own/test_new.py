"""`crmlib new` writes reports that run: few files, few folders, nothing overwritten."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from pydantic.fields import FieldInfo

import crmlib
from crmlib.core.errors import ParameterError
from crmlib.kit.notebook import read
from crmlib.report import registry
from crmlib.run import new
from tests.own import project
from tests.report import world

pytestmark = pytest.mark.long

MOST_FILES, MOST_FOLDERS = 8, 4
PACKAGE = Path(crmlib.__file__).parent


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("notebooks", "params"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_own_report_is_two_files_that_are_sound(root: Path) -> None:
    written = new.own("my_shops", root=root)
    print(f"{len(written)} files in {len({path.parent for path in written})} folders")
    assert len(written) == 2 == len({path.parent for path in written})
    assert list(registry.find("my_shops").problems()) == []
    assert registry.languages("my_shops") == ("zh", "en")
    nbformat.validate(nbformat.read(root / "notebooks/my_shops/my_shops.ipynb", as_version=nbformat.NO_CONVERT))


def test_nothing_is_overwritten_and_bad_names_are_refused(root: Path) -> None:
    new.own("my_shops", root=root)
    for name, code in (
        ("my_shops", "report.exists"),
        ("customer_value", "report.exists"),
        ("My Shops", "report.bad_report_name"),
        ("../up", "report.bad_report_name"),
        ("portal", "report.bad_report_name"),
    ):
        for write in (new.own, new.room):
            with pytest.raises(ParameterError) as caught:
                write(name, root=root)
            assert caught.value.code == code
    assert sorted(p.name for p in root.rglob("*") if p.is_file()) == ["daily.yml", "my_shops.ipynb"]


def ends(info: FieldInfo) -> list[float]:
    """The range of a number."""
    return [float(getattr(rule, end)) for rule in info.metadata for end in ("ge", "le") if hasattr(rule, end)]


@pytest.mark.parametrize("source", sorted(registry.package_rooms()))
def test_a_copy_of_a_report_has_its_parameters_in_the_cell(source: str, root: Path) -> None:
    shutil.copyfile(PACKAGE.parent / f"notebooks/{source}.ipynb", root / f"notebooks/{source}.ipynb")
    shutil.copytree(PACKAGE.parent / f"params/{source}", root / f"params/{source}")
    new.own("my_copy", root=root, source=source)
    copy, model = registry.find("my_copy"), registry.find(source).model
    assert list(copy.problems()) == []
    assert copy.model().model_dump() == model().model_dump()
    if (copy.room / "parameters.py").is_file():
        assert issubclass(copy.model, model)
    else:
        assert {n: ends(info) for n, info in copy.model.model_fields.items()} == {
            n: ends(info) for n, info in model.model_fields.items()
        }
    assert "(my_copy)" in read(copy.notebook).title
    assert "schedule" not in next((root / "params/my_copy").glob("*.yml")).read_text(encoding="utf-8")


def test_a_copy_of_an_own_report_brings_what_lies_beside_it(root: Path) -> None:
    project.make(root)
    (root / "notebooks/own_sales/zh.toml").write_text('title = "x"', encoding="utf-8")
    written = new.own("mine", root=root, source="own_sales")
    assert sorted(p.name for p in written) == ["daily.yml", "mine.ipynb", "zh.toml"]
    assert list(registry.find("mine").problems()) == []


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A temporary tree with the package, a lake and a new room, an own report, and a broken one."""
    root = tmp_path_factory.mktemp("tree")
    left_out = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(PACKAGE, root / "crmlib", ignore=left_out)
    for folder in ("notebooks", "params"):
        (root / folder).mkdir()
    world.make_lake(root / ".crmlib")
    return root


def called(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line in the tree, with the tree's own package."""
    env = {n: v for n, v in os.environ.items() if not n.startswith("CRMLIB")} | {"PYTHONPATH": str(root), "LANG": "C"}
    command = [sys.executable, "-m", "crmlib.cli", *arguments]
    return subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, check=False)


def test_a_new_room_and_an_own_report_run_beside_broken_ones(checkout: Path) -> None:
    written = new.room("store_sales", root=checkout)
    folders = {path.parent for path in written}
    print(f"a room: {len(written)} files in {len(folders)} folders")
    assert len(written) <= MOST_FILES and len(folders) <= MOST_FOLDERS

    for name in ("my_shops", "bad_one", "falls_over"):
        new.own(name, root=checkout)
    bad = checkout / "notebooks/bad_one/bad_one.ipynb"
    bad.write_text(bad.read_text(encoding="utf-8").replace("Range(1, 60) = 12", "Range(1, 60) = 99"), encoding="utf-8")
    falls = checkout / "notebooks/falls_over/falls_over.ipynb"
    content = json.loads(falls.read_text(encoding="utf-8"))
    content["cells"][4]["source"] = "fine = 1\nmissing_name"
    falls.write_text(json.dumps(content), encoding="utf-8")

    checked = called(checkout, "check", "params")
    assert checked.returncode == 1 and "bad_one.ipynb, cell 2, line 7" in checked.stderr
    assert "store_sales/daily/2026-06-30/zh" in checked.stdout

    run = called(checkout, "run", "params", "--set", "language=en", "--workers", "1")
    assert run.returncode == 1
    assert "bad_one.ipynb, cell 2, line 7" in run.stderr
    assert "falls_over.ipynb, cell 5, line 2: NameError: name 'missing_name' is not defined" in run.stderr
    for name in ("store_sales", "my_shops"):
        page = checkout / f"reports/{name}/daily/2026-06-30/en"
        record = json.loads((page / "manifest.json").read_text(encoding="utf-8"))
        assert len(record["findings"]) == 1 and (page / "tables.xlsx").is_file(), run.stdout + run.stderr
    portal = (checkout / "reports/index.en.html").read_text(encoding="utf-8")
    assert "Store sales" in portal and "My shops" in portal
