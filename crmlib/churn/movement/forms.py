"""Loss reasons are asked for (H8): a fixed list of codes per stage, put to the owner when a customer turns lost.

The lists that leave with a page carry the question; the returned workbooks are ingested as the table `loss_reasons`.
"""

from __future__ import annotations

import polars as pl

from crmlib.churn.movement.stages import STAGES
from crmlib.core.frames import AnyFrame, to_polars

EACH = 10
"""Questions an owner gets with one list."""
_ALWAYS = ("other", "not_reached")
_BUYERS = (
    *("price", "taste", "quality", "service", "complaint", "out_of_stock", "distance"),
    *("store_closed", "moved", "competitor", "no_need", "new_card"),
)
CODES: dict[str, tuple[str, ...]] = {
    "lead": ("not_interested", "never_bought", "price", "distance", "competitor", *_ALWAYS),
    "first_follow_up": ("not_interested", "price", "distance", "competitor", "service", *_ALWAYS),
    "first_purchase": (*_BUYERS, "gift_only", *_ALWAYS),
    "second_purchase": (*_BUYERS, "gift_only", "promotion_only", *_ALWAYS),
    "regular": (*_BUYERS, "promotion_only", "life_change", *_ALWAYS),
    "tier_ab": (*_BUYERS, "life_change", "group_buy_ended", *_ALWAYS),
}
"""Codes that may be recorded at each stage; the words are in `text` under `churn.cause`."""


def form(lost: pl.DataFrame, told: pl.DataFrame, *, owners: AnyFrame | None = None) -> pl.DataFrame:
    """The questions to ask: one row per lost customer whose reason nobody wrote down yet, the best customers first.

    Parameters
    ----------
    lost : from `crmlib.churn.movement.stages.lost_since`.
    told : from `crmlib.churn.movement.causes.told_reasons`.
    owners : customer_id, owner.

    Returns
    -------
    customer_id, stage, last_n, lost_n, owner (null if nobody is named), codes (those the stage allows).
    """
    order = {stage: k for k, stage in enumerate(STAGES)}
    codes = pl.DataFrame({"stage": STAGES, "codes": [list(CODES[s]) for s in STAGES]})
    asked = lost.filter(~written(lost, told)).select("customer_id", "stage", "last_n", "lost_n").join(codes, on="stage")
    named = pl.DataFrame(schema={"customer_id": pl.String, "owner": pl.String})
    if owners is not None:
        named = to_polars(owners, needs=["customer_id", "owner"], name="owners").select("customer_id", "owner")
    rank = pl.col("stage").replace_strict(order, return_dtype=pl.Int32)
    return asked.join(named, on="customer_id", how="left").sort(
        rank, "lost_n", "customer_id", descending=[True, True, False]
    )


def capped(asked: pl.DataFrame, *, each: int) -> pl.DataFrame:
    """The first `each` questions of every owner, in the order of `asked`."""
    return asked.filter(pl.int_range(pl.len()).over("owner") < each)


def codes_of_tier(tier: str) -> tuple[str, ...]:
    """The codes for a customer who still counts as one.

    Examples
    --------
    >>> "group_buy_ended" in codes_of_tier("A"), "group_buy_ended" in codes_of_tier("C")
    (True, False)
    """
    return CODES["tier_ab" if tier in {"A", "B"} else "regular"]


def answers(table: AnyFrame | None, *, ids: pl.Series, shown: pl.Series) -> pl.DataFrame:
    """Returned forms by customer: customer_id, at_n, reason.

    Parameters
    ----------
    table : loss_reasons (customer, at, reason), or none; a customer is named by the pseudonym of the list or by number.
    ids, shown : the customers to look for and their pseudonyms; answers on others are left out.
    """
    if table is None:
        return pl.DataFrame(schema={"customer_id": pl.String, "at_n": pl.Int32, "reason": pl.String})
    given = to_polars(table, needs=["customer", "at", "reason"], name="loss_reasons")
    names = pl.DataFrame({"customer": pl.concat([shown, ids]), "customer_id": pl.concat([ids, ids])}).unique("customer")
    day = pl.col("at").dt.date().cast(pl.Int32).alias("at_n")
    found = given.select("customer", day, pl.col("reason").cast(pl.String)).join(names, on="customer")
    return found.select("customer_id", "at_n", "reason").sort("customer_id", "at_n", "reason")


def written(lost: pl.DataFrame, told: pl.DataFrame) -> pl.Series:
    """Whether a reason was written down after the last trip, for each row of `lost`."""
    both = told.join(lost.select("customer_id", "last_n"), on="customer_id")
    after = both.filter(pl.col("at_n") >= pl.col("last_n").fill_null(0))["customer_id"]
    return lost["customer_id"].is_in(after.unique().implode())


def fill_rate(people: pl.DataFrame, told: pl.DataFrame, *, by: AnyFrame | None = None) -> pl.DataFrame:
    """How many lost customers have a recorded reason, per stage or per column of `by`.

    Parameters
    ----------
    told : from `crmlib.churn.movement.causes.told_reasons`.
    by : customer_id and one more column (e.g. owner); none = per stage.

    Returns
    -------
    the group, lost, filled, share; a last row `all`. A group nobody was lost from does not appear.
    """
    lost = people.filter("lost")
    filled = lost.with_columns(written(lost, told).alias("filled"))
    group = "stage"
    if by is not None:
        groups = to_polars(by, needs=["customer_id"], name="groups")
        group = next(c for c in groups.columns if c != "customer_id")
        filled = filled.join(groups.select("customer_id", group), on="customer_id", how="left")
    parts = (
        filled.group_by(group)
        .agg(pl.len().alias("lost"), pl.col("filled").sum())
        .sort("lost", group, descending=[True, False])
    )
    total = filled.select(pl.lit("all").alias(group), pl.len().alias("lost"), pl.col("filled").sum())
    share = pl.when(pl.col("lost") > 0).then(pl.col("filled") / pl.col("lost")).alias("share")
    return pl.concat([parts, total], how="vertical_relaxed").with_columns(share)
