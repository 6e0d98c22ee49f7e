from crmlib.outreach import campaign as campaign
from crmlib.outreach import draw as draw
from crmlib.outreach import festival as festival
from crmlib.outreach import funnel as funnel
from crmlib.outreach import means as means
from crmlib.outreach import members as members
from crmlib.outreach import message as message
from crmlib.outreach import money as money
from crmlib.outreach import new_to_them as new_to_them
from crmlib.outreach import one_list as one_list
from crmlib.outreach import outbox as outbox
from crmlib.outreach import outcomes as outcomes
from crmlib.outreach import partners as partners
from crmlib.outreach import permission as permission
from crmlib.outreach import power as power
from crmlib.outreach import programme as programme
from crmlib.outreach import read_out as read_out
from crmlib.outreach import register as register
from crmlib.outreach import repeat as repeat
from crmlib.outreach import results as results

__all__ = [
    "campaign",
    "draw",
    "festival",
    "funnel",
    "means",
    "members",
    "message",
    "money",
    "new_to_them",
    "one_list",
    "outbox",
    "outcomes",
    "partners",
    "permission",
    "power",
    "programme",
    "read_out",
    "register",
    "repeat",
    "results",
]
