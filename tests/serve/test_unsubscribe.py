"""The one click of a mail: a post with the mail's own address takes its reader off, anything else changes nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import tornado.web
from tornado.httpclient import AsyncHTTPClient, HTTPResponse
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

from crmlib.data import Lake
from crmlib.outreach.outbox import Key
from crmlib.run.lists import book, letters
from crmlib.serve.unsubscribe import UnsubscribeHandler
from tests.run.lists.conftest import NOON, made, ready


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = made(tmp_path_factory.mktemp("click") / "lake", n=10)
    ready(lake, n=10)
    return lake


def asked(lake: Path, token: str, *, method: str) -> HTTPResponse:
    async def ask() -> HTTPResponse:
        rule = (r"/unsubscribe/([^/]+)", UnsubscribeHandler, {"lake": lake, "clock": lambda: NOON})
        server = HTTPServer(tornado.web.Application([rule], xsrf_cookies=True, cookie_secret="x"))
        socket, port = bind_unused_port()
        server.add_socket(socket)
        try:
            body = "List-Unsubscribe=One-Click" if method == "POST" else None
            address = f"http://127.0.0.1:{port}/unsubscribe/{token}"
            return await AsyncHTTPClient(force_instance=True).fetch(address, method=method, body=body)
        finally:
            server.stop()

    return asyncio.run(ask())


def test_only_a_post_with_the_mail_s_own_address_takes_its_reader_off(lake: Lake) -> None:
    who = book.find(lake, "L1").contact["recipient_id"][:1]
    code = lake.pseudonyms(who)[0]
    token = letters.token(lake, Key("L1", 1, who[0], "email"), code)
    assert b"<form" in asked(lake.path, token, method="GET").body
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    other = token.replace(code, "AAAAAAAA")
    for wrong in (forged, other, "x", "L1.1.." + "0" * 32, "%E9%9D%9E.1.x.y", "a" * 5_000):
        assert asked(lake.path, wrong, method="POST").code == 200, "the same answer, so that nothing is learnt"
    assert not lake.has("outreach_events")
    for _ in range(2):
        answer = asked(lake.path, token, method="POST")
        assert "不再发".encode() in answer.body
    events = lake.table("outreach_events").collect()
    assert events.select("list_id", "recipient_id", "kind", "value").rows()[0] == (
        "L1",
        who[0],
        "opted_out",
        "one click",
    )
    assert lake.table("suppressions").collect().height == 1
