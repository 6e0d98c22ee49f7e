"""Pages in the making: each made once for all who may see the same, a few at a time, in a fair row.

A page is a function of its report, parameters, data, code and rights, and has the same bytes each time. So a page
made is kept for whoever asks for the same with the same rights, requests for a page in the making wait for that one,
and what must wait for a free place stands in a row: the reader with the fewest pages in the making comes first, then
who asked first. A reader who leaves is taken out of the row; a page that nobody waits for any more is given up.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from math import ceil

from crmlib.serve.small_pages import Reason

KEEP_SECONDS = 600.0
MOST_BYTES = 200_000_000
MOST_WAITING = 64
"""So many may stand in the row; whoever comes then is told to come again."""
USUAL_SECONDS = 5.0
"""What a page takes as long as none was made yet."""


@dataclass(frozen=True, slots=True)
class Made:
    """A page, its status and the key of its lists; or why there is none, and when [s] it is worth another try."""

    page: bytes = b""
    status: int = 200
    lists: str = ""
    why: Reason | None = None
    after: int = 30


@dataclass(slots=True)
class _Making:
    task: asyncio.Task[Made]
    waiting: int = 0


@dataclass(slots=True)
class Makings:
    """All pages kept and in the making.

    Parameters
    ----------
    at_once : pages made at the same time.
    patience : how long [s] a request may stand in the row.
    clock : monotonic seconds.
    """

    at_once: int
    patience: float
    clock: Callable[[], float]
    kept: OrderedDict[Hashable, tuple[Made, float]] = field(default_factory=OrderedDict)
    making: dict[Hashable, _Making] = field(default_factory=dict)
    row: list[tuple[str, asyncio.Future[None]]] = field(default_factory=list)
    busy: Counter[str] = field(default_factory=Counter)
    usual: float = USUAL_SECONDS

    async def page(self, key: Hashable, *, reader: str, make: Callable[[], Awaitable[Made]]) -> Made:
        """The page under `key`: kept, in the making, or made now by `make`; cancelled, nobody waits for it here.

        Parameters
        ----------
        key : everything that the page depends on, the rights of its reader included.
        reader : who asks, for the order of the row.
        """
        found = self.kept.get(key)
        if found is not None and found[1] > self.clock():
            self.kept.move_to_end(key)
            return found[0]
        one = self.making.get(key)
        if one is None:
            one = self.making[key] = _Making(asyncio.create_task(self._made(key, reader, make)))
            one.task.add_done_callback(lambda _: self.making.pop(key, None))
        one.waiting += 1
        try:
            return await asyncio.shield(one.task)
        finally:
            one.waiting -= 1
            if not one.waiting and not one.task.done():
                self.making.pop(key, None)  # who comes now begins anew
                one.task.cancel()

    def forget(self) -> None:
        """Give up everything that is kept."""
        self.kept.clear()

    async def _made(self, key: Hashable, reader: str, make: Callable[[], Awaitable[Made]]) -> Made:
        if not await self._turn(reader):
            return Made(why="busy", after=self._wait_for(len(self.row) + 1))
        began = self.clock()
        try:
            made = await make()
        finally:
            self.busy[reader] -= 1
            self._next()
        self.usual += (self.clock() - began - self.usual) / 4
        if made.why is None and made.status == 200:
            self._keep(key, made)
        return made

    async def _turn(self, reader: str) -> bool:
        """Wait for a free place; False if it takes too long."""
        if self.busy.total() < self.at_once and not self.row:
            self.busy[reader] += 1
            return True
        if len(self.row) >= MOST_WAITING or self.patience <= 0:
            return False
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.row.append((reader, place))
        try:
            async with asyncio.timeout(self.patience):
                await place
        except TimeoutError:
            return False
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():  # it was just this one's turn
                self.busy[reader] -= 1
                self._next()
            raise
        finally:
            self.row = [one for one in self.row if one[1] is not place]
        return True

    def _next(self) -> None:
        """Give the free places to those who come first: the fewest pages in the making, then the longest wait."""
        while self.row and self.busy.total() < self.at_once:
            reader, place = min(self.row, key=lambda one: self.busy[one[0]])
            self.row = [one for one in self.row if one[1] is not place]
            if not place.done():
                self.busy[reader] += 1
                place.set_result(None)

    def _wait_for(self, ahead: int) -> int:
        return max(1, min(300, ceil(self.usual * ahead / self.at_once)))

    def _keep(self, key: Hashable, made: Made) -> None:
        self.kept[key] = (made, self.clock() + KEEP_SECONDS)
        held = sum(len(one.page) for one, _ in self.kept.values())
        while held > MOST_BYTES and self.kept:
            _, (gone, _) = self.kept.popitem(last=False)
            held -= len(gone.page)
