"""The care page, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.care.findings import kept, today
from crmlib.pages.care.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import addresses, answered, otherwise, section


@answered("customers")
def answer(study: Study) -> Answer:
    """How much is due today, whether it fits, whom to call first."""
    return today.answer(
        study.plan.tasks, study.account, words=study.words, first=_shown(study, study.plan.tasks.head(200))
    )  # fmt: skip


@section("care.due", needs=("customers",))
def due(study: Study) -> Finding:
    """What is due, by kind and age."""
    return today.due(study.plan, words=study.words, today=study.today)


@section("care.owners", needs=("customers",))
def owners(study: Study) -> Finding:
    """Whether the advisers can do it."""
    return today.owners(study.plan.tasks, study.room, study.names, words=study.words)


@section("care.account", needs=("care_tasks",))
def account(study: Study) -> Finding:
    """Whether what was due in the last 30 days was done in time."""
    return kept.account(study.account, study.names, words=study.words)


@section("care.effects", needs=("care_tasks", "contacts"))
def effects(study: Study) -> Finding:
    """What customers said of the goods."""
    return kept.effects(study.records, study.goods, words=study.words)


@section("care.lot", needs=("care_tasks",))
def lot(study: Study) -> Finding:
    """What calls on birthdays brought, by the lot drawn before."""
    return kept.lot(study.lot, words=study.words)


@section("care.birthdays", needs=("customers",))
def birthdays(study: Study) -> Finding:
    """How many birthdays can be kept, and which cannot."""
    return kept.birthdays(study.sorted[1], words=study.words)


@section("care.actions", key="actions", needs=("customers",))
def todo(study: Study) -> ActionList:
    """Today's tasks in order of value."""
    listed = today.chosen(study.plan.tasks, capacity=study.params.capacity)
    ids = _shown(study, listed)
    forms = [addresses.outcome(study.page.context.face, i, language=study.words.language) for i in ids]
    return today.listed(
        listed, study.plan.tasks, words=study.words, pseudonyms=ids, forms=forms, names=study.names, goods=study.goods,
        today=study.today,
    )  # fmt: skip


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_log": bool(study.page.missing("care_tasks")),
        "no_guided": bool(study.page.missing("guided_products")),
        "no_staff": not study.staff.height,
        "no_clock": study.used_up[1].kind == "none" and not study.page.missing("guided_products"),
        "rhythm": study.used_up[1].kind == "rhythm",
    }
    return sentences(study.words, "care", always=("effect", "persons"), missing=missing)


def _shown(study: Study, tasks: object) -> list[str]:
    return study.page.pseudonyms(tasks["customer_id"]).to_list()  # type: ignore[index]
