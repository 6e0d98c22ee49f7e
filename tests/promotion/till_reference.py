"""A slow till in plain Python: one basket at a time, one unit at a time where it can; the vectorised engine's judge."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from fractions import Fraction

from crmlib.promotion.offers.offer import Offer, stacks


def hu(value: Fraction) -> int:
    return int((2 * value.numerator + value.denominator) // (2 * value.denominator))


def share_out(weights: list[int], total: int) -> list[int]:
    whole = sum(weights)
    exact = [Fraction(w * total, whole) if whole else Fraction(0) for w in weights]
    got = [int(e) for e in exact]
    order = sorted(range(len(weights)), key=lambda i: (-(exact[i] - got[i]), -weights[i], i))
    for i in [i for i in order if exact[i] > got[i]][: total - sum(got)]:
        got[i] += 1
    return got


class SlowTill:
    def __init__(self, lines: list[dict], offers: list[Offer], products: dict[str, dict], coupons: dict):
        self.lines, self.offers, self.products, self.coupons = lines, offers, products, coupons
        self.receipts: dict[str, list[int]] = defaultdict(list)
        for i, line in enumerate(lines):
            self.receipts[line["receipt_id"]].append(i)
        self.clock = {r: min(lines[i]["sold_at"] for i in rows) for r, rows in self.receipts.items()}
        self.amount = [0 if line["is_gift"] else line["list_minor"] for line in lines]
        whole = [line["unit"] == "piece" and line["quantity_milli"] % 1000 == 0 for line in lines]
        self.pieces = [line["quantity_milli"] // 1000 if w else 0 for line, w in zip(lines, whole, strict=True)]
        self.used = [0] * len(lines)
        self.entry = list(self.amount)
        self.touched: list[set[str]] = [set() for _ in lines]
        self.given: dict[tuple[int, str], list[int]] = defaultdict(lambda: [0, 0])
        self.gifts: dict[tuple[str, str], int] = {}

    def run(self) -> SlowTill:
        for stage in range(1, 6):
            if stage == 2:
                self.entry = list(self.amount)
            mine = sorted((o for o in self.offers if o.stage == stage), key=lambda o: (o.priority, o.offer_id))
            done = set()
            for offer in mine:
                if offer.offer_id in done:
                    continue
                block = [o for o in mine if o is offer or (offer.stack_group and o.stack_group == offer.stack_group)]
                done |= {o.offer_id for o in block}
                self.block(sorted(block, key=lambda o: o.offer_id), stage)
        return self

    def block(self, block: list[Offer], stage: int) -> None:
        claims = {o.offer_id: self.claim(o) for o in block}
        for r, rows in self.receipts.items():
            for unit in [[i] for i in rows] if stage == 1 else [rows]:
                worth = {k: sum(sum(c[i][:2]) for i in unit if i in c) for k, c in claims.items()}
                best = max(worth.values())
                if len(block) > 1 and best <= 0:
                    continue
                winner = min(k for k, w in worth.items() if w == best)
                self.book(winner, claims[winner], unit, r)

    def book(self, offer_id: str, claim: dict[int, tuple], unit: list[int], receipt: str) -> None:
        for i in unit:
            if i in claim:
                discount, cost, used, gift_units = claim[i]
                self.amount[i] -= discount
                self.used[i] += used
                self.touched[i].add(offer_id)
                if discount or cost:
                    self.given[i, offer_id][0] += discount
                    self.given[i, offer_id][1] += cost
                if gift_units:
                    self.gifts[receipt, offer_id] = gift_units

    def in_scope(self, offer: Offer, i: int) -> bool:
        line = self.lines[i]
        product = self.products[line["product_id"]]
        named = line["product_id"] in offer.products
        classed = (not offer.products and not offer.categories) or product["category_1"] in offer.categories
        ok = (named or (classed and not product["is_service"])) and line["product_id"] not in offer.except_products
        ok = ok and (not offer.stores or line["store_id"] in offer.stores)
        ok = ok and (not offer.grades or line["grade"] in offer.grades)
        return ok and not line["is_gift"] and self.in_force(offer, self.clock[line["receipt_id"]])

    def in_force(self, offer: Offer, at: datetime) -> bool:
        if not offer.starts_at <= at < offer.ends_at:
            return False
        if offer.weekdays and at.isoweekday() not in offer.weekdays:
            return False
        if offer.from_minute is None and offer.to_minute is None:
            return True
        low, high = offer.from_minute or 0, 1440 if offer.to_minute is None else offer.to_minute
        minute = at.hour * 60 + at.minute
        return low <= minute < high if low < high else minute >= low or minute < high

    def is_open(self, offer: Offer, i: int) -> bool:
        others = [o for o in self.offers if o.offer_id in self.touched[i] and o is not offer]
        return all(stacks(offer, o) for o in others)

    def open_lines(self, offer: Offer) -> dict[str, list[int]]:
        got = {}
        for r, rows in self.receipts.items():
            keep = [i for i in rows if self.in_scope(offer, i) and self.is_open(offer, i)]
            if keep:
                got[r] = keep
        return got

    def value(self, i: int, k: int) -> int:
        n, e, c = max(self.pieces[i], 1), self.entry[i], self.used[i]
        return hu(Fraction(e * (c + k), n)) - hu(Fraction(e * c, n))

    def claim(self, offer: Offer) -> dict[int, tuple]:
        rows = self.open_lines(offer)
        if offer.stage == 1:
            return self.line_claim(offer, [i for keep in rows.values() for i in keep])
        if offer.mechanic == "gift":
            return self.gift_claim(offer, rows)
        kind = {"bundle": self.bundle, "add_on": self.add_on}.get(offer.mechanic)
        kind = kind or (self.multi if offer.stage == 2 else self.order)
        result: dict[int, tuple] = {}
        for r, keep in rows.items():
            result |= kind(offer, r, keep)
        return result

    def line_claim(self, offer: Offer, rows: list[int]) -> dict[int, tuple]:
        full = {}
        for i in rows:
            line = self.lines[i]
            if offer.mechanic == "rate":
                pay = hu(Fraction(self.amount[i] * offer.rate_bp, 10000))
            else:
                pay = hu(Fraction(offer.price_minor * line["quantity_milli"], 1000))
            full[i] = max(self.amount[i] - pay, 0)
        if offer.limit_member_day is not None or offer.limit_total is not None:
            seen: dict[object, int] = defaultdict(int)
            order = list(self.receipts)
            for i in sorted(full, key=lambda i: (self.clock[self.lines[i]["receipt_id"]], order.index(self.lines[i]["receipt_id"]), i)):  # fmt: skip # noqa: E501
                line, units = self.lines[i], max(self.pieces[i], 1)
                clock = self.clock[line["receipt_id"]]
                key = (line["customer_id"], clock.date()) if line["customer_id"] else line["receipt_id"]
                wanted = allowed = units if full[i] else 0
                if offer.limit_member_day is not None:
                    allowed = min(wanted, max(offer.limit_member_day - seen[key], 0))
                    seen[key] += wanted
                if offer.limit_total is not None:
                    step = allowed
                    allowed = min(step, max(offer.limit_total - seen["all"], 0))
                    seen["all"] += step
                full[i] = hu(Fraction(full[i] * allowed, units))
        return {i: (d, 0, 0, 0) for i, d in full.items() if d > 0}

    def multi(self, offer: Offer, receipt: str, keep: list[int]) -> dict[int, tuple]:
        keep = [i for i in keep if self.pieces[i] > self.used[i] and self.amount[i] > 0]
        groups: dict[str, list[int]] = defaultdict(list)
        for i in keep:
            groups[self.lines[i]["product_id"] if offer.same_product else ""].append(i)
        result = {}
        for rows in groups.values():
            free = {i: self.pieces[i] - self.used[i] for i in rows}
            rows.sort(key=lambda i: (-(self.value(i, free[i]) // free[i]), i))
            row_of_unit = [i for i in rows for _ in range(free[i])]  # one entry for every single piece
            n = offer.min_units
            full = min(len(row_of_unit) // n, offer.max_times or 10**9)
            everything = offer.mechanic == "multi_rate" and offer.max_times is None and full > 0
            taken = row_of_unit if everything else row_of_unit[: full * n]
            cheap = [i for k, i in enumerate(taken) if k % n == n - 1] if offer.mechanic == "nth_unit" else taken
            if offer.mechanic == "pick":
                result |= self.for_price(
                    {i: taken.count(i) for i in sorted(set(taken))}, full * offer.price_minor, rows
                )
                continue
            for i in set(taken):
                worth = self.value(i, cheap.count(i))
                discount = min(worth - hu(Fraction(worth * offer.rate_bp, 10000)), self.amount[i])
                result[i] = (discount, 0, taken.count(i), 0)
        return result

    def for_price(self, taken: dict[int, int], price: int, order: list[int]) -> dict[int, tuple]:
        rows = [i for i in order if i in taken]
        worth = [min(self.value(i, taken[i]), self.amount[i]) for i in rows]
        saved = sum(worth) - price
        if saved <= 0:
            return {}
        return {i: (d, 0, taken[i], 0) for i, d in zip(rows, share_out(worth, saved), strict=True)}

    def bundle(self, offer: Offer, receipt: str, keep: list[int]) -> dict[int, tuple]:
        keep = [i for i in keep if self.pieces[i] > self.used[i] and self.amount[i] > 0]
        times = offer.max_times or 10**9
        for name, units in zip(offer.bundle_products, offer.bundle_units, strict=True):
            held = sum(self.pieces[i] - self.used[i] for i in keep if self.lines[i]["product_id"] == name)
            times = min(times, held // units)
        taken = {}
        for name, units in zip(offer.bundle_products, offer.bundle_units, strict=True):
            need = times * units
            for i in keep:
                if self.lines[i]["product_id"] == name and need > 0:
                    taken[i] = min(need, self.pieces[i] - self.used[i])
                    need -= taken[i]
        return self.for_price(taken, times * offer.price_minor, sorted(taken))

    def times(self, offer: Offer, receipt: str, rows: list[int]) -> int:
        judged = self.amount if offer.base == "after_line" else [line["list_minor"] for line in self.lines]
        spent = sum(judged[i] for i in rows)
        if offer.min_units:
            times = sum(max(self.pieces[i], 1) for i in rows) // offer.min_units
            times = times if spent >= offer.threshold_minor else 0
        else:
            times = spent // offer.threshold_minor if offer.threshold_minor else 1
        if offer.max_times is not None:
            times = min(times, offer.max_times)
        if not offer.per_full and (offer.mechanic != "coupon" or offer.max_times is None):
            times = min(times, 1)
        if offer.mechanic == "coupon":
            times = min(times, self.coupons.get((receipt, offer.offer_id), 0))
        return times

    def order(self, offer: Offer, receipt: str, keep: list[int]) -> dict[int, tuple]:
        rows = [i for i in keep if self.amount[i] > 0]
        times = self.times(offer, receipt, rows)
        whole = sum(self.amount[i] for i in rows)
        if not rows or times <= 0:
            return {}
        saved = (
            times * offer.off_minor
            if offer.off_minor is not None
            else whole - hu(Fraction(whole * offer.rate_bp, 10000))
        )
        saved = min(saved, whole, offer.cap_minor if offer.cap_minor is not None else whole)
        if saved <= 0:
            return {}
        shares = share_out([self.amount[i] for i in rows], saved)
        return {i: (d, 0, 0, 0) for i, d in zip(rows, shares, strict=True)}

    def add_on(self, offer: Offer, receipt: str, keep: list[int]) -> dict[int, tuple]:
        base = [i for i in keep if self.lines[i]["product_id"] not in offer.addon_products and self.amount[i] > 0]
        left = self.times(offer, receipt, base) if base else 0
        wares = [i for i in self.receipts[receipt] if self.lines[i]["product_id"] in offer.addon_products]
        wares = [i for i in wares if not self.lines[i]["is_gift"] and self.is_open(offer, i)]
        free = {i: self.pieces[i] - self.used[i] for i in wares}
        wares = [i for i in wares if free[i] > 0]
        result = {}
        for i in sorted(wares, key=lambda i: (-(self.value(i, free[i]) // free[i]), i)):
            k = min(left, free[i])
            left -= k
            discount = min(self.value(i, k), self.amount[i]) - k * offer.price_minor
            if discount > 0:
                result[i] = (discount, 0, k, 0)
        return result

    def gift_claim(self, offer: Offer, rows: dict[str, list[int]]) -> dict[int, tuple]:
        result: dict[int, tuple] = {}
        stock = offer.gift_stock if offer.gift_stock is not None else 10**12
        order = list(self.receipts)
        for r in sorted(rows, key=lambda r: (self.clock[r], order.index(r))):
            keep = [i for i in rows[r] if self.amount[i] > 0]
            if not keep:
                continue
            units = min(self.times(offer, r, keep) * offer.gift_units, stock)
            stock -= units
            if units <= 0:
                continue
            amounts = [self.amount[i] for i in keep]
            total = units * offer.gift_cost_minor
            costs = share_out(amounts, min(total, sum(amounts)))
            costs[0] += total - sum(costs)
            for k, (i, cost) in enumerate(zip(keep, costs, strict=True)):
                result[i] = (0, cost, 0, units if k == 0 else 0)
        return result
