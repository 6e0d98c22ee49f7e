"""The price a basket pays: every mechanic in its order, and for every line which rule gave how much.

Order: line prices → multi-buys and bundles → order discounts → coupons → gifts; within a stage by priority, then id.
Offers of one stack group in one stage are weighed against each other, for each line (stage 1) or receipt (later
stages), in the present state: the largest advantage wins, ties go to the lowest id. Across stages the earlier one wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import polars as pl

from crmlib.core.errors import CrmError, ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.promotion.arrays import Ints
from crmlib.promotion.offers.basket import NEEDS, Codes, basket, in_scope
from crmlib.promotion.offers.offer import Offer, offers_from_frame
from crmlib.promotion.offers.offer_check import check_offers
from crmlib.promotion.offers.rules_line import line_rule
from crmlib.promotion.offers.rules_multi import multi_rule
from crmlib.promotion.offers.rules_order import add_on_rule, gift_rule, order_rule
from crmlib.promotion.offers.till import Claim, Till, open_till

LINE_STAGE, MULTI_STAGE, GIFT_STAGE = 1, 2, 5


@dataclass(frozen=True, slots=True)
class Priced:
    """Baskets with their price.

    lines : the lines given, in their order, with net_minor, discount_minor and gift_cost_minor; demand_milli is the
        quantity without gifts.
    bookings : one row per line and rule that gave something: line_n (row of `lines`), offer_id, discount_minor,
        gift_cost_minor. For every line list_minor = net_minor + sum of its discount_minor.
    gifts : receipt_id, offer_id, product_id, units, cost_minor.
    """

    lines: pl.DataFrame
    bookings: pl.DataFrame
    gifts: pl.DataFrame


def price(
    lines: AnyFrame,
    *,
    offers: Sequence[Offer] | AnyFrame,
    products: AnyFrame,
    stores: AnyFrame,
    coupons: AnyFrame | None = None,
) -> Priced:
    """Price every basket with every offer.

    Parameters
    ----------
    lines : receipt_id, store_id, product_id, sold_at, quantity_milli (> 0), list_minor (line total at list price);
        where present also customer_id, grade, unit and is_gift (goods handed out free: price 0, never demand).
    products : product_id, category_1 … category_3, is_service; `stores` : store_id.
    coupons : receipt_id, offer_id, count: coupons shown.

    Examples
    --------
    >>> from datetime import datetime
    >>> at = datetime(2026, 1, 5, 12)
    >>> lines = pl.DataFrame({"receipt_id": ["R"] * 3, "store_id": ["S"] * 3, "product_id": ["A", "B", "C"],
    ...                       "sold_at": [at] * 3, "quantity_milli": [1000] * 3, "list_minor": [1000] * 3})
    >>> save = Offer("X", "threshold_off", datetime(2026, 1, 1), datetime(2026, 2, 1),
    ...              threshold_minor=3000, off_minor=1000)
    >>> priced = price(lines, offers=[save], products=pl.DataFrame({"product_id": ["A", "B", "C"]}),
    ...                stores=pl.DataFrame({"store_id": ["S"]}))
    >>> priced.lines["discount_minor"].to_list()
    [334, 333, 333]
    """
    table = to_polars(lines, needs=NEEDS, name="lines")
    goods = to_polars(products, needs=["product_id"], name="products")
    places = to_polars(stores, needs=["store_id"], name="stores")
    rules = list(offers) if isinstance(offers, Sequence) else offers_from_frame(offers)
    check_offers(rules, products=goods, stores=places["store_id"].to_list())
    till = _till(table, goods, places["store_id"], rules, coupons)
    for stage in range(LINE_STAGE, GIFT_STAGE + 1):
        _run_stage(till, stage)
    return _priced(table, till)


def _till(
    table: pl.DataFrame, goods: pl.DataFrame, places: pl.Series, rules: Sequence[Offer], coupons: AnyFrame | None
) -> Till:
    grades = (
        table["grade"].unique().drop_nulls().sort() if "grade" in table.columns else pl.Series("grade", [], pl.String)
    )
    held = basket(table, products=goods["product_id"], stores=places, grades=grades)
    heads = table["receipt_id"].gather(held.row[held.first])
    shown = _coupons(coupons, rules, heads)
    return open_till(held, codes=Codes(goods, places, grades), offers=rules, coupons=shown)


def _coupons(coupons: AnyFrame | None, rules: Sequence[Offer], heads: pl.Series) -> dict[int, Ints]:
    """Coupons of each coupon offer that every receipt shows."""
    none = {i: np.zeros(len(heads), dtype=np.int64) for i, o in enumerate(rules) if o.mechanic == "coupon"}
    if coupons is None:
        return none
    table = to_polars(coupons, needs=["receipt_id", "offer_id", "count"], name="coupons")
    receipts = pl.DataFrame({"receipt_id": heads})
    for number in none:
        mine = table.filter(pl.col("offer_id") == rules[number].offer_id)
        mine = mine.group_by("receipt_id").agg(pl.col("count").sum())
        found = receipts.join(mine, on="receipt_id", how="left", maintain_order="left")["count"]
        none[number] = found.fill_null(0).cast(pl.Int64).to_numpy()
    return none


def _run_stage(till: Till, stage: int) -> None:
    """Apply the blocks of a stage in order: a stack group is one block, at the place of its first member."""
    if stage == MULTI_STAGE:
        till.entry = till.amount.copy()
    numbers = sorted((i for i, o in enumerate(till.offers) if o.stage == stage), key=lambda i: till.offers[i].order)
    for block in _blocks(till.offers, numbers):
        claims = {i: _claim(till, i) for i in sorted(block, key=lambda i: till.offers[i].offer_id)}
        if len(claims) > 1:
            claims = _best(till, claims, by_line=stage == LINE_STAGE)
        for number, done in claims.items():
            till.apply(number, done)


def _blocks(offers: Sequence[Offer], numbers: Iterable[int]) -> list[list[int]]:
    firsts: dict[str, int] = {}
    placed = []
    for place, number in enumerate(numbers):
        group = offers[number].stack_group
        placed.append((place if group is None else firsts.setdefault(group, place), number))
    return [[n for _, n in block] for _, block in groupby(sorted(placed), key=lambda pair: pair[0])]


def _claim(till: Till, number: int) -> Claim:
    offer = till.offers[number]
    lines = till.open_lines(number, in_scope(offer, till.basket, till.codes))
    if offer.stage == LINE_STAGE:
        return line_rule(till, number, lines)
    if offer.stage == MULTI_STAGE:
        return multi_rule(till, number, lines)
    if offer.mechanic == "add_on":
        return add_on_rule(till, number, lines)
    return gift_rule(till, number, lines) if offer.stage == GIFT_STAGE else order_rule(till, number, lines)


def _best(till: Till, claims: dict[int, Claim], *, by_line: bool) -> dict[int, Claim]:
    """For each line or receipt keep the claim worth most to the customer; ties go to the lowest id (first in order)."""
    units = till.basket.size if by_line else till.basket.first.size
    best = np.zeros(units, dtype=np.int64)
    winner = np.full(units, -1, dtype=np.int64)
    keys = {i: done.lines if by_line else till.basket.receipt[done.lines] for i, done in claims.items()}
    for number, done in claims.items():
        worth = np.zeros(units, dtype=np.int64)
        np.add.at(worth, keys[number], done.discount + done.gift_cost)
        better = worth > best
        best[better], winner[better] = worth[better], number
    return {i: done.only(np.flatnonzero(winner[keys[i]] == i)) for i, done in claims.items()}


def _priced(table: pl.DataFrame, till: Till) -> Priced:
    held = till.basket
    net, cost = np.empty(held.size, dtype=np.int64), np.zeros(held.size, dtype=np.int64)
    net[held.row] = till.amount
    for booking in till.bookings:
        cost[held.row[booking.claim.lines]] += booking.claim.gift_cost
    gift_line = np.zeros(held.size, dtype=np.bool_)
    gift_line[held.row] = held.gift_line
    priced = table.with_columns(
        net_minor=pl.Series(net, dtype=pl.Int64),
        discount_minor=pl.col("list_minor").cast(pl.Int64) - pl.Series(net, dtype=pl.Int64),
        gift_cost_minor=pl.Series(cost, dtype=pl.Int64),
        demand_milli=pl.when(pl.Series(gift_line)).then(0).otherwise(pl.col("quantity_milli")).cast(pl.Int64),
    )
    return Priced(priced, _bookings(till), _gifts(table, till))


def _bookings(till: Till) -> pl.DataFrame:
    ids = pl.Enum([o.offer_id for o in till.offers] + ["gift_line"])
    frames = [
        _booked(till.basket.row[b.claim.lines], b.claim, till.offers[b.offer].offer_id, ids) for b in till.bookings
    ]
    free = np.flatnonzero(till.basket.gift_line & (till.basket.list_minor > 0))
    zero = np.zeros(free.size, dtype=np.int64)
    free_claim = Claim(free, till.basket.list_minor[free], zero, zero, zero)
    frames.append(_booked(till.basket.row[free], free_claim, "gift_line", ids))
    return pl.concat(frames)


def _booked(rows: Ints, done: Claim, offer_id: str, ids: pl.Enum) -> pl.DataFrame:
    gave = np.flatnonzero((done.discount > 0) | (done.gift_cost > 0))
    return pl.DataFrame(
        {
            "line_n": pl.Series(rows[gave], dtype=pl.UInt32),
            "offer_id": pl.repeat(offer_id, gave.size, dtype=ids, eager=True),
            "discount_minor": pl.Series(done.discount[gave], dtype=pl.Int64),
            "gift_cost_minor": pl.Series(done.gift_cost[gave], dtype=pl.Int64),
        }
    )


def _gifts(table: pl.DataFrame, till: Till) -> pl.DataFrame:
    schema = pl.Schema(
        {
            "receipt_id": table.schema["receipt_id"],
            "offer_id": pl.String(),
            "product_id": pl.String(),
            "units": pl.Int64(),
            "cost_minor": pl.Int64(),
        }
    )
    frames = [pl.DataFrame(schema=schema)]
    for booking in till.bookings:
        offer, done = till.offers[booking.offer], booking.claim
        heads = np.flatnonzero(done.gift_units > 0)
        frames.append(
            pl.DataFrame(
                {
                    "receipt_id": table["receipt_id"].gather(till.basket.row[done.lines[heads]]),
                    "offer_id": pl.repeat(offer.offer_id, heads.size, dtype=pl.String, eager=True),
                    "product_id": pl.repeat(offer.gift_product, heads.size, dtype=pl.String, eager=True),
                    "units": done.gift_units[heads],
                    "cost_minor": done.gift_units[heads] * (offer.gift_cost_minor or 0),
                },
                schema=schema,
            )
        )
    return pl.concat(frames)


def explain(priced: Priced, receipt_id: str) -> pl.DataFrame:
    """What each rule gave on each line of one receipt: line_n, product_id, offer_id, discount_minor, gift_cost_minor.

    Raises
    ------
    ModelError
        promotion.receipt_unknown.
    """
    rows = priced.lines.with_row_index("line_n").filter(pl.col("receipt_id") == receipt_id)
    if rows.is_empty():
        raise _unknown_receipt(receipt_id)
    given = rows.select("line_n", "product_id").join(priced.bookings, on="line_n", maintain_order="left")
    return given.with_columns(pl.col("offer_id").cast(pl.String)).sort("line_n", maintain_order=True)


def _unknown_receipt(receipt_id: str) -> CrmError:
    return ModelError("promotion.receipt_unknown", values={"receipt_id": receipt_id})
