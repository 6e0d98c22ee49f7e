"""What is known of each member, as text columns a profile can count: who they are, when, where and what they buy."""

from __future__ import annotations

from collections.abc import Collection

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.members import members
from crmlib.customers.groups.drivers import MOST_TRAITS

PERSONAL = (
    "age_band", "gender", "region", "occupation", "income_band", "source", "industry", "education", "household",
)  # fmt: skip
"""Columns of `customers` that describe a person."""
HOURS = {"morning": (0, 11), "noon": (11, 14), "afternoon": (14, 18), "evening": (18, 24)}
"""Day parts by the hour a receipt begins: [from, to)."""
LEAST_RECEIPTS, LEAST_LINES = 5, 5
"""Receipts for a habit of the clock and lines for one of money: with fewer, every share is extreme by chance alone."""
GIFT = ((0.5, "gift"), (0.1, "some_gift"))
OFFER = ((0.5, "mostly_offer"), (0.1, "some_offer"))
"""Bands of the share of money spent on gifts, and under offers; below the last one it is ``self`` or ``full_price``."""
BELOW, ABOVE = 0.9, 1.1
"""Price paid beside the usual one of the same category: a tenth less is ``below``, a tenth more ``above``."""


def member_traits(period: AnyFrame, *told: pl.DataFrame, customers: AnyFrame | None = None) -> pl.DataFrame:
    """One row per member of the period with every trait that the tables at hand can tell; null = not known.

    Parameters
    ----------
    period : customer_id, net_minor, purchase_days.
    told : customer_id and traits, as `clock_traits`, `money_traits`, `price_level` and `favourite` give them: what they
        are made of can be let go one by one.
    customers : customer_id and any of `PERSONAL`.

    Returns
    -------
    customer_id, the columns of `period`, and the traits.
    """
    table = members(period, needs=("net_minor",))
    if customers is not None:
        people = to_polars(customers, name="customers", key="customer_id")
        personal = (pl.col(c).cast(pl.String) for c in PERSONAL if c in people.columns)
        told = (people.select("customer_id", *personal), *told)
    for part in told:
        table = table.join(part, on="customer_id", how="left", maintain_order="left")
    return table


def trait_names(frame: pl.DataFrame) -> list[str]:
    """Columns of `member_traits` that hold a trait with at least two known values, in their order."""
    return [
        name
        for name, kind in frame.schema.items()
        if isinstance(kind, pl.String | pl.Enum) and name != "customer_id" and frame[name].drop_nulls().n_unique() > 1
    ]


def for_drivers(names: list[str]) -> list[str]:
    """Traits that describe the person or the taste.

    Habits of the clock are counted from the visits themselves, the price level from the money that is to be explained.

    Examples
    --------
    >>> for_drivers(["region", "day_part", "motive"])
    ['region', 'motive']
    """
    return [name for name in names if name not in {"day_part", "weekend", "tier", "price_level"}][:MOST_TRAITS]


def without(names: list[str], trait: str) -> list[str]:
    """`names` without the trait that makes the group: it would only say what was asked.

    Examples
    --------
    >>> without(["region", "tier"], "tier")
    ['region']
    """
    return [name for name in names if name != trait]


def favourite(parts: AnyFrame, *, name: str) -> pl.DataFrame:
    """The part each customer spends most on, ties to the first in alphabetical order.

    Examples
    --------
    >>> parts = pl.DataFrame({"customer_id": ["a", "a"], "part": ["tea", "nuts"], "net_minor": [5, 9]})
    >>> favourite(parts, name="category").row(0)
    ('a', 'nuts')
    """
    table = to_polars(parts, needs=("customer_id", "part", "net_minor"), name=name)
    told = table.lazy().filter(pl.col("part").is_not_null(), pl.col("net_minor") > 0)
    names = told.select(pl.col("part").cast(pl.String).unique().sort()).collect()["part"]
    # the most money, and of as much the first name: the largest of one number each, without an order of all rows
    count, place = max(names.len(), 1), pl.col("part").cast(pl.String).cast(pl.Enum(names)).to_physical()
    number = pl.col("net_minor").cast(pl.Int128) * count + (count - 1 - place.cast(pl.Int128))
    most = told.group_by("customer_id").agg(number.max().alias("most")).collect(engine="streaming")
    return most.select(
        "customer_id", pl.lit(names).gather(count - 1 - (pl.col("most") % count).cast(pl.Int64)).alias(name)
    )


def price_level(prices: AnyFrame) -> pl.DataFrame:
    """customer_id, price_level: below, usual or above what all pay in the same categories; null with too few lines.

    Examples
    --------
    >>> money = {"lines": [9, 2], "paid_minor": [80, 9], "usual_minor": [100, 5]}
    >>> paid = pl.DataFrame({"customer_id": ["a", "b"], **money})
    >>> price_level(paid).rows()
    [('a', 'below'), ('b', None)]
    """
    table = to_polars(prices, needs=("lines", "paid_minor", "usual_minor"), name="prices", key="customer_id")
    ratio = pl.when(pl.col("usual_minor") > 0).then(pl.col("paid_minor") / pl.col("usual_minor"))
    level = (
        pl.when(ratio < BELOW)
        .then(pl.lit("below"))
        .when(ratio > ABOVE)
        .then(pl.lit("above"))
        .when(ratio.is_not_null())
        .then(pl.lit("usual"))
    )
    return table.select("customer_id", price_level=pl.when(pl.col("lines") >= LEAST_LINES).then(level))


def asked_for(values: str, known: Collection[str]) -> list[str]:
    """The values in `values`, joined by ``+``; a known value that ends with the sign itself keeps it.

    Examples
    --------
    >>> asked_for("A + B", ["A", "B"]), asked_for("65+", ["55-64", "65+"]), asked_for("55-64+65+", ["55-64", "65+"])
    (['A', 'B'], ['65+'], ['55-64', '65+'])
    """
    parts = [value.strip() for value in values.split("+") if value.strip()]
    return [f"{part}+" if part not in known and f"{part}+" in known else part for part in parts]


def in_group(frame: pl.DataFrame, *, column: str, values: str) -> pl.Series:
    """Whether each member belongs to the group: `column` is one of `values` (joined by ``+``).

    Raises
    ------
    ModelError
        `scoring.no_such_group` if the column is not known or no member has one of the values.

    Examples
    --------
    >>> in_group(pl.DataFrame({"tier": ["A", "B", "D"]}), column="tier", values="A+B").to_list()
    [True, True, False]
    """
    known = frame[column].cast(pl.String).drop_nulls().unique().sort().to_list() if column in frame.columns else []
    wanted = asked_for(values, known)
    if not set(wanted) & set(known):
        raise ModelError(
            "scoring.no_such_group", values={"column": column, "values": values, "known": ", ".join(known[:20])}
        )
    return frame[column].cast(pl.String).is_in(wanted).fill_null(value=False)


def clock_traits(clock: AnyFrame) -> pl.DataFrame:
    """customer_id, day_part and weekend: when each comes most; of those with `LEAST_RECEIPTS` or more.

    Parameters
    ----------
    clock : customer_id, hour, weekday, receipts.
    """
    table = to_polars(clock, needs=("customer_id", "hour", "weekday", "receipts"), name="clock")

    def receipts(within: pl.Expr) -> pl.Expr:
        return pl.when(within).then("receipts").otherwise(0).sum()

    counts = {name: receipts(pl.col("hour").is_between(*ends, closed="left")) for name, ends in HOURS.items()}
    counts |= {"every": pl.col("receipts").sum(), "free": receipts(pl.col("weekday") >= 6)}
    sums = table.lazy().group_by("customer_id").agg(**counts).filter(pl.col("every") >= LEAST_RECEIPTS)
    most = pl.max_horizontal(*HOURS)
    parts = (pl.when(pl.col(name) == most, most > 0).then(pl.lit(name)) for name in sorted(HOURS))
    days = pl.when(pl.col("free") / pl.col("every") >= 0.5).then(pl.lit("weekend")).otherwise(pl.lit("weekday"))
    return sums.select("customer_id", day_part=pl.coalesce(*parts), weekend=days).collect(engine="streaming")


def money_traits(shares: AnyFrame) -> pl.DataFrame:
    """customer_id, motive and offers: whether money goes to gifts and offers; null with fewer than `LEAST_LINES`.

    Parameters
    ----------
    shares : customer_id, sale_minor, and gift_minor, offer_minor, lines as far as known.
    """
    table = to_polars(shares, needs=("sale_minor",), name="shares", key="customer_id")

    def band(column: str, bands: tuple[tuple[float, str], ...], rest: str) -> pl.Expr:
        share = pl.when(pl.col("sale_minor") > 0).then(pl.col(column) / pl.col("sale_minor"))
        steps = [pl.when(share >= edge).then(pl.lit(name)) for edge, name in bands]
        return pl.coalesce(*steps, pl.when(share.is_not_null()).then(pl.lit(rest)))

    if "lines" in table.columns:
        table = table.filter(pl.col("lines") >= LEAST_LINES)
    columns = []
    if "gift_minor" in table.columns:
        columns.append(band("gift_minor", GIFT, "self").alias("motive"))
    if "offer_minor" in table.columns:
        columns.append(band("offer_minor", OFFER, "full_price").alias("offers"))
    return table.select("customer_id", *columns)
