"""Where the discount went: who × {anyway, extra}, in one table whose sums are the ledger's.

Who: staff, till cards and festival-only buyers come first (they are no regulars), then bulk orders, sales without card,
new buyers, offer-only ones, regulars. Offer-only means that the lower end of Wilson's 90 % interval of a member's
visits with an offer line is above 25 %: being there before makes nobody a regular. (One visit on offer already passes
that bound, so new buyers are told first.) Festival-only: the same of visits in festival weeks, above a half.

Anyway: the ledger's discount on base and bulk sales, with its interval. Bulk orders are booked as anyway; the rest is
shared out in proportion to what each group took of the same goods in quiet days just before, never more than the group
got. Whole minor units; every row and the sum are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame
from crmlib.core.proportions import wilson
from crmlib.promotion.books.ledger import DISCOUNTS
from crmlib.promotion.lift.bulk import BULK_UNITS
from crmlib.promotion.lift.calendar import MONDAY, festival_weeks

ROLES = ("staff", "till_card", "festival_only")
GROUPS = (*ROLES, "bulk", "offer_only", "new_back", "new_gone", "new_open", "regular", "no_card")
BACK_DAYS = 90
"""A new buyer who comes again within so many days is back."""
OFFER_SHARE, FESTIVAL_SHARE = 0.25, 0.5
QUIET_DAYS = 28


@dataclass(frozen=True, slots=True)
class Anyway:
    """Discount that the ledger books on sales that would have happened [minor units], with its interval."""

    minor: int
    low_minor: int
    high_minor: int


def booked(event: Mapping[str, Any], book: pl.DataFrame) -> Anyway | None:
    """The ledger's discount on sales that would have come anyway, at the event's lift and at the ends of its interval.

    Parameters
    ----------
    event : a row of `Review.events`. book : `Review.book`.

    Returns
    -------
    None where the event has no ledger: nothing to compare it with, or no cost.
    """
    lines = book.filter(pl.col("event_id") == event["promotion_id"], pl.col("line").is_in(DISCOUNTS))
    off = {k: -(v or 0) for k, v in lines.select("line", "amount_minor").iter_rows()}
    if not off:
        return None
    free = off["discount_on_base"] + off["discount_on_extra"]
    each = event["price_minor"] - event["paid_minor"]
    ends = [event[c] if event[c] is not None else event["lift_milli"] for c in ("high_milli", "low_milli")]
    low, high = (free - min(max(round(each * end / 1000), 0), free) + off["discount_on_bulk"] for end in ends)
    return Anyway(off["discount_on_base"] + off["discount_on_bulk"], low, high)


def who_anyway(
    lines: AnyFrame,
    *,
    promotion_id: str,
    as_of: date,
    anyway: Anyway | None,
    roles: Mapping[str, pl.Series | Callable[[pl.Series], pl.Series]] | None = None,
    bulk: pl.Series | None = None,
    quiet: tuple[date, date] | None = None,
) -> pl.DataFrame:
    """Discount of one promotion by who took it and whether it was needed.

    Parameters
    ----------
    lines : receipt lines of the company: receipt_id, customer_id, day, product_id, quantity_milli, list_minor,
        net_minor, promotion_id; sales only are counted.
    as_of : last day known; who came back is open until 90 days after the purchase have passed.
    anyway : from the ledger (`booked`): discount on base and on bulk; None where it is not known.
    roles : customer_id by role of `ROLES`, or what tells them among buyers; the first that holds counts.
    bulk : receipts that are bulk orders; told by the size of their lines if not given.
    quiet : first and last day that show who buys anyway; the four weeks before the event if not given. For goods of a
        season give the same slot of another year: before the season nobody buys them.

    Returns
    -------
    group (all of `GROUPS`), members, discount_minor, anyway_minor, extra_minor, anyway_low_minor, anyway_high_minor
    (null where `anyway` is not known).

    Raises
    ------
    ModelError
        `promotion.anyway_range` where the ledger's figure is not between 0 and the promotion's discount.
    """
    large = panels.bulk_receipts(lines, least_milli=1000 * BULK_UNITS, returns=False) if bulk is None else bulk
    event = panels.taken_receipts(lines, promotion_id=promotion_id).with_columns(off=pl.col("discount_minor"))
    taken = int(event["off"].sum())
    if anyway is not None and not 0 <= anyway.minor <= max(taken, 0):
        raise ModelError("promotion.anyway_range", values={"anyway": anyway.minor, "discount": taken})
    first = event["day"].min() if event.height else as_of
    start: date = first  # type: ignore[assignment]
    days = event["day"].n_unique() or 1
    before, last = quiet or (start - timedelta(days=QUIET_DAYS), start - timedelta(days=1))
    goods = panels.promotion_goods(lines, promotion_id=promotion_id)
    calm = panels.taken_receipts(panels.part(lines, start=before, end=last, products=goods))
    buyers = pl.concat([event["customer_id"], calm["customer_id"]]).drop_nulls().unique()
    table = panels.offer_days(panels.part(lines, customers=buyers))
    sure = _roles(table, {role: ids(buyers) if callable(ids) else ids for role, ids in (roles or {}).items()})
    now, then = (
        _grouped(part, table, large, sure, start=day, as_of=as_of) for part, day in ((event, start), (calm, before))
    )
    wide = pl.DataFrame({"group": GROUPS}).join(_sums(now), on="group", how="left", maintain_order="left")
    wide = wide.with_columns(pl.col("members", "discount_minor", "milli").fill_null(0))
    due = _weights(wide, _pooled(then), scale=days / ((last - before).days + 1))
    discounts, is_bulk = wide["discount_minor"].to_list(), [g == "bulk" for g in GROUPS]
    who = wide.select("group", "members", "discount_minor")
    if anyway is None:
        split = ("anyway_minor", "extra_minor", "anyway_low_minor", "anyway_high_minor")
        return who.with_columns(pl.lit(None, dtype=pl.Int64).alias(c) for c in split)
    cells = [shared_out(v, discounts, due, first=is_bulk) for v in (anyway.minor, anyway.low_minor, anyway.high_minor)]
    return who.with_columns(
        pl.Series("anyway_minor", cells[0], dtype=pl.Int64),
        pl.Series("extra_minor", [d - a for d, a in zip(discounts, cells[0], strict=True)], dtype=pl.Int64),
        pl.Series("anyway_low_minor", cells[1], dtype=pl.Int64),
        pl.Series("anyway_high_minor", cells[2], dtype=pl.Int64),
    )


def offer_only(offer_days: pl.DataFrame) -> pl.Series:
    """Members whose share of visits with an offer line is surely above 25 %.

    Parameters
    ----------
    offer_days : customer_id, any_offer; one row per purchase day (`panels.offer_days`).

    Examples
    --------
    >>> offer_only(pl.DataFrame({"customer_id": ["a"] * 5, "any_offer": [True] * 4 + [False]})).to_list()
    ['a']
    """
    return _mostly(offer_days.select("customer_id", told="any_offer"), OFFER_SHARE)


def festival_only(lines: AnyFrame, among: pl.Series | None = None) -> pl.Series:
    """Members who surely come in festival weeks more often than not.

    Parameters
    ----------
    lines : receipt lines; needs customer_id, day_n, quantity_milli, net_minor.
    among : members to ask about; all without it.
    """
    asked = lines if among is None else panels.part(lines, customers=among)
    visits = panels.customer_day(asked).select("customer_id", day=pl.col("day_n").cast(pl.Date))
    if visits.is_empty():
        return pl.Series("customer_id", [], dtype=pl.String)
    first, last = panels.span(lines) or (date.min, date.min)
    week = (pl.col("day").cast(pl.Int32) + MONDAY) // 7
    return _mostly(visits.with_columns(told=week.is_in(sorted(festival_weeks(first, last)))), FESTIVAL_SHARE)


def _mostly(visits: pl.DataFrame, share: float) -> pl.Series:
    """Members whose share of visits with `told` is surely above `share`: lower end of Wilson's 90 % interval."""
    counted = visits.group_by("customer_id").agg(pl.len().alias("n"), pl.col("told").sum().alias("k"))
    low, _ = wilson(counted["k"].to_numpy(), counted["n"].to_numpy(), alpha=0.1)
    return counted.filter(pl.Series(low > share))["customer_id"].sort()


def shared_out(total: int, most: list[int], weights: list[float], *, first: list[bool]) -> list[int]:
    """`total` over cells by weight, none above its `most`, whole and exact; cells of `first` are filled before others.

    Examples
    --------
    >>> shared_out(100, [30, 80, 80], [9.0, 3.0, 1.0], first=[True, False, False])
    [30, 53, 17]
    >>> shared_out(150, [30, 60, 80], [9.0, 3.0, 0.0], first=[True, False, False])
    [30, 60, 60]
    """
    caps = [max(m, 0) for m in most]
    left = min(max(total, 0), sum(caps))
    found = [0] * len(caps)
    for i, early in enumerate(first):
        if early:
            found[i] = min(caps[i], left)
            left -= found[i]
    open_ = [i for i, early in enumerate(first) if not early and caps[i] > 0]
    while left and open_:
        total_weight = sum(weights[i] for i in open_)
        part = {i: weights[i] if total_weight > 0 else float(caps[i] - found[i]) for i in open_}
        whole, before = sum(part.values()), left
        ideal = {i: before * part[i] / whole for i in open_}
        full = [i for i in open_ if found[i] + ideal[i] >= caps[i]]
        if full:
            for i in full:
                left -= caps[i] - found[i]
                found[i] = caps[i]
            open_ = [i for i in open_ if i not in full]
            continue
        for i in open_:
            found[i] += int(ideal[i])
            left -= int(ideal[i])
        for i in sorted(open_, key=lambda i: int(ideal[i]) - ideal[i])[:left]:
            found[i] += 1
        left = 0
    return found


def _roles(table: pl.DataFrame, roles: Mapping[str, pl.Series]) -> pl.DataFrame:
    """customer_id, role; the first role of `ROLES` counts, then offer-only."""
    known = [(name, roles[name]) for name in ROLES if name in roles] + [("offer_only", offer_only(table))]
    parts = [pl.DataFrame({"customer_id": ids.cast(pl.String), "role": name}) for name, ids in known]
    schema = {"customer_id": pl.String, "role": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *parts]).unique("customer_id", keep="first", maintain_order=True)


def _grouped(
    part: pl.DataFrame, table: pl.DataFrame, large: pl.Series, sure: pl.DataFrame, *, start: date, as_of: date
) -> pl.DataFrame:
    """`part` with `group`: who stands behind each line, as seen at `start`."""
    people = part.group_by("customer_id").agg(last=pl.col("day").max()).drop_nulls("customer_id")
    days = (
        table.join(people, on="customer_id")
        .group_by("customer_id")
        .agg(
            begun=pl.col("day").min(),
            back=(
                pl.col("day").is_between(pl.col("last"), pl.col("last").dt.offset_by(f"{BACK_DAYS}d"), closed="right")
            ).any(),
            last=pl.col("last").first(),
        )
    )
    joined = part.join(days, on="customer_id", how="left").join(sure, on="customer_id", how="left")
    early = pl.col("last") > as_of - timedelta(days=BACK_DAYS)
    new = pl.when("back").then(pl.lit("new_back")).when(early).then(pl.lit("new_open")).otherwise(pl.lit("new_gone"))
    role = pl.col("role")
    group = (
        pl.when(role.is_in(ROLES)).then(role)
        .when(pl.col("receipt_id").is_in(large.implode())).then(pl.lit("bulk"))
        .when(pl.col("customer_id").is_null()).then(pl.lit("no_card"))
        .when(pl.col("begun") >= start).then(new)
        .when(role.is_not_null()).then(role)
        .otherwise(pl.lit("regular"))
    )  # fmt: skip
    return joined.with_columns(group=group)


def _sums(now: pl.DataFrame) -> pl.DataFrame:
    return now.group_by("group").agg(
        members=pl.col("customer_id").drop_nulls().n_unique().cast(pl.Int64), discount_minor=pl.col("off").sum(),
        milli=pl.col("quantity_milli").sum(),
    )  # fmt: skip


def _pooled(then: pl.DataFrame) -> dict[str, float]:
    """Units by group in the quiet days; new members together, whether or not they came back."""
    found = dict(then.group_by("group").agg(pl.col("quantity_milli").sum()).iter_rows())
    new = sum(found.get(g, 0) for g in GROUPS if g.startswith("new"))
    return {**{g: float(v) for g, v in found.items()}, "new": float(new)}


def _weights(wide: pl.DataFrame, then: Mapping[str, float], *, scale: float) -> list[float]:
    """Discount of each group × the share of its units that quiet days explain, at most all."""
    new = int(wide.filter(pl.col("group").str.starts_with("new"))["milli"].sum())
    weights = []
    for group, discount, milli in wide.select("group", "discount_minor", "milli").iter_rows():
        of, units = ("new", new) if group.startswith("new") else (group, milli)
        explained = min(1.0, then.get(of, 0.0) * scale / units) if units else 0.0
        weights.append(max(discount, 0) * explained)
    return weights
