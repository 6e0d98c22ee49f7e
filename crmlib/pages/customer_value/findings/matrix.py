"""Which members bring sales and margin, which only one of them, and who left the good corner."""

from __future__ import annotations

import polars as pl

from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.pages.customer_value import charts
from crmlib.scoring.matrix import GONE, GROW, KEEP, QUADRANTS, REPRICE, UNRATED, Matrix

REPRICE_SHARE = 0.15
"""From this share of sales on, high sales at low margin are the news."""
LOSS_WARN, LOSS_FAIL = 0.1, 0.2
"""Net loss of the keep-and-serve quadrant (leavers less comers) in its margin of last period: amber, red."""
NAMED = {"quadrant": "customer_value.quadrant"}


def value_matrix(matrix: Matrix, *, words: Words) -> Finding:
    """Say whether those who buy much also earn much, and what to do with each quadrant."""
    form = words.format
    rows = {row["quadrant"]: row for row in matrix.quadrants.iter_rows(named=True)}
    unrated, reprice, keep = rows[UNRATED], rows[REPRICE], rows[KEEP]
    rated = sum(rows[q]["customers"] for q in QUADRANTS) - unrated["customers"]
    much, well = (rows[KEEP]["customers"] + rows[other]["customers"] for other in (REPRICE, GROW))
    flat, even = (rated > 0 and high in (0, rated) for high in (much, well))  # all on one side: nothing to tell apart
    kind = (
        "unknown"
        if not rated
        else "flat"
        if flat
        else "even"
        if even
        else "reprice"
        if (reprice["share_net"] or 0) >= REPRICE_SHARE
        else "aligned"
    )
    status: Status = {"unknown": "none", "flat": "none", "even": "none", "reprice": "warn", "aligned": "ok"}[kind]  # type: ignore[assignment]
    values = {
        "customers": form.count(reprice["customers"]),
        "share": form.share(reprice["share_net"]),
        "rate": form.share(reprice["margin_rate"]),
        "keep": form.count(keep["customers"]),
        "keep_share": form.share(keep["share_net"]),
        "keep_rate": form.share(keep["margin_rate"]),
    }
    table = _with_treatment(matrix.quadrants, words)
    return Finding.worded(
        "customer_value.matrix",
        kind,
        values,
        words=words,
        key="scoring.matrix",
        status=status,
        table=matrix.quadrants,
        view=views.readable(table, words=words, names=NAMED),
        chart=charts.matrix(matrix.quadrants, words=words) if rated else None,
        seen=words("customer_value.matrix.seen" if rated else "customer_value.matrix.seen_unknown", **values),
        sure=words(
            "customer_value.matrix.sure" if rated else "customer_value.matrix.sure_unknown",
            net=form.money(matrix.net_cut),
            margin=form.money(matrix.margin_cut) if matrix.margin == "amount" else form.share(matrix.margin_cut),
            unrated=form.count(unrated["customers"]),
            unrated_share=form.share(unrated["share_net"]),
        ),
        row_key=("quadrant",),
    )


def movers(moved: pl.DataFrame, largest: pl.DataFrame, *, words: Words, pseudonyms: pl.Series) -> Finding:
    """Say how many left the keep-and-serve quadrant, what margin went with them, and who they are.

    Parameters
    ----------
    moved : cells of `scoring.matrix.moves` (between the last period's cuts).
    largest : the members who left with the largest loss, from `scoring.matrix.movers`.
    pseudonyms : of `largest`'s customers, in its order.
    """
    form = words.format
    known = moved.filter(pl.col("quadrant_now") != UNRATED, pl.col("quadrant_before") != UNRATED)
    were, came = (known.filter(pl.col(c) == KEEP) for c in ("quadrant_before", "quadrant_now"))
    left = were.filter(pl.col("quadrant_now") != KEEP)
    came = came.filter(pl.col("quadrant_before") != KEEP)
    n_were, n_left, n_came = (int(part["customers"].sum()) for part in (were, left, came))
    gone = int(left.filter(pl.col("quadrant_now") == GONE)["customers"].sum())
    lost, gained = -int(left["margin_change_minor"].sum()), int(came["margin_change_minor"].sum())
    net_loss = (lost - gained) / max(int(were["margin_before_minor"].sum()), 1)
    kind, status = _verdict(n_were, net_loss)
    values = {
        "left": form.count(n_left),
        "came": form.count(n_came),
        "money": form.money(abs(lost)),
        "gained": form.money(gained),
        "share": form.share(abs(net_loss)),
        "gone": form.count(gone),
        "were": form.count(n_were),
        "unrated": form.count(_unrated(moved)),
    }
    where = _destinations(left, words)
    table = largest.with_columns(customer_id=pseudonyms).drop("quadrant_before")
    return Finding.worded(
        "customer_value.movers",
        kind,
        values,
        words=words,
        key="scoring.movers",
        status=status,
        table=table,
        view=views.readable(table, words=words, names={"quadrant_now": "customer_value.quadrant"}),
        chart=labelled.bars(
            where.select(name="name", value="customers", label="label"),
            words=words,
            title=words("customer_value.chart.members"),
        )
        if where.height
        else None,
        seen=words("customer_value.movers.seen" if n_were else "customer_value.movers.seen_nobody", **values),
        do=words(f"customer_value.movers.do.{'gone' if gone * 2 >= max(n_left, 1) else 'fell'}", **values),
        value_minor=max(lost, 0),
        row_key=("customer_id",),
    )


def _verdict(were: int, net_loss: float) -> tuple[str, Status]:
    if not were:
        return "nobody", "none"
    if net_loss >= LOSS_WARN:
        return "lost", "fail" if net_loss >= LOSS_FAIL else "warn"
    return ("gained" if net_loss <= -LOSS_WARN else "even"), "ok"


def _unrated(moved: pl.DataFrame) -> int:
    kept = moved.filter((pl.col("quadrant_before") == KEEP) & (pl.col("quadrant_now") == UNRATED))
    return int(kept["customers"].sum())


def _destinations(left: pl.DataFrame, words: Words) -> pl.DataFrame:
    form = words.format
    rows = [
        {
            "name": words(f"customer_value.quadrant.{row['quadrant_now']}"),
            "customers": row["customers"],
            "label": words(
                "customer_value.movers.label",
                customers=form.count(row["customers"]),
                money=form.money(row["margin_change_minor"]),
            ),
        }
        for row in left.sort("customers", "quadrant_now", descending=[True, False]).iter_rows(named=True)
    ]
    return pl.DataFrame(rows)


def _with_treatment(quadrants: pl.DataFrame, words: Words) -> pl.DataFrame:
    treat = [words(f"customer_value.treatment.{q}") for q in quadrants["quadrant"]]
    owner = [words(f"customer_value.owner.{q}") for q in quadrants["quadrant"]]
    return quadrants.with_columns(treatment=pl.Series(treat), owner=pl.Series(owner))
