"""Synthetic control: a weighted mean of untreated units, for the one-unit case, geo tests and as published yardsticks.

Weights ≥ 0 that add up to 1 follow the treated unit best before the event: on its outcomes (least squares), or on
predictors whose own weights are chosen so that the outcomes are followed best (Abadie, Diamond & Hainmueller 2010,
Journal of the American Statistical Association 105(490), 493-505). Demeaned: every unit loses its own mean before the
event, so the mean of the others need not reach the treated unit's level (Doudchenko & Imbens 2016, NBER 22791; Ferman &
Pinto 2021, Quantitative Economics 12(4), 1197-1221). Test and interval come from placebos in space: every untreated
unit takes its turn as the treated one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize, nnls

from crmlib.core.errors import ModelError
from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Floats

SUM_WEIGHT = 1e4
"""How much heavier than the data the condition that weights add up to 1 counts, relative to the data's size."""
MIN_OTHERS = 2
"""Untreated units beside the one whose turn it is as a placebo."""


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Effect from the first event period on.

    effect : mean gap of a treated unit and period; total : of all of them; lift : total / what was expected.
    lower, upper : placebo interval of `effect`, p_value : share of units (the treated one included) whose gap grew as
        much, after / before; None with too few untreated units.
    weights : of the untreated units, shape (units,). fit : root mean squared gap before. gap : shape (periods,).
    """

    effect: float
    total: float
    lift: float
    lower: float | None
    upper: float | None
    p_value: float | None
    weights: Floats
    fit: float
    gap: Floats


def simplex_weights(before: Floats, treated: Floats) -> Floats:
    """Weights of the untreated units, shape (units,); `before` is (periods, units), `treated` is (periods,).

    Examples
    --------
    >>> before = np.array([[1.0, 3.0], [2.0, 5.0], [2.0, 4.0]])
    >>> simplex_weights(before, before @ [0.25, 0.75]).round(3)
    array([0.25, 0.75])
    """
    check_shapes(treated=(treated, "periods"), before=(before, "periods units"))
    heavy = SUM_WEIGHT * (float(np.abs(before).max(initial=0.0)) or 1.0)
    stacked = np.vstack([before, np.full((1, before.shape[1]), heavy)])
    found, _ = nnls(stacked, np.concatenate([treated, [heavy]]), maxiter=50 * before.shape[1])
    return np.asarray(found / found.sum())


def mean_effect(treated: Floats, others: Floats, *, first: int, weights: Floats | None = None) -> float:
    """Mean effect from period `first` on; treated (periods,), others (periods, units), weights (units,).

    With `weights`: treated − weighted others. Without: difference-in-differences against their plain mean.

    Raises
    ------
    ModelError
        frame.shape (a transposed array, too); promotion.synthetic_periods: no period before, or none from `first` on.
    """
    _check(treated, others, first=first, weights=weights)
    if weights is not None:
        return float((treated - others @ weights)[first:].mean())
    gap = treated - others.mean(axis=1)
    return float(gap[first:].mean() - gap[:first].mean())


def synthetic_control(
    treated: Floats,
    others: Floats,
    *,
    first: int,
    demeaned: bool = True,
    predictors: tuple[Floats, Floats] | None = None,
    coverage: float = 0.9,
) -> Synthetic:
    """Effect of an event on one unit, or on the mean of several.

    Parameters
    ----------
    treated : outcomes, shape (periods,) or (periods, treated units). others : untreated, shape (periods, units).
    first : position of the first event period.
    demeaned : take every unit's mean before the event out first (the intercept).
    predictors : of the treated unit, shape (k,), and of the others, shape (k, units): weights follow these, each
        weighed so that outcomes before the event are followed best (`predictor_weights`); without them the outcomes.

    Raises
    ------
    ModelError
        frame.shape; promotion.synthetic_periods.
    """
    units = np.atleast_2d(np.asarray(treated).T).T
    check_shapes(treated=(units, "periods treated"), others=(others, "periods units"))
    mine = units.mean(axis=1)
    _check(mine, others, first=first)
    gap, weights = _gap(mine, others, first, demeaned=demeaned, predictors=predictors)
    effect = float(gap[first:].mean())
    placebos = [_placebo(others, unit, first, demeaned=demeaned, predictors=predictors) for unit in _turns(others)]
    expected = float((mine - gap)[first:].sum())
    lower, upper = _interval(effect, gap, first, placebos, coverage)
    return Synthetic(
        effect=effect,
        total=float(gap[first:].sum()) * units.shape[1],
        lift=float(gap[first:].sum()) / expected if expected else float("nan"),
        lower=lower,
        upper=upper,
        p_value=_p_value(gap, first, placebos),
        weights=weights,
        fit=float(np.sqrt((gap[:first] ** 2).mean())),
        gap=gap,
    )


def predictor_weights(own: Floats, predictors: Floats, *, treated: Floats, before: Floats) -> tuple[Floats, Floats]:
    """Weights of the predictors, shape (k,), and of the untreated units, shape (units,); each adds up to 1.

    Predictors are scaled to unit spread over all units; their weights minimise the squared gap of the outcomes before
    the event, searched from equal weights and from those that a regression of the outcomes on them suggests.

    Parameters
    ----------
    own : shape (k,). predictors : shape (k, units). treated : outcomes before, shape (periods,). before : (periods,
        units).
    """
    check_shapes(
        own=(own, "k"), predictors=(predictors, "k units"), treated=(treated, "periods"),
        before=(before, "periods units"),
    )  # fmt: skip
    spread = np.column_stack([own, predictors]).std(axis=1, ddof=1)
    mine, theirs = own / np.where(spread > 0, spread, 1.0), predictors / np.where(spread > 0, spread, 1.0)[:, None]

    def follow(raw: Floats) -> Floats:
        root = np.sqrt(np.abs(raw) / max(float(np.abs(raw).sum()), 1e-300))
        return simplex_weights(theirs * root[:, None], mine * root)

    def loss(raw: Floats) -> float:
        return float(((treated - before @ follow(raw)) ** 2).mean())

    starts: tuple[Floats, Floats] = (
        np.full(own.size, 1 / own.size),
        _regressed(np.column_stack([mine, theirs]), treated, before),
    )
    limit = 1000 * own.size
    found = [
        minimize(
            loss, s, method="Nelder-Mead", options={"maxiter": limit, "maxfev": limit, "xatol": 1e-6, "fatol": 1e-9}
        )
        for s in starts
    ]
    best = np.abs(np.asarray(min(found, key=lambda r: float(r.fun)).x, dtype=np.float64))
    return np.asarray(best / best.sum()), follow(best)


def _regressed(predictors: Floats, treated: Floats, before: Floats) -> Floats:
    """Squared coefficients of the outcomes on the predictors, over units, summed over periods; shape (k,)."""
    outcomes = np.column_stack([treated, before]).T
    design = np.column_stack([np.ones(outcomes.shape[0]), predictors.T])
    squared = (np.linalg.lstsq(design, outcomes, rcond=None)[0][1:] ** 2).sum(axis=1)
    return np.asarray(squared / squared.sum())


def _gap(
    treated: Floats, others: Floats, first: int, *, demeaned: bool, predictors: tuple[Floats, Floats] | None
) -> tuple[Floats, Floats]:
    """Treated − what the weights expect, shape (periods,), and the weights."""
    mine, theirs = treated, others
    if demeaned:
        mine, theirs = treated - treated[:first].mean(), others - others[:first].mean(axis=0)
    if predictors is None:
        weights = simplex_weights(theirs[:first], mine[:first])
    else:
        own, rest = predictors
        _, weights = predictor_weights(own, rest, treated=mine[:first], before=theirs[:first])
    return np.asarray(mine - theirs @ weights), weights


def _turns(others: Floats) -> range:
    return range(others.shape[1] if others.shape[1] > MIN_OTHERS else 0)


def _placebo(
    others: Floats, unit: int, first: int, *, demeaned: bool, predictors: tuple[Floats, Floats] | None
) -> Floats:
    """Gap of an untreated unit against the other untreated ones."""
    rest = np.delete(others, unit, axis=1)
    own = None if predictors is None else (predictors[1][:, unit], np.delete(predictors[1], unit, axis=1))
    return _gap(others[:, unit], rest, first, demeaned=demeaned, predictors=own)[0]


def _interval(
    effect: float, gap: Floats, first: int, placebos: list[Floats], coverage: float
) -> tuple[float | None, float | None]:
    """Effect ± the conformal quantile of placebo effects, each in units of its own gap before."""
    rank = int(np.ceil(coverage * (len(placebos) + 1)))
    if rank > len(placebos):
        return None, None
    errors = np.sort([abs(float(p[first:].mean())) / _fit(p, first) for p in placebos])
    half = float(errors[rank - 1]) * _fit(gap, first)
    return effect - half, effect + half


def _p_value(gap: Floats, first: int, placebos: list[Floats]) -> float | None:
    """Share of units whose squared gap grew at least as much as the treated one's."""
    if not placebos:
        return None
    grew = [float((g[first:] ** 2).mean()) / _fit(g, first) ** 2 for g in (gap, *placebos)]
    return float(np.mean(np.array(grew) >= grew[0]))


def _fit(gap: Floats, first: int) -> float:
    """Root mean squared gap before; a perfect fit counts as a millionth of the largest gap."""
    return max(float(np.sqrt((gap[:first] ** 2).mean())), 1e-6 * float(np.abs(gap).max()), 1e-300)


def _check(treated: Floats, others: Floats, *, first: int, weights: Floats | None = None) -> None:
    sizes = check_shapes(treated=(treated, "periods"), others=(others, "periods units"))
    if weights is not None:
        check_shapes(others=(others, "periods units"), weights=(weights, "units"))
    if not (1 <= first < sizes["periods"] and sizes["units"] >= 1):
        raise ModelError(
            "promotion.synthetic_periods", values={"first": first, "periods": sizes["periods"], "units": sizes["units"]}
        )
