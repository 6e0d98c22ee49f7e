"""The forms of a running server under attack: a part of `attack.py`, which logs in and hands its server over.

Every form is asked without a login, without and with a stranger's token, under other host names and methods, with lists
that are nobody's, members, regions and promotions of others, markup in every field, and bodies far too large. Nothing
of it may be kept, shown as markup, or end in an error of the server. One view is kept by ten requests at once, looked
for on the portal and forgotten again.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol
from urllib.parse import urlencode

FORM = "0123456789abcdef" * 2
FORMS: dict[str, dict[str, str]] = {
    "/view": {"name": "x", "report": "customer_value", "asked": "{}"},
    "/claim": {"member": "ZZZZ2222", "staff": "G101", "form": FORM},
    "/find": {"number": "ZZZZ2222"},
    "/register": {"step": "approve:L00000"},
    "/offer": {"promotion": "P0", "move": "approve", "form": FORM, "name": "x", "budget": "1", "priced": FORM},
    "/outcome": {"member": "ZZZZ2222", "channel": "phone", "result": "reached", "reason": "", "next": "", "form": FORM},
    "/merge": {"list": FORM, "pair": "accepted:0", "form": FORM},
    "/reveal": {"list": FORM, "purpose": "contact", "note": "", "how": "show"},
    "/logout": {},
}
"""Address → fields, filled so that nothing of it is anybody's."""
KEPT = {"/view": 302, "/logout": 302}
"""Where this would succeed for whoever is in, and how that is told."""
MARKUP = [
    '"><script>alert(1)</script>',
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe",
    "x\r\nSet-Cookie: a=b",
    "{0}$x",
]
ELSEWHERE = ["../../users.toml", "..%2f..%2fusers.toml", "/etc/passwd", "x\x00y", "%00", "a" * 5000]
LARGE = [50_000, 3_000_000]
AT_ONCE = 10
VIEW = "<script>alert(1)</script>"


class Asked(Protocol):
    """What `attack.Server` offers."""

    host: str
    port: int
    cookies: dict[str, str]

    def ask(self, path: str, **more: Any) -> tuple[int, bytes, dict[str, str]]:
        """One request: status, content, headers."""

    def say(self, what: str, tried: int, bad: list[object]) -> None:
        """Print what came of an attack."""


def strangers(server: Asked) -> None:
    """Forms without a login: a look leads to the login, a post is refused."""
    bad: list[object] = []
    for path, fields in FORMS.items():
        status, body, headers = server.ask(path, cookies={})
        there = status == 405 if path == "/logout" else headers.get("location", "").startswith("/login")
        posted = server.ask(path, method="POST", form=fields, cookies={})[0]
        if not there or b"<form" in body or posted not in {302, 403}:
            bad.append((path, status, posted))
    server.say("forms without a login", 2 * len(FORMS), bad)
    answers = [
        server.ask(f"/unsubscribe/{token}", method="POST", cookies={}) for token in ("x", "a" * 300, "%00", FORM)
    ]
    said = {(status, body) for status, body, _ in answers if status < 400}
    wrong = [status for status, _, _ in answers if status >= 500]
    server.say("addresses of a mail that nobody got are all answered alike", 4, [*wrong, *list(said)[1:]])


def users(server: Asked, other: str) -> None:
    """Forms with a login, of somebody who may see their own region; `other` is a region of others."""
    token = _token(server)
    server.say("forms without the token, or with a stranger's", 3 * len(FORMS), list(_without(server, token)))
    server.say("forms under another name or method", 7 * len(FORMS), list(_elsewhere(server, token)))
    filled = {path: fields for path, fields in FORMS.items() if path not in KEPT}
    bad = [(p, f) for p, f in filled.items() if not _refused(server.ask(p, method="POST", form=f | token))]
    server.say("forms filled with what is nobody's", len(filled), bad)
    tried = [(p, dict(f) | {k: v}) for p, f in filled.items() for k in f for v in (*MARKUP, *ELSEWHERE)]
    bad = [(p, f, s[0]) for p, f in tried if not _refused(s := server.ask(p, method="POST", form=f | token))]
    server.say("markup, paths and unseen signs in every field", len(tried), bad)
    asked = [
        f"{p}?{urlencode({k: v})}" for p, f in filled.items() for k in (*f, "kept", "done", "language") for v in MARKUP
    ]
    bad = [(path, status) for path, status in ((p, _looked(server, p)) for p in asked) if status]
    server.say("markup in the address of a form", len(asked), bad)
    _large(server, token)
    if other:
        _other(server, token, other)
    _at_once(server, token)


def _token(server: Asked) -> dict[str, str]:
    found = re.search(rb'name="_xsrf" value="([^"]+)"', server.ask("/")[1])
    return {"_xsrf": found[1].decode() if found else ""}


def _without(server: Asked, token: Mapping[str, str]) -> Iterator[object]:
    jar: dict[str, str] = {}
    foreign = re.search(rb'name="_xsrf" value="([^"]+)"', server.ask("/login", cookies=jar)[1])
    for path, fields in FORMS.items():
        for wrong in ({}, {"_xsrf": ""}, {"_xsrf": foreign[1].decode() if foreign else "x"}):
            status = server.ask(path, method="POST", form=fields | wrong)[0]
            if status != 403:
                yield path, wrong, status


def _elsewhere(server: Asked, token: Mapping[str, str]) -> Iterator[object]:
    for path, fields in FORMS.items():
        form = {**fields, **token}
        for host in ("evil.example", "127.0.0.1.evil.example", ""):
            status = server.ask(path, method="POST", form=form, Host=host)[0]
            if status not in {400, 403}:
                yield path, host, status
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            status = server.ask(path, method=method, form=form)[0]
            if status not in {403, 404, 405}:
                yield path, method, status


def _refused(answer: tuple[int, bytes, dict[str, str]]) -> bool:
    """Refused without an error, nothing of the machine told, no markup passed on."""
    status, body, headers = answer
    return status in {400, 403, 404, 410, 429} and not _tells(body) and "a=b" not in headers.get("set-cookie", "")


def _looked(server: Asked, path: str) -> int:
    """0 where a look at a form shows no markup; else the status."""
    status, body, headers = server.ask(path)
    fine = status in {200, 302, 400, 403, 404, 410} and not _tells(body) and "a=b" not in headers.get("set-cookie", "")
    return 0 if fine else status


def _tells(body: bytes) -> bool:
    text = body.decode("utf-8", "replace")
    return any(m in text for m in ("<script", "<img", "\u202e", "Traceback", "$argon2", "root:"))


def _large(server: Asked, token: Mapping[str, str]) -> None:
    bad: list[object] = []
    for path, fields in FORMS.items():
        if path in KEPT and path != "/view":
            continue
        for size in LARGE:
            form = {**fields, **token, next(iter(fields)): "x" * size}
            try:
                status = server.ask(path, method="POST", form=form)[0]
            except OSError:  # hung up before it was all sent
                status = 413
            if status not in {400, 403, 404, 410, 413}:
                bad.append((path, size, status))
        head = f"POST {path} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: 999999999\r\n\r\n"
        with socket.create_connection((server.host, server.port), timeout=60) as one:
            one.sendall(head.encode())
            answer = one.recv(200)
        if answer and b" 400 " not in answer and b" 413 " not in answer:
            bad.append((path, "a gigabyte", answer[:40]))
    nested = "[" * 2000 + "]" * 2000
    for asked in (nested, "{" * 3000, '{"a": 1e999}', "null", "[1]", '{"region": ["x"]}'):
        status = server.ask("/view", method="POST", form={**FORMS["/view"], **token, "asked": asked})[0]
        if status not in {302, 400, 403}:
            bad.append(("/view", asked[:20], status))
    server.ask("/view", method="POST", form={"drop": FORMS["/view"]["name"], **token})
    server.say("bodies far too large, parameters far too deep", 3 * (len(FORMS) - 1) + 6, bad)


def _other(server: Asked, token: Mapping[str, str], other: str) -> None:
    """A region of others, asked for wherever a region can be asked for."""
    portal = server.ask("/")[1].decode("utf-8", "replace")
    apps = sorted(set(re.findall(r"/apps/([a-z_]+)", portal)))
    bad: list[object] = []
    for app in apps:
        asked = urlencode({"region": other})
        status, body, _ = server.ask(f"/apps/{app}?{asked}")
        if status < 400 or b"Traceback" in body:
            bad.append((f"/apps/{app}", status))
        form = {"name": "x", "report": app, "asked": f'{{"region": "{other}"}}', **token}
        found = (server.ask(f"/view?report={app}&{asked}")[0], server.ask("/view", method="POST", form=form)[0])
        if not {*found} <= {400, 403}:
            bad.append((f"/view {app}", found))
    server.say("another region, in every app and as a view", 3 * len(apps), bad or ([] if apps else ["no apps"]))


def _at_once(server: Asked, token: Mapping[str, str]) -> None:
    """One view kept by ten at once stands once, as text; then it is forgotten by ten at once."""
    portal = server.ask("/")[1].decode("utf-8", "replace")
    report = (re.findall(r"/apps/([a-z_]+)", portal) or ["customer_value"])[0]
    form = {"name": VIEW, "report": report, "asked": "{}", **token}

    def post(fields: Mapping[str, str]) -> int:
        return server.ask("/view", method="POST", form=dict(fields), cookies=dict(server.cookies))[0]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        kept = list(pool.map(post, [form] * AT_ONCE))
    page = server.ask("/")[1].decode("utf-8", "replace")
    shown = page.count('name="drop" value="&lt;script&gt;alert(1)&lt;/script&gt;"')
    with ThreadPoolExecutor(AT_ONCE) as pool:
        dropped = list(pool.map(post, [{"drop": VIEW, **token}] * AT_ONCE))
    after = server.ask("/")[1].decode("utf-8", "replace").count("alert(1)")
    fine = set(kept) == set(dropped) == {302} and shown == 1 and VIEW not in page and after == 0
    server.say(
        "a view with a script's name, kept and forgotten by ten at once",
        2 * AT_ONCE,
        [] if fine else [(set(kept), set(dropped), shown, after)],
    )
