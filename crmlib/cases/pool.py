"""The shared pool of customers: whose claim lapses when, limits, the in–out book, and what claiming brought, by lot.

The clock is the latest of claim, owner's contact, order and contract end; one that runs from creation sends a claimed
old customer back the next night. Who claims picks the promising, so claimed against not claimed says 2.25 where nothing
is brought; only customers released late by lot can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from crmlib.cases.engine import Identity, Moment
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.core.incidence import Z95

INTO, OUT_OF = ("recycled", "released", "new"), ("claimed", "assigned", "removed")
CLOCKS = ("claimed_on", "contact_on", "order_on", "contract_ends_on")


def returns(customers: AnyFrame, rules: AnyFrame, *, as_of: date, ahead: int = 7) -> pl.DataFrame:
    """When each owned customer returns to the pool.

    Parameters
    ----------
    customers : customer_id, level, owner_staff, locked, value_minor, claimed_on, contact_on (by the owner), order_on,
        contract_ends_on (dates, null where never).
    rules : level, contact_days, order_days, contract_days (null: no such clock), protect_days (after the claim).

    Returns
    -------
    customer_id, owner_staff, value_minor, returns_on (null: locked or no rule), reason (contact, order, contract), soon
    (within `ahead` days); earliest first.
    """
    table = to_polars(
        customers, needs=("level", "owner_staff", "locked", "value_minor", *CLOCKS), name="customers", key="customer_id"
    )
    law = to_polars(
        rules, needs=("contact_days", "order_days", "contract_days", "protect_days"), name="pool_rules", key="level"
    )
    days = [pl.col(c).cast(pl.Int64) for c in law.columns if c.endswith("_days")]
    table = table.with_columns(pl.col(c).cast(pl.Date) for c in CLOCKS)
    rows = table.filter(pl.col("owner_staff").is_not_null()).join(law.with_columns(days), on="level", how="left")
    contact = pl.max_horizontal(*CLOCKS)
    order = pl.max_horizontal("claimed_on", "order_on", "contract_ends_on")
    contract = pl.max_horizontal("claimed_on", "contract_ends_on")
    dates = rows.with_columns(
        contact=(contact + pl.duration(days="contact_days")).cast(pl.Date),
        order=(order + pl.duration(days="order_days")).cast(pl.Date),
        contract=(contract + pl.duration(days="contract_days")).cast(pl.Date),
        _free=(pl.col("claimed_on") + pl.duration(days="protect_days")).cast(pl.Date),
    )
    first = pl.min_horizontal("contact", "order", "contract")
    reason = pl.coalesce(*(pl.when(pl.col(c) == first).then(pl.lit(c)) for c in ("contact", "order", "contract")))
    held = ~pl.col("locked") & first.is_not_null()
    return (
        dates.with_columns(
            returns_on=pl.when(held).then(pl.max_horizontal(first, "_free")), reason=pl.when(held).then(reason)
        )
        .with_columns(soon=(pl.col("returns_on") <= pl.lit(as_of) + pl.duration(days=ahead)).fill_null(value=False))
        .select("customer_id", "owner_staff", "value_minor", "returns_on", "reason", "soon")
        .sort("returns_on", "customer_id", nulls_last=True)
    )


def check_claims(claims: AnyFrame, *, owned: AnyFrame, limits: AnyFrame, former: AnyFrame) -> pl.DataFrame:
    """Claims of one day with refused: null (granted), owned, locked, day_limit, owned_limit, former_owner.

    Parameters
    ----------
    claims : customer_id, staff_id, at; in order of time, the first of a customer wins.
    owned : customer_id, owner_staff (null = pool), locked.
    limits : staff_id, owned_now, max_owned, max_claims_day.
    former : customer_id, staff_id barred from claiming it back.
    """
    rows = timed(claims, at="at", needs=("customer_id", "staff_id"), name="pool_moves").sort("at", "customer_id")
    state = to_polars(owned, needs=("owner_staff", "locked"), name="customers", key="customer_id")
    law = to_polars(limits, needs=("owned_now", "max_owned", "max_claims_day"), name="limits", key="staff_id")
    barred = (
        to_polars(former, needs=("customer_id", "staff_id"), name="former owners").unique().with_columns(_barred=True)
    )
    info = (
        rows.join(state, on="customer_id", how="left", maintain_order="left")
        .join(law, on="staff_id", how="left", maintain_order="left")
        .join(
            barred.select("customer_id", "staff_id", "_barred"),
            on=["customer_id", "staff_id"],
            how="left",
            maintain_order="left",
        )
    )
    taken: set[str] = set()
    count: dict[str, int] = {}
    refused = [_judge(row, taken, count) for row in info.iter_rows(named=True)]
    return rows.with_columns(refused=pl.Series(refused, dtype=pl.String))


def _judge(row: dict[str, Any], taken: set[str], count: dict[str, int]) -> str | None:
    customer, staff = str(row["customer_id"]), str(row["staff_id"])
    n, most, cap = count.get(staff, 0), row["max_claims_day"], row["max_owned"]
    now = int(row["owned_now"] or 0)
    if row["owner_staff"] is not None or customer in taken:
        return "owned"
    if row["locked"]:
        return "locked"
    if row["_barred"]:
        return "former_owner"
    if most is not None and n >= most:
        return "day_limit"
    if cap is not None and now + n >= cap:
        return "owned_limit"
    taken.add(customer)
    count[staff] = n + 1
    return None


def refuse_over_limit(checked: pl.DataFrame) -> pl.DataFrame:
    """`checked` (from `check_claims`) if every claim stands.

    Raises
    ------
    ModelError
        `cases.claims` with the number refused.
    """
    bad = checked.filter(pl.col("refused").is_not_null())
    if bad.height:
        raise ModelError(
            "cases.claims", values={"rows": bad.height}, examples=[mask(v) for v in bad["customer_id"].head(5)]
        )
    return checked


def book(moves: AnyFrame, *, start: Moment, end: Moment) -> Identity:
    """Start + recycled + released + new − claimed − assigned − removed = end, the end counted customer by customer.

    Parameters
    ----------
    moves : customer_id, at (a day where `start` and `end` are days), kind; all moves from the pool's first day on.
    """
    table = timed(moves, at="at", needs=("customer_id", "kind"), name="pool_moves").with_columns(
        pl.col("kind").cast(pl.String)
    )
    rows = table.filter(pl.col("kind").is_in([*INTO, *OUT_OF])).sort("customer_id", "at", maintain_order=True)
    first, last = (pl.lit(m, dtype=rows.schema["at"]) for m in (start, end))
    stock = [
        rows.filter(pl.col("at") < m)
        .group_by("customer_id")
        .agg(pl.col("kind").last())
        .filter(pl.col("kind").is_in(INTO))
        .height
        for m in (first, last)
    ]
    inside = rows.filter((pl.col("at") >= first) & (pl.col("at") < last))
    counts = dict(inside.group_by("kind").len().iter_rows())
    came, went = ({k: int(counts.get(k, 0)) for k in kinds} for kinds in (INTO, OUT_OF))
    return Identity(stock[0], came, went, stock[1])


@dataclass(frozen=True, slots=True)
class Brought:
    """Orders in 90 days: offered for claiming first by lot, against released late; difference and ratio with error."""

    early: int
    late: int
    share_early: float
    share_late: float
    difference: float
    se: float
    ratio: float | None

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the difference."""
        return self.difference - Z95 * self.se, self.difference + Z95 * self.se


def brought(lot: AnyFrame) -> Brought:
    """What offering to claim brought, by lottery over the order of release; everybody counts as drawn, claimed or not.

    Parameters
    ----------
    lot : customer_id, lot (early, late; null where no lot was drawn), ordered (within 90 days of the draw).

    Raises
    ------
    ModelError
        `cases.no_pool_lot` if either arm is empty.
    """
    table = to_polars(lot, needs=("lot", "ordered"), name="pool lots", key="customer_id")
    arms = [
        table.filter(pl.col("lot").cast(pl.String) == name)["ordered"].cast(pl.Float64).to_numpy()
        for name in ("early", "late")
    ]
    if not all(len(a) for a in arms):
        raise ModelError("cases.no_pool_lot", values={"early": len(arms[0]), "late": len(arms[1])})
    p, q = float(arms[0].mean()), float(arms[1].mean())
    se = float(np.sqrt(p * (1 - p) / len(arms[0]) + q * (1 - q) / len(arms[1])))
    return Brought(len(arms[0]), len(arms[1]), p, q, p - q, se, p / q if q else None)
