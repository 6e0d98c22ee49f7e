"""Who buys: every card with its person, traits, taste and the truth that reports have to find out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.simulate.draws import Flags, Floats, Ints, flat_cdf, pick
from crmlib.simulate.goods import Goods
from crmlib.simulate.shops import Shops
from crmlib.simulate.vocabulary import toml

ROLES = ("member", "festival_only", "group_buyer", "wholesaler", "staff", "cashier_card", "deal_hunter")
MOTIVES = ("self", "gift", "group")
MEMBER, FESTIVAL_ONLY, GROUP_BUYER, WHOLESALER, STAFF, CASHIER_CARD, DEAL_HUNTER = range(len(ROLES))
ROLE_SHARES = (0.0, 0.12, 0.008, 0.004, 0.012, 0.0014, 0.05)
MEAN_GAP_DAYS = 34.0
"""Mean days between two visits of a member of average rate."""
RATE_SHAPE = 1.1
"""Gamma shape of the visit rate across members."""
MAX_RATE = 0.45
OLD_SHARE = 0.55
"""Share of cards handed out before the first day seen."""
SECOND_CARD_SHARE = 0.03
REFERRED_SHARE, REFERRED_RATE = 0.12, 1.25
"""Share of new members brought by others, and how many times as often they come."""


AGE_SHARES = (0.07, 0.24, 0.27, 0.2, 0.13, 0.09)
OCCUPATION_INCOME = (0.2, 0.4, 0.2, 0.5, -0.4, -0.8, -1.6, 0.5, 0.0)
"""Shift of the income band by occupation, in the order of ``data/words.toml``."""
FLAVOUR_SHARES = ((0.55, 0.25, 0.2), (0.5, 0.2, 0.3), (0.42, 0.4, 0.18), (0.3, 0.55, 0.15))
"""Shares of the favourite flavour by region; the last region likes it hot."""


@dataclass(frozen=True, slots=True)
class Members:
    """All cards in a fixed order; arrays have shape (cards,), days are day numbers since 1970.

    Attributes
    ----------
    person : true person behind the card (two cards of one person share it).
    role, need, motive : index into `ROLES`, the need types of ``data/needs.toml``, `MOTIVES`.
    rate : visits per day while active, before season and promotions.
    basket : mean lines of a visit.
    joined : day the card was handed out.
    referrer : member who brought this one, -1 for none.
    home, flavour : home store, favourite flavour (0, 1, 2).
    price_sensitive : 1 if the customer follows prices.
    age, income, occupation, household, gender : indices into the bands of ``data/words.toml``.
    """

    person: Ints
    role: Ints
    need: Ints
    motive: Ints
    rate: Floats
    basket: Floats
    joined: Ints
    referrer: Ints
    home: Ints
    flavour: Ints
    price_sensitive: Ints
    age: Ints
    income: Ints
    occupation: Ints
    household: Ints
    gender: Ints


def need_names() -> tuple[str, ...]:
    """Names of the need types in their order."""
    return tuple(toml("needs"))


def taste(goods: Goods) -> Floats:
    """Weight of each category for each need type, shape (needs, categories)."""
    return np.array([[need["weight"].get(c, 0.0) for c in goods.categories] for need in toml("needs").values()])


def join_members(n: int, *, shops: Shops, first_day: int, last_day: int, rng: np.random.Generator) -> Members:
    """Hand out `n` cards."""
    role = _roles(n, rng)
    needs = list(toml("needs").values())
    age = rng.choice(6, size=n, p=AGE_SHARES)
    drawn = np.array([[x["share"] * x["ages"][a] for x in needs] for a in range(6)])
    need = pick(flat_cdf(drawn), age, columns=len(needs), rng=rng)
    need = np.where(role == GROUP_BUYER, need_names().index("gifts"), need)
    occupation = np.where(age == 5, 5, np.where(age == 0, rng.choice([0, 6, 8], n), rng.choice(9, n)))
    income = np.clip(np.round(rng.normal(2.0 + np.array(OCCUPATION_INCOME)[occupation], 0.9)), 0, 4).astype(np.int64)
    joined = _joined(n, first_day=first_day, last_day=last_day, rng=rng)
    weight = np.where(shops.own == 1, 1.3, 0.7) * shops.size
    home = rng.choice(len(weight), size=n, p=weight / weight.sum())
    joined = np.maximum(joined, shops.opened[home])
    joined = np.minimum(joined, np.minimum(shops.closed[home] - 1, last_day))
    referrer = _referrers(home, joined, (role == MEMBER) & (joined >= first_day), rng)
    gift = np.array([x["gift"] for x in needs])[need]
    motive = np.where(rng.random(n) < gift, 1, 0)
    motive = np.where((role == GROUP_BUYER) | (role == WHOLESALER), 2, np.where(role == FESTIVAL_ONLY, 1, motive))
    sensitive = rng.random(n) < np.array([x["price"] for x in needs])[need] * (1.5 - 0.25 * income)
    flavours = np.array(FLAVOUR_SHARES)[np.minimum(shops.region, len(FLAVOUR_SHARES) - 1)]
    person = np.arange(n)
    second = (rng.random(n) < SECOND_CARD_SHARE) & (role == MEMBER) & (person > 0)
    person[second] = rng.integers(0, person[second])
    return Members(
        person=person[person],
        role=role,
        need=need,
        motive=motive,
        rate=np.minimum(
            _rates(role, np.array([x["rate"] for x in needs])[need], rng) * np.where(referrer >= 0, REFERRED_RATE, 1.0),
            MAX_RATE,
        ),
        referrer=referrer,
        basket=np.clip(rng.gamma(6.0, 2.2 / 6.0, n) * (0.8 + 0.1 * income), 1.0, 6.0),
        joined=joined,
        home=home,
        flavour=pick(flat_cdf(flavours), home, columns=3, rng=rng),
        price_sensitive=np.where(role == DEAL_HUNTER, 1, sensitive).astype(np.int64),
        age=age,
        income=income,
        occupation=occupation,
        household=_households(age, is_family=need == need_names().index("children"), rng=rng),
        gender=rng.choice(3, size=n, p=[0.62, 0.3, 0.08]),
    )


def _roles(n: int, rng: np.random.Generator) -> Ints:
    """Exact numbers of each role (at least one of each where there is room), in random order."""
    counts = [max(round(share * n), 1 if share and n > 20 else 0) for share in ROLE_SHARES]
    special = np.repeat(np.arange(len(ROLES)), counts)
    role = np.concatenate([special, np.zeros(n - len(special), dtype=np.int64)])
    return rng.permutation(role)


def _joined(n: int, *, first_day: int, last_day: int, rng: np.random.Generator) -> Ints:
    """Day each card was handed out: some years before the first day, the others evenly over the days seen."""
    before = first_day - np.round(rng.gamma(1.6, 420.0, n)).astype(np.int64) - 1
    during = rng.integers(first_day, last_day + 1, n)
    return np.where(rng.random(n) < OLD_SHARE, before, during)


def _rates(role: Ints, factor: Floats, rng: np.random.Generator) -> Floats:
    """Visits per day: gamma across members; the special roles have a rhythm of their own."""
    n = len(role)
    rate = np.clip(rng.gamma(RATE_SHAPE, 1 / (RATE_SHAPE * MEAN_GAP_DAYS), n) * factor, 1 / 400, MAX_RATE)
    special = {FESTIVAL_ONLY: 1 / 90, GROUP_BUYER: 1 / 75, WHOLESALER: 1 / 36, STAFF: 1 / 8, CASHIER_CARD: 1 / 12}
    for index, value in special.items():
        rate = np.where(role == index, value * rng.uniform(0.7, 1.3, n), rate)
    rate = np.where(role == DEAL_HUNTER, 1 / 150, rate)
    return rate


def _referrers(home: Ints, joined: Ints, may_be: Flags, rng: np.random.Generator) -> Ints:
    """For some of those that may be referred, a random earlier member of the same home store; -1 for the others."""
    n = len(home)
    order = np.lexsort((joined, home))
    begins = np.searchsorted(home[order], home[order], side="left")
    rank = np.arange(n) - begins  # how many of the store's members joined before
    earlier = order[begins + (rng.random(n) * rank).astype(np.int64)]
    referrer = np.full(n, -1, dtype=np.int64)
    referrer[order] = np.where(rank > 0, earlier, -1)
    return np.where(may_be & (rng.random(n) < REFERRED_SHARE), referrer, -1)


def _households(age: Ints, *, is_family: Flags, rng: np.random.Generator) -> Ints:
    """Size of the household by age: alone, two, three, three generations; who buys for children has some."""
    weights = np.array([[5, 3, 1, 1], [2, 4, 4, 1], [1, 2, 4, 4], [0.2, 0.6, 6, 3]], dtype=np.float64)
    return pick(flat_cdf(weights), np.where(is_family, 3, age // 2), columns=4, rng=rng)
