"""Ties between books: two books that must say the same, and the line by which they do not."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.core.frames import AnyFrame, to_polars, whole


def tie(
    left: AnyFrame, right: AnyFrame, *, on: Sequence[str], amount: str, right_amount: str | None = None
) -> pl.DataFrame:
    """Where two books agree and where not, e.g. receipts by tender and the points ledger, per store and day.

    Parameters
    ----------
    left, right : the columns of `on` and an amount [whole units, same sign for the same thing]; rows are summed.
    right_amount : name of the amount in `right`, the same as in `left` without it.

    Returns
    -------
    `on`, left, right, unexplained (left − right) in the order of `on`; a side without a row counts as 0.

    Examples
    --------
    >>> till = pl.DataFrame({"store_id": ["A", "B"], "points_minor": [500, 300]})
    >>> book = pl.DataFrame({"store_id": ["A"], "points_minor": [500]})
    >>> tie(till, book, on=["store_id"], amount="points_minor").rows()
    [('A', 500, 500, 0), ('B', 300, 0, 300)]
    """
    keys = list(on)
    one = _summed(left, keys, amount, "left")
    two = _summed(right, keys, right_amount or amount, "right")
    both = one.join(two, on=keys, how="full", coalesce=True, nulls_equal=True)
    both = both.with_columns(pl.col("left", "right").fill_null(0))
    return both.with_columns(unexplained=pl.col("left") - pl.col("right")).sort(keys)


def _summed(frame: AnyFrame, keys: list[str], amount: str, name: str) -> pl.DataFrame:
    table = whole(to_polars(frame, needs=[*keys, amount], name=name), [amount], name=name)
    return table.group_by(keys).agg(pl.col(amount).sum().alias(name))
