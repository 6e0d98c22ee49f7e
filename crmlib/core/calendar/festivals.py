"""On which day does each festival fall? Lunar festivals by conversion, solar terms by the Sun's longitude.

Source of the solar terms: Meeus, Astronomical Algorithms (2nd ed.), chapter 25, low-precision solar position
(within .01 degrees, that is about 15 minutes of time), read on Beijing time (UTC+8).
"""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import cache

from lunardate import LunarDate

from crmlib.core.errors import ParameterError, check_choice

LUNAR_FESTIVALS: dict[str, tuple[int, int]] = {
    "laba": (12, 8),
    "little_new_year": (12, 23),
    "spring_festival": (1, 1),
    "lantern": (1, 15),
    "dragon_boat": (5, 5),
    "qixi": (7, 7),
    "mid_autumn": (8, 15),
    "double_ninth": (9, 9),
}
"""Lunar month and day. Laba and little New Year (23rd, as in the north) belong to the year of the Spring Festival
they lead to, so Laba of 2020 is 2 January 2020 and Laba of 2023 is 30 December 2022."""

SOLAR_FESTIVALS: dict[str, tuple[int, int]] = {
    "new_year": (1, 1),
    "womens_day": (3, 8),
    "labour_day": (5, 1),
    "childrens_day": (6, 1),
    "sale_618": (6, 18),
    "national_day": (10, 1),
    "sale_1111": (11, 11),
    "sale_1212": (12, 12),
}
SOLAR_TERMS: dict[str, tuple[int, float]] = {"qingming": (4, 15.0), "winter_solstice": (12, 270.0)}
"""Month in which the term falls and the Sun's apparent longitude in degrees that defines it."""

FESTIVALS: tuple[str, ...] = (*LUNAR_FESTIVALS, *SOLAR_FESTIVALS, *SOLAR_TERMS)
FIRST_YEAR, LAST_YEAR = 1901, 2099
_J2000 = date(2000, 1, 1)


@cache
def festival_day(festival: str, year: int) -> date:
    """Day of `festival` in `year`, a Gregorian year (for Laba and little New Year that of the Spring Festival).

    Examples
    --------
    >>> str(festival_day("spring_festival", 2026)), str(festival_day("mid_autumn", 2025))
    ('2026-02-17', '2025-10-06')
    >>> str(festival_day("qingming", 2026)), str(festival_day("winter_solstice", 2026))
    ('2026-04-05', '2026-12-22')
    """
    check_choice(festival, FESTIVALS, name="festival")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise ParameterError(
            "calendar.span", values={"first": year, "last": year, "low": FIRST_YEAR, "high": LAST_YEAR}
        )
    if festival in SOLAR_FESTIVALS:
        return date(year, *SOLAR_FESTIVALS[festival])
    if festival in SOLAR_TERMS:
        return _solar_term(year, *SOLAR_TERMS[festival])
    month, day = LUNAR_FESTIVALS[festival]
    lunar_year = year - 1 if month == 12 else year
    found: date = LunarDate(lunar_year, month, day).to_solar_date()
    return found


def _solar_term(year: int, month: int, longitude: float) -> date:
    """First Beijing day at whose end the Sun has passed `longitude`; terms move by two days over the centuries."""
    for day in range(1, 29):
        end_of_day = date(year, month, day)
        passed = (_sun_longitude(end_of_day) - longitude + 180) % 360 - 180
        if passed >= 0:
            return end_of_day
    raise AssertionError("a solar term falls within every month")  # pragma: no cover


def _sun_longitude(day: date) -> float:
    """Apparent longitude of the Sun [degrees] at the end of a Beijing day, 16:00 UTC (Meeus, Eqs. 25.2-25.8)."""
    terrestrial_lag = 69 / 86400  # TT runs about 69 s ahead of UTC in these years
    t = ((day - _J2000) / timedelta(days=1) + 16 / 24 - 0.5 + terrestrial_lag) / 36525
    mean_longitude = 280.46646 + 36000.76983 * t + 0.0003032 * t * t
    anomaly = math.radians(357.52911 + 35999.05029 * t - 0.0001537 * t * t)
    centre = (
        (1.914602 - 0.004817 * t - 0.000014 * t * t) * math.sin(anomaly)
        + (0.019993 - 0.000101 * t) * math.sin(2 * anomaly)
        + 0.000289 * math.sin(3 * anomaly)
    )
    node = math.radians(125.04 - 1934.136 * t)
    return (mean_longitude + centre - 0.00569 - 0.00478 * math.sin(node)) % 360
