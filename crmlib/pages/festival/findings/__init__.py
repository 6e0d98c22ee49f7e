"""The festival page, card by card: short or left, progress, goods, shops, books, vouchers, partners, days, list."""

from crmlib.core.errors import ModelError
from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.festival.findings import actions, days, kept, outlook
from crmlib.pages.festival.findings.outlook import Facts
from crmlib.pages.festival.study import Study
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section

GROUND = ("products", "stores")


def _facts(study: Study) -> Facts:
    return Facts(
        feast=study.feast, phase=study.phase, as_of=study.page.as_of, last_order=study.last_order,
        markdown_on=study.markdown_on, counted=study.lying is not None,
    )  # fmt: skip


@answered(*GROUND)
def answer(study: Study) -> Answer:
    """Short or left, in units and yuan."""
    facts, waiting = _facts(study), not study.page.missing("vouchers", "voucher_moves")
    out = int(study.voucher_lines["vouchers"][-1]) if waiting else None
    bought = kept.bought(study.month) if facts.phase == "over" and study.moves is not None else 0
    try:
        made = study.expected
    except ModelError:
        return outlook.unforecast(facts, study.curves, study.plan, words=study.words, out=out)
    if facts.phase == "ahead":
        return outlook.unforecast(facts, study.curves, study.plan, words=study.words, out=out)
    return outlook.answer(facts, made, study.shelves, study.moved, words=study.words, out=out, bought=bought)


@section("festival.progress", needs=GROUND)
def progress(study: Study) -> Finding:
    """Compare the festival by its lunar days with past ones and the plan."""
    return outlook.progress(_facts(study), study.expected, study.curves, study.plan, words=study.words)


@section("festival.goods", needs=GROUND)
def goods(study: Study) -> Finding:
    """Each good: sold, still to be sold, on hand, left, short."""
    return outlook.goods(_facts(study), study.shelves, study.plan, study.products, words=study.words)


@section("festival.shops", needs=GROUND)
def shops(study: Study) -> Finding:
    """Where it is short and where it is left."""
    return outlook.shops(_facts(study), study.shelves, study.stores, words=study.words)


@section("festival.book", needs=("stock_moves", *GROUND))
def book(study: Study) -> Finding:
    """Opening, moves and closing of the festival's goods, from the stock page's book."""
    return kept.book(study.month, words=study.words, feast=study.feast)


@section("festival.vouchers", needs=("vouchers", "voucher_moves", *GROUND))
def vouchers(study: Study) -> Finding:
    """Vouchers sold, drawn, expired, out."""
    coming = study.coming
    mine = coming if coming is not None and coming.on == study.feast.on else None
    return kept.vouchers(study.voucher_lines, mine, words=study.words, feast=study.feast)


@section("festival.sell_in", needs=("partner_moves", *GROUND))
def sell_in(study: Study) -> Finding:
    """What partners took and still hold."""
    partners = study.optional("partners")
    return kept.sell_in(study.partners, partners, study.plan, words=study.words, phase=study.phase)


@section("festival.days", needs=GROUND)
def dates(study: Study) -> Finding:
    """What is due on which day."""
    return days.days(_facts(study), words=study.words)


@section("festival.after", needs=GROUND)
def after(study: Study) -> Finding:
    """What was still sold after past festivals, and at which price."""
    return days.after(study.afterwards, words=study.words, phase=study.phase, markdown_on=study.markdown_on)


@section("festival.actions", key="actions", needs=GROUND)
def todo(study: Study) -> ActionList:
    """Which shop moves, orders, marks down, calls whom, by yuan."""
    waiting = None if study.page.missing("vouchers", "voucher_moves") else study.lives
    return actions.listed(
        _facts(study), study.shelves, study.moved, waiting, stores=study.stores, products=study.products,
        words=study.words, capacity=study.params.capacity,
    )  # fmt: skip


@section("festival.check", needs=GROUND)
def check(study: Study) -> Finding:
    """How far off past festivals would have been, by lunar day and by date."""
    return days.check(study.tested, words=study.words)


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {
        "no_stock": study.lying is None,
        "no_plan": study.plan is None,
        "joint": days.joint(study.feast, study.earlier),
    }
    return sentences(study.words, "festival", always=("shelf", "own"), missing=missing)
