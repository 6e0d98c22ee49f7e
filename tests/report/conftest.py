"""A lake for the tests of the page, made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.report import page
from crmlib.report.drawing import Drawer
from tests.report import world


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two years of a company with three shops."""
    return world.make_lake(tmp_path_factory.mktemp("lake") / "lake")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """An empty folder for a page."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def drawer() -> Iterator[Drawer]:
    """One drawing engine for all tests: each costs a second."""
    shared = Drawer()
    yield shared
    shared.close()


@pytest.fixture(autouse=True)
def shared_drawer(drawer: Drawer, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Pages of tests draw with the shared engine; `test_drawing` starts and kills its own."""
    if request.module.__name__.rsplit(".", 1)[-1] == "test_drawing":
        return

    class Shared:
        start = close = lambda _: None
        order = drawer.order

    monkeypatch.setattr(page, "Drawer", Shared)
