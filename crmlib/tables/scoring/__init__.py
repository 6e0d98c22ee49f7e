"""Tables of customer value, groups and cards, set for reading."""

from crmlib.tables.scoring.pyramid import migration, tiers

__all__ = ["migration", "tiers"]
