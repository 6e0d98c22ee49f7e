"""An attack on a running server: routes, identities, hosts, paths, forms, guesses, floods, readers who leave.

python benchmarks/attack.py http://127.0.0.1:8866 [--user NAME --password-from VARIABLE] [--app REPORT] [--readers 20]
    [--soak 40] [--different 20] [--pid PID] [--other-region REGION]

Nothing is changed on the server but lines of its audit, counts of wrong passwords, and a view of the user's that is
forgotten again. With a user of one region, `--other-region` names one of the others. Each attack prints one line: what
was tried, how often, and whether it held; each measure its figure and its goal. The last lines are the sum. Exit code 1
if an attack did not hold, 2 if only a goal of time or memory was missed (a busy machine misses them: measure on a quiet
one). Without a user only what a stranger can do is tried. Where the server runs on this machine its memory is looked
at, and the first line says which process answers. It is not attacked (exit code 3) if it is not that of `--pid`, or
started before the code beside this file was last changed (`--any-age` attacks it all the same): a server left from
an earlier measurement must not answer for the one under test. About five minutes in all.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import re
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import attack_forms
import psutil
from attack_target import code_changed, process_of, wrong_server

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
FLOOD = 60
TWICE, FLOOR = 2.0, 0.3
"""A page under load may take twice its quiet time, or this [s] where that is less than anybody notices."""
COLD, KEPT, PATIENCE = 10.0, 0.3, 30.0
"""Seconds: a page made anew, a page kept, and how long a reader waits before "busy" may be said."""
FLAT = 5.0
"""Memory over the soak may change by so many percent."""
ELSEWHERE = ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aX: y"]


@dataclass
class Server:
    """The server under attack, and what came of it."""

    host: str
    port: int
    failed: int = 0
    missed: int = 0
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

    def say(self, what: str, tried: int, bad: Sequence[object]) -> None:
        """Print what came of an attack; `bad` is what did not hold."""
        self.failed += bool(bad)
        print(
            f"{'held   ' if not bad else 'BROKEN '} {what}: {tried} tried" + (f"; e.g. {bad[0]}" if bad else ""),
            flush=True,
        )

    def measure(self, what: str, value: float, most: float, unit: str = "s") -> None:
        """Print a figure beside its goal."""
        self.missed += value > most
        print(
            f"{'held   ' if value <= most else 'MISSED '} {what}: {value:.2f} {unit} (goal {most:.2f} {unit})",
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


def guesses(server: Server, app: str) -> None:
    """One password over many names from one address, and 60 at once."""
    stamp, address = int(time.time()), f"203.0.113.{int(time.time()) % 250}"
    seen = [server.login(f"nobody{stamp}-{n}", "wrong password", {}, X_Forwarded_For=address)[0] for n in range(60)]
    server.say("one password over 60 names is slowed", 60, [] if 429 in seen else [set(seen)])
    page = kept_page(server, app) if app and server.cookies else "/login"
    jar = server.cookies if app else {}

    def several() -> float:
        return statistics.median(_seconds(lambda: server.ask(page, cookies=dict(jar))) for _ in range(9))

    server.ask(page, cookies=dict(jar))
    quiet = several()
    with ThreadPoolExecutor(FLOOD) as pool:
        flood = [
            pool.submit(server.login, f"x{stamp}-{n}", "wrong", {}, X_Forwarded_For=f"198.51.100.{n}")
            for n in range(FLOOD)
        ]
        time.sleep(0.1)
        loud = several()
        for one in flood:
            one.result()
    print(f"        quiet, a page takes {quiet:.2f} s")
    server.measure(f"a page in a flood of {FLOOD} logins", loud, max(TWICE * quiet, FLOOR))


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


def newest_day(server: Server) -> date:
    """The newest day that the portal has a page of; a month ago where it names none."""
    days = re.findall(rb"/(20\d\d-\d\d-\d\d)/", server.ask("/", cookies=dict(server.cookies))[1])
    today = datetime.now().astimezone().date()
    return max((date.fromisoformat(d.decode()) for d in days), default=today - timedelta(days=30))


def kept_page(server: Server, app: str) -> str:
    return f"/apps/{app}?as_of={newest_day(server)}"


def readers(server: Server, app: str, count: int, different: int) -> None:
    """So many readers of five pages at once, cold and kept; as many different cold pages; then some who leave."""
    newest, rng = newest_day(server), random.Random(time.time_ns())
    days = [newest - timedelta(days=n) for n in rng.sample(range(1, 300), 5 + different)]
    pages = [f"/apps/{app}?as_of={day}" for day in days]

    def read(page: str) -> tuple[int, float]:
        began = time.monotonic()
        return server.ask(page, cookies=dict(server.cookies))[0], time.monotonic() - began

    def at_once(asked: list[str], label: str) -> list[tuple[int, float]]:
        with ThreadPoolExecutor(len(asked)) as pool:
            found = list(pool.map(read, asked))
        wrong = [status for status, _ in found if status not in {200, 400, 503}]
        server.say(f"{label}: wrong or lost", len(asked), list(wrong))
        if refused := sum(status == 400 for status, _ in found):
            print(f"        {refused} of them were refused: days without data")
        return found

    five = [pages[n % 5] for n in range(count)]
    for label, goal in (("cold", COLD), ("kept", KEPT)):
        found = at_once(five, f"{count} readers of five pages, {label}")
        busy = [seconds for status, seconds in found if status == 503]
        server.say(f"{count} readers of five pages, {label}: turned away", count, list(busy))
        server.measure(f"{count} readers of five pages, {label}: slowest", max(s for _, s in found), goal)
    alone = statistics.median(read(five[0])[1] for _ in range(5))
    together = statistics.median(s for _, s in found)
    server.measure(f"{count} readers at once: median of a kept page", together, max(TWICE * alone, FLOOR))
    found = at_once(pages[5:], f"{different} different cold pages")
    early = [seconds for status, seconds in found if status == 503 and seconds < PATIENCE]
    server.say(f"{different} different cold pages: refused before {PATIENCE:.0f} s", different, list(early))
    print(f"        the last of them came after {max(s for _, s in found):.0f} s")
    leave(server, app)


def leave(server: Server, app: str) -> None:
    """Four readers who leave while their page is made, and one who comes after them."""
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
    server.measure("a page after four who left", seconds, COLD)


def soak(server: Server, app: str, count: int, seconds: float, process: psutil.Process | None) -> None:
    """Mixed requests by so many readers: all answered, memory and descriptors flat, no process left over."""
    pages = ["/", "/index.en.html", "/no/such/page", "/login", *([kept_page(server, app)] * 4 if app else [])]
    end, wrong, asked = time.monotonic() + seconds, list[tuple[str, int]](), [0]
    memory, handles = list[float](), list[int]()

    def reader(n: int) -> None:
        rng = random.Random(n)
        while time.monotonic() < end:
            page = rng.choice(pages)
            status = server.ask(page, cookies=dict(server.cookies))[0]
            asked[0] += 1
            if status >= 500 and status != 503:
                wrong.append((page, status))
            time.sleep(rng.uniform(0.05, 0.3))

    before = len(process.children(recursive=True)) if process else 0
    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(reader, n) for n in range(count)]
        while process and time.monotonic() < end:
            memory.append(process.memory_info().rss / 2**20)
            handles.append(process.num_fds())
            time.sleep(0.5)
        for one in running:
            one.result()
    server.say(f"a soak of {seconds:.0f} s by {count} readers", asked[0], list(wrong))
    if process is None or len(memory) < 8:
        print("        memory: the server does not run here, or too short; --pid says which process it is")
        return
    part = len(memory) // 4
    early, late = statistics.median(memory[part : 2 * part]), statistics.median(memory[-part:])
    print(f"        memory {early:.0f} MB, at the end {late:.0f} MB; descriptors {handles[part]}, {handles[-1]}")
    server.measure("memory over the soak: change", abs(late / early - 1) * 100, FLAT, "%")
    server.measure("descriptors over the soak: more", handles[-1] - handles[part], count + 5, "")
    server.measure("processes left over", len(process.children(recursive=True)) - before, 2, "")


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def attacks(server: Server, arguments: argparse.Namespace) -> Iterator[Callable[[], None]]:
    """All of them, in order."""
    yield lambda: strangers(server)
    yield lambda: closed(server, "without a login")
    yield lambda: attack_forms.strangers(server)
    yield lambda: connections(server)
    if arguments.user:
        word = os.environ[arguments.password_from]
        yield lambda: sessions(server, arguments.user, word)
        yield lambda: closed(server, "with a login")
        yield lambda: attack_forms.users(server, arguments.other_region)
        if arguments.app:
            yield lambda: readers(server, arguments.app, arguments.readers, arguments.different)
    app = arguments.app if arguments.user else ""
    yield lambda: soak(server, app, arguments.readers, arguments.soak, process_of(server.host, server.port))
    yield lambda: guesses(server, app)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--user")
    parser.add_argument(
        "--password-from", default="CRMLIB_ATTACK_PASSWORD", help="environment variable of the password"
    )
    parser.add_argument("--app", help="a report to open as an app")
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--different", type=int, default=20, help="different cold pages asked for at once")
    parser.add_argument("--soak", type=float, default=40.0, help="seconds")
    parser.add_argument("--other-region", default="", help="a region that the user may not see")
    parser.add_argument("--pid", type=int, help="process of the server, if it runs here; nobody else may answer")
    parser.add_argument("--any-age", action="store_true", help="also a server that started before the code was changed")
    arguments = parser.parse_args()
    place = urlsplit(arguments.url)
    server = Server(place.hostname or "127.0.0.1", place.port or 80)
    why = wrong_server(
        process_of(server.host, server.port), pid=arguments.pid, changed=code_changed(), any_age=arguments.any_age
    )
    if why:
        print(f"not attacked: {why}")
        sys.exit(3)
    for attack in attacks(server, arguments):
        attack()
    print("every attack held" if not server.failed else f"{server.failed} attacks did not hold")
    print("every goal was met" if not server.missed else f"{server.missed} goals were missed")
    sys.exit(1 if server.failed else 2 if server.missed else 0)


if __name__ == "__main__":
    main()
