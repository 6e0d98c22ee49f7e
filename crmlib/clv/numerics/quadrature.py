"""Gauss–Legendre nodes on −1 … 1."""

from __future__ import annotations

import numpy as np

from crmlib.clv.numerics.arrays import Array

_nodes, _weights = np.polynomial.legendre.leggauss(20)
_few_nodes, _few_weights = np.polynomial.legendre.leggauss(12)

NODES: Array = _nodes
"""Twenty nodes, shape (20,): exact for polynomials of degree 39, and for e^−20u on −1 … 1 to 15 digits."""

WEIGHTS: Array = _weights
"""Their weights, shape (20,)."""

FEW_NODES: Array = _few_nodes
"""Twelve nodes, shape (12,): e^−4u on −1 … 1 to 15 digits."""

FEW_WEIGHTS: Array = _few_weights
"""Their weights, shape (12,)."""
