"""Tables of sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from crmlib.kit.table import readable
from crmlib.kit.words import Words

if TYPE_CHECKING:
    from great_tables import GT


def plain(
    frame: pl.DataFrame, *, words: Words, numbers: dict[str, int] | None = None, links: dict[str, str] | None = None
) -> GT:
    """A table of sites, their names under the label of a site.

    Parameters
    ----------
    numbers : decimals where they differ from the vocabulary's. links : see `crmlib.kit.table.readable`.
    """
    kinds = {c: ("number", d) for c, d in (numbers or {}).items()}
    return readable(frame.rename({"name": "site"}, strict=False), words=words, kinds=kinds, links=links)  # type: ignore[arg-type]
