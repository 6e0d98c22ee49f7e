"""The staff page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.shared.limits import limits as sentences
from crmlib.pages.staff.findings import done, left
from crmlib.pages.staff.study import Study
from crmlib.report import answered, otherwise, section


@answered("staff")
def answer(study: Study) -> Answer:
    """Own figures against target, or what belongs to somebody who left."""
    has = not study.page.missing("person_targets", "score_rules", "figure_defs")
    return done.answer(
        study.sheet if has else None, study.lost, words=study.words, names=study.names, person=study.params.person,
        figures=study.figure_names if has else {},
    )  # fmt: skip


@section("staff.handover", needs=("staff",))
def handover(study: Study) -> Finding:
    """What is owned by somebody who left."""
    return left.handover(study.lost, study.names, words=study.words)


@section("staff.sheets", needs=("person_targets", "score_rules", "figure_defs", "staff"))
def sheets(study: Study) -> Finding:
    """Score sheets that anybody can recompute."""
    return done.sheets(
        study.sheet, study.names, study.figure_names, words=study.words, person=study.params.person,
        period=study.period, as_of=study.page.as_of,
    )  # fmt: skip


@section("staff.reports", needs=("work_reports", "figure_defs"))
def reports(study: Study) -> Finding:
    """What was typed beside what was counted; who sent nothing, who books late."""
    return done.reports(
        study.reports, study.missing_reports if not study.page.missing("person_targets", "staff") else [], study.names,
        study.figure_names, words=study.words, kind=study.params.kind,
    )  # fmt: skip


@section("staff.actions", key="actions", needs=("staff",))
def todo(study: Study) -> ActionList:
    """What to hand over to whom."""
    return left.listed(
        study.lost, study.called, study.names, words=study.words, as_of=study.page.as_of,
        capacity=study.params.capacity,
    )  # fmt: skip


@section("staff.coverage", needs=("contacts", "assignments"))
def coverage(study: Study) -> Finding:
    """How many of their own customers people were in touch with."""
    return done.coverage(study.coverage, study.names, words=study.words)


@section("staff.load", needs=("care_tasks", "rosters"))
def load(study: Study) -> Finding:
    """Tasks due beside the minutes on the roster."""
    return done.load(study.load, study.names, words=study.words, minutes=study.params.minutes)


@section("staff.compared", needs=("figure_defs", "contacts", "staff"))
def compared(study: Study) -> Finding:
    """Whether advisers differ more than chance."""
    return done.compared(study.compared, study.names, words=study.words, person=study.params.person)


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_targets": bool(study.page.missing("person_targets", "score_rules", "figure_defs")),
        "no_reports": bool(study.page.missing("work_reports")),
        "no_rosters": bool(study.page.missing("rosters")),
    }
    return sentences(study.words, "staff", always=("given", "value", "mix"), missing=missing)
