"""The cash book, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.cashbook.findings import actions, books, ways
from crmlib.pages.cashbook.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section

NEEDS = ("accounts", "cash_moves")


@answered(*NEEDS)
def answer(study: Study) -> Answer:
    """Whether the books agree; else where they do not, then what is on its way too long, then what was counted."""
    return books.answer(
        study.statement,
        study.ties,
        study.transit if study.whole else None,
        study.counts,
        study.names,
        words=study.words,
    )


@section("cashbook.tie", needs=NEEDS)
def tie(study: Study) -> Finding:
    """The cash book beside tills, card sales and partners' payments."""
    return books.tie(study.ties, study.names, words=study.words)


@section("cashbook.rows", needs=NEEDS)
def rows(study: Study) -> Finding:
    """Every payment and entry behind what differs."""
    return books.rows(study.rows, study.names, words=study.words)


@section("cashbook.book", needs=NEEDS)
def book(study: Study) -> Finding:
    """Opening, moves and closing of the month."""
    return books.book(study.statement, study.moves, words=study.words)


@section("cashbook.transit", needs=NEEDS)
def transit(study: Study) -> Finding:
    """What left and has not arrived."""
    found = study.transit if study.whole else None
    return ways.transit(found, study.called, words=study.words, days=study.params.bank_within)


@section("cashbook.waiting", needs=NEEDS)
def waiting(study: Study) -> Finding:
    """How long cash lies in the tills."""
    return ways.waiting(
        study.waiting, study.called, words=study.words, as_of=study.page.as_of, days=study.params.bank_within
    )


@section("cashbook.counts", needs=NEEDS)
def counts(study: Study) -> Finding:
    """What counts found more or less."""
    return ways.counts(study.counts, study.called, words=study.words)


@section("cashbook.cycle")
def cycle(study: Study) -> Finding:
    """Days from paying for goods to being paid for them."""
    if study.page.missing("stock_moves") and study.page.missing("invoices") and study.page.missing("purchases"):
        study.page.table("stock_moves")  # not connected: the section says so
    return ways.cycle(*study.cycle, words=study.words)


@section("cashbook.actions", key="actions", needs=NEEDS)
def todo(study: Study) -> ActionList:
    """Which store-day to check, which money to look for, which till to empty."""
    return actions.listed(
        study.ties,
        study.transit if study.whole else None,
        study.waiting,
        study.accounts,
        study.names,
        words=study.words,
        as_of=study.page.as_of,
        days=study.params.bank_within,
        capacity=study.params.capacity,
    )


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {"no_tenders": bool(study.page.missing("tenders")), "region": not study.whole}
    return sentences(study.words, "cashbook", always=("means", "terms"), missing=missing)
