"""Figures of staff: definitions, weights, targets, work reports and corrections."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from crmlib.core.contracts.base import TIME_ZONE, Contract, Table

REPORT_KINDS = ("day", "week", "month")


class FigureDefs(Table):
    """One row per version of a figure: a named query (`table`, `where`), so that anybody can compute it again."""

    figure_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    name = dy.String(nullable=False)
    table = dy.String(nullable=False)
    where = dy.String(nullable=True)
    unit = dy.String(nullable=False)
    valid_from = dy.Date(nullable=False)


class ScoreRules(Table):
    """One row per role, version and figure; weights in basis points sum to 10,000 by role and version."""

    role = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    figure_id = dy.String(primary_key=True)
    weight_bp = dy.Int64(nullable=False, min=0, max=10_000)
    cap_bp = dy.Int64(nullable=False, min=0)
    valid_from = dy.Date(nullable=False)
    frozen_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)


class PersonTargets(Table):
    """One row per person, period and figure; targets in whole units of the figure."""

    staff_id = dy.String(primary_key=True)
    period_start = dy.Date(primary_key=True)
    figure_id = dy.String(primary_key=True)
    version = dy.Int32(primary_key=True, min=1)
    period_end = dy.Date(nullable=False)
    target = dy.Int64(nullable=False, min=0)
    set_by = dy.String(nullable=False)
    set_at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)

    @dy.rule()
    def ends_after_start(cls) -> pl.Expr:  # noqa: N805
        """A period does not end before it starts."""
        return cls.period_end.col >= cls.period_start.col


class WorkReports(Table):
    """One row per person and report; `typed` holds figures as they were typed, `figure=value`."""

    staff_id = dy.String(primary_key=True)
    period_start = dy.Date(primary_key=True)
    kind = dy.Enum(REPORT_KINDS, primary_key=True)
    period_end = dy.Date(nullable=False)
    sent_at = dy.Datetime(nullable=True, time_zone=TIME_ZONE)
    text = dy.String(nullable=True)
    plan = dy.String(nullable=True)
    typed = dy.List(dy.String(nullable=False), nullable=True)


class ScoreCorrections(Table):
    """One row per correction of a counted figure, by somebody else than the person."""

    correction_id = dy.String(primary_key=True)
    staff_id = dy.String(nullable=False)
    period_start = dy.Date(nullable=False)
    figure_id = dy.String(nullable=False)
    change = dy.Int64(nullable=False)
    reason = dy.String(nullable=False)
    by_staff = dy.String(nullable=False)
    at = dy.Datetime(nullable=False, time_zone=TIME_ZONE)

    @dy.rule()
    def nobody_corrects_themselves(cls) -> pl.Expr:  # noqa: N805
        """Corrections have another author."""
        return cls.by_staff.col != cls.staff_id.col


_V1 = (("version", "1"),)
FIGURE_DEFS = Contract(
    "figure_defs", FigureDefs, ("figure_id", "version"), event="valid_from", defaults=_V1, ahead=True
)
SCORE_RULES = Contract(
    "score_rules", ScoreRules, ("role", "version", "figure_id"), event="valid_from", defaults=_V1, ahead=True
)
PERSON_TARGETS = Contract(
    "person_targets",
    PersonTargets,
    ("staff_id", "period_start", "figure_id", "version"),
    event="period_start",
    defaults=_V1,
    ahead=True,
)
WORK_REPORTS = Contract("work_reports", WorkReports, ("staff_id", "period_start", "kind"), event="period_start")
SCORE_CORRECTIONS = Contract("score_corrections", ScoreCorrections, ("correction_id",), event="at")
