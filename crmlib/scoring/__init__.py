"""What is each customer worth: pyramid, RFM, value matrix, migration, smoothing, bulk scores."""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
