"""Faults: kill -9 at random moments of runs, ingests and the server; a full disk; five times the lines.

python benchmarks/bench_faults.py runner|ingest|server|disk|peak|outbox|slots [--trials 50] [--seed 1]

A small company is simulated into a temporary folder. Nothing may be torn, nothing lost, and the ledger must be true.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import polars as pl
import psutil

from crmlib.data import Lake, check_lake
from crmlib.run.ledger import Ledger
from crmlib.run.schedule import Slots

ROOT = Path(__file__).parents[1]
CRMLIB = [sys.executable, "-m", "crmlib.cli"]
SMALL = ("--customers", "400", "--stores", "4", "--days", "400", "--seed", "3")
REPORT = "params/data_health/daily.yml"
MEMBERS = 2_000
PEAK = (REPORT, "params/customer_value/monthly.yml", "params/promotion_watch/daily.yml")


def call(*arguments: str | Path) -> float:
    """Wall seconds of one command that must succeed."""
    started = time.monotonic()
    subprocess.run([*CRMLIB, *map(str, arguments)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def killed(arguments: Sequence[str | Path], *, after: float, begun: Callable[[], bool] = lambda: True) -> bool:
    """Start a command; `after` seconds past its beginning kill all its process group; whether it was still at it."""
    command = [*CRMLIB, *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and not begun():
        time.sleep(0.02)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def company(folder: Path, *size: str) -> Path:
    """Raw exports of a simulated company; its sources file."""
    call("simulate", *(size or SMALL), "--out", folder)
    return folder / "sources.yml"


def orphans(started: float) -> list[str]:
    """Processes of this project that are younger than `started` and whose asker is gone, after a moment to end."""
    end = time.monotonic() + 10
    while (found := _ours(started)) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def _ours(started: float) -> list[str]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            line = " ".join(process.cmdline())
            if process.create_time() > started and "crmlib." in line and process.environ().get("BENCH_FAULTS") == MARK:
                found.append(line)
    return found


MARK = f"{os.getpid()}"


def runner(trials: int, rng: random.Random, work: Path) -> None:
    """Kill whole passes; then look at every page and at the ledger."""
    sources, lake, out = company(work / "raw"), work / "lake", work / "reports"
    call("ingest", "all", "--sources", sources, "--lake", lake)
    command = ("run", REPORT, "--lake", lake, "--out", out, "--force")
    call(*command)
    ledger = Ledger(out / ".ledger.sqlite")
    length = float(ledger.runs()["seconds"].max())  # type: ignore[arg-type]
    torn = lost = untrue = left = hits = 0
    for _ in range(trials):
        started = time.time()
        running = partial(_running, out / ".ledger.sqlite")
        hits += killed(command, after=length * rng.uniform(0, 1.3), begun=running)
        pages = list(out.glob("*/*/*/*/index.html"))
        lost += len({page.parent.name for page in pages}) < 2  # both languages stay readable
        torn += sum(not page.read_text(encoding="utf-8").rstrip().endswith("</html>") for page in pages)
        ledger.recover(now=datetime.now(UTC))
        runs = ledger.runs()
        untrue += bool({"queued", "running"} & set(runs["state"]))
        untrue += sum(_page_hash(out / row["output"]) != row["output_hash"] for row in _last_done(runs))
        left += len(orphans(started))
    call(*command)
    states = dict(Ledger(out / ".ledger.sqlite").runs()["state"].value_counts().iter_rows())
    print(f"| runner | {trials} ({hits} in mid-work) | {torn} | {lost} | {untrue} | {left} | {states} |")


def _running(ledger: Path) -> bool:
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as db:
        return bool(db.execute("select count(*) from runs where state = 'running'").fetchone()[0])
    return False


def _last_done(runs: pl.DataFrame) -> list[dict[str, str]]:
    done = runs.filter(pl.col("state").is_in(["ok", "warn"])).unique("output", keep="first", maintain_order=True)
    newer = runs.filter(pl.col("state") == "interrupted")["output"].to_list()
    # a pass killed between publishing and its note leaves a newer page: said to be interrupted, and made again
    return [row for row in done.iter_rows(named=True) if row["output"] not in newer]


def _page_hash(page: Path) -> str:
    return hashlib.sha256((page / "index.html").read_bytes()).hexdigest()


def ingest(trials: int, rng: random.Random, work: Path) -> None:
    """Kill ingests and end them by another; the lake must equal one that was never disturbed."""
    sources, whole, lake = company(work / "raw"), work / "whole", work / "lake"
    length = call("ingest", "all", "--sources", sources, "--lake", whole)
    expected = contents(whole)
    torn = different = left = hits = 0
    for _ in range(trials):
        shutil.rmtree(lake, ignore_errors=True)
        started = time.time()
        hits += killed(("ingest", "all", "--sources", sources, "--lake", lake), after=rng.uniform(0.2, length))
        torn += lake.is_dir() and not check_lake(lake).ok
        call("ingest", "all", "--sources", sources, "--lake", lake)
        torn += not check_lake(lake).ok
        different += contents(lake) != expected
        left += len(orphans(started))
    print(f"| ingest | {trials} ({hits} in mid-work) | {torn} | {different} | - | {left} | |")


def contents(place: Path) -> dict[str, str]:
    """A hash of the rows of every table, whatever batches they came in."""
    lake = Lake(place)
    found = {}
    for name in lake.tables():
        rows = lake.table(name).collect()
        keep = [c for c in rows.columns if c not in {"known_at"}]  # where no column says it, it is the time of ingest
        lines = rows.select(pl.struct(keep).struct.json_encode()).to_series().sort().to_list()
        found[name] = hashlib.sha256("\n".join(lines).encode()).hexdigest()
    return found


def server(trials: int, rng: random.Random, work: Path) -> None:
    """Kill the server while it makes a page; the next one must serve, and the audit must be whole lines."""
    sources, lake, out = company(work / "raw"), work / "lake", work / "reports"
    call("ingest", "all", "--sources", sources, "--lake", lake)
    torn = unserved = left = 0
    port = _free_port()
    for trial in range(trials + 1):
        started = time.time()
        process = subprocess.Popen(
            [*CRMLIB, "serve", "--port", str(port), "--lake", str(lake), "--out", str(out)],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        address = f"http://127.0.0.1:{port}"
        unserved += not _answers(address)
        if trial < trials:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as asker:
                asker.sendall(b"GET /apps/data_health HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
                time.sleep(rng.uniform(0, 6))
        else:
            unserved += not _answers(f"{address}/apps/data_health")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        audit = lake / "audit.jsonl"
        torn += audit.is_file() and not audit.read_text(encoding="utf-8").endswith("\n")
        left += len(orphans(started))
    print(f"| server | {trials} | {torn} | {unserved} | - | {left} | |")


def _answers(address: str, *, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=seconds) as page:
                return bool(page.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def disk(trials: int, rng: random.Random, work: Path) -> None:
    """Runs into a file system that has room for less and less; needs the right to mount one."""
    sources, lake, out = company(work / "raw"), work / "lake", work / "reports"
    call("ingest", "all", "--sources", sources, "--lake", lake)
    out.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(out)], check=True)
    try:
        command = ["run", REPORT, "--lake", str(lake), "--out", str(out), "--force"]
        call(*command)
        torn = silent = failed = 0
        for _ in range(trials):
            ballast = out / "ballast"
            ballast.write_bytes(bytes(int(shutil.disk_usage(out).free * rng.uniform(0.5, 1))))
            done = subprocess.run([*CRMLIB, *command], cwd=ROOT, capture_output=True, text=True, check=False)
            failed += done.returncode != 0
            silent += done.returncode != 0 and "mend: " not in done.stderr
            pages = list(out.glob("*/*/*/*/index.html"))
            torn += len({page.parent.name for page in pages}) < 2
            torn += sum(not page.read_text(encoding="utf-8").rstrip().endswith("</html>") for page in pages)
            ballast.unlink()
        call(*command)
        print(f"| full disk | {trials} ({failed} failed) | {torn} | 0 | - | - | {silent} without three sentences |")
    finally:
        subprocess.run(["umount", str(out)], check=True)


def peak(trials: int, rng: random.Random, work: Path) -> None:
    """The same reports over a company with five times the lines: seconds, and their ratio."""
    seconds: dict[str, list[float]] = {report: [] for report in PEAK}
    lines = []
    for customers in (MEMBERS, 5 * MEMBERS):
        sources = company(work / f"raw{customers}", "--customers", str(customers), "--stores", "26", "--days", "730")
        lake = work / f"lake{customers}"
        call("ingest", "all", "--sources", sources, "--lake", lake)
        lines.append(Lake(lake).table("receipt_lines").select(pl.len()).collect().item())
        for report in PEAK:
            command = ("run", report, "--set", "language=zh", "--lake", lake, "--out", work / "out", "--force")
            seconds[report].append(min(call(*command) for _ in range(max(1, trials))))
    print(f"{lines[0]:,} and {lines[1]:,} lines\n")
    print("| report | s | s with 5 x the lines | ratio |\n|---|---|---|---|")
    for report, (small, large) in seconds.items():
        print(f"| {report} | {small:.1f} | {large:.1f} | {large / small:.2f} |")


class _Hook(BaseHTTPRequestHandler):
    """A message hook that is slow now and then, and away now and then; it keeps the keys of what it took."""

    texts: ClassVar[list[str]] = []
    keys: ClassVar[list[str]] = []
    rng: ClassVar[random.Random] = random.Random(1)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        away = self.rng.random() < 0.3
        time.sleep(self.rng.uniform(0, 0.05))
        if not away:
            self.texts.append(body["content"]["text"].splitlines()[-1])
            self.keys.append(self.headers["Idempotency-Key"])
        self.send_response(503 if away else 200)
        self.end_headers()
        with suppress(OSError):
            self.wfile.write(b'{"code": 0}')

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


SENDER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from crmlib.run import deliver
plan = deliver.Delivery.model_validate({"address": "https://r.example", "readers": {"all": {"hooks": [
    {"kind": "feishu", "address_from": "HOOK"}]}}})
now = datetime.now(UTC) + timedelta(hours=2 * int(sys.argv[2]))
things = [deliver.Announcement(f"r/v/{n}/zh", "r", "zh", "s", False, None, "f") for n in range(int(sys.argv[3]))]
try:
    deliver.deliver(things, plan=plan, noted=Path(sys.argv[1]), now=now)
except deliver.RunError:
    pass
"""


def outbox(trials: int, rng: random.Random, work: Path) -> None:
    """Kill senders of a queue whose hook comes and goes; every message must arrive, and none twice with a new key."""
    web = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    env = os.environ | {"HOOK": f"http://127.0.0.1:{web.server_port}/x"}
    messages, ledger, hits, turn = trials * 2, work / "ledger.sqlite", 0, 0
    command = [sys.executable, "-c", SENDER, str(ledger)]
    for _ in range(trials):
        turn += 1
        process = subprocess.Popen([*command, str(turn), str(messages)], env=env)
        with suppress(subprocess.TimeoutExpired):
            process.wait(rng.uniform(0.5, 4))
        hits += process.poll() is None
        process.kill()
        process.wait()
    while len(set(_Hook.texts)) < messages and turn < trials + 200:
        turn += 1
        subprocess.run([*command, str(turn), "0"], env=env, check=False)
    web.shutdown()
    lost, twice = messages - len(set(_Hook.texts)), len(_Hook.texts) - len(set(_Hook.texts))
    new = len(set(_Hook.keys)) - messages + lost
    said = f"twice: {twice}, of them with another key: {new}"
    print(f"| outbox | {trials} ({hits} in mid-work) | - | {lost} of {messages} | {said} | - | {turn} looks |")


CLAIMER = """
import os, random, sys, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from crmlib.run.schedule import Slots, due
folder, seed = Path(sys.argv[1]), int(sys.argv[2])
rng, slots = random.Random(seed), Slots(folder / "ledger.sqlite")
now = datetime(2026, 11, 3, tzinfo=UTC)
for one in due([folder / "daily.yml"], slots=slots, root=folder, now=now):
    if slots.claim("daily.yml", one.slot, now=now, tries=one.tries):
        with open(folder / "begun", "a") as file:
            file.write(f"{one.slot} {os.getpid()}\\n")
        time.sleep(rng.uniform(0, 0.3))
        with open(folder / "made", "a") as file:
            file.write(f"{one.slot}\\n")
        slots.note("daily.yml", one.slot, state="done", now=now)
"""


def slots(trials: int, rng: random.Random, work: Path) -> None:
    """Three schedulers at once over hourly slots, killed at random; every slot must be made, and by one at a time."""
    (work / "daily.yml").write_text('report: x\nschedule: {cron: "0 * * * *", catch_up: all}\n', encoding="utf-8")
    first = datetime(2026, 11, 1, tzinfo=UTC)
    Slots(work / "ledger.sqlite").note("daily.yml", first, state="seen", now=first)
    hits = 0
    for trial in range(trials):
        ours = [subprocess.Popen([sys.executable, "-c", CLAIMER, str(work), str(trial * 3 + n)]) for n in range(3)]
        time.sleep(rng.uniform(0.8, 3))
        for process in ours:
            hits += process.poll() is None
            process.kill()
            process.wait()
    subprocess.run([sys.executable, "-c", CLAIMER, str(work), "0"], check=True)
    made = (work / "made").read_text(encoding="utf-8").split("\n")[:-1]
    expected = 48
    lost, twice = expected - len(set(made)), len(made) - len(set(made))
    # a pass killed between its page and its note has its slot made again: that is no harm, its page is the same
    print(f"| slots | {trials} x 3 ({hits} in mid-work) | - | {lost} of {expected} | made again: {twice} | - | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = {"runner": runner, "ingest": ingest, "server": server, "disk": disk, "peak": peak, "outbox": outbox}
    kinds["slots"] = slots
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ["BENCH_FAULTS"] = MARK
    if options.kind != "peak":
        print("| what | trials | torn | lost | untrue ledgers | left behind | |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        kinds[options.kind](options.trials, random.Random(options.seed), Path(work))


if __name__ == "__main__":
    main()
