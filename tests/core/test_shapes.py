from __future__ import annotations

import numpy as np
import pytest

from crmlib.core.errors import ModelError
from crmlib.core.shapes import check_shapes


def test_an_axis_has_one_size_wherever_it_stands():
    assert check_shapes(a=(np.zeros((2, 3)), "x y"), b=([1, 2, 3], "y"), c=(4.0, "")) == {"x": 2, "y": 3}


@pytest.mark.parametrize(
    ("array", "axes"),
    [
        (np.zeros((3, 2)), "x y"),  # transposed
        (np.zeros(2), "x y"),  # an axis is missing
        (np.zeros((2, 3, 1)), "x y"),  # one too many
        (np.zeros((2, 3)), "x x"),  # not square
        (np.float64(1), "x"),  # a number for a series
    ],
)
def test_a_wrong_shape_is_refused_in_three_parts(array, axes):
    with pytest.raises(ModelError) as refused:
        check_shapes(first=(np.zeros((2, 3)), "x y"), second=(array, axes))
    assert refused.value.code == "frame.shape"
    assert refused.value.given == f"second of shape {np.shape(array)}"
    assert refused.value.expected and refused.value.mend
