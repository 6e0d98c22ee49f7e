"""A company's old figures against the new ones: every difference explained, or no go.

new − old = definition + timing + excluded + duplicates + rounding + unexplained, figure by figure and scope by scope,
in whole counts and fen. Each reason is measured on rows: the new figure is computed again the old way, one step after
the other, so that the steps sum exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole

REASONS = ("definition", "timing", "excluded", "duplicate", "rounding")
KEYS = ("figure_id", "scope", "period")


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Old against new.

    Parameters
    ----------
    table : figure_id, scope, period, old, new, difference, definition, timing, excluded, duplicate, rounding,
        unexplained, only (old, new: stands on one side only; null).
    """

    table: pl.DataFrame

    @property
    def unexplained(self) -> int:
        """Σ |unexplained|: 0 is the gate."""
        return int(self.table["unexplained"].abs().sum())

    @property
    def go(self) -> bool:
        """Whether every difference is explained and no figure stands on one side only."""
        return self.unexplained == 0 and self.table["only"].null_count() == self.table.height

    def blocking(self) -> pl.DataFrame:
        """The lines that stand in the way, largest first."""
        bad = self.table.filter((pl.col("unexplained") != 0) | pl.col("only").is_not_null())
        return bad.sort(pl.col("unexplained").abs(), *KEYS, descending=[True, False, False, False])


def compare(old: AnyFrame, new: AnyFrame, explained: AnyFrame) -> Acceptance:
    """Split every difference.

    Parameters
    ----------
    old : figure_id, scope, period, value (whole units), definition (a sentence).
    new : figure_id, scope, period, value.
    explained : figure_id, scope, period, reason (definition, timing, excluded, duplicate, rounding), amount (signed,
        towards new − old).

    Raises
    ------
    ModelError
        `cases.no_definition` if an old figure has none, `cases.reason` for another reason.
    """
    before = whole(
        to_polars(old, needs=(*KEYS, "value", "definition"), name="old_figures"), ["value"], name="old_figures"
    )
    after = whole(to_polars(new, needs=(*KEYS, "value"), name="figures"), ["value"], name="figures")
    _refuse_undefined(before)
    why = to_polars(explained, needs=(*KEYS, "reason", "amount"), name="figure_differences")
    _refuse_reasons(why)
    reasons = why.with_columns(pl.col("reason").cast(pl.String))
    sums = reasons.group_by(KEYS).agg(pl.col("amount").filter(pl.col("reason") == r).sum().alias(r) for r in REASONS)
    both = before.select(*KEYS, old="value").join(after.select(*KEYS, new="value"), on=KEYS, how="full", coalesce=True)
    only = pl.when(pl.col("new").is_null()).then(pl.lit("old")).when(pl.col("old").is_null()).then(pl.lit("new"))
    table = (
        both.with_columns(only=only)
        .with_columns(difference=pl.col("new").fill_null(0) - pl.col("old").fill_null(0))
        .join(sums, on=KEYS, how="left")
        .with_columns(pl.col(REASONS).fill_null(0))
        .with_columns(unexplained=pl.col("difference") - pl.sum_horizontal(REASONS))
    )
    return Acceptance(table.select(*KEYS, "old", "new", "difference", *REASONS, "unexplained", "only").sort(KEYS))


def measured(rows: AnyFrame, *, figure_id: str) -> pl.DataFrame:
    """Reasons measured on rows, from flags of how each system counts them.

    Parameters
    ----------
    rows : scope, period (the new one's), old_period (the old one's; another: timing), amount (new, whole units),
        old_amount (under the old definition, before rounding per row; null: same), in_old, in_new (counted there),
        copies (times the old system holds the row), rounded (old amount after its rounding; null: same).

    Returns
    -------
    figure_id, scope, period, reason, amount; the amounts of a scope and period sum to new − old exactly.
    """
    needs = ("scope", "period", "old_period", "amount", "old_amount", "in_old", "in_new", "copies", "rounded")
    table = whole(to_polars(rows, needs=needs, name="rows"), ["amount", "old_amount", "copies", "rounded"], name="rows")
    old = pl.coalesce("old_amount", "amount")
    told = pl.coalesce("rounded", old)
    both, moved = pl.col("in_old") & pl.col("in_new"), pl.col("period") != pl.col("old_period")
    parts = {
        "excluded": (pl.col("period"), pl.when(pl.col("in_new") & ~pl.col("in_old")).then("amount")),
        "excluded_old": (pl.col("old_period"), pl.when(pl.col("in_old") & ~pl.col("in_new")).then(-old)),
        "definition": (pl.col("period"), pl.when(both).then(pl.col("amount") - old)),
        "timing": (pl.col("period"), pl.when(both & moved).then(old)),
        "timing_old": (pl.col("old_period"), pl.when(both & moved).then(-old)),
        "duplicate": (pl.col("old_period"), pl.when("in_old").then(-(pl.col("copies") - 1) * told)),
        "rounding": (pl.col("old_period"), pl.when("in_old").then(old - told)),
    }
    long = pl.concat(
        table.select("scope", period=period, reason=pl.lit(name.removesuffix("_old")), amount=value.cast(pl.Int64))
        for name, (period, value) in parts.items()
    )
    summed = long.group_by("scope", "period", "reason").agg(pl.col("amount").sum()).filter(pl.col("amount") != 0)
    return summed.select(
        figure_id=pl.lit(figure_id), scope="scope", period="period", reason="reason", amount="amount"
    ).sort("scope", "period", "reason")


def _refuse_undefined(old: pl.DataFrame) -> None:
    bare = old.filter(pl.col("definition").str.strip_chars().fill_null("") == "")
    if bare.height:
        raise ModelError(
            "cases.no_definition",
            values={"rows": bare.height},
            examples=bare["figure_id"].unique().sort().head(5).to_list(),
        )


def _refuse_reasons(why: pl.DataFrame) -> None:
    other = why.filter(~pl.col("reason").cast(pl.String).is_in(REASONS))
    if other.height:
        raise ModelError("cases.reason", values={"rows": other.height, "known": ", ".join(REASONS)})
