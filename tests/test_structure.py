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

from tests.parsed import parsed

MODULES = sorted(Path(__file__).parents[1].joinpath("crmlib").rglob("*.py"))
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
P90_FUNCTION_LINES = 25
CHINESE = re.compile(r"[\u3400-\u9fff\u3000-\u303f\uff00-\uffef]")


SOURCES = [(path, path.read_text(encoding="utf-8")) for path in MODULES]


def name_of(path: Path) -> str:
    return path.relative_to(Path(__file__).parents[1]).as_posix()


def test_modules_and_their_functions_stay_small() -> None:
    long = [f"{name_of(p)}: {n} lines" for p, source in SOURCES if (n := len(source.splitlines())) > MAX_MODULE_LINES]
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef) and (n := lines_of(node)) > MAX_FUNCTION_LINES:
                long.append(f"{name_of(path)}: {node.name} has {n} lines")
    assert long == []


def lines_of(node: ast.FunctionDef) -> int:
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_nine_functions_of_ten_are_short() -> None:
    trees = [parsed(path) for path in MODULES]
    lengths = sorted(lines_of(n) for tree in trees for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))
    assert lengths[int(0.9 * len(lengths))] <= P90_FUNCTION_LINES


def test_no_chinese_stands_in_code() -> None:
    code = [(p, source) for p, source in SOURCES if "words" not in p.parts]
    found = [f"{name_of(p)}: {line}" for p, source in code for line in source.splitlines() if CHINESE.search(line)]
    assert found == []


def test_classes_unpack_and_call_they_do_not_compute() -> None:
    """No numpy call inside a class body: numbers happen in functions."""
    bad = []
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ClassDef):
                calls = [ast.unparse(c.func) for c in ast.walk(node) if isinstance(c, ast.Call)]
                computed = [f for f in calls if f.startswith("np.") and not f.startswith("np.random.")]
                bad += [f"{name_of(path)}: {node.name} calls {f}" for f in computed]
    assert bad == []


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


def test_every_room_is_held_apart_from_the_others(root: Path) -> None:
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    held = next(c["modules"] for c in contracts if c["name"] == "rooms never import one another")
    assert held == ["crmlib.pages.*"]


def test_every_question_is_held_by_the_rules_of_questions(root: Path) -> None:
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = next(c["layers"] for c in contracts if c["name"] == "layers")
    questions = set(
        next(layer for layer in layers if "scoring" in layer).replace("(", "").replace(")", "").split(" | ")
    )
    stubs = {f"crmlib.{p.parent.name}" for p in (root / "crmlib").glob("*/__init__.pyi")}
    assert questions == stubs
    for contract in contracts:
        if "crmlib.scoring" in contract.get("source_modules", ()):
            assert questions <= set(contract["source_modules"]), contract["name"]


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
