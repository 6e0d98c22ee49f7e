"""Both languages for every test of a page's words; a lake of receipts and shops alone for the studies."""

from __future__ import annotations

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.words import Words
from tests.report import world


@pytest.fixture(params=["zh", "en"])
def words(request: pytest.FixtureRequest) -> Words:
    return Words(request.param)


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Two years of a company with three shops: neither members nor products are connected."""
    return world.make_lake(tmp_path_factory.mktemp("lake") / "lake")
