"""The promotion plan, card by card."""

from crmlib.core.errors import ModelError
from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.promotion_plan.findings import expenses, misses, plan, refusal, stores, what_if
from crmlib.pages.promotion_plan.study import Study
from crmlib.report import answered, section


@answered("stores", "products", "promotions")
def answer(study: Study) -> Answer:
    """Which draft earns most, and what the one asked for brings; or why neither can be said."""
    try:
        return plan.answer(study.plan, words=study.words)
    except ModelError as refused:
        return refusal.refused(refused, study.draft, words=study.words)


@section("promotion_plan.drafts", key="promotion.drafts")
def drafts(study: Study) -> Finding:
    """Three drafts side by side."""
    return plan.drafts(study.plan, words=study.words)


@section("promotion_plan.grid", key="promotion.grid")
def grid(study: Study) -> Finding:
    """What if it were deeper, longer, with fewer goods or in fewer stores."""
    return what_if.grid(study.plan, words=study.words)


@section("promotion_plan.response", key="promotion.response")
def response(study: Study) -> Finding:
    """What each mechanic and depth brought so far."""
    return plan.response(study.answers, words=study.words)


@section("promotion_plan.lessons", key="promotion.lessons")
def lessons(study: Study) -> Finding:
    """What like events of the past earned."""
    return plan.lessons(study.like, words=study.words)


@section("promotion_plan.clashes", key="promotion.clashes")
def clashes(study: Study) -> Finding:
    """Promotions of the same goods in the same days."""
    return plan.clashes(study.plan, words=study.words)


@section("promotion_plan.holdout", key="promotion.holdout")
def holdout(study: Study) -> Finding:
    """How many stores to leave out to see the effect."""
    return stores.holdout(study.plan, words=study.words)


@section(
    "promotion_plan.budget",
    key="promotion.budget",
    needs=("promotion_steps", "promotion_costs", "promotion_claims", "budgets"),
)
def budget(study: Study) -> Finding:
    """What is left of the year's budget."""
    if not study.company_wide:
        return expenses.of_all(words=study.words)
    return expenses.budget(study.spent, study.accounts, words=study.words)


@section("promotion_plan.check", key="promotion.forecast_check")
def check(study: Study) -> Finding:
    """How far the same forecast would have missed past events."""
    return misses.check(study.plan, words=study.words)


@section("promotion_plan.stock", key="actions")
def stock(study: Study) -> ActionList:
    """Stock that every store needs."""
    return stores.stock(study.plan, words=study.words, service=study.params.service)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"promotion_plan.limits.{key}") for key in ("stock", "selection", "calendar")))
