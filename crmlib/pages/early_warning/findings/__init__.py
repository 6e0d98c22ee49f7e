"""What early warning says."""

from crmlib.pages.early_warning.findings.lists import watch_list
from crmlib.pages.early_warning.findings.warning import answer, capacity, entries, last_list, silence, value_at_risk
from crmlib.pages.shared.churn_checks import calibration_check, drift_check, league_check, tiers_check
from crmlib.pages.shared.limits import limits

__all__ = [
    "answer",
    "calibration_check",
    "capacity",
    "drift_check",
    "entries",
    "last_list",
    "league_check",
    "limits",
    "silence",
    "tiers_check",
    "value_at_risk",
    "watch_list",
]
