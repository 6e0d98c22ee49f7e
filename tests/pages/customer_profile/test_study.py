"""The study of customer profiles on a lake of receipts alone: what needs members or products says so."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Answer
from crmlib.pages.customer_profile import findings
from crmlib.pages.customer_profile.study import Study
from tests.panels import histories
from tests.report import world


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="customer_profile", variables={"group": "A+B+C"}))


def test_sections_of_missing_tables_say_what_to_connect_and_the_others_stand(study: Study) -> None:
    words = study.words
    needs, referrals, drivers = (
        make(study) for make in (findings.need_segments, findings.referral_worth, findings.drivers)
    )
    assert words("page.source.products") in needs.note_do
    assert needs.note_seen == words("customer_profile.needs.unavailable.table.seen")
    assert words("page.source.customers") in referrals.note_seen
    assert drivers.note_seen == words("customer_profile.drivers.unavailable.data.seen")
    assert {f.status for f in (needs, referrals, drivers)} == {"none"}
    for make in (findings.profile, findings.decomposition, findings.grades, findings.rfm_classes):
        assert make(study).table.height, make.__name__
    assert isinstance(findings.answer(study), Answer)
    assert len(findings.limits(study).sentences) == 3


def test_a_group_that_is_not_there_ends_the_page_with_its_reason(lake: Lake) -> None:
    lost = Study(world.opened(lake, report="customer_profile", variables={"group": "Z"}))
    with pytest.raises(ModelError) as caught:
        findings.answer(lost)
    assert caught.value.code == "scoring.no_such_group"


def test_steps_are_made_once(study: Study) -> None:
    for step in ("days", "now", "traits", "profile", "split", "graded", "classes"):
        assert getattr(study, step) is getattr(study, step), step


def test_whoever_bought_in_another_regions_shop_is_not_away_and_is_no_prospect(tmp_path: Path) -> None:
    lake = histories.with_people(histories.made(tmp_path, 7, 6))
    north = Study(world.opened(lake, report="customer_profile", regions=("华东",)))
    last = dict(north.met.select("customer_id", "last_day_n").iter_rows())
    everywhere = north.page.lines_of_members()
    days = panels.customer_day(everywhere, period_end=north.page.as_of).filter("is_purchase")
    met = dict(days.group_by("customer_id").agg(pl.col("day_n").max()).iter_rows())
    assert all(last[c] == met.get(c, last[c]) for c in last)
    own = dict(north.now.select("customer_id", "last_day_n").iter_rows())
    assert any(last[c] > own[c] for c in own) and all(last[c] >= own[c] for c in own)
    elsewhere = pl.col("customer_id").is_in(set(met))
    assert north.all_days.filter(elsewhere).height > north.days.filter(elsewhere).height
