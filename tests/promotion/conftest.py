"""Baskets and a slow till shared by the tests of the offer engine."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"promotion_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def baskets() -> ModuleType:
    """Random baskets and offers (baskets.py)."""
    return _load("baskets")


@pytest.fixture(scope="session")
def reference() -> ModuleType:
    """The slow till (till_reference.py)."""
    return _load("till_reference")
