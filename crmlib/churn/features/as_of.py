"""Facts beside the receipts, as they were known at the end of a day.

A snapshot that was overwritten since (today's points balance, today's grade) would tell the model the future; so
every table here needs the time at which each row became known.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.core.dates import day_number
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

SERVICE_DAYS = 365
RESPONSE_DAYS = 28


def snapshot(frame: AnyFrame, *, columns: Sequence[str], t0: date, name: str) -> pl.DataFrame:
    """The last row per customer known by `t0`: customer_id and `columns`.

    Raises
    ------
    ModelError
        `churn.no_known_time` if the table does not say when its rows became known.
    """
    table = to_polars(frame, needs=["customer_id", *columns], name=name)
    known = _known_by(table, t0=t0, name=name)
    return (
        known.sort("customer_id", "known_at").group_by("customer_id", maintain_order=True).agg(pl.col(columns).last())
    )


def points(entries: AnyFrame, *, t0: date) -> pl.DataFrame:
    """Points balance and share of points redeemed, as of `t0`: customer_id, points_balance, points_redeemed."""
    table = to_polars(entries, needs=["customer_id", "at", "points"], name="points")
    known = _known_by(table, t0=t0, name="points").filter(pl.col("at").dt.date() <= t0)
    earned = pl.when(pl.col("points") > 0).then(pl.col("points")).otherwise(0).sum()
    redeemed = -pl.when(pl.col("points") < 0).then(pl.col("points")).otherwise(0).sum()
    return (
        known.group_by("customer_id")
        .agg(
            pl.col("points").sum().cast(pl.Float64).alias("points_balance"),
            (redeemed / earned.clip(1)).cast(pl.Float64).alias("points_redeemed"),
        )
        .sort("customer_id")
    )


def service(contacts: AnyFrame, *, t0: date) -> pl.DataFrame:
    """Complaints in the last year and those still open, as of `t0`: customer_id, complaints, complaints_open.

    Who was called is no feature: people are called because they are already silent.
    """
    table = to_polars(contacts, needs=["customer_id", "at", "purpose"], name="contacts")
    if "solved_at" not in table.columns:
        table = table.with_columns(pl.lit(None, dtype=pl.Datetime("us")).alias("solved_at"))
    day = pl.col("at").dt.date()
    recent = _known_by(table, t0=t0, name="contacts").filter(
        (day <= t0) & ((pl.lit(t0) - day).dt.total_days() < SERVICE_DAYS)
    )
    complaint = pl.col("purpose").cast(pl.String) == "complaint"
    solved = pl.col("solved_at").dt.date() <= t0
    return (
        recent.filter(pl.col("customer_id").is_not_null())
        .group_by("customer_id")
        .agg(
            complaint.sum().cast(pl.Float64).alias("complaints"),
            (complaint & ~solved.fill_null(value=False)).sum().cast(pl.Float64).alias("complaints_open"),
        )
        .sort("customer_id")
    )


def response(contacts: AnyFrame, trips: pl.DataFrame, *, t0: date) -> pl.DataFrame:
    """Share of contacts followed by a trip within 28 days, of those whose 28 days closed by `t0`.

    Parameters
    ----------
    contacts : customer_id, at, purpose, known_at; complaints are no offers and do not count.
    trips : customer_id, day_n, known by `t0`.

    Returns
    -------
    customer_id, contact_response.
    """
    table = to_polars(contacts, needs=["customer_id", "at", "purpose"], name="contacts")
    known = _known_by(table, t0=t0, name="contacts").filter(pl.col("purpose").cast(pl.String) != "complaint")
    at_n = pl.col("at").dt.date().cast(pl.Int32).alias("at_n")
    offers = (
        known.select("customer_id", at_n).filter(pl.col("at_n") + RESPONSE_DAYS <= day_number(t0)).with_row_index("row")
    )
    came = offers.join(trips, on="customer_id").filter(
        pl.col("day_n").is_between(pl.col("at_n") + 1, pl.col("at_n") + RESPONSE_DAYS)
    )["row"]
    answered = pl.col("row").is_in(came.unique().implode())
    return offers.group_by("customer_id").agg(answered.mean().alias("contact_response")).sort("customer_id")


def refuse_unknown_time(table: pl.DataFrame, *, name: str) -> None:
    """Refuse an as-of table that does not say when its rows became known."""
    if "known_at" not in table.columns:
        raise ModelError("churn.no_known_time", values={"name": name})


def _known_by(table: pl.DataFrame, *, t0: date, name: str) -> pl.DataFrame:
    refuse_unknown_time(table, name=name)
    return table.filter(pl.col("known_at").dt.date().cast(pl.Int32) <= day_number(t0))
