"""Promotions change sales by what the truth says, line by line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.simulate import presence, response, returns
from crmlib.simulate.company import found
from crmlib.simulate.draws import stream
from crmlib.simulate.events import Event
from crmlib.simulate.story import Telling, World, _sales  # the lines of the world without promotions

KEYS = ["store", "product", "day", "milli"]


@pytest.fixture(scope="module")
def world() -> World:
    return found(customers=4000, stores=10, days=120, seed=2, end=date(2026, 8, 31))


@pytest.fixture(scope="module")
def lines(world: World) -> pl.DataFrame:
    before, _ = returns.before_the_first_day(world.members, world.goods, first_day=world.first_day, rng=stream(2, 1))
    state = Telling(presence.begin(world.leaving), before)
    return _sales(world, state, world.first_day, world.last_day)


def event_of(world: World, **changes: object) -> Event:
    """An event on half of the nuts in half of the stores for 30 of the 120 days."""
    goods = world.goods
    nuts = goods.category == goods.categories.index("nut")
    half = nuts & (np.cumsum(nuts) % 2 == 0)
    plain = Event(
        promotion_id="T1", category="nut", slot=None, mechanic="rate", first=world.first_day + 40,
        last=world.first_day + 69, planned=np.arange(10) % 2 == 0,
        stores=np.arange(10) % 2 == 0, products=half, siblings=nuts & ~half, depth_bp=2000,
        lift=1.8, dip_days=20, dip=0.4, cannibal=0.2, funding_bp=0, gift_cost=0,
    )  # fmt: skip
    return replace(plain, **changes)


def apply(world: World, lines: pl.DataFrame, *events: Event) -> tuple[pl.DataFrame, pl.DataFrame]:
    hunters = response.find_hunters(world.members, 10)
    return response.respond(lines, events, world.members, hunters, goods=world.goods, rng=stream(5))


def counted(effects: pl.DataFrame, *kinds: str) -> int:
    return effects.filter(pl.col("kind").is_in(kinds)).height


def test_every_line_is_accounted_for(world: World, lines: pl.DataFrame) -> None:
    after, effects = apply(world, lines, event_of(world))
    gained, lost = counted(effects, "extra", "halo"), counted(effects, "dip", "cannibalised")
    assert after.height == lines.height + gained - lost
    assert after.filter(pl.col("event") == 0).height == counted(effects, "base", "unmoved", "extra")
    assert min(gained, lost, counted(effects, "base")) > 50


def test_lines_outside_the_event_and_its_wake_are_untouched(world: World, lines: pl.DataFrame) -> None:
    event = event_of(world)
    after, _ = apply(world, lines, event)
    far = (pl.col("day") < event.first) | (pl.col("day") > event.last + event.dip_days)
    untreated = pl.col("store") % 2 == 1
    for outside in (far, untreated):
        before = lines.filter(outside).select(*KEYS, "net_minor").sort(pl.all())
        assert after.filter(outside).select(*KEYS, "net_minor").sort(pl.all()).equals(before)


def test_the_counted_lift_dip_and_losses_are_the_promised_ones(world: World, lines: pl.DataFrame) -> None:
    event = event_of(world)
    _, effects = apply(world, lines, event)
    everything = np.ones(len(world.goods.price), dtype=np.bool_)
    _, wide = apply(world, lines, event_of(world, products=everything, siblings=~everything))
    base, extra = counted(wide, "base"), counted(wide, "extra")
    assert extra / base == pytest.approx(event.lift - 1, abs=4 * np.sqrt((event.lift - 1) / base))
    assert base > 2500, "too few lines to tell .8 from .9"
    moved = response._ordinary(world.members, lines["member"].to_numpy())
    treated = lines.filter(pl.Series(moved), pl.col("store") % 2 == 0)
    product, day = treated["product"].to_numpy(), treated["day"].to_numpy()
    beside = event.siblings[product] & (day >= event.first) & (day <= event.last)
    n = int(beside.sum())
    assert counted(effects, "cannibalised") / n == pytest.approx(event.cannibal, abs=4 * np.sqrt(0.2 * 0.8 / n))
    after = event.products[product] & (day > event.last) & (day <= event.last + event.dip_days)
    expected = (event.dip * (1 - (day[after] - event.last - 1) / event.dip_days)).sum()
    assert counted(effects, "dip") == pytest.approx(expected, abs=4 * np.sqrt(expected))


@pytest.mark.parametrize(
    ("mechanic", "depth", "milli", "listed", "net"),
    [
        ("rate", 1200, 1000, 2999, 2639),  # 29.99 at 8.8 zhe is 26.3912: 26.39
        ("rate", 1200, 1000, 1006, 885),  # 8.8528
        ("nth_unit", 5000, 3000, 3000, 2500),  # one of three at half price
        ("nth_unit", 5000, 1000, 1000, 1000),
        ("gift", 0, 2000, 4000, 4000),
    ],
)
def test_the_price_of_each_mechanic_is_exact_to_the_fen(
    *, mechanic: str, depth: int, milli: int, listed: int, net: int, world: World
) -> None:
    line = pl.DataFrame({"milli": [milli], "list_minor": [listed], "net_minor": [listed]})
    assert response._priced(line, event_of(world, mechanic=mechanic, depth_bp=depth))["net_minor"].item() == net


def test_wholesalers_and_staff_are_not_moved(world: World, lines: pl.DataFrame) -> None:
    _, effects = apply(world, lines, event_of(world, stores=np.ones(10, dtype=np.bool_)))
    moved = effects.filter(pl.col("member") >= 0, pl.col("kind") != "unmoved")
    assert counted(effects, "unmoved") > 0
    roles = world.members.role[moved["member"].to_numpy()]
    assert not set(roles.tolist()) & {2, 3, 4}


def test_two_events_never_meet_on_a_product_in_a_store() -> None:
    events = found(customers=100, stores=12, days=1500, seed=9, end=date(2026, 8, 31)).events
    assert len(events) > 60
    for i, one in enumerate(events):
        for other in events[i + 1 :]:
            meet = one.first <= other.last and other.first <= one.last
            shared = (one.products & other.products).any() and (one.stores & other.stores).any()
            assert not (meet and shared), (one.promotion_id, other.promotion_id)
