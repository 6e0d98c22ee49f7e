"""The ranking and the scenarios, set for reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.words import Words
from crmlib.pages.shared.sites_tables import plain

if TYPE_CHECKING:
    from great_tables import GT

RANKING = (
    "name", "gross_minor", "cannibalised_minor", "gain_minor", "profit_minor", "rent_minor_month", "payback_p50",
    "payback_span", "p_never", "stability", "remark",
)  # fmt: skip


def ranking(frame: pl.DataFrame, *, words: Words) -> GT:
    """Candidates from best to worst: gross, taken from own stores, net, profit, rent, payback, stability."""
    return plain(frame.select(RANKING), words=words)


def scenarios(frame: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> GT:
    """What-ifs in rows: size, whether rivals follow, which store closes, net sales of all sites together."""
    shown = frame.with_columns(
        closes=pl.when(pl.col("closes") == "")
        .then(pl.lit(words("site_selection.whatif.nobody")))
        .otherwise(pl.col("closes").replace(dict(names)))
    )
    return plain(shown, words=words)
