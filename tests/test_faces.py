"""The faces of the questions: few names, each found, each with a type, and a map of what stands behind them."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import crmlib

QUESTIONS = (
    "scoring", "customers", "clv", "churn", "promotion", "sites", "sales", "balances", "cases", "movement", "baskets",
    "outreach",
)  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_face_has_few_names_and_every_one_is_found(question: str) -> None:
    package = importlib.import_module(f"crmlib.{question}")
    names = package.__all__
    assert 8 <= len(names) <= 20, len(names)
    assert dir(package) == sorted(names) == names
    assert [name for name in names if getattr(package, name) is None] == []
    with pytest.raises(AttributeError, match="has no attribute"):
        getattr(package, "no_such_name")  # noqa: B009


@pytest.mark.parametrize("question", QUESTIONS)
def test_its_stub_says_the_same_to_the_type_checker_and_hides_no_folder(question: str) -> None:
    folder = Path(crmlib.__file__).with_name(question)
    stub = ast.parse((folder / "__init__.pyi").read_text(encoding="utf-8"))
    listed = next(ast.literal_eval(n.value) for n in stub.body if isinstance(n, ast.Assign | ast.AnnAssign) and n.value)
    imported = [a.asname or a.name for n in stub.body if isinstance(n, ast.ImportFrom) for a in n.names]
    assert sorted(listed) == sorted(imported)
    homes = {a.asname or a.name: n.module for n in stub.body if isinstance(n, ast.ImportFrom) for a in n.names}
    hidden = [n for n in imported if (folder / n).is_dir() and homes[n] != f"crmlib.{question}"]
    assert hidden == [], "a folder of this name would hide it"


@pytest.mark.parametrize("question", QUESTIONS)
def test_its_docstring_is_a_map_of_its_folders(question: str) -> None:
    package = importlib.import_module(f"crmlib.{question}")
    folders = [p.parent.name for p in Path(str(package.__file__)).parent.glob("*/__init__.py")]
    assert [name for name in folders if f"`{name}" not in (package.__doc__ or "")] == []


def test_a_face_imports_nothing_before_it_is_asked() -> None:
    code = f"import sys, crmlib; [getattr(crmlib, q) for q in {QUESTIONS!r}]; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
