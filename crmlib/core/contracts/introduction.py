"""Introduction of the system: steps, the company's old figures, and how they differ from the new ones."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import Contract, Table

PHASES = ("plan", "blueprint", "set_up", "switch_over", "support")
DIFFERENCES = ("definition", "timing", "excluded", "duplicate", "rounding", "unexplained")


class RolloutSteps(Table):
    """One row per step; a blocking one must be done, with evidence, before the go."""

    step_id = dy.String(primary_key=True)
    title = dy.String(nullable=True)
    phase = dy.Enum(PHASES, nullable=False)
    region = dy.String(nullable=True)
    owner = dy.String(nullable=False)
    due_on = dy.Date(nullable=False)
    done_on = dy.Date(nullable=True)
    evidence = dy.String(nullable=True)
    blocking = dy.Bool(nullable=False)


class OldFigures(Table):
    """One row per figure of the old reports, in whole units, with the sentence that defines it and how it counted.

    How the old system counted, where it differs: `tax_bp` (amounts without this tax), `closing_day` (last day of its
    month), `leaves_out` (kind of store), `rounded_to` (units to which it rounded each store and day), `repeated`
    (stores and days that it holds twice, ``S003 2026-09-12``).
    """

    figure_id = dy.String(primary_key=True)
    scope = dy.String(primary_key=True)
    period = dy.String(primary_key=True)
    value = dy.Int64(nullable=False)
    unit = dy.String(nullable=False)
    definition = dy.String(nullable=True)
    source_file = dy.String(nullable=True)
    tax_bp = dy.Int64(nullable=True, min=0, max=10_000)
    closing_day = dy.Int16(nullable=True, min=1, max=31)
    leaves_out = dy.String(nullable=True)
    rounded_to = dy.Int64(nullable=True, min=1)
    repeated = dy.List(dy.String(nullable=False), nullable=True)


class FigureDifferences(Table):
    """One row per figure and reason; the amounts of a figure sum to new − old."""

    figure_id = dy.String(primary_key=True)
    scope = dy.String(primary_key=True)
    period = dy.String(primary_key=True)
    reason = dy.Enum(DIFFERENCES, primary_key=True)
    amount = dy.Int64(nullable=False)
    rows = dy.Int64(nullable=True, min=0)
    note = dy.String(nullable=True)

    @dy.rule()
    def a_reason_has_an_amount(cls) -> pl.Expr:  # noqa: N805
        """A reason that explains nothing is left out."""
        return (cls.reason.col == "unexplained") | (cls.amount.col != 0)


ROLLOUT_STEPS = Contract(
    "rollout_steps", RolloutSteps, ("step_id",), event="due_on", defaults=(("blocking", "false"),), ahead=True
)
OLD_FIGURES = Contract("old_figures", OldFigures, ("figure_id", "scope", "period"))
FIGURE_DIFFERENCES = Contract("figure_differences", FigureDifferences, ("figure_id", "scope", "period", "reason"))
