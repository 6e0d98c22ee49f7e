"""What the scores say: concentration, movement, value, groups, cards."""

from crmlib.findings.scoring.pyramid import answer, concentration, migration

__all__ = ["answer", "concentration", "migration"]
