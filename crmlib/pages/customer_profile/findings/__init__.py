"""What the profile page says."""

from crmlib.pages.customer_profile.findings.drivers import decomposition, drivers
from crmlib.pages.customer_profile.findings.grades import grades, referral_worth, rfm_classes
from crmlib.pages.customer_profile.findings.needs import need_segments
from crmlib.pages.customer_profile.findings.profile import answer, group_name, profile

__all__ = [
    "answer",
    "decomposition",
    "drivers",
    "grades",
    "group_name",
    "need_segments",
    "profile",
    "referral_worth",
    "rfm_classes",
]
