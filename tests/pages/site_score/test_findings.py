"""The site score page: points with their weights, no money."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmlib.kit.words import Words
from crmlib.pages.site_score.findings import score as page
from crmlib.sites import features, score, study
from tests.sites.conftest import PER_HEAD_MINOR, SMALL, make


@pytest.fixture(scope="module")
def town():
    city = make(SMALL, seed=3).city
    return study.town(
        cells=city.cells, sites=city.sites, competitors=city.competitors, openings=city.openings,
        card_flows=city.card_flows, per_head_minor=PER_HEAD_MINOR, as_of=SMALL.end,
    )  # fmt: skip


def test_the_score_shows_weights_and_no_money(town, words: Words):
    table = score.weighted(features.catchment(town.market, town.candidates))
    scored = study.Scored(table, town.names, 5, 900)
    found = page.ranking(scored, words=words)
    assert page.answer(scored, words=words).figures == ()
    assert "30%" in found.note_seen
    assert "¥" not in found.headline + found.note_seen
    assert found.status == "warn"
    assert found.chart is not None
    many = page.ranking(replace(scored, stores=30, visits=9000), words=words)
    assert many.headline != found.headline
    assert "8" not in many.note_do
