"""The apps as they are served: seconds to a page, memory of a session, what a page weighs, and that nothing stalls.

python benchmarks/bench_serve.py --lake .crmlib [--reports reports] [--apps customer_value,data_health] [--row 100]

A request's CPU seconds are those of the processes it started, as last seen before they ended (looked at 20 times a
second, so the last twentieth is missing), and what the server, its warm parent and its drawing engines used meanwhile.
PSS divides pages that forks share among those that share them.
"""

from __future__ import annotations

import argparse
import http.client
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
LIGHT = {
    "customer_value": "capacity=25",
    "customer_profile": "group=A",
    "customer_360": "months=6",
    "data_health": "language=en",
    "customer_lifetime": "months=6",
    "early_warning": "capacity=5",
    "churn_review": "periods=10",
    "promotion_plan": "depth=20",
    "promotion_watch": "language=en",
    "promotion_review": "recent_days=90",
    "site_selection": "k=4",
    "site_score": "language=en",
}
"""What a planner tries first: one changed parameter of each report."""
FIRST_GOAL, APPLY_GOAL, PSS_GOAL, GONE_GOAL = 1.5, 2.0, 320.0, 60.0
_LOOK_SECONDS, _PSS_EVERY = 0.05, 5
PARENT = "crmlib.run.process.parent"
"""Its module, and after it on its command line the socket that is there when its imports are done."""
_START_SECONDS, _ANSWER_SECONDS = 90, 300


@dataclass
class Seen:
    """One request: seconds to its first byte and to its last, CPU seconds, most memory, and what came."""

    seconds: float = 0.0
    cpu: float = 0.0
    pss_mb: float = 0.0
    status: int = 0
    body: bytes = b""
    gone: float = 0.0


@dataclass
class Watch:
    """The processes below the server that a request started, looked at until they are gone."""

    server: psutil.Process
    known: dict[int, psutil.Process] = field(default_factory=dict)
    before: float = 0.0
    cpu: dict[int, float] = field(default_factory=dict)
    peak: float = 0.0

    def begin(self) -> None:
        """Forget what was seen before."""
        self.known = {p.pid: p for p in (self.server, *self.server.children(recursive=True))}
        self.before, self.cpu, self.peak = self._kept(), {}, 0.0

    def used(self) -> float:
        """CPU seconds since then, of what was started and of what was there [s]."""
        return sum(self.cpu.values()) + self._kept() - self.before

    def _kept(self) -> float:
        return sum(sum(process.cpu_times()[:2]) for process in self.known.values() if process.is_running())

    def look(self, *, memory: bool) -> int:
        """How many there are; their CPU so far, and if asked their memory now."""
        found = [p for p in self.server.children(recursive=True) if p.pid not in self.known]
        held = 0.0
        for process in found:
            try:
                times = process.cpu_times()
                self.cpu[process.pid] = times.user + times.system
                held += process.memory_full_info().pss / 1e6 if memory else 0.0
            except psutil.Error:
                continue
        self.peak = max(self.peak, held)
        return len(found)


@contextmanager
def server(lake: Path, reports: Path) -> Iterator[tuple[int, psutil.Process]]:
    """`crmlib serve` on a free port, warm, ended by its own id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "crmlib.cli", "serve", "--port", str(port), "--lake", str(lake)]
    env = os.environ | {"POLARS_MAX_THREADS": os.environ.get("POLARS_MAX_THREADS", "2")}
    process = subprocess.Popen([*command, "--out", str(reports)], cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        _until_warm(port, psutil.Process(process.pid))
        yield port, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _until_warm(port: int, process: psutil.Process) -> None:
    """Until it answers and its warm parent has its imports (its socket is there)."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        try:
            get(port, "/none")
            started = [p.cmdline() for p in process.children()]
            sockets = [line[line.index(PARENT) + 1] for line in started if PARENT in line]
            if sockets and Path(sockets[0]).exists():
                return
        except (OSError, psutil.Error):
            pass
        time.sleep(0.1)
    raise TimeoutError("the server did not become warm")


def get(port: int, path: str) -> tuple[int, bytes]:
    """Status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def ask(port: int, path: str, watch: Watch) -> Seen:
    """One request, watched."""
    seen = Seen()

    def fetch() -> None:
        started = time.monotonic()
        seen.status, seen.body = get(port, path)
        seen.seconds = time.monotonic() - started

    watch.begin()
    thread = threading.Thread(target=fetch)
    thread.start()
    looks = 0
    while thread.is_alive():
        watch.look(memory=looks % _PSS_EVERY == _PSS_EVERY - 1)
        looks += 1
        time.sleep(_LOOK_SECONDS)
    thread.join()
    ended = time.monotonic()
    while watch.look(memory=False) and time.monotonic() - ended < GONE_GOAL:
        time.sleep(0.02)
    seen.gone, seen.cpu, seen.pss_mb = time.monotonic() - ended, watch.used(), watch.peak
    return seen


def weight(body: bytes) -> dict[str, int]:
    """Bytes of a page by kind: drawing script, data of charts, pictures, downloads inside, the rest."""
    text = body.decode()
    parts = {
        "bundle": re.findall(r'<script type="text/plain" id="vega">(.*?)</script>', text, re.S),
        "data": re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.S),
        "pictures": re.findall(r'<div class="picture".*?</svg>', text, re.S),
        "downloads": re.findall(r'href="data:[^"]*"', text),
    }
    sizes = {name: sum(len(p.encode()) for p in found) for name, found in parts.items()}
    return sizes | {"rest": len(body) - sum(sizes.values()), "whole": len(body)}


def apps(port: int, process: psutil.Process, names: list[str], region: str) -> None:
    """The table of latencies and memory, and the table of weights."""
    watch = Watch(process)
    weights: list[str] = []
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d %H:%M}"
    print(f"\nApps ({load}); seconds, and CPU seconds in brackets; goals: page {FIRST_GOAL}, Apply {APPLY_GOAL}\n")
    print("| app | first | again | one change | the change again | a region | PSS MB | gone after s |")
    print("|---|---|---|---|---|---|---|---|")
    for name in names:
        change = f"?{LIGHT.get(name, 'language=en')}"
        paths = ("", "", change, change, f"?region={region}")
        asked = [ask(port, f"/apps/{name}{path}", watch) for path in paths]
        cells = [f"{s.seconds:.2f} ({s.cpu:.2f})" + ("" if _whole(s) else f" !{s.status}") for s in asked]
        peak, gone = max(s.pss_mb for s in asked), max(s.gone for s in asked)
        print(f"| {name} | {' | '.join(cells)} | {peak:.0f} | {gone:.2f} |", flush=True)
        sizes = weight(asked[0].body)
        weights.append(f"| {name} | " + " | ".join(f"{size / 1000:.0f}" for size in sizes.values()) + " |")
    print("\n| page, kB | bundle | data | pictures | downloads | rest | whole |\n|---|---|---|---|---|---|---|")
    print("\n".join(weights))


def _whole(seen: Seen) -> bool:
    return seen.status == 200 and b'class="answer"' in seen.body and seen.body.rstrip().endswith(b"</html>")


def row(port: int, name: str, count: int) -> None:
    """`count` requests one after the other: the slowest tells whether anything stalls."""
    seconds, wrong = [], 0
    for n in range(count):
        started = time.monotonic()
        status, body = get(port, f"/apps/{name}?language={'zh' if n % 2 else 'en'}")
        seconds.append(time.monotonic() - started)
        wrong += status != 200 or not body.rstrip().endswith(b"</html>")
    middle = statistics.median(seconds)
    print(f"\n{count} pages of {name} in a row: median {middle:.2f} s, slowest {max(seconds):.2f} s, {wrong} wrong")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lake", type=Path, default=ROOT / ".crmlib")
    parser.add_argument("--reports", type=Path, help="finished pages to compare with; none unless given")
    parser.add_argument("--apps", default=",".join(LIGHT))
    parser.add_argument("--region", default="%E5%8D%8E%E4%B8%9C", help="percent-encoded name of a region of the lake")
    parser.add_argument("--row", type=int, default=0, help="so many further requests in a row")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as empty,
        server(options.lake.resolve(), (options.reports or Path(empty)).resolve()) as (port, process),
    ):
        get(port, "/apps/data_health")  # the drawing script is made once and kept
        names = options.apps.split(",") if options.apps else []
        apps(port, process, names, options.region)
        if options.row:
            row(port, "data_health", options.row)


if __name__ == "__main__":
    main()
