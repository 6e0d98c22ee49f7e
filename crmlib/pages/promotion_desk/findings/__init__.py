"""The promotion desk, card by card."""

import polars as pl

from crmlib.core.errors import ContractError
from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.promotion_desk.findings import baskets, calendars, decisions, drafts, earned, live
from crmlib.pages.promotion_desk.study import Study
from crmlib.report import answered, section


@answered("stores", "products", "promotions")
def answer(study: Study) -> Answer:
    """What runs, what comes, and where the most money is."""
    return calendars.answer(study.board, study.live, study.whole, soon=study.params.soon_days, words=study.words)


@section("promotion_desk.calendar", key="promotion.calendar")
def calendar(study: Study) -> Finding:
    """All promotions on a calendar, with days to go, what they hold of the budget, and where they are looked at."""
    waiting = study.calendar.filter(pl.col("stage").is_in(calendars.WAITING))["promotion_id"]
    forms = {i: study.form(i) for i in waiting} if study.form("x") else {}
    return calendars.calendar(
        study.calendar, study.addresses, as_of=study.page.as_of, soon=study.params.soon_days, words=study.words,
        forms=forms,
    )  # fmt: skip


@section("promotion_desk.meetings", key="promotion.meetings")
def meetings(study: Study) -> Finding:
    """Promotions that meet on the same goods, stores and days."""
    return calendars.meetings(study.meetings, study.board, words=study.words)


@section("promotion_desk.running", key="promotion.running")
def running(study: Study) -> Finding:
    """All that run, the largest budget first."""
    return live.running(study.live, study.ahead, study.addresses, words=study.words)


@section("promotion_desk.baskets", key="promotion.baskets")
def tried_on(study: Study) -> Finding:
    """The next ones on real baskets: what they cost, and what they must bring."""
    return baskets.tried_on(study.ahead, study.tried, study.response, study.products, words=study.words)


@section("promotion_desk.draft", key="promotion.draft")
def draft(study: Study) -> Finding:
    """The offer of the form on real baskets, before anybody approves it."""
    try:
        return drafts.draft(
            study.draft, study.drafted, study.products, words=study.words, address=study.form() if study.draft else ""
        )
    except ContractError as refused:
        return drafts.refused(refused, words=study.words)


@section("promotion_desk.portfolio", key="promotion.portfolio")
def portfolio(study: Study) -> Finding:
    """What kinds of promotions earned together: stop, repeat, test."""
    return earned.portfolio(study.kinds, study.cells, study.whole, words=study.words)


@section("promotion_desk.action", key="actions")
def actions(study: Study) -> ActionList:
    """What to decide, by yuan."""
    return decisions.actions(
        study.board, study.live, study.kinds, study.addresses,
        tried=baskets.on_baskets(study.ahead, study.tried, study.response, words=study.words),
        soon=study.params.soon_days, words=study.words,
    )  # fmt: skip


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"promotion_desk.limits.{key}") for key in ("entered", "baskets", "kinds")))
