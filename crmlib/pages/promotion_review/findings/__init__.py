"""What the promotion review says."""

from crmlib.pages.promotion_review.findings.money import actions, execution, money, slot, takers
from crmlib.pages.promotion_review.findings.review import answer, check, overview, parts, trust

__all__ = [
    "actions",
    "answer",
    "check",
    "execution",
    "money",
    "overview",
    "parts",
    "slot",
    "takers",
    "trust",
]
