"""The steps of the introduction report."""

from __future__ import annotations

from functools import cached_property

import polars as pl

from crmlib import panels, report
from crmlib.cases import old_rules
from crmlib.cases.accept import Acceptance
from crmlib.pages.rollout.parameters import Rollout


class Study(report.Study):
    """From the plan and the old reports to go or no go; in this order."""

    @property
    def params(self) -> Rollout:
        """The checked parameters."""
        return self.page.params  # type: ignore[no-any-return]

    @cached_property
    def steps(self) -> pl.DataFrame:
        """The plan: step_id, title, phase, region, owner, due_on, done_on, evidence, blocking."""
        return self.page.table("rollout_steps").collect()

    @cached_property
    def blocking(self) -> pl.DataFrame:
        """Steps that should be done and proven by now, and are not: late_days besides."""
        return old_rules.gate(self.steps, as_of=self.page.as_of)

    @cached_property
    def days(self) -> pl.DataFrame:
        """Days of stores up to the page's day."""
        days = self.page.remember(panels.store_day, self.page.lines)
        return days.with_columns(day=pl.col("day_n").cast(pl.Int32).cast(pl.Date))

    @cached_property
    def accepted(self) -> Acceptance:
        """Every old figure against the new one, the difference split by reason."""
        old, stores = self.page.table("old_figures").collect(), self.page.table("stores").collect()
        return old_rules.accepted(old, self.days, stores)

    @cached_property
    def pilot(self) -> list[str]:
        """Regions that go first: those that the plan names."""
        if self.page.missing("rollout_steps"):
            return []
        return self.steps["region"].drop_nulls().unique().sort().to_list()

    @cached_property
    def by_scope(self) -> pl.DataFrame:
        """scope, figures, blocking (lines that are not explained), unexplained (Σ of their sizes); pilots first."""
        return old_rules.by_scope(self.accepted, first=self.pilot)
