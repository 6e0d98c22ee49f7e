"""Sessions are kept by the server: a cookie is only the key to one, and opens nothing once it is over."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from crmlib.serve.users import User

SECONDS = 12 * 3600.0
MOST, MOST_OF_ONE = 10_000, 20
"""So many sessions are kept, and so many of one user; then the oldest is over."""


@dataclass(frozen=True, slots=True)
class Session:
    """Whose session it is, with the rights of then (`mark`), and until when [s]."""

    name: str
    mark: str
    until: float


@dataclass(slots=True)
class Sessions:
    """All open sessions, by the hash of their key.

    Parameters
    ----------
    clock : monotonic seconds.
    """

    clock: Callable[[], float]
    kept: dict[str, Session] = field(default_factory=dict)

    def open(self, user: User) -> str:
        """Begin a session; its key."""
        now = self.clock()
        self.kept = {key: one for key, one in self.kept.items() if one.until > now}
        own = [key for key, one in self.kept.items() if one.name == user.name]
        for key in own[: max(0, len(own) - MOST_OF_ONE + 1)] + list(self.kept)[: max(0, len(self.kept) - MOST + 1)]:
            self.kept.pop(key, None)
        token = secrets.token_urlsafe(32)
        self.kept[_hash(token)] = Session(user.name, user.mark, now + SECONDS)
        return token

    def find(self, token: str) -> Session | None:
        """The session under a key, if it is not over."""
        one = self.kept.get(_hash(token))
        return one if one is not None and one.until > self.clock() else None

    def end(self, token: str) -> None:
        """End a session."""
        self.kept.pop(_hash(token), None)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
