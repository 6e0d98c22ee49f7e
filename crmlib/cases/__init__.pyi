from crmlib.cases import accept as accept
from crmlib.cases import birthdays as birthdays
from crmlib.cases import care as care
from crmlib.cases import channel as channel
from crmlib.cases import clock as clock
from crmlib.cases import cycle as cycle
from crmlib.cases import diversion as diversion
from crmlib.cases import forecast as forecast
from crmlib.cases import funnel as funnel
from crmlib.cases import media as media
from crmlib.cases import meetings as meetings
from crmlib.cases import orders as orders
from crmlib.cases import pool as pool
from crmlib.cases import scores as scores
from crmlib.cases import service as service
from crmlib.cases import staff as staff
from crmlib.cases import staffing as staffing
from crmlib.cases import stages as stages
from crmlib.cases import use_up as use_up

__all__ = [
    "accept",
    "birthdays",
    "care",
    "channel",
    "clock",
    "cycle",
    "diversion",
    "forecast",
    "funnel",
    "media",
    "meetings",
    "orders",
    "pool",
    "scores",
    "service",
    "staff",
    "staffing",
    "stages",
    "use_up",
]
