"""The order cycle page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.order_cycle.findings import calls, rhythm
from crmlib.pages.order_cycle.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered()
def answer(study: Study) -> Answer:
    """How many will order, beside last year's slot, and whom to call first."""
    return rhythm.answer(study.said, study.calls, study.slot, study.test, words=study.words)


@section("order_cycle.spans")
def spans(study: Study) -> Finding:
    """When the next orders are expected."""
    return rhythm.spans(study.spans, study.said, study.slot, study.test, words=study.words)


@section("order_cycle.states")
def states(study: Study) -> Finding:
    """Who is early, on time, late, and who has stopped."""
    return rhythm.states(study.buyers, study.said.short, words=study.words)


@section("order_cycle.agreed")
def agreed(study: Study) -> Finding:
    """Agreed rhythms beside those that are kept."""
    return rhythm.agreed(study.buyers, words=study.words)


@section("order_cycle.owners")
def owners(study: Study) -> Finding:
    """Who is to call, and what nobody calls about."""
    return calls.owners(study.calls, words=study.words)


@section("order_cycle.actions", key="actions")
def todo(study: Study) -> ActionList:
    """Whom to call, by margin."""
    return calls.listed(study.calls, words=study.words, as_of=study.page.as_of, capacity=study.params.capacity)


@section("order_cycle.check")
def check(study: Study) -> Finding:
    """Whether what was said 90 days ago came."""
    return rhythm.check(study.test, words=study.words)


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_orders": bool(study.page.missing("sale_orders")),
        "no_agreed": study.agreed is None,
        "no_margin": study.worth["margin_minor"].null_count() == study.worth.height,
    }
    return sentences(study.words, "order_cycle", always=("season", "stopped", "size"), missing=missing)
