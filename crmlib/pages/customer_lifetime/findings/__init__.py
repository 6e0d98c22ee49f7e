"""What the lifetime models say."""

from crmlib.pages.customer_lifetime.findings.checks import (
    calibration,
    conditional,
    frequency,
    models,
    spend,
    spread,
    tracking,
)
from crmlib.pages.customer_lifetime.findings.keep import keep_list, undecided
from crmlib.pages.customer_lifetime.findings.value import answer, cohorts, newcomers, stores, tiers
from crmlib.pages.customer_lifetime.findings.wording import cards_apart, season

__all__ = [
    "answer",
    "calibration",
    "cards_apart",
    "cohorts",
    "conditional",
    "frequency",
    "keep_list",
    "models",
    "newcomers",
    "season",
    "spend",
    "spread",
    "stores",
    "tiers",
    "tracking",
    "undecided",
]
