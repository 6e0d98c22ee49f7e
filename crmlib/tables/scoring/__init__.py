"""Tables of customer value, groups and cards, set for reading."""

from crmlib.tables.scoring.pyramid import migration, tiers
from crmlib.tables.scoring.values import readable

__all__ = ["migration", "readable", "tiers"]
