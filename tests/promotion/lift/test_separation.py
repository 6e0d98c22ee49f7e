"""Separated cells are found from the pattern of sales alone, and the effects then converge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from crmlib.promotion.lift import ppml
from crmlib.promotion.lift.ppml import fit_effects, predict
from crmlib.promotion.lift.separation import separate

MEAN = 0.05
"""Least mean a linear programme must find possible in a cell that is not separated."""


def _late_shop():
    """Shop 1 sold product 0 only in the last week, which shop 0 did not know; product 1 is sold everywhere."""
    rng = np.random.default_rng(4)
    units = rng.poisson(9.0, (2, 2, 12)).astype(float)
    clean = np.ones(units.shape, dtype=bool)
    units[1, 0, :11], clean[0, 0, 11] = 0, False
    return units, clean


def test_effects_that_would_run_to_infinity_no_longer_hold_up_the_fit():
    units, clean = _late_shop()
    found = fit_effects(units, clean, city=np.zeros(2, dtype=int), tolerance=1e-9)
    assert found.sweeps < 60
    base = predict(found, city=np.zeros(2, dtype=int))
    assert (base[1, 0, :11] == 0).all() and np.isnan(base[0, 0, 11])
    assert base[clean].sum() == pytest.approx(units[clean].sum(), rel=1e-8)
    assert np.allclose((base * clean)[:, :, :11].sum(axis=(0, 1)), (units * clean)[:, :, :11].sum(axis=(0, 1)))


def test_without_leaving_separated_cells_out_the_same_fit_does_not_end(monkeypatch):
    units, clean = _late_shop()
    nothing = ppml.Separation(np.zeros_like(clean), np.zeros_like(clean))  # type: ignore[attr-defined]
    monkeypatch.setattr(ppml, "separate", lambda *_, **__: nothing)
    with pytest.raises(Exception, match="still moving by"):
        fit_effects(units, clean, city=np.zeros(2, dtype=int), tolerance=1e-9)


def _possible(units, clean, cell):
    """Largest mean of a cell in any table with the same sums by store and by week (a linear programme)."""
    cells = np.argwhere(clean)
    sums = np.concatenate(
        [[cells[:, 0] == s for s in range(units.shape[0])], [cells[:, 1] == w for w in range(units.shape[1])]]
    ).astype(float)
    seen = units[clean]
    aim = -(cells == cell).all(axis=1).astype(float)
    return -linprog(aim, A_eq=sums, b_eq=sums @ seen, bounds=(0, None)).fun


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_separated_are_exactly_the_cells_no_table_with_the_same_sums_can_fill(seed):
    rng = np.random.default_rng(seed)
    units = rng.poisson(0.5, (4, 6)).astype(float)
    clean = rng.random(units.shape) < 0.6
    sold = clean & (units > 0)
    live = sold.any(axis=1)[:, None] & sold.any(axis=0)[None]
    empty = separate(sold[:, None], clean[:, None], live=live[:, None]).empty[:, 0]
    for cell in np.argwhere(clean & live):
        assert (_possible(units, clean, cell) > MEAN) == (not empty[tuple(cell)])


def test_where_nothing_is_separated_every_cell_is_kept():
    sold = np.ones((3, 2, 5), dtype=bool)
    found = separate(sold, sold, live=sold)
    assert not found.empty.any() and not found.unknown.any()
