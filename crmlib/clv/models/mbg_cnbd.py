"""MBG/CNBD-k: MBG/NBD for regular buyers, the model of a grocer; see `models.cnbd` for source and symbols."""

from __future__ import annotations

from collections.abc import Sequence

from crmlib.clv.estimate.result import ModelFit
from crmlib.clv.history import PurchaseHistory, Unit
from crmlib.clv.models import cnbd
from crmlib.clv.models.cnbd import CnbdParams
from crmlib.core.frames import AnyFrame


def fit(
    history: AnyFrame | PurchaseHistory,
    *,
    k: int | None = None,
    unit: Unit = "week",
    purchase: Sequence[str] = (),
    dropout: Sequence[str] = (),
    prior: float | None = None,
) -> ModelFit[CnbdParams]:
    """Fit MBG/CNBD-k; without `k` the history needs `log_gaps`, see `models.cnbd.fit` for the arguments and errors.

    Examples
    --------
    >>> import polars as pl
    >>> h = pl.DataFrame({"x": [2, 1, 0, 0, 5, 0], "t_x": [30.4, 1.7, 0, 0, 24.4, 0], "T": [38.9] * 6})
    >>> fit(h, k=2, prior=1.0).model
    'mbg_cnbd_2'
    """
    return cnbd.fit(history, family="mbg_cnbd", k=k, unit=unit, purchase=purchase, dropout=dropout, prior=prior)
