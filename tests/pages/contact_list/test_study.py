"""The study of the contact list: each step once, on a lake of receipts and shops alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmlib import panels
from crmlib.churn.features import visits
from crmlib.core.errors import ModelError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.pages.contact_list import findings
from crmlib.pages.contact_list.study import Study
from crmlib.pages.shared.lifetime_ground import Lifetime
from crmlib.run.lists import book
from tests.report import world

SECTIONS = (findings.owners, findings.by_means, findings.reasons, findings.last_list)


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="contact_list", variables={"tiers": "ABCD"}))


def test_every_card_is_made_of_receipts_alone(study: Study) -> None:
    shown = [make(study) for make in SECTIONS]
    assert all(isinstance(one, Finding) for one in shown)
    assert not [one.key for one in shown if one.note_sure == study.words("page.unavailable.sure")]
    assert isinstance(findings.answer(study), Answer)
    assert isinstance(findings.contacts(study), ActionList)
    assert study.words("contact_list.limits.no_consent") in findings.limits(study).sentences


def test_everybody_stands_once_and_whom_the_draw_leaves_alone_is_not_listed(study: Study) -> None:
    everybody = study.everybody
    assert everybody.height and everybody["customer_id"].is_unique().all()
    assert set(everybody["customer_id"]) == set(study.watched["customer_id"]) | set(study.undecided["customer_id"])
    assert not study.listed["held"].any()
    assert set(study.listed["means"]) <= {"ask"}  # no consent is known
    assert study.listed["stake_minor"].is_sorted(descending=True)


def bare(lake: Lake, folder: Path) -> Lake:
    """A copy in which nothing was remembered."""
    return Lake(shutil.copytree(lake.path, folder, ignore=shutil.ignore_patterns("remembered")))


def test_without_a_lifetime_model_what_is_at_risk_counts(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise ModelError("clv.short_history", values={"days": 1, "needed": 60})

    monkeypatch.setattr(Lifetime, "forecast", property(refuse))
    alone = Study(world.opened(bare(lake, tmp_path / "lake"), report="contact_list", variables={"tiers": "ABCD"}))
    assert alone.undecided.is_empty()
    assert alone.everybody["stake_minor"].equals(
        alone.everybody.select(pl.col("at_risk_minor").clip(0))["at_risk_minor"].rename("stake_minor")
    )
    assert alone.words("contact_list.stake.risk") in findings.answer(alone).sentence


def test_a_scheduled_run_proposes_the_list_as_it_shows_it_and_the_register_files_the_same(
    study: Study, tmp_path: Path
) -> None:
    lake = Lake(shutil.copytree(study.page.context.lake, tmp_path / "lake"))
    tried = Study(world.opened(lake, report="contact_list", variables={"tiers": "ABCD"}, face="lab"))
    tried.__dict__["everybody"] = study.everybody
    tried.keep()
    with pytest.raises(ModelError, match="contact_list"):  # trying out parameters proposes nothing
        book.draw(lake, "contact_list", at=world.CLOCK, by="li")
    run = Study(world.opened(lake, report="contact_list", variables={"tiers": "ABCD"}))
    run.__dict__["everybody"] = study.everybody
    run.keep()
    made = book.draw(lake, "contact_list", at=world.CLOCK, by="li")
    assert set(made.of("contact")["recipient_id"]) == set(study.listed["customer_id"])
    control = study.everybody.filter(pl.col("group") == "control")
    assert set(made.of("control")["recipient_id"]) == set(control["customer_id"])
    assert book.find(lake, made.drawn.list_id).life.owner == "li"


def test_what_was_made_before_is_found_without_the_days_of_anybody(
    study: Study, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of millions of members the days are what a page costs: the second language reads none of them."""
    first = study.everybody

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("days of all members were read")

    for of, panel in ((visits, "visit_days"), (panels, "customer_day")):
        monkeypatch.setattr(of, panel, refuse)
    again = Study(world.opened(lake, report="contact_list", variables={"tiers": "ABCD", "language": "en"}))
    assert again.everybody.equals(first)


def test_the_lifetime_model_takes_its_days_of_the_visits_where_these_are_held(
    study: Study, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing was found, days of all members are read once."""
    reads, read = list[int](), panels.visit_days

    def counted(*args: Any, **kwargs: Any) -> Any:
        reads.append(1)
        return read(*args, **kwargs)

    monkeypatch.setattr(visits, "visit_days", counted)
    again = Study(world.opened(bare(lake, tmp_path / "lake"), report="contact_list", variables={"tiers": "ABCD"}))
    assert again.everybody.drop("held", "group").equals(study.everybody.drop("held", "group"))
    assert len(reads) == 1
