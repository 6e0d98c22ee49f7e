"""Pictures of customer value, groups and cards."""

from crmlib.charts.scoring.pyramid import concentration, migration

__all__ = ["concentration", "migration"]
