"""Sites of another network are called so: a page of sites never passes for the company's own in silence."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from crmlib.kit.finding import Limits
from crmlib.kit.words import Words
from crmlib.pages.shared.sites_wording import apart, strangers

SITES = pl.LazyFrame(
    {"site_id": ["S1", "X2", "X3", "P4"], "name": ["a", "b", None, "p"], "kind": ["own", "own", "own", "candidate"]}
)
STORES = pl.LazyFrame({"store_id": ["S1", "S9"], "name": ["other", "b"]})


def page(*, sites: pl.LazyFrame | None = SITES, stores: pl.LazyFrame | None = STORES, regions: Any = None) -> Any:
    return SimpleNamespace(optional={"sites": sites, "stores": stores}.get, regions=regions)


def test_own_shops_are_known_by_number_or_name() -> None:
    assert strangers(page()) == (3, 1)
    assert strangers(page(stores=None)) == strangers(page(sites=None)) == strangers(page(regions=("N",))) == (0, 0)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_says_so_only_where_there_are_strangers(language: Any) -> None:
    words, found = Words(language), Limits(("x",))
    assert apart(found, (3, 0), words=words) == found
    assert len(apart(found, (3, 1), words=words).sentences) == 2
