"""The customer value page, card by card."""

from crmlib.customers.loyalty import contact_list as lists
from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.customer_value.findings import groups, matrix, overdue, tiers
from crmlib.pages.customer_value.study import Study
from crmlib.report import section


def answer(study: Study) -> Answer:
    """Whom to look after first, and the four figures that matter."""
    return tiers.answer(study.tiers, study.moves, words=study.words, overdue=study.late, full=study.span.previous_full)


@section("customer_value.concentration", key="scoring.pyramid")
def concentration(study: Study) -> Finding:
    """How far sales hang on few members."""
    return tiers.concentration(study.tiers, words=study.words, start=study.span.start, end=study.span.end)


@section("customer_value.migration", key="scoring.migration")
def migration(study: Study) -> Finding:
    """Who rose, fell or stayed away since the previous period."""
    span = study.span
    return tiers.migration(study.moves, words=study.words, start=span.start, end=span.end, full=span.previous_full)


@section("customer_value.matrix", key="scoring.matrix")
def value_matrix(study: Study) -> Finding:
    """Whether those who buy much also earn much."""
    return matrix.value_matrix(study.board, words=study.words)


@section("customer_value.movers", key="scoring.movers")
def movers(study: Study) -> Finding:
    """Who left the good corner, and what margin went with them."""
    ids = study.page.pseudonyms(study.largest["customer_id"])
    return matrix.movers(study.moved, study.largest, words=study.words, pseudonyms=ids)


@section("customer_value.overdue", key="scoring.overdue")
def overdue_upper(study: Study) -> Finding:
    """Upper members overdue against their own rhythm, and what is at risk with them."""
    return overdue.overdue_upper(study.late, study.held, words=study.words)


@section("customer_value.back_test", key="scoring.overdue_test")
def back_test(study: Study) -> Finding:
    """Whether those whom the rule called overdue did stay away."""
    return overdue.back_test(study.late, words=study.words)


@section("customer_value.segments", key="scoring.segments")
def segments(study: Study) -> Finding:
    """Which segments bring the sales."""
    return groups.segments(study.groups, study.apart, words=study.words)


@section("customer_value.loyalty", key="scoring.loyalty")
def loyalty(study: Study) -> Finding:
    """The share of sales on a card, newcomers who come back, and how widely members buy."""
    return groups.loyalty(study.by_month, study.back, words=study.words, cohorts=study.stayed, width=study.width)


@section("customer_value.actions", key="actions")
def contact_list(study: Study) -> ActionList:
    """Whom to contact this month, each with the own reason."""
    return overdue.contact_list(
        study.chosen,
        words=study.words,
        as_of=study.page.as_of,
        last=study.last_list,
        with_margin=study.late.with_margin,
        pseudonyms=study.page.pseudonyms(study.chosen.chosen["customer_id"]),
        owners=lists.owners(study.chosen, study.people),
    )


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"customer_value.limits.{key}") for key in ("past", "apart", "cards")))
