"""The page of cards, vouchers and held goods, card by card."""

import polars as pl

from crmlib.balances.liability import stored
from crmlib.kit.finding import ActionList, Answer, Finding, Limits
from crmlib.pages.cards.findings import coupon_use, stored_value
from crmlib.pages.cards.study import Study
from crmlib.pages.shared import tied
from crmlib.pages.shared.limits import limits as sentences
from crmlib.report import answered, otherwise, section


@answered("card_moves")
def answer(study: Study) -> Answer:
    """What is owed, what is drawn until the next festival, which shops are short."""
    coming = None if study.page.missing("vouchers", "voucher_moves") else study.coming
    needed = None if coming is None else study.needed
    return stored_value.answer(study.owed, study.offences, coming, needed, words=study.words, wrong=study.wrong)


@section("cards.book", needs=("card_moves",))
def book(study: Study) -> Finding:
    """The month of the cards, and which fell below zero."""
    return stored_value.book(study.book, study.offences, words=study.words).of_rows(study.entries)


@section("cards.tie", needs=("card_moves", "tenders"))
def tie(study: Study) -> Finding:
    """Whether tills and account say the same of what was paid with cards."""
    whole, stores = study.page.regions is None, study.page.optional("stores")
    named = None if stores is None else stores.collect()
    return tied.tied("cards.tie", study.ties, words=study.words, whole=whole, stores=named)


@section("cards.owed", needs=("cards", "card_moves"))
def owed(study: Study) -> Finding:
    """What is owed on cards by kind, and the deposit."""
    return stored_value.owed(study.by_kind, study.deposit, words=study.words, issuer=study.params.issuer)


@section("cards.vouchers", needs=("vouchers", "voucher_moves"))
def vouchers(study: Study) -> Finding:
    """Vouchers sold, drawn, expired, open."""
    return stored_value.vouchers(stored.identity(study.vouchers), words=study.words)


@section("cards.coming", needs=("vouchers", "voucher_moves"))
def coming(study: Study) -> Finding:
    """What will be drawn until the next festival."""
    return stored_value.coming(study.coming, words=study.words, as_of=study.page.as_of)


@section("cards.held", needs=("held_moves",))
def held(study: Study) -> Finding:
    """Goods paid and not collected."""
    return stored_value.held(study.held, words=study.words)


@section("cards.coupons")
def coupons(study: Study) -> Finding:
    """Who used coupons, and who would have come anyway."""
    return coupon_use.coupons(study.coupons, study.coupon_offers, words=study.words)


@section("cards.actions", key="actions")
def todo(study: Study) -> ActionList:
    """Which shop needs goods for vouchers, which held goods to call about."""
    parts = {"vouchers": study.page.missing("vouchers", "voucher_moves"), "held": study.page.missing("held_moves")}
    if all(parts.values()):
        study.page.table("voucher_moves")  # not connected: the section says so
    needed = None if parts["vouchers"] else study.needed
    waiting = None if parts["held"] else study.held
    ids = pl.Series([], dtype=pl.String) if waiting is None else waiting["customer_id"].unique().sort()
    return stored_value.listed(
        needed,
        waiting,
        study.named("stores"),
        study.named("products"),
        words=study.words,
        as_of=study.page.as_of,
        capacity=study.params.capacity,
        pseudonyms=dict(zip(ids, study.page.pseudonyms(ids), strict=True)),
    )


@otherwise(Limits(()))
def limits(study: Study) -> Limits:
    """What the page cannot tell, always and for want of a table."""
    missing = {"no_stock": bool(study.page.missing("stock"))}
    return sentences(study.words, "cards", always=("shops", "future"), missing=missing)
