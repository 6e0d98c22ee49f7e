"""What the scores say: concentration, movement, value, groups, cards."""

from crmlib.findings.scoring.drivers import decomposition, drivers
from crmlib.findings.scoring.grades import grades, referral_worth, rfm_classes
from crmlib.findings.scoring.matrix import movers, value_matrix
from crmlib.findings.scoring.needs import need_segments
from crmlib.findings.scoring.overdue import back_test, contact_list, overdue_upper, with_tiers
from crmlib.findings.scoring.profile import answer as profile_answer
from crmlib.findings.scoring.profile import group_name, profile
from crmlib.findings.scoring.pyramid import answer, concentration, migration
from crmlib.findings.scoring.segments import loyalty, segments, tags

__all__ = [
    "answer",
    "back_test",
    "concentration",
    "contact_list",
    "decomposition",
    "drivers",
    "grades",
    "group_name",
    "loyalty",
    "migration",
    "movers",
    "need_segments",
    "overdue_upper",
    "profile",
    "profile_answer",
    "referral_worth",
    "rfm_classes",
    "segments",
    "tags",
    "value_matrix",
    "with_tiers",
]
