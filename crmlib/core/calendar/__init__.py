"""The retail calendar: festivals, days off and make-up workdays, same slots, lunar-aligned years."""

from crmlib.core.calendar.days import days, festivals
from crmlib.core.calendar.festivals import FESTIVALS, LUNAR_FESTIVALS, SOLAR_FESTIVALS, SOLAR_TERMS, festival_day
from crmlib.core.calendar.official import is_holiday, is_makeup, is_workday, official_years, status
from crmlib.core.calendar.slots import (
    PEAKS,
    SLOT_BEGINS,
    SLOT_ENDS,
    aligned_year,
    is_joint,
    lunar_aligned,
    same_slot,
    slot_of,
)

__all__ = [
    "FESTIVALS",
    "LUNAR_FESTIVALS",
    "PEAKS",
    "SLOT_BEGINS",
    "SLOT_ENDS",
    "SOLAR_FESTIVALS",
    "SOLAR_TERMS",
    "aligned_year",
    "days",
    "festival_day",
    "festivals",
    "is_holiday",
    "is_joint",
    "is_makeup",
    "is_workday",
    "lunar_aligned",
    "official_years",
    "same_slot",
    "slot_of",
    "status",
]
