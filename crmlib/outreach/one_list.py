"""One list of whom to contact, out of the lists of several questions: one line a member, one reason, one place.

A member whom two questions name stands once, under the more urgent reason. Whoever this month's draw leaves alone is on
no list; whoever has had all contacts of the cap waits; and no owner gets more than can be done: the rest, the least
valuable, is left over and said.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

PLACES = ("contact", "control", "wait", "over")
"""Contact now; left alone by the draw; the cap is reached; more than the owner can do."""


def merge(parts: Mapping[str, AnyFrame]) -> pl.DataFrame:
    """Members of all lists, one row each: customer_id, reason, lists; by customer_id.

    Parameters
    ----------
    parts : reason → customer_id; the most urgent first.

    Returns
    -------
    reason : of the first list that names the member; lists : how many name them.

    Examples
    --------
    >>> late, open_ones = pl.DataFrame({"customer_id": ["a", "b"]}), pl.DataFrame({"customer_id": ["b", "c"]})
    >>> merge({"late": late, "open": open_ones}).rows()
    [('a', 'late', 1), ('b', 'late', 2), ('c', 'open', 1)]
    """
    frames = [
        to_polars(part, needs=[], name=reason, key="customer_id").select(
            "customer_id", reason=pl.lit(reason), place=pl.lit(place)
        )
        for place, (reason, part) in enumerate(parts.items())
    ]
    empty = pl.DataFrame(schema={"customer_id": pl.String, "reason": pl.String, "place": pl.Int32})
    every = pl.concat([empty, *frames], how="vertical_relaxed").sort("customer_id", "place")
    return every.group_by("customer_id", maintain_order=True).agg(
        pl.col("reason").first(), lists=pl.len().cast(pl.Int64)
    )


def placed(members: AnyFrame, *, each: int) -> pl.DataFrame:
    """`members` with group (contact, control, wait, over), in order of what is at stake.

    Whoever is left alone by the draw but would not have had a place is no control: the least valuable come less often
    anyway, and would make an effect out of nothing.

    Parameters
    ----------
    members : customer_id, stake_minor, owner (null: nobody's), means, held.
    each : most members of one owner.

    Raises
    ------
    ModelError
        `churn.no_capacity` for fewer than one.
    """
    if each < 1:
        raise ModelError("churn.no_capacity", values={"capacity": each})
    needs = ("stake_minor", "owner", "means", "held")
    table = to_polars(members, needs=needs, name="members", key="customer_id")
    ranked = table.sort("stake_minor", "customer_id", descending=[True, False], nulls_last=True)
    group = pl.when("held").then(pl.lit("control")).when(pl.col("means") == "wait").then(pl.lit("wait"))
    ranked = ranked.with_columns(group=group.otherwise(pl.lit("contact")))
    place = (pl.col("group") == "contact").cum_sum().over("owner")
    full = pl.when(pl.col("group") == "contact").then(place > each).otherwise(place >= each)
    over = full & (pl.col("group") != "wait")
    return ranked.with_columns(group=pl.when(over).then(pl.lit("over")).otherwise("group"))
