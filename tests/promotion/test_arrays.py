from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.apportion import before_in_run, largest_remainder, run_starts, run_sums
from crmlib.promotion.arrays import half_up


@given(st.integers(0, 10**12), st.integers(1, 10**5))
def test_half_up_is_the_rule_of_the_till(a, b):
    assert int(half_up(np.array([a]), b)[0]) == int(Fraction(a, b) + Fraction(1, 2))


@given(
    st.lists(st.tuples(st.lists(st.integers(0, 2000), min_size=1, max_size=6), st.floats(0, 1)), min_size=1, max_size=8)
)
def test_a_split_is_exact_and_stays_within_every_weight(runs):
    weights = np.array([w for run, _ in runs for w in run])
    keys = np.array([k for k, (run, _) in enumerate(runs) for _ in run])
    totals = np.array([int(sum(run) * share) for run, share in runs])
    starts = run_starts(keys)
    got = largest_remainder(weights, totals, starts)
    assert (run_sums(got, starts) == totals).all()
    assert (got >= 0).all() and (got <= weights).all()


def test_ties_go_to_the_larger_amount_and_then_to_the_earlier_line():
    one = np.zeros(1, dtype=np.int64)
    assert largest_remainder(np.array([10, 10, 10]), np.array([10]), one).tolist() == [4, 3, 3]
    # 1/4 and 3/4 of 2: exact shares .5 and 1.5, equal remainders
    assert largest_remainder(np.array([1, 3]), np.array([2]), one).tolist() == [0, 2]


def test_counting_through_a_run_starts_anew_in_the_next():
    assert before_in_run(np.array([2, 3, 4, 5]), np.array([0, 2])).tolist() == [0, 2, 0, 4]
