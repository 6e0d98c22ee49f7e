"""What the churn review says."""

from crmlib.pages.churn_review.findings.lists import reason_list
from crmlib.pages.churn_review.findings.losses import causes, fill, follow_up, stages
from crmlib.pages.churn_review.findings.movement import flow, owners, review_answer, stores
from crmlib.pages.churn_review.findings.winback import winback
from crmlib.pages.shared.churn_checks import calibration_check, drift_check, league_check, tiers_check
from crmlib.pages.shared.limits import limits

__all__ = [
    "calibration_check",
    "causes",
    "drift_check",
    "fill",
    "flow",
    "follow_up",
    "league_check",
    "limits",
    "owners",
    "reason_list",
    "review_answer",
    "stages",
    "stores",
    "tiers_check",
    "winback",
]
