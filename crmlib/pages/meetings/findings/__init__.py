"""The meetings page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.meetings.findings import brought, event
from crmlib.pages.meetings.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered("meetings", "meeting_guests", "meeting_orders")
def answer(study: Study) -> Answer:
    """Orders of the event and what each cost."""
    return event.answer(study.event, study.chain, study.each, words=study.words, closed=study.closed)


@section("meetings.chain", needs=("meetings", "meeting_guests", "meeting_orders"))
def chain(study: Study) -> Finding:
    """Invited, accepted, came, bought; new, old, walked in."""
    return event.chain(study.chain, study.event, words=study.words)


@section("meetings.money", needs=("meetings", "meeting_guests", "meeting_orders", "meeting_costs"))
def money(study: Study) -> Finding:
    """What was sold and collected against what it cost."""
    return event.money(study.chain, study.costs, study.each, words=study.words, closed=study.closed)


@section("meetings.ratios", needs=("meetings", "meeting_guests", "meeting_orders"))
def ratios(study: Study) -> Finding:
    """The trade's ratios, each with its numerator and denominator."""
    return event.ratios(study.ratios, words=study.words)


@section("meetings.effect", needs=("meetings", "meeting_guests", "meeting_orders"))
def effect(study: Study) -> Finding:
    """What the meeting itself brought, by lot only."""
    return brought.effect(
        study.effects, study.flattered, study.missing, words=study.words, wanted=study.params.wanted,
        events=study.held.height,
    )  # fmt: skip


@section("meetings.compared", needs=("meetings", "meeting_guests", "meeting_orders"))
def compared(study: Study) -> Finding:
    """All meetings held side by side."""
    return brought.compared(study.compared, words=study.words)


@section("meetings.shares", needs=("meetings", "meeting_guests", "meeting_orders", "touches", "media_costs"))
def shares(study: Study) -> Finding:
    """What contracts pay each medium."""
    return brought.shares(study.shares, words=study.words)


@section("meetings.waiting", needs=("meetings", "meeting_guests", "meeting_orders"))
def waiting(study: Study) -> Finding:
    """Why those who came did not buy, as far as it was written down."""
    return brought.waiting(study.waiting, words=study.words, as_of=study.page.as_of)


@section("meetings.book", needs=("meetings", "meeting_guests", "meeting_orders"))
def book(study: Study) -> Finding:
    """Whether the event's figures add up, and what stands outside them."""
    return event.book(study.chain, study.guests, *study.parted, words=study.words)


@section("meetings.actions", key="actions", needs=("meetings", "meeting_guests", "meeting_orders"))
def todo(study: Study) -> ActionList:
    """Who came and did not buy: intent, next date, adviser."""
    ids = study.waiting["customer_id"]
    return brought.listed(
        study.waiting, study.names, words=study.words, as_of=study.page.as_of, capacity=study.params.capacity,
        pseudonyms=dict(zip(ids, study.page.pseudonyms(ids), strict=True)),
    )  # fmt: skip


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    missing = {"no_costs": bool(study.page.missing("meeting_costs"))}
    return sentences(study.words, "meetings", always=("comers", "credit"), missing=missing)
