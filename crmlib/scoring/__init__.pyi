from crmlib.scoring import bulk_scores as bulk_scores
from crmlib.scoring import matrix as matrix
from crmlib.scoring import migration as migration
from crmlib.scoring import pyramid as pyramid
from crmlib.scoring import rfm as rfm
from crmlib.scoring import smoothing as smoothing
from crmlib.scoring import state as state
from crmlib.scoring.pyramid import Pyramid as Pyramid

__all__ = [
    "Pyramid",
    "bulk_scores",
    "matrix",
    "migration",
    "pyramid",
    "rfm",
    "smoothing",
    "state",
]
