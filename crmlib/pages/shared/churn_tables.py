"""The tables of churn, set for reading."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.table import readable
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT


def show(
    frame: pl.DataFrame,
    *,
    words: Words,
    hide: tuple[str, ...] = (),
    exclude_shares: tuple[str, ...] = (),
    sales: bool = False,
) -> GT:
    """Any table of churn.

    Parameters
    ----------
    exclude_shares : columns that are ratios here, e.g. the bounds of observed ÷ expected.
    sales : no cost is known, so what is at risk are sales and not margin.
    """
    if sales and "at_risk_minor" in frame.columns:
        frame = frame.rename({"at_risk_minor": "sales_at_risk_minor"})
    ratios = {c: ("number", 2) for c in exclude_shares if c in frame.columns}
    return readable(frame, words=words, hide=[c for c in hide if c in frame.columns], kinds=ratios)  # type: ignore[arg-type]
