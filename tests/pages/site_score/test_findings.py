"""The site score page: points with their weights, no money."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crmlib.core.errors import ModelError
from crmlib.kit.words import Words
from crmlib.pages.site_score.findings import score as page
from crmlib.pages.site_score.parameters import SiteScore
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


def test_weights_of_the_form_are_shares_of_their_sum_and_change_the_order(town, words: Words):
    assert SiteScore().weights == pytest.approx(score.WEIGHTS)
    alone = SiteScore(people_1km=0, people_3km=0, income_3km=7, rivals_3km=0, own_3km=0).weights
    assert alone["income_3km"] == 1.0
    assert SiteScore(people_1km=10, people_3km=0, income_3km=0, rivals_3km=30, own_3km=0).weights["rivals_3km"] == -0.75
    seen = features.catchment(town.market, town.candidates)
    table = score.weighted(seen, weights=alone)
    richest = seen.sort("income_3km", descending=True)["site_id"][0]
    assert table["site_id"][0] == richest
    found = page.ranking(study.Scored(table, town.names, 5, 900), words=words, weights=alone)
    assert "100%" in found.note_seen
    none = SiteScore(people_1km=0, people_3km=0, income_3km=0, rivals_3km=0, own_3km=0).weights
    with pytest.raises(ModelError):
        score.weighted(seen, weights=none)
