"""The study of the promotion desk on a lake without promotions: every section says what to connect, none crashes."""

from __future__ import annotations

import inspect
from datetime import timedelta

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.pages.promotion_desk import findings
from crmlib.pages.promotion_desk.drafting import offer_of
from crmlib.pages.promotion_desk.parameters import PromotionDesk
from crmlib.pages.promotion_desk.study import Study
from tests.pages.promotions import FramesPage
from tests.report import world

_SHOWN = inspect.getmembers(findings, inspect.isfunction)
SECTIONS = [f for name, f in _SHOWN if hasattr(f, "__wrapped__") and name != "answer"]


@pytest.fixture(scope="module")
def study(lake: Lake) -> Study:
    return Study(world.opened(lake, report="promotion_desk"))


@pytest.mark.parametrize("make", SECTIONS, ids=lambda f: f.__name__)
def test_a_section_without_its_tables_says_so(make: object, study: Study) -> None:
    found = make(study)
    assert isinstance(found, Finding)
    assert (found.status, found.table.height) == ("none", 0)
    assert found.note_sure == study.words("page.unavailable.sure")


def test_without_promotions_the_answer_names_what_to_connect(study: Study) -> None:
    said = findings.answer(study)
    missing = study.page.missing("stores", "products", "promotions")
    assert missing and all(study.words(f"page.source.{table}") in said.sentence for table in missing)
    assert said.figures == ()


def test_promotions_ahead_are_tried_on_the_receipts_of_the_page_without_bulk_orders() -> None:
    tables = _frames()
    goods = tables["products"]["product_id"]
    study = Study(FramesPage("promotion_desk", tables))
    row = {
        "promotion_id": "X", "mechanic": "rate", "depth_bp": 1000, "stores": [], "products": goods[:1].to_list(),
        "first_day": world.LAST + timedelta(days=5), "last_day": world.LAST + timedelta(days=9),
    }  # fmt: skip
    study.__dict__["ahead"] = [row, row | {"promotion_id": "G", "mechanic": "gift"}]
    assert list(study.tried) == ["X"]
    found = study.tried["X"]
    assert 0 < found.touched <= found.baskets
    assert found.discount_minor == pytest.approx(found.list_minor * 0.1, rel=0.01)


@pytest.mark.parametrize(
    ("asked", "least"),
    [
        ({"draft": "rate", "draft_pay": 90}, 1),
        ({"draft": "nth_unit", "draft_pay": 50}, 0),
        ({"draft": "threshold_off", "draft_threshold_yuan": 20, "draft_off_yuan": 1, "draft_every": True}, 1),
        ({"draft": "threshold_rate", "draft_threshold_yuan": 20, "draft_pay": 95}, 1),
    ],
)
def test_a_draft_of_the_form_is_priced_by_the_rules_of_the_till(asked: dict[str, object], least: int) -> None:
    study = Study(FramesPage("promotion_desk", _frames(), **asked))
    found = study.drafted
    assert found is not None
    assert found.touched >= least
    assert found.basket["net_minor"].sum() == found.basket["list_minor"].sum() - found.basket["discount_minor"].sum()
    assert findings.draft(study).status in {"none", "warn", "fail"}


def test_a_draft_that_gives_more_than_it_asks_is_refused_in_words_and_none_is_no_draft() -> None:
    bad = {"draft": "threshold_off", "draft_threshold_yuan": 10, "draft_off_yuan": 20}
    words = Study(FramesPage("promotion_desk", _frames())).words
    refused = findings.draft(Study(FramesPage("promotion_desk", _frames(), **bad)))
    assert refused.headline == words("promotion_desk.draft.headline.refused")
    none = findings.draft(Study(FramesPage("promotion_desk", _frames())))
    assert none.headline == words("promotion_desk.draft.headline.none")
    unknown = findings.draft(Study(FramesPage("promotion_desk", _frames(), draft="rate", draft_category="x")))
    assert unknown.headline == words("promotion_desk.draft.headline.nothing")


def test_what_was_priced_is_left_for_the_server_and_the_card_leads_to_where_it_is_kept() -> None:
    asked = {"draft": "price", "draft_price_yuan": 1.5, "draft_days": 3, "draft_from_hour": 18, "draft_limit": 2}
    study = Study(FramesPage("promotion_desk", _frames(), draft_first=world.LAST + timedelta(days=9), **asked))
    study.__dict__["calendar"] = study.page.table("products").collect().clear().with_columns(stage=pl.lit("draft"))
    study.__dict__["ahead"] = []
    card = findings.draft(study)
    kept = study.page.left["offers"]  # type: ignore[attr-defined]
    assert kept["newest"] == world.LAST and kept["waiting"] == {}
    assert kept["draft"]["offer"]["price_minor"] == 150 and kept["draft"]["offer"]["limit_member_day"] == 2
    assert (kept["draft"]["offer"]["from_minute"], kept["draft"]["offer"]["to_minute"]) == (18 * 60, 24 * 60)
    assert kept["draft"]["touched"] > 0 and 0 < kept["draft"]["depth_bp"] < 10_000
    assert [address.startswith("/offer?priced=000") for _, address in card.leads] == [True]
    past = Study(FramesPage("promotion_desk", _frames(), **asked))
    past.page.newest += timedelta(days=1)
    assert past.left_under == "" and findings.draft(past).leads[0][1] == "", "a page of a past day keeps nothing"


def test_goods_of_a_kind_left_out_and_of_other_stores_are_not_in_the_offer() -> None:
    frames = _frames()
    goods = frames["products"].with_columns(category_3=pl.col("product_id").str.slice(-1))
    spared = goods["category_3"][0]
    shops = frames["stores"].with_columns(name=pl.col("store_id"))
    asked = PromotionDesk(draft="rate", draft_except=spared, draft_store=shops["name"][0])
    offer = offer_of(asked, products=goods, stores=shops, as_of=world.LAST, part=False)
    assert offer is not None and offer.stores == (shops["store_id"][0],)
    assert set(offer.products) == set(goods.filter(pl.col("category_3") != spared)["product_id"])


def _frames() -> dict[str, pl.DataFrame]:
    goods = world.lines()["product_id"].unique().sort()
    return {
        "receipt_lines": world.lines(), "stores": world.stores(),
        "products": pl.DataFrame({"product_id": goods, "category_2": ["坚果"] * len(goods)}),
    }  # fmt: skip
