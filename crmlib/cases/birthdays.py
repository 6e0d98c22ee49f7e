"""Birthdays, solar and lunar, each once per year of its own calendar.

29 February is kept on the 28th in common years (option: 1 March); a lunar 30th on the 29th of short months; leap months
in the ordinary month (option: the leap month where the year has it). A till's 01-01 is no birthday. A lunar date read
as a solar one is 36 days early on average.
"""

from __future__ import annotations

from calendar import isleap
from datetime import date
from functools import cache

import polars as pl
from lunardate import LunarDate

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars

NEEDS = ("birth_month", "birth_day", "birth_lunar")
LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LUNAR_DAYS = 30


def lunar_day(year: int, month: int, day: int, *, leap: bool = False, leap_month: bool = False) -> date:
    """Solar day of a lunar birthday in a lunar year.

    Parameters
    ----------
    leap : born in a leap month.
    leap_month : keep it in the leap month of years that have the same one.

    Examples
    --------
    >>> lunar_day(2024, 12, 30), lunar_day(2023, 12, 30)
    (datetime.date(2025, 1, 28), datetime.date(2024, 2, 9))
    >>> lunar_day(2025, 6, 1, leap=True), lunar_day(2025, 6, 1, leap=True, leap_month=True)
    (datetime.date(2025, 6, 25), datetime.date(2025, 7, 25))
    """
    in_leap = leap and leap_month and LunarDate.leap_month_for_year(year) == month
    try:
        found: date = LunarDate(year, month, day, in_leap).to_solar_date()
    except ValueError:
        found = LunarDate(year, month, day - 1, in_leap).to_solar_date()
    return found


def solar_day(year: int, month: int, day: int, *, march: bool = False) -> date:
    """Solar birthday in a year.

    Examples
    --------
    >>> solar_day(2026, 2, 29), solar_day(2026, 2, 29, march=True), solar_day(2028, 2, 29)
    (datetime.date(2026, 2, 28), datetime.date(2026, 3, 1), datetime.date(2028, 2, 29))
    """
    if (month, day) == (2, 29) and not isleap(year):
        return date(year, 3, 1) if march else date(year, 2, 28)
    return date(year, month, day)


def birthdays(
    customers: AnyFrame, *, first: date, last: date, march: bool = False, leap_month: bool = False
) -> pl.DataFrame:
    """Every birthday between two days, both included.

    Parameters
    ----------
    customers : customer_id, birth_month, birth_day, birth_lunar, and birth_leap where known.

    Returns
    -------
    customer_id, day, year (of the customer's own calendar), lunar; sorted by day. Placeholders (solar 01-01) and gaps
    are left out; `placeholders` counts the first.

    Raises
    ------
    ModelError
        `cases.no_such_day` for a lunar day 31 or a day beyond the month.
    """
    known = _known(customers)
    real = known.filter(~_placeholder())
    years = pl.DataFrame({"year": list(range(first.year - 1, last.year + 1))}, schema={"year": pl.Int32})
    dates = real.select(*NEEDS, "birth_leap").unique().join(years, how="cross")
    days = [
        _day(*row, march=march, leap_month=leap_month) for row in dates.select("year", *NEEDS, "birth_leap").iter_rows()
    ]
    placed = dates.with_columns(day=pl.Series(days, dtype=pl.Date)).filter(pl.col("day").is_between(first, last))
    return (
        real.join(placed, on=[*NEEDS, "birth_leap"], how="inner")
        .select("customer_id", "day", "year", lunar="birth_lunar")
        .sort("day", "customer_id")
    )


def sorted_out(customers: AnyFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """The customers whose birthday can be kept, and how many cannot and why.

    Returns
    -------
    Rows of `customers` with a real day; counts of `kept`, `placeholder` (a till's 01-01), `impossible` (a lunar 31st,
    a day beyond the month), `missing`; they sum to all.
    """
    table = to_polars(customers, needs=NEEDS, name="customers", key="customer_id")
    lunar = pl.col("birth_lunar").fill_null(value=False)
    known = pl.col("birth_month").is_not_null() & pl.col("birth_day").is_not_null()
    first = ~lunar & (pl.col("birth_month") == 1) & (pl.col("birth_day") == 1)
    why = (
        pl.when(~known).then(pl.lit("missing"))
        .when(first).then(pl.lit("placeholder"))
        .when(_beyond(lunar)).then(pl.lit("impossible"))
        .otherwise(pl.lit("kept"))
    )  # fmt: skip
    marked = table.with_columns(_why=why)
    counts = dict.fromkeys(("kept", "placeholder", "impossible", "missing"), 0)
    counts |= dict(marked.group_by("_why").len().iter_rows())
    return marked.filter(pl.col("_why") == "kept").drop("_why"), counts


def placeholders(customers: AnyFrame) -> int:
    """Customers whose birthday is the till's 01-01."""
    return _known(customers).filter(_placeholder()).height


@cache
def _day(year: int, month: int, day: int, lunar: bool, leap: bool, *, march: bool, leap_month: bool) -> date:  # noqa: FBT001
    if lunar:
        return lunar_day(year, month, day, leap=leap, leap_month=leap_month)
    return solar_day(year, month, day, march=march)


def _placeholder() -> pl.Expr:
    return ~pl.col("birth_lunar") & (pl.col("birth_month") == 1) & (pl.col("birth_day") == 1)


def _known(customers: AnyFrame) -> pl.DataFrame:
    table = to_polars(customers, needs=NEEDS, name="customers", key="customer_id")
    if "birth_leap" not in table.columns:
        table = table.with_columns(birth_leap=pl.lit(value=False))
    known = table.filter(pl.col("birth_month").is_not_null() & pl.col("birth_day").is_not_null()).with_columns(
        pl.col("birth_lunar", "birth_leap").fill_null(value=False)
    )
    wrong = known.filter(_beyond(pl.col("birth_lunar")))
    if wrong.height:
        raise ModelError(
            "cases.no_such_day", values={"rows": wrong.height}, examples=[mask(v) for v in wrong["customer_id"].head(5)]
        )
    return known.select("customer_id", *NEEDS, "birth_leap")


def _beyond(lunar: pl.Expr) -> pl.Expr:
    """Whether the day lies beyond its month, or the month beyond the year."""
    longest = pl.when(lunar).then(LUNAR_DAYS).otherwise(
        pl.col("birth_month").cast(pl.Int64).replace_strict(dict(enumerate(LONGEST, 1)), default=0)
    )  # fmt: skip
    return (pl.col("birth_day") > longest) | ~pl.col("birth_month").is_between(1, 12)
