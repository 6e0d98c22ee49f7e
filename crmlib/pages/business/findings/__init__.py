"""The page of business customers, card by card."""

from dataclasses import replace

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.business.findings import file, money, visits
from crmlib.pages.business.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import addresses, answered, section


@answered("partners")
def answer(study: Study) -> Answer:
    """What they bought, and whom to see first."""
    return visits.answer(
        study.customers, study.todo, study.owed, study.outlook, study.rhythm, words=study.words,
        as_of=study.page.as_of,
    )  # fmt: skip


@section("business.kinds", needs=("partners",))
def kinds(study: Study) -> Finding:
    """Distributors, key accounts, group buyers: what they bought."""
    found = file.kinds(study.customers, words=study.words)
    return found.of_rows(file.rows(study.customers))


@section("business.trades", needs=("partners",))
def trades(study: Study) -> Finding:
    """Industry and size."""
    return file.trades(study.customers, words=study.words)


@section("business.seasons", needs=("partner_needs",))
def seasons(study: Study) -> Finding:
    """Group-buy and gift needs by season."""
    return money.seasons(study.seasons, study.outlook, words=study.words)


@section("business.due", needs=("partners", "sale_orders"))
def due(study: Study) -> Finding:
    """Whose next order is due."""
    return money.due(study.rhythm, study.late, study.customers, words=study.words)


@section("business.owed", needs=("partners", "invoices", "payments"))
def owed(study: Study) -> Finding:
    """What they owe."""
    return money.owed(study.owed, study.customers, words=study.words)


@section("business.cards", needs=("customers",))
def cards(study: Study) -> Finding:
    """Cards at the till that are business, not members."""
    return file.cards(study.flagged, words=study.words)


@section("business.one", needs=("partners",))
def one(study: Study) -> Finding:
    """One customer from all sides."""
    return file.one(study.one, study.course, words=study.words)


@section("business.actions", key="actions", needs=("partners",))
def todo(study: Study) -> ActionList:
    """Whom to see about what."""
    found = visits.listed(
        study.todo, words=study.words, as_of=study.page.as_of, capacity=study.params.capacity,
        face=study.page.context.face,
    )  # fmt: skip
    context = study.page.context
    left = context.leave("people", visits.left(found, study.todo)) if found.table.height else ""
    leads = (
        (study.words("business.actions.names"), addresses.reveal(context.face, left, language=study.words.language)),
    )
    return replace(found, leads=leads)


@section("business.check", needs=("partners",))
def check(study: Study) -> Finding:
    """Whether every yuan has a customer."""
    return file.check(study.bought, study.customers, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_orders": bool(study.page.missing("sale_orders")),
        "no_talks": bool(study.page.missing("partner_talks")),
        "no_needs": bool(study.page.missing("partner_needs")),
    }
    return sentences(study.words, "business", always=("orders", "people"), missing=missing)
