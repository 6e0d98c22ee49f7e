"""Lists to download, from the server: those of a page just made, and those inside a finished page.

A page made for a reader leaves its workbooks in a folder of its own, whose name nobody can guess. They are given to the
same reader only, for an hour, and each is a line in the audit; so nothing is computed twice, and nothing is shown that
was not on the page. A finished page carries its workbooks inside; the server takes them out, so that these, too, are
asked for one by one.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from crmlib.serve.users import User

KEEP_SECONDS = 3600.0
LEFT_SECONDS = 24 * 3600.0
MOST_PAGES = 500
"""So many pages keep their lists; then the oldest lets go."""
ROUTE = "/lists/"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_INSIDE = re.compile(rf'href="data:{re.escape(XLSX)};base64,([A-Za-z0-9+/=]*)" download="([\w.-]+)"')


@dataclass(frozen=True, slots=True)
class Kept:
    """The lists of one page: who saw it, at which address, where they lie and until when [s]."""

    name: str
    mark: str
    report: str
    asked: str
    folder: Path
    until: float


@dataclass(slots=True)
class Lists:
    """All lists that are kept.

    Parameters
    ----------
    folder : closed to others; what an earlier server left in it is removed at the start.
    clock : monotonic seconds.
    """

    folder: Path
    clock: Callable[[], float]
    kept: dict[str, Kept] = field(default_factory=dict)

    def start(self) -> None:
        """Begin with an empty folder; what servers that were killed left long ago goes, too."""
        shutil.rmtree(self.folder, ignore_errors=True)
        for other in self.folder.parent.glob(f"{self.folder.name.rpartition('-')[0]}-*"):
            with suppress(OSError):
                if time.time() - other.stat().st_mtime > LEFT_SECONDS:
                    shutil.rmtree(other, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)

    def end(self) -> None:
        """Leave nothing behind."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def open(self, user: User, report: str, *, asked: str) -> Path:
        """A new folder for the lists of a page that `user` has asked for; its name is the key to them."""
        now = self.clock()
        for key in [k for k, one in self.kept.items() if one.until < now]:
            self._forget(key)
        while len(self.kept) >= MOST_PAGES:
            self._forget(next(iter(self.kept)))
        key = secrets.token_hex(16)
        folder = self.folder / key
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        self.kept[key] = Kept(user.name, user.mark, report, asked, folder, now + KEEP_SECONDS)
        return folder

    def share(self, key: str, user: User, report: str, *, asked: str) -> str:
        """A key of their own for a reader who is given the same page with the same rights; the lists are there once."""
        one = self.kept.get(key)
        if one is None or (one.name, one.mark) == (user.name, user.mark):
            return key
        own = secrets.token_hex(16)
        self.kept[own] = Kept(user.name, user.mark, report, asked, one.folder, self.clock() + KEEP_SECONDS)
        return own

    def find(self, key: str, user: User) -> Kept | None:
        """The lists under `key`, if they are there, and this reader's own with the rights of then."""
        one = self.kept.get(key)
        fine = one is not None and one.until >= self.clock() and (one.name, one.mark) == (user.name, user.mark)
        return one if fine and one is not None and user.may_open(one.report) else None

    def _forget(self, key: str) -> None:
        gone = self.kept.pop(key).folder
        if all(one.folder != gone for one in self.kept.values()):
            shutil.rmtree(gone, ignore_errors=True)


def linked(page: str) -> str:
    """A finished page whose lists are asked for beside it instead of lying inside.

    Examples
    --------
    >>> linked(f'<a href="data:{XLSX};base64,UEs=" download="a.b.xlsx">')
    '<a href="lists/a.b.xlsx" download="a.b.xlsx">'
    """
    return _INSIDE.sub(lambda link: f'href="lists/{link[2]}" download="{link[2]}"', page)


def inside(page: str, name: str) -> bytes | None:
    """The list of this name inside a finished page; none if there is none."""
    for link in _INSIDE.finditer(page):
        if link[2] == name:
            try:
                return base64.b64decode(link[1], validate=True)
            except binascii.Error:
                return None
    return None
