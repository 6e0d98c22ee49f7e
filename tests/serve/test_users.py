"""Users: hashes, rights, guessing, a file closed to others."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders

from crmlib.core.errors import RunError
from crmlib.kit.words import LANGUAGES, Words
from crmlib.run import failures
from crmlib.serve import limits, users
from crmlib.serve.login import Guard, Proxy
from crmlib.serve.server import who_may_enter
from crmlib.serve.sessions import Sessions

WORD = "correct horse battery"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "users.toml"
    users.add(path, "li.na", password=WORD, regions=("华东",), reports=("customer_value",))
    users.add(path, "boss", password=WORD, regions=(), reports=())
    return path


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_user_enters_with_the_right_password_only(file: Path) -> None:
    door = users.Door(file, Clock())
    found = door.enter("li.na", WORD, address="a")
    assert found is not None
    assert (found.regions, found.reports) == (("华东",), ("customer_value",))
    assert door.enter("li.na", WORD + "x", address="a") is None
    assert door.enter("nobody", WORD, address="a") is None


def test_rights_are_what_the_file_says(file: Path) -> None:
    people = users.read(file)
    assert people["li.na"].may_open("customer_value")
    assert not people["li.na"].may_open("churn_review")
    assert people["li.na"].may_see("华东")
    assert not people["li.na"].may_see("华北")
    assert not people["li.na"].may_see(None)
    assert people["boss"].may_see(None)


def test_a_strangers_guesses_never_lock_the_owner_out(file: Path) -> None:
    clock = Clock()
    door = users.Door(file, clock)
    for _ in range(200):
        door.limits.begin("boss", "evil")
    assert door.enter("boss", WORD, address="home") is not None
    for n in range(300):
        clock.now += 0.1
        door.limits.begin("boss", f"evil{n}")  # from everywhere at once
    assert door.enter("boss", WORD, address="home") is not None  # where boss has been before
    door.limits.begin("boss", "evil")
    door.limits.begin("boss", "more evil")
    wait = door.limits.wait("boss", "a new place")
    assert 0 < wait <= 10
    clock.now += wait
    assert door.enter("boss", WORD, address="a new place") is not None


def test_one_password_over_many_names_from_one_address_gets_slower_and_slower(file: Path) -> None:
    clock, tried = Clock(), 0
    door = users.Door(file, clock)
    for n in range(3600):  # an hour, a new name every second
        tried += door.limits.begin(f"name{n}", "evil")
        clock.now += 1
    assert tried <= 20
    assert door.enter("boss", WORD, address="good") is not None


def test_many_tries_at_once_gain_nothing(file: Path) -> None:
    door = users.Door(file, Clock())
    begun = [door.limits.begin("boss", "evil") for _ in range(60)]  # all before the first one is known to be wrong
    assert sum(begun) == 3


def test_what_is_held_against_somebody_is_forgotten_after_a_quiet_quarter_of_an_hour(file: Path) -> None:
    clock = Clock()
    door = users.Door(file, clock)
    for _ in range(30):
        door.limits.begin("boss", "home")
        clock.now += 1000
    assert door.limits.wait("boss", "home") == 0


def test_names_by_the_thousand_take_no_memory(file: Path) -> None:
    door = users.Door(file, Clock())
    for n in range(30_000):
        door.limits.begin(f"name{n}", f"address{n}")
    assert len(door.limits.counts) <= limits.MOST_KEYS


def test_an_open_server_is_closed_by_its_first_user_and_never_opens_again(tmp_path: Path) -> None:
    path = tmp_path / "users.toml"
    door = users.Door(path, Clock())
    assert door.open() and door.users() == {}
    users.add(path, "boss", password=WORD, regions=(), reports=())
    assert not door.open() and set(door.users()) == {"boss"}
    path.unlink()
    assert not door.open() and door.users() == {}


@pytest.mark.parametrize(("kind", "given"), [("region", "华东区"), ("report", "custmer_value"), ("report", "")])
def test_a_right_to_what_does_not_exist_is_refused_with_the_nearest_name(kind: Any, given: str) -> None:
    with pytest.raises(RunError) as caught:
        users.check_known(kind, ["华东", given], ["华东", "customer_value"])
    assert caught.value.code == f"run.unknown_{kind}"
    for language in LANGUAGES:
        told = failures.failure(caught.value).said[language]
        assert given in told.given and "customer_value" in told.expected


def test_sessions_are_over_when_they_are_ended_and_after_half_a_day_and_one_user_has_twenty() -> None:
    clock = Clock()
    kept, boss = Sessions(clock), users.User("boss", "h", "m")
    keys = [kept.open(boss) for _ in range(25)]
    assert [kept.find(key) is not None for key in keys] == [False] * 5 + [True] * 20
    kept.end(keys[-1])
    assert kept.find(keys[-1]) is None and kept.find("") is None
    clock.now = 12 * 3600
    assert kept.find(keys[-2]) is None
    assert not any(key in repr(kept) for key in keys)  # what is kept opens nothing


def test_a_new_password_ends_old_sessions(file: Path) -> None:
    before = users.read(file)["boss"].mark
    users.add(file, "boss", password=WORD + "2", regions=(), reports=())
    assert users.read(file)["boss"].mark != before


def test_a_file_others_can_read_is_refused(file: Path) -> None:
    file.chmod(0o644)
    with pytest.raises(RunError, match="chmod 600"):
        users.read(file)


@pytest.mark.parametrize("text", ["[a]\n", "[a]\nhash = 1\n", "[a]\nhash = 'x'\nregion = ['x']\n", "nonsense"])
def test_a_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "users.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(RunError) as caught:
        users.read(path)
    assert caught.value.code == "run.bad_users"


def test_weak_passwords_and_strange_names_are_refused(tmp_path: Path) -> None:
    for name, word in (("a", "short"), ("a]\nb", WORD), ("", WORD)):
        with pytest.raises(RunError):
            users.add(tmp_path / "users.toml", name, password=word, regions=(), reports=())
    assert not (tmp_path / "users.toml").exists()


def test_guesses_through_this_machines_proxy_hold_up_the_name_but_not_everybody(file: Path) -> None:
    door = users.Door(file, Clock())
    for _ in range(5):
        door.enter("li.na", "wrong", address="127.0.0.1")
    assert door.enter("li.na", WORD, address="127.0.0.1") is None
    assert door.enter("boss", WORD, address="127.0.0.1") is not None


def test_whoever_starts_the_server_is_told_whether_anybody_may_enter(tmp_path: Path) -> None:
    def told(proxy: Proxy | None = None) -> str:
        door = users.Door(tmp_path / "users.toml", lambda: 0.0)
        front = Guard(door, Sessions(lambda: 0.0), tmp_path / "audit", lambda: datetime.now(UTC), proxy=proxy)
        return who_may_enter(front, Words("en"))

    assert told() == Words("en")("cli.enter_all")
    users.add(tmp_path / "users.toml", "li.na", password=WORD, regions=(), reports=())
    assert told() == Words("en")("cli.enter_users", count="1")
    assert "X-User" in told(Proxy("X-User", "s"))


def test_the_audit_shows_marks_that_nobody_sees_and_stays_one_line_a_visit(file: Path, tmp_path: Path) -> None:
    class Handler:
        class request:  # noqa: N801
            remote_ip, uri, headers = "10.0.0.1", "/login", HTTPHeaders()

    guard = Guard(
        users.Door(file, Clock()), Sessions(Clock()), tmp_path / "audit", lambda: datetime(2026, 1, 1, tzinfo=UTC)
    )
    for name in ("\u202egpj.exe", "bo\u200bss", 'x"}\n{"user": "boss"', "x" * 500):
        guard.note(Handler(), None, outcome="wrong", name=name, page="\u2066a")  # type: ignore[arg-type]
    lines = [json.loads(line) for line in (tmp_path / "audit").read_text(encoding="utf-8").splitlines()]
    assert [line["name"][:12] for line in lines] == ["\ufffdgpj.exe", "bo\ufffdss", 'x"}\n{"user":', "x" * 12]
    assert {line["user"] for line in lines} == {None} and {line["page"] for line in lines} == {"\ufffda"}
    assert max(len(line["name"]) for line in lines) == 64
