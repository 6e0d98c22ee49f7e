"""A slow import waits until it is needed, and is then the real one."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmlib.core.put_off import put_off

NAME = "slow_of_tests"


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that leaves a mark when it is executed."""
    package = tmp_path / NAME
    package.mkdir()
    mark = tmp_path / "executed"
    told = f"from pathlib import Path\nmark = Path({str(mark)!r})\n"
    told += "mark.write_text((mark.read_text() if mark.exists() else '') + 'x')\n"
    (package / "__init__.py").write_text(told + "OTHER = 7\ndef double(n): return 2 * n\n")
    (package / "inner.py").write_text("N = 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield mark
    for name in [m for m in sys.modules if m.startswith(NAME)]:
        del sys.modules[name]


def test_it_is_imported_at_the_first_call_and_once(slow: Path) -> None:
    put_off(NAME, ("double",))
    double = importlib.import_module(NAME).double
    assert not slow.exists()
    assert (double(4), double(5), slow.read_text()) == (8, 10, "x")
    assert importlib.import_module(NAME).OTHER == 7


def test_whatever_else_is_asked_for_is_there(slow: Path) -> None:
    put_off(NAME, ("double",))
    assert importlib.import_module(f"{NAME}.inner").N == 3
    assert importlib.import_module(NAME).OTHER == 7 and slow.read_text() == "x"
    with pytest.raises(AttributeError):
        _ = importlib.import_module(NAME).nothing


def test_who_looks_over_all_modules_imports_none(slow: Path) -> None:
    """A starting kernel asks every module for its file, `warnings` for what was warned of, `inspect` for its names."""
    put_off(NAME, ("double",))
    waiting = importlib.import_module(NAME)
    assert waiting.__file__ == str(slow.with_name(NAME) / "__init__.py") and waiting.__package__ == NAME
    assert not any(hasattr(waiting, name) for name in ("__warningregistry__", "__wrapped__", "__iter__"))
    assert not slow.exists()
    with pytest.raises(AttributeError):
        _ = waiting.__version__
    assert slow.exists()


def test_what_is_there_stays_and_what_is_not_there_is_missing_as_ever(slow: Path) -> None:
    real = importlib.import_module(NAME)
    put_off(NAME, ("double",))
    assert sys.modules[NAME] is real
    put_off("not_there_at_all", ("f",))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("not_there_at_all")


def test_a_kernel_starts_without_the_grammars_of_addresses(tmp_path: Path) -> None:
    """The real one, in a process that has the house's imports, as a warm fork has."""
    said = f"""
import sys, crmlib, jsonschema
from ipykernel.kernelapp import IPKernelApp
IPKernelApp.instance().initialize(["-f", {str(tmp_path / "kernel.json")!r}])
print("lark" in sys.modules, file=sys.__stdout__, flush=True)
import os; os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "False"


def test_charts_are_imported_without_the_grammars_of_addresses() -> None:
    """Of the house's own import, in a process of its own: Altair takes jsonschema, and that all of its checks."""
    said = "import sys, crmlib, jsonschema; print('lark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "False"
