"""Guessing gets slower and slower: by address over all names, by name and address, and by name over all addresses.

A wrong password is counted three times. Who guesses from one address waits, whatever the names; who guesses one name
from one address waits longer; and a name that is guessed from everywhere is asked for at most every ten seconds, so
that nobody can lock its owner out; where that name has entered before, not even that holds. A try in flight counts as
wrong until it is right: many at once gain nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

FORGET_SECONDS = 900.0
"""After so long without a wrong password nothing is held against anybody."""
MOST_KEYS = 10_000
HERE_NAMES = frozenset(("127.0.0.1", "::1", ""))


@dataclass(frozen=True, slots=True)
class Rule:
    """So many wrong passwords cost nothing; each further one doubles the wait, from a second up to `most` seconds."""

    free: int
    most: float

    def wait(self, wrong: int) -> float:
        """Seconds to wait after so many wrong ones."""
        return 0.0 if wrong < self.free else min(self.most, 2.0 ** min(wrong - self.free, 20))


PAIR, ADDRESS = Rule(free=3, most=900.0), Rule(free=5, most=900.0)
HERE = Rule(free=20, most=10.0)
"""This machine's own address is that of everybody behind a proxy that does not say for whom it asks."""
NAME = Rule(free=20, most=10.0)


@dataclass(slots=True)
class Count:
    """Wrong passwords, the last one at [s], and until when [s] the next one must wait."""

    wrong: int = 0
    last: float = 0.0
    until: float = 0.0


@dataclass(slots=True)
class Limits:
    """What is held against names and addresses.

    Parameters
    ----------
    clock : monotonic seconds.
    pair, address, here, name : the rules of a name at an address, of an address, of this machine's, and of a name.
    """

    clock: Callable[[], float]
    pair: Rule = PAIR
    address: Rule = ADDRESS
    here: Rule = HERE
    name: Rule = NAME
    counts: dict[tuple[str, ...], Count] = field(default_factory=dict)
    known: dict[tuple[str, str], None] = field(default_factory=dict)

    def wait(self, name: str, address: str) -> float:
        """Seconds until this name may be tried from this address; 0 if now."""
        now = self.clock()
        kept = (self.counts.get(key) for key in self._rules(name, address))
        return max((0.0, *(one.until - now for one in kept if one is not None)))

    def begin(self, name: str, address: str) -> bool:
        """Count a try as wrong, before it is known to be right; False, and nothing is counted, where it must wait."""
        if self.wait(name, address) > 0:
            return False
        now = self.clock()
        for key, rule in self._rules(name, address).items():
            one = self.counts.pop(key, Count())
            wrong = 1 if now - one.last > FORGET_SECONDS else one.wrong + 1
            self.counts[key] = Count(wrong, now, now + rule.wait(wrong))  # the newest stand last
        while len(self.counts) > MOST_KEYS:  # somebody tries names by the thousand: forget the oldest
            del self.counts[next(iter(self.counts))]
        return True

    def right(self, name: str, address: str) -> None:
        """The try was right: it, and what was held against this name from here, is forgotten."""
        self.counts.pop(("pair", name, address), None)
        for key in (("address", address), ("name", name)):
            one = self.counts.get(key)
            if one is not None:
                one.wrong, one.until = max(one.wrong - 1, 0), 0.0
        self.known[name, address] = None
        while len(self.known) > MOST_KEYS:
            del self.known[next(iter(self.known))]

    def _rules(self, name: str, address: str) -> dict[tuple[str, ...], Rule]:
        place = self.here if address in HERE_NAMES else self.address
        rules = {("pair", name, address): self.pair, ("address", address): place}
        return rules if (name, address) in self.known else {**rules, ("name", name): self.name}
