"""The margin page, card by card."""

import polars as pl

from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.margin.findings import detail, prices, shelf
from crmlib.pages.margin.study import Study
from crmlib.pages.shared.sales_wording import period_name
from crmlib.report import answered, section


@answered()
def answer(study: Study) -> Answer:
    """The margin rate, why it moved, and where money is lost."""
    return detail.answer(
        detail.tried(lambda: study.rate),
        detail.tried(lambda: study.by_store),
        detail.tried(lambda: study.under),
        words=study.words,
        period=period_name(study.span, words=study.words),
        ground=study.ground,
        sales=int(study.now["net_minor"].sum()),
        name=study.store_names,
        dear=_dearer(study),
    )


def _dearer(study: Study) -> pl.DataFrame | None:
    """Purchases that became dearer; none where they are not connected or cannot be compared."""
    if study.page.missing("purchases"):
        return None
    return detail.tried(lambda: shelf.dearer(study.bought))


@section("margin.rate", key="margin.rate")
def rate(study: Study) -> Finding:
    """Why the margin rate moved, category by category."""
    return detail.rate(study.rate, words=study.words, ground=study.ground, name=study.product_names)


@section("margin.stores", key="margin.stores")
def stores(study: Study) -> Finding:
    """Which stores earn less than all do on the same sales."""
    return detail.stores(study.by_store, words=study.words, name=study.store_names)


@section("margin.under", key="margin.under")
def under(study: Study) -> Finding:
    """Which store sells which product under its cost."""
    made = detail.under(study.under, words=study.words, stores=study.store_names, products=study.product_names)
    return made.of_rows(study.receipts(study.under.select("store_id", "product_id"), study.span))


@section("margin.carried", key="margin.carried")
def carried(study: Study) -> Finding:
    """Which goods that sell well are not carried everywhere."""
    return shelf.carried(study.carried, words=study.words, span=study.span, name=study.product_names)


@section("margin.output", key="margin.output")
def output(study: Study) -> Finding:
    """What a store brings a day, and a square metre."""
    return shelf.output(study.output, words=study.words, name=study.store_names)


@section("margin.purchases", key="margin.purchases", needs=("purchases",))
def purchases(study: Study) -> Finding:
    """What was bought from whom, and whether it got dearer."""
    return shelf.purchases(study.bought, words=study.words, suppliers=study.suppliers)


@section("margin.floor", key="margin.floor", needs=("price_floors", "stores"))
def floor(study: Study) -> Finding:
    """Which store sold what under the lowest price allowed."""
    made = shelf.floor(study.floors, words=study.words, stores=study.store_names, products=study.product_names)
    return made.of_rows(study.receipts(study.floors.select("store_id", "product_id"), study.span))


@section("margin.diversion", key="margin.diversion")
def diversion(study: Study) -> Finding:
    """Lots seen outside the region they were made for; without such reports, partners by scanned codes."""
    if study.page.missing("lot_sightings", "lots") and not study.page.missing("code_scans", "partners"):
        return shelf.scanned(study.scanned, words=study.words)
    return shelf.diversion(study.strays, words=study.words, name=study.product_names)


@section("margin.actions", key="actions")
def actions(study: Study) -> ActionList:
    """Which store must change which price, and which supplier must be talked to."""
    return prices.actions(
        study.under, words=study.words, as_of=study.page.as_of, capacity=study.params.capacity,
        stores=study.store_names, products=study.product_names, shops=study.shops,
        dear=_dearer(study), suppliers=study.suppliers,
    )  # fmt: skip


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"margin.limits.{key}") for key in ("cost", "carried", "cause")))
