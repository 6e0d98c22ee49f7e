"""Where to open next, net of what it takes from our own stores.

`study.town` checks the tables, `study.calibrate` chooses and fits the gravity model, `plan.make` forecasts, chooses,
bounds and explains. Below them one model per module: `huff` (with `decay`, `shares`, `likelihood`), `forecast`,
`cannibal`, `select` and `bound`, `ramp` and `payback`, `explain`, `backtest` and `choose`, `information`, `whatif`;
`score` where data are too few; `classics.network` for networks of any size; `classics.location` and `classics.mci` for
textbook problems.
"""

from crmlib.core.lazy import face

__getattr__, __dir__, __all__ = face(__name__, __file__)
