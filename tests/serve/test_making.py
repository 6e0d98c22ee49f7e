"""Pages in the making: made once, a fair row, given up when nobody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any

import pytest

from crmlib.serve import depends, making
from crmlib.serve.making import Made, Makings


def runs(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """A test in a loop and a thread of its own: a browser of an earlier test may leave a loop running in this one."""

    @wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        with ThreadPoolExecutor(1) as alone:
            alone.submit(lambda: asyncio.run(test(*arguments, **named))).result()  # type: ignore[arg-type]

    return run


class Kitchen:
    """Makes pages that are ready when told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    def maker(self, name: str, **more: Any) -> Callable[[], Awaitable[Made]]:
        async def make() -> Made:
            self.begun.append(name)
            gate = self.gates.setdefault(name, asyncio.Event())
            try:
                await gate.wait()
            except asyncio.CancelledError:
                self.ended.append(name)
                raise
            return Made(name.encode(), **more)

        return make

    def ready(self, *names: str) -> None:
        for name in names:
            self.gates.setdefault(name, asyncio.Event()).set()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def makings(at_once: int = 2, patience: float = 30, clock: Clock | None = None) -> Makings:
    return Makings(at_once, patience, clock or Clock())


@runs
async def test_requests_for_the_same_page_share_one_making_and_the_page_is_kept() -> None:
    clock = Clock()
    all_pages, kitchen = makings(clock=clock), Kitchen()
    asked = [asyncio.create_task(all_pages.page("k", reader=f"r{n}", make=kitchen.maker("a"))) for n in range(20)]
    await settle()
    kitchen.ready("a")
    assert {made.page for made in await asyncio.gather(*asked)} == {b"a"} and kitchen.begun == ["a"]
    assert (await all_pages.page("k", reader="x", make=kitchen.maker("b"))).page == b"a"
    clock.now = making.KEEP_SECONDS
    kitchen.ready("b")
    assert (await all_pages.page("k", reader="x", make=kitchen.maker("b"))).page == b"b"


@pytest.mark.parametrize("more", [{"status": 422}, {"why": "failed"}])
@runs
async def test_what_failed_is_not_kept(more: dict[str, Any]) -> None:
    all_pages, kitchen = makings(), Kitchen()
    kitchen.ready("a", "b")
    await all_pages.page("k", reader="r", make=kitchen.maker("a", **more))
    assert (await all_pages.page("k", reader="r", make=kitchen.maker("b"))).page == b"b"


@runs
async def test_a_reader_who_leaves_gives_up_their_page_unless_somebody_else_waits_for_it() -> None:
    all_pages, kitchen = makings(), Kitchen()
    first, second = (
        asyncio.create_task(all_pages.page("k", reader=name, make=kitchen.maker("a"))) for name in ("one", "two")
    )
    await settle()
    first.cancel()
    await settle()
    assert kitchen.ended == []
    kitchen.ready("a")
    assert (await second).page == b"a"
    alone = asyncio.create_task(all_pages.page("other", reader="one", make=kitchen.maker("b")))
    await settle()
    alone.cancel()
    await settle()
    assert kitchen.ended == ["b"] and not all_pages.making and all_pages.busy.total() == 0


@runs
async def test_four_who_left_hold_up_nobody() -> None:
    all_pages, kitchen = makings(at_once=1), Kitchen()
    left = [asyncio.create_task(all_pages.page(n, reader="r", make=kitchen.maker(f"left{n}"))) for n in range(4)]
    await settle()
    for one in left:
        one.cancel()
    await settle()
    kitchen.ready("good")
    assert (await all_pages.page("good", reader="x", make=kitchen.maker("good"))).page == b"good"
    assert kitchen.begun == ["left0", "good"] and not all_pages.row


@runs
async def test_the_row_is_fair_a_reader_of_one_page_does_not_wait_for_anothers_ten() -> None:
    all_pages, kitchen = makings(at_once=2), Kitchen()
    many = [asyncio.create_task(all_pages.page(n, reader="many", make=kitchen.maker(f"m{n}"))) for n in range(10)]
    await settle()
    one = asyncio.create_task(all_pages.page("one", reader="one", make=kitchen.maker("one")))
    await settle()
    assert kitchen.begun == ["m0", "m1"]
    kitchen.ready("m0")
    await settle()
    assert kitchen.begun == ["m0", "m1", "one"]  # before the eight that stood there earlier
    kitchen.ready("one", *(f"m{n}" for n in range(10)))
    await asyncio.gather(one, *many)
    assert kitchen.begun[3:] == [f"m{n}" for n in range(2, 10)]  # the others in their order


@runs
async def test_twenty_different_pages_are_all_made_and_only_patience_ends_in_busy() -> None:
    all_pages, kitchen = makings(at_once=2), Kitchen()
    kitchen.ready(*map(str, range(20)))
    asked = [all_pages.page(n, reader=f"r{n}", make=kitchen.maker(str(n))) for n in range(20)]
    assert [made.page for made in await asyncio.gather(*asked)] == [str(n).encode() for n in range(20)]
    hasty = makings(at_once=1, patience=0.01)
    slow = asyncio.create_task(hasty.page("slow", reader="r", make=kitchen.maker("slow")))
    await settle()
    busy = await hasty.page("k", reader="x", make=kitchen.maker("never"))
    assert busy.why == "busy" and 1 <= busy.after <= 300 and "never" not in kitchen.begun
    kitchen.ready("slow")
    assert (await slow).page == b"slow"


@runs
async def test_the_row_has_an_end() -> None:
    all_pages, kitchen = makings(at_once=1), Kitchen()
    asked = [
        asyncio.create_task(all_pages.page(n, reader=f"r{n}", make=kitchen.maker(str(n))))
        for n in range(making.MOST_WAITING + 5)
    ]
    await settle()
    assert sum(one.done() and one.result().why == "busy" for one in asked) == 4
    kitchen.ready(*map(str, range(len(asked))))
    assert sum(made.why is None for made in await asyncio.gather(*asked)) == making.MOST_WAITING + 1


@runs
async def test_what_is_kept_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "MOST_BYTES", 25)
    all_pages, kitchen = makings(), Kitchen()
    for name in ("a" * 10, "b" * 10, "c" * 10):
        kitchen.ready(name)
        await all_pages.page(name, reader="r", make=kitchen.maker(name))
    assert [key for key in all_pages.kept] == ["b" * 10, "c" * 10]


@runs
async def test_a_maker_that_breaks_frees_its_place() -> None:
    all_pages = makings(at_once=1)

    async def broken() -> Made:
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await all_pages.page("k", reader="r", make=broken)
    assert all_pages.busy.total() == 0 and not all_pages.making


def test_new_data_a_new_state_a_new_page_and_new_code_are_another_stand(tmp_path: Path) -> None:
    lake, reports, notebook = tmp_path / "lake", tmp_path / "reports", tmp_path / "r.ipynb"
    for place in (lake / "tables/receipt_lines/_delta_log", lake / "state/r-cuts/_delta_log", reports / "r/weekly"):
        place.mkdir(parents=True)
    notebook.write_text("{}")
    seen = [depends.stand(lake, reports, "r", notebook)]

    def changed() -> bool:
        seen.append(depends.stand(lake, reports, "r", notebook))
        return seen[-1] not in seen[:-1]

    assert not changed()
    (lake / "tables/receipt_lines/_delta_log/1.json").write_text("")
    assert changed()
    (lake / "tables/stores/_delta_log").mkdir(parents=True)
    assert changed()
    (lake / "state/r-cuts/_delta_log/1.json").write_text("")
    assert changed()
    (reports / "r/weekly/2026-01-31").mkdir()
    assert changed()
    (reports / "r/weekly/2026-01-31/zh").symlink_to("x")
    assert changed()
    notebook.write_text("{} ")
    assert changed()
    (reports / "other/weekly").mkdir(parents=True)
    assert not changed()
