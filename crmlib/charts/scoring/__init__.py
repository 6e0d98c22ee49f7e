"""Pictures of customer value, groups and cards."""

from crmlib.charts.scoring.bars import bars, columns, dots, interval_bars, share_line
from crmlib.charts.scoring.matrix import matrix
from crmlib.charts.scoring.pyramid import concentration, migration

__all__ = ["bars", "columns", "concentration", "dots", "interval_bars", "matrix", "migration", "share_line"]
