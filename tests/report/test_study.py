"""A study computes a step once; a section that cannot be made says so in its place."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from crmlib.core.errors import ModelError, ParameterError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Answer, Finding, Limits
from crmlib.kit.words import Words
from crmlib.report import Study, answered, otherwise, section
from tests.report import world

SECTION = "customer_value.segments"  # a section whose words there are
PARTS: Any = {"said": ("g", "e", "m")}


@dataclass(frozen=True)
class Counting(Study):
    """Counts how often its step is made."""

    made: list[int]

    @cached_property
    def step(self) -> int:
        """How often it was made."""
        self.made.append(1)
        return len(self.made)


def test_an_owner_who_has_left_by_the_pages_day_is_said_to_have_left() -> None:
    day = date(2026, 10, 31)
    staff = pl.LazyFrame(
        {"staff_id": ["G1", "G2", "G3"], "name": ["Li", "Wu", "Xu"], "left_on": [None, day, day + timedelta(days=1)]}
    )
    page: Any = SimpleNamespace(optional=lambda _: staff, as_of=day, words=Words("en"))
    assert Study(page).owners() == {"G1": "Li", "G2": "Wu (has left)", "G3": "Xu"}
    assert Study(SimpleNamespace(optional=lambda _: None)).owners() == {}  # type: ignore[arg-type]


@pytest.fixture
def study(lake: Lake) -> Study:
    return Study(world.opened(lake))


def test_a_step_is_made_once_and_only_if_asked(lake: Lake) -> None:
    study = Counting(world.opened(lake), [])
    assert study.made == []
    assert (study.step, study.step, study.made) == (1, 1, [1])


def test_a_section_without_its_table_is_a_finding_and_nothing_is_computed(study: Study) -> None:
    @section(SECTION, key="demo.x", needs=("stores", "points"))
    def shown(study: Study) -> Finding:
        raise AssertionError

    found = shown(study)
    assert (found.key, found.status) == ("demo.x", "none")
    assert study.words("page.source.points") in found.note_seen
    assert study.words("page.source.stores") not in found.note_seen


def test_a_table_asked_for_on_the_way_is_named_as_well(study: Study) -> None:
    @section(SECTION)
    def shown(study: Study) -> Finding:
        study.page.table("points")
        raise AssertionError

    assert study.words("page.source.points") in shown(study).note_do


def test_a_model_s_refusal_costs_its_section_and_its_words_go_to_the_log(
    study: Study, caplog: pytest.LogCaptureFixture
) -> None:
    @section(SECTION)
    def shown(study: Study) -> Finding:
        raise ModelError("demo.refused", **PARTS)

    with caplog.at_level(logging.WARNING):
        found = shown(study)
    assert found.headline == study.words("page.unavailable.headline.data", title=study.words(f"{SECTION}.title"))
    assert "demo.refused" in caplog.text or "given: g" in caplog.text
    study.page.show(found)
    assert study.page.shown.findings == [found]


CALLERS = {
    "sales.as_of", "sales.bundle", "sales.loss", "sales.price_limits", "sales.rank_figures", "sales.table_sums",
    "sales.table_zeros", "sales.target_step", "sales.target_weights", "sales.unit_not_in_class",
}  # fmt: skip
"""Refusals of a notebook's own arguments: no page makes them."""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_whoever_reads_a_page_is_told_of_each_refusal_of_money_what_to_do(language: str) -> None:
    words, package = Words(language), Path(__file__).parents[2] / "crmlib"
    raised = r'(?:Model|Contract)Error\(\s*"((?:sales|balances)\.\w+)"'
    sources = [f.read_text(encoding="utf-8") for room in ("sales", "balances") for f in (package / room).rglob("*.py")]
    codes = {code for text in sources for code in re.findall(raised, text)}
    untold = {
        code
        for code in codes
        if not any(words.has(f"page.unavailable.{group}.{code}.do") for group in ("why", "wrong"))
    }
    assert "sales.credits" in codes and untold == CALLERS


def test_data_that_somebody_must_correct_are_not_called_too_few(study: Study) -> None:
    @section(SECTION)
    def shown(study: Study) -> Finding:
        raise ModelError("sales.credits", values={"rows": 3})

    found = shown(study)
    assert found.headline == study.words("page.unavailable.headline.wrong", title=study.words(f"{SECTION}.title"))
    assert found.note_seen == study.words("page.unavailable.wrong.sales.credits.seen", rows=3)


@pytest.mark.parametrize("error", [ParameterError("demo.wrong", **PARTS), ZeroDivisionError()])
def test_wrong_parameters_and_faults_of_the_code_end_the_page(study: Study, error: Exception) -> None:
    @section(SECTION)
    def shown(study: Study) -> Finding:
        raise error

    with pytest.raises(type(error)):
        shown(study)


def test_a_page_takes_one_thing_or_several_together(study: Study) -> None:
    one, two, three = (world.finding(study.words, key=f"demo.n{n}", chart=None) for n in range(3))
    study.page.show(one, (two, three))
    study.page.show([])
    assert [f.key for f in study.page.shown.findings] == ["demo.n0", "demo.n1", "demo.n2"]


def test_a_table_that_may_be_missing_is_none(study: Study) -> None:
    stores = study.page.optional("stores")
    assert study.page.optional("points") is None
    assert stores is not None and isinstance(stores, pl.LazyFrame)


def test_an_answer_that_cannot_be_said_says_what_is_missing_and_the_page_comes(study: Study) -> None:
    @answered("stores", "points", "products")
    def without(study: Study) -> Answer:
        raise AssertionError

    @answered()
    def refused(study: Study) -> Answer:
        raise ModelError("churn.no_rhythm", values={"customers": 28, "needed": 50})

    @otherwise(Limits())
    def limits(study: Study) -> Limits:
        raise ModelError("demo.refused", **PARTS)

    words = study.words
    assert words("page.source.points") in without(study).sentence
    assert words("page.source.products") in without(study).sentence
    assert words("page.source.stores") not in without(study).sentence
    assert "28" in refused(study).sentence and "50" in refused(study).sentence
    assert limits(study) == Limits()


def test_a_section_says_a_known_refusal_in_a_planner_s_words(study: Study) -> None:
    @section(SECTION)
    def shown(study: Study) -> Finding:
        raise ModelError("clv.short_history", values={"days": 90, "end": "2026-06-28"})

    assert "90" in shown(study).note_seen and "120" in shown(study).note_seen


@dataclass(frozen=True)
class Keeping(Study):
    """A study whose step is kept."""

    made: list[int]

    def step(self, of: object) -> int:
        """How often it was made."""
        return self.kept("step", self.make, of)

    def make(self) -> int:
        self.page.table("stores")
        self.made.append(1)
        return len(self.made)


def test_a_kept_step_is_found_by_the_next_page_of_the_same_data_with_its_sources(tmp_path: Path) -> None:
    lake, made = world.make_lake(tmp_path / "lake"), list[int]()
    pages = [world.opened(lake) for _ in range(2)]
    for page in pages:
        assert Keeping(page, made).step("a") == 1
        assert "stores" in page.used
    assert Keeping(world.opened(lake), made).step("b") == 2, "other parameters, another step"
    assert Keeping(world.opened(lake, regions=("华南",)), made).step("a") == 3, "another reader's data"
    assert Keeping(world.opened(lake, report="sales_pulse"), made).step("a") == 4, "another page's step"
