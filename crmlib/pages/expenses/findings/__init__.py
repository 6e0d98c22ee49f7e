"""The expenses page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.expenses.findings import budgeted, spent
from crmlib.pages.expenses.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered("expenses", "stores")
def answer(study: Study) -> Answer:
    """What expenses take of sales, and the line that was overspent most."""
    return spent.answer(study.spent, study.stores, words=study.words)


@section("expenses.lines", needs=("expenses", "stores"))
def lines(study: Study) -> Finding:
    """Each line against a year ago: what sales explain and what they do not."""
    return spent.lines(study.spent, words=study.words).of_rows(study.vouchers)


@section("expenses.months", needs=("expenses", "stores"))
def months(study: Study) -> Finding:
    """Share of sales that expenses take, the last month by kind."""
    return spent.months(study.months, words=study.words)


@section("expenses.stores", needs=("expenses", "stores"))
def stores(study: Study) -> Finding:
    """What each store keeps of its margin after own and shared costs."""
    return spent.stores(study.stores, study.names, words=study.words)


@section("expenses.budget", needs=("budgets", "promotion_costs", "stores"))
def budget(study: Study) -> Finding:
    """The year's budget for promotions, split over regions and stores, and what is left of it."""
    return budgeted.budget(study.budget, study.names, words=study.words)


@section("expenses.actions", key="actions", needs=("expenses", "stores"))
def todo(study: Study) -> ActionList:
    """Which line of which shop, or of the house, to look into."""
    return spent.listed(
        study.spent,
        study.by_store_line,
        study.names,
        words=study.words,
        as_of=study.page.as_of,
        capacity=study.params.capacity,
        kept=study.stores,
    )


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return sentences(
        study.words, "expenses", always=("plan", "keys"), missing={"region": study.page.regions is not None}
    )
