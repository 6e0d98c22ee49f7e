from __future__ import annotations

import numpy as np
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.lift.poisson import absorb, poisson


def test_three_effects_are_taken_out_as_dummies_would():
    rng = np.random.default_rng(2)
    levels = tuple(rng.integers(0, k, 400) for k in (20, 7, 5))
    columns, weight = rng.normal(size=(400, 3)), rng.uniform(0.5, 2, 400)
    dummies = np.column_stack([np.eye(int(e.max()) + 1)[e] for e in levels])
    root = np.sqrt(weight)[:, None]
    want = columns - dummies @ np.linalg.lstsq(dummies * root, columns * root, rcond=None)[0]
    assert absorb(columns, weight, levels) == pytest.approx(want, abs=1e-9)


def test_the_score_of_every_term_is_zero_at_the_estimate():
    rng = np.random.default_rng(3)
    pair, week = rng.integers(0, 15, 900), rng.integers(0, 12, 900)
    x = rng.normal(size=(900, 2))
    y = rng.poisson(np.exp(0.2 + x @ [0.5, -0.3] + rng.normal(0, 0.5, 15)[pair])).astype(float)
    got = poisson(y, x, terms=("a", "b"), effects=(pair, week), cluster=pair)
    assert got.estimate == pytest.approx([0.5, -0.3], abs=0.08)
    for scale in (1.0, 1000.0):  # units of a term change its estimate, not the fit
        again = poisson(y, x * scale, terms=("a", "b"), effects=(pair, week), cluster=pair)
        assert again.estimate * scale == pytest.approx(got.estimate, rel=1e-6)


@pytest.mark.parametrize("wrong", ["x", "cluster", "effects", "terms"])
def test_arrays_that_do_not_belong_together_are_refused(wrong):
    given = {
        "x": np.ones((6, 2)), "cluster": np.zeros(6, dtype=int), "effects": (np.zeros(6, dtype=int),),
        "terms": ("a", "b"),
    }  # fmt: skip
    given |= {
        "x": {"x": np.ones((2, 6))}, "cluster": {"cluster": np.zeros(5, dtype=int)},
        "effects": {"effects": (np.zeros((6, 1), dtype=int),)}, "terms": {"terms": ("a",)},
    }[wrong]  # fmt: skip
    with pytest.raises(ModelError) as refused:
        poisson(np.ones(6), **given)
    assert refused.value.code == "frame.shape"
