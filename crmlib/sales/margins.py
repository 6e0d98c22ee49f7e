"""What is left: margin of sales, of what is lost on the way, of purchases; goods sold under cost.

A kilogram bought with loss ℓ leaves 1 − ℓ kilograms to sell, so a sold kilogram costs c / (1 − ℓ); c·(1 + ℓ) forgets
that what replaces the loss is lost in part again.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole

WHOLE_BP = 10_000


def margin(cells: AnyFrame, *, by: Sequence[str] = ()) -> pl.DataFrame:
    """Margin of each group: net_minor, cost_minor, margin_minor, rate (margin ÷ net of costed sales), uncosted_minor.

    cells : net_minor, cost_minor (null = unknown: such sales are in uncosted_minor and nowhere else). The rate is one
        of sums; the mean of the lines' rates weighs a line of a yuan like one of a thousand.
    """
    table = whole(
        to_polars(cells, needs=[*by, "net_minor", "cost_minor"], name="cells"),
        ["net_minor", "cost_minor"],
        name="cells",
    )
    costed = pl.col("cost_minor").is_not_null()
    sums = [
        pl.col("net_minor").filter(costed).sum(),
        pl.col("cost_minor").sum(),
        pl.col("net_minor").filter(~costed).sum().alias("uncosted_minor"),
    ]
    found = table.group_by(list(by)).agg(sums).sort(list(by)) if by else table.select(sums)
    left = pl.col("net_minor") - pl.col("cost_minor")
    rate = pl.when(pl.col("net_minor") > 0).then(left / pl.col("net_minor"))
    return found.select(*by, "net_minor", "cost_minor", margin_minor=left, rate=rate, uncosted_minor="uncosted_minor")


def under_cost(cells: AnyFrame) -> pl.DataFrame:
    """The rows whose price lies under their cost, with margin_minor; worst first.

    cells : net_minor, cost_minor, quantity_milli. A return at a price under cost belongs to them with the other sign.
    """
    table = to_polars(cells, needs=["net_minor", "cost_minor", "quantity_milli"], name="cells")
    left = pl.col("net_minor") - pl.col("cost_minor")
    return table.filter(left * pl.col("quantity_milli").sign() < 0).with_columns(margin_minor=left).sort("margin_minor")


def with_loss(cells: AnyFrame) -> pl.DataFrame:
    """The rows with loss_cost_minor = cost / (1 − ℓ), half up: what the sold goods cost with what was lost for them.

    cells : cost_minor, loss_bp (share lost [basis points], null = none known).

    Raises
    ------
    ModelError
        sales.loss: a share below 0, or of 10,000 and more.

    Examples
    --------
    >>> with_loss(pl.DataFrame({"cost_minor": [900], "loss_bp": [1000]}))["loss_cost_minor"].item()
    1000
    """
    table = whole(
        to_polars(cells, needs=["cost_minor", "loss_bp"], name="cells"), ["cost_minor", "loss_bp"], name="cells"
    )
    wrong = table.filter((pl.col("loss_bp") < 0) | (pl.col("loss_bp") >= WHOLE_BP)).height
    if wrong:
        raise ModelError("sales.loss", values={"rows": wrong})
    kept = WHOLE_BP - pl.col("loss_bp").fill_null(0)
    return table.with_columns(loss_cost_minor=(2 * WHOLE_BP * pl.col("cost_minor") + kept) // (2 * kept))


def rate_split(now: AnyFrame, before: AnyFrame, *, by: str) -> pl.DataFrame:
    """The change of the margin rate by group: what the groups' own rates did, and what their shares of sales did.

    With shares s and rates r of net sales with a cost, within = (s0 + s1)/2·(r1 − r0) and
    mix = (s1 − s0)·((r0 + r1)/2 − R), R the mean of both total rates; they add up to the change of the total rate.

    Parameters
    ----------
    now, before : the column `by`, net_minor, cost_minor (of costed lines), uncosted_minor (net of the others).

    Returns
    -------
    The column `by`, net_minor and then_minor (with a cost), margin_minor, margin_then_minor, margin_rate, rate_then
    (null where nothing was sold), within, mix (fractions); largest change first.

    Raises
    ------
    ModelError
        sales.no_cost: no sales with a cost in one of the periods.
    """
    sums = []
    for frame in (now, before):
        table = to_polars(frame, needs=[by, "net_minor", "cost_minor", "uncosted_minor"], name="cells")
        costed = (pl.col("net_minor") - pl.col("uncosted_minor")).sum()
        sums.append(table.group_by(by).agg(net=costed, margin=costed - pl.col("cost_minor").sum()))
    both = sums[0].join(sums[1], on=by, how="full", coalesce=True, nulls_equal=True, suffix="_then")
    both = both.with_columns(pl.col("net", "margin", "net_then", "margin_then").fill_null(0))
    whole_now, whole_then = int(both["net"].sum()), int(both["net_then"].sum())
    if min(whole_now, whole_then) <= 0:
        raise ModelError("sales.no_cost", values={"rows": both.height, "all": both.height})
    mean = (int(both["margin"].sum()) / whole_now + int(both["margin_then"].sum()) / whole_then) / 2
    r1 = pl.when(pl.col("net") > 0).then(pl.col("margin") / pl.col("net"))
    r0 = pl.when(pl.col("net_then") > 0).then(pl.col("margin_then") / pl.col("net_then"))
    s1, s0 = pl.col("net") / whole_now, pl.col("net_then") / whole_then
    now_rate, then_rate = pl.coalesce(r1, r0, pl.lit(mean)), pl.coalesce(r0, r1, pl.lit(mean))
    found = both.select(
        by, net_minor="net", then_minor="net_then", margin_minor="margin", margin_then_minor="margin_then",
        margin_rate=r1, rate_then=r0, within=(s0 + s1) / 2 * (now_rate - then_rate),
        mix=(s1 - s0) * ((now_rate + then_rate) / 2 - mean),
    )  # fmt: skip
    return found.sort((pl.col("within") + pl.col("mix")).abs(), by, descending=[True, False], nulls_last=True)


def below(cells: AnyFrame, *, by: str) -> pl.DataFrame:
    """Groups against the margin rate of all: the column `by`, net_minor (with a cost), margin_minor, margin_rate,
    short_minor = what they would earn more at the rate of all (below 0: they earn more); largest first.

    cells : the column `by`, net_minor, cost_minor, uncosted_minor.
    """  # noqa: D205
    table = to_polars(cells, needs=[by, "net_minor", "cost_minor", "uncosted_minor"], name="cells")
    costed = (pl.col("net_minor") - pl.col("uncosted_minor")).sum()
    sums = table.group_by(by).agg(net_minor=costed, margin_minor=costed - pl.col("cost_minor").sum())
    sums = sums.filter(pl.col("net_minor") > 0)
    rate = int(sums["margin_minor"].sum()) / max(int(sums["net_minor"].sum()), 1)
    short = (pl.col("net_minor") * rate - pl.col("margin_minor")).round().cast(pl.Int64)
    found = sums.with_columns(margin_rate=pl.col("margin_minor") / pl.col("net_minor"), short_minor=short)
    return found.sort("short_minor", by, descending=[True, False])


def purchases(
    lines: AnyFrame, before: AnyFrame, *, by: Sequence[str] = ("supplier_id", "category", "unit")
) -> pl.DataFrame:
    """Purchases by supplier and category, with the price against the period before on the goods bought in both.

    lines, before : contract `purchases` with the columns of `by`, product_id, quantity_milli, price_minor.

    Returns
    -------
    The columns of `by`, lines, quantity_milli, price_minor, before_minor, price_index (Fisher, over goods bought in
    both periods; null if there are none).
    """
    keys = [*by, "product_id"]
    sums = []
    for table in (lines, before):
        frame = to_polars(table, needs=[*keys, "quantity_milli", "price_minor"], name="purchases")
        sums.append(frame.group_by(keys).agg(pl.len().alias("lines"), pl.col("quantity_milli", "price_minor").sum()))
    joined = sums[0].join(sums[1], on=keys, how="full", coalesce=True, suffix="_then", nulls_equal=True).sort(keys)
    q1, v1, q0, v0 = (pl.col(c) for c in ("quantity_milli", "price_minor", "quantity_milli_then", "price_minor_then"))
    both = (pl.min_horizontal(q1, v1, q0, v0) > 0) & q1.is_not_null() & q0.is_not_null()
    laspeyres = (v1 / q1 * q0).filter(both).sum() / v0.filter(both).sum()
    paasche = v1.filter(both).sum() / (v0 / q0 * q1).filter(both).sum()
    return (
        joined.group_by(list(by))
        .agg(
            pl.col("lines", "quantity_milli", "price_minor").fill_null(0).sum(),
            before_minor=v0.fill_null(0).sum(),
            price_index=pl.when(both.any()).then((laspeyres * paasche).sqrt()),
        )
        .sort("price_minor", *by, descending=[True, *[False] * len(by)])
    )


def by_supplier(found: AnyFrame, *, by: Sequence[str] = ("supplier_id",)) -> pl.DataFrame:
    """Suppliers by how much dearer they became: the columns of `by`, price_minor, more_minor (what the same goods cost
    more than in the period before), price_index (their goods together); dearest first. Goods bought once are left out.

    found : from `purchases`; by : among its columns, for suppliers by category.
    """  # noqa: D205
    needs = [*by, "price_minor", "price_index"]
    rows = to_polars(found, needs=needs, name="purchases").drop_nulls("price_index")
    more = (pl.col("price_minor") * (1 - 1 / pl.col("price_index"))).round().cast(pl.Int64)
    sums = rows.with_columns(more_minor=more).group_by(list(by)).agg(pl.col("price_minor", "more_minor").sum())
    index = pl.col("price_minor") / (pl.col("price_minor") - pl.col("more_minor"))
    return sums.with_columns(price_index=index).sort("price_index", *by, descending=[True, *[False] * len(by)])
