"""Money is Int64 minor units (fen for CNY); this is the one place that converts it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, DecimalException

from crmlib.core.errors import ParameterError, check_choice

_HUNDREDTHS = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP
CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR
KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN
PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD
TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW
"""
_WHOLE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
MINOR_PER_UNIT = {
    **dict.fromkeys(_HUNDREDTHS.split(), 100),
    **dict.fromkeys(_WHOLE.split(), 1),
    **dict.fromkeys(_THOUSANDTHS.split(), 1_000),
}
"""Minor units of every currency of ISO 4217 that people pay with."""
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
