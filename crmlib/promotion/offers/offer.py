"""An offer as a planner writes it down: mechanic, scope, validity, stacking, limits.

Rates are basis points of the price that is paid (8800 = 12 % off), money is minor units, times are wall clock in
Asia/Shanghai, validity is half-open [starts_at, ends_at).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

Mechanic = Literal[
    "rate",  # a rate on the line
    "price",  # a fixed unit price (with `grades`: a member price)
    "nth_unit",  # every n-th unit at a rate, the cheapest of its group
    "multi_rate",  # from n units on, all at a rate
    "pick",  # any n of the scope for one price
    "bundle",  # named products for one price
    "threshold_off",  # spend X, save Y, once or for every full X
    "threshold_rate",  # spend X, pay a rate
    "add_on",  # spend X, then buy an add-on at a fixed price
    "coupon",  # as threshold_off or threshold_rate, if presented
    "gift",  # spend X or buy n, get a gift
]
STAGES: dict[str, int] = {
    "rate": 1, "price": 1,
    "nth_unit": 2, "multi_rate": 2, "pick": 2, "bundle": 2,
    "threshold_off": 3, "threshold_rate": 3, "add_on": 3,
    "coupon": 4,
    "gift": 5,
}  # fmt: skip
"""Order of application: line, multi-buy, order, coupon, gift. Points and stored value pay, they do not discount."""
MECHANICS: tuple[str, ...] = get_args(Mechanic)


@dataclass(frozen=True, slots=True)
class Offer:
    """One rule of a promotion.

    Parameters
    ----------
    priority : smaller goes first within its stage; ties by `offer_id`.
    weekdays : 1 Monday … 7 Sunday, empty = all; `from_minute`, `to_minute`: window of the day [minutes], half-open,
        may cross midnight.
    stores, categories, products, grades : scope; empty = all (a product is in scope by its id or by any of its
        category levels). `except_products` are out whatever the rest says. Services (bags, delivery) are in scope only
        by id.
    rate_bp : share of the price still paid [basis points].
    threshold_minor, off_minor, per_full, cap_minor, max_times : spend and save; `base` says on which amounts the
        threshold is judged: after line discounts, or at list.
    min_units : n of nth_unit, multi_rate, pick and gift.
    bundle_products, bundle_units : what one bundle takes.
    stack_group : offers of one group exclude one another; the best for the customer wins (tiers are such a group).
    exclusive : takes no other offer on its lines, except those in `stacks_with` (of either side).
    limit_member_day, limit_total : units at the offer's price, first come first served (line mechanics only).
    on_return : a return pays back the booked shares, or the basket is priced anew without the returned goods.

    Examples
    --------
    >>> from datetime import datetime
    >>> Offer("A", "rate", datetime(2026, 1, 1), datetime(2026, 2, 1), rate_bp=8800).stage
    1
    """

    offer_id: str
    mechanic: Mechanic
    starts_at: datetime
    ends_at: datetime
    promotion_id: str = ""
    name: str = ""
    priority: int = 100
    weekdays: tuple[int, ...] = ()
    from_minute: int | None = None
    to_minute: int | None = None
    stores: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    except_products: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    rate_bp: int | None = None
    price_minor: int | None = None
    off_minor: int | None = None
    threshold_minor: int = 0
    min_units: int | None = None
    per_full: bool = False
    max_times: int | None = None
    cap_minor: int | None = None
    bundle_products: tuple[str, ...] = ()
    bundle_units: tuple[int, ...] = ()
    addon_products: tuple[str, ...] = ()
    gift_product: str | None = None
    gift_units: int = 1
    gift_cost_minor: int | None = None
    gift_stock: int | None = None
    same_product: bool = False
    base: Literal["after_line", "list"] = "after_line"
    stack_group: str | None = None
    exclusive: bool = False
    stacks_with: tuple[str, ...] = ()
    limit_member_day: int | None = None
    limit_total: int | None = None
    on_return: Literal["shares", "reprice"] = "shares"

    @property
    def stage(self) -> int:
        """When it is applied: see `STAGES`."""
        return STAGES[self.mechanic]

    @property
    def order(self) -> tuple[int, str]:
        """Sort key within a stage."""
        return (self.priority, self.offer_id)


def stacks(one: Offer, other: Offer) -> bool:
    """Whether two offers may touch the same line.

    Examples
    --------
    >>> from datetime import datetime
    >>> span = (datetime(2026, 1, 1), datetime(2026, 2, 1))
    >>> a = Offer("A", "rate", *span, rate_bp=8800, exclusive=True)
    >>> b = Offer("B", "coupon", *span, off_minor=500, stacks_with=("A",))
    >>> c = Offer("C", "coupon", *span, off_minor=500)
    >>> stacks(a, b), stacks(a, c)
    (True, False)
    """
    if other.offer_id in one.stacks_with or one.offer_id in other.stacks_with:
        return True
    same_group = one.stack_group is not None and one.stack_group == other.stack_group
    return not (same_group or one.exclusive or other.exclusive)


def offers_from_frame(frame: AnyFrame) -> list[Offer]:
    """Read offers from a table with the field names of `Offer` as columns; absent columns and nulls take the defaults.

    Examples
    --------
    >>> from datetime import datetime
    >>> start, end = datetime(2026, 1, 1), datetime(2026, 2, 1)
    >>> rows = pl.DataFrame({"offer_id": ["A"], "mechanic": ["rate"], "starts_at": [start], "ends_at": [end],
    ...                      "rate_bp": [8800], "stores": [["S1"]]})
    >>> offers_from_frame(rows)[0].stores
    ('S1',)
    """
    table = to_polars(frame, needs=["offer_id", "mechanic", "starts_at", "ends_at"], name="offers")
    table = table.with_columns(wall_clock(pl.col(c), table.schema[c]) for c in ("starts_at", "ends_at"))
    known = [f.name for f in fields(Offer) if f.name in table.columns]
    return [Offer(**_given(row)) for row in table.select(known).iter_rows(named=True)]


def wall_clock(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A Datetime column as Shanghai wall-clock time without zone, in microseconds."""
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        column = column.dt.convert_time_zone("Asia/Shanghai").dt.replace_time_zone(None)
    return column.cast(pl.Datetime("us"))


def _given(row: dict[str, Any]) -> dict[str, Any]:
    """Fields that are given, lists as tuples, numbers in lists (which may come as text) as numbers."""
    given = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items() if v is not None}
    return given | {k: tuple(int(x) for x in given[k]) for k in ("weekdays", "bundle_units") if k in given}
