"""The promotion pages stand on one ground: the same review, so that two pages say the same of one event."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from crmlib.pages.promotion_plan.study import Study as PlanStudy
from crmlib.pages.promotion_review.parameters import PromotionReview
from crmlib.pages.promotion_review.study import Study as ReviewStudy
from crmlib.pages.promotion_watch.study import Study as WatchStudy
from crmlib.pages.shared import promotion_ground
from crmlib.promotion import review
from crmlib.report.memory import packed
from tests.pages.promotions import FramesPage
from tests.report import world

STUDIES = {"promotion_plan": PlanStudy, "promotion_review": ReviewStudy, "promotion_watch": WatchStudy}
COSTS = pl.DataFrame({"promotion_id": ["X"], "kind": ["display"], "amount_minor": [500_00]})
TABLES = {
    "receipt_lines": world.lines(),
    "stores": world.stores(),
    "products": pl.DataFrame({"product_id": [f"P{i}" for i in range(9)], "category_2": ["坚果"] * 9}),
    "promotions": pl.DataFrame({"promotion_id": ["X"]}),
}


@pytest.fixture(autouse=True)
def judged(monkeypatch):
    """What the review is given, instead of a review."""
    monkeypatch.setattr(review, "review", lambda *args, **kwargs: SimpleNamespace(args=args, kwargs=kwargs))


def asked(report, **tables):
    """Everything that the remembered review is made of, and the money of the promotions."""
    page = FramesPage(report, TABLES | tables)
    made: Any = STUDIES[report](page).past
    args, kwargs = made.args, made.kwargs
    (compute, (later,), given), *_ = page.asked
    assert given == {"rng": kwargs["rng"]} and later.of[1:] == (kwargs["rounds"],)
    state = kwargs.pop("rng").bit_generator.state
    frames = {k: v.collect() if isinstance(v, pl.LazyFrame) else v for k, v in kwargs.items()}
    return (compute, packed.digest((list(args), frames, str(state)))), args[1]


@pytest.mark.parametrize("tables", [{}, {"promotion_costs": COSTS}], ids=["bare", "costs"])
def test_every_page_asks_for_the_same_review(tables):
    plan, of_review, watch = (asked(report, **tables)[0] for report in STUDIES)
    assert plan == of_review == watch


@pytest.mark.parametrize("report", STUDIES)
def test_costs_that_are_connected_count_on_every_page(report):
    vouchers = {"points_minor", "labour_minor", "funding_minor"}
    assert vouchers <= set(asked(report, promotion_costs=COSTS)[1].columns)
    assert not vouchers & set(asked(report)[1].columns)


def test_the_review_has_as_many_rounds_as_the_other_pages_unless_asked():
    assert PromotionReview().rounds == promotion_ground.ROUNDS
    assert ReviewStudy(FramesPage("promotion_review", TABLES, rounds=2)).rounds == 2


def test_what_is_not_connected_is_none():
    study = PlanStudy(FramesPage("promotion_plan", TABLES))
    assert study.stock is study.costs is None


def test_steps_are_made_once():
    study = PlanStudy(FramesPage("promotion_plan", TABLES))
    for step in ("lines", "retail", "large", "grid", "stores", "past"):
        assert getattr(study, step) is getattr(study, step), step
    assert [step.__name__ for step, *_ in study.page.asked] == ["_large", "_past"]  # type: ignore[attr-defined]


def test_a_page_of_some_regions_has_no_budget_of_all_to_be_set_against():
    day = datetime(2026, 6, 1, tzinfo=ZoneInfo("Asia/Shanghai"))
    row = {"promotion_id": "X", "version": 1, "starts_at": day, "ends_at": day + timedelta(days=3), "budget_minor": 900}
    tables = TABLES | {"promotions": pl.DataFrame([row | {"stores": [], "products": []}])}
    for report, kind in STUDIES.items():
        page = FramesPage(report, tables)
        assert kind(page).plans["budget_minor"].to_list() == [900]
        page.regions = ("华东",)
        assert kind(page).plans["budget_minor"].to_list() == [None]
