"""A claim on the server: two rows with who and when, judged by the rules, once per form; and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import polars as pl
import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.core import owners
from crmlib.core.contracts import CONTRACTS
from crmlib.core.contracts.customers import ASSIGNMENTS
from crmlib.core.contracts.pool import POOL_MOVES
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.data.lake.store import storable
from crmlib.kit.words import LANGUAGES, Words
from crmlib.report import choices
from crmlib.serve import claims
from crmlib.serve.outcomes import TypedError
from crmlib.serve.users import User
from tests.report import world
from tests.serve.test_outcomes import Front, code

NOW = datetime(2026, 7, 2, 3, 0, tzinfo=UTC)
BOSS, LI = User("boss", "", ""), User("li", "", "", staff="G1")
KNOWN = {"src_name": "p", "src_file": "p.csv", "src_line": 1, "known_at": world.CLOCK}
RULE = {
    "pool_id": "p", "level": "*", "version": 1, "valid_from": date(2026, 1, 1), "contact_days": 30, "protect_days": 0,
    "remind_days": 3, "max_owned": 2, "max_claims_day": 1, "former_owner_days": 60, "deals_protect": True, "lot_bp": 0,
}  # fmt: skip


def put(lake: Lake, name: str, rows: list[dict[str, Any]], **dtypes: Any) -> None:
    types = CONTRACTS[name].schema.columns()
    frame = pl.DataFrame([r | KNOWN for r in rows], schema_overrides=dtypes)
    frame = frame.with_columns(pl.lit(None, dtype=t.dtype).alias(c) for c, t in types.items() if c not in frame.columns)
    batch = delta.Batch(f"b-{name}-{len(rows)}", {"table": name})
    delta.append(
        lake.table_path(name), storable(frame, CONTRACTS[name]), batch=batch, partition=None,
        description='{"currency": "CNY", "time_zone": "Asia/Shanghai"}',
    )  # fmt: skip


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """C0001 and C0002 in the pool (the second of the south), C0003 drawn to be late, C0004 of G1 until a week ago."""
    made = world.make_lake(tmp_path / "lake")
    put(made, "customers", [{"customer_id": f"C000{i}", "region": "华南" if i == 2 else "华东"} for i in range(1, 6)])
    put(made, "staff", [{"staff_id": "G1", "left_on": None}, {"staff_id": "G9", "left_on": date(2026, 1, 1)}])
    put(made, "pool_rules", [RULE])
    week = world.CLOCK - timedelta(days=7)
    moved = [(f"C000{i}", "recycled", None) for i in range(1, 5)] + [("C0003", "locked", None)]
    put(made, "pool_moves", [
        {"move_id": f"m{n}", "customer_id": c, "pool_id": "p", "at": week, "kind": k, "staff_id": s}
        for n, (c, k, s) in enumerate(moved)
    ], staff_id=pl.String)  # fmt: skip
    put(made, "assignments", [
        {"customer_id": "C0004", "starts_on": date(2025, 1, 1), "staff_id": "G1", "ends_on": None},
        {"customer_id": "C0004", "starts_on": week.date(), "staff_id": None, "ends_on": None},
    ], ends_on=pl.Date)  # fmt: skip
    return made


def typed(lake: Lake, customer: str, staff: str = "G1", form: str = "a") -> claims.Claim:
    return claims.Claim(code(lake, customer), staff, form * 32)


def test_a_claim_is_a_move_and_an_owner_however_often_the_form_is_sent(lake: Lake) -> None:
    assert claims.keep(lake.path, typed(lake, "C0001"), user=BOSS, now=NOW)
    assert not claims.keep(lake.path, typed(lake, "C0001"), user=BOSS, now=NOW)
    move = lake.table("pool_moves").filter(pl.col("kind") == "claimed").collect()
    assert move.select("customer_id", "staff_id", "pool_id", "at").rows() == [("C0001", "G1", "p", NOW)]
    POOL_MOVES.schema.validate(move.select(POOL_MOVES.schema.column_names()), cast=True)
    held = lake.table("assignments").collect()
    mine = held.filter(pl.col("customer_id") == "C0001")
    assert mine.select("staff_id", "starts_on", "kind", "by_staff").rows() == [
        ("G1", date(2026, 7, 2), "claim", "boss")
    ]
    ASSIGNMENTS.schema.validate(mine.select(ASSIGNMENTS.schema.column_names()), cast=True)
    people = lake.table("customers").with_columns(owner_staff=pl.lit(None, dtype=pl.String))
    said = owners.of_day(people, held, as_of=date(2026, 7, 2)).collect()
    assert said.filter(pl.col("owner_staff").is_not_null())["customer_id"].to_list() == ["C0001"]


def test_a_customer_recycled_this_morning_has_one_owner_after_the_claim(lake: Lake) -> None:
    """The pool's own row of today gives way: two owners of one day would end every page."""
    today = NOW.astimezone(world.CLOCK.tzinfo).date()
    put(lake, "pool_moves", [{"move_id": "m9", "customer_id": "C0005", "pool_id": "p", "at": NOW - timedelta(hours=2),
                              "kind": "recycled", "staff_id": None}], staff_id=pl.String)  # fmt: skip
    put(lake, "assignments", [{"customer_id": "C0005", "starts_on": today, "staff_id": None, "ends_on": None}],
        ends_on=pl.Date, staff_id=pl.String)  # fmt: skip
    assert claims.keep(lake.path, typed(lake, "C0005"), user=BOSS, now=NOW)
    mine = lake.table("assignments").filter(pl.col("customer_id") == "C0005").collect()
    assert mine.select("starts_on", "staff_id").rows() == [(today, "G1")]


@pytest.mark.parametrize(
    ("customer", "staff", "wrong"),
    [("C0003", "G1", "locked"), ("C0004", "G1", "former_owner"), ("C0005", "G1", "outside"), ("C0001", "G9", "staff"),
     ("C0001", "G7", "staff")],
)  # fmt: skip
def test_what_the_rules_refuse_is_refused_by_name_and_nothing_is_written(
    lake: Lake, customer: str, staff: str, wrong: str
) -> None:
    before = lake.table("pool_moves").collect().height
    with pytest.raises(TypedError) as error:
        claims.keep(lake.path, typed(lake, customer, staff), user=BOSS, now=NOW)
    assert str(error.value) == wrong
    assert lake.table("pool_moves").collect().height == before
    assert all(Words(language).has(f"serve.claim.wrong.{wrong}") for language in LANGUAGES)


def test_the_second_claim_of_a_customer_and_of_a_day_are_refused(lake: Lake) -> None:
    assert claims.keep(lake.path, typed(lake, "C0001"), user=BOSS, now=NOW)
    for customer, wrong in (("C0001", "owned"), ("C0002", "day_limit")):
        with pytest.raises(TypedError) as error:
            claims.keep(lake.path, typed(lake, customer, form="b"), user=BOSS, now=NOW + timedelta(hours=1))
        assert str(error.value) == wrong
    assert claims.keep(lake.path, typed(lake, "C0002", form="c"), user=BOSS, now=NOW + timedelta(days=1))


def test_a_member_of_another_region_is_nobody_to_this_user(lake: Lake) -> None:
    east = User("east", "", "", regions=("华东",))
    with pytest.raises(TypedError) as error:
        claims.keep(lake.path, typed(lake, "C0002"), user=east, now=NOW)
    assert str(error.value) == "member"


@pytest.mark.parametrize(
    ("change", "user", "wrong"),
    [({"member": "<b>"}, BOSS, "member"), ({"staff": ""}, BOSS, "staff"), ({"staff": "G 1"}, BOSS, "staff"),
     ({"staff": "G2"}, LI, "own"), ({"form": "../x"}, BOSS, "form")],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(change: dict[str, str], user: User, wrong: str) -> None:
    with pytest.raises(TypedError) as error:
        claims.checked({"member": "ABCD2345", "staff": "G1", "form": "a" * 32} | change, user=user)
    assert str(error.value) == wrong
    assert all(Words(language).has(f"serve.claim.wrong.{wrong}") for language in LANGUAGES)


def test_a_reader_with_a_number_is_offered_no_other_person(lake: Lake) -> None:
    rows = [
        {"customer_id": f"C000{i}", "starts_on": date(2026, 5, 1), "staff_id": f"G{i}", "ends_on": None} for i in (1, 5)
    ]
    put(lake, "assignments", rows, ends_on=pl.Date)
    offered = {
        own: [v for v, _ in choices.offered(world.opened(lake, report="pool", person=own))["person"]]
        for own in ("", "G5")
    }
    assert offered == {"": ["G1", "G5"], "G5": ["G5"]}


class TestTheForm(AsyncHTTPTestCase):
    """The handler as a browser meets it."""

    @pytest.fixture(autouse=True)
    def _lake(self, lake: Lake) -> None:
        self.lake = lake

    def get_app(self) -> tornado.web.Application:
        self.front = Front(LI)
        given: dict[str, Any] = {"guard": self.front, "lake": self.lake.path}
        return tornado.web.Application(
            [(r"/claim", claims.ClaimHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
        )

    def sent(self, customer: str, **change: str) -> HTTPResponse:
        form = self.fetch("/claim")
        found = dict(re.findall(r'name="(_xsrf|form|staff)" value="([^"]+)"', form.body.decode()))
        body = urlencode({"member": code(self.lake, customer)} | found | change)
        cookie = form.headers["Set-Cookie"].split(";")[0]
        return self.fetch("/claim", method="POST", body=body, headers={"Cookie": cookie}, follow_redirects=False)

    def test_the_own_number_is_filled_in_and_the_claim_is_kept_and_said(self) -> None:
        answer = self.sent("C0001", language="en")
        assert answer.code == 302
        assert "Claimed: " in self.fetch(answer.headers["Location"]).body.decode()
        assert self.front.noted == [f"claim {code(self.lake, 'C0001')}"]

    def test_nobody_claims_for_somebody_else(self) -> None:
        answer = self.sent("C0001", staff="G2", language="en")
        assert answer.code == 400 and Words("en")("serve.claim.wrong.own") in answer.body.decode()
        assert self.front.noted == [f"claim refused: own {code(self.lake, 'C0001')}"]

    def test_without_the_forms_token_or_the_right_nothing_is_kept(self) -> None:
        assert self.fetch("/claim", method="POST", body=urlencode({"member": "ABCD2345"})).code == 403
        sent = {"member": code(self.lake, "C0001"), "staff": "G1", "form": "a" * 32}
        for report in ("care", "staff"):
            self.front.user = User("other", "", "", reports=(report,))
            assert self.fetch("/claim").code == 403
            with patch.object(claims.ClaimHandler, "check_xsrf_cookie"):
                assert self.fetch("/claim", method="POST", body=urlencode(sent)).code == 403
        assert self.lake.table("pool_moves").filter(pl.col("kind") == "claimed").collect().is_empty()

    def test_markup_is_text(self) -> None:
        text = self.fetch("/claim?member=%22%3E%3Cscript%3E&kept=%3Cb%3E").body.decode()
        assert "<script>" not in text and "<b>" not in text
        assert "&lt;b&gt;" not in text.split("<form")[0], "what is no member's code was not claimed"
