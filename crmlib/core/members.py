"""The frame every scoring model starts from: one row per member of a period, checked once."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars, whole
from crmlib.core.runs import in_order

MAY_BE_UNKNOWN = ("margin_minor", "cost_minor")
LARGEST_SUM = 2.0**62
"""Sums of money beyond this leave Int64."""


def members(
    frame: AnyFrame, *, needs: Iterable[str] = ("net_minor",), present: Iterable[str] = (), name: str = "members"
) -> pl.DataFrame:
    """Return `frame` as Polars with one row per `customer_id`, or refuse it.

    Money columns must be whole minor units; a missing sum is refused, since a guess would move a tier.

    Parameters
    ----------
    frame : one row per member; `customer_id` and the columns of `needs`, in any frame library.
    needs : columns the model reads: numbers or flags; those ending in ``_minor`` must be whole, only margin and cost
        may be null.
    present : further columns that must be there, whatever they hold.
    name : what the frame is called in messages.

    Raises
    ------
    ModelError
        `scoring.empty`, `scoring.missing_id`, `scoring.duplicate_customer`, `scoring.not_a_number`,
        `scoring.missing_value`, `scoring.too_large`.
    ContractError
        `frame.not_whole`.

    Examples
    --------
    >>> members(pl.DataFrame({"customer_id": ["a"], "net_minor": [1]})).shape
    (1, 2)
    """
    needs = tuple(needs)
    table = to_polars(frame, needs=("customer_id", *needs, *present), name=name)
    if table.is_empty():
        raise nobody(name)
    _check_ids(table["customer_id"], name=name)
    money = [c for c in dict.fromkeys((*needs, *MAY_BE_UNKNOWN)) if c.endswith("_minor") and c in table.columns]
    table = whole(table, money, name=name)
    for column in needs:
        check_values(table, column, name=name)
    for column in money:
        _check_sum(table[column], name=name)
    return table


def flag(table: pl.DataFrame, column: str, *, name: str = "members") -> pl.DataFrame:
    """`table` with `column` as a Boolean; 0 and 1 are taken for one, nulls are false.

    Raises
    ------
    ModelError
        `scoring.not_a_flag` for other values.

    Examples
    --------
    >>> flag(pl.DataFrame({"g": [1, 0, None]}), "g")["g"].to_list()
    [True, False, False]
    """
    values = table[column]
    if values.dtype != pl.Boolean and not (values.dtype.is_numeric() and values.drop_nulls().is_in([0, 1]).all()):
        raise ModelError("scoring.not_a_flag", values={"name": name, "column": column, "type": str(values.dtype)})
    return table.with_columns(pl.col(column).cast(pl.Boolean).fill_null(value=False))


def nobody(name: str) -> ModelError:
    """The refusal of a frame without members."""
    return ModelError("scoring.empty")


def _check_ids(ids: pl.Series, *, name: str) -> None:
    missing = ids.null_count()
    if missing:
        raise ModelError("scoring.missing_id", values={"name": name, "rows": missing})
    twice = ids.len() - ids.n_unique()
    if twice:
        raise ModelError(
            "scoring.duplicate_customer",
            values={"name": name, "rows": twice},
            examples=[mask(key) for key in ids.filter(ids.is_duplicated()).unique().sort().head(5)],
        )


def purchases(customer_day: AnyFrame, *, until: int) -> pl.DataFrame:
    """Purchase days up to day number `until`, each customer's day once: customer_id, day_n; sorted by both.

    Parameters
    ----------
    customer_day : customer_id, day_n, is_purchase; in any order. Rows without a customer are left out. An Enum of ids,
        which holds each once, stays one.

    Examples
    --------
    >>> days = pl.DataFrame({"customer_id": ["a", "a", None], "day_n": [5, 5, 6], "is_purchase": [True] * 3})
    >>> purchases(days, until=9).rows()
    [('a', 5)]
    """
    coded = isinstance(customer_day, pl.DataFrame) and isinstance(customer_day.schema.get("customer_id"), pl.Enum)
    needs = ("customer_id", "day_n", "is_purchase")
    table = to_polars(customer_day, needs=needs, name="customer_day", texts=not coded)
    days = (
        flag(table, "is_purchase", name="customer_day")
        .filter(pl.col("is_purchase"), pl.col("day_n") <= until, pl.col("customer_id").is_not_null())
        .select("customer_id", pl.col("day_n").cast(pl.Int64))
    )
    return in_order(days).filter(~pl.all_horizontal(pl.all() == pl.all().shift()).fill_null(value=False))


def check_values(table: pl.DataFrame, column: str, *, name: str = "members") -> None:
    """Refuse a column of texts, and one that lacks values where a guess would move a member."""
    values = table[column]
    if not (values.dtype.is_numeric() or values.dtype in {pl.Boolean, pl.Null}):
        raise ModelError("scoring.not_a_number", values={"name": name, "column": column, "type": str(values.dtype)})
    gaps = values.is_null() | (values.is_nan() if values.dtype.is_float() else False)
    missing = int(gaps.sum())
    if missing and column not in MAY_BE_UNKNOWN:
        raise ModelError(
            "scoring.missing_value",
            values={"name": name, "column": column, "rows": missing},
            examples=[mask(key) for key in table.filter(gaps)["customer_id"].head(5)],
        )


def _check_sum(values: pl.Series, *, name: str) -> None:
    size = float(values.cast(pl.Float64).abs().sum())
    if size >= LARGEST_SUM:
        raise ModelError("scoring.too_large", values={"name": name, "column": values.name, "size": f"{size:.3g}"})
