"""Time in stage: onward, back and lost compete; a deal is stalled when it sits longer than nine in ten who moved on.

A change of owner is no change of stage: the deal keeps its stage and its history.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, timed, to_polars
from crmlib.core.incidence import incidence

ENDS = ("onward", "back", "lost")
STALLED = 0.9


def spells(moves: AnyFrame, deals: AnyFrame, *, as_of: date, order: Sequence[str]) -> pl.DataFrame:
    """One row per stay of a deal in a stage.

    Parameters
    ----------
    moves : deal_id, at, to_stage (moves that keep the stage, such as a new owner, change nothing).
    deals : deal_id, closed_on, outcome (won, lost); won counts as onward.
    order : stages from first to last.

    Returns
    -------
    deal_id, stage, since, days, end (onward, back, lost; null while it lasts).

    Raises
    ------
    ModelError
        `cases.no_moves` if deals have no move at all.
    """
    table = timed(moves, at="at", needs=("deal_id", "to_stage"), name="stage_moves")
    ends = to_polars(deals, needs=("deal_id", "closed_on", "outcome"), name="deals", key="deal_id")
    _refuse_silent(ends, table)
    day = pl.col("at") if table.schema["at"] == pl.Date else pl.col("at").dt.date()
    place = {stage: k for k, stage in enumerate(order)}
    stays = (
        table.select("deal_id", since=day, at="at", stage=pl.col("to_stage").cast(pl.String))
        .filter(pl.col("since") <= as_of)
        .sort("deal_id", "at", maintain_order=True)
        .filter((pl.col("stage") != pl.col("stage").shift(1).over("deal_id")).fill_null(value=True))
        .with_columns(until=pl.col("since").shift(-1).over("deal_id"), next=pl.col("stage").shift(-1).over("deal_id"))
        .join(ends.select("deal_id", "closed_on", outcome=pl.col("outcome").cast(pl.String)), on="deal_id", how="left")
    )
    is_last, closed = pl.col("next").is_null(), pl.col("closed_on") <= as_of
    rank = [pl.col(c).replace_strict(place, default=None, return_dtype=pl.Int64) for c in ("stage", "next")]
    won_or_lost = pl.when(pl.col("outcome") == "won").then(pl.lit("onward")).otherwise(pl.lit("lost"))
    end = (
        pl.when(is_last & closed).then(won_or_lost)
        .when(is_last).then(pl.lit(None, dtype=pl.String))
        .when(rank[1] > rank[0]).then(pl.lit("onward"))
        .otherwise(pl.lit("back"))
    )  # fmt: skip
    until = pl.when(is_last & closed).then("closed_on").when(is_last).then(pl.lit(as_of)).otherwise("until")
    return stays.select("deal_id", "stage", "since", days=(until - pl.col("since")).dt.total_days(), end=end)


def order_of(moves: AnyFrame) -> list[str]:
    """The stages from first to last, as deals pass them: by the mean place at which a deal first reaches each.

    Parameters
    ----------
    moves : deal_id, at, to_stage.
    """
    table = timed(moves, at="at", needs=("deal_id", "to_stage"), name="stage_moves")
    first = table.group_by("deal_id", stage=pl.col("to_stage").cast(pl.String)).agg(pl.col("at").min())
    placed = first.with_columns(place=pl.col("at").rank("ordinal").over("deal_id"))
    means = placed.group_by("stage").agg(pl.col("place").mean()).sort("place", "stage")
    return means["stage"].to_list()


def book(stays: pl.DataFrame, *, first: date, last: date, order: Sequence[str]) -> pl.DataFrame:
    """From `spells`: stage, start, moved_in, moved_out, end, in deals, from `first` to `last`; each counted on its own.

    start + moved_in − moved_out = end for every stage; `last` is at most the day the stays are seen on.
    """
    until = pl.when(pl.col("end").is_not_null()).then(pl.col("since") + pl.duration(days="days"))
    since, left = pl.col("since"), until.cast(pl.Date)
    counts = stays.group_by("stage").agg(
        start=((since < first) & (left.is_null() | (left >= first))).sum().cast(pl.Int64),
        moved_in=since.is_between(first, last).sum().cast(pl.Int64),
        moved_out=left.is_between(first, last).sum().cast(pl.Int64),
        end=((since <= last) & (left.is_null() | (left > last))).sum().cast(pl.Int64),
    )
    names = pl.DataFrame({"stage": list(order)}, schema={"stage": pl.String})
    return names.join(counts, on="stage", how="inner", maintain_order="left")


def time_in_stage(stays: pl.DataFrame) -> pl.DataFrame:
    """From `spells`: stage, stays, open, onward, back, lost (shares in the end), median and p90 days of those who move.

    Medians are of the curve, with those still there at risk; null where the curve does not reach them.
    """
    codes = {name: k + 1 for k, name in enumerate(ENDS)}
    rows = []
    for (stage,), group in stays.group_by("stage", maintain_order=True):
        event = group["end"].replace_strict(codes, default=0, return_dtype=pl.Int64).to_numpy()
        fit = incidence(group["days"].to_numpy(), event, causes=3)
        shares = fit.share[:, -1] if fit.times.size else [0.0, 0.0, 0.0]
        moved = float(shares[0])
        rows.append(
            {
                "stage": stage,
                "stays": group.height,
                "open": int((event == 0).sum()),
                **{name: float(share) for name, share in zip(ENDS, shares, strict=True)},
                "median_days": fit.quantile(moved / 2) if moved else None,
                "p90_days": fit.quantile(moved * STALLED) if moved else None,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def stalled(stays: pl.DataFrame) -> pl.DataFrame:
    """Deals still in a stage for longer than the 90th percentile of those who moved on: deal_id, stage, days, limit."""
    limit = (
        stays.filter(pl.col("end") == "onward")
        .group_by("stage")
        .agg(limit=pl.col("days").quantile(STALLED, interpolation="higher"))
    )
    here = stays.filter(pl.col("end").is_null()).join(limit, on="stage", how="inner")
    return here.filter(pl.col("days") > pl.col("limit")).select("deal_id", "stage", "days", "limit").sort("deal_id")


def _refuse_silent(deals: pl.DataFrame, moves: pl.DataFrame) -> None:
    silent = deals.join(moves.select("deal_id"), on="deal_id", how="anti")
    if silent.height:
        raise ModelError(
            "cases.no_moves",
            values={"rows": silent.height, "of": deals.height},
            examples=[mask(v) for v in silent["deal_id"].sort().head(5)],
        )
