"""Poisson pseudo-maximum likelihood with store × product, product × week and city × week effects.

Source: Gourieroux, Monfort & Trognon (1984), Econometrica 52(3), 681-700, for the estimator; imputation of the
untreated outcome after Borusyak, Jaravel & Spiess (2024), Review of Economic Studies 91(6), 3253-3285. With effects
alone the score equations say that fitted and observed sums agree for every level of every effect, so the solution is
found by alternately scaling each effect (iterative proportional fitting, Deming & Stephan 1940). Cells that no finite
effects can fit are left out first (`separation`), so the sweeps converge geometrically.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.core.errors import ModelError
from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.panel import Index
from crmlib.promotion.lift.separation import Separation, separate

MAX_SWEEPS = 500


@dataclass(frozen=True, slots=True)
class Effects:
    """exp of the effects: store × product (s, p), product × week (p, w), city × week (c, w).

    A week of a product in which no clean cell remains has no effect: it is NaN, and so is every prediction there.
    separation : clean cells that are 0 in the limit, and cells whose effects share no scale: no prediction.
    sweeps : rounds of scaling; change : mean relative change of an effect in the last one.
    """

    store_product: Floats
    product_week: Floats
    city_week: Floats
    separation: Separation
    sweeps: int
    change: float


def fit_effects(
    units: Floats,
    clean: Bools,
    *,
    city: Index,
    exposure: Floats | None = None,
    start: Effects | None = None,
    tolerance: float = 1e-6,
) -> Effects:
    """Fit the effects on the clean cells.

    Parameters
    ----------
    units : shape (s, p, w). clean : cells to learn from, same shape. city : position of each store's city, shape (s,).
    exposure : known factor of the mean (the carry), same shape as `units`; 1 if not given.
    start : effects to begin from (a fit on nearly the same cells), for speed.
    tolerance : stop when effects move by less than this share in one sweep, on average over the units behind them.

    Raises
    ------
    ModelError
        frame.shape, promotion.no_clean_cells, promotion.not_converged.
    """
    given = {} if exposure is None else {"exposure": (exposure, "stores products weeks")}
    check_shapes(
        units=(units, "stores products weeks"), clean=(clean, "stores products weeks"), city=(city, "stores"), **given
    )
    if not clean.any():
        raise _nothing_clean()
    sums = clean * units
    totals = (sums.sum(axis=2), sums.sum(axis=0), _by_city(sums.sum(axis=1), city))
    apart = separate(sums > 0, clean, live=_live(totals, city))
    weight = np.where(clean & ~apart.empty, 1.0 if exposure is None else exposure, 0.0)
    sp, pw, cw = _initial(totals, start, clean)
    change = np.inf
    for sweep in range(1, MAX_SWEEPS + 1):  # noqa: B007
        part = weight * cw[city][:, None, :]
        sp_new = _ratio(totals[0], np.einsum("spw,pw->sp", part, pw))
        pw_new = _ratio(totals[1], np.einsum("spw,sp->pw", part, sp_new))
        by_store = np.einsum("spw,sp,pw->sw", weight, sp_new, pw_new, optimize=False)
        cw_new = _ratio(totals[2], _by_city(by_store, city))
        scale = float(cw_new[cw_new > 0].mean()) if (cw_new > 0).any() else 1.0
        cw_new = np.where(cw_new > 0, cw_new / scale, cw_new)
        sp_new = sp_new * scale
        moved = zip((sp, pw, cw), (sp_new, pw_new, cw_new), totals, strict=True)
        change = max(_moved(old, new, total) for old, new, total in moved)
        sp, pw, cw = sp_new, pw_new, cw_new
        if change < tolerance:
            break
    else:
        raise _not_converged(change, tolerance)
    unseen = ~clean.any(axis=0)
    return Effects(sp, np.where(unseen, np.nan, pw), cw, apart, sweep, change)


def predict(effects: Effects, *, city: Index) -> Floats:
    """Expected untreated units, shape (s, p, w).

    NaN where no clean cell of the product remains in the week, or where store and week share no scale.
    """
    check_shapes(effects=(effects.store_product, "stores products"), city=(city, "stores"))
    base = effects.store_product[:, :, None] * effects.product_week[None, :, :]
    base *= effects.city_week[city][:, None, :]
    base[effects.separation.empty] = 0.0
    base[effects.separation.unknown] = np.nan
    return np.asarray(base)


def _live(totals: tuple[Floats, Floats, Floats], city: Index) -> Bools:
    """Cells none of whose three effects is 0 for want of any sale, shape (s, p, w)."""
    store_product, product_week, city_week = (total > 0 for total in totals)
    return np.asarray(store_product[:, :, None] & product_week[None] & city_week[city][:, None, :])


def _initial(
    totals: tuple[Floats, Floats, Floats], start: Effects | None, clean: Bools
) -> tuple[Floats, Floats, Floats]:
    if start is not None:
        return start.store_product, np.nan_to_num(start.product_week, nan=1.0), start.city_week
    return _ratio(totals[0], clean.sum(axis=2).astype(np.float64)), np.ones_like(totals[1]), np.ones_like(totals[2])


def _ratio(seen: Floats, expected: Floats) -> Floats:
    """Seen / expected; 1 where nothing is expected (the level has no cells), 0 where nothing was seen."""
    return np.divide(seen, expected, out=np.ones_like(seen), where=expected > 0)


def _moved(old: Floats, new: Floats, units: Floats) -> float:
    """Mean relative change of an effect, each level counted by the units sold behind it."""
    both = (old > 0) & (new > 0)
    weight = units[both]
    return float((weight * np.abs(new[both] / old[both] - 1)).sum() / max(weight.sum(), 1.0))


def _by_city(by_store: Floats, city: Index) -> Floats:
    total = np.zeros((int(city.max()) + 1, by_store.shape[1]))
    np.add.at(total, city, by_store)
    return total


def _nothing_clean() -> ModelError:
    return ModelError("promotion.no_clean_cells")


def _not_converged(change: float, tolerance: float) -> ModelError:
    return ModelError("promotion.not_converged", values={"change": f"{change:.1e}", "tolerance": f"{tolerance:.0e}"})
