"""What the score page says."""

from crmlib.pages.site_score.findings.score import score, score_answer, score_limits

__all__ = [
    "score",
    "score_answer",
    "score_limits",
]
