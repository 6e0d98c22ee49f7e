"""The bundles page, card by card: what pays, what goes together, how many must turn, what to try."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.bundles.findings import pay, together
from crmlib.pages.bundles.study import Study
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """Which bundles pay, or that none does."""
    if not study.testable:
        return pay.no_answer(words=study.words)
    return pay.answer(study.worth, study.tested, names=study.names, rate=study.params.discount_bp, words=study.words)


@section("bundles.pay", needs=("products",))
def pays(study: Study) -> Finding:
    """How many single baskets each bundle must turn."""
    return pay.pays(study.worth, names=study.names, rate=study.params.discount_bp, words=study.words)


@section("bundles.uptake")
def uptake(study: Study) -> Finding:
    """What the first bundle brings at each uptake."""
    return pay.uptake(study.worth, names=study.names, words=study.words)


@section("bundles.together")
def pairs(study: Study) -> Finding:
    """Which goods go together for the same member, and how much of plain lift is taste."""
    return together.together(
        study.tested, study.plain, names=study.names, by_member=study.by_member,
        receipts=study.receipts if study.share < 1 else None, words=study.words,
    )  # fmt: skip


@section("bundles.artefacts")
def artefacts(study: Study) -> Finding:
    """Pairs that go together in promotion weeks only, or the other way round."""
    return together.artefacts(study.tested, names=study.names, words=study.words)


@section("bundles.try")
def tries(study: Study) -> ActionList:
    """Bundles to try."""
    return pay.tries(study.worth, study.stocked, names=study.names, most=study.params.most, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"bundles.limits.{key}") for key in ("uptake", "margin", "pieces")))
