"""What the page on new sites says."""

from crmlib.pages.site_selection.findings.checks import calibration, data_quality, past_openings
from crmlib.pages.site_selection.findings.money import losers, paid_back, what_if
from crmlib.pages.site_selection.findings.recommend import actions, answer, limits, recommendation
from crmlib.pages.site_selection.findings.where import ranking, town_map, why

__all__ = [
    "actions",
    "answer",
    "calibration",
    "data_quality",
    "limits",
    "losers",
    "paid_back",
    "past_openings",
    "ranking",
    "recommendation",
    "town_map",
    "what_if",
    "why",
]
