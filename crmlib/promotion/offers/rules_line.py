"""Line rules: a rate or a fixed unit price, with limits kept first come, first served."""

from __future__ import annotations

import numpy as np

from crmlib.core.apportion import before_in_run, run_starts
from crmlib.promotion.arrays import Ints, half_up
from crmlib.promotion.offers.basket import Basket
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.offer_check import WHOLE_BP
from crmlib.promotion.offers.till import Claim, Till, claim

DAY_US = 86_400_000_000


def line_rule(till: Till, number: int, lines: Ints) -> Claim:
    """Discount of `rate` or `price` on each open line; lines it would not make cheaper are left alone."""
    offer = till.offers[number]
    amount = till.amount[lines]
    if offer.mechanic == "rate":
        to_pay = half_up(amount * (offer.rate_bp or WHOLE_BP), WHOLE_BP)
    else:
        to_pay = half_up((offer.price_minor or 0) * till.basket.quantity_milli[lines], 1000)
    discount = np.maximum(amount - to_pay, 0)
    if offer.limit_member_day is not None or offer.limit_total is not None:
        discount = _limited(discount, offer, till.basket, lines)
    kept = discount > 0
    return claim(lines[kept], discount=discount[kept])


def _limited(discount: Ints, offer: Offer, basket: Basket, lines: Ints) -> Ints:
    """Scale discounts to the units still allowed, in order of the clock, then of the table."""
    units = np.maximum(basket.pieces[lines], 1)  # a weighed line counts as one
    wanted = np.where(discount > 0, units, 0)
    allowed = wanted
    if offer.limit_member_day is not None:
        allowed = first_come(allowed, _member_days(basket, lines), basket, lines, limit=offer.limit_member_day)
    if offer.limit_total is not None:
        allowed = first_come(allowed, np.zeros_like(lines), basket, lines, limit=offer.limit_total)
    return half_up(discount * allowed, units)


def first_come(wanted: Ints, keys: Ints, basket: Basket, lines: Ints, *, limit: int) -> Ints:
    """Units granted to each line when those with the same key share `limit`, earlier receipts first, shape (k,)."""
    order = np.lexsort((basket.row[lines], basket.receipt[lines], basket.clock[lines], keys))
    before = before_in_run(wanted[order], run_starts(keys[order]))
    granted = np.empty_like(wanted)
    granted[order] = np.minimum(wanted[order], np.maximum(limit - before, 0))
    return granted


def _member_days(basket: Basket, lines: Ints) -> Ints:
    """One key for each member and day; without a card each receipt is its own (negative keys)."""
    member = basket.member[lines]
    day = basket.clock[lines] // DAY_US
    span = int(day.max() - day.min()) + 1 if day.size else 1
    known = member * span + (day - (day.min() if day.size else 0))
    return np.where(member >= 0, known, -1 - basket.receipt[lines])
