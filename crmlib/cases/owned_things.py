"""Whatever somebody looks after in one table: customers, partners, deals, tasks, tickets, debts, goods; who takes over.

Each thing stands once with its owner of today, so the values of new owners add up to the leaver's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.cases.staff import hand_over
from crmlib.core.frames import AnyFrame, to_polars

KINDS = ("customer", "partner", "deal", "task", "ticket", "debt", "goods")
ROLES = {
    "customer": "adviser", "task": "adviser", "goods": "adviser", "ticket": "adviser",
    "partner": "salesperson", "deal": "salesperson", "debt": "salesperson",
}  # fmt: skip
"""Which role takes over what."""
THINGS = {
    "kind": pl.String, "thing_id": pl.String, "owner_staff": pl.String, "region": pl.String, "value_minor": pl.Int64,
}  # fmt: skip
NONE = pl.DataFrame(schema=THINGS)


def customers(people: AnyFrame, owned: AnyFrame, spent: AnyFrame) -> pl.DataFrame:
    """Customers with an owner; their value is what they bought in the last year.

    Parameters
    ----------
    people : customer_id, region. owned : customer_id, owner_staff. spent : customer_id, net_minor.
    """
    rows = _of(people, "customer_id", "region").join(_of(owned, "customer_id", "owner_staff"), on="customer_id")
    made = rows.join(_of(spent, "customer_id", "net_minor"), on="customer_id", how="left")
    return _things(made, "customer", "customer_id", pl.col("net_minor").fill_null(0).clip(0))


def partners(table: AnyFrame, orders: AnyFrame | None) -> pl.DataFrame:
    """Partners with an owner; their value is what they ordered in the last year.

    Parameters
    ----------
    table : partner_id, owner_staff, region. orders : customer_id (the partner), orders, net_minor by order.
    """
    rows = _of(table, "partner_id", "owner_staff", "region")
    if orders is None:
        return _things(rows, "partner", "partner_id", pl.lit(0, dtype=pl.Int64))
    worth = _of(orders, "customer_id", "orders", "net_minor").with_columns(y=pl.col("orders") * pl.col("net_minor"))
    made = rows.join(worth, left_on="partner_id", right_on="customer_id", how="left")
    return _things(made, "partner", "partner_id", pl.col("y").fill_null(0))


def deals(table: AnyFrame, people: AnyFrame | None) -> pl.DataFrame:
    """Open deals, of the region of their customer; their value is what they are expected to bring, not what was quoted.

    Parameters
    ----------
    table : of `forecast.expected_wins`: deal_id, customer_id, owner_staff, expected_minor.
    """
    rows = _placed(_of(table, "deal_id", "customer_id", "owner_staff", "expected_minor"), people)
    return _things(rows, "deal", "deal_id", pl.col("expected_minor").fill_null(0))


def tickets(table: AnyFrame, people: AnyFrame | None) -> pl.DataFrame:
    """Open tickets with whoever did something last, of the region of their customer; no value of their own.

    Parameters
    ----------
    table : of `desk.in_hand`: ticket_id, customer_id, staff_id.
    """
    rows = _of(table, "ticket_id", "customer_id", "staff_id").rename({"staff_id": "owner_staff"})
    return _things(_placed(rows, people), "ticket", "ticket_id", pl.lit(0, dtype=pl.Int64))


def tasks(table: AnyFrame, people: AnyFrame | None) -> pl.DataFrame:
    """Open care tasks, of the region of their customer; a task has no value of its own beside its customer's."""
    rows = _of(table, "task_id", "customer_id", "owner_staff", "state")
    open_ = _placed(rows.filter(pl.col("state").cast(pl.String) == "open"), people)
    return _things(open_, "task", "task_id", pl.lit(0, dtype=pl.Int64))


def debts(items: AnyFrame, table: AnyFrame) -> pl.DataFrame:
    """What partners owe, by partner.

    Parameters
    ----------
    items : owner (the partner), open_minor. table : partner_id, owner_staff, region.
    """
    by = _of(items, "owner", "open_minor").group_by("owner").agg(pl.col("open_minor").sum())
    made = by.join(_of(table, "partner_id", "owner_staff", "region"), left_on="owner", right_on="partner_id")
    return _things(made.filter(pl.col("open_minor") > 0), "debt", "owner", pl.col("open_minor"))


def goods(moves: AnyFrame, people: AnyFrame, owned: AnyFrame) -> pl.DataFrame:
    """Goods held for customers that are paid and not collected, by customer."""
    by = _of(moves, "customer_id", "value_minor").group_by("customer_id").agg(pl.col("value_minor").sum())
    rows = by.join(_of(people, "customer_id", "region"), on="customer_id")
    made = rows.join(_of(owned, "customer_id", "owner_staff"), on="customer_id")
    return _things(made.filter(pl.col("value_minor") > 0), "goods", "customer_id", pl.col("value_minor"))


def orphans(things: Sequence[pl.DataFrame], staff: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """What is owned by somebody who has left, or whom nobody knows, with a new owner of the kind's role.

    Parameters
    ----------
    staff : staff_id, role, region, left_on.

    Returns
    -------
    kind, thing_id, owner_staff, region, value_minor, new_owner (null where the region has nobody of the role); every
    thing stands once: Σ by new owner = Σ by leaver.
    """
    every = pl.concat([NONE, *things])
    people = to_polars(staff, needs=("role", "region", "left_on"), name="staff", key="staff_id").with_columns(
        pl.col("role").cast(pl.String)
    )
    here = people.filter(pl.col("left_on").is_null() | (pl.col("left_on") > as_of))
    lost = every.filter(pl.col("owner_staff").is_not_null()).join(
        here, left_on="owner_staff", right_on="staff_id", how="anti"
    )
    homes = people.select(owner_staff="staff_id", _home="region")
    lost = lost.join(homes, on="owner_staff", how="left", maintain_order="left").with_columns(
        region=pl.coalesce("region", "_home")
    )
    lost = lost.drop("_home")
    load = every.group_by("owner_staff").agg(load=pl.len().cast(pl.Int64))
    room = here.join(load, left_on="staff_id", right_on="owner_staff", how="left").with_columns(
        pl.col("load").fill_null(0)
    )
    parts = []
    for role in sorted(set(ROLES.values())):
        mine = [kind for kind, of in ROLES.items() if of == role]
        takers = room.filter(pl.col("role") == role)
        parts.append(hand_over(lost.filter(pl.col("kind").is_in(mine)), takers, as_of=as_of))
    return pl.concat(parts).sort("value_minor", "kind", "thing_id", descending=[True, False, False])


def by_leaver(lost: pl.DataFrame) -> pl.DataFrame:
    """owner_staff, kind, things, value_minor, unplaced (things for which nobody was found); dearest leaver first."""
    by = lost.group_by("owner_staff", "kind").agg(
        things=pl.len().cast(pl.Int64), value_minor=pl.col("value_minor").sum(),
        unplaced=pl.col("new_owner").is_null().sum().cast(pl.Int64),
    )  # fmt: skip
    whole = pl.col("value_minor").sum().over("owner_staff")
    return by.sort(whole, "owner_staff", "value_minor", "kind", descending=[True, False, True, False])


def _of(frame: AnyFrame, *columns: str) -> pl.DataFrame:
    return to_polars(frame, needs=columns, name="owned things").select(columns)


def _placed(rows: pl.DataFrame, people: AnyFrame | None) -> pl.DataFrame:
    if people is None:
        return rows.with_columns(region=pl.lit(None, dtype=pl.String))
    return rows.join(_of(people, "customer_id", "region"), on="customer_id", how="left", maintain_order="left")


def _things(rows: pl.DataFrame, kind: str, key: str, value: pl.Expr) -> pl.DataFrame:
    named = {"thing_id": pl.col(key), "value_minor": value.cast(pl.Int64)}
    return rows.select(kind=pl.lit(kind), **named, owner_staff="owner_staff", region="region").select(list(THINGS))
