"""Parameters of the site score: only what every report has."""

from __future__ import annotations

from crmlib.report.form.base import ReportParameters


class SiteScore(ReportParameters):
    """What the site score can be asked: the day and the language; its weights are fixed and shown."""
