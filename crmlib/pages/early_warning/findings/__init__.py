"""The early-warning page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.early_warning.findings import lists, warning
from crmlib.pages.early_warning.study import Study
from crmlib.pages.shared import churn_ground
from crmlib.pages.shared.churn_wording import reserve
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered()
def answer(study: Study) -> Answer:
    """What is at risk in all, what of it is late or new, and whom to contact today."""
    return warning.answer(
        study.found,
        study.everybody.late,
        study.everybody.table,
        words=study.words,
        tiers=study.params.watched,
        rhythm=study.params.rhythm,
        basis=study.basis,
        horizon=study.horizon,
        reserve=reserve(*study.reserve(study.everybody.table), words=study.words),
        returns=study.returns,
    )


@section("early_warning.entries", key="churn.entries")
def entries(study: Study) -> Finding:
    """Why the new entries are at risk."""
    return warning.entries(
        study.found,
        words=study.words,
        rhythm=study.params.rhythm,
        basis=study.basis,
        ranked_by=study.trial.kind,
    )


@section("early_warning.capacity", key="churn.capacity")
def capacity(study: Study) -> Finding:
    """Whether the owners can call all of them."""
    each = study.params.capacity
    return warning.capacity(study.reachable, study.listed, words=study.words, each=each, basis=study.basis)


@section("early_warning.at_risk", key="churn.at_risk")
def value_at_risk(study: Study) -> Finding:
    """Who will not come within the horizon, and what is at risk by it."""
    return warning.value_at_risk(
        study.everybody.table,
        words=study.words,
        horizon=study.horizon,
        basis=study.basis,
        reserve=reserve(*study.reserve(study.everybody.table), words=study.words),
        returns=study.returns,
    )


@section("early_warning.last_list", key="churn.last_list")
def last_list(study: Study) -> Finding:
    """What became of the last list."""
    result, listed_on, rebuilt = study.past
    return warning.last_list(result, words=study.words, listed_on=listed_on, rebuilt=rebuilt, basis=study.basis)


@section("early_warning.silence", key="churn.silence")
def silence(study: Study) -> Finding:
    """Until when coming back unasked is more likely than not."""
    return warning.silence(study.silence, words=study.words, horizon_weeks=study.weeks)


@section("early_warning.actions", key="churn.watch_list")
def watch_list(study: Study) -> ActionList:
    """Whom to call, each with the own reason."""
    return lists.watch_list(
        study.listed,
        words=study.words,
        pseudonyms=study.page.pseudonyms(study.listed["customer_id"]),
        found=study.reachable.height,
        held=study.found.height - study.reachable.height,
        as_of=study.page.as_of,
        basis=study.basis,
        goods=study.last_goods,
        horizon=study.horizon,
        reserve=reserve(*study.reserve(study.listed), words=study.words),
    )


@section("churn.league")
def league_check(study: Study) -> Finding:
    """All scores side by side, on closed windows."""
    return churn_ground.league_check(study)


@section("churn.calibration")
def calibration_check(study: Study) -> Finding:
    """Whether of those told 30 % about 30 % did not come."""
    return churn_ground.calibration_check(study)


@otherwise(Limits())
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_contacts": bool(study.page.missing("contacts")),
        "no_products": study.goods is None,
        "no_stores": study.stores is None,
        "no_cost": study.basis == "sales",
        "no_test": not study.tests,
        "overwritten": len(study.page.missing("contacts", "points")) < 2,
    }
    return sentences(study.words, "early_warning", always=("risk", "reasons", "cards"), missing=missing)
