"""What churn says: who is late today, who left and why, what works, and whether the model can be trusted."""

from crmlib.findings.churn.actions import reason_list, watch_list
from crmlib.findings.churn.checks import calibration_check, drift_check, league_check, tiers_check
from crmlib.findings.churn.limits import limits
from crmlib.findings.churn.losses import causes, fill, follow_up, stages
from crmlib.findings.churn.movement import flow, owners, review_answer, stores
from crmlib.findings.churn.warning import answer, capacity, entries, last_list, silence, value_at_risk
from crmlib.findings.churn.winback import winback

__all__ = [
    "answer",
    "calibration_check",
    "capacity",
    "causes",
    "drift_check",
    "entries",
    "fill",
    "flow",
    "follow_up",
    "last_list",
    "league_check",
    "limits",
    "owners",
    "reason_list",
    "review_answer",
    "silence",
    "stages",
    "stores",
    "tiers_check",
    "value_at_risk",
    "watch_list",
    "winback",
]
