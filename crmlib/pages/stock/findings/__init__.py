"""The stock page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.shared.limits import limits as sentences
from crmlib.pages.stock.findings import actions, books, shelves
from crmlib.pages.stock.study import Study
from crmlib.report import answered, section


@answered("stock", "products")
def answer(study: Study) -> Answer:
    """What costs most: a break of the books first, else what expires, runs out or lies."""
    return books.answer(
        study.position, words=study.words, breaks=study.breaks, ends=study.expiring, within=study.params.short_life,
        days=study.params.cover + study.params.lead,
    )  # fmt: skip


@section("stock.book", needs=("stock_moves",))
def book(study: Study) -> Finding:
    """Opening, moves and closing of the month, and where the count differs."""
    made = books.statement(study.book, study.stores, study.products, words=study.words, counted=study.stock is not None)
    return made.of_rows(study.entries)


@section("stock.cover")
def cover(study: Study) -> Finding:
    """How long what lies will last."""
    return shelves.cover(study.position, words=study.words, lead=study.params.lead)


@section("stock.expiry", needs=("stock_moves", "lots"))
def expiry(study: Study) -> Finding:
    """Which lots will not be sold before their last day."""
    return shelves.expiry(
        study.ends, words=study.words, within=study.params.short_life, learnt=study.response.height > 0
    )


@section("stock.empty")
def empty(study: Study) -> Finding:
    """Which shelves were empty, and what that cost."""
    return shelves.empty(study.position, words=study.words, booked=study.moves is not None)


@section("stock.slow")
def slow(study: Study) -> Finding:
    """What lies longer than wanted."""
    return shelves.slow(study.position, words=study.words, days=study.params.cover + study.params.lead)


@section("stock.transit", needs=("stock_moves",))
def transit(study: Study) -> Finding:
    """Transfers that have left and not arrived."""
    return books.transit(
        study.transit, study.stores, study.products, words=study.words, as_of=study.page.as_of,
        whole=study.page.regions is None,
    )  # fmt: skip


@section("stock.actions", key="actions")
def todo(study: Study) -> ActionList:
    """Which shop does what with which goods, by yuan."""
    return actions.listed(
        study.position, study.expiring, study.stores, study.products, words=study.words,
        as_of=study.page.as_of, lead=study.params.lead, capacity=study.params.capacity,
    )  # fmt: skip


@section("stock.check")
def check(study: Study) -> Finding:
    """Whether shelves sold as much as was forecast 28 days ago."""
    return shelves.check(study.held, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_book": study.moves is None,
        "no_lots": bool(study.page.missing("lots")),
        "no_response": study.response.is_empty(),
    }
    return sentences(study.words, "stock", always=("future", "shelf"), missing=missing)
