from crmlib.sites import backtest as backtest
from crmlib.sites import cannibal as cannibal
from crmlib.sites import choose as choose
from crmlib.sites import forecast as forecast
from crmlib.sites import huff as huff
from crmlib.sites import payback as payback
from crmlib.sites import plan as plan
from crmlib.sites import ramp as ramp
from crmlib.sites import score as score
from crmlib.sites import select as select
from crmlib.sites import study as study
from crmlib.sites import whatif as whatif
from crmlib.sites.classics import location as location
from crmlib.sites.classics import mci as mci
from crmlib.sites.classics import network as network

__all__ = [
    "backtest",
    "cannibal",
    "choose",
    "forecast",
    "huff",
    "location",
    "mci",
    "network",
    "payback",
    "plan",
    "ramp",
    "score",
    "select",
    "study",
    "whatif",
]
