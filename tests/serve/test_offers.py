"""A draft kept and approved: only what was priced, by a second person, never over another, with who and when."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import polars as pl
import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.core.contracts.offers import OFFERS
from crmlib.core.contracts.promotions import PROMOTIONS
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import LANGUAGES, Words
from crmlib.promotion.books import board
from crmlib.promotion.lift import calendar
from crmlib.serve import offer_form, offers
from crmlib.serve.lists import Lists
from crmlib.serve.users import User
from tests.report import world

NOW = datetime(2026, 7, 2, 3, 0, tzinfo=UTC)
NEWEST = date(2026, 6, 30)
PRICED: dict[str, Any] = {
    "offer": {
        "offer_id": "draft", "mechanic": "rate", "starts_at": "2026-07-06T00:00:00", "ends_at": "2026-07-13T00:00:00",
        "promotion_id": "draft", "priority": 100, "stores": [], "products": ["P1", "P2"], "rate_bp": 8800,
        "threshold_minor": 0, "per_full": False, "gift_units": 1, "exclusive": False, "weekdays": [], "categories": [],
        "except_products": [], "grades": [], "bundle_products": [], "bundle_units": [], "addon_products": [],
        "stacks_with": [],
    },
    "told": "8.8折", "category": "坚果", "depth_bp": 1200, "baskets": 90, "touched": 80, "discount_minor": 400_00,
    "margin_minor": 900_00,
}  # fmt: skip
LI, WANG = User("li", "", "m"), User("wang", "", "n", may=("approve",))


def typed(**change: str) -> dict[str, str]:
    return {"name": "夏日坚果", "budget": "1200", "form": "a" * 32, "move": "save"} | change


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return world.make_lake(tmp_path / "lake")


def kept(lake: Lake, *, by: User = LI, **change: str) -> str:
    return offers.save(lake.path, PRICED, typed(**change), user=by, now=NOW, newest=NEWEST)


def moved(lake: Lake, id_: str, how: str, *, by: User, form: str = "b" * 32, left: Any = None, now: Any = NOW) -> None:
    waiting = {"newest": str(NEWEST), "waiting": {id_: PRICED}} if left is None else left
    offers.move(lake.path, id_, how, form=form, user=by, now=now, left=waiting)


def stage(lake: Lake, id_: str, *, as_of: date = NEWEST, steps_until: date = NEWEST) -> str | None:
    steps = lake.table("promotion_steps").filter(pl.col("at").dt.date() <= steps_until)
    found = board.board(calendar.frozen_versions(lake.table("promotions")), as_of=as_of, steps=steps)
    return next(iter(found.filter(pl.col("promotion_id") == id_)["stage"]), None)


def test_a_draft_is_kept_once_in_its_own_terms_with_who_and_when_and_stands_on_the_calendar(lake: Lake) -> None:
    id_ = kept(lake)
    assert kept(lake) == id_, "the same form is the same draft"
    rule, row = lake.table("offers").collect(), lake.table("promotions").collect()
    assert (rule.height, row.height, lake.table("promotion_steps").collect().height) == (1, 1, 1)
    assert rule.select("mechanic", "rate_bp", "products").row(0) == ("rate", 8800, ["P1", "P2"])
    assert row.select("name", "budget_minor", "state", "depth_bp", "src_file").row(0) == (
        "夏日坚果", 1200_00, "draft", 1200, "li",
    )  # fmt: skip
    assert row["starts_at"][0].isoformat() == "2026-07-06T00:00:00+08:00"
    for contract, frame in ((OFFERS, rule), (PROMOTIONS, row)):
        contract.schema.validate(frame.select(contract.schema.column_names()), cast=True)
    assert stage(lake, id_) == "draft"


def test_a_second_person_approves_and_it_is_approved_at_once_and_runs_when_its_days_have_come(lake: Lake) -> None:
    id_ = kept(lake, move="submit")
    assert stage(lake, id_) == "submitted"
    moved(lake, id_, "approve", by=WANG)
    moved(lake, id_, "approve", by=WANG)
    assert stage(lake, id_) == "approved"
    row = lake.table("promotions").collect()
    assert row.select("state", "frozen", "version").rows() == [("approved", True, 1)]
    last = lake.table("promotion_steps").collect().sort("state")
    assert last.filter(pl.col("state").cast(pl.String) == "approved").select("actor", "amount_minor").rows() == [
        ("wang", 1200_00)
    ]
    assert stage(lake, id_, as_of=date(2026, 7, 8), steps_until=date(2026, 7, 8)) == "running"
    sums = lake.ingests("promotions").select("read", "kept", "replaced").rows()
    assert sums == [(1, 1, 0), (1, 0, 1)]


@pytest.mark.parametrize(
    ("how", "by", "wrong"),
    [
        ("approve", User("li", "", "m", may=("approve",)), "own"), ("approve", User("zhao", "", "z"), "right"),
        ("approve", User("", "", "", may=("approve",)), "right"), ("reject", User("zhao", "", "z"), "right"),
        ("withdraw", WANG, "other"), ("approve", User("w", "", "w", regions=("华南",), may=("approve",)), "unknown"),
    ],
)  # fmt: skip
def test_who_may_not_is_refused_and_nothing_moves(lake: Lake, how: str, by: User, wrong: str) -> None:
    id_ = kept(lake, move="submit")
    if by.regions:
        _of_stores(lake, id_, ["N1"])
    with pytest.raises(offers.OfferError) as error:
        moved(lake, id_, how, by=by)
    assert str(error.value) == wrong
    assert stage(lake, id_) == "submitted" and lake.table("promotion_steps").collect().height == 1


def _of_stores(lake: Lake, id_: str, stores: list[str]) -> None:
    path = lake.table_path("promotions")
    rows = delta.scan(path).collect().with_columns(stores=pl.lit(stores))
    delta.overwrite(path, rows, batch=delta.Batch(""), description="{}")


def test_what_is_not_priced_today_is_neither_kept_nor_approved(lake: Lake) -> None:
    id_ = kept(lake, move="submit")
    for left in ({}, {"newest": str(NEWEST), "waiting": {}}, {"newest": str(NEWEST), "waiting": {id_: None}}):
        with pytest.raises(offers.OfferError) as error:
            moved(lake, id_, "approve", by=WANG, left=left)
        assert str(error.value) == "unpriced"


def test_an_offer_that_meets_an_approved_one_is_not_approved_and_one_beside_it_is(lake: Lake) -> None:
    first = kept(lake, move="submit")
    second = kept(lake, move="submit", name="同样", form="c" * 32)
    moved(lake, first, "approve", by=WANG)
    with pytest.raises(offers.OfferError) as error:
        moved(lake, second, "approve", by=WANG, form="d" * 32)
    assert (str(error.value), error.value.detail) == ("clash", "夏日坚果")
    assert stage(lake, second) == "submitted"
    later = PRICED["offer"] | {"starts_at": "2026-08-06T00:00:00", "ends_at": "2026-08-13T00:00:00"}
    third = offers.save(
        lake.path, PRICED | {"offer": later}, typed(form="e" * 32, move="submit"), user=LI, now=NOW, newest=NEWEST
    )
    moved(lake, third, "approve", by=WANG, form="f" * 32)
    assert stage(lake, third) == "approved"


def test_a_draft_may_be_withdrawn_by_its_author_and_is_then_off_the_board(lake: Lake) -> None:
    id_ = kept(lake)
    moved(lake, id_, "withdraw", by=LI)
    assert stage(lake, id_) is None
    with pytest.raises(offers.OfferError) as error:
        moved(lake, id_, "submit", by=LI, form="9" * 32)
    assert str(error.value) == "moved"


def test_of_two_who_decide_at_once_one_decides_and_the_other_is_told_so(lake: Lake) -> None:
    id_ = kept(lake, move="submit")

    def decide(one: tuple[User, str, str]) -> str:
        try:
            moved(lake, id_, one[1], by=one[0], form=one[2])
        except offers.OfferError as refused:
            return str(refused)
        return one[1]

    other = User("zhao", "", "z", may=("approve",))
    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(decide, [(WANG, "approve", "1" * 32), (other, "reject", "2" * 32)]))
    assert sorted(came) in (["approve", "moved"], ["moved", "reject"])
    assert lake.table("promotion_steps").collect().height == 2


def test_two_who_enter_at_once_lose_nothing(lake: Lake) -> None:
    with ThreadPoolExecutor(2) as pool:
        ids = set(pool.map(lambda n: kept(lake, form=f"{n}" * 32, name=f"n{n}", by=(LI, WANG)[n % 2]), range(6)))
    assert set(lake.table("promotions").collect()["promotion_id"]) == ids and len(ids) == 6


@pytest.mark.parametrize(
    ("change", "wrong"),
    [({"name": " "}, "name"), ({"name": "x" * 41}, "name"), ({"budget": "0"}, "budget"), ({"budget": "nan"}, "budget"),
     ({"budget": "1e99"}, "budget"), ({"budget": "1.234"}, "budget"), ({"form": "x"}, "form")],
)  # fmt: skip
def test_what_cannot_be_typed_is_refused_by_name(lake: Lake, change: dict[str, str], wrong: str) -> None:
    with pytest.raises(offers.OfferError) as error:
        kept(lake, **change)
    assert str(error.value) == wrong and not lake.has("promotions")
    assert all(Words(language).has(f"serve.offer.wrong.{wrong}") for language in LANGUAGES)


def test_what_has_begun_is_not_kept(lake: Lake) -> None:
    with pytest.raises(offers.OfferError) as error:
        offers.save(lake.path, PRICED, typed(), user=LI, now=NOW, newest=date(2026, 7, 6))
    assert str(error.value) == "begun"


def test_a_step_that_died_before_its_row_is_made_whole_by_sending_the_form_again(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = delta.append

    def dies(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.name == "promotions":
            raise KeyboardInterrupt
        whole(path, *args, **kwargs)

    monkeypatch.setattr(delta, "append", dies)
    with pytest.raises(KeyboardInterrupt):
        kept(lake)
    monkeypatch.undo()
    assert not lake.has("promotions")
    assert stage(lake, kept(lake)) == "draft"
    assert lake.table("offers").collect().height == lake.table("promotion_steps").collect().height == 1


@dataclass
class Front:
    """A guard that lets one user in and remembers what was noted."""

    user: User | None
    noted: list[str] = field(default_factory=list)

    def who(self, _: tornado.web.RequestHandler) -> User | None:
        return self.user

    def note(self, _: object, user: User | None, *, outcome: str, page: str = "", name: str = "") -> None:
        self.noted.append(outcome)

    def clock(self) -> datetime:
        return NOW


class TestTheForm(AsyncHTTPTestCase):
    """The handler as a browser meets it."""

    @pytest.fixture(autouse=True)
    def _lake(self, lake: Lake, tmp_path: Path) -> None:
        self.lake, self.folder = lake, tmp_path / "lists"

    def get_app(self) -> tornado.web.Application:
        self.front, self.lists = Front(LI), Lists(self.folder, lambda: 0.0)
        given: dict[str, Any] = {"guard": self.front, "lake": self.lake.path, "lists": self.lists}
        return tornado.web.Application(
            [(r"/offer", offer_form.OfferHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
        )

    def left(self, user: User, **waiting: Any) -> str:
        folder = self.lists.open(user, "promotion_desk", asked="/apps/promotion_desk")
        content = {"newest": str(NEWEST), "draft": PRICED, "waiting": waiting}
        (folder / offers.FILE).write_text(json.dumps(content), encoding="utf-8")
        return folder.name

    def sent(self, query: str, **change: str) -> HTTPResponse:
        form = self.fetch(f"/offer?{query}")
        found = dict(re.findall(r'name="(_xsrf|form|priced|promotion)" value="([^"]*)"', form.body.decode()))
        cookie = form.headers["Set-Cookie"].split(";")[0]
        body = urlencode({"name": "夏日", "budget": "900"} | found | change)
        return self.fetch("/offer", method="POST", body=body, headers={"Cookie": cookie}, follow_redirects=False)

    def test_a_priced_draft_is_kept_then_approved_by_another(self) -> None:
        answer = self.sent(f"priced={self.left(LI)}", move="submit", language="en")
        assert answer.code == 302
        place = answer.headers["Location"]
        text = self.fetch(place).body.decode()
        assert "Sent for approval" in text and 'value="approve"' not in text
        id_ = parse_qs(urlsplit(place).query)["promotion"][0]
        self.front.user = WANG
        key = self.left(WANG, **{id_: PRICED})
        assert self.sent(f"priced={key}&promotion={id_}&language=en", move="approve").code == 302
        assert stage(self.lake, id_) == "approved"
        assert self.front.noted == ["offer submit", "offer approve"]

    def test_what_another_reader_priced_is_not_mine(self) -> None:
        assert self.fetch(f"/offer?priced={self.left(WANG)}").code == 410
        assert self.fetch("/offer?priced=../../etc").code == 410

    def test_a_refusal_says_why_keeps_what_was_typed_and_is_noted(self) -> None:
        answer = self.sent(f"priced={self.left(LI)}", move="save", budget="<b>", name="<script>")
        text = answer.body.decode()
        assert answer.code == 400 and Words("zh")("serve.offer.wrong.budget") in text
        assert 'value="&lt;script&gt;"' in text and "<script>" not in text
        assert self.front.noted == ["offer refused: budget"] and not self.lake.has("promotions")

    def test_without_the_forms_token_or_the_right_to_the_desk_nothing_is_kept(self) -> None:
        body = urlencode(typed() | {"priced": self.left(LI)})
        assert self.fetch("/offer", method="POST", body=body).code == 403
        self.front.user = User("x", "", "", reports=("customer_value",))
        assert self.fetch("/offer?priced=x").code == 403
        assert not self.lake.has("promotions")


def test_a_budget_is_proposed_from_what_the_offer_cost_on_real_receipts() -> None:
    assert offers.proposed(PRICED) == 100
    assert offers.proposed(PRICED | {"discount_minor": 44_000_00}) == 11_000
