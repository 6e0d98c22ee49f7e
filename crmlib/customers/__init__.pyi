from crmlib.customers import business as business
from crmlib.customers import grades as grades
from crmlib.customers import view360 as view360
from crmlib.customers.groups import drivers as drivers
from crmlib.customers.groups import needs as needs
from crmlib.customers.groups import profile as profile
from crmlib.customers.groups import segments as segments
from crmlib.customers.groups import suppression as suppression
from crmlib.customers.groups import traits as traits
from crmlib.customers.loyalty import contact_list as contact_list
from crmlib.customers.loyalty import overdue as overdue
from crmlib.customers.loyalty import referrals as referrals
from crmlib.customers.loyalty import retention as retention
from crmlib.customers.members import cards as cards
from crmlib.customers.members import identity as identity
from crmlib.customers.members import periods as periods

__all__ = [
    "business",
    "cards",
    "contact_list",
    "drivers",
    "grades",
    "identity",
    "needs",
    "overdue",
    "periods",
    "profile",
    "referrals",
    "retention",
    "segments",
    "suppression",
    "traits",
    "view360",
]
