"""The promotion review, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.promotion_review.findings import books, next_time, placebos, review, shop_floor
from crmlib.pages.promotion_review.study import Study
from crmlib.report import answered, section


@answered("stores", "products", "promotions")
def answer(study: Study) -> Answer:
    """What the promotion brought, and whether to repeat it."""
    return review.answer(study.event, missing=study.missing, words=study.words)


@section("promotion_review.parts", key="promotion.parts")
def parts(study: Study) -> Finding:
    """The effect taken apart: during it, dip, siblings, halo."""
    return review.parts(study.event, study.past.lift, words=study.words)


@section("promotion_review.trust", key="promotion.trust")
def trust(study: Study) -> Finding:
    """Whether other methods agree, and what would overturn it."""
    return review.trust(study.event, study.past, words=study.words)


@section("promotion_review.money", key="promotion.ledger")
def money(study: Study) -> Finding:
    """What it earned after discounts and costs."""
    return books.money(study.event, study.past.book, subsidy=study.subsidy, words=study.words, missing=study.missing)


@section("promotion_review.takers", key="promotion.takers")
def takers(study: Study) -> Finding:
    """Who got the discount, and whether it was needed."""
    return books.takers(study.event, study.taken, study.subsidy, words=study.words)


@section("promotion_review.slot", key="promotion.slot")
def slot(study: Study) -> Finding:
    """How it compares with its like of last time."""
    partner, reason = study.partner
    return books.slot(study.event, partner, study.gap, reason=reason, words=study.words)


@section("promotion_review.execution", key="promotion.execution")
def execution(study: Study) -> Finding:
    """How the stores carried it out."""
    return shop_floor.execution(
        study.carried_out,
        study.stores,
        words=study.words,
        notes=study.notes,
        orders=study.orders,
        out=study.sold_out,
    )


@section("promotion_review.overview", key="promotion.overview")
def overview(study: Study) -> Finding:
    """All promotions that have ended."""
    return review.overview(study.past.events, words=study.words)


@section("promotion_review.check", key="promotion.check")
def check(study: Study) -> Finding:
    """Whether the intervals can be trusted."""
    return placebos.check(study.past.lift, words=study.words)


@section("promotion_review.action", key="actions")
def actions(study: Study) -> ActionList:
    """What to do next time with each recent promotion."""
    return next_time.actions(study.recent, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"promotion_review.limits.{key}") for key in ("hidden", "overlap", "costs")))
