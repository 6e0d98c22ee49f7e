"""Who may see what: local users with argon2 hashes in a file, and what each of them may open.

[li.na]
hash = "$argon2id$..."
regions = ["East"]           # absent: all
reports = ["customer_value"] # absent: all
records = true               # absent: pages and lists only, without the notebook and tables beside them
may = ["approve"]            # absent: nothing of RIGHTS
staff = "G101"               # absent: a head, who sees everybody; with a number: the own figures and customers only
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crmlib.core.errors import RunError
from crmlib.serve.limits import Limits

_HASHER = PasswordHasher()
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$MDEyMzQ1Njc4OWFiY2RlZg$6gXDHyRIpvMZ8TPWmKkGvgxiKOzxmbLaGSZtyTUmEVM"
MIN_PASSWORD = 10
RIGHTS = ("approve", "reveal", "merge", "send")
"""What is done in one's own name beyond reading: approve what another drafted, open names and phones, accept merges,
send lists."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who may log in.

    Parameters
    ----------
    name : as typed at the login.
    mark : changes with the password or the rights; a session with another mark is over.
    regions, reports : what may be seen; none means all.
    records : whether the notebook, record and whole tables beside a finished page may be read.
    may : what of `RIGHTS` this user may do.
    staff : the own number on the staff list; pages that can be of one person are then of this one only. Empty: a head.
    """

    name: str
    hash: str
    mark: str
    regions: tuple[str, ...] | None = None
    reports: tuple[str, ...] | None = None
    records: bool = False
    may: tuple[str, ...] = ()
    staff: str = ""

    def may_open(self, report: str) -> bool:
        """Whether this user may open a report at all."""
        return self.reports is None or report in self.reports

    def allowed(self, right: str) -> bool:
        """Whether this user, by a name of their own, may do one of `RIGHTS`."""
        return bool(self.name) and right in self.may

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
        raise RunError("run.bad_users", values={"file": str(path), "problem": str(problem)}) from None


_UNKNOWN = {"region": "run.unknown_region", "report": "run.unknown_report", "right": "run.unknown_right"}


def check_known(kind: Literal["region", "report", "right"], given: Sequence[str], known: Collection[str]) -> None:
    """Refuse a right to what does not exist: a slip of the pen would shut somebody out, or later let them in.

    Raises
    ------
    RunError
        `run.unknown_region`, `run.unknown_report`, `run.unknown_right`.
    """
    wrong = [one for one in given if one not in known]
    if wrong:
        near = (*difflib.get_close_matches(wrong[0], known, n=1), "")[0]
        raise RunError(
            _UNKNOWN[kind], values={"name": wrong[0], "known": ", ".join(sorted(known)) or "-", "near": near}
        )


def add(
    path: Path,
    name: str,
    *,
    password: str,
    regions: tuple[str, ...],
    reports: tuple[str, ...],
    records: bool = False,
    may: tuple[str, ...] = (),
    staff: str = "",
) -> None:
    """Add or replace a user; the file is replaced in one step and stays closed to others.

    Raises
    ------
    RunError
        `run.weak_password`, `run.bad_user_name`.
    """
    if len(password) < MIN_PASSWORD:
        raise RunError("run.weak_password", values={"length": len(password), "least": MIN_PASSWORD})
    if not name or not all(c.isalnum() or c in "._-@" for c in name):
        raise RunError("run.bad_user_name", values={"name": name})
    users = read(path) if path.exists() else {}
    entry: dict[str, object] = {
        "hash": _HASHER.hash(password), "regions": list(regions), "reports": list(reports), "records": records,
        "may": list(may), "staff": staff,
    }  # fmt: skip
    users[name] = _user(name, {k: v for k, v in entry.items() if v})
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(_entry(user) for user in users.values()))
    fresh.replace(path)


@dataclass(slots=True)
class Door:
    """The users, and whether a password is right; slow for those who guess.

    Parameters
    ----------
    path : the users file, read again at every login and request, so that a change counts at once: the first user
        closes an open server, a removed one is out. Once there were users it never opens again.
    clock : monotonic seconds.
    """

    path: Path
    clock: Callable[[], float]
    limits: Limits = field(init=False)
    closed: bool = False

    def __post_init__(self) -> None:
        self.limits = Limits(self.clock)

    def open(self) -> bool:
        """Whether there is nobody to log in: a server for whoever sits at this machine."""
        self.closed = self.closed or self.path.exists()
        return not self.closed

    def enter(self, name: str, password: str, *, address: str) -> User | None:
        """The user, if name and password are right and it is not too early to try again."""
        if not self.limits.begin(name, address):
            return None
        user = self.users().get(name)
        right = _right(user.hash if user else _NOBODY, password)  # as much work for a name that does not exist
        if user is None or not right:
            return None
        self.limits.right(name, address)
        return user

    def users(self) -> dict[str, User]:
        """The users as of now; none once the file is gone."""
        return read(self.path) if self.path.exists() else {}


def _right(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def _user(name: str, entry: Mapping[str, object]) -> User:
    regions, reports, may = entry.get("regions"), entry.get("reports"), entry.get("may", [])
    lists = (regions, reports, may)
    if not isinstance(entry["hash"], str) or not all(v is None or isinstance(v, list) for v in lists):
        raise ValueError(f"entry {name}: hash is a text, regions, reports and may are lists")
    records = entry.get("records", False)
    if not isinstance(records, bool):
        raise ValueError(f"entry {name}: records is true or false")
    rights, staff = _texts(may) or (), entry.get("staff", "")
    if not isinstance(staff, str):
        raise ValueError(f"entry {name}: staff is a text")
    known = {"hash", "regions", "reports", "records", "may", "staff"}
    unknown = (set(entry) - known) | (set(rights) - set(RIGHTS))
    if unknown:
        raise ValueError(f"entry {name}: unknown {', '.join(sorted(unknown))}")
    mark = hashlib.sha256(json.dumps(dict(entry), sort_keys=True, default=str).encode()).hexdigest()[:16]
    return User(name, entry["hash"], mark, _texts(regions), _texts(reports), records, rights, staff)


def _texts(values: object) -> tuple[str, ...] | None:
    return tuple(str(v) for v in values) if isinstance(values, list) else None


def _entry(user: User) -> str:
    lines = [f"[{json.dumps(user.name)}]", f"hash = {json.dumps(user.hash)}"]
    for key, values in (("regions", user.regions), ("reports", user.reports)):
        if values is not None:
            lines.append(f"{key} = {json.dumps(list(values), ensure_ascii=False)}")
    if user.records:
        lines.append("records = true")
    if user.may:
        lines.append(f"may = {json.dumps(list(user.may))}")
    if user.staff:
        lines.append(f"staff = {json.dumps(user.staff, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
