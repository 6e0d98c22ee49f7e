"""One customer's page, card by card."""

from dataclasses import replace

from crmlib.kit.finding import Answer, Finding, Limits
from crmlib.pages.customer_360.findings import accounts, person
from crmlib.pages.customer_360.study import FILED, Study
from crmlib.report import addresses, answered, section


def _person(study: Study) -> person.Person:
    return person.Person(
        pseudonym=study.shown_as,
        value=study.value,
        rhythm=study.rhythm,
        grade=study.grade,
        traits=study.habits,
        paid=study.paid,
        next_on=study.next_on,
        basis=study.basis if study.rhythm else "margin",
        horizon=study.watch.horizon,
    )


@answered()
def answer(study: Study) -> Answer:
    """Who this is for us, and what is due."""
    return person.person_answer(_person(study), words=study.words)


@section("customer_360.standing", key="one.standing")
def standing(study: Study) -> Finding:
    """The scores with their parts, and where another customer is found by number."""
    found = person.standing(_person(study), words=study.words)
    address = addresses.find(study.page.context.face, language=study.words.language)
    return replace(found, leads=((study.words("customer_360.find"), address),))


@section("customer_360.course", key="one.course")
def course(study: Study) -> Finding:
    """Whether the last six months bring more or less than the six before."""
    return person.course(study.months, words=study.words)


@section("customer_360.basket", key="one.basket")
def basket(study: Study) -> Finding:
    """What this customer buys far more of than others."""
    return person.basket(study.basket, words=study.words)


@section("customer_360.account", key="one.account", needs=("customers",))
def account(study: Study) -> Finding:
    """Whose this customer is, which contact it allows, what it holds with us and still brings."""
    return accounts.account(study.account, study.worth, words=study.words)


@section("customer_360.file", key="one.file")
def on_file(study: Study) -> Finding:
    """Contacts, complaints, points and the last receipts."""
    missing = study.page.missing(*FILED)
    connected = ["receipt_lines", *(name for name in FILED if name not in missing)]
    return person.on_file(study.events, study.receipts, words=study.words, connected=connected, missing=missing)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"customer_360.limits.{key}") for key in ("card", "names")))
