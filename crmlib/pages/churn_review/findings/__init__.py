"""The churn review, card by card; what stands only on the monthly page is no card of the weekly one."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.churn_review.findings import effects, lists, losses, movement
from crmlib.pages.churn_review.study import Study
from crmlib.pages.shared import churn_checks, churn_ground
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section

NONE: tuple[Finding, ...] = ()


@answered()
def answer(study: Study) -> Answer:
    """Net change of the last period, the largest known cause, whom to ask."""
    return movement.answer(
        study.moved,
        study.why,
        words=study.words,
        rhythm=study.params.rhythm,
        fill=study.rates["share"][-1],
        asked=study.put.height,
    )


@section("churn_review.flow", key="churn.flow")
def flow(study: Study) -> Finding:
    """Whether active members grew or shrank, and by what."""
    params = study.params
    return movement.flow(
        study.moved,
        words=study.words,
        rhythm=params.rhythm,
        horizon=study.horizon,
        active_days=params.active_days,
    )


@section("churn_review.stores", key="churn.stores", needs=("stores",))
def stores(study: Study) -> Finding:
    """Where members were lost on balance."""
    return movement.stores(study.by_store, words=study.words, names=study.stores, closed=study.now_closed)


@section("churn_review.owners", key="churn.owners")
def owners(study: Study) -> Finding | tuple[Finding, ...]:
    """Whose members were lost on balance; on the weekly page, where owners are named."""
    if study.monthly or not study.looked_after or study.by_owner is None:
        return NONE
    return movement.owners(study.by_owner, words=study.words)


@section("churn_review.stages", key="churn.stages")
def stages(study: Study) -> Finding | tuple[Finding, ...]:
    """At which stage most are lost; on the monthly page."""
    if not study.monthly:
        return NONE
    return losses.stages(study.funnel, words=study.words, active_days=study.params.active_days)


@section("churn_review.causes", key="churn.causes")
def causes(study: Study) -> Finding:
    """Why members left, as far as anybody knows."""
    return losses.causes(study.why, words=study.words)


@section("churn_review.fill", key="churn.fill")
def fill(study: Study) -> Finding:
    """How many losses have a written reason."""
    return losses.fill(study.rates, words=study.words)


@section("churn_review.reasons", key="churn.loss_reasons")
def reason_list(study: Study) -> ActionList:
    """The losses whose reason is still to be written down."""
    return lists.reason_list(
        study.put,
        words=study.words,
        pseudonyms=study.page.pseudonyms(study.put["customer_id"]),
        found=study.unwritten,
        as_of=study.page.as_of,
        start=study.times[-1][0],
    )


@section("churn_review.follow_up", key="churn.follow_up")
def follow_up(study: Study) -> Finding | tuple[Finding, ...]:
    """How soon after the first follow-up people are lost or won; on the monthly page."""
    if not study.monthly:
        return NONE
    study.page.table("contacts")
    return losses.follow_up(study.incidence, study.ends, words=study.words, horizon=study.horizon)


@section("churn_review.winback", key="churn.winback")
def winback(study: Study) -> Finding | tuple[Finding, ...]:
    """Whether winning back works, and for whom; on the monthly page."""
    if not study.monthly:
        return NONE
    return effects.winback(study.sent, words=study.words, days=study.params.window, cells=study.cells)


@section("churn.league")
def league_check(study: Study) -> Finding | tuple[Finding, ...]:
    """All scores side by side, on closed windows; on the monthly page."""
    return churn_ground.league_check(study) if study.monthly else NONE


@section("churn.calibration")
def calibration_check(study: Study) -> Finding | tuple[Finding, ...]:
    """Whether of those told 30 % about 30 % did not come; on the monthly page."""
    return churn_ground.calibration_check(study) if study.monthly else NONE


@section("churn.tiers")
def tiers_check(study: Study) -> Finding | tuple[Finding, ...]:
    """Whether the risk is right in each tier; on the monthly page."""
    if not study.monthly:
        return NONE
    if not study.tests:
        return churn_ground.untested(study, "tiers")
    return churn_checks.tiers_check(study.observed, words=study.words, day=study.day(study.health.origin))


@section("churn.drift")
def drift_check(study: Study) -> Finding | tuple[Finding, ...]:
    """Whether members still look like those the risk was learned on; on the monthly page."""
    if not study.monthly:
        return NONE
    if not study.origins:
        return churn_ground.untested(study, "drift")
    now, then = study.day(study.page.as_of), study.day(study.origins[-1])
    return churn_checks.drift_check(study.drift, words=study.words, now=now, then=then)


@otherwise(Limits())
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_contacts": study.contacts is None,
        "no_stores": study.stores is None,
        "no_owners": not study.looked_after,
        "no_test": study.monthly and not study.tests,
        "overwritten": study.contacts is not None or study.points is not None,
    }
    return sentences(study.words, "churn_review", always=("causes", "cards", "causal"), missing=missing)
