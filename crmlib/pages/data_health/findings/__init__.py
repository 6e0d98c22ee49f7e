"""What the health page says."""

from crmlib.pages.data_health.findings.cards import doubles, gaps, no_persons
from crmlib.pages.data_health.findings.health import card_share, contracts, freshness, health_answer, ingest_sum

__all__ = [
    "card_share",
    "contracts",
    "doubles",
    "freshness",
    "gaps",
    "health_answer",
    "ingest_sum",
    "no_persons",
]
