"""What the scores say: concentration, movement, value, groups, cards."""

from crmlib.findings.scoring.drivers import decomposition, drivers
from crmlib.findings.scoring.grades import grades, referral_worth, rfm_classes
from crmlib.findings.scoring.health import card_share, contracts, freshness, health_answer, ingest_sum
from crmlib.findings.scoring.matrix import movers, value_matrix
from crmlib.findings.scoring.needs import need_segments
from crmlib.findings.scoring.one import Person, basket, course, on_file, person_answer, row_of, standing
from crmlib.findings.scoring.overdue import back_test, contact_list, overdue_upper, with_tiers
from crmlib.findings.scoring.persons import doubles, gaps, no_persons
from crmlib.findings.scoring.profile import answer as profile_answer
from crmlib.findings.scoring.profile import group_name, profile
from crmlib.findings.scoring.pyramid import answer, concentration, migration
from crmlib.findings.scoring.segments import loyalty, segments, tags

__all__ = [
    "Person",
    "answer",
    "back_test",
    "basket",
    "card_share",
    "concentration",
    "contact_list",
    "contracts",
    "course",
    "decomposition",
    "doubles",
    "drivers",
    "freshness",
    "gaps",
    "grades",
    "group_name",
    "health_answer",
    "ingest_sum",
    "loyalty",
    "migration",
    "movers",
    "need_segments",
    "no_persons",
    "on_file",
    "overdue_upper",
    "person_answer",
    "profile",
    "profile_answer",
    "referral_worth",
    "rfm_classes",
    "row_of",
    "segments",
    "standing",
    "tags",
    "value_matrix",
    "with_tiers",
]
