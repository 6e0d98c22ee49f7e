"""Who may see what: local users with argon2 hashes in a file, and what each of them may open.

[li.na]
hash = "$argon2id$..."
regions = ["East"]           # absent: all
reports = ["customer_value"] # absent: all
"""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crmlib.core.errors import RunError

_HASHER = PasswordHasher()
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$6gXDHyRIpvMZ8TPWmKkGvgxiKOzxmbLaGSZtyTUmEVM"
MOST_FAILURES = 5
LOCKED_SECONDS = 900.0
MIN_PASSWORD = 10
_HERE = frozenset(("127.0.0.1", "::1"))


@dataclass(frozen=True, slots=True)
class User:
    """A person who may log in.

    Parameters
    ----------
    name : as typed at the login.
    mark : changes with the password or the rights; a session with another mark is over.
    regions, reports : what may be seen; none means all.
    """

    name: str
    hash: str
    mark: str
    regions: tuple[str, ...] | None = None
    reports: tuple[str, ...] | None = None

    def may_open(self, report: str) -> bool:
        """Whether this user may open a report at all."""
        return self.reports is None or report in self.reports

    def may_see(self, region: str | None) -> bool:
        """Whether this user may see a finished page of that region (none: of all regions)."""
        return self.regions is None or (region is not None and region in self.regions)


def read(path: Path) -> dict[str, User]:
    """The users of a file.

    Raises
    ------
    RunError
        `run.bad_users` if the file cannot be read, is open to others, or holds something else.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ValueError("the file can be read by others: chmod 600")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return {name: _user(name, entry) for name, entry in content.items()}
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise RunError(
            "run.bad_users",
            given=f"{path}: {problem}",
            expected="one [name] per user with hash, and perhaps regions and reports; readable by its owner only",
            mend="make entries with `crmlib user NAME`",
            values={"file": str(path), "problem": str(problem)},
        ) from None


def add(path: Path, name: str, *, password: str, regions: tuple[str, ...], reports: tuple[str, ...]) -> None:
    """Add or replace a user; the file is replaced in one step and stays closed to others.

    Raises
    ------
    RunError
        `run.weak_password`, `run.bad_user_name`.
    """
    if len(password) < MIN_PASSWORD:
        raise RunError(
            "run.weak_password",
            given=f"a password of {len(password)} characters",
            expected=f"at least {MIN_PASSWORD}",
            mend="choose a longer one; several words are easy to remember",
            values={"length": len(password), "least": MIN_PASSWORD},
        )
    if not name or not all(c.isalnum() or c in "._-@" for c in name):
        raise RunError(
            "run.bad_user_name",
            given=f"user name {name!r}",
            expected="letters, digits and . _ - @",
            mend="choose another name",
            values={"name": name},
        )
    users = read(path) if path.exists() else {}
    entry = {"hash": _HASHER.hash(password), "regions": list(regions), "reports": list(reports)}
    users[name] = _user(name, {k: v for k, v in entry.items() if v})
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(_entry(user) for user in users.values()))
    fresh.replace(path)


@dataclass(slots=True)
class Door:
    """Checks passwords, slowly for those who guess.

    Parameters
    ----------
    path : the users file, read again at every login and request, so that a change counts at once.
    clock : monotonic seconds.
    """

    path: Path
    clock: Callable[[], float]
    failures: dict[str, tuple[int, float]] = field(default_factory=dict)

    def enter(self, name: str, password: str, *, address: str) -> User | None:
        """The user, if name and password are right and neither name nor address is locked out."""
        user = self.users().get(name)
        locked = self.locked(name, address)
        right = _right(user.hash if user else _NOBODY, password)  # as much work for a name that does not exist
        if locked or user is None or not right:
            if not locked:
                self._count(name, address)
            return None
        self.failures.pop(f"name {name}", None)
        return user

    def locked(self, name: str, address: str) -> bool:
        """Whether too many wrong passwords came for this name or from this address."""
        now = self.clock()
        keys = _counted(name, address)
        return any(n >= MOST_FAILURES and now < until for n, until in (self.failures.get(k, (0, 0.0)) for k in keys))

    def users(self) -> dict[str, User]:
        """The users as of now."""
        return read(self.path)

    def _count(self, name: str, address: str) -> None:
        now = self.clock()
        for key in _counted(name, address):
            n, until = self.failures.get(key, (0, 0.0))
            self.failures[key] = (1 if now >= until else n + 1, now + LOCKED_SECONDS)
        if len(self.failures) > 10_000:  # somebody tries names by the thousand: forget the oldest
            self.failures = dict(sorted(self.failures.items(), key=lambda kv: kv[1][1])[-5_000:])


def _counted(name: str, address: str) -> tuple[str, ...]:
    """What wrong passwords are counted by; this machine's own address is that of everybody behind its proxy."""
    return (f"name {name}",) if address in _HERE else (f"name {name}", f"from {address}")


def _right(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _user(name: str, entry: Mapping[str, object]) -> User:
    regions, reports = entry.get("regions"), entry.get("reports")
    if not isinstance(entry["hash"], str) or not all(v is None or isinstance(v, list) for v in (regions, reports)):
        raise ValueError(f"entry {name}: hash is a text, regions and reports are lists")
    unknown = set(entry) - {"hash", "regions", "reports"}
    if unknown:
        raise ValueError(f"entry {name}: unknown {', '.join(sorted(unknown))}")
    mark = hashlib.sha256(json.dumps(dict(entry), sort_keys=True, default=str).encode()).hexdigest()[:16]
    return User(name, entry["hash"], mark, _texts(regions), _texts(reports))


def _texts(values: object) -> tuple[str, ...] | None:
    return tuple(str(v) for v in values) if isinstance(values, list) else None


def _entry(user: User) -> str:
    lines = [f"[{json.dumps(user.name)}]", f"hash = {json.dumps(user.hash)}"]
    for key, values in (("regions", user.regions), ("reports", user.reports)):
        if values is not None:
            lines.append(f"{key} = {json.dumps(list(values), ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
