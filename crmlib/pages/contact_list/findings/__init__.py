"""The contact list, card by card."""

from dataclasses import replace

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.contact_list.findings import cards, lines
from crmlib.pages.contact_list.study import Study
from crmlib.pages.shared.lifetime_wording import chance_words
from crmlib.report import addresses, answered, otherwise, section


def _beside(study: Study) -> str:
    """What must be said beside money that rests on probabilities."""
    return "" if study.tested is None else chance_words(study.tested, study.words)


@answered()
def answer(study: Study) -> Answer:
    """How many to be in touch with, what hangs on it, and who does it."""
    return cards.answer(study.everybody, words=study.words, stake=_stake(study), beside=_beside(study))


@section("contact_list.owners")
def owners(study: Study) -> Finding:
    """Whether the owners can do it."""
    return cards.owners(study.everybody, words=study.words, each=study.params.each)


@section("contact_list.means")
def by_means(study: Study) -> Finding:
    """How many can be reached, and how."""
    return cards.by_means(study.everybody, words=study.words)


@section("contact_list.reasons")
def reasons(study: Study) -> Finding:
    """Why they are on the list."""
    return cards.reasons(study.everybody, words=study.words, beside=_beside(study), stake=_stake(study))


@section("contact_list.last")
def last_list(study: Study) -> Finding:
    """What came of the last list, beside those left alone."""
    return cards.last_list(study.last_list, words=study.words)


@section("contact_list.lines")
def contacts(study: Study) -> ActionList:
    """One line a member."""
    ids, page = study.page.pseudonyms(study.listed["customer_id"]), study.page
    face, language = page.context.face, study.words.language
    found = lines.contacts(
        study.listed,
        study.everybody,
        words=study.words,
        pseudonyms=ids,
        stake=_stake(study),
        beside=_beside(study),
        forms=[addresses.outcome(face, i, language=language) for i in ids],
    )
    left = page.context.leave("people", lines.left(found, study.listed)) if found.table.height else ""
    leads = ((study.words("contact_list.lines.names"), addresses.reveal(face, left, language=language)),)
    return replace(found, leads=leads)


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    keys = ["effect", "cards", "amounts", *(["no_consent"] if study.page.missing("customers") else [])]
    return Limits(tuple(study.words(f"contact_list.limits.{key}") for key in keys))


def _stake(study: Study) -> str:
    """What is at stake: `value` of a year, where the lifetime model can be fitted, else `risk` of the coming weeks."""
    return "risk" if study.tested is None else "value"
