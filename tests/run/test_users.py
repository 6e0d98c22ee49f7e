"""Users: hashes, rights, guessing, a file closed to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlib.core.errors import RunError
from crmlib.run import users

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


def test_guessing_locks_the_name_for_a_while_even_for_the_right_password(file: Path) -> None:
    clock = Clock()
    door = users.Door(file, clock)
    for i in range(users.MOST_FAILURES):
        assert door.enter("boss", "wrong", address=f"a{i}") is None
    assert door.enter("boss", WORD, address="b") is None
    clock.now = users.LOCKED_SECONDS + 1
    assert door.enter("boss", WORD, address="b") is not None


def test_guessing_locks_the_address_too(file: Path) -> None:
    door = users.Door(file, Clock())
    for i in range(users.MOST_FAILURES):
        door.enter(f"name{i}", "wrong", address="evil")
    assert door.enter("boss", WORD, address="evil") is None
    assert door.enter("boss", WORD, address="good") is not None


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


def test_guesses_through_this_machines_proxy_lock_the_name_but_not_everybody(file: Path) -> None:
    door = users.Door(file, Clock())
    for _ in range(users.MOST_FAILURES):
        door.enter("li.na", "wrong", address="127.0.0.1")
    assert door.enter("li.na", WORD, address="127.0.0.1") is None
    assert door.enter("boss", WORD, address="127.0.0.1") is not None
