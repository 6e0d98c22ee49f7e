"""The goods page, card by card."""

import polars as pl

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.goods.findings import earn, grow, ladder
from crmlib.pages.goods.study import Study
from crmlib.pages.shared.sales_wording import period_name
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """What earns, what loses money, what grows and falls most."""
    span = period_name(study.span, words=study.words)
    return earn.answer(study.stand, words=study.words, period=span, ground=study.ground, name=study.product_names)


@section("goods.earners", key="goods.earners")
def earners(study: Study) -> Finding:
    """How few goods make most of the margin."""
    return earn.earners(study.stand, words=study.words, name=study.product_names)


@section("goods.growth", key="goods.growth")
def growth(study: Study) -> Finding:
    """The largest gains and losses in money, by growth that is not chance."""
    return grow.growth(study.stand, words=study.words, ground=study.ground, name=study.product_names)


@section("goods.losers", key="goods.losers")
def losers(study: Study) -> Finding:
    """Goods sold under their cost."""
    made = earn.losers(study.stand, words=study.words, name=study.product_names)
    lost = study.stand.table.filter(pl.col("margin_minor") < 0)
    return made.of_rows(study.receipts(lost.select("product_id"), study.span))


@section("goods.slow", key="goods.slow")
def slow(study: Study) -> Finding:
    """Goods that do not move, and what lies in them."""
    return grow.slow(study.stand, words=study.words, counted=study.worth is not None, name=study.product_names)


@section("goods.fresh", key="goods.fresh")
def fresh(study: Study) -> Finding:
    """Goods newly sold, and goods no longer sold."""
    return grow.fresh(study.stand, words=study.words, ground=study.ground, name=study.product_names)


@section("goods.steady", key="goods.steady")
def steady(study: Study) -> Finding:
    """Which goods can be planned by rule, and which need a look."""
    return grow.steady(study.stand, words=study.words)


@section("goods.prices", key="goods.prices")
def prices(study: Study) -> Finding:
    """On which price bands goods stand, and where each sells more or less than others of its category."""
    return ladder.prices(study.ladder, words=study.words)


@section("goods.actions", key="actions")
def actions(study: Study) -> ActionList:
    """What to reprice, push and delist."""
    return earn.actions(
        study.advised, study.stand, words=study.words, as_of=study.page.as_of, capacity=study.params.capacity,
        name=study.product_names,
    )  # fmt: skip


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"goods.limits.{key}") for key in ("cause", "stock", "together")))
