"""Segments by rule: every member in exactly one segment, sizes add up to the total.

Rules are read from top to bottom and the first that fits decides, so that a partition cannot overlap; who fits none
is in the last segment. The default rules need nothing but purchases; traits (region, age band, gift share, discount
share) join as further columns and rules.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.members import members

REST = "rest"
NEW_DAYS = 90
"""A member is new for 90 days after the first purchase."""
REGULAR_DAYS = 6
"""Six purchase days a year, one every two months, make a regular."""
GIFT_SHARE = 0.5
"""Half of the money on gift goods makes a gift buyer."""
OFFER_SHARE = 0.8
"""Four fifths of the money bought under an offer make an offer buyer."""


@dataclass(frozen=True, slots=True)
class Segments:
    """A partition.

    Parameters
    ----------
    customers : customer_id, segment.
    sizes : segment, customers, share_customers, net_minor, share_net, margin_minor, net_per_customer_minor (whole
        minor units), repeat_rate (share with two or more purchase days); in the order of the rules, empty ones too.
    """

    customers: pl.DataFrame
    sizes: pl.DataFrame


def with_traits(period: AnyFrame, tiers: AnyFrame, summary: AnyFrame, traits: AnyFrame | None = None) -> pl.DataFrame:
    """One row per member with what the default rules read.

    Parameters
    ----------
    period : customer_id, net_minor, margin_minor, purchase_days of the period.
    tiers : customer_id, tier.
    summary : customer_id, first_day_n, of all time (the first purchase ever).
    traits : customer_id, sale_minor, gift_minor, offer_minor, as `panels.traits` gives it.

    Returns
    -------
    The columns of `period` (first_day_n that of all time), tier, and with traits gift_share, offer_share.
    """
    table = members(period, needs=("net_minor", "purchase_days")).drop("first_day_n", strict=False)
    firsts = to_polars(summary, needs=("first_day_n",), name="summary", key="customer_id").select(
        "customer_id", "first_day_n"
    )
    tier = to_polars(tiers, needs=("tier",), name="tiers", key="customer_id").select("customer_id", "tier")
    joined = table.join(firsts, on="customer_id", how="left", maintain_order="left").join(
        tier, on="customer_id", how="left", maintain_order="left"
    )
    if traits is None:
        return joined
    sales = pl.col("sale_minor")
    needs = ("sale_minor", "gift_minor", "offer_minor")
    shares = to_polars(traits, needs=needs, name="traits", key="customer_id").select(
        "customer_id",
        gift_share=pl.when(sales > 0).then(pl.col("gift_minor") / sales),
        offer_share=pl.when(sales > 0).then(pl.col("offer_minor") / sales),
    )
    return joined.join(shares, on="customer_id", how="left", maintain_order="left")


def value_rules(*, as_of: date) -> dict[str, pl.Expr]:
    """Default rules by value and rhythm, for columns first_day_n, purchase_days, tier, gift_share, offer_share.

    Parameters
    ----------
    as_of : the reporting day.
    """
    today = day_number(as_of, name="as_of")
    return {
        "new": pl.col("first_day_n") > today - NEW_DAYS,
        "core": pl.col("tier").cast(pl.String).is_in(["A", "B"]),
        "gift": pl.col("gift_share") >= GIFT_SHARE,
        "offer": pl.col("offer_share") >= OFFER_SHARE,
        "regular": pl.col("purchase_days") >= REGULAR_DAYS,
        "once": pl.col("purchase_days") <= 1,
        REST: pl.lit(value=True),
    }


def by_rule(frame: AnyFrame, rules: Mapping[str, pl.Expr]) -> Segments:
    """Sort every member into the first rule that fits.

    Parameters
    ----------
    frame : customer_id, net_minor, purchase_days, the columns of the rules and, where known, margin_minor.
        Rules that need a column the frame does not have are left out; a null is "does not fit".
    rules : segment → condition, in the order they are tried.

    Raises
    ------
    ModelError
        `scoring.no_rule` if no rule can be applied.

    Examples
    --------
    >>> year = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [900, 10], "purchase_days": [9, 1]})
    >>> by_rule(year, {"once": pl.col("purchase_days") == 1, "rest": pl.lit(True)}).sizes["customers"].to_list()
    [1, 1]
    """
    table = members(frame, needs=("net_minor", "purchase_days"))
    usable = {name: rule for name, rule in rules.items() if set(rule.meta.root_names()) <= set(table.columns)}
    if not usable:
        raise ModelError("scoring.no_rule", values={"rules": len(rules)})
    decided = pl.coalesce(
        *(pl.when(rule.cast(pl.Boolean).fill_null(value=False)).then(pl.lit(name)) for name, rule in usable.items()),
        pl.lit(REST),
    )
    labelled = table.with_columns(segment=decided)
    names = list(usable) if REST in usable else [*usable, REST]
    return Segments(customers=labelled.select("customer_id", "segment"), sizes=segment_table(labelled, names))


def segment_table(labelled: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Size, spend, margin and repeat rate per segment; the sizes add up to the members, which is checked."""
    margin = pl.col("margin_minor") if "margin_minor" in labelled.columns else pl.lit(None, dtype=pl.Int64)
    total = int(labelled["net_minor"].sum())
    found = labelled.group_by("segment").agg(
        customers=pl.len().cast(pl.Int64),
        net_minor=pl.col("net_minor").sum(),
        margin_minor=pl.when(margin.is_null().any()).then(None).otherwise(margin.sum()),
        repeat_rate=(pl.col("purchase_days") > 1).mean(),
    )
    table = (
        pl.DataFrame({"segment": names}, schema={"segment": pl.String})
        .join(found, on="segment", how="left", maintain_order="left")
        .with_columns(pl.col("customers", "net_minor").fill_null(0))
        .with_columns(
            share_customers=pl.col("customers") / labelled.height,
            share_net=pl.col("net_minor") / total if total > 0 else pl.lit(None, dtype=pl.Float64),
            net_per_customer_minor=pl.when(pl.col("customers") > 0).then(pl.col("net_minor") // pl.col("customers")),
        )
    )
    if int(table["customers"].sum()) != labelled.height:  # pragma: no cover - holds by construction
        raise AssertionError("segments are a partition")
    return table.select(
        "segment", "customers", "share_customers", "net_minor", "share_net", "margin_minor", "net_per_customer_minor",
        "repeat_rate",
    )  # fmt: skip
