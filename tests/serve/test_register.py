"""The register at the server: the steps of the command line, with its refusals, in one's own name."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import polars as pl
import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.core.contracts import CONTRACTS
from crmlib.data.lake.filed import settle
from crmlib.data.lake.lake import Lake
from crmlib.outreach.register import Terms
from crmlib.report.memory import states
from crmlib.run.lists import audit, book
from crmlib.serve import register
from crmlib.serve.users import User
from tests.run.lists.conftest import company, founded, ready
from tests.serve.test_merges import Front

__all__ = ["company", "founded"]
NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
LI, WANG = User("li", "", "l", may=("send", "approve")), User("wang", "", "w", may=("approve",))
EAST, GUEST = User("east", "", "e", regions=("east",), may=("approve", "send")), User("", "", "")
NAME = "九月 <script>alert(1)</script>"


def proposed(lake: Lake, channel: str = "email") -> None:
    ids = pl.DataFrame({"recipient_id": [f"C{i:04}" for i in range(40)]})
    terms = Terms("L9", NAME, "repeat", channel, "", control_bp=2000, message_id=f"M-{channel}")
    kept = ids.with_columns(terms=pl.lit(terms.as_text()))
    states.save(lake, states.Slot("contact_list", "proposed", ""), kept, as_of=NOW.date())


class TestTheRegister(AsyncHTTPTestCase):
    """The handler as a browser meets it."""

    @pytest.fixture(autouse=True)
    def _shop(self, company: Lake, root: Path) -> None:
        self.lake, self.root = company, root
        proposed(company)

    def get_app(self) -> tornado.web.Application:
        self.front = Front(LI)
        given = {"guard": self.front, "lake": self.lake.path, "notebooks": self.root / "notebooks"}
        return tornado.web.Application(
            [(r"/register", register.RegisterHandler, given)], cookie_secret="x", allowed_hosts={"127.0.0.1"}
        )

    def look(self, user: User = LI, *, language: str = "en") -> str:
        self.front.user = user
        return self.fetch(f"/register?language={language}").body.decode()

    def take(self, step: str, user: User = LI) -> HTTPResponse:
        """Whatever the page offers, this is sent."""
        self.front.user = user
        page = self.fetch("/register?language=en")
        found = dict(re.findall(r'name="(_xsrf|language)" value="([^"]*)"', page.body.decode()))
        cookie = page.headers["Set-Cookie"].split(";")[0]
        return self.fetch("/register", method="POST", body=urlencode({"step": step} | found),
                          headers={"Cookie": cookie})  # fmt: skip

    def state(self) -> str:
        return book.find(self.lake, "L9").life.state

    def test_one_draws_another_approves_and_each_step_is_noted(self) -> None:
        assert 'value="draw:L9"' in self.look() and "Candidates: 40" in self.look()
        drawn = self.take("draw:L9").body.decode()
        assert "Contact 32, left alone 8" in drawn and 'value="approve:L9"' not in drawn, "not one's own"
        assert 'value="approve:L9"' in self.look(WANG) and 'value="cancel:L9"' not in self.look(WANG)
        assert self.take("approve:L9", WANG).code == 200 and self.state() == "approved"
        assert self.front.noted == [("list draw", "L9"), ("list approve", "L9")]
        told = [(line["what"], line["by"]) for line in audit.lines(self.lake.path)]
        assert told == [("drawn", "li"), ("approved", "wang")]

    def test_a_draw_is_not_repeated_and_no_step_taken_out_of_order_or_without_the_right(self) -> None:
        assert self.take("draw:contact_list", GUEST).code == 403, "without a name nobody owns it"
        assert self.take("draw:contact_list").code == 200
        seal = book.find(self.lake, "L9").row["seal"]
        again = self.take("draw:contact_list")
        assert again.code == 400 and "L9" in again.body.decode()
        assert book.find(self.lake, "L9").row["seal"] == seal
        assert self.take("approve:L9").code == 400, "one's own list, whatever the right"
        assert self.take("send:L9").code == 400 and self.take("close:L9").code == 400
        assert self.take("send:L9", WANG).code == 403 and self.take("cancel:L9", WANG).code == 403
        for wrong in ("approve:L0", "draw:../people", "burn:L9", "approve", "approve:", "draw:L9"):
            assert self.take(wrong, WANG).code == 400
        assert self.state() == "drawn"
        refused = [outcome for outcome, _ in self.front.noted if "refused" in outcome]
        assert len(refused) == 13

    def test_of_two_who_move_it_at_once_one_is_told_how_it_stands(self) -> None:
        self.take("draw:contact_list")
        assert [self.take("approve:L9", WANG).code, self.take("approve:L9", WANG).code] == [200, 400]
        steps = self.lake.table("campaign_steps").filter(pl.col("list_id") == "L9").collect()
        assert steps.sort("at", "state")["state"].cast(pl.String).to_list() == ["drawn", "approved"]

    def test_without_the_page_s_token_nothing_is_done(self) -> None:
        self.front.user = LI
        assert self.fetch("/register", method="POST", body="step=draw%3Acontact_list").code == 403
        assert not self.lake.has("campaigns") and self.front.noted == []

    def test_a_reader_of_some_regions_handles_no_lists(self) -> None:
        assert "九月" not in self.look(EAST) and self.take_blind("draw:contact_list", EAST) == 403
        assert not self.lake.has("campaigns")

    def take_blind(self, step: str, user: User) -> int:
        self.front.user = LI
        page = self.fetch("/register?language=en")
        token = re.findall(r'name="_xsrf" value="([^"]*)"', page.body.decode())[0]
        self.front.user = user
        return self.fetch("/register", method="POST", body=urlencode({"step": step, "_xsrf": token}),
                          headers={"Cookie": page.headers["Set-Cookie"].split(";")[0]}).code  # fmt: skip

    def test_a_name_is_text_and_an_edited_list_has_no_step_left(self) -> None:
        self.take("draw:contact_list")
        assert "<script>alert" not in self.look(WANG) and "&lt;script&gt;" in self.look(WANG, language="zh")
        rows = self.lake.table("outreach").collect()
        fewer = rows.filter(pl.col("recipient_id") != rows["recipient_id"][0])
        settle(self.lake, CONTRACTS["outreach"], fewer.drop(c for c in fewer.columns if c.startswith(
            ("src_", "known_"))), where={"list_id": "L9", "version": 1}, by="x", now=NOW)  # fmt: skip
        page = self.look(WANG)
        assert "Edited after its draw" in page and 'value="approve:L9"' not in page
        assert self.take("approve:L9", WANG).code == 400

    def test_a_list_of_phones_does_not_leave_by_the_server(self) -> None:
        ready(self.lake, "sms")
        sent = self.take("send:L1")
        assert sent.code == 400 and book.find(self.lake, "L1").life.state == "approved"
