"""The introduction page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.rollout.findings import figures, plan
from crmlib.pages.rollout.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, section


@answered("rollout_steps", "old_figures", "stores")
def answer(study: Study) -> Answer:
    """Go or no go, and what stands in the way."""
    return plan.answer(study.steps, study.blocking, study.accepted, words=study.words)


@section("rollout.steps", needs=("rollout_steps",))
def steps(study: Study) -> Finding:
    """How far each phase is."""
    return plan.steps(study.steps, study.blocking, words=study.words)


@section("rollout.pilot", needs=("old_figures", "stores"))
def pilot(study: Study) -> Finding:
    """Which regions could switch over, those of the pilot first."""
    return figures.pilot(study.by_scope, study.pilot, words=study.words)


@section("rollout.split", needs=("old_figures", "stores"))
def split(study: Study) -> Finding:
    """What the difference of the amounts is made of."""
    return figures.split(study.accepted, words=study.words)


@section("rollout.lines", needs=("old_figures", "stores"))
def lines(study: Study) -> Finding:
    """Every old figure, with its reasons."""
    return figures.lines(study.accepted, words=study.words)


@section("rollout.actions", key="actions", needs=("rollout_steps", "old_figures", "stores"))
def todo(study: Study) -> ActionList:
    """What is to be closed before the switch-over, and by whom."""
    return plan.listed(study.blocking, study.accepted, words=study.words, as_of=study.page.as_of)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return sentences(study.words, "rollout", always=("rules", "figures"), missing={})
