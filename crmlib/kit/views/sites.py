"""Tables of site selection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit import table as style
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
    return style.table(
        _titled(frame.select(RANKING)),
        words=words,
        money=[c for c in RANKING if "_minor" in c],
        counts=["payback_p50"],
        shares=["p_never", "stability"],
    )


def losses(frame: pl.DataFrame, *, words: Words) -> GT:
    """Own stores by what they lose."""
    return style.table(
        _titled(frame), words=words, money=["loss_minor", "loss_low_minor", "loss_high_minor"], shares=["share"]
    )


def scenarios(frame: pl.DataFrame, names: Mapping[str, str], *, words: Words) -> GT:
    """What-ifs in rows: size, whether rivals follow, which store closes, net sales of all sites together."""
    shown = frame.with_columns(
        closes=pl.when(pl.col("closes") == "")
        .then(pl.lit(words("sites.whatif.nobody")))
        .otherwise(pl.col("closes").replace(dict(names)))
    )
    return style.table(shown, words=words, money=["gain_minor"], numbers={"size": 2})


def plain(frame: pl.DataFrame, *, words: Words, numbers: dict[str, int] | None = None) -> GT:
    """Any other table: money and shares by name, `numbers` gives the decimals of the rest."""
    names = frame.columns
    return style.table(
        _titled(frame),
        words=words,
        money=[c for c in names if "_minor" in c],
        shares=[c for c in names if c.startswith(("p_", "share"))],
        counts=[c for c, t in frame.schema.items() if t.is_integer() and "_minor" not in c],
        numbers=numbers,
    )


def actions(frame: pl.DataFrame, *, words: Words) -> GT:
    """What to do about each site."""
    return style.table(
        _titled(frame), words=words, money=[c for c in frame.columns if "_minor" in c], shares=["p_lease"]
    )
