"""Numbers, money, shares and dates as a reader of the language writes them."""

from __future__ import annotations

import math
from datetime import date
from decimal import Decimal
from functools import cache

from babel.dates import format_date
from babel.numbers import NumberPattern, format_decimal, parse_pattern

from crmlib.core.money import MINOR_PER_UNIT, SYMBOLS
from crmlib.kit.words.locales import locale

_NONE = "—"


@cache
def _pattern(digits: int) -> NumberPattern:
    return parse_pattern("#,##0" + ("." + "0" * digits if digits else ""))


class Format:
    """Formats of one language and currency; `None` and NaN become an em dash, zero stays 0.

    Examples
    --------
    >>> Format("zh").money(868_000_000)
    '868 万元'
    >>> Format("en").money(868_000_000), Format("en").share(0.30751), Format("zh").month(date(2010, 1, 1))
    ('¥8.68M', '30.8%', '2010年1月')
    """

    __slots__ = ("currency", "language", "locale")

    def __init__(self, language: str, *, currency: str = "CNY") -> None:
        self.language = language
        self.currency = currency
        self.locale = locale(language)

    def plural(self, number: Decimal) -> int:
        """Place of the plural form that goes with `number` (`core.sentences`)."""
        return self.locale.plural(number)

    def number(self, value: float | None, *, digits: int = 0) -> str:
        """A plain number with thousands separators and exactly `digits` decimals."""
        if value is None or not math.isfinite(value):
            return _NONE
        return str(format_decimal(round(value, digits) + 0.0, format=_pattern(digits), locale=self.locale.numbers))

    def count(self, value: int | None) -> str:
        """A whole number."""
        return self.number(value)

    def share(self, value: float | None, *, digits: int = 1) -> str:
        """A share (0 to 1) as a percentage."""
        return _NONE if value is None or not math.isfinite(value) else f"{self.number(100 * value, digits=digits)}%"

    def change(self, value: float | None, *, digits: int = 1) -> str:
        """A relative change as a signed percentage."""
        if value is None or not math.isfinite(value):
            return _NONE
        return ("+" if value > 0 else "") + self.share(value, digits=digits)

    def points(self, difference: float | None) -> str:
        """A difference of two shares (-1 to 1) in percentage points, with its sign: 6.9 points are not 6.9 %."""
        if difference is None or not math.isfinite(difference):
            return _NONE
        told = self.number(100 * difference, digits=1)
        return f"+{told}" if round(100 * difference, 1) > 0 else told

    def gain(self, minor: float | None) -> str:
        """Money that came (+) or went (-), as `money`."""
        return ("+" if minor is not None and minor > 0 else "") + self.money(minor)

    def money(self, minor: float | None) -> str:
        """Minor units as money with three significant digits: 万元 / 亿元 in Chinese, K / M / B in English."""
        if minor is None or not math.isfinite(minor):
            return _NONE
        units, money = minor / MINOR_PER_UNIT[self.currency], self.locale.money
        size, scale = next((s for s in money.scales if abs(units) >= s[0]), (1, ""))
        return money.form.format(
            sign="-" if units < 0 else "",
            symbol=SYMBOLS.get(self.currency, f"{self.currency} "),
            amount=self._three_digits(abs(units) / size),
            scale=scale,
            unit=money.units.get(self.currency, self.currency),
        )

    def money_exact(self, minor: float | None) -> str:
        """Minor units as money to the last minor unit, for tables that must add up."""
        if minor is None or not math.isfinite(minor):
            return _NONE
        per_unit = MINOR_PER_UNIT[self.currency]
        return self.number(minor / per_unit, digits=len(str(per_unit)) - 1)

    def day(self, value: date | None) -> str:
        """A day in ISO form, the one form both languages read alike."""
        return _NONE if value is None else value.isoformat()

    def month(self, value: date | None) -> str:
        """A month: 2010年1月, Jan 2010."""
        if value is None:
            return _NONE
        return str(format_date(value, self.locale.month, locale=self.locale.dates))

    def _three_digits(self, value: float) -> str:
        digits = 0 if value == 0 or abs(value) >= 100 else 2 - math.floor(math.log10(abs(value)))
        text = self.number(value, digits=min(max(digits, 0), 2))
        return text.rstrip("0").rstrip(".") if "." in text else text
