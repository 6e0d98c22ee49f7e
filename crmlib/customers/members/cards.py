"""Cards that are no persons: set apart before anybody says "the top 1 % of members".

A cashier's own card swiped for customers without one, staff cards, wholesalers and group buyers are real sales, but
no member's behaviour. Each flagged card carries the reason and the figure behind it; nothing is deleted, and the sales
set apart are counted. Placeholder birthdays and the like spoil profiles, not totals, and are only reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole

CASHIER, STAFF, WHOLESALE, BUSINESS = "cashier", "staff", "wholesale", "business"
REASONS = (CASHIER, STAFF, WHOLESALE, BUSINESS)
TRIPS_DAY = 8
"""More receipts than this on one day with one card is nobody's shopping."""
BULK_TIMES = 50
"""A largest receipt above 50 times the median member's largest, and often: a wholesaler or group buyer."""
TAGS = {STAFF: ("staff", "employee"), BUSINESS: ("business", "group_buyer", "distributor", "wholesale")}
"""Tags by which a member system marks such cards; a company's own words are passed in."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a card stops being a member's.

    Parameters
    ----------
    receipts_day : most receipts a member makes on one day.
    bulk_times : multiple of the median member's largest receipt.
    bulk_minor : or an absolute value of one receipt [minor units]; 0 = not used.
    """

    receipts_day: int = TRIPS_DAY
    bulk_times: int = BULK_TIMES
    bulk_minor: int = 0


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards sorted into members and others.

    Parameters
    ----------
    flagged : customer_id, reason, evidence (the figure: receipts on the busiest day, or the largest receipt in minor
        units), net_minor; one row per card, the first reason in the order of `REASONS`.
    summary : reason, cards, net_minor, share_net (of all card sales); every reason, empty ones too.
    """

    flagged: pl.DataFrame
    summary: pl.DataFrame


def sort_cards(
    use: AnyFrame,
    customers: AnyFrame | None = None,
    *,
    limits: Limits | None = None,
    tags: Mapping[str, Iterable[str]] | None = None,
) -> Cards:
    """Find the cards that are no member's.

    Parameters
    ----------
    use : customer_id, most_receipts_day, most_receipt_minor, net_minor, as `panels.traits.card_use` gives it.
    customers : customer_id and tags; cards tagged as staff or business are taken at their word.
    limits : thresholds; the house's without it.
    tags : words of the member system for ``staff`` and ``business`` cards; `TAGS` without it.

    Raises
    ------
    ModelError
        `scoring.card_limits` for limits below 1.

    Examples
    --------
    >>> use = pl.DataFrame({"customer_id": ["till", "m"], "most_receipts_day": [40, 1],
    ...     "most_receipt_minor": [900, 800], "net_minor": [50_000, 800]})
    >>> sort_cards(use).flagged.select("customer_id", "reason", "evidence").rows()
    [('till', 'cashier', 40)]
    """
    bound = limits or Limits()
    if bound.receipts_day < 1 or bound.bulk_times < 1 or bound.bulk_minor < 0:
        raise ModelError(
            "scoring.card_limits",
            values={"receipts_day": bound.receipts_day, "bulk_times": bound.bulk_times, "bulk_minor": bound.bulk_minor},
        )
    needs = ("customer_id", "most_receipts_day", "most_receipt_minor", "net_minor")
    use_ = to_polars(use, needs=needs[1:], name="use", key="customer_id")
    table = _tagged(whole(use_, needs[1:], name="use"), customers, tags or TAGS)
    median = table["most_receipt_minor"].median()
    bulk = bound.bulk_minor or bound.bulk_times * max(float(median) if isinstance(median, int | float) else 0.0, 1.0)
    rules = {
        CASHIER: (pl.col("most_receipts_day") > bound.receipts_day, pl.col("most_receipts_day")),
        STAFF: (pl.col("is_staff"), pl.col("most_receipts_day")),
        WHOLESALE: (pl.col("most_receipt_minor") > bulk, pl.col("most_receipt_minor")),
        BUSINESS: (pl.col("is_business"), pl.col("most_receipt_minor")),
    }
    flagged = (
        table.with_columns(
            reason=pl.coalesce(*(pl.when(rule).then(pl.lit(name)) for name, (rule, _) in rules.items())),
            evidence=pl.coalesce(*(pl.when(rule).then(figure.cast(pl.Int64)) for rule, figure in rules.values())),
        )
        .filter(pl.col("reason").is_not_null())
        .select("customer_id", "reason", "evidence", "net_minor")
        .sort("net_minor", "customer_id", descending=[True, False])
    )
    return Cards(flagged=flagged, summary=_summary(flagged, total=int(table["net_minor"].sum())))


def only_members(frame: AnyFrame, cards: Cards) -> pl.DataFrame:
    """`frame` without the flagged cards."""
    table = to_polars(frame, needs=("customer_id",), name="members")
    return table.join(cards.flagged.select("customer_id"), on="customer_id", how="anti", maintain_order="left")


def birthday_doubts(customers: AnyFrame) -> pl.DataFrame:
    """Birthdays that nobody should be greeted on: placeholders, leap days, and how many.

    Parameters
    ----------
    customers : birth_month, birth_day (null = not given).

    Returns
    -------
    doubt (``first_of_january``, ``leap_day``, ``not_given``), customers, share, expected (the share by chance: 1 in
    365.25 days, 1 in 1461; null for not given).
    """
    table = to_polars(customers, needs=("birth_month", "birth_day"), name="customers")
    month, day = pl.col("birth_month"), pl.col("birth_day")
    counts = table.select(
        first_of_january=((month == 1) & (day == 1)).sum(),
        leap_day=((month == 2) & (day == 29)).sum(),
        not_given=(month.is_null() | day.is_null()).sum(),
    ).row(0)
    return pl.DataFrame(
        {
            "doubt": ["first_of_january", "leap_day", "not_given"],
            "customers": pl.Series(counts, dtype=pl.Int64),
            "share": [count / table.height if table.height else None for count in counts],
            "expected": pl.Series([1 / 365.25, 1 / 1461, None], dtype=pl.Float64),
        }
    )


def _tagged(table: pl.DataFrame, customers: AnyFrame | None, tags: Mapping[str, Iterable[str]]) -> pl.DataFrame:
    if customers is None:
        return table.with_columns(is_staff=pl.lit(value=False), is_business=pl.lit(value=False))
    people = _listed(to_polars(customers, needs=("tags",), name="customers", key="customer_id")).select(
        "customer_id",
        is_staff=_any_tag(tags.get(STAFF, ())),
        is_business=_any_tag(tags.get(BUSINESS, ())),
    )
    tagged = people.filter(pl.col("is_staff") | pl.col("is_business"))  # few, however many members there are
    joined = table.join(tagged, on="customer_id", how="left", maintain_order="left")
    return joined.with_columns(pl.col("is_staff", "is_business").fill_null(value=False))


def _any_tag(tags: Iterable[str]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(value=False), *(pl.col("tags").list.contains(tag) for tag in tags))


def _listed(table: pl.DataFrame) -> pl.DataFrame:
    """Tags as lists: a single text is a list of one."""
    if isinstance(table.schema["tags"], pl.List):
        return table
    text = pl.col("tags").cast(pl.String)
    return table.with_columns(tags=pl.when(text.is_not_null()).then(pl.concat_list(text)))


def _summary(flagged: pl.DataFrame, *, total: int) -> pl.DataFrame:
    found = flagged.group_by("reason").agg(cards=pl.len().cast(pl.Int64), net_minor=pl.col("net_minor").sum())
    return (
        pl.DataFrame({"reason": REASONS})
        .join(found, on="reason", how="left", maintain_order="left")
        .with_columns(pl.col("cards", "net_minor").fill_null(0))
        .with_columns(share_net=pl.col("net_minor") / total if total > 0 else pl.lit(None, dtype=pl.Float64))
    )
