"""Fixtures shared by all tests."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from crmlib.data import Lake, ingest_all
from crmlib.data.lake import pseudonyms
from crmlib.kit.charts.drawer import VARIABLE
from tests.sample_pages import SamplePages
from tests.waiting import HANG, until

settings.register_profile("house", deadline=None)  # these machines are noisy; no test is about time
settings.load_profile("house")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def drawn_alike() -> Iterator[None]:
    """Every lake a test makes draws by a key of its place: a draw that is small by chance today is so on every day."""
    create = pseudonyms._create

    def of_place(path: Path, content: bytes) -> None:
        own = hashlib.sha256("/".join(path.parts[-3:-1]).encode()).digest()
        create(path, own if path.name == pseudonyms.KEY else content)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pseudonyms, "_create", of_place)
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets nobody here wrote; the test is skipped where it is absent."""
    folder = Path(os.environ.get("CRMLIB_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data not found at {folder}; set CRMLIB_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def sample_lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The sample company as its ingest leaves it, made once for all workers; nobody ingests into it again."""
    place = tmp_path_factory.getbasetemp()
    place = (place.parent if "PYTEST_XDIST_WORKER" in os.environ else place) / "sample_lake"
    with Path(f"{place}.lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(ROOT)
                making, now = Path(f"{place}.making"), datetime(2026, 11, 22, tzinfo=UTC)
                ingest_all(Path("data_samples/sources.yml"), lake=Lake(making), now=now)
            making.rename(place)
    return Lake(place)


@pytest.fixture(scope="session")
def sample_pages(sample_lake: Lake, engine: None) -> SamplePages:
    """The pages of the sample company, each made when first asked for, for all workers."""
    return SamplePages(sample_lake.path.parent / "sample_pages", sample_lake)


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One drawing engine for every page that a test or its processes make: each page's own costs 1.5 s of work."""
    place = tmp_path_factory.mktemp("drawing") / "socket"
    command = [sys.executable, "-m", "crmlib.kit.charts.drawer", str(place), "1"]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE)
    until(place.exists, alive=lambda: keeper.poll() is None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(place))
        yield
    keeper.communicate(timeout=HANG)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20_261_122)
