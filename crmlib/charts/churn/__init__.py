"""Pictures of churn: who is late, who left, why, and whether the model can be trusted."""

from crmlib.charts.churn.bars import bars, outcomes, stages
from crmlib.charts.churn.checks import calibration, drift, league
from crmlib.charts.churn.lines import effects, incidence, silence
from crmlib.charts.churn.movement import flow, stores

__all__ = [
    "bars",
    "calibration",
    "drift",
    "effects",
    "flow",
    "incidence",
    "league",
    "outcomes",
    "silence",
    "stages",
    "stores",
]
