"""Saved views: kept for their owner alone, within the rights, with the form's token; they survive whatever comes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode

import pytest
import tornado.web
from tornado.httpclient import HTTPResponse
from tornado.testing import AsyncHTTPTestCase

from crmlib.kit.words import LANGUAGES, Words
from crmlib.serve import views
from crmlib.serve.users import User

KNOWN = ("sales_pulse", "customer_value")
EAST = User("li", "", "m", regions=("华东",), reports=("sales_pulse",))
BOSS = User("boss", "", "m")


def made(name: str = "我的门店", report: str = "sales_pulse", user: User = EAST, **asked: str) -> views.View:
    return views.checked(name, report, asked, user=user, known=KNOWN)


def test_a_view_is_of_its_owner_alone_and_holds_neither_day_nor_language(tmp_path: Path) -> None:
    view = made(region="华东", as_of="2026-01-01", language="en")
    assert view.asked == (("region", "华东"),)
    views.keep(tmp_path, view, user=EAST)
    assert views.of(tmp_path, EAST) == [view]
    assert views.of(tmp_path, BOSS) == []
    views.keep(tmp_path, made(), user=EAST)
    assert [v.asked for v in views.of(tmp_path, EAST)] == [()], "a second one of that name stands in its place"
    views.drop(tmp_path, view.name, user=EAST)
    assert views.of(tmp_path, EAST) == []


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"name": "  "}, "name"), ({"name": "x" * 41}, "name"), ({"name": "a\x00b"}, "name"),
        ({"report": "../x"}, "report"), ({"report": "customer_value"}, "report"), ({"region": "华南"}, "region"),
        ({"months": "x"}, "parameters"), ({"nothing": "1"}, "parameters"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_name(change: dict[str, str], wrong: str) -> None:
    with pytest.raises(views.ViewError) as error:
        made(**change)
    assert str(error.value) == wrong
    assert all(Words(language).has(f"serve.view.wrong.{wrong}") for language in LANGUAGES)


def test_a_right_that_is_taken_away_takes_the_views_with_it(tmp_path: Path) -> None:
    views.keep(tmp_path, made(region="华东"), user=EAST)
    views.keep(tmp_path, made("all"), user=EAST)
    moved = User("li", "", "n", regions=("华南",), reports=("sales_pulse",))
    assert [v.name for v in views.of(tmp_path, moved)] == ["all"]
    assert views.of(tmp_path, User("li", "", "n", reports=("customer_value",))) == []


def test_so_many_views_and_no_more(tmp_path: Path) -> None:
    for number in range(views.MOST):
        views.keep(tmp_path, made(f"v{number}"), user=EAST)
    with pytest.raises(views.ViewError, match="many"):
        views.keep(tmp_path, made("one more"), user=EAST)
    assert len(views.of(tmp_path, EAST)) == views.MOST


def test_a_writer_that_is_killed_leaves_whole_views(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from crmlib.serve import views; from crmlib.serve.users import User\n"
        "u = User('li', '', 'm')\n"
        "for n in range(10**6):\n"
        " views.keep(Path(sys.argv[1]), views.View(f'v{n % 9}', 'x', ()), user=u); print(n, flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        for _ in range(20):
            writer.stdout.readline()
        time.sleep(0.003)
        os.kill(writer.pid, signal.SIGKILL)
    left = views.of(tmp_path, User("li", "", "m"))
    assert {v.name for v in left} == {f"v{n}" for n in range(9)}


@dataclass
class Front:
    """A guard that lets one user in and remembers what was noted."""

    user: User | None
    noted: list[tuple[str, str]] = field(default_factory=list)

    def who(self, _: tornado.web.RequestHandler) -> User | None:
        return self.user

    def note(self, _: object, user: User | None, *, outcome: str, page: str = "", **__: object) -> None:
        self.noted.append((outcome, page))

    def clock(self) -> datetime:
        return datetime(2026, 7, 2, tzinfo=UTC)


class TestForm(AsyncHTTPTestCase):
    """The form over HTTP."""

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> None:
        self.place, self.front = tmp_path, Front(EAST)

    def get_app(self) -> tornado.web.Application:
        given = {"guard": self.front, "lake": self.place, "known": lambda: KNOWN}
        return tornado.web.Application(
            [(r"/view", views.ViewHandler, given)], cookie_secret="s" * 32, xsrf_cookies=True,
            allowed_hosts=frozenset(("127.0.0.1", "localhost")),
        )  # fmt: skip

    def sent(self, *, token: bool = True, **body: str) -> HTTPResponse:
        page = self.fetch("/view?report=sales_pulse&region=%E5%8D%8E%E4%B8%9C&language=zh")
        cookie = page.headers.get("Set-Cookie", "").partition(";")[0]
        found = re.search(rb'name="_xsrf" value="([^"]+)"', page.body)
        if token and found:
            body["_xsrf"] = found[1].decode()
        return self.fetch(
            "/view", method="POST", body=urlencode(body), headers={"Cookie": cookie}, follow_redirects=False
        )

    def test_a_name_keeps_it_and_leads_to_the_portal_with_a_line_in_the_audit(self) -> None:
        answer = self.sent(report="sales_pulse", asked='{"region": "华东"}', name="<我的>", language="en")
        assert (answer.code, answer.headers["Location"]) == (302, "/index.en.html")
        assert [v.name for v in views.of(self.place, EAST)] == ["<我的>"]
        assert self.front.noted[-1][0] == "view kept"
        shown = views.block(views.of(self.place, EAST), words=Words("zh"), token="")
        assert "&lt;我的&gt;" in shown and "<我的>" not in shown and "区域：华东" in shown
        assert self.sent(drop="<我的>").code == 302
        assert views.of(self.place, EAST) == []

    def test_without_the_forms_token_nothing_is_kept(self) -> None:
        assert self.sent(token=False, report="sales_pulse", asked="{}", name="x").code == 403
        assert views.of(self.place, EAST) == []

    def test_a_report_or_region_of_others_is_refused_and_noted(self) -> None:
        for body in (
            {"report": "customer_value", "asked": "{}"},
            {"report": "sales_pulse", "asked": '{"region": "华南"}'},
        ):
            assert self.sent(name="x", **body).code == 403
        assert [outcome for outcome, _ in self.front.noted] == ["view refused: report", "view refused: region"]
        for asked in ("[1]", "null", "[" * 1900 + "]" * 1900, '{"a":' * 700):
            assert self.sent(report="sales_pulse", asked=asked, name="x").code == 400
        assert self.sent(report="sales_pulse", asked="{}", name=" ").code == 400
