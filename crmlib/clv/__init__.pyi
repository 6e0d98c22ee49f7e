from crmlib.clv import history as history
from crmlib.clv import horizon as horizon
from crmlib.clv.exchange import bridge as bridge
from crmlib.clv.forecast import intervals as intervals
from crmlib.clv.forecast import portfolio as portfolio
from crmlib.clv.forecast import posterior as posterior
from crmlib.clv.forecast import predict as predict
from crmlib.clv.forecast import value as value
from crmlib.clv.judge import backtest as backtest
from crmlib.clv.judge import diagnosis as diagnosis
from crmlib.clv.models import bg_bb as bg_bb
from crmlib.clv.models import bg_cnbd as bg_cnbd
from crmlib.clv.models import bg_nbd as bg_nbd
from crmlib.clv.models import gamma_gamma as gamma_gamma
from crmlib.clv.models import ggom_nbd as ggom_nbd
from crmlib.clv.models import mbg_cnbd as mbg_cnbd
from crmlib.clv.models import mbg_nbd as mbg_nbd
from crmlib.clv.models import nbd as nbd
from crmlib.clv.models import pareto_nbd as pareto_nbd
from crmlib.clv.models import sbg as sbg

__all__ = [
    "backtest",
    "bg_bb",
    "bg_cnbd",
    "bg_nbd",
    "bridge",
    "diagnosis",
    "gamma_gamma",
    "ggom_nbd",
    "history",
    "horizon",
    "intervals",
    "mbg_cnbd",
    "mbg_nbd",
    "nbd",
    "pareto_nbd",
    "portfolio",
    "posterior",
    "predict",
    "sbg",
    "value",
]
