"""Cards of one person: decided by who has the right, kept line by line, taken back at will, counted on the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.core.contracts.customers import CUSTOMERS
from crmlib.customers.members import identity
from crmlib.data.lake.filed import file_rows
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import LANGUAGES, Words
from crmlib.pages.data_health.findings import fields
from crmlib.serve import merges
from crmlib.serve.lists import Lists
from crmlib.serve.users import User
from tests.report import world

NOW = datetime(2026, 7, 2, 3, 0, tzinfo=UTC)
BOSS = User("boss", "", "b", may=("merge",))
PAIR = {"keep_id": "C0001", "merge_id": "C0002", "keep": "AAAA2222", "merge": "BBBB2222", "reason": "phone+name",
        "against": "", "probability": 0.99, "told": "电话、姓名"}  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = world.make_lake(tmp_path / "lake")
    rows = pl.DataFrame({"customer_id": ["C0001", "C0002"], "region": ["华东", "华南"]})
    flags = dict.fromkeys(("may_sms", "may_email", "may_call"), pl.lit(value=False))
    rows = rows.with_columns(tags=pl.lit([], dtype=pl.List(pl.String)), **flags)
    file_rows(made, CUSTOMERS, rows, batch="x", source="crm", by="", now=NOW)
    return made


def numbers() -> Iterator[str]:
    yield from (f"{n:032x}" for n in range(100))


def decided(lake: Lake, state: str, form: str, *, by: User = BOSS, minutes: int = 0) -> str:
    try:
        merges.decide(lake.path, PAIR, state, form=form, user=by, now=NOW + timedelta(minutes=minutes))
    except merges.MergeError as refused:
        return str(refused)
    return state


def test_a_merge_is_accepted_taken_back_and_accepted_again_each_a_line_with_who_and_when(lake: Lake) -> None:
    form = numbers()
    came = [decided(lake, s, next(form), minutes=i) for i, s in enumerate(("accepted", "undone", "accepted"))]
    assert came == ["accepted", "undone", "accepted"]
    rows = lake.table("card_merges").collect().sort("at")
    assert rows["state"].cast(pl.String).to_list() == came and set(rows["by"]) == {"boss"}
    assert merges.standing(lake) == {("C0001", "C0002"): "accepted"}
    assert identity.mapping(rows)["person_id"].to_list() == ["C0001", "C0001"]
    assert identity.mapping(rows.head(2)).is_empty(), "an undone merge is simply not applied"


def test_what_was_decided_already_is_not_decided_again_and_a_form_counts_once(lake: Lake) -> None:
    assert decided(lake, "undone", "0" * 32) == "moved", "nothing to take back"
    assert decided(lake, "accepted", "1" * 32) == "accepted"
    assert decided(lake, "accepted", "1" * 32) == "accepted"
    assert decided(lake, "rejected", "2" * 32, minutes=1) == "moved"
    assert lake.table("card_merges").collect().height == 1


def test_of_two_who_decide_at_once_one_is_told_of_the_other(lake: Lake) -> None:
    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(lambda one: decided(lake, one[0], one[1] * 32), [("accepted", "a"), ("accepted", "b")]))
    assert sorted(came) == ["accepted", "moved"] and lake.table("card_merges").collect().height == 1


def test_a_card_of_another_region_is_not_merged(lake: Lake) -> None:
    east = User("e", "", "e", regions=("华东",), may=("merge",))
    assert decided(lake, "accepted", "1" * 32, by=east) == "region"
    assert not lake.has("card_merges")


@dataclass
class Front:
    """A guard that lets one user in and remembers what was noted."""

    user: User | None
    noted: list[tuple[str, str]] = field(default_factory=list)

    def who(self, _: tornado.web.RequestHandler) -> User | None:
        return self.user

    def note(self, _: object, user: User | None, *, outcome: str, page: str = "") -> None:
        self.noted.append((outcome, page))

    def clock(self) -> datetime:
        return NOW


class TestTheForm(AsyncHTTPTestCase):
    """The handler as a browser meets it."""

    @pytest.fixture(autouse=True)
    def _lake(self, lake: Lake, tmp_path: Path) -> None:
        self.lake, self.folder = lake, tmp_path / "lists"

    def get_app(self) -> tornado.web.Application:
        self.front, self.lists = Front(BOSS), Lists(self.folder, lambda: 0.0)
        given: dict[str, Any] = {"guard": self.front, "lake": self.lake.path, "lists": self.lists}
        return tornado.web.Application(
            [(r"/merge", merges.MergeHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
        )

    def sent(self, pair: str) -> HTTPResponse:
        folder = self.lists.open(BOSS, "data_health", asked="/apps/data_health")
        (folder / merges.FILE).write_text(json.dumps({"rows": [PAIR]}), encoding="utf-8")
        form = self.fetch(f"/merge?list={folder.name}&language=en")
        found = dict(re.findall(r'name="(_xsrf|list|language|form)" value="([^"]*)"', form.body.decode()))
        cookie = form.headers["Set-Cookie"].split(";")[0]
        return self.fetch("/merge", method="POST", body=urlencode({"pair": pair} | found), headers={"Cookie": cookie})

    def test_a_pair_is_accepted_counted_and_can_be_taken_back(self) -> None:
        text = self.sent("accepted:0").body.decode()
        assert "accepted 1" in text and 'value="undone:0"' in text and 'value="accepted:0"' not in text
        assert self.front.noted == [("merge accepted", "AAAA2222+BBBB2222")]

    def test_what_is_no_pair_or_no_decision_is_refused_and_noted(self) -> None:
        for pair in ("accepted:1", "accepted:x", "burnt:0", "undone:0"):
            assert self.sent(pair).code == 400
        assert [n[0] for n in self.front.noted] == ["merge refused: form"] * 3 + ["merge refused: moved"]
        assert not self.lake.has("card_merges")

    def test_without_the_forms_token_nothing_is_decided_whatever_the_list(self) -> None:
        folder = self.lists.open(BOSS, "data_health", asked="/apps/data_health")
        (folder / merges.FILE).write_text(json.dumps({"rows": [PAIR]}), encoding="utf-8")
        for key in (folder.name, "0" * 32):
            body = urlencode({"list": key, "pair": "accepted:0", "form": "1" * 32})
            assert self.fetch("/merge", method="POST", body=body).code == 403
        assert not self.lake.has("card_merges") and self.front.noted == []

    def test_without_the_right_nothing_is_shown(self) -> None:
        self.front.user = User("li", "", "l")
        answer = self.fetch("/merge?list=x")
        assert answer.code == 403 and "AAAA" not in answer.body.decode()
        assert self.front.noted == [("merge refused: right", "")]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_counts_what_was_decided_and_says_nothing_where_nothing_was(language: str) -> None:
    words = Words(language)
    pairs = pl.DataFrame([{k: PAIR[k] for k in ("keep_id", "merge_id", "reason", "against", "probability")}])
    found = identity.Proposals(pairs, 10, 2, 1, 0)
    codes = (pl.Series(["AAAA2222"]), pl.Series(["BBBB2222"]))
    bare = fields.doubles(found, words=words, pseudonyms=codes)
    told = fields.doubles(found, words=words, pseudonyms=codes, decided={"accepted": 7})
    assert told.note_seen.startswith(bare.note_seen) and "7" in told.note_seen[len(bare.note_seen) :]
    left = fields.left(pairs, told, words=words)["rows"]
    assert isinstance(left, list) and left[0]["keep"] == "AAAA2222" and "phone" not in left[0]["told"].split("+")
