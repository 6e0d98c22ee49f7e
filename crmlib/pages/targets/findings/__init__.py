"""The targets page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.targets.findings import month, plan
from crmlib.pages.targets.study import Study
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """Whether the month will be made, and who is behind."""
    return month.answer(study.expected, words=study.words, as_of=study.page.as_of, name=study.store_names)


@section("targets.course", key="targets.course", needs=("targets",))
def course(study: Study) -> Finding:
    """The month day by day against its target, and where it will end."""
    return month.course(study.path, study.outlook, words=study.words, as_of=study.page.as_of)


@section("targets.stores", key="targets.stores", needs=("targets",))
def stores(study: Study) -> Finding:
    """Which stores are behind, by money."""
    made = month.stores(study.outlook, words=study.words, as_of=study.page.as_of, name=study.store_names)
    return made.of_rows(study.store_days)


@section("targets.sellers", key="targets.sellers", needs=("targets",))
def sellers(study: Study) -> Finding:
    """Everybody's own sheet: sold, gap, what a day must bring."""
    return plan.sellers(
        study.sellers, study.titles("staff", "staff_id"), study.sold_together, words=study.words, name=study.store_names
    )


@section("targets.year", key="targets.year", needs=("targets",))
def year(study: Study) -> Finding:
    """The year so far, and what the rest of it must bring."""
    return plan.year(study.months, words=study.words, as_of=study.page.as_of)


@section("targets.changes", key="targets.changes", needs=("targets",))
def changes(study: Study) -> Finding:
    """What was changed since the year began, and whether parts still add up."""
    return plan.changes(study.changed, study.broken, words=study.words, name=study.store_names)


@section("targets.proposal", key="targets.proposal")
def proposal(study: Study) -> Finding:
    """Next year's total split to region, store and month."""
    return plan.proposal(
        study.proposed,
        words=study.words,
        year=study.page.as_of.year + 1,
        step=study.params.step,
        name=study.store_names,
    )


@section("targets.actions", key="actions", needs=("targets",))
def actions(study: Study) -> ActionList:
    """Which stores to talk to, by money."""
    return month.actions(
        study.outlook, words=study.words, as_of=study.page.as_of, name=study.store_names, shops=study.shops,
        capacity=study.params.capacity,
    )  # fmt: skip


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"targets.limits.{key}") for key in ("shape", "stores", "people")))
