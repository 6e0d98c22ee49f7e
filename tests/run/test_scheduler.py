"""Passes: each report alone, messages in a queue, slots of the dead and the failed taken again."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from crmlib.core.errors import RunError
from crmlib.kit.words import LANGUAGES, Words
from crmlib.run import deliver, plan, portal
from crmlib.run import scheduler as passes
from crmlib.run.lists import audit
from crmlib.run.outbox import Announcement, Message, Outbox
from crmlib.run.plan import Job
from crmlib.run.runner import Outcome
from crmlib.run.schedule import Slots
from crmlib.run.workspace import Workspace
from tests.waiting import HANG

SEEN = datetime(2026, 11, 1, 12, tzinfo=UTC)
REPORTS = ("customer_value", "data_health", "early_warning", "site_score")
DAY = timedelta(days=1)


class Clock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.now = SEEN

    def __call__(self) -> datetime:
        return self.now


class Company:
    """A workspace whose reports are made by a stand-in; everything around them is real."""

    def __init__(self, root: Path) -> None:
        self.space = Workspace(root, root / "lake", root / "reports")
        self.clock, self.said, self.made = Clock(), list[str](), list[str]()
        self.broken: set[str] = set()
        self.space.notebooks.mkdir()
        for report in REPORTS:
            self.write(report, f'report: {report}\nschedule: {{cron: "0 6 * * *"}}\n')

    def file(self, report: str) -> Path:
        return self.space.params / report / "daily.yml"

    def write(self, report: str, text: str) -> None:
        self.file(report).parent.mkdir(parents=True, exist_ok=True)
        self.file(report).write_text(text, encoding="utf-8")

    def make(self, jobs: Sequence[Job], **_: Any) -> list[Outcome]:
        made = []
        for job in jobs:
            if job.report in self.broken:
                made.append(Outcome(job, "failed", 1.0, 1.0, f"given: {job.report} broke"))
                continue
            self.made.append(job.output)
            folder = self.space.reports / job.output
            stands = folder.is_dir()
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "index.html").write_text(job.output, encoding="utf-8")
            (folder / "manifest.json").write_text(json.dumps({"answer": job.output}), encoding="utf-8")
            made.append(Outcome(job, "skipped" if stands else "ok", 1.0, 1.0, stands=stands))
        return made

    def look(self, after: timedelta = timedelta(0)) -> bool:
        self.clock.now += after
        self.made.clear()
        return passes.run(
            [self.space.params], space=self.space, clock=self.clock, say=self.said.append, words=Words("en"),
            watch=False,
        )  # fmt: skip

    def reports(self) -> list[str]:
        return sorted({output.split("/")[0] for output in self.made})


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Company:
    made = Company(tmp_path)
    monkeypatch.setattr(passes, "make", made.make)
    monkeypatch.setattr(plan, "latest_day", lambda lake: date(2026, 12, 31))
    monkeypatch.setattr(deliver.time, "sleep", lambda seconds: None)  # type: ignore[attr-defined]
    assert made.look()  # every file is seen
    return made


def test_a_pass_deletes_files_that_were_handed_off_a_month_ago(company: Company) -> None:
    lake = company.space.lake
    (lake / audit.FOLDER).mkdir(parents=True)
    for name, days in (("old.xlsx", 31), ("new.xlsx", 29)):
        (lake / audit.FOLDER / name).write_text("13800138000")
        at = company.clock() - timedelta(days=days)
        audit.note(lake, what="handed off", by="li", at=at, list="L1", file=name, rows=1)
    company.look()
    assert [p.name for p in (lake / audit.FOLDER).iterdir()] == ["new.xlsx"]
    assert [line["file"] for line in audit.lines(lake) if line["what"] == "deleted"] == ["old.xlsx"]


class Hook(BaseHTTPRequestHandler):
    texts: list[str]
    up = True
    answer = b'{"code": 0}'

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.up:
            self.texts.append(body["content"]["text"].splitlines()[-1])
        self.send_response(200 if self.up else 503)
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def hook(company: Company, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Hook]]:
    kind = type("Kind", (Hook,), {"texts": []})
    web = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=web.serve_forever)
    thread.start()
    monkeypatch.setenv("HOOK", f"http://127.0.0.1:{web.server_port}/send?key=secret")
    delivery(company)
    yield kind
    web.shutdown()
    thread.join()
    web.server_close()


def delivery(company: Company, text: str = "") -> None:
    hooks = "hooks: [{kind: feishu, address_from: HOOK}]"
    whole = f"address: https://r.example\nreaders:\n  all: {{{hooks}}}\nfailures: {{{hooks}}}\n"
    (company.space.params / "delivery.yml").write_text(text or whole, encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "report: [", "report: data_health\nparameters: {months: [", "\x00", "- a\n- b\n", "report: ../x\n",
        'report: data_health\nschedule: {cron: "0 6 31 2 *"}\n',
        'report: data_health\nschedule: {cron: "0 6 * * * *"}\n',
        'report: data_health\nschedule: {cron: "0 6 * * *", time_zone: Mars/Olympus}\n',
        'report: data_health\nschedule: {cron: "0 6 * * *"}\nparameters: {no_such: 1}\n',
        'report: no_such_report\nschedule: {cron: "0 6 * * *"}\n',
    ],
)  # fmt: skip
def test_one_broken_params_file_holds_up_nobody_and_is_told(company: Company, hook: type[Hook], text: str) -> None:
    company.write("data_health", text)
    assert not company.look(DAY)
    assert company.reports() == ["customer_value", "early_warning", "site_score"]
    told = [line for line in company.said if "params/data_health/daily.yml" in line and "mend: " in line]
    assert len(told) == 1 and "Traceback" not in told[0]
    assert len([t for t in hook.texts if "customer_value" in t or "early_warning" in t or "site_score" in t]) == 3
    assert len(hook.texts) == 4  # the fourth is to the list of failures
    company.look()
    assert len(hook.texts) == 4


def test_a_file_that_was_mended_is_made_at_the_next_pass(company: Company) -> None:
    company.write("data_health", 'report: data_health\nschedule: {cron: "0 6 * * *"}\nparameters: {no_such: 1}\n')
    company.look(DAY)
    company.write("data_health", 'report: data_health\nschedule: {cron: "0 6 * * *"}\n')
    assert company.look(timedelta(minutes=5))
    assert company.reports() == ["data_health"]


def test_a_failed_slot_is_taken_again_later_and_later_until_it_succeeds(company: Company) -> None:
    company.broken.add("early_warning")
    slots, tried = Slots(company.space.ledger), list[int]()
    company.look(DAY)
    for minutes in range(5, 300, 5):
        before = slots.failed("params/early_warning/daily.yml")[0].tries
        company.look(timedelta(minutes=5))
        if slots.failed("params/early_warning/daily.yml")[0].tries > before:
            tried.append(minutes)
    assert tried == [15, 45, 105, 225]
    company.broken.clear()
    company.look(timedelta(hours=4))
    assert company.reports() == ["early_warning"]
    company.look(timedelta(minutes=5))
    assert company.reports() == []


def test_a_slot_claimed_by_a_dead_process_is_taken_again_and_its_page_announced(
    company: Company, hook: type[Hook]
) -> None:
    code = (
        "import sys, os\nfrom datetime import datetime\n"
        "from pathlib import Path\nfrom crmlib.run.schedule import Slots\n"
        "slot = datetime.fromisoformat(sys.argv[2])\n"
        "assert Slots(Path(sys.argv[1])).claim('params/site_score/daily.yml', slot, now=slot)\nos._exit(9)\n"
    )
    slot = datetime(2026, 11, 1, 22, tzinfo=UTC)
    subprocess.run([sys.executable, "-c", code, str(company.space.ledger), slot.isoformat()], check=False)
    jobs = plan.jobs_of(company.file("site_score"), latest=date(2026, 11, 1), overrides={})
    company.make(jobs)  # the dead one had made the page, and told nobody
    assert company.look(DAY)
    assert company.reports() == sorted(REPORTS)
    assert len([t for t in hook.texts if "site_score" in t]) == 1


@pytest.mark.parametrize("days", [400, 30, 5])
def test_a_clock_that_was_ahead_stops_nothing(company: Company, days: int) -> None:
    company.look(days * DAY)
    assert company.reports() == sorted(REPORTS)
    company.look(-days * DAY)
    company.look(DAY)
    assert company.reports() == sorted(REPORTS)
    company.look(DAY)
    assert company.reports() == sorted(REPORTS)


def test_a_hook_that_is_down_for_a_day_loses_and_doubles_nothing(company: Company, hook: type[Hook]) -> None:
    hook.up = False
    assert not company.look(DAY)
    assert company.reports() == sorted(REPORTS)  # all of them, not one
    for _ in range(48):
        company.look(timedelta(minutes=30))
    assert company.made == [] and hook.texts == []
    hook.up = True
    for _ in range(6):
        company.look(timedelta(minutes=30))
    expected = [f"https://r.example/{r}/daily/2026-11-{d:02}/zh/index.html" for d in (1, 2) for r in REPORTS]
    assert sorted(hook.texts) == sorted(expected)
    assert company.look()


def test_a_hook_that_is_down_is_asked_once_a_pass(company: Company, hook: type[Hook]) -> None:
    hook.up = False
    asked: list[str] = []
    post = deliver.post
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            deliver, "post", lambda address, body, *, key: (asked.append(address), post(address, body, key=key))
        )
        company.look(DAY)
    assert len(asked) == 3  # one message, three tries: not one for each of four messages


@pytest.mark.parametrize("text", ["[", "address: https://x\nreaders: {a: {mails: [x]}}\n", "\x00"])
def test_a_broken_delivery_file_stops_no_report_and_loses_no_message(
    company: Company, hook: type[Hook], text: str
) -> None:
    delivery(company, text)
    assert not company.look(DAY)
    assert company.reports() == sorted(REPORTS)
    assert "delivery.yml" in company.said[-1]
    delivery(company)
    assert company.look(timedelta(minutes=5))
    assert company.made == [] and len(hook.texts) == 4


def test_a_hook_that_answers_with_a_page_or_with_nothing_whole_is_no_delivery(
    company: Company, hook: type[Hook]
) -> None:
    hook.answer = b"<html>please log in</html>"
    company.look(DAY)
    hook.texts.clear()
    hook.answer = b'{"code": 0}'
    company.look(timedelta(hours=2))
    assert len(hook.texts) == 4


def small_disk(monkeypatch: pytest.MonkeyPatch, *, after: int) -> None:
    """SQLite's own way to run out of room: the ledger may grow by no page once it was opened so many times."""
    connect, opened = sqlite3.connect, [0]

    def bounded(*arguments: Any, **named: Any) -> sqlite3.Connection:
        db = connect(*arguments, **named)
        opened[0] += 1
        if opened[0] > after:
            pages = db.execute("pragma page_count").fetchone()[0]
            db.execute(f"pragma max_page_count = {pages}")
        return db

    monkeypatch.setattr("crmlib.run.ledger.sqlite3.connect", bounded)


@pytest.mark.parametrize("after", [0, 6, 12])
def test_a_disk_that_fills_up_under_the_queue_is_told_and_every_message_leaves_once_there_is_room(
    company: Company, hook: type[Hook], after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "x" * 40_000  # of an answer, so that the queue needs room
    monkeypatch.setattr("crmlib.run.scheduler.portal.manifest", lambda folder: {"answer": f"{folder} {long}"})
    with monkeypatch.context() as full:
        small_disk(full, after=after)
        assert not company.look(DAY)
    told = [line for line in company.said if "free space" in line]
    assert told and "Traceback" not in "".join(company.said)
    for _ in range(3):
        company.look(timedelta(hours=7))
    days = [text for text in hook.texts if "2026-11-01" in text]
    assert len(days) == len(REPORTS) == len(set(days))


def test_a_portal_that_cannot_be_written_keeps_no_message_back(
    company: Company, hook: type[Hook], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(portal, "write", refuse)
    assert not company.look(DAY)
    assert company.reports() == sorted(REPORTS) and len(hook.texts) == 4


def test_a_report_that_breaks_in_a_way_nobody_foresaw_is_one_report(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(jobs: Sequence[Job], **named: Any) -> list[Outcome]:
        if jobs[0].report == "data_health":
            raise ZeroDivisionError("nobody foresaw it")
        return company.make(jobs, **named)

    monkeypatch.setattr(passes, "make", make)
    assert not company.look(DAY)
    assert company.reports() == ["customer_value", "early_warning", "site_score"]
    assert any("nobody foresaw it" in line for line in company.said)


def test_the_watch_goes_on_whatever_a_pass_comes_to(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[datetime] = []

    class Enough(BaseException):
        pass

    def sleep(seconds: float) -> None:
        looks.append(company.clock.now)
        company.clock.now += DAY
        if len(looks) == 3:
            raise Enough

    monkeypatch.setattr(passes.time, "sleep", sleep)  # type: ignore[attr-defined]
    delivery(company, "[")
    with pytest.raises(Enough):
        passes.run(
            [company.space.params], space=company.space, clock=company.clock, say=company.said.append,
            words=Words("zh"), watch=True,
        )  # fmt: skip
    assert len([line for line in company.said if "delivery.yml" in line]) >= 3
    assert company.reports() == sorted(REPORTS)


def thing(name: str = "o") -> Announcement:
    return Announcement(name, "customer_value", "zh", "s", False, None, "f")


def test_two_senders_at_once_send_each_message_once(tmp_path: Path) -> None:
    """One of them, in a process of its own, is stopped in the middle of sending while the other looks."""
    ledger = tmp_path / "ledger.sqlite"
    box = Outbox(ledger)
    box.put([thing("a"), thing("b")], now=SEEN)
    code = (
        "import sys, time\nfrom datetime import datetime, UTC\nfrom pathlib import Path\n"
        "from crmlib.run.outbox import Message, Outbox\n"
        "def send():\n    print('sent', flush=True)\n    sys.stdin.readline()\n"
        "one = lambda thing: [Message('c', thing.output, send, lambda p: False)]\n"
        "Outbox(Path(sys.argv[1])).send(one, now=datetime(2026, 11, 1, 12, tzinfo=UTC))\n"
    )
    sent: list[str] = []

    def messages(one: Announcement) -> list[Message]:
        return [Message("c", one.output, lambda: sent.append(one.output), lambda problem: False)]

    with subprocess.Popen(
        [sys.executable, "-c", code, str(ledger)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == "sent\n"
        assert box.send(messages, now=SEEN).left == 1 and sent == ["b"]
        other.communicate("\n", timeout=HANG)
    assert other.returncode == 0
    assert box.send(messages, now=SEEN + DAY).left == 0 and sent == ["b"]


def test_a_sender_that_died_lets_go_of_its_message(tmp_path: Path) -> None:
    box, sent = Outbox(tmp_path / "ledger.sqlite"), list[str]()
    box.put([thing()], now=SEEN)

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        box.send(lambda one: [Message("c", "s", die, lambda problem: False)], now=SEEN)
    assert box.send(lambda one: [Message("c", "s", lambda: sent.append("x"), bool)], now=SEEN).left == 1


def test_what_could_not_be_sent_for_two_weeks_is_given_up_and_said(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "ledger.sqlite")
    box.put([thing()], now=SEEN)

    def refuse() -> None:
        raise OSError("no")

    def down(one: Announcement) -> list[Message]:
        return [Message("c", "s", refuse, lambda problem: False)]

    assert box.send(down, now=SEEN).waiting == 1
    assert any("given up" in problem for problem in box.send(down, now=SEEN + 15 * DAY).problems)
    assert box.send(down, now=SEEN + 16 * DAY).waiting == 0


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_waits_is_said_with_how_it_will_leave(company: Company, hook: type[Hook], language: Any) -> None:
    hook.up = False
    with pytest.raises(RunError) as caught:
        deliver.deliver([thing()], plan=deliver.read(company.space.params / "delivery.yml"), noted=company.space.ledger,
                        now=SEEN)  # fmt: skip
    assert "crmlib schedule" in passes.told(caught.value, Words(language)).splitlines()[-1]
