"""An attack on a running server: routes, identities, hosts, paths, guesses, floods, readers who leave.

python benchmarks/attack.py http://127.0.0.1:8866 [--user NAME --password-from VARIABLE] [--app REPORT] [--readers 20]

Nothing is changed on the server but lines of its audit and counts of wrong passwords. Each attack prints one line: what
was tried, how often, and whether it held; the last line is the sum. Exit code 1 if one did not hold. Without a user
only what a stranger can do is tried.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

ROUTES = ["/", "/index.html", "/index.en.html", "/apps/customer_value", "/apps/x", "/customer_value/x/2026-01-31/zh/"]
CLOSED = [
    "/.ledger.sqlite", "/.audit.jsonl", "/users.toml", "/lake/users.toml", "/static/x", "/api/contents", "/api/kernels",
    "/api/sessions", "/api/terminals", "/voila/files/x", "/voila/render/customer_value.ipynb", "/voila/static/x",
    "/files/x", "/tree", "/lab", "/nbextensions/x", "/metrics", "/customer_value/x/.runs/", "/%2e%2e/x", "/..%2fx",
    "/%2e%2e%2f%2e%2e%2fetc/passwd", "/....//etc/passwd", "//etc/passwd", "/customer_value/../../../etc/passwd",
    "/x%00y", "/%ff", "/%0d%0aSet-Cookie:%20a=b", "/" + "a" * 9000,
    "/lists/0123456789abcdef0123456789abcdef/../../users.toml",
]  # fmt: skip
FORGED = ["X-Forwarded-User", "Remote-User", "X-Remote-User", "X-Crmlib-Proxy", "Authorization", "X-Original-URL"]
ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX: y"]


@dataclass
class Server:
    """The server under attack, and what came of it."""

    host: str
    port: int
    failed: int = 0
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        form: dict[str, str] | None = None,
        cookies: dict[str, str] | None = None,
        **headers: str,
    ) -> tuple[int, bytes, dict[str, str]]:
        """One request: status, content, headers."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=300)
        sent = {"Host": f"{self.host}:{self.port}"} | {name.replace("_", "-"): v for name, v in headers.items()}
        jar = self.cookies if cookies is None else cookies
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        body = urlencode(form) if form is not None else None
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(method, path, body, sent)
            reply = connection.getresponse()
            content = reply.read()
            for name, value in reply.getheaders():
                if name.lower() == "set-cookie":
                    key, _, rest = value.partition("=")
                    jar[key] = rest.partition(";")[0]
            return reply.status, content, {name.lower(): value for name, value in reply.getheaders()}
        finally:
            connection.close()

    def login(self, name: str, word: str, cookies: dict[str, str], **headers: str) -> tuple[int, dict[str, str]]:
        """Type a name and a password into the form."""
        _, page, _ = self.ask("/login", cookies=cookies)
        token = re.search(rb'name="_xsrf" value="([^"]+)"', page)
        form = {"name": name, "password": word, "_xsrf": token[1].decode() if token else ""}
        status, _, found = self.ask("/login", method="POST", form=form, cookies=cookies, **headers)
        return status, found

    def say(self, what: str, tried: int, bad: list[object]) -> None:
        """Print what came of an attack; `bad` is what did not hold."""
        self.failed += bool(bad)
        print(
            f"{'held   ' if not bad else 'BROKEN '} {what}: {tried} tried" + (f"; e.g. {bad[0]}" if bad else ""),
            flush=True,
        )


def strangers(server: Server) -> None:
    """What somebody without a login gets."""
    bad = [(r, s) for r in ROUTES if (s := server.ask(r, cookies={})[0]) not in {302, 401, 403, 404}]
    server.say("routes without a login", len(ROUTES), bad)
    forged = [
        (h, r, s) for h in FORGED for r in ROUTES[:4] if (s := server.ask(r, cookies={}, **{h: "admin"})[0]) == 200
    ]
    server.say("forged identity headers", len(FORGED) * 4, forged)
    hosts = ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""]
    foreign = [
        (h, r, s) for h in hosts for r in [*ROUTES, "/login"] if (s := server.ask(r, cookies={}, Host=h)[0]) == 200
    ]
    server.say("foreign host names", len(hosts) * (len(ROUTES) + 1), foreign)
    status = server.ask("/login", method="POST", form={"name": "a", "password": "b"}, cookies={})[0]
    server.say("a login without the form's token", 1, [] if status in {403, 302} else [status])


def closed(server: Server, who: str) -> None:
    """Addresses that nobody has."""
    bad = [(r[:60], s) for r in CLOSED if (s := server.ask(r)[0]) == 200 or s >= 500]
    server.say(f"closed addresses, {who}", len(CLOSED), bad)


def guesses(server: Server) -> None:
    """One password over many names from one address, and 60 at once."""
    stamp, address = int(time.time()), f"203.0.113.{int(time.time()) % 250}"
    seen = [server.login(f"nobody{stamp}-{n}", "wrong password", {}, X_Forwarded_For=address)[0] for n in range(60)]
    server.say("one password over 60 names is slowed", 60, [] if 429 in seen else [set(seen)])
    pages = [_seconds(lambda: server.ask("/login", cookies={})) for _ in range(5)]
    with ThreadPoolExecutor(60) as pool:
        flood = [
            pool.submit(server.login, f"x{stamp}-{n}", "wrong", {}, X_Forwarded_For=f"198.51.100.{n}")
            for n in range(60)
        ]
        time.sleep(0.2)
        during = [_seconds(lambda: server.ask("/login", cookies={})) for _ in range(5)]
        for one in flood:
            one.result()
    quiet, loud = statistics.median(pages), statistics.median(during)
    print(f"        a page in a flood of 60 logins: {loud:.2f} s, quiet {quiet:.2f} s")


def sessions(server: Server, name: str, word: str) -> None:
    """A session, and what is left of it."""
    jar: dict[str, str] = {}
    status, headers = server.login(name, word, jar, X_Forwarded_Proto="https")
    if status != 302:
        raise SystemExit(f"the login of {name} was answered {status}")
    flags = headers.get("set-cookie", "").lower()
    missing = [flag for flag in ("httponly", "samesite=strict", "secure") if flag not in flags]
    server.say("flags of the cookie behind https", 3, list(missing))
    open_redirects = [
        (target, found["location"])
        for target in ELSEWHERE
        if not (found := _next(server, name, word, target)).get("location", "/").startswith("/")
        or found.get("location", "/").startswith("//")
    ]
    server.say("the login leads elsewhere", len(ELSEWHERE), open_redirects)
    stolen = dict(jar)
    token = re.search(rb'name="_xsrf" value="([^"]+)"', server.ask("/", cookies=jar)[1])
    server.ask("/logout", method="POST", form={"_xsrf": token[1].decode() if token else ""}, cookies=jar)
    after = server.ask("/", cookies=stolen)[0]
    server.say("a cookie after its logout", 1, [] if after == 302 else [after])
    server.login(name, word, server.cookies)


def _next(server: Server, name: str, word: str, target: str) -> dict[str, str]:
    jar: dict[str, str] = {}
    _, page, _ = server.ask("/login", cookies=jar)
    token = re.search(rb'name="_xsrf" value="([^"]+)"', page)
    form = {"name": name, "password": word, "next": target, "_xsrf": token[1].decode() if token else ""}
    return server.ask("/login", method="POST", form=form, cookies=jar)[2]


def connections(server: Server) -> None:
    """Half-open connections, large bodies, readers who leave."""
    held = []
    for _ in range(500):
        one = socket.create_connection((server.host, server.port), timeout=30)
        one.sendall(b"GET / HTTP/1.1\r\nHost: ")
        held.append(one)
    seconds = _seconds(lambda: server.ask("/login", cookies={}))
    server.say("a page beside 500 half-open connections", 500, [] if seconds < 2 else [f"{seconds:.1f} s"])
    began = time.monotonic()
    held[0].settimeout(60)
    with_end = held[0].recv(1000)
    server.say("they are closed", 1, [] if time.monotonic() - began < 30 else [with_end])
    for one in held:
        one.close()
    with socket.create_connection((server.host, server.port), timeout=30) as one:
        one.sendall(
            f"POST /login HTTP/1.1\r\nHost: {server.host}:{server.port}\r\nContent-Length: 999999999\r\n\r\n".encode()
        )
        answer = one.recv(200)
    server.say(
        "a body of a gigabyte before the login", 1, [] if b" 400 " in answer or b" 413 " in answer else [answer[:60]]
    )


def readers(server: Server, app: str, count: int) -> None:
    """So many readers of five pages at once, cold and kept; then some who leave."""
    today = datetime.now().astimezone().date()
    pages = [f"/apps/{app}?as_of={today - timedelta(days=40 * n)}" for n in range(1, 6)]

    def read(n: int) -> tuple[int, float]:
        began = time.monotonic()
        return server.ask(pages[n % len(pages)], cookies=dict(server.cookies))[0], time.monotonic() - began

    for label, goal in (("cold", 10.0), ("kept", 0.3)):
        with ThreadPoolExecutor(count) as pool:
            found = list(pool.map(read, range(count)))
        lost = [status for status, _ in found if status not in {200, 400}]
        slowest = max(seconds for _, seconds in found)
        refused = sum(status == 400 for status, _ in found)
        note = f", {refused} for days without data" if refused else ""
        print(f"        {count} readers of {len(pages)} pages, {label}: slowest {slowest:.2f} s (goal {goal} s){note}")
        server.say(f"{count} readers at once, {label}", count, list(lost))
    for n in range(4):
        with socket.create_connection((server.host, server.port), timeout=30) as one:
            cookie = "; ".join(f"{name}={value}" for name, value in server.cookies.items())
            lines = [
                f"GET /apps/{app}?attack=left{n} HTTP/1.1",
                f"Host: {server.host}:{server.port}",
                f"Cookie: {cookie}",
            ]
            one.sendall("\r\n".join([*lines, "", ""]).encode())
            time.sleep(0.05)
    seconds = _seconds(lambda: server.ask(f"/apps/{app}?attack=after"))
    print(f"        a page after four who left: {seconds:.2f} s")


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def attacks(server: Server, arguments: argparse.Namespace) -> Iterator[Callable[[], None]]:
    """All of them, in order."""
    yield lambda: strangers(server)
    yield lambda: closed(server, "without a login")
    yield lambda: connections(server)
    if arguments.user:
        word = os.environ[arguments.password_from]
        yield lambda: sessions(server, arguments.user, word)
        yield lambda: closed(server, "with a login")
        if arguments.app:
            yield lambda: readers(server, arguments.app, arguments.readers)
    yield lambda: guesses(server)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--user")
    parser.add_argument(
        "--password-from", default="CRMLIB_ATTACK_PASSWORD", help="environment variable of the password"
    )
    parser.add_argument("--app", help="a report to open as an app")
    parser.add_argument("--readers", type=int, default=20)
    arguments = parser.parse_args()
    place = urlsplit(arguments.url)
    server = Server(place.hostname or "127.0.0.1", place.port or 80)
    for attack in attacks(server, arguments):
        attack()
    print("everything held" if not server.failed else f"{server.failed} attacks did not hold")
    sys.exit(1 if server.failed else 0)


if __name__ == "__main__":
    main()
