"""Lists kept in offices: contacts, closures, staff, who looks after whom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports, owners
from crmlib.simulate.leaving import CAUSES, NEW_CARD, STAYS
from crmlib.simulate.members import MEMBER
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.shops import NEVER, Shops
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

ASKED_AGO, SILENT = 14, (270, 330)
"""Days since a form was sent out, and days of silence of those on it."""
ANSWERED_SHARE, REACHED_SHARE, TRUE_SHARE = 0.7, 0.8, 0.85
CALLS_PER_DAY = (10, 25)
"""Fewest and most calls an adviser makes a day."""


def write(world: World, contacts: pl.DataFrame, folder: Path, *, rng: np.random.Generator) -> None:
    """Write closures.xlsx, staff.xlsx, assignments.csv.gz, contacts.csv.gz and a returned form."""
    exports.write_xlsx(staff_list(world, rng), folder / "staff.xlsx", table="staff")
    exports.write_csv(owners.history(world), folder / "assignments.csv.gz", table="assignments")
    exports.write_xlsx(closure_list(world.shops, rng), folder / "closures.xlsx", table="closures")
    exports.write_csv(contact_list(world, contacts), folder / "contacts.csv.gz", table="contacts")
    (folder / "returned").mkdir(exist_ok=True)
    form = folder / "returned" / "churn.loss_reasons.zh.xlsx"
    exports.write_xlsx(returned_form(world, contacts, rng), form, table="loss_reasons")


def closure_list(shops: Shops, rng: np.random.Generator) -> pl.DataFrame:
    """Temporary closures with their end, final ones without."""
    words = toml("words")
    ids = shops.frame["store_id"]
    refits = [
        {
            "store_id": ids[int(i)],
            "starts_on": shops.shut_from[i],
            "ends_on": shops.shut_to[i],
            "reason": words["closure"]["refit"],
        }
        for i in np.flatnonzero(shops.shut_from != NEVER)
    ]
    ended = [
        {
            "store_id": ids[int(i)],
            "starts_on": shops.closed[i],
            "ends_on": None,
            "reason": str(rng.choice(words["store"]["close_reasons"])),
        }
        for i in np.flatnonzero(shops.closed != NEVER)
    ]
    schema = {"store_id": pl.String, "starts_on": pl.Int64, "ends_on": pl.Int64, "reason": pl.String}
    table = pl.DataFrame(refits + ended, schema=schema)
    return table.with_columns(pl.col("starts_on", "ends_on").cast(pl.Int32).cast(pl.Date)).sort("starts_on", "store_id")


def staff_list(world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Four advisers per region, numbered as `owners.code` does, one of whom leaves, and three cashiers per store."""
    shops = world.shops
    words = toml("words")["staff_role"]
    regions = shops.frame["region"].to_list()
    named = {int(r): regions[i] for i, r in enumerate(shops.region)}
    advisers = [
        {"staff_id": f"G{(r + 1) * 100 + k}", "role": words["adviser"], "region": named[r], "calls_per_day": int(c)}
        for r in sorted(named)
        for k, c in zip(range(1, owners.ADVISERS + 1), rng.integers(*CALLS_PER_DAY, owners.ADVISERS), strict=True)
    ]
    cashiers = [
        {"staff_id": f"E{i + 1:03d}{k}", "role": words["cashier"], "region": regions[i], "store_id": store}
        for i, store in enumerate(shops.frame["store_id"])
        for k in (1, 2, 3)
    ]
    schema = dict.fromkeys(exports.headers("staff"), pl.String) | {"calls_per_day": pl.Int64}
    table = pl.DataFrame([*advisers, *cashiers], schema=schema)
    joined = pl.Series(world.first_day - rng.integers(30, 2000, table.height)).cast(pl.Int32).cast(pl.Date)
    leaves = owners.leaving_day(world, np.array(sorted(named))) - 1  # the last day is the one before the handover
    gone = {f"G{(r + 1) * 100 + owners.ADVISERS}": int(day) for r, day in zip(sorted(named), leaves, strict=True)}
    left = pl.col("staff_id").replace_strict(gone, default=None, return_dtype=pl.Int32).cast(pl.Date)
    return table.with_columns(left.alias("left_on"), joined_on=joined, name=pl.Series(names(table.height)))


def names(count: int, *, skip: int = 0) -> list[str]:
    """So many names after the first `skip`, all different: the numbers of surnames and given names share no divisor."""
    people = toml("words")["people"]
    surnames, given = people["surnames"].split(";"), people["given"].split(";")
    return [surnames[k % len(surnames)] + given[k % len(given)] for k in range(skip, skip + count)]


def contact_list(world: World, contacts: pl.DataFrame) -> pl.DataFrame:
    """The call centre's log in its own words."""
    words = toml("words")
    known = {code: toml("reasons")[code] for code in toml("reasons")}
    made_by = owners.number(world, contacts["member"].to_numpy(), day=contacts["day"].to_numpy())
    return contacts.with_columns(
        contact_id=_contact_ids(),
        customer_id=card_numbers(contacts["member"]),
        staff_id=owners.code(made_by),
        at=_clock(pl.col("day"), pl.col("second")),
        due_at=_clock(pl.col("due"), pl.lit(18 * 3600)),
        solved_at=_clock(pl.col("solved"), pl.col("second")),
        channel=pl.col("channel").replace_strict(words["contact_channel"]),
        purpose=pl.col("purpose").replace_strict(words["purpose"]),
        outcome=pl.col("outcome").replace_strict(words["outcome"]),
        reason=pl.col("reason").replace(known),
        cost=pl.col("cost_minor") / 100,
    )


def returned_form(world: World, contacts: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Reasons that owners asked for two weeks ago, of members silent for nine months without a reason in the log.

    Some were not reached, some answers are not the true ones.
    """
    leaving, members, asked_on = world.leaving, world.members, world.last_day - ASKED_AGO
    silent = asked_on - leaving.day
    told = contacts.filter(pl.col("outcome") == "lost")["member"].to_numpy()
    open_ = (leaving.cause != STAYS) & (silent >= SILENT[0]) & (silent < SILENT[1]) & (members.role == MEMBER)
    member = np.setdiff1d(np.flatnonzero(open_), told)
    member = member[rng.random(len(member)) < ANSWERED_SHARE]
    guess = np.where(
        rng.random(len(member)) < TRUE_SHARE, leaving.cause[member], rng.integers(1, NEW_CARD, len(member))
    )
    words = toml("loss_reasons")
    answers = pl.Series([words[c] for c in CAUSES[1:]]).gather(pl.Series(guess - 1))
    reached = pl.Series(rng.random(len(member)) < REACHED_SHARE)
    listed = pl.Series(np.full(len(member), asked_on)).cast(pl.Int32).cast(pl.Date)
    return pl.DataFrame({"customer": card_numbers(pl.Series(member)), "listed_on": listed}).with_columns(
        pl.when(reached).then(answers).otherwise(pl.lit(words["not_reached"])).alias("loss_reason")
    )


def _contact_ids() -> pl.Expr:
    """Running numbers; those of a campaign's list carry the campaign's."""
    number = (pl.int_range(pl.len()) + 1).cast(pl.String).str.zfill(7)
    called = pl.col("campaign").is_not_null()
    return (
        pl.when(called)
        .then(pl.format("WB{}-{}", pl.col("campaign").cast(pl.String).str.zfill(2), number))
        .otherwise(pl.format("T{}", number))
    )


def _clock(day: pl.Expr, second: pl.Expr) -> pl.Expr:
    at = day.cast(pl.Int32).cast(pl.Date).cast(pl.Datetime("us")) + pl.duration(seconds=second)
    return at.dt.strftime("%Y-%m-%d %H:%M")
