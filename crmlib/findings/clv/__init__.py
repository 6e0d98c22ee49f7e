"""What the lifetime models say: the portfolio, whom to keep, what a new customer is worth, and whether to trust it."""

from crmlib.findings.clv.checks import calibration, conditional, frequency, models, spend, spread, tracking
from crmlib.findings.clv.keep import keep_list, undecided
from crmlib.findings.clv.value import answer, cohorts, newcomers, stores, tiers

__all__ = [
    "answer",
    "calibration",
    "cohorts",
    "conditional",
    "frequency",
    "keep_list",
    "models",
    "newcomers",
    "spend",
    "spread",
    "stores",
    "tiers",
    "tracking",
    "undecided",
]
