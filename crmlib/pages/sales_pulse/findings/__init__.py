"""The sales pulse, card by card."""

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.sales_pulse.findings import growth, where, why
from crmlib.pages.sales_pulse.study import Study
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """How much was sold, whether that is more than before, the largest reason, and where to look."""
    return growth.answer(
        study.trade,
        words=study.words,
        period=growth.period_name(study.span, words=study.words),
        ground=study.ground,
        reading=study.reading,
        band=study.band,
        growth=study.growth,
        split=growth.tried(lambda: study.split),
        watched=growth.tried(lambda: study.watched.weeks),
        name=study.store_names,
    )


@section("sales_pulse.course", key="sales.course")
def course(study: Study) -> Finding:
    """Whether sales grew, against the same festival slot."""
    return growth.course(
        study.course,
        study.growth,
        study.reading,
        words=study.words,
        band=study.band,
        period=growth.period_name(study.span, words=study.words),
    )


@section("sales_pulse.target", key="sales.target", needs=("targets",))
def target(study: Study) -> Finding:
    """Whether the month will reach its target."""
    return where.target(study.outlook, words=study.words, as_of=study.page.as_of, name=study.store_names)


@section("sales_pulse.causes", key="sales.causes")
def causes(study: Study) -> Finding:
    """What made the difference, exact to the minor unit."""
    return why.causes(study.split, words=study.words, ground=study.ground or "", products=study.products)


@section("sales_pulse.receipts", key="sales.receipts")
def receipts(study: Study) -> Finding:
    """Fewer receipts, or smaller ones."""
    return why.receipts(study.trade, words=study.words, ground=study.ground)


@section("sales_pulse.margin", key="sales.margin")
def margin(study: Study) -> Finding:
    """What was earned, and why more or less than before."""
    return why.margin(study.trade, study.margin_split, words=study.words, ground=study.ground or "")


@section("sales_pulse.places", key="sales.places")
def places(study: Study) -> Finding:
    """Which category, channel, region, store or product changed most."""
    return where.places(
        study.places,
        words=study.words,
        ground=study.ground,
        stores=study.store_names,
        products=study.product_names,
    )


@section("sales_pulse.stores", key="sales.stores")
def stores(study: Study) -> Finding:
    """Stores whose week was unusual beside the other stores."""
    made = where.stores(study.watched, study.weeks, words=study.words, name=study.store_names)
    unusual = study.watched.weeks.filter("flagged").select("store_id").unique()
    return made.of_rows(study.receipts(unusual, study.span))


@section("sales_pulse.actions", key="actions")
def actions(study: Study) -> ActionList:
    """Which stores to call."""
    return where.actions(
        study.watched.weeks,
        study.weeks,
        words=study.words,
        name=study.store_names,
        shops=study.shops,
        as_of=study.page.as_of,
        length=growth.LENGTH[study.params.period],
        capacity=study.params.capacity,
    )


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"sales_pulse.limits.{key}") for key in ("cause", "all", "days")))
