"""Many small distributions at once: right shares, row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crmlib.simulate.draws import flat_cdf, pick, stream

WEIGHTS = hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(0, 10))


@given(weights=WEIGHTS, seed=st.integers(0, 2**16))
@settings(max_examples=60, deadline=None)
def test_a_draw_never_leaves_its_row_nor_takes_a_weight_of_zero(weights: np.ndarray, seed: int) -> None:
    rows, columns = weights.shape
    row = np.repeat(np.arange(rows), 40)
    drawn = pick(flat_cdf(weights), row, columns=columns, rng=np.random.default_rng(seed))
    assert drawn.min() >= 0
    assert drawn.max() < columns
    total = weights.sum(axis=1)
    share = weights[row, drawn] / np.where(total[row] > 0, total[row], 1)
    assert (share[total[row] > 0] > 1e-13).all()


def test_shares_come_out_as_asked() -> None:
    weights = np.array([[1.0, 2.0, 7.0], [5.0, 5.0, 0.0]])
    row = np.repeat([0, 1], 100_000)
    drawn = pick(flat_cdf(weights), row, columns=3, rng=np.random.default_rng(3))
    for r in (0, 1):
        seen = np.bincount(drawn[row == r], minlength=3) / 100_000
        assert np.abs(seen - weights[r] / weights[r].sum()).max() < 0.006  # four standard errors of a share of .5


def test_streams_of_other_stages_do_not_move_each_other() -> None:
    assert stream(1, 2, 3).random() == stream(1, 2, 3).random()
    assert len({stream(*keys).random() for keys in ((1, 2, 3), (1, 3, 2), (2, 2, 3), (1, 2))}) == 4
