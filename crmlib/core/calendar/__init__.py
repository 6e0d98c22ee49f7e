"""The retail calendar: festivals, days off and make-up workdays, lunar-aligned years, same slots."""

from crmlib.core.calendar.festivals import FESTIVALS, festival_day

__all__ = ["FESTIVALS", "festival_day"]
