"""A lake for the tests of the page, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlib.data.lake.lake import Lake
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


@pytest.fixture(autouse=True)
def drawn(engine: None) -> None:
    """Pages of tests draw with the kept engine; `test_drawing` starts and kills its own."""
