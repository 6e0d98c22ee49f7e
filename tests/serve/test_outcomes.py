"""What came of a contact: kept once, with who and when; refused without the form's token, the right, or a member."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.churn.movement import forms
from crmlib.core.contracts.contacts import CONTACTS
from crmlib.core.errors import LakeError
from crmlib.data.lake import delta, filed
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import LANGUAGES, Words
from crmlib.serve import outcomes
from crmlib.serve.users import User
from tests.report import world

NOW = datetime(2026, 7, 2, 3, 0, tzinfo=UTC)
TYPED = {"member": "ABCD2345", "channel": "phone", "result": "reached", "reason": "", "next": "", "form": "a" * 32}


def people(lake: Lake) -> None:
    frame = pl.DataFrame({"customer_id": ["C0001", "C0002"], "region": ["华东", "华南"]}).with_columns(
        known_at=pl.lit(world.CLOCK), src_name=pl.lit("crm"), src_file=pl.lit("c.csv"), src_line=pl.lit(1)
    )
    delta.append(
        lake.table_path("customers"), frame, batch=delta.Batch("b-people"), partition=None,
        description='{"currency": "CNY", "time_zone": "Asia/Shanghai"}',
    )  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    made = world.make_lake(tmp_path / "lake")
    people(made)
    return made


def code(lake: Lake, customer: str) -> str:
    return str(lake.pseudonyms(pl.Series([customer]))[0])


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"member": "x"}, "member"), ({"member": "<script>"}, "member"), ({"result": "won"}, "result"),
        ({"channel": "pigeon"}, "result"), ({"reason": "because"}, "result"), ({"next": "2026-13-01"}, "next"),
        ({"next": "2026-07-01"}, "next"), ({"form": "../x"}, "form"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(change: dict[str, str], wrong: str) -> None:
    with pytest.raises(outcomes.TypedError) as error:
        outcomes.checked(TYPED | change, today=date(2026, 7, 2))
    assert str(error.value) == wrong
    assert all(Words(language).has(f"serve.outcome.wrong.{wrong}") for language in LANGUAGES)


def test_an_outcome_is_one_row_with_who_and_when_however_often_the_form_is_sent(lake: Lake) -> None:
    typed = outcomes.checked(TYPED | {"member": code(lake, "C0001"), "next": "2026-07-09"}, today=NOW.date())
    boss = User("boss", "", "")
    assert outcomes.keep(lake.path, typed, user=boss, now=NOW)
    assert not outcomes.keep(lake.path, typed, user=boss, now=NOW)
    row = lake.table("contacts").collect()
    assert row.height == 1
    assert row.select("customer_id", "staff_id", "outcome", "channel", "purpose", "src_name").row(0) == (
        "C0001", "boss", "reached", "phone", "win_back", "page",
    )  # fmt: skip
    assert (row["at"][0], row["next_at"][0].date()) == (NOW, date(2026, 7, 9))
    CONTACTS.schema.validate(row.select(CONTACTS.schema.column_names()), cast=True)
    told = delta.history(lake.table_path("contacts"))[0]
    assert (told["by"], told["kept"]) == ("boss", 1)


def test_a_reason_told_is_a_reason_of_loss_that_the_fill_rate_counts(lake: Lake) -> None:
    code_ = code(lake, "C0001")
    typed = outcomes.checked(TYPED | {"member": code_, "result": "lost", "reason": "price"}, today=NOW.date())
    assert outcomes.keep(lake.path, typed, user=User("boss", "", ""), now=NOW)
    assert not outcomes.keep(lake.path, typed, user=User("boss", "", ""), now=NOW)
    told = forms.answers(lake.table("loss_reasons").collect(), ids=pl.Series(["C0001"]), shown=pl.Series([code_]))
    assert told.select("customer_id", "reason").rows() == [("C0001", "price")]


def test_a_member_of_another_region_is_nobody_to_this_user(lake: Lake) -> None:
    east = User("east", "", "", regions=("华东",))
    assert outcomes.member_of(lake, code(lake, "C0001"), user=east) == "C0001"
    with pytest.raises(outcomes.TypedError):
        outcomes.member_of(lake, code(lake, "C0002"), user=east)


def test_while_the_lake_is_written_to_the_row_waits_and_is_then_refused(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    typed = outcomes.checked(TYPED | {"member": code(lake, "C0001")}, today=NOW.date())
    with lake.writing(), pytest.raises(LakeError) as error:
        outcomes.keep(lake.path, typed, user=User("boss", "", ""), now=NOW)
    assert error.value.code == "lake.locked"
    assert len(waited) == filed.TRIES - 1
    assert not lake.has("contacts")
    assert outcomes.keep(lake.path, typed, user=User("boss", "", ""), now=NOW), "and the same form is kept later"


@dataclass
class Front:
    """A guard that lets one user in and remembers what was noted."""

    user: User | None
    noted: list[str] = field(default_factory=list)
    proxy: None = None

    def who(self, _: tornado.web.RequestHandler) -> User | None:
        return self.user

    def note(self, _: object, user: User | None, *, outcome: str, page: str = "", name: str = "") -> None:
        self.noted.append(f"{outcome} {page}".strip())

    def clock(self) -> datetime:
        return NOW


class TestTheForm(AsyncHTTPTestCase):
    """The handler as a browser meets it."""

    @pytest.fixture(autouse=True)
    def _lake(self, lake: Lake) -> None:
        self.lake = lake

    def get_app(self) -> tornado.web.Application:
        self.front = Front(User("boss", "", ""))
        given: dict[str, Any] = {"guard": self.front, "lake": self.lake.path}
        return tornado.web.Application(
            [(r"/outcome", outcomes.OutcomeHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
        )

    def sent(self, **change: str) -> HTTPResponse:
        form = self.fetch("/outcome")
        text = form.body.decode()
        found = dict(re.findall(r'name="(_xsrf|form)" value="([^"]+)"', text))
        body = urlencode(TYPED | {"member": code(self.lake, "C0001")} | found | change)
        cookie = form.headers["Set-Cookie"].split(";")[0]
        return self.fetch("/outcome", method="POST", body=body, headers={"Cookie": cookie}, follow_redirects=False)

    def test_it_is_kept_and_said(self) -> None:
        answer = self.sent(language="en")
        assert answer.code == 302
        assert "Kept: " in self.fetch(answer.headers["Location"]).body.decode()
        assert self.lake.table("contacts").collect().height == 1
        assert self.front.noted == [f"outcome {code(self.lake, 'C0001')}"]

    def test_without_the_forms_token_nothing_is_kept(self) -> None:
        assert self.fetch("/outcome", method="POST", body=urlencode(TYPED)).code == 403
        assert not self.lake.has("contacts")

    def test_what_was_typed_stays_where_it_cannot_be_kept(self) -> None:
        answer = self.sent(member="ZZZZ2222", next="2026-08-01")
        text = answer.body.decode()
        assert answer.code == 400
        assert 'value="ZZZZ2222"' in text and 'value="2026-08-01"' in text
        assert not self.lake.has("contacts")
        assert self.front.noted == ["outcome refused ZZZZ2222"]

    def test_whoever_may_not_open_the_list_may_not_write_on_it(self) -> None:
        self.front.user = User("other", "", "", reports=("customer_value",))
        assert self.fetch("/outcome").code == 403
        self.front.user = None
        assert self.fetch("/outcome", follow_redirects=False).code == 302

    def test_markup_is_text(self) -> None:
        text = self.fetch("/outcome?member=%22%3E%3Cscript%3E&kept=%3Cb%3E").body.decode()
        assert "<script>" not in text and "<b>" not in text
