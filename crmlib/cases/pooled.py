"""The pool as it stands: whose clock runs out, who lies in it since when, who holds too many, which claims break rules.

`crmlib.cases.pool` judges; here the tables of the lake become what it asks for. Contacts count for the clock when they
are the owner's and were made: a call held out of a lot, or never done, keeps nobody.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from crmlib.cases import pool
from crmlib.cases.engine import Identity
from crmlib.core import owners
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, timed, to_polars

EVERY = "*"
"""The level of whoever has no rule of their own."""
NOT_MADE = ("holdout", "not_done")
AGES = (30, 90, 180)
"""Days in the pool at which a new band begins."""
BANDS = ("d30", "d90", "d180", "older")
HORIZON = 90
"""Days after a draw within which an order counts."""


def current(rules: AnyFrame, *, on: date) -> pl.DataFrame:
    """The rules in force on a day: the newest version of each level of a pool.

    Raises
    ------
    ModelError
        `cases.pool_rules` if no rule is in force yet.
    """
    table = to_polars(rules, needs=("pool_id", "level", "version", "valid_from"), name="pool_rules")
    valid = table.filter(pl.col("valid_from") <= on).sort("pool_id", "level", "version", maintain_order=True)
    if valid.is_empty():
        first = table["valid_from"].min()
        raise ModelError("cases.pool_rules", values={"day": str(on), "first": "-" if first is None else str(first)})
    return valid.unique(["level"], keep="last", maintain_order=True)


def watched(
    customers: AnyFrame, rules: pl.DataFrame, *, moves: AnyFrame, assignments: AnyFrame | None,
    contacts: AnyFrame | None, bought: AnyFrame, deals: AnyFrame | None = None, partners: AnyFrame | None = None,
    as_of: date,
) -> pl.DataFrame:  # fmt: skip
    """What `pool.returns` needs of every customer.

    Parameters
    ----------
    customers : customer_id, owner_staff of the day, joined_on, tags (a level of the rules among them is theirs).
    rules : of `current`. moves : all pool_moves. assignments : since when the owner has them.
    contacts : customer_id, staff_id, at, outcome. bought : customer_id, last_on, net_minor (of a year).
    deals : customer_id, opened_on, closed_on; an open one protects where the rules say so.
    partners : customer_id (the same company), until: the end of its contract, the latest where there are several.

    Returns
    -------
    customer_id, level, owner_staff, locked, value_minor, claimed_on, contact_on, order_on, contract_ends_on.
    """
    people = to_polars(customers, needs=("owner_staff", "joined_on", "tags"), name="customers", key="customer_id")
    levels = [name for name in rules["level"].to_list() if name != EVERY]
    own = pl.col("tags").list.eval(pl.element().filter(pl.element().is_in(levels))).list.first()
    rest = EVERY if EVERY in rules["level"] else None
    made = people.select("customer_id", "owner_staff", "joined_on", level=own.fill_null(pl.lit(rest, dtype=pl.String)))
    made = made.join(_since(assignments, as_of=as_of), on="customer_id", how="left", maintain_order="left")
    made = made.join(_touched(made, contacts, as_of=as_of), on="customer_id", how="left", maintain_order="left")
    sold = to_polars(bought, needs=("last_on", "net_minor"), name="purchases", key="customer_id")
    made = made.join(
        sold.select("customer_id", order_on="last_on", value_minor="net_minor"), on="customer_id", how="left",
        maintain_order="left",
    )  # fmt: skip
    made = made.join(_contracts(partners), on="customer_id", how="left", maintain_order="left")
    protected = rules.filter("deals_protect")["level"].to_list()
    dealt = pl.col("customer_id").is_in(_open(deals, as_of=as_of).implode()) & pl.col("level").is_in(protected)
    locked = _locks(_of(moves, as_of=as_of)).filter("locked")
    shut = pl.col("customer_id").is_in(locked["customer_id"].implode())
    return made.select(
        "customer_id", "level", "owner_staff", locked=(dealt | shut).fill_null(value=False),
        value_minor=pl.col("value_minor").fill_null(0), claimed_on=pl.coalesce("starts_on", "joined_on"),
        contact_on="contact_on", order_on="order_on", contract_ends_on="contract_ends_on",
    )  # fmt: skip


def _since(assignments: AnyFrame | None, *, as_of: date) -> pl.DataFrame:
    if assignments is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "starts_on": pl.Date})
    table = to_polars(assignments, needs=("customer_id", "starts_on"), name="assignments")
    return table.filter(pl.col("starts_on") <= as_of).group_by("customer_id").agg(pl.col("starts_on").max())


def _touched(people: pl.DataFrame, contacts: AnyFrame | None, *, as_of: date) -> pl.DataFrame:
    if contacts is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "contact_on": pl.Date})
    rows = timed(contacts, at="at", needs=("customer_id", "staff_id", "outcome"), name="contacts")
    made = rows.filter(~pl.col("outcome").cast(pl.String).is_in(NOT_MADE).fill_null(value=False))
    own = made.select("customer_id", "staff_id", day=pl.col("at").dt.date()).join(
        people.select("customer_id", staff_id="owner_staff"), on=["customer_id", "staff_id"], how="semi"
    )
    return own.filter(pl.col("day") <= as_of).group_by("customer_id").agg(contact_on=pl.col("day").max())


def _contracts(partners: AnyFrame | None) -> pl.DataFrame:
    if partners is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "contract_ends_on": pl.Date})
    table = to_polars(partners, needs=("customer_id", "until"), name="partners")
    named = table.filter(pl.col("customer_id").is_not_null())
    return named.group_by("customer_id").agg(contract_ends_on=pl.col("until").max())


def _open(deals: AnyFrame | None, *, as_of: date) -> pl.Series:
    if deals is None:
        return pl.Series([], dtype=pl.String)
    table = to_polars(deals, needs=("customer_id", "opened_on", "closed_on"), name="deals")
    open_ = pl.col("closed_on").is_null() | (pl.col("closed_on") > as_of)
    return table.filter((pl.col("opened_on") <= as_of) & open_)["customer_id"].drop_nulls().unique()


def standing(moves: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """Everybody whom the pool moved: customer_id, kind (last move in or out), staff_id, moved_on, inside, locked."""
    rows = _of(moves, as_of=as_of)
    turns = rows.filter(pl.col("kind").is_in([*pool.INTO, *pool.OUT_OF])).group_by("customer_id").agg(
        pl.col("kind").last(), pl.col("staff_id").last(), moved_on=pl.col("at").dt.date().last()
    )  # fmt: skip
    locks = _locks(rows)
    both = turns.join(locks, on="customer_id", how="left")
    return both.select(
        "customer_id", "kind", "staff_id", "moved_on", inside=pl.col("kind").is_in(pool.INTO),
        locked=pl.col("locked").fill_null(value=False),
    ).sort("customer_id")  # fmt: skip


def _locks(rows: pl.DataFrame) -> pl.DataFrame:
    """customer_id, locked by the last such move; whoever never moved in or out may be locked, too."""
    moved = rows.filter(pl.col("kind").is_in(["locked", "unlocked"])).group_by("customer_id")
    return moved.agg(locked=pl.col("kind").last() == "locked")


def _of(moves: AnyFrame, *, as_of: date) -> pl.DataFrame:
    rows = timed(moves, at="at", needs=("customer_id", "kind", "staff_id"), name="pool_moves")
    past = rows.filter(pl.col("at").dt.date() <= as_of).with_columns(pl.col("kind").cast(pl.String))
    return past.sort("at", "customer_id", maintain_order=True)


def ages(stood: pl.DataFrame, worth: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """How long whoever is in the pool has lain there: age (of `BANDS`), customers, free, value_minor (of a year).

    Parameters
    ----------
    stood : of `standing`. worth : customer_id, value_minor.
    """
    sold = to_polars(worth, needs=("value_minor",), name="customers", key="customer_id")
    days = (pl.lit(as_of) - pl.col("moved_on")).dt.total_days()
    inside = stood.filter("inside").join(sold.select("customer_id", "value_minor"), on="customer_id", how="left")
    band = pl.when(days < AGES[0]).then(pl.lit(BANDS[0])).when(days < AGES[1]).then(pl.lit(BANDS[1]))
    rows = inside.with_columns(age=band.when(days < AGES[2]).then(pl.lit(BANDS[2])).otherwise(pl.lit(BANDS[3])))
    by = rows.group_by("age").agg(
        customers=pl.len().cast(pl.Int64), free=(~pl.col("locked")).sum().cast(pl.Int64),
        value_minor=pl.col("value_minor").sum(),
    )  # fmt: skip
    every = pl.DataFrame({"age": BANDS}).join(by, on="age", how="left", maintain_order="left")
    return every.with_columns(pl.col("customers", "free", "value_minor").fill_null(0))


def months(moves: AnyFrame, *, as_of: date, most: int = 12) -> list[tuple[date, Identity]]:
    """The book of every month since the pool's first move, at most the last `most`; each ends where the next begins."""
    rows = _of(moves, as_of=as_of)
    if rows.is_empty():
        return []
    month, first = as_of.replace(day=1), rows["at"].dt.date().min()
    starts = [month]
    while len(starts) < most and isinstance(first, date) and starts[-1] > first:
        starts.append((starts[-1] - timedelta(days=1)).replace(day=1))
    starts.reverse()
    ends = [*starts[1:], as_of + timedelta(days=1)]
    days = rows.with_columns(pl.col("at").dt.date())
    return [(a, pool.book(days, start=a, end=b)) for a, b in zip(starts, ends, strict=True)]


def holding(customers: AnyFrame, rules: pl.DataFrame, returning: pl.DataFrame) -> pl.DataFrame:
    """Who holds how many: staff_id, owned, max_owned (null: none), over, returning, returning_minor, most over first.

    Parameters
    ----------
    customers : customer_id, owner_staff. returning : of `pool.returns`.
    """
    people = to_polars(customers, needs=("owner_staff",), name="customers", key="customer_id")
    most = rules["max_owned"].min()
    by = people.filter(pl.col("owner_staff").is_not_null()).group_by(staff_id="owner_staff").agg(
        owned=pl.len().cast(pl.Int64)
    )  # fmt: skip
    back = returning.filter("soon").group_by(staff_id="owner_staff").agg(
        returning=pl.len().cast(pl.Int64), returning_minor=pl.col("value_minor").sum()
    )  # fmt: skip
    made = by.join(back, on="staff_id", how="left").with_columns(
        pl.col("returning", "returning_minor").fill_null(0), max_owned=pl.lit(most, dtype=pl.Int64)
    )
    over = (pl.col("owned") - pl.col("max_owned")).clip(lower_bound=0)
    return made.with_columns(over=over).sort(
        "over", "returning_minor", "staff_id", descending=[True, True, False], nulls_last=True
    )


def claims(moves: AnyFrame, rules: pl.DataFrame, assignments: AnyFrame, *, as_of: date, days: int = 28) -> pl.DataFrame:
    """The claims of the last days, each judged by what stood before it: move columns and refused (null: by the rules).

    Parameters
    ----------
    assignments : customer_id, starts_on, staff_id, ends_on: whose it was before, and how many each had.
    """
    rows, found = _of(moves, as_of=as_of), []
    recent = (pl.col("kind") == "claimed") & (pl.col("at").dt.date() > as_of - timedelta(days=days))
    asked = rows.filter(recent).with_columns(_day=pl.col("at").dt.date())
    barred = int(rules.select(pl.col("former_owner_days").max()).item() or 0)
    caps = {c: pl.lit(rules[c].min(), dtype=pl.Int64) for c in ("max_owned", "max_claims_day")}
    for (day,), today in asked.group_by("_day", maintain_order=True):
        eve = day - timedelta(days=1)
        stood = standing(_before(rows, today, day), as_of=as_of)
        held = owners.owned(assignments, as_of=eve)
        state = today.select("customer_id").unique().join(stood, on="customer_id", how="left").select(
            "customer_id", owner_staff=pl.when(~pl.col("inside").fill_null(value=False)).then(pl.lit("-")),
            locked=pl.col("locked").fill_null(value=False),
        )  # fmt: skip
        counts = held.group_by("staff_id").agg(owned_now=pl.len().cast(pl.Int64))
        limits = today.select("staff_id").unique().join(counts, on="staff_id", how="left").with_columns(
            pl.col("owned_now").fill_null(0), **caps
        )  # fmt: skip
        left = stood.filter("inside", pl.col("moved_on") > day - timedelta(days=barred))
        former = owners.owner_on(left.select("customer_id", at=pl.col("moved_on") - timedelta(days=1)), assignments)
        named = former.filter(pl.col("owner_staff").is_not_null())
        found.append(pool.check_claims(
            today.drop("_day"), owned=state, limits=limits, former=named.select("customer_id", staff_id="owner_staff")
        ))  # fmt: skip
    return pl.concat(found) if found else asked.drop("_day").with_columns(refused=pl.lit(None, dtype=pl.String))


def _before(rows: pl.DataFrame, today: pl.DataFrame, day: object) -> pl.DataFrame:
    """Moves of the customers claimed on `day` up to their (last) claim, without the day's claims themselves."""
    when = today.group_by("customer_id").agg(_when=pl.col("at").max())
    theirs = rows.join(when, on="customer_id", how="inner", maintain_order="left")
    claim = (pl.col("kind") == "claimed") & (pl.col("at").dt.date() == day)
    return theirs.filter((pl.col("at") < pl.col("_when")) & ~claim).drop("_when")


def lots(moves: AnyFrame, rules: pl.DataFrame, bought: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """The lottery over release: of everybody's first draw that is at least 90 days old, lot (early, late) and ordered.

    Parameters
    ----------
    rules : lot_bp: below it a number is released late. bought : customer_id, day of every purchase.
    """
    rows = _of(moves, as_of=as_of - timedelta(days=HORIZON))
    drawn = rows.filter(pl.col("lot_no").is_not_null() & pl.col("kind").is_in(pool.INTO)).unique(
        "customer_id", keep="first", maintain_order=True
    )
    share = int(rules.select(pl.col("lot_bp").max()).item() or 0)
    arm = pl.when(pl.lit(share) == 0).then(None).when(pl.col("lot_no") < share).then(pl.lit("late"))
    made = drawn.select("customer_id", drawn_on=pl.col("at").dt.date(), lot=arm.otherwise(pl.lit("early")))
    sold = to_polars(bought, needs=("customer_id", "day"), name="purchases").select("customer_id", "day")
    within = (pl.col("day") - pl.col("drawn_on")).dt.total_days().is_between(1, HORIZON)
    came = made.join(sold, on="customer_id").filter(within).select("customer_id").unique()
    return made.with_columns(ordered=pl.col("customer_id").is_in(came["customer_id"].implode()))


def apart(stood: pl.DataFrame, customers: AnyFrame) -> dict[str, int]:
    """Where the pool's log and the owners of the day differ: in the pool with an owner, out of it without one.

    Returns
    -------
    checked, owned_inside, unowned_outside (claimed or assigned, and nobody has them).
    """
    people = to_polars(customers, needs=("owner_staff",), name="customers", key="customer_id")
    both = stood.join(people.select("customer_id", "owner_staff"), on="customer_id")
    owned = pl.col("owner_staff").is_not_null()
    out = pl.col("kind").is_in(["claimed", "assigned"])
    return {
        "checked": both.height,
        "owned_inside": both.filter(pl.col("inside") & owned).height,
        "unowned_outside": both.filter(out & ~owned).height,
    }
