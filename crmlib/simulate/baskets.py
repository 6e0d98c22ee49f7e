"""What is in each basket: goods by need, season and taste; quantities, prices, costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.simulate.draws import Floats, Ints, flat_cdf, pick
from crmlib.simulate.goods import Goods
from crmlib.simulate.members import GROUP_BUYER, STAFF, WHOLESALER, Members
from crmlib.simulate.trips import Trips

ANONYMOUS_BASKET = 1.9
FLAVOUR_LOVE = 2.5
"""How many times likelier a product of the favourite flavour is taken."""
WHOLESALE_BP, STAFF_BP = 8600, 8500
"""Price of wholesalers and staff in basis points of the list price."""
COST_RISE_BP = 250
"""Rise of all costs half-way through the days seen."""
MORNING, MORNING_OLD = 0.38, 0.72
"""Share of visits before noon, the second of customers of 55 and more."""
OPENING_HOUR, CLOSING_HOUR = 8, 21


@dataclass(frozen=True, slots=True)
class Shelf:
    """Cumulative shares that baskets are drawn from.

    Attributes
    ----------
    first_day : day number of the first row of each block of days.
    days : number of days.
    wanted : shares of categories by need type and day, the last need being the mix of passers-by.
    chosen : shares of products by category and favourite flavour.
    """

    first_day: int
    days: int
    goods: Goods
    wanted: Floats
    chosen: Floats


def stock_shelf(goods: Goods, *, taste: Floats, demand: Floats, shares: Floats, first_day: int) -> Shelf:
    """Prepare the draws: taste × season for categories, popularity × flavour for products."""
    everyone = np.vstack([taste, shares @ taste])
    days = len(demand)
    wanted = everyone[:, None, :] * demand[None, :, :]
    love = np.where(goods.flavour[None, :] == np.arange(3)[:, None], FLAVOUR_LOVE, 1.0)
    same = goods.category[None, :] == np.arange(len(goods.categories))[:, None]
    chosen = same[:, None, :] * (love * goods.popularity)[None, :, :]
    return Shelf(
        first_day=first_day,
        days=days,
        goods=goods,
        wanted=flat_cdf(wanted.reshape(-1, len(goods.categories))),
        chosen=flat_cdf(chosen.reshape(-1, len(goods.price))),
    )


def fill_baskets(trips: Trips, members: Members, shelf: Shelf, *, rng: np.random.Generator) -> pl.DataFrame:
    """Lines of all visits: trip, day, second, store, member, product, milli, list_minor, net_minor."""
    n = len(trips.day)
    known = trips.member >= 0
    who = np.maximum(trips.member, 0)
    role = np.where(known, members.role[who], -1)
    mean = np.where(known, members.basket[who], ANONYMOUS_BASKET)
    size = 1 + rng.poisson(mean - 1 + 1.5 * (role == WHOLESALER))
    trip = np.repeat(np.arange(n), size)
    needs = len(shelf.wanted) // (shelf.days * len(shelf.goods.categories))
    need = np.where(known, members.need[who], needs - 1)[trip]
    row = need * shelf.days + trips.day[trip] - shelf.first_day
    category = pick(shelf.wanted, row, columns=len(shelf.goods.categories), rng=rng)
    flavour = np.where(known, members.flavour[who], 0)[trip]
    product = pick(shelf.chosen, category * 3 + flavour, columns=len(shelf.goods.price), rng=rng)
    milli = _quantities(shelf.goods, product=product, role=role[trip], rng=rng)
    second = _clock(np.where(known & (members.age[who] >= 4), MORNING_OLD, MORNING), rng)[trip]
    listed = line_total(shelf.goods.price[product], milli)
    rate = np.where(role == WHOLESALER, WHOLESALE_BP, np.where(role == STAFF, STAFF_BP, 10_000))[trip]
    return pl.DataFrame(
        {
            "trip": trip,
            "day": trips.day[trip],
            "second": second,
            "store": trips.store[trip],
            "member": trips.member[trip],
            "product": product,
            "milli": milli,
            "list_minor": listed,
            "net_minor": (listed * rate + 5_000) // 10_000,
        }
    )


def line_total(price: Ints, milli: Ints) -> Ints:
    """Price × quantity in whole fen, half away from zero.

    Examples
    --------
    >>> line_total(np.array([299, 299]), np.array([1500, -1500]))
    array([ 449, -449])
    """
    total: Ints = np.sign(milli) * ((price * np.abs(milli) + 500) // 1000)
    return total


def unit_costs(goods: Goods, product: Ints, day: Ints, *, rise_day: int) -> Ints:
    """Cost per piece or kilogram on the day [fen]."""
    rate = np.where(day >= rise_day, 10_000 + COST_RISE_BP, 10_000)
    cost: Ints = (goods.cost[product] * rate + 5_000) // 10_000
    return cost


def _quantities(goods: Goods, *, product: Ints, role: Ints, rng: np.random.Generator) -> Ints:
    """Pieces × 1000 or grams: few for a household, many for group buyers and wholesalers."""
    n = len(product)
    pieces = np.minimum(rng.geometric(0.68, n), 6)
    bulk = np.where(role == GROUP_BUYER, rng.integers(6, 40, n), rng.integers(12, 48, n))
    pieces = np.where((role == GROUP_BUYER) | (role == WHOLESALER), bulk, pieces)
    grams = np.clip(np.round(rng.lognormal(-0.75, 0.5, n) * 1000 / 2) * 2, 60, 3000).astype(np.int64)
    grams = np.where((role == GROUP_BUYER) | (role == WHOLESALER), grams * 8, grams)
    return np.where(goods.by_weight[product] == 1, grams, pieces * 1000)


def _clock(morning: Floats, rng: np.random.Generator) -> Ints:
    """Second of the day: a peak before noon and one after work, the first with the chance `morning`."""
    n = len(morning)
    hour = np.where(rng.random(n) < morning, rng.normal(10.6, 1.3, n), rng.normal(17.6, 1.8, n))
    outside = (hour < OPENING_HOUR) | (hour >= CLOSING_HOUR)
    hour = np.where(outside, rng.uniform(OPENING_HOUR, CLOSING_HOUR, n), hour)
    return (hour * 3600).astype(np.int64)
