"""The site selection page: the headline follows the data, and turns when the data turn."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from crmlib.core.coordinates import wgs_to_gcj
from crmlib.kit.words import Words
from crmlib.pages.site_selection.findings import checks, money, recommend, where, wording
from crmlib.sites import backtest, plan, study
from tests.sites.conftest import PER_HEAD_MINOR, SMALL, make

ZH, EN = Words("zh"), Words("en")
LANGUAGES = pytest.mark.parametrize("words", [ZH, EN], ids=["zh", "en"])


@pytest.fixture(scope="module")
def made():
    world = make(SMALL, seed=3)
    city = world.city
    town = study.town(
        cells=city.cells, sites=city.sites, competitors=city.competitors, openings=city.openings,
        card_flows=city.card_flows, per_head_minor=PER_HEAD_MINOR, as_of=SMALL.end,
    )  # fmt: skip
    choice = study.calibrate(town, rng=np.random.default_rng(1), draws=30)
    goal = plan.Goal(k=3, margin=0.35, spacing_km=1.0)
    return town, choice, plan.make(town, choice, goal, rng=np.random.default_rng(2), draws=40)


def everything(town, choice, planned, words):
    return [
        recommend.recommendation(planned, town, words=words), where.town_map(planned, town, words=words),
        where.ranking(planned, town, words=words), where.why(planned, town, words=words),
        money.losers(planned, town, words=words), money.paid_back(planned, town, words=words),
        money.what_if(planned, town, words=words), checks.past_openings(choice, town, words=words),
        checks.calibration(choice, words=words), checks.data_quality(town, planned, words=words),
    ]  # fmt: skip


@LANGUAGES
def test_a_page_has_at_most_seven_findings_and_each_says_how_sure(made, words):
    shown = everything(*made, words)  # type: ignore[call-arg]
    assert sum(f.role == "finding" for f in shown) == 7
    for finding in shown:
        assert finding.headline
        assert finding.note_seen
        assert finding.note_sure
        assert finding.note_do
        assert "{" not in finding.headline + finding.note_seen + finding.note_sure + finding.note_do
        if finding.chart is not None:
            finding.chart.to_dict()
        if finding.view is not None:
            assert "<table" in finding.view.as_raw_html()


@LANGUAGES
def test_where_nothing_pays_every_finding_still_speaks(made, words):
    town, choice, _ = made
    poor = plan.make(town, choice, plan.Goal(k=2, margin=0.02), rng=np.random.default_rng(2), draws=20)
    assert recommend.answer(poor, town, words=words).figures == ()
    shown = everything(town, choice, poor, words)
    assert shown[0].headline == words("site_selection.recommendation.headline.none")
    assert shown[3].headline == words("site_selection.why.headline.nothing")
    assert recommend.actions(poor, town, words=words).table.height == 0


@LANGUAGES
def test_every_column_of_a_download_has_a_label(made, words):
    town, choice, planned = made
    for finding in everything(town, choice, planned, words):
        missing = [c for c in finding.table.columns if words.column(c) == c]
        assert missing == [], finding.key


def headline(made, **changes) -> str:
    town, _, planned = made
    return recommend.recommendation(replace(planned, **changes), town, words=EN).headline


def test_the_recommendation_turns_with_the_comparison(made):
    profit = made[2].profit_minor
    assert "probably" in headline(made, better_minor=profit // 4, better_low_minor=-1)
    sure = headline(made, better_minor=profit // 4, better_low_minor=1)
    assert "more than the rule of thumb" in sure
    assert "probably" not in sure
    assert "about as good" in headline(made, better_minor=profit // 100)
    assert "less than the rule of thumb" in headline(made, better_minor=-profit // 4)
    losing = made[2].table.with_columns(profit_minor=-pl.col("profit_minor").abs())
    assert headline(made, chosen=(), table=losing) == "No candidate is worth opening"


@LANGUAGES
def test_a_budget_too_small_is_not_called_a_loss(made, words):
    town, choice, _ = made
    goal = plan.Goal(k=2, margin=0.35, budget_minor=1)
    poor = plan.make(town, choice, goal, rng=np.random.default_rng(2), draws=20)
    assert not poor.chosen
    found = recommend.recommendation(poor, town, words=words)
    assert found.headline == words("site_selection.recommendation.headline.budget")
    assert found.note_do == words("site_selection.recommendation.do.budget")
    assert recommend.answer(poor, town, words=words).sentence == words(
        "site_selection.answer.budget", count=words.format.count(poor.table.height)
    )


def test_one_candidate_is_compared_with_nobody_and_many_are_not_all_named(made):
    town, _, planned = made
    alone = replace(planned, table=planned.table.head(1), chosen=planned.chosen[:1])
    assert "only candidate" in where.ranking(alone, town, words=EN).headline
    assert wording.joined([str(k) for k in range(9)], {}, EN) == "0, 1, 2, 3, 4 and others, 9 in all"


@pytest.mark.parametrize(("p_lease", "status"), [(0.9, "ok"), (0.6, "warn"), (0.3, "fail")])
def test_the_light_follows_the_chance_of_payback(made, p_lease, status):
    town, _, planned = made
    changed = replace(planned, together=planned.together.with_columns(p_lease=pl.lit(p_lease)))
    assert recommend.recommendation(changed, town, words=EN).status == status


def test_a_lead_beyond_its_interval_is_called_clear(made):
    town, _, planned = made
    first = pl.int_range(pl.len()) == 0
    near = planned.table.with_columns(
        pl.when(first).then(pl.col("profit_minor") - 1).otherwise("profit_low_minor").alias("profit_low_minor")
    )
    near = near.with_columns(
        pl.when(first).then("profit_minor").otherwise(pl.col("profit_minor") // 10).alias("profit_minor")
    )
    assert "clearly ahead" in where.ranking(replace(planned, table=near), town, words=EN).headline
    wide = near.with_columns(profit_low_minor=pl.lit(-1))
    assert "close" in where.ranking(replace(planned, table=wide), town, words=EN).headline
    losing = near.with_columns(profit_minor=-pl.col("profit_minor").abs())
    assert where.ranking(replace(planned, table=losing), town, words=EN).status == "fail"


@pytest.mark.parametrize(
    ("chances", "status", "says"),
    [([0.9, 0.8, 0.75], "ok", "All 3"), ([0.9, 0.8, 0.5], "warn", "2 of 3"), ([0.9, 0.8, 0.1], "fail", "gamble")],
)
def test_payback_is_safe_tight_or_a_gamble(made, chances, status, says):
    town, _, planned = made
    chosen = planned.table.filter(pl.col("choice").is_not_null())
    assert chosen.height == 3
    rest = planned.table.filter(pl.col("choice").is_null())
    table = pl.concat([chosen.with_columns(p_lease=pl.Series(chances)), rest])
    found = money.paid_back(replace(planned, table=table), town, words=EN)
    assert found.status == status
    assert says in found.headline


def test_a_store_that_loses_more_than_a_tenth_is_named(made):
    town, _, planned = made
    hit = planned.joint.with_columns(share=pl.when(pl.int_range(pl.len()) == 0).then(0.3).otherwise(0.01))
    calm = planned.joint.with_columns(share=pl.lit(0.01))
    found = [money.losers(replace(planned, joint=j), town, words=EN) for j in (hit, calm)]
    assert [f.status for f in found] == ["warn", "ok"]
    assert "1 store loses more than 10%" in found[0].headline
    assert "spread out" in found[1].headline


@LANGUAGES
def test_a_franchised_store_that_is_hit_is_settled_with_its_franchisee(made, words):
    town, _, planned = made
    first = planned.joint["from_id"][0]
    hit = replace(
        planned, joint=planned.joint.with_columns(share=pl.Series([0.3] + [0.01] * (planned.joint.height - 1)))
    )
    ids = town.market.own.ids
    for most, others in (("franchisee", "company"), ("company", "franchisee")):
        run_by = dict.fromkeys(ids, others) | {first: most}
        found = money.losers(hit, town, words=words, run_by=run_by, leads={first: "page.html#sales-stores"})
        plain = words("site_selection.losers.do.hit", store=town.names[first])
        assert (found.note_do == plain) == (most == "company")
        html = found.view.as_raw_html()
        assert html.count('href="page.html#sales-stores"') == 1
        assert words.label("sites.operator.franchisee") in html
    theirs = planned.joint.filter(pl.col("from_id") == first)["loss_minor"][0]
    alone = money.losers(hit, town, words=words, run_by={first: "franchisee"})
    assert words.format.money(theirs) in alone.note_seen
    calm = replace(planned, joint=planned.joint.with_columns(share=pl.lit(0.01)))
    for run_by, key in (({}, "spread"), ({first: "franchisee"}, "spread_franchised")):
        assert money.losers(calm, town, words=words, run_by=run_by).note_do == words(f"site_selection.losers.do.{key}")


def test_own_stores_are_counted_by_who_runs_them(made):
    town, _, planned = made
    run_by = dict(zip(town.market.own.ids, ["company", *["franchisee"] * 99], strict=False))
    for found in (
        where.town_map(planned, town, words=EN, run_by=run_by),
        checks.data_quality(town, planned, words=EN, run_by=run_by),
    ):
        assert f"(1 run by the company, {len(run_by) - 1} franchised)" in found.note_seen


def test_a_back_test_is_good_doubtful_bad_or_missing(made):
    town, choice, _ = made
    test = choice.backtest
    assert isinstance(test, backtest.Backtest)
    cases = {
        "ok": replace(test, mape=0.2, net_bias=0.02, coverage=0.8),
        "warn": replace(test, mape=0.2, net_bias=-0.15, coverage=0.8),
        "fail": replace(test, mape=0.2, net_bias=0.3, coverage=0.8),
        "none": None,
    }  # fmt: skip
    for status, case in cases.items():
        assert checks.past_openings(replace(choice, backtest=case), town, words=EN).status == status


def test_a_vague_exponent_is_called_vague(made):
    _, choice, _ = made
    vague = replace(choice, fit=replace(choice.fit, slope_se=0.3))
    assert checks.calibration(vague, words=EN).status == "warn"
    assert checks.calibration(choice, words=EN).status == "ok"


def test_without_competitors_the_light_is_red(made):
    town, _, planned = made
    blind = replace(town, rivals_known=False)
    found = checks.data_quality(blind, replace(planned, blind=None), words=ZH)
    assert found.status == "fail"
    limits = recommend.limits(planned, blind, words=ZH).sentences
    assert ZH("site_selection.limits.no_rivals") in limits


def test_the_action_list_signs_negotiates_or_keeps_in_reserve(made):
    town, _, planned = made
    dear = planned.table.with_columns(rent_minor_month=pl.col("affordable_minor_month") + 1)
    cheap = planned.table.with_columns(rent_minor_month=pl.col("affordable_minor_month") - 1)
    lists = [recommend.actions(replace(planned, table=t), town, words=EN).table for t in (dear, cheap)]
    assert lists[0]["advice"][0].startswith("Sign only below")
    assert lists[1]["advice"][0].startswith("Sign, up to")
    assert lists[0]["advice"][-1].startswith("Reserve")


def test_a_rival_beside_matters_or_not(made):
    town, _, planned = made
    harsh = planned.grid.with_columns(net=pl.when("rivals").then(pl.col("net") * 0.5).otherwise("net"))
    assert "fall by 5" in money.what_if(replace(planned, grid=harsh), town, words=EN).headline
    mild = planned.grid.with_columns(net=pl.when("rivals").then(pl.col("net") * 0.99).otherwise("net"))
    assert "only" in money.what_if(replace(planned, grid=mild), town, words=EN).headline


def test_amounts_on_axes_are_in_the_readers_unit():
    assert wording.on_axis(868_000_000, ZH) == 868
    assert wording.on_axis(868_000_000, EN) == 8680
    assert wording.on_axis(None, EN) is None
    assert wording.months(None, EN) == "not within ten years"


@LANGUAGES
def test_a_chosen_site_has_its_address_and_coordinates_to_navigate_by_and_districts_their_names(made, words):
    town, _, planned = made
    known = pl.DataFrame({"site_id": [planned.chosen[0]], "district": ["西湖"], "address": ["文一路1号"]})
    middle = pl.DataFrame({"name": ["西湖"], "lat": [30.26], "lon": [120.1]})
    found = where.town_map(planned, town, words=words, known=known, districts=middle)
    row = found.table.row(by_predicate=pl.col("site_id") == planned.chosen[0], named=True)
    assert row["where"] == "西湖 文一路1号"
    lat, lon = wgs_to_gcj(row["lat"], row["lon"])
    assert (row["gcj_lat"], row["gcj_lon"]) == pytest.approx((float(lat), float(lon)), abs=2e-5)
    spec = json.dumps(found.chart.to_dict(), ensure_ascii=False)
    assert "西湖" in spec
    assert "西湖" not in json.dumps(where.town_map(planned, town, words=words).chart.to_dict(), ensure_ascii=False)
