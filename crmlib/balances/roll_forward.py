"""The roll-forward of a ledger: opening + signed moves by kind + unexplained = closing, per key, in whole units.

One function serves stock, receivables, points, cards, vouchers, held goods and cash. A difference to a count or to
another book is a line of its own, `unexplained`; it is never spread over the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from crmlib.core.dates import a_day
from crmlib.core.errors import ParameterError
from crmlib.core.frames import AnyFrame, timed, to_polars, whole

OPEN = "open"
"""Kind of the rows that carry a balance from before the ledger began."""
FIXED = ("opening", "unexplained", "closing")


@dataclass(frozen=True, slots=True)
class Statement:
    """A roll-forward.

    Parameters
    ----------
    lines : one row per key: key columns, opening, a column per kind, unexplained, closing [whole units], sorted.
    key, kinds : names of the key columns and of the kinds, in order.
    first, last : the period, both days included.
    """

    lines: pl.DataFrame
    key: tuple[str, ...]
    kinds: tuple[str, ...]
    first: date
    last: date

    @property
    def totals(self) -> dict[str, int]:
        """Sum of every line over all keys."""
        return {name: int(self.lines[name].sum()) for name in ("opening", *self.kinds, "unexplained", "closing")}

    @property
    def breaks(self) -> pl.DataFrame:
        """Keys with an unexplained amount, the largest first."""
        return self.lines.filter(pl.col("unexplained") != 0).sort(
            pl.col("unexplained").abs(), *self.key, descending=[True, *(False for _ in self.key)]
        )

    @property
    def ok(self) -> bool:
        """Whether every key closes without an unexplained amount."""
        return self.breaks.is_empty()


def statement(
    moves: AnyFrame,
    *,
    key: Sequence[str],
    amount: str,
    first: date,
    last: date,
    at: str = "at",
    kind: str = "kind",
    kinds: Sequence[str] | None = None,
    opening: AnyFrame | None = None,
    counted: AnyFrame | None = None,
    known_by: datetime | None = None,
) -> Statement:
    """Roll a ledger forward from the start of `first` to the end of `last`.

    Parameters
    ----------
    moves : key columns, `at` (date or time), `kind`, `amount` [signed whole units].
    key : what a balance belongs to, e.g. ``["store_id", "product_id"]``.
    kinds : order of the columns; all that occur, sorted, without it. Rows of kind ``open`` are the opening.
    opening : key columns and `amount` at the start of `first`, as the last report closed; without it the sum of all
        earlier moves.
    counted : key columns and `amount` that another book or a count found at the end of `last`; what it differs from
        the moves is `unexplained`, and closing is what was found. Keys that nobody counted close by their moves.
    known_by : leave out rows with a later `known_at`: the statement as it was seen then.

    Raises
    ------
    ParameterError
        `balances.period` if `last` lies before `first`, `balances.reserved` if a kind or key is called like a line.
    ContractError
        `frame.missing_column`, `frame.not_whole`, `frame.no_time`.

    Examples
    --------
    >>> moves = pl.DataFrame({
    ...     "card_id": ["a", "a", "a"], "at": [date(2026, 1, 1), date(2026, 2, 3), date(2026, 2, 9)],
    ...     "kind": ["issue", "redeem", "top_up"], "amount_minor": [500, -200, 100]})
    >>> made = statement(moves, key=["card_id"], amount="amount_minor", first=date(2026, 2, 1), last=date(2026, 2, 28))
    >>> made.totals
    {'opening': 500, 'issue': 0, 'redeem': -200, 'top_up': 100, 'unexplained': 0, 'closing': 400}
    """
    begin, end, keys = a_day(first, name="first"), a_day(last, name="last"), list(key)
    if end < begin:
        raise ParameterError("balances.period", values={"first": str(begin), "last": str(end)})
    known = ["known_at"] if known_by is not None else []
    rows = timed(moves, at=at, needs=[*keys, kind, amount, *known], name="moves")
    rows = whole(rows, [amount], name="moves").with_columns(pl.col(kind).cast(pl.String), pl.col(at).dt.date())
    if known_by is not None:
        rows = rows.filter(pl.col("known_at") <= known_by)
    names = tuple(kinds) if kinds is not None else tuple(sorted(set(rows[kind].unique().drop_nulls()) - {OPEN}))
    _check_names(names, keys)
    lines = _rolled(rows.lazy(), keys, begin, end, at=at, kind=kind, amount=amount, names=names)
    if opening is not None:
        lines = _with(lines, opening, keys, amount, "opening")
    lines = lines.with_columns(closing=pl.sum_horizontal("opening", *names), unexplained=pl.lit(0, dtype=pl.Int64))
    if counted is not None:
        lines = _with(lines, counted, keys, amount, "found")
        lines = lines.with_columns(
            unexplained=(pl.col("found") - pl.col("closing")).fill_null(0), closing=pl.coalesce("found", "closing")
        )
    lines = lines.select(*keys, "opening", *names, "unexplained", "closing").sort(keys)
    return Statement(lines, tuple(keys), names, begin, end)


def _rolled(
    rows: pl.LazyFrame,
    keys: list[str],
    begin: date,
    end: date,
    *,
    at: str,
    kind: str,
    amount: str,
    names: tuple[str, ...],
) -> pl.DataFrame:
    """Opening and moves by kind of every key that has any row up to `end`."""
    earlier = (pl.col(at) < begin) | (pl.col(kind) == OPEN)
    sums = [pl.col(amount).filter(~earlier & (pl.col(kind) == name)).sum().alias(name) for name in names]
    grouped = rows.filter(pl.col(at) <= end).group_by(keys)
    return grouped.agg(pl.col(amount).filter(earlier).sum().alias("opening"), *sums).collect(engine="streaming")


def _with(lines: pl.DataFrame, other: AnyFrame, keys: list[str], amount: str, name: str) -> pl.DataFrame:
    """`lines` with `other`'s amount as `name`; keys that only one of the two has are kept, with zeros for the moves."""
    table = whole(to_polars(other, needs=[*keys, amount], name=name), [amount], name=name)
    found = table.group_by(keys).agg(pl.col(amount).sum().alias("__found"))
    both = lines.join(found, on=keys, how="full", coalesce=True, nulls_equal=True)
    numbers = [c for c in lines.columns if c not in keys]
    value = pl.col("__found").fill_null(0) if name in lines.columns else pl.col("__found")
    return both.with_columns(pl.col(numbers).fill_null(0)).with_columns(value.alias(name)).drop("__found")


def _check_names(names: Sequence[str], keys: Sequence[str]) -> None:
    bad = sorted({*names, *keys} & set(FIXED)) or sorted(set(names) & set(keys))
    if bad:
        raise ParameterError("balances.reserved", values={"names": ", ".join(bad)})
