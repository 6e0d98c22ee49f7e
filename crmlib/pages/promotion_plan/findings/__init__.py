"""What the promotion plan says."""

from crmlib.pages.promotion_plan.findings.budget import budget
from crmlib.pages.promotion_plan.findings.plan import answer, check, clashes, drafts, holdout, lessons, response, stock
from crmlib.pages.promotion_plan.findings.what_if import grid

__all__ = [
    "answer",
    "budget",
    "check",
    "clashes",
    "drafts",
    "grid",
    "holdout",
    "lessons",
    "response",
    "stock",
]
