"""Why this customer: the parts of the log odds, grouped, the largest three that speak for leaving.

Σ_j c_ij + base = logit p_i holds to 1e-9 for both explainable models, so the groups add up as well; a group counts as
a reason only where it raises the risk. Wording is left to the findings, with the customer's own numbers.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import polars as pl

from crmlib.churn.features.catalogue import GROUPS, feature
from crmlib.churn.metrics import Array
from crmlib.core.frames import AnyFrame, to_polars

TOP = 3
MIN_PART = 0.05
"""A group that adds less than this to the log odds (about 1 % of p at p = .5) is no reason."""


class Explained(Protocol):
    """A model whose log odds are a sum over features (`LogitFit`, `AdditiveFit`)."""

    @property
    def names(self) -> tuple[str, ...]:
        """Features in the order of the contributions."""

    @property
    def intercept(self) -> float:
        """Log odds when all contributions are 0."""

    def contributions(self, table: AnyFrame) -> Array:
        """Parts of the log odds, shape (n, features)."""


def reasons(model: Explained, table: AnyFrame) -> pl.DataFrame:
    """Grouped contributions and the top reasons of each customer.

    Returns customer_id, one column per group present (log odds, `part_<group>`), base, reason_1 … reason_3 (group
    names, null where fewer speak for leaving).
    """
    frame = to_polars(table, needs=["customer_id", *model.names], name="features")
    groups, parts = _grouped(model.contributions(frame), model.names)
    ranked = _top(parts, groups)
    columns = {f"part_{g}": parts[:, i] for i, g in enumerate(groups)}
    base = pl.Series("base", np.full(frame.height, model.intercept))
    return pl.DataFrame({"customer_id": frame["customer_id"], **columns}).with_columns(base, *ranked)


def _grouped(parts: Array, names: tuple[str, ...]) -> tuple[list[str], Array]:
    owner = [feature(n).group for n in names]
    groups = [g for g in GROUPS if g in owner]
    total = np.zeros((len(parts), len(groups)))
    for j, group in enumerate(owner):
        total[:, groups.index(group)] += parts[:, j]
    return list(groups), total


def _top(parts: Array, groups: list[str]) -> list[pl.Series]:
    order = np.argsort(-parts, axis=1, kind="stable")[:, :TOP]
    strong = np.take_along_axis(parts, order, axis=1) > MIN_PART
    codes = np.where(strong, order, len(groups)).astype(np.uint32)
    names = pl.Series([*groups, None], dtype=pl.String)
    return [names.gather(codes[:, k]).alias(f"reason_{k + 1}") for k in range(codes.shape[1])]
