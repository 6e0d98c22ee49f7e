"""Parameters of the introduction report."""

from __future__ import annotations

from crmlib.report.form.base import ReportParameters


class Rollout(ReportParameters):
    """What the introduction report can be asked: nothing but its day, language and region."""
