"""What the promotion watch says."""

from crmlib.pages.promotion_watch.findings.watch import actions, answer, band, margin, shelves, spending, stores

__all__ = [
    "actions",
    "answer",
    "band",
    "margin",
    "shelves",
    "spending",
    "stores",
]
