"""Money is Int64 minor units (fen for CNY); this is the one place that converts it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

MINOR_PER_UNIT = {"CNY": 100, "GBP": 100, "USD": 100, "EUR": 100, "HKD": 100, "JPY": 1}
SYMBOLS = {"CNY": "¥", "GBP": "£", "USD": "$", "EUR": "€", "HKD": "HK$", "JPY": "¥"}


def to_minor(amount: Decimal | str | int, *, currency: str = "CNY") -> int:
    """Whole minor units of a decimal amount, half rounded away from zero.

    Examples
    --------
    >>> to_minor("12.345"), to_minor("-0.005")
    (1235, -1)
    """
    scaled = Decimal(amount) * MINOR_PER_UNIT[currency]
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def to_units(minor: int, *, currency: str = "CNY") -> float:
    """Amount in currency units (yuan) of minor units (fen).

    Examples
    --------
    >>> to_units(1235)
    12.35
    """
    return minor / MINOR_PER_UNIT[currency]
