"""What the scores say: concentration, movement, value, groups, cards."""

from crmlib.findings.scoring.matrix import movers, value_matrix
from crmlib.findings.scoring.overdue import back_test, contact_list, overdue_upper, with_tiers
from crmlib.findings.scoring.pyramid import answer, concentration, migration
from crmlib.findings.scoring.segments import loyalty, segments, tags

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
    "tags",
    "value_matrix",
    "with_tiers",
]
