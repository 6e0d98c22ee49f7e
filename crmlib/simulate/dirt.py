"""Dirt on purpose, as real exports have it, and the exact count of it for tests.

torn : a line cut short where the till lost its connection, then written again whole.
test : lines of a test receipt with an impossible date.
total : the totals row under each file of the counters.
resent : whole receipts of the end of a file, sent again at the head of the next.
corrected : receipts typed in ten times too large, right in a later correction file.
late : receipts of a store that was off line, only in the correction file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

TORN_SHARE, TEST_SHARE, CORRECTED_SHARE = 2.5e-4, 6e-5, 4e-4
OFF_LINE_SHARE = 1.2e-3
"""Share of store-days whose receipts come late."""
RESENT_RECEIPTS = 6
LATE_DAYS = 9
TIMES = 10
TEST_RECEIPT = "TEST"
IMPOSSIBLE = "2099-13-45 00:00"


@dataclass(frozen=True, slots=True)
class Soiled:
    """The rows of a file and of the correction file, and how many lines of each kind of dirt they hold."""

    main: pl.DataFrame
    fix: pl.DataFrame
    counts: dict[str, int]


def soil(lines: pl.DataFrame, tail: pl.DataFrame | None, *, own: bool, rng: np.random.Generator) -> Soiled:
    """Spoil the export rows of one system and chunk.

    Parameters
    ----------
    lines : export rows as text, with receipt_id, sold_at, store_id, day and the amounts; by till and time.
    tail : last rows of the file before, when `lines` open a new file.
    own : the stores' system has a correction file, the counters' has not.
    """
    counts = {"rows": lines.height}
    fix = lines.clear()
    if own:
        lines, fix, counts["late"], counts["corrected"] = _corrections(lines, rng)
    main = _torn(lines, rng)
    counts["torn"] = main.height - lines.height
    main = pl.concat([main, _tests(lines, rng)])
    counts["test"] = main.height - lines.height - counts["torn"]
    if tail is not None:
        main = pl.concat([tail, main])
        counts["resent"] = tail.height
    return Soiled(main, fix, counts)


def last_receipts(lines: pl.DataFrame) -> pl.DataFrame:
    """Rows of the last few receipts of a file, torn and test rows left out."""
    whole = lines.filter(~pl.col("torn"), pl.col("receipt_id") != TEST_RECEIPT)
    last = whole["receipt_id"].unique(maintain_order=True).tail(RESENT_RECEIPTS)
    return whole.filter(pl.col("receipt_id").is_in(last.to_list()))


def _corrections(lines: pl.DataFrame, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, int, int]:
    """Take late receipts out, spoil some others; both stand right in the correction rows."""
    place = lines.select(
        pl.struct("store_id", "day").rle_id().cast(pl.Int64).alias("cell"), pl.col("receipt_id").rle_id().cast(pl.Int64)
    )
    cell, receipt = place["cell"].to_numpy(), place["receipt_id"].to_numpy()
    late = pl.Series((rng.random(int(cell.max(initial=-1)) + 1) < OFF_LINE_SHARE)[cell])
    wrong = pl.Series((rng.random(int(receipt.max(initial=-1)) + 1) < CORRECTED_SHARE)[receipt]) & ~late
    sold = pl.col("quantity").cast(pl.Float64) > 0  # returns are not spoiled
    wrong &= lines.select(sold.all().over("receipt_id")).to_series()
    uploaded = (pl.col("day") + LATE_DAYS).cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m-%d 08:00")
    fix = lines.filter(late | wrong).with_columns(known_at=uploaded)
    amounts = ("quantity", "list_amount", "net_amount", "cost_amount")
    typed = [_plain_times(name, TIMES).alias(name) for name in amounts]
    spoiled = lines.filter(~late).with_columns(pl.Series("wrong", wrong.filter(~late)))
    spoiled = spoiled.with_columns(
        pl.when("wrong").then(e).otherwise(e.meta.output_name()).alias(e.meta.output_name()) for e in typed
    )
    return spoiled.drop("wrong"), fix, int(late.sum()), int(wrong.sum())


def _torn(lines: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Put a cut copy in front of some lines."""
    hit = np.flatnonzero(rng.random(lines.height) < TORN_SHARE)
    order = np.sort(np.concatenate([np.arange(lines.height), hit]), kind="stable")
    again = np.zeros(len(order), dtype=np.bool_)
    again[:-1] = order[:-1] == order[1:]
    return lines[order].with_columns(torn=pl.Series(again))


def _tests(lines: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A few lines of a test receipt with an impossible date."""
    hit = lines.filter(pl.Series(rng.random(lines.height) < TEST_SHARE))
    return hit.with_columns(receipt_id=pl.lit(TEST_RECEIPT), sold_at=pl.lit(IMPOSSIBLE), torn=pl.lit(value=False))


def _plain_times(name: str, times: int) -> pl.Expr:
    text = (pl.col(name).cast(pl.Float64) * times).round(3).cast(pl.String)
    return text.str.strip_suffix(".0").alias(name)
