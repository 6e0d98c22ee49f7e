"""Pictures of business customers: bars of money."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import polars as pl

from crmlib.kit.charts import labelled
from crmlib.kit.charts.money import axis
from crmlib.kit.words import Words


def bars(
    names: Sequence[str], minor: pl.Series, labels: Sequence[str], *, words: Words, tones: pl.Series | None = None
) -> alt.LayerChart | None:
    """Bars of amounts [minor units] in the order given; none without a row.

    Parameters
    ----------
    tones : of `kit.charts.rows.TONES`; null: plain.
    """
    if not names:
        return None
    unit, title = axis(float(minor.abs().max() or 0), words=words)  # type: ignore[arg-type]
    frame = pl.DataFrame(
        {
            "name": pl.Series(names, dtype=pl.String), "value": minor.cast(pl.Float64) / unit,
            "label": pl.Series(labels, dtype=pl.String),
        }
    )  # fmt: skip
    return labelled.bars(frame if tones is None else frame.with_columns(tone=tones), words=words, title=title)
