"""The channel page, card by card."""

from crmlib.cases.diversion import TRAVELLERS
from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.channel.findings import actions, flow, supply
from crmlib.pages.channel.study import QUARTER, Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, section

BOOKS = ("partner_moves", "partner_stock", "partners")
ORDERS = ("sale_orders", "sale_order_lines", "deliveries")


@answered(*BOOKS)
def answer(study: Study) -> Answer:
    """What people bought, what was shipped, and the gap in days of stock."""
    return flow.answer(
        study.growth, study.stock if not study.page.missing(*ORDERS) else None, study.breaks, study.names,
        words=study.words, late=study.late if not study.page.missing(*ORDERS) else None,
    )  # fmt: skip


@section("channel.growth", needs=BOOKS)
def growth(study: Study) -> Finding:
    """Shipped in against bought by people, month by month."""
    return flow.growth(study.growth, study.by_month, study.spans, words=study.words)


@section("channel.cover", needs=(*BOOKS, "sale_order_lines"))
def cover(study: Study) -> Finding:
    """Who holds stock for longer than wanted."""
    return flow.cover(study.stock, study.names, words=study.words, days=study.params.cover)


@section("channel.books", needs=BOOKS)
def books(study: Study) -> Finding:
    """Whose books do not close."""
    return flow.books(study.breaks, study.names, words=study.words)


@section("channel.reporting", needs=BOOKS)
def reporting(study: Study) -> Finding:
    """Who reports, and who has stopped."""
    return flow.reporting(study.reporting, study.silent, study.names, words=study.words)


@section("channel.otif", needs=(*ORDERS, "partners"))
def otif(study: Study) -> Finding:
    """Lines that came on time in full, by region."""
    return supply.otif(study.otif, words=study.words, target=study.params.target, days=QUARTER)


@section("channel.book", needs=ORDERS)
def book(study: Study) -> Finding:
    """Orders that came and went this month, and how long they take."""
    return supply.book(study.book, *study.lead, words=study.words, first=study.month, last=study.page.as_of)


@section("channel.diversion", needs=("code_scans", "partners"))
def diversion(study: Study) -> Finding:
    """Whose goods turn up outside their territory."""
    return supply.diversion(study.diverted, study.names, words=study.words, travellers=TRAVELLERS)


@section("channel.distribution", needs=("shelf_checks",))
def distribution(study: Study) -> Finding:
    """What stands on which share of the shelves."""
    return supply.distribution(study.distribution, words=study.words)


@section("channel.actions", key="actions", needs=(*BOOKS, *ORDERS))
def todo(study: Study) -> ActionList:
    """Which order to press, whose stock to clear, whose goods to trace, by rep."""
    return actions.listed(
        actions.Found(
            study.late, study.stock, study.diverted if study.page.has("code_scans") else None, study.silent
        ),
        study.partners, study.people, words=study.words, as_of=study.page.as_of, cover=study.params.cover,
        capacity=study.params.capacity, gone=study.leavers(),
    )  # fmt: skip


def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_scans": bool(study.page.missing("code_scans")),
        "no_checks": bool(study.page.missing("shelf_checks")),
    }
    return sentences(study.words, "channel", always=("reports", "travel"), missing=missing)
