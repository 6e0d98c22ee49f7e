"""The service page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.service.findings import actions, desk, phone, voice
from crmlib.pages.service.study import QUARTER, WINDOW, Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, section


@answered("tickets", "ticket_events", "service_calendar")
def answer(study: Study) -> Answer:
    """Escalations that are overdue, else whether promises were kept."""
    return desk.answer(study.rows, study.promises, words=study.words, target=study.params.target, days=WINDOW)


@section("service.promises", needs=("tickets", "ticket_events", "service_calendar"))
def promises(study: Study) -> Finding:
    """What was promised and kept, by team."""
    return desk.promises(study.promises, words=study.words, target=study.params.target, days=WINDOW)


@section("service.backlog", needs=("tickets", "ticket_events", "service_calendar"))
def backlog(study: Study) -> Finding:
    """What is open, by age."""
    return desk.backlog(study.backlog, words=study.words)


@section("service.book", needs=("ticket_events",))
def book(study: Study) -> Finding:
    """What came and went this month."""
    return desk.book(study.book, words=study.words, first=study.month, last=study.page.as_of)


@section("service.times", needs=("ticket_events",))
def times(study: Study) -> Finding:
    """How fast tickets are solved, this quarter and the one before."""
    return desk.times(*study.times, words=study.words, days=QUARTER)


@section("service.themes", needs=("tickets", "ticket_events", "service_calendar"))
def themes(study: Study) -> Finding:
    """What it is about, and what comes back."""
    return voice.themes(study.themes, words=study.words, days=QUARTER)


@section("service.satisfaction", needs=("ticket_events",))
def satisfaction(study: Study) -> Finding:
    """How satisfied people are, and what that can mean at most and at least."""
    return voice.satisfaction(study.satisfaction, words=study.words, days=QUARTER)


@section("service.solutions", needs=("solutions", "ticket_events"))
def solutions(study: Study) -> Finding:
    """Whether written solutions are used, and hold."""
    return voice.solutions(study.reuse, words=study.words)


@section("service.calls", needs=("calls",))
def calls(study: Study) -> Finding:
    """How many calls were answered in time."""
    return phone.calls(
        study.calls, words=study.words, days=study.plan.days if study.page.has("rosters") else None,
        seconds=study.params.pick_up, level=study.params.service_level,
    )  # fmt: skip


@section("service.agents", needs=("calls", "rosters"))
def agents(study: Study) -> Finding:
    """Which half hours have too few agents, and which too many."""
    return phone.agents(study.plan, words=study.words, seconds=study.params.pick_up, level=study.params.service_level)


@section("service.actions", key="actions", needs=("tickets", "ticket_events", "service_calendar"))
def todo(study: Study) -> ActionList:
    """Whose ticket to close first."""
    late = study.overdue.head(study.params.capacity)
    ids = late["customer_id"].drop_nulls().unique()
    return actions.listed(
        late, words=study.words, found=study.overdue.height, as_of=study.page.as_of, people=study.people,
        gone=study.leavers(),
        pseudonyms=dict(zip(ids, study.page.pseudonyms(ids), strict=True)),
    )  # fmt: skip


def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {"no_calls": bool(study.page.missing("calls")), "no_solutions": bool(study.page.missing("solutions"))}
    return sentences(study.words, "service", always=("marks", "hours"), missing=missing)
