"""Who is leaving, why, and what works against it.

Behind the face: `features` (what is known of a customer as of a day), `models` (one per module), `judge` (back-tests,
calibration, probes), `movement` (flows, stages, causes), `lists` (watch list), `winback` (control groups, uplift);
`risk` trains and applies, `league` lets scores compete, `last_test` asks the last closed month.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
