"""Money is Int64 minor units (fen for CNY); this is the one place that converts it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, DecimalException

from crmlib.core.errors import ParameterError, check_choice

MINOR_PER_UNIT = {"CNY": 100, "GBP": 100, "USD": 100, "EUR": 100, "HKD": 100, "JPY": 1}
SYMBOLS = {"CNY": "¥", "GBP": "£", "USD": "$", "EUR": "€", "HKD": "HK$", "JPY": "¥"}


def to_minor(amount: Decimal | str | int, *, currency: str = "CNY") -> int:
    """Whole minor units of a decimal amount, half rounded away from zero.

    Raises
    ------
    ParameterError
        `frame.no_amount`, `frame.choice`.

    Examples
    --------
    >>> to_minor("12.345"), to_minor("-0.005")
    (1235, -1)
    """
    try:
        return int((Decimal(amount) * minor_per_unit(currency)).quantize(Decimal(1), rounding=ROUND_HALF_UP))
    except (DecimalException, ValueError):
        raise ParameterError("frame.no_amount", values={"amount": str(amount)[:20]}) from None


def to_units(minor: int, *, currency: str = "CNY") -> float:
    """Amount in currency units (yuan) of minor units (fen).

    Examples
    --------
    >>> to_units(1235)
    12.35
    """
    return minor / minor_per_unit(currency)


def minor_per_unit(currency: str) -> int:
    """Minor units in one unit of `currency`; `frame.choice` (ParameterError) for one that is not known."""
    check_choice(currency, MINOR_PER_UNIT, name="currency")
    return MINOR_PER_UNIT[currency]
