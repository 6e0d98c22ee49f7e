"""House rules that no linter knows: sizes, words, layers, the map of the code."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

MODULES = sorted(Path(__file__).parents[1].joinpath("crmlib").rglob("*.py"))
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
CHINESE = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")


def name_of(path: Path) -> str:
    return path.relative_to(Path(__file__).parents[1]).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_and_its_functions_stay_small(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0  # type: ignore[operator]
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", [p for p in MODULES if "words" not in p.parts], ids=name_of)
def test_no_chinese_stands_in_code(path: Path) -> None:
    found = [line for line in path.read_text(encoding="utf-8").splitlines() if CHINESE.search(line)]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_classes_unpack_and_call_they_do_not_compute(path: Path) -> None:
    """No numpy call inside a class body: numbers happen in functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            calls = [c.func for c in ast.walk(node) if isinstance(c, ast.Call)]
            bad = [ast.unparse(f) for f in calls if isinstance(f, ast.Attribute) and ast.unparse(f).startswith("np.")]
            bad = [f for f in bad if not f.startswith("np.random.")]
            assert bad == [], node.name


def test_a_column_is_labelled_once(root: Path) -> None:
    for language in ("zh", "en"):
        seen: dict[str, str] = {}
        for path in [
            *sorted((root / "crmlib/kit/words" / language).glob("*.toml")),
            *sorted((root / "crmlib/pages").glob(f"*/{language}.toml")),
        ]:
            for column in tomllib.loads(path.read_text(encoding="utf-8")).get("column", {}):
                assert column not in seen, f"{column} in {seen.get(column)} and {path.name}"
                seen[column] = path.name


def test_importing_crmlib_imports_nothing_heavy() -> None:
    code = "import crmlib, sys, json; print(json.dumps(sorted(sys.modules)))"
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert not {"polars", "pandas", "numpy", "altair", "narwhals"} & set(loaded)


def test_a_broken_layer_is_caught(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "crmlib", tmp_path / "crmlib", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    money = tmp_path / "crmlib" / "core" / "money.py"
    money.write_text(money.read_text(encoding="utf-8") + "\nimport crmlib.report\n", encoding="utf-8")
    tool = Path(sys.executable).with_name("lint-imports")
    found = subprocess.run([tool, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert "crmlib.core is not allowed to import crmlib.report" in found.stdout


def test_the_readme_maps_every_folder(root: Path) -> None:
    packages = (p.parent.relative_to(root) for p in MODULES if p.name == "__init__.py")
    folders = {p.as_posix() for p in packages if len(p.parts) <= 2}
    folders |= {"notebooks", "params", "data_samples", "reports", "tests", "benchmarks", "docs"}
    for readme in ("README.md", "README.zh.md"):
        text = (root / readme).read_text(encoding="utf-8")
        named = {n.rstrip("/") for n in re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE)}
        assert folders - named == set(), readme
        assert {n for n in named if not (root / n).exists()} == set(), readme


def test_the_lock_has_hashes_and_no_address(root: Path) -> None:
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock
    assert re.findall(r"https?://|--(?:extra-)?index-url|--find-links", lock) == []
    blocks = re.split(r"\n(?=[a-z0-9])", lock.strip(), flags=re.IGNORECASE)
    assert [b.splitlines()[0] for b in blocks if "==" in b and "--hash" not in b] == []
