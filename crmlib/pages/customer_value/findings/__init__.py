"""The customer value page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.customer_value.findings import groups, matrix, overdue, tiers
from crmlib.pages.customer_value.study import Study
from crmlib.pages.shared import churn_ground
from crmlib.pages.shared.churn_wording import reserve
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """Whom to look after first, and the four figures that matter."""
    late = None if study.overdue is None else study.overdue.late
    return tiers.answer(
        study.told_tiers,
        study.told_moves,
        words=study.words,
        late=late,
        basis="margin" if late is None else study.basis,
        reserve=("", "good") if late is None else reserve(*study.watch.reserve(late), words=study.words),
        full=study.span.previous_full,
    )


@section("customer_value.concentration", key="scoring.pyramid")
def concentration(study: Study) -> Finding:
    """How far sales hang on few members."""
    return tiers.concentration(study.told_tiers, words=study.words, start=study.span.start, end=study.span.end)


@section("customer_value.migration", key="scoring.migration")
def migration(study: Study) -> Finding:
    """Who rose, fell or stayed away since the previous period."""
    span = study.span
    return tiers.migration(study.told_moves, words=study.words, start=span.start, end=span.end, full=span.previous_full)


@section("customer_value.matrix", key="scoring.matrix")
def value_matrix(study: Study) -> Finding:
    """Whether those who buy much also earn much."""
    return matrix.value_matrix(study.told_board, words=study.words)


@section("customer_value.movers", key="scoring.movers")
def movers(study: Study) -> Finding:
    """Who left the good corner, and what margin went with them."""
    ids = study.page.pseudonyms(study.largest["customer_id"])
    return matrix.movers(study.moved, study.largest, words=study.words, pseudonyms=ids)


@section("customer_value.overdue", key="scoring.overdue")
def overdue_upper(study: Study) -> Finding:
    """Upper members overdue against their own rhythm, and what is at risk with them."""
    if study.overdue is None:
        return Finding.unavailable("customer_value.overdue", "data", words=study.words, key="scoring.overdue")
    return overdue.overdue_upper(
        study.overdue.upper,
        study.overdue.late,
        words=study.words,
        upper=study.upper,
        basis=study.basis,
        horizon=study.watch.horizon,
        reserve=reserve(*study.watch.reserve(study.overdue.late), words=study.words),
    )


@section("churn.league")
def league_check(study: Study) -> Finding:
    """Whether the risk behind the overdue members ranks better than a rule of thumb."""
    return churn_ground.league_check(study.watch)


@section("churn.calibration")
def calibration_check(study: Study) -> Finding:
    """Whether of those told 30 % about 30 % did not come."""
    return churn_ground.calibration_check(study.watch)


@section("customer_value.segments", key="scoring.segments")
def segments(study: Study) -> Finding:
    """Which segments bring the sales."""
    return groups.segments(study.told_groups, study.apart, words=study.words)


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
        last=study.last_list,
        basis=study.basis,
        pseudonyms=study.page.pseudonyms(study.chosen.chosen["customer_id"]),
    )


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"customer_value.limits.{key}") for key in ("past", "apart", "cards")))
