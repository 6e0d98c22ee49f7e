"""Order rules: spend and save, spend and pay a rate, add-ons, coupons, gifts; booked to lines by largest remainder."""

from __future__ import annotations

import numpy as np

from crmlib.core.apportion import before_in_run, largest_remainder, run_of, run_starts, run_sums
from crmlib.promotion.arrays import Ints, half_up
from crmlib.promotion.offers.offer_check import WHOLE_BP
from crmlib.promotion.offers.till import Claim, Till, claim


def order_rule(till: Till, number: int, lines: Ints) -> Claim:
    """Discount of threshold_off, threshold_rate and coupon on the open lines of each receipt that reaches it."""
    offer = till.offers[number]
    lines = lines[till.amount[lines] > 0]
    starts = run_starts(till.basket.receipt[lines])
    times = _times(till, number, lines, starts)
    amount = till.amount[lines]
    whole = run_sums(amount, starts)
    if offer.off_minor is not None:
        saved = times * offer.off_minor
    else:
        saved = np.where(times > 0, whole - half_up(whole * (offer.rate_bp or WHOLE_BP), WHOLE_BP), 0)
    if offer.cap_minor is not None:
        saved = np.minimum(saved, offer.cap_minor)
    saved = np.minimum(saved, whole)
    kept = (saved > 0)[run_of(starts, lines.size)] if lines.size else np.zeros(0, dtype=np.bool_)
    return claim(lines[kept], discount=largest_remainder(amount, saved, starts)[kept])


def add_on_rule(till: Till, number: int, lines: Ints) -> Claim:
    """Add-on products at a fixed price once the other goods of the receipt reach the threshold; dearest line first."""
    offer = till.offers[number]
    addons = till.codes.products["product_id"].is_in(list(offer.addon_products)).to_numpy()[till.basket.product]
    base = lines[~addons[lines] & (till.amount[lines] > 0)]
    starts = run_starts(till.basket.receipt[base])
    per_receipt = np.zeros(till.basket.first.size, dtype=np.int64)
    per_receipt[till.basket.receipt[base][starts]] = _times(till, number, base, starts)
    # add-ons need not be in the offer's product scope, but store, grade, time and stacking hold for them as well
    cheap = addons & (per_receipt > 0)[till.basket.receipt] & ~till.basket.gift_line
    wares = till.open_lines(number, cheap)
    wares = wares[till.free(wares) > 0]
    free = till.free(wares)
    each = till.value(wares, free) // np.maximum(free, 1)
    wares = wares[np.lexsort((wares, -each, till.basket.receipt[wares]))]
    before = before_in_run(till.free(wares), run_starts(till.basket.receipt[wares]))
    taken = np.clip(per_receipt[till.basket.receipt[wares]] - before, 0, till.free(wares))
    worth = np.minimum(till.value(wares, taken), till.amount[wares])
    discount = np.maximum(worth - taken * (offer.price_minor or 0), 0)
    rows = np.flatnonzero(discount > 0)
    rows = rows[np.argsort(wares[rows], kind="stable")]
    return claim(wares[rows], discount=discount[rows], used=taken[rows])


def gift_rule(till: Till, number: int, lines: Ints) -> Claim:
    """Cost of the gifts a receipt earns, on the lines that earned them; while stock lasts, earlier receipts first."""
    offer = till.offers[number]
    lines = lines[till.amount[lines] > 0]
    starts = run_starts(till.basket.receipt[lines])
    units = _gift_units(till, number, lines, starts)
    total = units * (offer.gift_cost_minor or 0)
    amount = till.amount[lines]
    cost = largest_remainder(amount, np.minimum(total, run_sums(amount, starts)), starts)
    cost[starts] += total - run_sums(
        cost, starts
    )  # of a gift dearer than the goods, the excess stays on the first line
    on_first = np.zeros(lines.size, dtype=np.int64)
    on_first[starts] = units
    kept = np.flatnonzero((units > 0)[run_of(starts, lines.size)]) if lines.size else lines
    return claim(lines, gift_cost=cost, gift_units=on_first).only(kept)


def _gift_units(till: Till, number: int, lines: Ints, starts: Ints) -> Ints:
    """Gift units each receipt gets, shape (runs,)."""
    offer = till.offers[number]
    wanted = _times(till, number, lines, starts) * offer.gift_units
    if offer.gift_stock is None or wanted.size == 0:
        return wanted
    heads = lines[starts]
    order = np.lexsort((till.basket.receipt[heads], till.basket.clock[heads]))
    before = before_in_run(wanted[order], np.zeros(1, dtype=np.int64))
    granted = np.empty_like(wanted)
    granted[order] = np.minimum(wanted[order], np.maximum(offer.gift_stock - before, 0))
    return granted


def _times(till: Till, number: int, lines: Ints, starts: Ints) -> Ints:
    """How often each receipt earns the offer, shape (runs,)."""
    offer = till.offers[number]
    judged = till.amount if offer.base == "after_line" else till.basket.list_minor
    spent = run_sums(judged[lines], starts)
    # a weighed line counts as one unit towards buy-n thresholds
    counted = run_sums(np.maximum(till.basket.pieces[lines], 1), starts) if offer.min_units else spent
    step = offer.min_units or offer.threshold_minor
    times = counted // step if step else np.ones_like(spent)
    if offer.min_units and offer.threshold_minor:
        times = np.where(spent >= offer.threshold_minor, times, 0)
    if offer.max_times is not None:
        times = np.minimum(times, offer.max_times)
    elif not offer.per_full:
        times = np.minimum(times, 1)
    if offer.mechanic == "coupon":
        times = np.minimum(times, till.coupons[number][till.basket.receipt[lines[starts]]])
    elif not offer.per_full:
        times = np.minimum(times, 1)
    return np.asarray(times, dtype=np.int64)
