"""The pool page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.pool.findings import inside, lists, owned
from crmlib.pages.pool.study import JUDGED, Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import addresses, answered, section

RULED = ("pool_rules", "customers")
POOL = (*RULED, "pool_moves")


@answered(*POOL)
def answer(study: Study) -> Answer:
    """Who returns in the days ahead, with yuan; what lies in the pool; who holds too many."""
    return owned.answer(
        study.soon, study.standing, study.holding, study.books, study.names, words=study.words,
        ahead=study.params.ahead,
    )  # fmt: skip


@section("pool.returns", needs=POOL)
def returns(study: Study) -> Finding:
    """When those with an owner return, week by week."""
    return owned.returns(study.returns, words=study.words, as_of=study.page.as_of)


@section("pool.holding", needs=POOL)
def holding(study: Study) -> Finding:
    """Who holds how many, against the limit."""
    return owned.holding(study.holding, study.names, words=study.words, ahead=study.params.ahead)


@section("pool.flow", needs=POOL)
def flow(study: Study) -> Finding:
    """The pool's book, month by month."""
    return inside.flow(study.books, words=study.words)


@section("pool.ages", needs=POOL)
def ages(study: Study) -> Finding:
    """How long they have lain there."""
    return inside.ages(study.ages, words=study.words)


@section("pool.claims", needs=(*POOL, "assignments"))
def claims(study: Study) -> Finding:
    """Claims of four weeks, judged by the rules."""
    return inside.claims(study.claims, study.names, words=study.words, days=JUDGED)


@section("pool.brought", needs=POOL)
def brought(study: Study) -> Finding:
    """What being offered for claiming brought, by lot."""
    return inside.brought(study.brought, words=study.words)


@section("pool.agree", needs=(*POOL, "assignments"))
def agree(study: Study) -> Finding:
    """Whether the pool's log and the owners of the day say the same."""
    return inside.agree(study.apart, words=study.words)


@section("pool.actions", key="actions", needs=POOL)
def todo(study: Study) -> ActionList:
    """Who returns soon, dearest first, by owner."""
    rows = study.soon.head(study.params.capacity)
    ids = study.page.pseudonyms(rows["customer_id"]).to_list()
    forms = [addresses.outcome(study.page.context.face, i, language=study.words.language) for i in ids]
    return lists.returning(
        rows, study.soon.height, study.names, words=study.words, pseudonyms=ids, forms=forms, as_of=study.page.as_of
    )  # fmt: skip


@section("pool.free", key="claimable", needs=POOL)
def free(study: Study) -> ActionList:
    """Who may be claimed now, dearest first."""
    rows = study.free.head(study.params.capacity)
    ids = study.page.pseudonyms(rows["customer_id"]).to_list()
    forms = [addresses.claim(study.page.context.face, i, language=study.words.language) for i in ids]
    return lists.free(
        rows, study.free.height, words=study.words, pseudonyms=ids, forms=forms, as_of=study.page.as_of,
        others=study.unlocked.height - study.free.height,
    )  # fmt: skip


def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_contacts": bool(study.page.missing("contacts")),
        "no_staff": bool(study.page.missing("staff")),
    }
    return sentences(study.words, "pool", always=("clock", "contracts", "lot"), missing=missing)
