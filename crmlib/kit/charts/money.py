"""Money on an axis: in the unit that the language counts large amounts in."""

from __future__ import annotations

from crmlib.core.money import MINOR_PER_UNIT, SYMBOLS
from crmlib.kit.words import Words


def axis(largest_minor: float, *, words: Words) -> tuple[float, str]:
    """Minor units in one unit of an axis, and what that unit is called.

    Examples
    --------
    >>> axis(9_000_000_00, words=Words("en")), axis(900_00, words=Words("en"))
    ((100000.0, 'thousand ¥'), (100, '¥'))
    """
    currency, scale = words.format.currency, words.format.locale.money
    units = abs(largest_minor) / MINOR_PER_UNIT[currency]
    name = words.label(f"page.unit.{currency}") if scale.units else None
    large = units >= scale.axis_from
    title = words(f"page.axis.{'large' if large else 'small'}", unit=name or SYMBOLS.get(currency, currency))
    return MINOR_PER_UNIT[currency] * (scale.axis if large else 1), title
