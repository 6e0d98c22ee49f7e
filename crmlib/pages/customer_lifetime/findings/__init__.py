"""The lifetime page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.customer_lifetime.findings import checks, keep, value, wording
from crmlib.pages.customer_lifetime.study import Study
from crmlib.report import answered, otherwise, section


@answered()
def answer(study: Study) -> Answer:
    """What the members of today will bring, and whom to call first."""
    made = study.forecast
    return value.answer(made.whole, study.test, listed=made.listed, newcomer=made.newcomer, words=study.words)


@section("customer_lifetime.tiers", key="clv.tiers")
def tiers(study: Study) -> Finding:
    """How far the future value hangs on few members."""
    return value.tiers(study.forecast.whole, study.test, words=study.words)


@section("customer_lifetime.undecided", key="clv.undecided")
def undecided(study: Study) -> Finding:
    """How many may or may not be lost, and what hangs on them."""
    return keep.undecided(study.forecast.whole, study.test, words=study.words)


@section("customer_lifetime.cohorts", key="clv.cohorts")
def cohorts(study: Study) -> Finding:
    """Whether members of one quarter are better than those of another."""
    return value.cohorts(study.lives, words=study.words)


@section("customer_lifetime.stores", key="clv.stores")
def stores(study: Study) -> Finding:
    """Where the members shop who hold the future value."""
    return value.stores(study.forecast.whole, study.test, words=study.words, titles=study.titles("stores", "store_id"))


@section("customer_lifetime.newcomers", key="clv.newcomers")
def newcomers(study: Study) -> Finding:
    """What a new member will bring, and how soon."""
    return value.newcomers(study.forecast.newcomer, study.forecast.whole, study.test, words=study.words)


@section("customer_lifetime.list", key="actions")
def keep_list(study: Study) -> ActionList:
    """Whom to call, each with the own reason."""
    listed = study.forecast.listed
    return keep.keep_list(
        listed,
        study.test,
        words=study.words,
        reach=study.reached,
        pseudonyms=study.page.pseudonyms(listed["customer_id"]),
        last=study.last_list,
    )


@section("customer_lifetime.check.models", key="clv.check.models")
def models(study: Study) -> Finding:
    """Whether the model is better than last year again."""
    return checks.models(study.test, words=study.words)


@section("customer_lifetime.check.tracking", key="clv.check.tracking")
def tracking(study: Study) -> Finding:
    """Repeat purchases by week, and the error of their total."""
    return checks.tracking(study.test, words=study.words)


@section("customer_lifetime.check.conditional", key="clv.check.conditional")
def conditional(study: Study) -> Finding:
    """What came of those who had bought so often."""
    return checks.conditional(study.test, words=study.words)


@section("customer_lifetime.check.frequency", key="clv.check.frequency")
def frequency(study: Study) -> Finding:
    """How often members bought, beside what the model makes of it."""
    return checks.frequency(study.test, words=study.words)


@section("customer_lifetime.check.calibration", key="clv.check.calibration")
def calibration(study: Study) -> Finding:
    """Whether probabilities of buying again are right."""
    return checks.calibration(study.test, words=study.words)


@section("customer_lifetime.check.spread", key="clv.check.spread")
def spread(study: Study) -> Finding:
    """Whether the intervals of single members have the right width."""
    return checks.spread(study.test, words=study.words)


@section("customer_lifetime.check.spend", key="clv.check.spend")
def spend(study: Study) -> Finding:
    """Whether spend has to do with frequency."""
    return checks.spend(study.linked, study.test, words=study.words)


@otherwise(Limits())
def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return wording.limits(study.season, study.apart, words=study.words)
