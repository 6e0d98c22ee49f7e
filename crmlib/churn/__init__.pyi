from crmlib.churn import last_test as last_test
from crmlib.churn import league as league
from crmlib.churn import metrics as metrics
from crmlib.churn import risk as risk
from crmlib.churn.features import catalogue as catalogue
from crmlib.churn.features import labels as labels
from crmlib.churn.features import visits as visits
from crmlib.churn.judge import backtest as backtest
from crmlib.churn.judge import calibration as calibration
from crmlib.churn.judge import probes as probes
from crmlib.churn.judge import profit as profit
from crmlib.churn.lists import snapshot as snapshot
from crmlib.churn.lists import watchlist as watchlist
from crmlib.churn.models import hazard as hazard
from crmlib.churn.models import overdue as overdue
from crmlib.churn.models import reasons as reasons
from crmlib.churn.movement import causes as causes
from crmlib.churn.movement import flows as flows
from crmlib.churn.movement import stages as stages
from crmlib.churn.winback import uplift as uplift

__all__ = [
    "backtest",
    "calibration",
    "catalogue",
    "causes",
    "flows",
    "hazard",
    "labels",
    "last_test",
    "league",
    "metrics",
    "overdue",
    "probes",
    "profit",
    "reasons",
    "risk",
    "snapshot",
    "stages",
    "uplift",
    "visits",
    "watchlist",
]
