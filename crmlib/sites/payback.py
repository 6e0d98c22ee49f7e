"""How many months until a store has earned back what it cost? A distribution, set against the lease's end.

Cash of month m = net revenue of the chain/12 × ramp(m) × year's luck × margin − rent·(1 + g)^year − fixed cost. Net is
what the chain gains, so the margin lost in own stores is inside. "Never" (not within the horizon) is a legal outcome.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from crmlib.sites.market import Array

HORIZON_MONTHS = 120
YEAR_SD = 0.05  # luck of a year, common to its months
QUANTILES = (0.1, 0.5, 0.9)


def months(
    net: Array,
    *,
    ramp: Array,
    margin: float,
    rent_month: Array,
    fixed_month: Array,
    capex: Array,
    rng: np.random.Generator,
    rent_growth: float = 0.0,
) -> Array:
    """Month in which the cash flow has paid back capex, inf if not within the horizon; shape (draws, n).

    Parameters
    ----------
    net : net revenue at maturity [yuan a year], shape (draws, n).
    ramp : share of maturity by month, shape (draws, months); its length is the horizon.
    rent_month, fixed_month, capex : [yuan], shape (n,); rent_growth : a year.
    """
    horizon = ramp.shape[1]
    year = np.arange(horizon) // 12
    luck = np.exp(rng.normal(-(YEAR_SD**2) / 2, YEAR_SD, (len(net), year.max() + 1)))[:, year]
    earned = np.cumsum(ramp * luck, axis=1) / 12 * margin
    rent = np.cumsum((1 + rent_growth) ** year)
    out = np.full(net.shape, np.inf)
    for n in range(net.shape[1]):
        cash = net[:, n, None] * earned - rent_month[n] * rent - fixed_month[n] * np.arange(1, horizon + 1) - capex[n]
        paid = cash >= 0
        out[:, n] = np.where(paid.any(axis=1), paid.argmax(axis=1) + 1, np.inf)
    return out


def summary(months_: Array, *, ids: tuple[str, ...], lease_months: Array) -> pl.DataFrame:
    """site_id, payback_p10/p50/p90 [months, null = never], p_never, p_12, p_24, p_lease (paid back within the lease).

    Quantiles are observed outcomes (method "lower"): a mean between 30 months and never has no meaning.

    Examples
    --------
    >>> drawn = np.array([[10.0], [20.0], [np.inf], [np.inf]])
    >>> summary(drawn, ids=("a",), lease_months=np.array([15])).select("payback_p50", "p_never", "p_lease").row(0)
    (20, 0.5, 0.25)
    """
    quantiles = np.quantile(months_, QUANTILES, axis=0, method="lower")
    frame = {"site_id": list(ids)}
    whole = [[None if np.isinf(v) else int(v) for v in row] for row in quantiles]
    return pl.DataFrame(
        {
            **frame,
            "payback_p10": pl.Series(whole[0], dtype=pl.Int64),
            "payback_p50": pl.Series(whole[1], dtype=pl.Int64),
            "payback_p90": pl.Series(whole[2], dtype=pl.Int64),
            "p_never": np.isinf(months_).mean(axis=0),
            "p_12": (months_ <= 12).mean(axis=0),
            "p_24": (months_ <= 24).mean(axis=0),
            "p_lease": (months_ <= lease_months).mean(axis=0),
            "lease_months": pl.Series(lease_months.astype(np.int64)),
        }
    )
