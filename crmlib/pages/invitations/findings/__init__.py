"""The invitations page, card by card: whom with what, what it may bring, goods, means, what it shows, the list."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.invitations.findings import people, products
from crmlib.pages.invitations.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered()
def answer(study: Study) -> Answer:
    """Whom to invite with what, and what it may bring."""
    return people.answer(study.listed, study.filed, study.expected, study.named, words=study.words)


@section("invitations.cells")
def cells(study: Study) -> Finding:
    """What earlier lists of the purpose brought in each cell, less the cost."""
    return people.cells(
        study.effects, study.listed, study.expected, words=study.words, objective=study.params.objective,
        margin=study.margin, cost_minor=study.params.cost,
    )  # fmt: skip


@section("invitations.goods")
def goods(study: Study) -> Finding:
    """Which goods are suggested, to how many, and what a purchase earns."""
    return products.goods(study.listed, study.named, study.earned, words=study.words)


@section("invitations.beaten")
def beaten(study: Study) -> Finding:
    """Whether the list of goods beats popularity and own frequency."""
    return products.beaten(study.beaten, drawn=study.drawn, words=study.words)


@section("invitations.new")
def new(study: Study) -> Finding:
    """Whether goods that are new to a member can be products."""
    return products.new(study.slot, drawn=study.drawn, words=study.words)


@section("invitations.means")
def means(study: Study) -> Finding:
    """How those who could be invited may be reached."""
    return people.means(study.means, words=study.words)


@section("invitations.power")
def power(study: Study) -> Finding:
    """What this list can show, before it is sent."""
    return people.power(study.filed, words=study.words, base=study.base, planned=study.params.planned / 100)


@section("invitations.list", key="actions")
def todo(study: Study) -> ActionList:
    """One line a member: goods, day and hour, store and shelf, means."""
    return people.listed(
        study.listed, study.named, study.titles("stores", "store_id"), words=study.words,
        pseudonyms=study.page.pseudonyms(study.listed["recipient_id"]), as_of=study.page.as_of,
    )  # fmt: skip


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_cost": study.earned is None,
        "no_stock": not study.counted,
        "no_lists": study.read.is_empty(),
    }
    return sentences(study.words, "invitations", always=("buy", "display"), missing=missing)
