"""The frame every scoring model starts from: one row per member of a period, checked once."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars


def members(frame: AnyFrame, *, needs: Iterable[str] = ("net_minor",), name: str = "members") -> pl.DataFrame:
    """Return `frame` as Polars with one row per `customer_id`, or refuse it.

    Money columns must be whole minor units; a missing sum is refused, since a guess would move a tier.

    Parameters
    ----------
    frame : one row per member; `customer_id` and the columns of `needs`, in any frame library.
    needs : columns the model reads; those ending in ``_minor`` must be integers, only margin and cost may be null.
    name : what the frame is called in messages.

    Raises
    ------
    ModelError
        `scoring.empty`, `scoring.missing_id`, `scoring.duplicate_customer`, `scoring.not_minor`,
        `scoring.missing_value`.

    Examples
    --------
    >>> members(pl.DataFrame({"customer_id": ["a"], "net_minor": [1]})).shape
    (1, 2)
    """
    needs = tuple(needs)
    table = to_polars(frame, needs=("customer_id", *needs), name=name)
    if table.is_empty():
        raise ModelError(
            "scoring.empty",
            given=f"{name}: 0 rows",
            expected="at least one member",
            mend="widen the period or check that customer ids are mapped",
            values={"name": name},
        )
    _check_ids(table["customer_id"], name=name)
    for column in needs:
        _check_values(table, column, name=name)
    return table


def _check_ids(ids: pl.Series, *, name: str) -> None:
    missing = ids.null_count()
    if missing:
        raise ModelError(
            "scoring.missing_id",
            given=f"{name}: {missing} rows without customer_id",
            expected="every row belongs to one member",
            mend="leave out sales without a card before scoring; their share is reported apart",
            values={"name": name, "rows": missing},
        )
    twice = ids.len() - ids.n_unique()
    if twice:
        raise ModelError(
            "scoring.duplicate_customer",
            given=f"{name}: {twice} rows repeat a customer_id",
            expected="one row per customer",
            mend="sum up per customer first, e.g. with panels.customer_period",
            values={"name": name, "rows": twice},
            examples=[mask(key) for key in ids.filter(ids.is_duplicated()).unique().sort().head(5)],
        )


def _check_values(table: pl.DataFrame, column: str, *, name: str) -> None:
    values = table[column]
    if column.endswith("_minor") and not values.dtype.is_integer():
        raise ModelError(
            "scoring.not_minor",
            given=f"{name}.{column} of type {values.dtype}",
            expected="whole minor units (fen), an integer type",
            mend="multiply by 100, round and cast to Int64 where the data enter",
            values={"name": name, "column": column, "type": str(values.dtype)},
        )
    missing = values.null_count()
    if missing and column not in {"margin_minor", "cost_minor"}:
        raise ModelError(
            "scoring.missing_value",
            given=f"{name}.{column} is missing for {missing} members",
            expected="a value for every member",
            mend="fill in 0 where nothing was bought, or leave these members out on purpose",
            values={"name": name, "column": column, "rows": missing},
            examples=[mask(key) for key in table.filter(values.is_null())["customer_id"].head(5)],
        )
