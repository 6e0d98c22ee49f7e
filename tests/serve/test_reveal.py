"""Names and phones of a list: only with the right, for a purpose, as consent allows; each member is in the audit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.core.contracts.bundles import PARTNER_PEOPLE
from crmlib.core.contracts.customers import CUSTOMERS, PEOPLE
from crmlib.core.contracts.permissions import CONSENTS
from crmlib.core.contracts.receivables import PARTNERS
from crmlib.data.lake.filed import file_rows
from crmlib.data.lake.lake import Lake
from crmlib.serve import reveal
from crmlib.serve.lists import XLSX, Lists
from crmlib.serve.users import User
from tests.report import world

NOW = datetime(2026, 7, 2, 3, 0, tzinfo=UTC)
BOSS = User("boss", "", "b", may=("reveal",))
ROWS = [
    {"id": "C0001", "code": "AAAA2222", "way": "call", "reason": "late", "owner": "李", "due_on": "2026-07-08"},
    {"id": "C0002", "code": "BBBB2222", "way": "call", "reason": "late"},
    {"id": "C0003", "code": "CCCC2222", "way": "store", "reason": "late"},
    {"id": "C0004", "code": "DDDD2222", "way": "sms", "reason": "<b>late</b>"},
]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = world.make_lake(tmp_path / "lake")
    ids = [row["id"] for row in ROWS]
    customers = pl.DataFrame(
        {"customer_id": ids, "region": ["华东", "华东", "华东", "华南"], "may_call": [True, False, True, True],
         "may_sms": [True] * 4, "may_email": [False] * 4, "tags": [[]] * 4},
        schema_overrides={"tags": pl.List(pl.String)},
    )  # fmt: skip
    people = pl.DataFrame({
        "customer_id": ids, "name": ["张一", "王二", "李三", "赵四"], "phone": [f"1380000000{i}" for i in range(4)],
    })  # fmt: skip
    for contract, rows in ((CUSTOMERS, customers), (PEOPLE, people)):
        file_rows(made, contract, rows, batch="x", source="crm", by="", now=NOW)
    return made


def test_a_phone_is_opened_only_where_the_list_says_so_and_the_member_allows_it(lake: Lake) -> None:
    found = reveal.opened(lake.path, ROWS, user=BOSS)
    assert found.select("customer_id", "name", "phone").rows() == [
        ("AAAA2222", "张一", "13800000000"), ("BBBB2222", "王二", None), ("CCCC2222", "李三", None),
        ("DDDD2222", "赵四", "13800000003"),
    ]  # fmt: skip


def test_a_member_of_another_region_stays_closed(lake: Lake) -> None:
    found = reveal.opened(lake.path, ROWS, user=User("e", "", "e", regions=("华东",), may=("reveal",)))
    assert found.row(3)[:3] == ("DDDD2222", None, None)


def test_the_first_of_a_partners_people_is_opened_within_the_region_unless_it_refuses_calls(lake: Lake) -> None:
    partners = pl.DataFrame(
        {"partner_id": ["D1", "D2", "D3"], "kind": ["distributor"] * 3, "region": ["华东", "华东", "华南"]}
    )
    people = pl.DataFrame({
        "partner_id": ["D1", "D1", "D2", "D3"], "person_no": ["2", "1", "1", "1"], "name": ["乙", "甲", "丙", "丁"],
        "phone": ["122", "121", "123", "124"], "role": ["财务", "采购", None, "老板"],
    })  # fmt: skip
    no = pl.DataFrame({
        "consent_id": ["c1"], "recipient": ["partner"], "recipient_id": ["D2"], "channel": ["call"],
        "purpose": ["marketing"], "granted": [False], "at": [NOW], "origin": ["reply"],
    })  # fmt: skip
    for contract, rows in ((PARTNERS, partners), (PARTNER_PEOPLE, people), (CONSENTS, no)):
        file_rows(lake, contract, rows, batch=contract.name, source="crm", by="", now=NOW)
    rows = [{"id": f"D{i}", "code": f"firm {i}", "way": "call", "kind": "partner"} for i in (1, 2, 3)]
    found = reveal.opened(lake.path, rows, user=User("e", "", "e", regions=("华东",), may=("reveal",)))
    assert found.select("customer_id", "name", "phone").rows() == [
        ("firm 1", "甲 采购", "121"), ("firm 2", "丙", None), ("firm 3", None, None)
    ]  # fmt: skip


@dataclass
class Front:
    """A guard that lets one user in and remembers what was noted."""

    user: User | None
    noted: list[tuple[str, str, str]] = field(default_factory=list)

    def who(self, _: tornado.web.RequestHandler) -> User | None:
        return self.user

    def note(self, _: object, user: User | None, *, outcome: str, page: str = "", purpose: str = "") -> None:
        self.noted.append((outcome, page, purpose))

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
            [(r"/reveal", reveal.RevealHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
        )

    def left(self, user: User) -> str:
        folder = self.lists.open(user, "contact_list", asked="/apps/contact_list")
        (folder / reveal.FILE).write_text(json.dumps({"title": "联系 4 位", "rows": ROWS}), encoding="utf-8")
        return folder.name

    def sent(self, **change: str) -> HTTPResponse:
        form = self.fetch(f"/reveal?list={self.left(BOSS)}&language=en")
        assert "13800000000" not in form.body.decode() and self.front.noted == []
        found = dict(re.findall(r'name="(_xsrf|list|language)" value="([^"]*)"', form.body.decode()))
        cookie = form.headers["Set-Cookie"].split(";")[0]
        body = urlencode({"purpose": "contact", "how": "show"} | found | change)
        return self.fetch("/reveal", method="POST", body=body, headers={"Cookie": cookie})

    def test_each_member_opened_is_a_line_in_the_audit_with_the_purpose(self) -> None:
        text = self.sent().body.decode()
        assert "张一" in text and "13800000000" in text and "13800000001" not in text and "<b>late" not in text
        assert 'href="/outcome?member=AAAA2222' in text
        assert self.front.noted == [("revealed", str(row["code"]), "contact") for row in ROWS]

    def test_the_file_for_the_hand_off_is_a_workbook_with_the_same_lines_and_the_same_audit(self) -> None:
        answer = self.sent(how="file", purpose="other", note="中秋")
        assert answer.headers["Content-Type"] == XLSX
        rows = pl.read_excel(BytesIO(answer.body), engine="calamine").rows()
        assert [tuple(row[:3]) for row in rows[:2]] == [("AAAA2222", "张一", "13800000000"), ("BBBB2222", "王二", None)]
        assert self.front.noted == [("revealed in a file", str(row["code"]), "other 中秋") for row in ROWS]

    def test_without_a_purpose_nothing_is_opened(self) -> None:
        for change in ({"purpose": ""}, {"purpose": "fun"}, {"purpose": "other", "note": " "}):
            self.front.noted.clear()
            answer = self.sent(**change)
            assert answer.code == 400 and "张一" not in answer.body.decode()
            assert self.front.noted == [("reveal refused: purpose", "", "")]

    def test_without_the_right_or_with_the_list_of_another_nothing_is_opened(self) -> None:
        key = self.left(BOSS)
        self.front.user = User("li", "", "l")
        refused = self.fetch(f"/reveal?list={key}")
        assert refused.code == 403 and "<form" not in refused.body.decode()
        self.front.user = User("wang", "", "w", may=("reveal",))
        assert self.fetch(f"/reveal?list={key}").code == 410
        self.front.user = BOSS
        assert self.fetch("/reveal", method="POST", body=urlencode({"list": key, "purpose": "contact"})).code == 403
        assert [n[0] for n in self.front.noted] == ["reveal refused: right", "no list"]
