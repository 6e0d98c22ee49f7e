"""Columns of few texts (amounts, units, times of upload): each text is read once, for all its rows."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

LEAST, LOOKED_AT = 10_000, 1_000
"""Rows from which on it is worth the asking, and how many of them are asked."""
SHARE = 0.6
"""More different texts than this share of the rows looked at are not few."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """The different texts of a column, and where among them each row's text stands."""

    texts: pl.Series
    at: pl.Series

    def spread(self, made: pl.Series) -> pl.Series:
        """What was made of the texts, for each row."""
        return made.gather(self.at)


def repeated(column: pl.Series) -> Repeated | None:
    """The column by its texts; none where they are not few.

    Examples
    --------
    >>> found = repeated(pl.Series(["b", None, "a", "b"] * LEAST))
    >>> found.texts.to_list(), found.at[:4].to_list(), repeated(pl.Series(["a"]))
    (['b', None, 'a'], [0, 1, 2, 0], None)
    """
    if column.dtype != pl.String or column.len() < LEAST:
        return None
    some = column.gather_every(column.len() // LOOKED_AT)
    if some.n_unique() > SHARE * some.len():
        return None
    code = column.cast(pl.Categorical(pl.Categories.random())).to_physical()
    first = code.arg_unique()
    number = pl.DataFrame({"code": code.gather(first), "at": pl.int_range(first.len(), dtype=pl.UInt32, eager=True)})
    if not number["code"].equals(number["at"]):  # texts are numbered as they come; a null has no number
        code = code.to_frame("code").join(number, on="code", how="left", nulls_equal=True, maintain_order="left")["at"]
    return Repeated(column.gather(first), code)
