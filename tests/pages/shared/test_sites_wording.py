"""Who runs the own stores of a city is told, and stores that the list of stores does not know are called so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from crmlib.kit.finding import Limits
from crmlib.kit.words import Words
from crmlib.pages.shared.sites_wording import apart, operators, own_stores, runners, strangers

SITES = pl.LazyFrame(
    {"site_id": ["S1", "X2", "X3", "P4"], "name": ["a", "b", None, "p"], "kind": ["own", "own", "own", "candidate"]}
)
STORES = pl.LazyFrame({"store_id": ["S1", "S9"], "name": ["other", "b"]})


def page(*, sites: pl.LazyFrame | None = SITES, stores: pl.LazyFrame | None = STORES, regions: Any = None) -> Any:
    return SimpleNamespace(optional={"sites": sites, "stores": stores}.get, regions=regions)


def test_own_shops_are_known_by_number_or_name() -> None:
    assert strangers(page()) == (3, 1)
    assert strangers(page(stores=None)) == strangers(page(sites=None)) == strangers(page(regions=("N",))) == (0, 0)


def test_a_franchised_shop_need_not_stand_in_the_list_of_stores() -> None:
    run_by = pl.Series("operator", ["company", "franchisee", None, None])
    told = SITES.with_columns(run_by)
    assert operators(told) == {"S1": "company", "X2": "franchisee"}
    assert operators(SITES) == operators(None) == {}
    assert strangers(page(sites=told)) == (2, 1)
    assert runners(["X2", "X3"], operators(told)) == ["franchisee"]


@pytest.mark.parametrize(
    ("language", "numbers"), [("zh", "直营 1 家，加盟 2 家"), ("en", "1 run by the company, 2 franchised")]
)
def test_stores_are_counted_by_who_runs_them_where_all_say_so(language: Any, numbers: str) -> None:
    words, two = Words(language), ["company", "franchisee", "franchisee"]
    assert numbers in own_stores(3, two, words=words)
    for number, some in ((4, two), (3, []), (3, ["company"] * 3)):
        assert own_stores(number, some, words=words) == words("sites.own.plain", count=str(number))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_says_so_only_where_there_are_strangers_or_franchised_shops(language: Any) -> None:
    words, found = Words(language), Limits(("x",))
    assert apart(found, (3, 0), {"S1": "company"}, words=words) == found
    assert len(apart(found, (3, 1), {}, words=words).sentences) == 2
    assert len(apart(found, (3, 1), {"X2": "franchisee"}, words=words).sentences) == 3
