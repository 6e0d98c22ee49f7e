"""Multi-buy rules: they take whole pieces, and a piece taken by one cannot feed another.

Pieces of a receipt (or of one product of it) are counted through from the dearest to the cheapest, by whole minor
units per piece, ties in line order; full groups of n are taken from the front.
"""

from __future__ import annotations

import numpy as np

from crmlib.core.apportion import before_in_run, largest_remainder, run_of, run_starts, run_sums
from crmlib.promotion.arrays import Bools, Ints, half_up
from crmlib.promotion.offers.offer import Offer
from crmlib.promotion.offers.offer_check import WHOLE_BP
from crmlib.promotion.offers.till import Claim, Till, claim

_NO_LIMIT = 1 << 40


def multi_rule(till: Till, number: int, lines: Ints) -> Claim:
    """What a multi-buy offer takes and gives on the open lines."""
    offer = till.offers[number]
    lines = lines[(till.free(lines) > 0) & (till.amount[lines] > 0)]
    if offer.mechanic == "bundle":
        return _bundle(till, offer, lines)
    lines, starts, taken, before = _full_groups(till, offer, lines)
    if offer.mechanic == "nth_unit":
        n = offer.min_units or 2
        cheap = (before + taken) // n - before // n
        return _rated(till, offer, lines, taken, cheap)
    if offer.mechanic == "multi_rate":
        return _rated(till, offer, lines, taken, taken)
    groups = run_sums(taken, starts) // (offer.min_units or 2)
    return _priced(till, lines, taken, starts, groups * (offer.price_minor or 0))


def _full_groups(till: Till, offer: Offer, lines: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Lines dearest first within their receipt (and product), run starts, pieces in full groups, pieces before."""
    free = till.free(lines)
    each = till.value(lines, free) // free
    receipt, product = till.basket.receipt[lines], till.basket.product[lines]
    key = receipt * (int(product.max(initial=0)) + 1) + product if offer.same_product else receipt
    order = np.lexsort((lines, -each, key))
    lines, free, key = lines[order], free[order], key[order]
    starts = run_starts(key)
    before = before_in_run(free, starts)
    n = offer.min_units or 2
    groups = np.minimum(run_sums(free, starts) // n, offer.max_times or _NO_LIMIT)
    if offer.mechanic == "multi_rate" and offer.max_times is None:
        reach = np.where(groups > 0, run_sums(free, starts), 0)  # from n on, every piece
    else:
        reach = groups * n
    taken = np.clip(reach[run_of(starts, lines.size)] - before, 0, free)
    return lines, starts, taken, np.minimum(before, reach[run_of(starts, lines.size)])


def _rated(till: Till, offer: Offer, lines: Ints, taken: Ints, rated: Ints) -> Claim:
    worth = till.value(lines, rated)
    discount = np.minimum(worth - half_up(worth * (offer.rate_bp or WHOLE_BP), WHOLE_BP), till.amount[lines])
    return _sorted(claim(lines, discount=discount, used=taken), kept=taken > 0)


def _priced(till: Till, lines: Ints, taken: Ints, starts: Ints, price: Ints) -> Claim:
    """Pieces for one price: nothing where the price would not be lower than what they cost."""
    worth = np.minimum(till.value(lines, taken), till.amount[lines])
    saved = run_sums(worth, starts) - price
    saved = np.where(price > 0, np.maximum(saved, 0), 0)
    discount = largest_remainder(worth, saved, starts)
    kept = (taken > 0) & (saved > 0)[run_of(starts, lines.size)] if lines.size else taken > 0
    return _sorted(claim(lines, discount=discount, used=taken), kept=kept)


def _bundle(till: Till, offer: Offer, lines: Ints) -> Claim:
    """Named products in fixed numbers for one price, as often as the receipt holds them all."""
    basket = till.basket
    receipts = int(basket.first.size)
    times = np.full(receipts, offer.max_times or _NO_LIMIT, dtype=np.int64)
    parts = []
    for code, units in bundle_codes(till, offer):
        part = lines[basket.product[lines] == code]
        held = np.bincount(basket.receipt[part], weights=till.free(part), minlength=receipts).astype(np.int64)
        times = np.minimum(times, held // units)
        parts.append((part, units))
    rows, taken = [], []
    for part, units in parts:
        before = before_in_run(till.free(part), run_starts(basket.receipt[part]))
        rows.append(part)
        taken.append(np.clip(times[basket.receipt[part]] * units - before, 0, till.free(part)))
    every, all_taken = np.concatenate(rows), np.concatenate(taken)
    order = np.argsort(every, kind="stable")
    every, all_taken = every[order][all_taken[order] > 0], all_taken[order][all_taken[order] > 0]
    starts = run_starts(basket.receipt[every])
    price = times[basket.receipt[every][starts]] * (offer.price_minor or 0)
    return _priced(till, every, all_taken, starts, price)


def bundle_codes(till: Till, offer: Offer) -> list[tuple[int, int]]:
    """Product code and pieces of each part of a bundle."""
    ids = till.codes.products["product_id"].to_list()
    return [(ids.index(name), units) for name, units in zip(offer.bundle_products, offer.bundle_units, strict=True)]


def _sorted(done: Claim, *, kept: Bools) -> Claim:
    rows = np.flatnonzero(kept)
    return done.only(rows[np.argsort(done.lines[rows], kind="stable")])
