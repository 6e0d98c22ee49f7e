"""The home page, card by card: what to do first, what comes, whether the data can be relied on, all pages."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.home.findings import first, pages
from crmlib.pages.home.study import Study
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """The most expensive thing to do, and the figures of sales as their own page says them."""
    return first.answer(study.first, study.lights, sales=study.sales, targets=study.targets, words=study.words)


@section("home.first", key="home.first")
def to_do(study: Study) -> Finding:
    """What to do, by money at stake."""
    return first.to_do(study.costly, words=study.words)


@section("home.actions")
def actions(study: Study) -> ActionList:
    """The list of what to do, each with the page that says why."""
    rows = study.first
    leads = [study.page.leads_to(output, key=key) for output, key in rows.select("output", "key").iter_rows()]
    return first.actions(rows, leads, total=study.costly.height, words=study.words)


@section("home.ahead")
def ahead(study: Study) -> Finding:
    """What starts and ends in the next days, and festivals to order for."""
    return pages.ahead(study.ahead, days=study.params.days, with_offers=study.page.has("promotions"), words=study.words)


@section("home.data")
def data(study: Study) -> Finding:
    """What the health page says of the data."""
    return pages.data(study.health, as_of=study.page.as_of, words=study.words)


@section("home.reports")
def reports(study: Study) -> Finding:
    """Every page, by money at stake."""
    leads = [study.page.leads_to(output) for output in study.lights["output"]]
    return pages.reports(study.lights, leads, as_of=study.page.as_of, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"home.limits.{key}") for key in ("pages", "sum")))
