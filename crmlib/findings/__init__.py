"""Frames become findings: the headline chosen by the data, what is seen, how sure, what to do."""

from crmlib.core.lazy import submodules
from crmlib.findings.finding import ActionList, Answer, Figure, Finding, Limits

__all__ = ["ActionList", "Answer", "Figure", "Finding", "Limits"]

# The findings of one question (`findings.scoring`) are imported on first use: each brings its own charts.
__getattr__, __dir__ = submodules(__name__, __path__, names=__all__)
