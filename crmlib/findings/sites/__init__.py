"""What the page on new sites says: the plan, the map, the ranking, why, who loses, payback, what if, and its checks."""

from crmlib.findings.sites.checks import calibration, data_quality, past_openings
from crmlib.findings.sites.fallback import score, score_answer, score_limits
from crmlib.findings.sites.money import losers, paid_back, what_if
from crmlib.findings.sites.recommend import actions, answer, limits, recommendation
from crmlib.findings.sites.where import ranking, town_map, why

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
    "score",
    "score_answer",
    "score_limits",
    "town_map",
    "what_if",
    "why",
]
