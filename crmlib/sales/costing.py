"""What a sold good cost: moving average over purchases, bundles by their components; exact to the minor unit.

At a purchase stock and value grow; an issue takes value ÷ stock with it, and the last unit takes all that is left, so
that issues and stock together are what was paid. A return brings the cost back with it (its cost is negative), instead
of a second margin.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from crmlib.core.apportion import largest_remainder, run_starts
from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars, whole


def moving_average(moves: AnyFrame, *, by: Sequence[str] = ("product_id",)) -> pl.DataFrame:
    """Cost of every issue at the moving average of what was bought until then.

    Parameters
    ----------
    moves : the columns of `by`, quantity_milli (in > 0, out < 0), cost_minor (of purchases and openings; null for sales
        and returns), in the order in which they happened.
    by : keys of one stock, e.g. product_id, or store_id and product_id.

    Returns
    -------
    The rows, in the same order, with moved_minor: the signed value that entered (> 0) or left (< 0) the stock, and
    `guessed`: the stock was empty, so the last known average stands in (0 before any purchase).
    """
    needs = ["quantity_milli", "cost_minor"]
    table = whole(to_polars(moves, needs=[*by, *needs], name="moves"), needs, name="moves").with_row_index("__row")
    parts = []
    for _, of_key in table.group_by(list(by), maintain_order=True):
        moved, guessed = _one_stock(of_key["quantity_milli"].to_list(), of_key["cost_minor"].to_list())
        parts.append(of_key.select("__row", moved_minor=pl.Series(moved, dtype=pl.Int64), guessed=pl.Series(guessed)))
    if not parts:
        return table.drop("__row").with_columns(
            moved_minor=pl.lit(None, dtype=pl.Int64), guessed=pl.lit(None, dtype=pl.Boolean)
        )
    return table.join(pl.concat(parts), on="__row", how="left", maintain_order="left").drop("__row")


def _one_stock(quantities: list[int], costs: list[int | None]) -> tuple[list[int], list[bool]]:
    """Signed values and guesses of one stock's moves."""
    stock, value, last = 0, 0, (0, 1)
    moved, guessed = [], []
    for quantity, cost in zip(quantities, costs, strict=True):
        priced = (value, stock) if stock > 0 and value >= 0 else last
        if cost is not None:
            step = cost if quantity >= 0 else -abs(cost)
        else:
            step = (2 * quantity * priced[0] + priced[1]) // (2 * priced[1])  # half up, of either sign
        guess = cost is None and stock < max(-quantity, 1)
        stock, value = stock + quantity, value + step
        if stock > 0 and value >= 0:
            last = (value, stock)
        moved.append(step)
        guessed.append(guess)
    return moved, guessed


def exploded(lines: AnyFrame, components: AnyFrame) -> pl.DataFrame:
    """Lines of bundles as lines of what is in them: net by the components' worth, without a rest.

    Parameters
    ----------
    lines : line_id, product_id, quantity_milli, net_minor, and other columns, which are kept.
    components : bundle_id, product_id, quantity_milli (in one bundle), worth_minor (its list price in it, ≥ 0).

    Returns
    -------
    The rows of plain goods as they are; those of bundles once per component, with product_id, quantity_milli and
    net_minor of the component and `bundle_id` (null for plain goods). A return is split like the sale it takes back.

    Raises
    ------
    ModelError
        sales.bundle: a bundle whose components are worth nothing.
    """
    table = to_polars(lines, needs=["quantity_milli", "net_minor"], key="line_id", name="lines")
    table = table.with_columns(pl.col("product_id").cast(pl.String))
    inside = to_polars(
        components, needs=["bundle_id", "product_id", "quantity_milli", "worth_minor"], name="components"
    )
    worth = inside.group_by("bundle_id").agg(pl.col("worth_minor").sum()).filter(pl.col("worth_minor") <= 0)
    if worth.height:
        raise ModelError(
            "sales.bundle", values={"rows": worth.height}, examples=[mask(b) for b in worth["bundle_id"].sort().head(5)]
        )
    part = inside.select("bundle_id", part="product_id", each="quantity_milli", worth="worth_minor")
    sold = table.join(part, left_on="product_id", right_on="bundle_id", how="inner").sort("line_id", "part")
    plain = table.join(inside, left_on="product_id", right_on="bundle_id", how="anti")
    plain = plain.with_columns(bundle_id=pl.lit(None, dtype=pl.String))
    if sold.is_empty():
        return plain
    starts = run_starts(sold["line_id"].rank("dense").cast(pl.Int64).to_numpy())
    net = sold["net_minor"].to_numpy()
    shares = largest_remainder(sold["worth"].to_numpy().astype(np.int64), np.abs(net[starts]), starts) * np.sign(net)
    made = sold.with_columns(
        bundle_id="product_id",
        product_id="part",
        quantity_milli=pl.col("quantity_milli") * pl.col("each") // 1000,
        net_minor=pl.Series(shares, dtype=pl.Int64),
    )
    return pl.concat([plain, made.select(plain.columns)]).sort("line_id", "product_id")
