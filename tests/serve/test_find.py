"""A customer is found by number through a form: no number in an address or the audit, none walked through."""

from __future__ import annotations

import re
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.data.lake.lake import Lake
from crmlib.kit.words import LANGUAGES, Words
from crmlib.serve import find, outcomes
from crmlib.serve.limits import Limits
from crmlib.serve.login import Guard
from crmlib.serve.sessions import Sessions
from crmlib.serve.users import Door, User
from tests.report import world
from tests.serve.test_claims import put
from tests.serve.test_outcomes import NOW, Front, code

TODAY = date(2026, 7, 2)
BOSS, EAST = User("boss", "", ""), User("east", "", "", regions=("华东",))
LI, CARE = User("li", "", "", staff="G1"), User("care", "", "", reports=("care",))
PHONE, SHARED, OTHERS = "12900000001", "+86 129-0000-0009", "12900000002"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """C0001 (east), C0002 (south), C0003 and C0004 (east) with one phone between them; C0003 is G1's."""
    made = world.make_lake(tmp_path / "lake")
    regions = {"C0001": "华东", "C0002": "华南", "C0003": "华东", "C0004": "华东", "C0005": "华东"}
    put(made, "customers", [{"customer_id": c, "region": r, "owner_staff": "G1" if c == "C0003" else None}
                            for c, r in regions.items()], owner_staff=pl.String)  # fmt: skip
    phones = {"C0001": PHONE, "C0002": OTHERS, "C0003": SHARED, "C0004": "12900000009", "C0005": None}
    put(made, "people", [{"customer_id": c, "name": c, "phone": p} for c, p in phones.items()])
    return made


def named(lake: Lake, typed: str, user: User = BOSS) -> list[str]:
    """The members found."""
    ids = [f"C000{k}" for k in range(1, 6)]
    codes = {code(lake, one): one for one in ids}
    return sorted(codes[one] for one in find.found(lake.path, typed, user=user, today=TODAY))


@pytest.mark.parametrize(
    ("typed", "who"),
    [
        ("C0001", ["C0001"]), (" c0001 ", ["C0001"]), ("Ｃ０００１", ["C0001"]), (PHONE, ["C0001"]),
        ("0086 129 0000 0001", ["C0001"]), ("１２９０００００００１", ["C0001"]), ("129-0000-0009", ["C0003", "C0004"]),
        ("0000001", []), ("900000001", []), ("C000", []), ("", []), ("%", []), (".*", []), ("c@example.com", []),
        ("C0009", []),
    ],
)  # fmt: skip
def test_a_member_is_found_by_card_phone_or_code_and_by_no_part_of_them(lake: Lake, typed: str, who: list[str]) -> None:
    assert named(lake, typed) == who


def test_a_code_finds_its_member_in_either_case(lake: Lake) -> None:
    assert named(lake, code(lake, "C0002").lower()) == ["C0002"]


def test_what_another_region_or_adviser_has_is_nobody_s(lake: Lake) -> None:
    for typed in ("C0002", OTHERS, code(lake, "C0002")):
        assert named(lake, typed) == ["C0002"] and named(lake, typed, EAST) == []
    assert named(lake, PHONE, EAST) == ["C0001"]
    assert named(lake, "C0003", LI) == named(lake, SHARED, LI) == ["C0003"] and named(lake, "C0001", LI) == []
    put(lake, "assignments", [{"customer_id": "C0001", "starts_on": TODAY - timedelta(1), "staff_id": "G1",
                               "ends_on": None}], ends_on=pl.Date)  # fmt: skip
    assert named(lake, "C0001", LI) == ["C0001"], "who was given to an adviser yesterday"


class TestTheForm(AsyncHTTPTestCase):
    """The handler as a browser meets it."""

    @pytest.fixture(autouse=True)
    def _lake(self, lake: Lake) -> None:
        self.lake, self.now = lake, 0.0

    def get_app(self) -> tornado.web.Application:
        self.front = Front(BOSS)
        clock = self._clock
        given: dict[str, Any] = {"guard": self.front, "lake": self.lake.path, "tries": Limits(clock),
                                 "hits": find.hits(clock)}  # fmt: skip
        return tornado.web.Application(
            [(r"/find", find.FindHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
        )

    def _clock(self) -> float:
        return self.now

    def sent(self, number: str, user: User = BOSS, language: str = "en") -> HTTPResponse:
        self.front.user = user
        form = self.fetch(f"/find?language={language}")
        found = dict(re.findall(r'name="(_xsrf|language)" value="([^"]+)"', form.body.decode()))
        cookie = form.headers["Set-Cookie"].split(";")[0]
        body = urlencode({"number": number} | found)
        return self.fetch("/find", method="POST", body=body, headers={"Cookie": cookie}, follow_redirects=False)

    def test_a_number_leads_to_the_page_by_its_code_and_stands_nowhere_else(self) -> None:
        for typed in ("C0001", PHONE):
            answer = self.sent(typed)
            assert answer.code == 302
            assert answer.headers["Location"] == f"/apps/customer_360?customer={code(self.lake, 'C0001')}&language=en"
        assert self.front.noted == [f"found {code(self.lake, 'C0001')}"] * 2, "never what was typed"

    def test_of_a_shared_phone_one_is_chosen(self) -> None:
        answer = self.sent(SHARED)
        text = answer.body.decode()
        assert answer.code == 200 and "2 members have this number" in text
        assert all(f"customer={code(self.lake, one)}" in text for one in ("C0003", "C0004"))

    def test_another_region_s_card_and_an_unknown_one_are_told_alike(self) -> None:
        for language in LANGUAGES:
            self.now += 3_600
            other, nobody = (self.sent(typed, EAST, language) for typed in ("C0002", "C0009"))
            assert other.code == nobody.code == 400
            assert [Words(language)("serve.find.wrong.nobody") in a.body.decode() for a in (other, nobody)] == [
                True
            ] * 2
            strip = re.compile(rb'name="_xsrf" value="[^"]+"')
            assert strip.sub(b"", other.body) == strip.sub(b"", nobody.body)
        assert set(self.front.noted) == {"find refused: nobody"}

    def test_numbers_cannot_be_walked_through_wrong_or_right(self) -> None:
        codes = [self.sent(f"X{k}").code for k in range(6)]
        assert codes[:3] == [400] * 3 and codes[-1] == 429
        late = self.sent("C0001")
        assert late.code == 429 and int(late.headers["Retry-After"]) >= 1, "a right one too, until the wait is over"
        assert "find refused: early" in self.front.noted
        self.now += 3_600
        for _ in range(find.FOUND.free):
            assert self.sent("C0001").code == 302
        assert self.sent("C0001").code == 429, "what is found is counted as well"
        self.now += 61
        assert self.sent("C0001").code == 302

    def test_an_address_looks_nobody_up(self) -> None:
        text = self.fetch("/find?number=C0001&language=en").body.decode()
        assert "C0001" not in text and code(self.lake, "C0001") not in text and self.front.noted == []

    def test_without_the_token_or_the_right_nobody_is_found(self) -> None:
        assert self.fetch("/find", method="POST", body=urlencode({"number": "C0001"})).code == 403
        self.front.user = CARE
        assert self.fetch("/find").code == 403
        assert self.fetch("/find", method="POST", body=urlencode({"number": "C0001"})).code == 403
        assert not any("found" in line for line in self.front.noted)

    def test_markup_is_text(self) -> None:
        assert "<script>" not in self.sent('"><script>alert(1)</script>').body.decode()


def test_the_audit_of_a_look_up_holds_no_number(lake: Lake, tmp_path: Path) -> None:
    """With the guard that writes the audit, not a stand-in."""
    audit = tmp_path / "audit.jsonl"
    front = Guard(
        door=Door(tmp_path / "none.toml", time.monotonic), sessions=Sessions(time.monotonic), audit=audit,
        clock=lambda: datetime(2026, 7, 2, tzinfo=NOW.tzinfo),
    )  # fmt: skip

    class Case(AsyncHTTPTestCase):
        def runTest(self) -> None:  # noqa: N802
            form = self.fetch("/find")
            token = re.search(r'name="_xsrf" value="([^"]+)"', form.body.decode())
            assert token is not None
            cookie = {"Cookie": form.headers["Set-Cookie"].split(";")[0]}
            for number in (PHONE, "12911111111"):
                body = urlencode({"number": number, "_xsrf": token[1]})
                self.fetch("/find", method="POST", body=body, headers=cookie, follow_redirects=False)

        def get_app(self) -> tornado.web.Application:
            given: dict[str, Any] = {"guard": front, "lake": lake.path, "tries": Limits(time.monotonic),
                                     "hits": find.hits(time.monotonic)}  # fmt: skip
            return tornado.web.Application(
                [(r"/find", find.FindHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
            )

    result = Case().run()
    assert result is not None and result.wasSuccessful(), result
    text = audit.read_text(encoding="utf-8")
    assert text.count("\n") == 2 and '"found"' in text and "find refused: nobody" in text
    assert PHONE not in text and "12911111111" not in text
    assert outcomes.CODE.search(text)
