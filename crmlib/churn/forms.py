"""Loss reasons are asked for (H8): a fixed list of codes per stage, put to the owner when a customer turns lost."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.churn.causes import told_reasons
from crmlib.churn.stages import STAGES
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars

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


def form(people: pl.DataFrame, *, owners: AnyFrame | None = None) -> pl.DataFrame:
    """The questions to ask: one row per lost customer with stage, lost_n, owner (null if nobody) and the codes allowed.

    Parameters
    ----------
    people : from `crmlib.churn.stages.people`.
    owners : customer_id, owner.
    """
    codes = pl.DataFrame({"stage": STAGES, "codes": [list(CODES[s]) for s in STAGES]})
    asked = people.filter("lost").select("customer_id", "stage", "lost_n").join(codes, on="stage")
    named = pl.DataFrame(schema={"customer_id": pl.String, "owner": pl.String})
    if owners is not None:
        named = to_polars(owners, needs=["customer_id", "owner"], name="owners").select("customer_id", "owner")
    return asked.join(named, on="customer_id", how="left").sort("lost_n", "customer_id", descending=[True, False])


def check_answers(answers: AnyFrame, *, asked: pl.DataFrame) -> pl.DataFrame:
    """Answers (customer_id, reason) whose code is on the list of the customer's stage.

    Raises
    ------
    ModelError
        `churn.unknown_reason` naming the codes that are not.
    """
    given = to_polars(answers, needs=["customer_id", "reason"], name="answers").join(asked, on="customer_id")
    wrong = given.filter(~pl.col("codes").list.contains(pl.col("reason")))
    if not wrong.is_empty():
        raise ModelError(
            "churn.unknown_reason",
            given=f"{wrong.height} answers with codes {', '.join(sorted(set(wrong['reason'].to_list())))}",
            expected="a code of the list of the customer's stage (crmlib.churn.forms.CODES)",
            mend="choose from the list; what fits none of them is 'other'",
            values={"rows": wrong.height, "codes": sorted(set(wrong["reason"].to_list()))},
            examples=[mask(k) for k in wrong["customer_id"].head(5)],
        )
    return given.select("customer_id", "stage", "owner", "reason")


def fill_rate(people: pl.DataFrame, contacts: AnyFrame | None, *, t0: date, by: AnyFrame | None = None) -> pl.DataFrame:
    """How many lost customers have a recorded reason, per stage or per column of `by`.

    Parameters
    ----------
    by : customer_id and one more column (e.g. owner); none = per stage.

    Returns
    -------
    the group, lost, filled, share; a last row `all`. A group nobody was lost from does not appear.
    """
    told = told_reasons(contacts, t0=t0)
    lost = people.filter("lost")
    after = told.join(lost.select("customer_id", "last_n"), on="customer_id").filter(
        pl.col("at_n") >= pl.col("last_n").fill_null(0)
    )
    filled = lost.with_columns(pl.col("customer_id").is_in(after["customer_id"].unique().implode()).alias("filled"))
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
