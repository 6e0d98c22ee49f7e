"""Tables of site selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.table import table
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT

RANKING = (
    "name", "gross_minor", "cannibalised_minor", "gain_minor", "profit_minor", "rent_minor_month", "payback_p50",
    "payback_span", "p_never", "stability", "remark",
)  # fmt: skip


def _titled(frame: pl.DataFrame) -> pl.DataFrame:
    """Names of sites under the label of a site."""
    return frame.rename({"name": "site"}, strict=False)


def ranking(frame: pl.DataFrame, *, words: Words) -> GT:
    """Candidates from best to worst: gross, taken from own stores, net, profit, rent, payback, stability."""
    return table(_titled(frame.select(RANKING)), words=words)


def losses(frame: pl.DataFrame, *, words: Words) -> GT:
    """Own stores by what they lose."""
    return table(_titled(frame), words=words)


def scenarios(frame: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> GT:
    """What-ifs in rows: size, whether rivals follow, which store closes, net sales of all sites together."""
    shown = frame.with_columns(
        closes=pl.when(pl.col("closes") == "")
        .then(pl.lit(words("sites.whatif.nobody")))
        .otherwise(pl.col("closes").replace(dict(names)))
    )
    return table(shown, words=words)


def plain(frame: pl.DataFrame, *, words: Words, numbers: dict[str, int] | None = None) -> GT:
    """Any other table; `numbers` gives the decimals where they differ from the vocabulary's."""
    kinds = {c: ("number", d) for c, d in (numbers or {}).items()}
    return table(_titled(frame), words=words, kinds=kinds)  # type: ignore[arg-type]


def actions(frame: pl.DataFrame, *, words: Words) -> GT:
    """What to do about each site."""
    return table(_titled(frame), words=words)
