"""The points page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.points.findings import account
from crmlib.pages.points.study import Study
from crmlib.pages.shared import tied
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered("points")
def answer(study: Study) -> Answer:
    """What is owed on points and what it will cost; balances below zero first."""
    return account.answer(study.account, study.book, study.offences, words=study.words, wrong=study.wrong)


@section("points.book", needs=("points",))
def book(study: Study) -> Finding:
    """The month of the account, and who is below zero."""
    return account.book(study.book, study.offences, words=study.words).of_rows(study.entries)


@section("points.liability", needs=("points",))
def liability(study: Study) -> Finding:
    """What of the outstanding points will be used, and what that costs."""
    return account.liability(study.account, words=study.words, life=study.params.life, aside=study.put_aside)


@section("points.months", needs=("points",))
def months(study: Study) -> Finding:
    """Points issued and used by month."""
    return account.months(study.months, words=study.words)


@section("points.tie", needs=("points", "tenders"))
def tie(study: Study) -> Finding:
    """Whether tills and account say the same of what was paid with points."""
    whole, stores = study.page.regions is None, study.page.optional("stores")
    named = None if stores is None else stores.collect()
    return tied.tied("points.tie", study.ties, words=study.words, whole=whole, stores=named)


@section("points.gifts", needs=("stock_moves", "products"))
def gifts(study: Study) -> Finding:
    """What gifts cost this month, apart from points."""
    return account.gifts(study.gifts, study.page.table("products").collect(), words=study.words)


@section("points.actions", key="actions", needs=("points",))
def todo(study: Study) -> ActionList:
    """Whose account to correct, and who has points and stays away."""
    ids = study.asked
    return account.listed(
        study.account, study.quiet, study.looked_after, words=study.words, as_of=study.page.as_of,
        capacity=study.params.capacity, pseudonyms=dict(zip(ids, study.page.pseudonyms(ids), strict=True)),
    )  # fmt: skip


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_tenders": bool(study.page.missing("tenders")),
        "no_worth": study.account.worth is None,
    }
    return sentences(study.words, "points", always=("age", "future"), missing=missing)
