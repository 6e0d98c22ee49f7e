"""What the customer value page says."""

from crmlib.pages.customer_value.findings.matrix import movers, value_matrix
from crmlib.pages.customer_value.findings.overdue import back_test, contact_list, overdue_upper, with_tiers
from crmlib.pages.customer_value.findings.segments import loyalty, segments
from crmlib.pages.customer_value.findings.tiers import answer, concentration, migration

__all__ = [
    "answer",
    "back_test",
    "concentration",
    "contact_list",
    "loyalty",
    "migration",
    "movers",
    "overdue_upper",
    "segments",
    "value_matrix",
    "with_tiers",
]
