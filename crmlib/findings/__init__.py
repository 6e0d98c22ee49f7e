"""Frames become findings: the headline chosen by the data, what is seen, how sure, what to do."""

from crmlib.findings.finding import ActionList, Answer, Figure, Finding, Limits

__all__ = ["ActionList", "Answer", "Figure", "Finding", "Limits"]
