"""The list results, card by card."""

from dataclasses import replace

from crmlib.core.errors import ModelError
from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.outreach.programme import Programme
from crmlib.pages.list_results.findings import brought, sound
from crmlib.pages.list_results.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import addresses, answered, otherwise, section

NEEDS = ("campaigns", "campaign_steps", "outreach")


def _programme(study: Study) -> Programme | None:
    """The season's effect; none where nobody, or too few, are held out for it."""
    if study.page.missing("seasons", "customers"):
        return None
    try:
        return study.programme
    except ModelError:
        return None


@answered(*NEEDS)
def answer(study: Study) -> Answer:
    """How many lists paid, lost, or could not show; what the season brought."""
    whole = study.page.regions is None
    return brought.answer(study.lists, _programme(study), words=study.words, whole=whole)


@section("list_results.money", needs=NEEDS)
def money(study: Study) -> Finding:
    """What each list brought, with its interval."""
    return brought.money(study.lists, words=study.words, margin=study.margin)


@section("list_results.came", needs=NEEDS)
def came(study: Study) -> Finding:
    """How many more came than without being contacted."""
    return brought.came(study.lists, words=study.words)


@section("list_results.programme", needs=(*NEEDS, "seasons", "customers"))
def programme(study: Study) -> Finding:
    """What all lists of the season brought together."""
    return brought.programme(study.programme, study.season, words=study.words, cost=study.season_cost)


@section("list_results.sound", needs=NEEDS)
def checks(study: Study) -> Finding:
    """Whether each list was drawn and kept as an experiment must be."""
    return sound.checks(study.lists, words=study.words)


@section("list_results.left", needs=NEEDS)
def left(study: Study) -> Finding:
    """How the messages left, and who asked for no more."""
    return sound.left(study.deliveries, words=study.words)


@section("list_results.open", needs=NEEDS)
def under_way(study: Study) -> Finding:
    """Lists that are not read out yet."""
    found = sound.under_way(study.lists, study.waiting, words=study.words, as_of=study.page.as_of)
    address = addresses.register(study.page.context.face, language=study.words.language)
    return replace(found, leads=((study.words("list_results.open.register"), address),))


@section("list_results.actions", key="actions", needs=NEEDS)
def todo(study: Study) -> ActionList:
    """What to repeat, stop, or draw larger."""
    return brought.actions(study.lists, words=study.words, as_of=study.page.as_of)


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    missing = {"no_events": bool(study.page.missing("outreach_events")), "region": study.page.regions is not None,
               "partner": study.blind_to_partners}  # fmt: skip
    return sentences(study.words, "list_results", always=("sum", "margin", "window"), missing=missing)
