"""Events with guests: who was invited, came, bought and paid; ratios of the trade; and the effect, by lot only.

Those who come are those who would have bought: in one simulated world a true effect of .150 reads .277 as came against
not, .250 matched on tier, .150 by held-out invitations. So the effect on comers is (mean of invited − mean of held out)
over the difference in come rates (Bloom 1984), or it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.core.proportions import wilson

Z80 = 2.801585  # z(.975) + z(.80)
GUESTS = ("customer_id", "invited_at", "held_out", "is_new", "accepted", "came_at", "walk_in")
SALES = ("customer_id", "sold_minor", "collected_minor", "refunded_minor")


def chain(guests: AnyFrame, sales: AnyFrame, *, big_minor: int) -> pl.DataFrame:
    """Invited → accepted → came → bought, by kind of guest.

    Parameters
    ----------
    guests : one row per guest of one meeting: customer_id, invited_at, held_out, is_new, accepted, came_at, walk_in.
    sales : one row per order of the meeting: customer_id, sold_minor, collected_minor, refunded_minor (within 30 days).
    big_minor : from this amount on an order is large.

    Returns
    -------
    kind (new, old, walk_in, all), invited, accepted, came, bought, orders, large, small, sold_minor, collected_minor,
    refunded_minor, owed_minor. Walk-ins stand apart from new and old; came = invited who came + walk-ins; orders =
    large + small; sold = collected + owed + refunded.
    """
    people = to_polars(guests, needs=GUESTS, name="meeting_guests", key="customer_id")
    bought = to_polars(sales, needs=SALES, name="orders of the meeting")
    _refuse_strangers(people, bought)
    large = (pl.col("sold_minor") >= big_minor).sum().cast(pl.Int64)
    sums = [pl.col(c).sum() for c in SALES[1:]]
    by = bought.group_by("customer_id").agg(*sums, orders=pl.len().cast(pl.Int64), large=large)
    kind = pl.when("walk_in").then(pl.lit("walk_in")).when("is_new").then(pl.lit("new")).otherwise(pl.lit("old"))
    rows = people.join(by, on="customer_id", how="left").with_columns(kind=kind)
    counted = [
        pl.col("invited_at").is_not_null().sum().cast(pl.Int64).alias("invited"),
        pl.col("accepted").fill_null(value=False).sum().cast(pl.Int64).alias("accepted"),
        pl.col("came_at").is_not_null().sum().cast(pl.Int64).alias("came"),
        pl.col("orders").is_not_null().sum().cast(pl.Int64).alias("bought"),
        *(pl.col(c).sum() for c in ("orders", "large", *SALES[1:])),
    ]
    parts = [
        rows.filter(pl.col("kind") == k).select(pl.lit(k).alias("kind"), *counted) for k in ("new", "old", "walk_in")
    ]
    out = pl.concat([*parts, rows.select(pl.lit("all").alias("kind"), *counted)])
    return out.with_columns(
        small=pl.col("orders") - pl.col("large"),
        owed_minor=pl.col("sold_minor") - pl.col("collected_minor") - pl.col("refunded_minor"),
    )


LEDGER = ("order_id", "customer_id", "at", "kind", "amount_minor")


def sales(ledger: AnyFrame, *, until: Any) -> pl.DataFrame:
    """One row per order from the book of its entries: ordered, paid, paid back.

    Parameters
    ----------
    ledger : order_id, customer_id, at, kind (order, payment, refund), amount_minor (above 0).
    until : the last moment that counts, such as the end of the return days.

    Returns
    -------
    order_id, customer_id, sold_minor, collected_minor (paid less paid back), refunded_minor; by order.
    """
    rows = timed(ledger, at="at", needs=LEDGER, name="meeting_orders")
    kind, amount = pl.col("kind").cast(pl.String), pl.col("amount_minor")
    sums = {name: amount.filter(kind == name).sum() for name in ("order", "payment", "refund")}
    by = rows.filter(pl.col("at") <= until).group_by("order_id").agg(pl.col("customer_id").first(), **sums)
    known = by.filter(pl.col("order") > 0).sort("order_id")
    return known.select(
        "order_id", "customer_id", sold_minor="order", collected_minor=pl.col("payment") - pl.col("refund"),
        refunded_minor="refund",
    )  # fmt: skip


def apart(guests: AnyFrame, orders: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Orders of those who came, and of those who did not (held out ones included): no orders of the event."""
    people = to_polars(guests, needs=GUESTS, name="meeting_guests", key="customer_id")
    came = people.filter(pl.col("came_at").is_not_null())
    return (
        orders.join(came, on="customer_id", how="semi", maintain_order="left"),
        orders.join(came, on="customer_id", how="anti", maintain_order="left"),
    )


def came_against_not(guests: AnyFrame, *, outcome: str, held_out: str = "held_out", came: str = "came") -> float | None:
    """Mean outcome of invited who came less of those who did not: what flatters, for the comparison on the page."""
    table = to_polars(guests, needs=(outcome, held_out, came), name="meeting_guests").filter(~pl.col(held_out))
    y = pl.col(outcome).cast(pl.Float64)
    yes, no = (table.filter(pl.col(came) == flag).select(y.mean()).item() for flag in (True, False))
    return None if yes is None or no is None else float(yes - no)


def ratios(table: pl.DataFrame, *, staff: int, cost_minor: int) -> pl.DataFrame:
    """The trade's ratios from `chain`: ratio, numerator, denominator, value, low, high (Wilson, where it is a share).

    guests_per_staff, new_of_invited, come_rate (of the invited), order_rate (buyers of comers), sold_per_comer,
    cost_per_comer, return_on_cost (collected over cost), refund_rate (of sold). Numerators in fen where money.
    """
    every = table.filter(pl.col("kind") == "all").row(0, named=True)
    new = table.filter(pl.col("kind") == "new").row(0, named=True)
    walked = table.filter(pl.col("kind") == "walk_in").row(0, named=True)
    rows = [
        ("guests_per_staff", every["came"], staff, False),
        ("new_of_invited", new["invited"], every["invited"], True),
        ("come_rate", every["came"] - walked["came"], every["invited"], True),
        ("order_rate", every["bought"], every["came"], True),
        ("sold_per_comer", every["sold_minor"], every["came"], False),
        ("cost_per_comer", cost_minor, every["came"], False),
        ("return_on_cost", every["collected_minor"], cost_minor, False),
        ("refund_rate", every["refunded_minor"], every["sold_minor"], False),
    ]
    out = pl.DataFrame(rows, schema=["ratio", "numerator", "denominator", "is_share"], orient="row")
    low, high = wilson(
        out["numerator"].to_numpy(), np.maximum(out["denominator"].to_numpy(), out["numerator"].to_numpy())
    )
    return out.select(
        "ratio",
        "numerator",
        "denominator",
        value=pl.when(pl.col("denominator") > 0).then(pl.col("numerator") / pl.col("denominator")),
        low=pl.when("is_share").then(pl.Series(low)),
        high=pl.when("is_share").then(pl.Series(high)),
    )


@dataclass(frozen=True, slots=True)
class CostPerOrder:
    """Cost per order in whole fen and the fen left over: cost = each · orders + remainder."""

    cost_minor: int
    orders: int
    each_minor: int | None
    remainder_minor: int


def cost_per_order(cost_minor: int, orders: int) -> CostPerOrder:
    """Split the cost; the remainder is shown, not lost.

    Examples
    --------
    >>> cost_per_order(1000, 3)
    CostPerOrder(cost_minor=1000, orders=3, each_minor=333, remainder_minor=1)
    """
    if not orders:
        return CostPerOrder(cost_minor, 0, None, cost_minor)
    each, rest = divmod(cost_minor, orders)
    return CostPerOrder(cost_minor, orders, each, rest)


@dataclass(frozen=True, slots=True)
class Effect:
    """Effect on those invited and on those who came, each with standard error; counts of both arms."""

    invited: int
    held_out: int
    per_invited: float
    per_invited_se: float
    come_difference: float
    per_comer: float | None
    per_comer_se: float | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the effect on comers."""
        if self.per_comer is None or self.per_comer_se is None:
            return None
        return self.per_comer - 1.959964 * self.per_comer_se, self.per_comer + 1.959964 * self.per_comer_se


def effect(guests: AnyFrame, *, outcome: str, held_out: str = "held_out", came: str = "came") -> Effect:
    """Effect by lot.

    Parameters
    ----------
    guests : one row per guest drawn: `held_out`, `came` (a held-out one may come by themselves), `outcome` (bought, or
        money). Walk-ins are no part of the lot.

    Raises
    ------
    ModelError
        `cases.no_lot` if nobody was held out.
    """
    table = to_polars(guests, needs=(outcome, held_out, came), name="meeting_guests")
    arms = [table.filter(pl.col(held_out) == flag) for flag in (False, True)]
    n = [arm.height for arm in arms]
    if min(n) < 2:
        raise ModelError("cases.no_lot", values={"invited": n[0], "held_out": n[1]})
    y = [arm[outcome].cast(pl.Float64).to_numpy() for arm in arms]
    d = [arm[came].cast(pl.Float64).to_numpy() for arm in arms]
    gain, lift = float(y[0].mean() - y[1].mean()), float(d[0].mean() - d[1].mean())
    se = float(np.sqrt(sum(v.var(ddof=1) / len(v) for v in y)))
    if lift <= 0:
        return Effect(n[0], n[1], gain, se, lift, None, None)
    ratio = gain / lift
    spread = sum((yy - ratio * dd).var(ddof=1) / len(yy) for yy, dd in zip(y, d, strict=True))
    return Effect(n[0], n[1], gain, se, lift, ratio, float(np.sqrt(spread)) / lift)


def smallest_visible(*, invited: int, held_out: int, base: float, come_rate: float = 1.0) -> float:
    """Smallest effect on comers (in shares) that this lot would find in four of five events.

    Examples
    --------
    >>> round(smallest_visible(invited=400, held_out=100, base=0.25), 3)
    0.136
    """
    return Z80 * float(np.sqrt(base * (1 - base) * (1 / invited + 1 / held_out))) / come_rate


def guests_missing(*, wanted: float, invited: int, held_out: int, base: float, come_rate: float = 1.0) -> int:
    """How many more guests, in the same split, make an effect of `wanted` visible; 0 if enough."""
    seen = smallest_visible(invited=invited, held_out=held_out, base=base, come_rate=come_rate)
    have = invited + held_out
    return max(int(np.ceil(have * (seen / wanted) ** 2)) - have, 0)


def _refuse_strangers(people: pl.DataFrame, bought: pl.DataFrame) -> None:
    came = people.filter(pl.col("came_at").is_not_null())
    strangers = bought.join(came, on="customer_id", how="anti")
    wrong = people.filter((pl.col("walk_in") | pl.col("held_out")) & pl.col("invited_at").is_not_null())
    if strangers.height or wrong.height:
        raise ModelError("cases.guests", values={"orders": strangers.height, "guests": wrong.height})
