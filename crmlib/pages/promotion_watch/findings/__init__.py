"""The promotion watch, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.promotion_watch.findings import watch
from crmlib.pages.promotion_watch.study import Study
from crmlib.report import answered, section


@answered("stores", "products", "promotions")
def answer(study: Study) -> Answer:
    """Where the promotion stands and where it will end."""
    return watch.answer(study.run, words=study.words)


@section("promotion_watch.band", key="promotion.band")
def band(study: Study) -> Finding:
    """Sales so far against the plan and its interval."""
    return watch.band(study.run, words=study.words)


@section("promotion_watch.stores", key="promotion.stores")
def stores(study: Study) -> Finding:
    """Each store against its own plan."""
    return watch.stores(study.run, study.stores, words=study.words)


@section("promotion_watch.shelves", key="promotion.shelves", needs=("stock",))
def shelves(study: Study) -> Finding:
    """Days that the stock of every store still lasts."""
    return watch.shelves(study.run, study.stores, words=study.words)


@section("promotion_watch.margin", key="promotion.margin")
def margin(study: Study) -> Finding:
    """Margin rate and siblings."""
    return watch.margin(study.run, words=study.words)


@section("promotion_watch.spending", key="promotion.spending")
def spending(study: Study) -> Finding:
    """Discount so far and at the end against the budget."""
    return watch.spending(study.run, words=study.words)


@section("promotion_watch.call", key="actions")
def actions(study: Study) -> ActionList:
    """Stores to call today."""
    return watch.actions(study.run, study.stores, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"promotion_watch.limits.{key}") for key in ("stock", "base")))
