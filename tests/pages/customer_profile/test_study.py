"""The study of customer profiles on a lake of receipts alone: what needs members or products says so."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmlib import panels
from crmlib.churn.features import visits
from crmlib.core.errors import ModelError
from crmlib.customers.groups.traits import in_group
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Answer
from crmlib.kit.words import Words, sentences
from crmlib.pages.customer_profile import findings
from crmlib.pages.customer_profile.findings import members
from crmlib.pages.customer_profile.groups import group_name, in_words, to_choose
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


def test_the_list_is_the_group_without_those_whom_the_draw_leaves_alone(study: Study) -> None:
    found, listed, everybody = findings.listed(study), study.listed, study.everybody
    assert set(everybody["customer_id"]) == set(study.traits.filter("chosen")["customer_id"])
    assert set(listed["customer_id"]) == set(everybody.filter(~pl.col("held"))["customer_id"])
    assert found.table.height == listed.height > 0
    assert found.table["net_minor"].is_sorted(descending=True)
    assert not set(found.table["customer_id"]) & set(listed["customer_id"])
    left: Any = members.left(found, listed, words=study.words)["rows"]
    assert [(row["id"], row["code"]) for row in left] == list(
        zip(listed["customer_id"], found.table["customer_id"], strict=True)
    )


def test_who_looks_after_whom_is_known_without_the_visits_of_anybody(
    study: Study, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which shops are shut is told by days with sales; visits of millions of members are not read for that."""

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("visits of all members were read")

    monkeypatch.setattr(visits, "visit_days", refuse)
    bare = Lake(shutil.copytree(lake.path, tmp_path / "lake", ignore=shutil.ignore_patterns("remembered")))
    again = Study(world.opened(bare, report="customer_profile", variables={"group": "A+B+C"}))
    assert again.everybody.drop("held").equals(study.everybody.drop("held"))


def test_the_other_language_finds_what_was_made_of_all_members(
    study: Study, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert study.traits.height
    for panel in ("customer_part", "customer_kinds", "customer_clock", "customer_traits", "card_use"):
        monkeypatch.setattr(f"crmlib.panels.traits.{panel}", None)
    asked = {"group": "A+B+C", "language": "en"}
    other = Study(world.opened(lake, report="customer_profile", variables=asked))
    assert other.traits.equals(study.traits) and other.profile.equals(study.profile)


def test_the_list_ends_where_it_is_full(lake: Lake, study: Study) -> None:
    page = world.opened(lake, report="customer_profile", variables={"group": "A+B+C", "capacity": 3})
    assert findings.listed(Study(page)).table["customer_id"].to_list() == (
        findings.listed(study).table["customer_id"].head(3).to_list()
    )


def test_the_form_offers_every_group_by_name_also_when_the_one_asked_for_is_none(lake: Lake, study: Study) -> None:
    assert study.traits.height
    follows = study.page.shown.offers["group"]
    assert follows.by == "group_by" and {"tier", "need"} <= set(follows.options)
    assert [value for value, _ in follows.options["tier"]][-1] == study.traits["tier"].max()
    table = study.traits
    for trait, choices in follows.options.items():
        for value, _ in choices if trait != "need" else ():
            assert in_group(table, column=trait, values=value).any(), (trait, value)
    wrong = Study(world.opened(lake, report="customer_profile", variables={"group": "nobody"}))
    with pytest.raises(ModelError):
        _ = wrong.traits
    assert wrong.page.shown.offers["group"].options["tier"], "the page that refuses it has the list too"


def test_groups_are_offered_the_largest_first_and_tiers_with_those_above(words: Words) -> None:
    table = pl.DataFrame({"tier": list("ABBCCC"), "gender": ["male", "female", "female", None, None, None]})
    found = to_choose(table, ("tier", "gender", "need", "region"), words=words, needs={})
    assert [value for value, _ in found["tier"]] == ["A+B", "A", "B", "C"]
    ages = to_choose(pl.DataFrame({"age_band": ["65+", "18-24"]}), ("age_band",), words=words, needs={})["age_band"]
    assert dict(ages)["65+"] == "65+", "a sign that belongs to the value joins nothing"
    assert group_name(words, "age_band", "65+", known=["65+"]) != group_name(words, "age_band", "65", known=["65"])
    assert found["gender"][0] == ("female", words("scoring.value.gender.female"))
    assert set(found) == {"tier", "gender", "need"}


def test_a_value_of_a_trait_is_called_alike_in_the_form_and_on_the_page(words: Words) -> None:
    traits = ("gender", "income_band", "source", "motive", "offers", "price_level")
    keys = {k: t for k in sentences.keys(words.language) for t in traits if k.startswith(f"scoring.value.{t}.")}
    assert keys
    for key in keys:
        value = key.rsplit(".", 1)[1]
        assert words(f"customer_profile.parameter.group.choice.{value}") == words(key)


def test_a_group_is_asked_for_in_the_readers_words(words: Words) -> None:
    table = pl.DataFrame({"customer_id": ["a", "b", "c"], "gender": ["female", "male", None], "need": ["1", "2", "1"]})
    called = words("scoring.value.gender.female")
    for asked in ("female", called):
        said = in_words(table, "gender", asked, words=words, needs={})
        assert in_group(said.table, column="gender", values=said.values).to_list() == [True, False, False]
    said = in_words(table, "need", "1", words=words, needs={"1": "nuts", "2": "tea"})
    assert in_group(said.table, column="need", values=said.values).to_list() == [True, False, True]
    assert "nuts" in group_name(words, "need", "1", needs={"1": "nuts"})
    with pytest.raises(ModelError) as caught:
        in_group(said.table, column="need", values="9")
    assert caught.value.values["known"] == "nuts, tea"


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
