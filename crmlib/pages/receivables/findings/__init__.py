"""The receivables page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.receivables.findings import calls, owed, time
from crmlib.pages.receivables.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, section


@answered("invoices", "payments")
def answer(study: Study) -> Answer:
    """What is overdue, what will come, what will not; a break of the books first."""
    return owed.answer(study.open, study.book, study.coming, study.items, study.tables.excess, words=study.words)


@section("receivables.buckets")
def buckets(study: Study) -> Finding:
    """What is open, by lateness and month."""
    return owed.buckets(study.open, study.by_month[0], words=study.words).of_rows(study.open_rows)


@section("receivables.book")
def book(study: Study) -> Finding:
    """The month's ledger beside the open items."""
    return owed.book(study.book, study.names, study.tables.excess, words=study.words)


@section("receivables.owners")
def owners(study: Study) -> Finding:
    """Who owes most, and who is above the limit."""
    return owed.owners(study.items, study.open.unapplied, study.names, words=study.words)


@section("receivables.coming")
def coming(study: Study) -> Finding:
    """What will come within 30 days."""
    return time.coming(study.coming, words=study.words)


@section("receivables.days")
def days(study: Study) -> Finding:
    """Whether payers grew slower."""
    return time.days(study.by_month[1], words=study.words)


@section("receivables.losses")
def losses(study: Study) -> Finding:
    """What will never come."""
    return owed.losses(study.items, words=study.words)


@section("receivables.promises", needs=("promises",))
def promises(study: Study) -> Finding:
    """Which promises were kept."""
    return time.promises(study.promised, words=study.words)


@section("receivables.actions", key="actions")
def todo(study: Study) -> ActionList:
    """Whom to call about what."""
    return calls.listed(
        study.items, study.names, words=study.words, as_of=study.page.as_of, capacity=study.params.capacity
    )


@section("receivables.check")
def check(study: Study) -> Finding:
    """Whether the forecast of cash held on past dates."""
    return time.check(study.coming, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_allocations": bool(study.page.missing("allocations")),
        "no_partners": bool(study.page.missing("partners")),
    }
    return sentences(study.words, "receivables", always=("future", "members"), missing=missing)
