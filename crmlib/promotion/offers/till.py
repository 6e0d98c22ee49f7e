"""The state of a till while rules are applied: amounts, free units, which rules touched which line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from crmlib.promotion.arrays import Bools, Ints, half_up
from crmlib.promotion.offers.basket import Basket, Codes
from crmlib.promotion.offers.offer import Offer, stacks

WORD = 64


@dataclass(frozen=True, slots=True)
class Claim:
    """What one offer would do in the present state.

    lines : positions it touches, sorted, shape (k,); discount [minor units], used [pieces taken by multi-buys],
    gift_cost [minor units], gift_units [pieces, on the receipt's first line]: shape (k,).
    """

    lines: Ints
    discount: Ints
    used: Ints
    gift_cost: Ints
    gift_units: Ints

    def only(self, rows: Ints) -> Claim:
        """The claim on some of its lines, in the order given."""
        parts = (self.lines, self.discount, self.used, self.gift_cost, self.gift_units)
        return Claim(*(part[rows] for part in parts))


def claim(
    lines: Ints,
    *,
    discount: Ints | None = None,
    used: Ints | None = None,
    gift_cost: Ints | None = None,
    gift_units: Ints | None = None,
) -> Claim:
    """A claim whose absent parts are zero."""
    zero = np.zeros(lines.size, dtype=np.int64)
    return Claim(lines, *(zero if part is None else part for part in (discount, used, gift_cost, gift_units)))


@dataclass(frozen=True, slots=True)
class Booking:
    """Offer number (position in the list of offers) and its claim, as applied."""

    offer: int
    claim: Claim


@dataclass(slots=True)
class Till:
    """Amounts now [minor units], pieces used by multi-buys, amounts on entering the multi-buy stage, marks.

    `marks` has one bit per offer, shape (words, n): who touched what; `bars[i]` are the offers that shut out offer i.
    `coupons` gives, by offer number, how many of its coupons each receipt shows, shape (receipts,).
    """

    basket: Basket
    codes: Codes
    offers: tuple[Offer, ...]
    coupons: dict[int, Ints]
    amount: Ints
    used: Ints
    entry: Ints
    marks: npt.NDArray[np.uint64]
    bars: npt.NDArray[np.uint64]
    bookings: list[Booking] = field(default_factory=list)

    def open_lines(self, number: int, scope: Bools) -> Ints:
        """Positions in scope that no incompatible offer has touched, sorted."""
        return _untouched(scope, marks=self.marks, bars=self.bars[number])

    def value(self, lines: Ints, units: Ints) -> Ints:
        """Worth of the next `units` free pieces of each line [minor units]: shares of the line add up exactly."""
        return _share(self.entry[lines], pieces=self.basket.pieces[lines], done=self.used[lines], units=units)

    def free(self, lines: Ints) -> Ints:
        """Pieces no multi-buy has taken yet."""
        return self.basket.pieces[lines] - self.used[lines]

    def apply(self, number: int, done: Claim) -> None:
        """Book a claim."""
        if done.lines.size == 0:
            return
        self.amount[done.lines] -= done.discount  # lines of a claim are unique
        self.used[done.lines] += done.used
        self.marks[number // WORD, done.lines] |= _bit(number)
        self.bookings.append(Booking(number, done))


def _untouched(scope: Bools, *, marks: npt.NDArray[np.uint64], bars: npt.NDArray[np.uint64]) -> Ints:
    """Positions of `scope` whose marks, shape (words, n), meet none of the bars, shape (words,)."""
    free = scope.copy()
    for word, bar in enumerate(bars):
        if bar:
            free &= (marks[word] & bar) == 0
    return np.flatnonzero(free)


def _share(worth: Ints, *, pieces: Ints, done: Ints, units: Ints) -> Ints:
    """Worth of pieces `done` … `done + units` of lines of `pieces` pieces, rounded so that all pieces add up."""
    whole = np.maximum(pieces, 1)
    return half_up(worth * (done + units), whole) - half_up(worth * done, whole)


def _bit(number: int) -> np.uint64:
    return np.uint64(1 << (number % WORD))


def open_till(basket: Basket, *, codes: Codes, offers: Sequence[Offer], coupons: dict[int, Ints]) -> Till:
    """A till with list amounts and nothing applied; gift lines cost nothing."""
    words = max(1, -(-len(offers) // WORD))
    amount = np.where(basket.gift_line, 0, basket.list_minor)
    bars = np.zeros((len(offers), words), dtype=np.uint64)
    for i, one in enumerate(offers):
        for j, other in enumerate(offers):
            if i != j and not stacks(one, other):
                bars[i, j // WORD] |= np.uint64(1 << (j % WORD))
    return Till(
        basket=basket,
        codes=codes,
        offers=tuple(offers),
        coupons=coupons,
        amount=amount,
        used=np.zeros(basket.size, dtype=np.int64),
        entry=amount,
        marks=np.zeros((words, basket.size), dtype=np.uint64),
        bars=bars,
    )
