"""Who owned a customer on that day; an old call is credited to whoever had the customer then, not to today's owner."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars


def owner_on(events: AnyFrame, assignments: AnyFrame, *, at: str = "at", customer: str = "customer_id") -> pl.DataFrame:
    """`events` with owner_staff: who owned the customer on the event's day; null where nobody did (pool).

    Parameters
    ----------
    assignments : customer_id, starts_on, staff_id (null = pool), ends_on; a row holds until the next or its end.

    Raises
    ------
    ModelError
        `cases.two_owners` if a customer has two rows from one day.
    """
    rows = timed(events, at=at, needs=(customer,), name="events")
    spans = _spans(assignments)
    day = pl.col(at) if rows.schema[at] == pl.Date else pl.col(at).dt.date()
    placed = rows.with_row_index("_row").with_columns(_day=day).sort("_day")
    found = placed.join_asof(
        spans.rename({"customer_id": customer}).sort("_starts"),
        left_on="_day", right_on="_starts", by=customer, strategy="backward", check_sortedness=False,
    )  # fmt: skip
    held = pl.col("_ends").is_null() | (pl.col("_day") <= pl.col("_ends"))
    return (
        found.with_columns(owner_staff=pl.when(held).then(pl.col("_owner")))
        .sort("_row")
        .drop("_row", "_day", "_starts", "_ends", "_owner")
    )


def of_day(customers: pl.LazyFrame, assignments: AnyFrame | None, *, as_of: date) -> pl.LazyFrame:
    """`customers` with owner_staff of `as_of`: of the last assignment (null: the pool); of whoever has none, as it was.

    Examples
    --------
    >>> day = date(2026, 3, 1)
    >>> held = {"customer_id": ["a", "a", "b"], "starts_on": [date(2025, 1, 1), day, day], "staff_id": ["L", None, "M"]}
    >>> people = pl.LazyFrame({"customer_id": ["a", "b", "c"], "owner_staff": ["L", None, "N"]})
    >>> rows = pl.DataFrame(held | {"ends_on": [None, None, None]})
    >>> of_day(people, rows, as_of=day).collect()["owner_staff"].to_list()
    [None, 'M', 'N']
    """
    if assignments is None:
        return customers
    last = _last(assignments, as_of=as_of).with_columns(_told=pl.lit(value=True)).lazy()
    told = customers.join(last, on="customer_id", how="left", maintain_order="left")
    owner = pl.when(pl.col("_told")).then("_owner").otherwise("owner_staff")
    return told.with_columns(owner_staff=owner).drop("_owner", "_told")


def owned(assignments: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """customer_id, staff_id of everybody with an owner on `as_of`."""
    last = _last(assignments, as_of=as_of)
    return last.filter(pl.col("_owner").is_not_null()).rename({"_owner": "staff_id"})


def _last(assignments: AnyFrame, *, as_of: date) -> pl.DataFrame:
    """customer_id, _owner of everybody's last row on or before `as_of`: nobody after its end."""
    spans = _spans(assignments).filter(pl.col("_starts") <= as_of).sort("customer_id", "_starts")
    last = spans.group_by("customer_id", maintain_order=True).last()
    held = pl.col("_ends").is_null() | (pl.col("_ends") >= as_of)
    return last.select("customer_id", _owner=pl.when(held).then("_owner"))


def _spans(assignments: AnyFrame) -> pl.DataFrame:
    table = to_polars(assignments, needs=("customer_id", "starts_on", "staff_id", "ends_on"), name="assignments")
    twice = table.filter(pl.struct("customer_id", "starts_on").is_duplicated())
    if twice.height:
        raise ModelError(
            "cases.two_owners",
            values={"rows": twice.height},
            examples=[mask(v) for v in twice["customer_id"].unique().sort().head(5)],
        )
    return table.select("customer_id", _starts="starts_on", _ends=pl.col("ends_on").cast(pl.Date), _owner="staff_id")
