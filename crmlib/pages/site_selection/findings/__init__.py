"""The site selection page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.shared.sites_wording import apart, strangers
from crmlib.pages.site_selection.findings import checks, money, recommend, where
from crmlib.pages.site_selection.study import Study
from crmlib.report import answered, otherwise, section


@answered("cells", "sites", "openings", "card_flows")
def answer(study: Study) -> Answer:
    """Which sites to open, and what they bring."""
    return recommend.answer(study.planned, study.town, words=study.words)


@section("site_selection.recommendation", key="sites.recommendation")
def recommendation(study: Study) -> Finding:
    """What the chosen sites bring together, beside the rule of thumb."""
    return recommend.recommendation(study.planned, study.town, words=study.words)


@section("site_selection.map", key="sites.map")
def town_map(study: Study) -> Finding:
    """Where the chosen sites lie."""
    return where.town_map(
        study.planned,
        study.town,
        words=study.words,
        known=study.addresses,
        districts=study.districts,
        run_by=study.run_by,
    )


@section("site_selection.ranking", key="sites.ranking")
def ranking(study: Study) -> Finding:
    """The candidates by profit, with intervals."""
    return where.ranking(study.planned, study.town, words=study.words)


@section("site_selection.why", key="sites.why")
def why(study: Study) -> Finding:
    """What a chosen site owes its sales to."""
    return where.why(study.planned, study.town, words=study.words)


@section("site_selection.losers", key="sites.losers")
def losers(study: Study) -> Finding:
    """What own stores lose to the new ones."""
    return money.losers(study.planned, study.town, words=study.words, run_by=study.run_by, leads=study.leads)


@section("site_selection.payback", key="sites.payback")
def paid_back(study: Study) -> Finding:
    """When the money is back."""
    return money.paid_back(study.planned, study.town, words=study.words)


@section("site_selection.whatif", key="sites.whatif")
def what_if(study: Study) -> Finding:
    """What comes of another rent, size, margin or a rival."""
    return money.what_if(study.planned, study.town, words=study.words)


@section("site_selection.backtest", key="sites.backtest")
def past_openings(study: Study) -> Finding:
    """Whether past openings were forecast well."""
    return checks.past_openings(study.choice, study.town, words=study.words)


@section("site_selection.calibration", key="sites.calibration")
def calibration(study: Study) -> Finding:
    """Whether the pull of distance is well measured."""
    return checks.calibration(study.choice, words=study.words)


@section("site_selection.data", key="sites.data")
def data_quality(study: Study) -> Finding:
    """What was read, what is missing."""
    return checks.data_quality(study.town, study.planned, words=study.words, run_by=study.run_by)


@section("site_selection.actions", key="actions")
def actions(study: Study) -> ActionList:
    """Sign, negotiate or keep in reserve: what to do about each site."""
    return recommend.actions(study.planned, study.town, words=study.words)


@otherwise(Limits())
def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    found = recommend.limits(study.planned, study.town, words=study.words)
    return apart(found, strangers(study.page), study.run_by, words=study.words)
