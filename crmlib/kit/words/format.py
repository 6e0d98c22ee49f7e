"""Numbers, money, shares and dates as a reader of the language writes them."""

from __future__ import annotations

import math
from datetime import date
from functools import cache

from babel import Locale
from babel.numbers import NumberPattern, format_decimal, parse_pattern

from crmlib.core.money import MINOR_PER_UNIT, SYMBOLS

_BABEL = {"zh": "zh_CN", "en": "en_GB"}
_NONE = "—"


@cache
def _locale(language: str) -> Locale:
    return Locale.parse(_BABEL[language])


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

    __slots__ = ("currency", "language")

    def __init__(self, language: str, *, currency: str = "CNY") -> None:
        self.language = language
        self.currency = currency

    def number(self, value: float | None, *, digits: int = 0) -> str:
        """A plain number with thousands separators and exactly `digits` decimals."""
        if value is None or not math.isfinite(value):
            return _NONE
        pattern, locale = _pattern(digits), _locale(self.language)
        return str(format_decimal(round(value, digits) + 0.0, format=pattern, locale=locale))

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

    def money(self, minor: float | None) -> str:
        """Minor units as money with three significant digits: 万元 / 亿元 in Chinese, K / M / B in English."""
        if minor is None or not math.isfinite(minor):
            return _NONE
        units = minor / MINOR_PER_UNIT[self.currency]
        return self._chinese_money(units) if self.language == "zh" else self._english_money(units)

    def money_exact(self, minor: float | None) -> str:
        """Minor units as money to the last minor unit, for tables that must add up."""
        if minor is None or not math.isfinite(minor):
            return _NONE
        per_unit = MINOR_PER_UNIT[self.currency]
        return self.number(minor / per_unit, digits=2 if per_unit == 100 else 0)

    def day(self, value: date | None) -> str:
        """A day in ISO form, the one form both languages read alike."""
        return _NONE if value is None else value.isoformat()

    def month(self, value: date | None) -> str:
        """A month: 2010年1月, Jan 2010."""
        if value is None:
            return _NONE
        # 年 and 月, written as escapes because Chinese words live in the TOML files
        return f"{value.year}\u5e74{value.month}\u6708" if self.language == "zh" else f"{value:%b %Y}"

    def _chinese_money(self, units: float) -> str:
        unit = {"CNY": "\u5143", "GBP": "\u82f1\u9551", "USD": "\u7f8e\u5143", "EUR": "\u6b27\u5143"}.get(
            self.currency, self.currency
        )
        for size, name in ((1e8, "\u4ebf"), (1e4, "\u4e07")):
            if abs(units) >= size:
                return f"{self._three_digits(units / size)} {name}{unit}"
        return f"{self._three_digits(units)} {unit}"

    def _english_money(self, units: float) -> str:
        sign, symbol = "-" if units < 0 else "", SYMBOLS.get(self.currency, f"{self.currency} ")
        for size, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
            if abs(units) >= size:
                return f"{sign}{symbol}{self._three_digits(abs(units) / size)}{name}"
        return f"{sign}{symbol}{self._three_digits(abs(units))}"

    def _three_digits(self, value: float) -> str:
        digits = 0 if value == 0 or abs(value) >= 100 else 2 - math.floor(math.log10(abs(value)))
        text = self.number(value, digits=min(max(digits, 0), 2))
        return text.rstrip("0").rstrip(".") if "." in text else text
