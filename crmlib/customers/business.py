"""Business customers: what each bought, who they are, what they need for which festival, and whom to see first.

A business customer buys by orders, or, where nobody keeps its orders, by what it is invoiced; never both, so that no
yuan is counted twice. What an open need will bring is its said budget times what became of said budgets so far; the
interval is that of drawing each need's fate from those that are closed (Efron & Tibshirani 1993, ch. 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.core.frames import AnyFrame, to_polars

YEAR = 365
SIZES = ("unknown", "small", "middle", "large", "largest")
_EDGES = (50, 200, 1000)
"""Fewest people of a middle, a large and a largest customer."""
LEAST_CLOSED, DRAWS, LEVEL = 10, 4_000, 0.8
"""Closed needs for a forecast; draws; level of the interval."""
QUIET = 90
"""Days without a talk after which somebody asks."""
BOUGHT = {"partner_id": pl.String, "day": pl.Date, "amount_minor": pl.Int64, "paper": pl.String, "paper_id": pl.String}


def bought(orders: AnyFrame | None, invoices: AnyFrame | None, *, as_of: date) -> pl.DataFrame:
    """Everything business customers bought up to `as_of`: orders, and invoices of those who never ordered.

    Parameters
    ----------
    orders : order_id, partner_id, entered_at, state, amount_minor; cancelled ones are none.
    invoices : invoice_id, partner_id, side, issued_on, amount_minor; credit notes take off.

    Returns
    -------
    partner_id, day, amount_minor [minor units], paper (``order``, ``invoice``), paper_id; by day.
    """
    parts = [pl.DataFrame(schema=BOUGHT)]
    if orders is not None:
        table = to_polars(orders, needs=("partner_id", "entered_at", "state", "amount_minor"), name="sale_orders")
        taken = table.filter(pl.col("state").cast(pl.String) != "cancelled", pl.col("partner_id").is_not_null())
        day = pl.col("entered_at").dt.date().alias("day")
        parts.append(
            taken.select("partner_id", day, "amount_minor", paper=pl.lit("order"), paper_id=pl.col("order_id"))
        )
    if invoices is not None:
        table = to_polars(invoices, needs=("partner_id", "side", "issued_on", "amount_minor"), name="invoices")
        owed = table.filter(pl.col("side").cast(pl.String) == "receivable", pl.col("partner_id").is_not_null())
        paper = owed.select(
            "partner_id", "amount_minor", day="issued_on", paper=pl.lit("invoice"), paper_id=pl.col("invoice_id")
        )
        parts.append(paper.join(pl.concat(parts).select("partner_id").unique(), on="partner_id", how="anti"))
    rows = pl.concat([part.select(list(BOUGHT)) for part in parts]).filter(pl.col("day") <= as_of)
    return rows.sort("day", "paper_id", "partner_id")


def file(partners: AnyFrame, purchases: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """One row a business customer that buys from us; the small shops of a distributor that never did are its own.

    Parameters
    ----------
    partners : partner_id, name, kind, region, parent_id, industry, people_count, owner_staff.
    purchases : of `bought`.

    Returns
    -------
    partner_id, name, kind, region, industry, size (of `SIZES`), people_count, owner_staff, customer_id, orders,
    value_minor (365 days to `as_of`), before_minor (the 365 days before), last_on; by value.
    """
    table = to_polars(partners, needs=("kind", "region"), name="partners", key="partner_id")
    since, before = as_of - timedelta(days=YEAR), as_of - timedelta(days=2 * YEAR)
    now = pl.col("day") > since
    past = (pl.col("day") > before) & ~now
    made = to_polars(purchases, needs=("partner_id", "day", "amount_minor"), name="purchases")
    sums = made.group_by("partner_id").agg(
        orders=now.sum().cast(pl.Int64),
        value_minor=pl.col("amount_minor").filter(now).sum(),
        before_minor=pl.col("amount_minor").filter(past).sum(),
        last_on=pl.col("day").max(),
    )
    heads = pl.col("people_count")
    grown = sum(((heads >= edge).cast(pl.Int64) for edge in _EDGES), pl.lit(1))
    size = pl.lit(pl.Series(SIZES)).gather(pl.when(heads.is_null()).then(0).otherwise(grown))
    rows = table.join(sums, on="partner_id", how="left", maintain_order="left").with_columns(
        pl.col("orders", "value_minor", "before_minor").fill_null(0),
        pl.coalesce("name", "partner_id").alias("name"),
        pl.col("kind").cast(pl.String),
        size.alias("size"),
    )
    ours = pl.col("parent_id").is_null() | pl.col("last_on").is_not_null()
    return (
        rows.filter(ours)
        .select(
            "partner_id", "name", "kind", "region", "industry", "size", "people_count", "owner_staff", "customer_id",
            "orders", "value_minor", "before_minor", "last_on",
        )
        .sort("value_minor", "partner_id", descending=[True, False])
    )  # fmt: skip


def by(customers: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """`file` summed by `columns`: customers, active (bought in the year), people_count, orders, value_minor,
    before_minor; by value.
    """  # noqa: D205
    return (
        customers.group_by(*columns)
        .agg(
            customers=pl.len().cast(pl.Int64),
            active=(pl.col("orders") > 0).sum().cast(pl.Int64),
            people_count=pl.col("people_count").sum().cast(pl.Int64),
            orders=pl.col("orders").sum(),
            value_minor=pl.col("value_minor").sum(),
            before_minor=pl.col("before_minor").sum(),
        )
        .sort("value_minor", *columns, descending=[True, *(False for _ in columns)])
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is open, and what it will bring [minor units].

    Parameters
    ----------
    rate : ordered of what was said, of the `closed` needs with a budget; none below `LEAST_CLOSED`.
    low_minor, high_minor : of an 80 % interval; none where no rate is known.
    """

    closed: int
    open: int
    said_minor: int
    rate: float | None
    expected_minor: int | None
    low_minor: int | None
    high_minor: int | None


def by_season(needs: AnyFrame) -> pl.DataFrame:
    """Needs by season: season, season_year, needs, open, won, said_minor (budgets), ordered_minor, kept (ordered of
    what was said, of closed needs with a budget; null while all are open); the latest first.
    """  # noqa: D205
    table = _needs(needs)
    closed = (pl.col("state") != "open") & pl.col("budget_minor").is_not_null()
    told = pl.col("budget_minor").filter(closed).sum()
    return (
        table.group_by("season", "season_year")
        .agg(
            needs=pl.len().cast(pl.Int64),
            open=(pl.col("state") == "open").sum().cast(pl.Int64),
            won=(pl.col("state") == "won").sum().cast(pl.Int64),
            said_minor=pl.col("budget_minor").sum(),
            ordered_minor=pl.col("ordered_minor").sum(),
            kept=pl.when(told > 0).then(pl.col("ordered_minor").filter(closed).sum() / told),
            noted_on=pl.col("noted_on").max(),
        )
        .sort("noted_on", "season", descending=[True, False])
        .drop("noted_on")
    )


def outlook(needs: AnyFrame, *, rng: np.random.Generator, level: float = LEVEL) -> Outlook:
    """What open needs will bring, with an interval of that level.

    Examples
    --------
    >>> rows = [("won", 100, 100)] * 6 + [("lost", 100, None)] * 6 + [("open", 1000, None)]
    >>> frame = pl.DataFrame(rows, schema=["state", "budget_minor", "ordered_minor"], orient="row")
    >>> said = outlook(frame, rng=np.random.default_rng(1))
    >>> said.rate, said.expected_minor, said.low_minor, said.high_minor
    (0.5, 500, 0, 1000)
    """
    table = _needs(needs, "state", "budget_minor", "ordered_minor").filter(pl.col("budget_minor") > 0)
    closed, still = table.filter(pl.col("state") != "open"), table.filter(pl.col("state") == "open")
    said = int(still["budget_minor"].sum())
    if closed.height < LEAST_CLOSED:
        return Outlook(closed.height, still.height, said, None, None, None, None)
    told, came = (closed[c].fill_null(0).to_numpy().astype(float) for c in ("budget_minor", "ordered_minor"))
    drawn = rng.integers(0, closed.height, (DRAWS, still.height))
    total = ((came / told)[drawn] * still["budget_minor"].to_numpy()).sum(axis=1)
    low, high = np.quantile(total, [(1 - level) / 2, (1 + level) / 2])
    rate = float(came.sum() / told.sum())
    return Outlook(closed.height, still.height, said, rate, round(rate * said), round(float(low)), round(float(high)))


def to_see(
    customers: pl.DataFrame, *, late: pl.DataFrame, needs: pl.DataFrame, owed: pl.DataFrame, talks: pl.DataFrame | None,
    rate: float | None, as_of: date,
) -> pl.DataFrame:  # fmt: skip
    """Whom to see, one line a customer: what is at stake, and each reason that holds.

    Parameters
    ----------
    customers : of `file`.
    late : partner_id, net_minor (a usual order), last_on, usual_gap of those whose next order is late.
    needs : open ones: partner_id, season, season_year, budget_minor, decided_by.
    owed : partner_id, late_minor, days_late (the oldest).
    talks : partner_id and talked_on (the last one); none where nobody writes talks down.
    rate : what became of said budgets; without it an open need counts as said.

    Returns
    -------
    partner_id, order_minor, last_on, usual_gap, need_minor, season, season_year, decided_by, late_minor, days_late,
    talked_on, quiet, stake_minor (an order, what needs will bring, what is overdue; of somebody nobody talks to: a
    quarter of a year's orders), by stake.
    """
    kept = pl.lit(1.0 if rate is None else rate)
    wanted = needs.sort("decided_by", "partner_id", nulls_last=True).group_by("partner_id", maintain_order=True).agg(
        need_minor=(pl.col("budget_minor").sum() * kept).round().cast(pl.Int64),
        season=pl.col("season").first(), season_year=pl.col("season_year").first(),
        decided_by=pl.col("decided_by").first(),
    )  # fmt: skip
    none = pl.DataFrame(schema={"partner_id": pl.String, "talked_on": pl.Date})
    rows = customers.select("partner_id", "value_minor", "orders")
    for part in (late.select("partner_id", order_minor="net_minor", last_on="last_on", usual_gap="usual_gap"), wanted,
                 owed.filter(pl.col("late_minor") > 0), none if talks is None else talks):  # fmt: skip
        rows = rows.join(part, on="partner_id", how="left", maintain_order="left")
    quiet = pl.col("talked_on") <= as_of - timedelta(days=QUIET)
    rows = rows.with_columns(quiet=(quiet & (pl.col("orders") > 0)).fill_null(value=False))
    sums = [pl.col(c).fill_null(0) for c in ("order_minor", "need_minor", "late_minor")]
    alone = pl.when(pl.col("quiet") & (sum(sums[1:], sums[0]) == 0)).then(pl.col("value_minor") // 4).otherwise(0)
    rows = rows.with_columns(stake_minor=pl.sum_horizontal(*sums, alone))
    return (
        rows.filter(pl.col("stake_minor") > 0)
        .drop("value_minor", "orders")
        .sort("stake_minor", "partner_id", descending=[True, False])
    )


def _needs(needs: AnyFrame, *columns: str) -> pl.DataFrame:
    wanted = columns or ("season", "season_year", "state", "budget_minor", "ordered_minor", "noted_on")
    table = to_polars(needs, needs=wanted, name="partner_needs")
    coded = [c for c in ("season", "state", "purpose") if c in table.columns]
    return table.with_columns(pl.col(coded).cast(pl.String))
