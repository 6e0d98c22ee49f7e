from crmlib.promotion import review as review
from crmlib.promotion.audit import did as did
from crmlib.promotion.audit import synthetic as synthetic
from crmlib.promotion.books import anyway as anyway
from crmlib.promotion.books import budget as budget
from crmlib.promotion.books import gap as gap
from crmlib.promotion.books import ledger as ledger
from crmlib.promotion.books import slots as slots
from crmlib.promotion.lift import baseline as baseline
from crmlib.promotion.lift import bulk as bulk
from crmlib.promotion.lift import elasticity as elasticity
from crmlib.promotion.lift import response as response
from crmlib.promotion.offers import clashes as clashes
from crmlib.promotion.offers import offer as offer
from crmlib.promotion.offers import pricing as pricing
from crmlib.promotion.plan import forecast as forecast
from crmlib.promotion.plan import holdout as holdout
from crmlib.promotion.plan import planning as planning
from crmlib.promotion.watch import execution as execution
from crmlib.promotion.watch import running as running

__all__ = [
    "anyway",
    "baseline",
    "budget",
    "bulk",
    "clashes",
    "did",
    "elasticity",
    "execution",
    "forecast",
    "gap",
    "holdout",
    "ledger",
    "offer",
    "planning",
    "pricing",
    "response",
    "review",
    "running",
    "slots",
    "synthetic",
]
