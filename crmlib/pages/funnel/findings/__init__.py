"""The funnel page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.funnel.findings import ahead, credit, standing
from crmlib.pages.funnel.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered("deals", "stage_moves")
def answer(study: Study) -> Answer:
    """What will be won, or what stands still where that is more."""
    return ahead.answer(
        study.expected, study.band, study.stalled, study.rate, words=study.words, days=study.params.ahead
    )


@section("funnel.fates", needs=("deals",))
def fates(study: Study) -> Finding:
    """What becomes of deals by age; by month of opening."""
    return standing.fates(study.fates, study.cohorts, study.rate, study.naive, words=study.words)


@section("funnel.forecast", needs=("deals",))
def forecast(study: Study) -> Finding:
    """What past forecasts said against what was won."""
    return ahead.forecast(study.origins, study.expected, study.band, words=study.words, days=study.params.ahead)


@section("funnel.stages", needs=("deals", "stage_moves"))
def stages(study: Study) -> Finding:
    """How long deals stay in each stage, and where they stand still."""
    return standing.stages(study.times, words=study.words)


@section("funnel.book", needs=("deals", "stage_moves"))
def book(study: Study) -> Finding:
    """The month's moves by stage."""
    return standing.book(study.book, study.flow, words=study.words, first=study.first, last=study.page.as_of)


@section("funnel.owners", needs=("deals",))
def owners(study: Study) -> Finding:
    """Open deals and what they bring, by owner; whoever has left is named."""
    return ahead.owners(study.expected, study.names, study.gone, words=study.words)


@section("funnel.sources", needs=("deals", "leads"))
def sources(study: Study) -> Finding:
    """What became of each source's deals of the same months."""
    return credit.sources(study.by_source, words=study.words)


@section("funnel.credit", needs=("deals", "touches"))
def media(study: Study) -> Finding:
    """Credit of media by four ways of counting: descriptive."""
    return credit.media(study.credit, words=study.words)


@section("funnel.season", needs=("deals",))
def season(study: Study) -> Finding:
    """Whether closings pile up where quotas are due."""
    return credit.season(study.season, words=study.words)


@section("funnel.reasons", needs=("deals",))
def reasons(study: Study) -> Finding:
    """Why deals are lost, as far as it was written down."""
    return credit.reasons(study.deals, words=study.words, as_of=study.page.as_of)


@section("funnel.records", needs=("deals", "stage_moves"))
def records(study: Study) -> Finding:
    """What the records lack, counted: unseen ends, wins without order, closing days that have passed."""
    return standing.records(
        study.deals, study.slipped, study.expected, words=study.words, feed=study.feed, as_of=study.page.as_of
    )


@section("funnel.score", needs=("deals", "leads"))
def score(study: Study) -> Finding:
    """Whether a lead score is owed to anybody."""
    return credit.score(study.score, words=study.words)


@section("funnel.actions", key="actions", needs=("deals", "stage_moves"))
def todo(study: Study) -> ActionList:
    """Which deals that stand still to move first, by value."""
    return standing.listed(
        study.stalled, study.names, study.gone, words=study.words, as_of=study.page.as_of,
        capacity=study.params.capacity,
    )  # fmt: skip


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    missing = {"no_leads": bool(study.page.missing("leads")), "no_touches": bool(study.page.missing("touches"))}
    return sentences(study.words, "funnel", always=("credit", "ranking"), missing=missing)
