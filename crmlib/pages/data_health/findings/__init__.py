"""The data health page, card by card; the answer is made last, of the checks that the page shows."""

from dataclasses import replace

from crmlib.kit.finding import Answer, Finding, Limits
from crmlib.pages.data_health.findings import amount, fields, health, source
from crmlib.pages.data_health.study import Study
from crmlib.report import addresses, answered, section


@section("data_health.freshness", key="health.freshness")
def freshness(study: Study) -> Finding:
    """Whether every feed of sales reaches the page's day."""
    return health.freshness(study.fresh, words=study.words)


@section("data_health.volume", key="health.volume")
def volume(study: Study) -> Finding:
    """Whether as much came in as usual, by store and day, and on days that have come."""
    return amount.volume(study.volume, study.stray, words=study.words, names=study.titles("stores", "store_id"))


@section("data_health.gone", key="health.gone")
def gone(study: Study) -> Finding:
    """What the lake holds and the source no longer has."""
    names = study.titles("stores", "store_id")
    return source.gone(study.gone, withdrawn=study.withdrawn, words=study.words, names=names)


@section("data_health.odd", key="health.odd")
def odd(study: Study) -> Finding:
    """Dates far before the sales, and one price for everything."""
    return source.odd(study.behind, study.price, words=study.words)


@section("data_health.known", key="health.known")
def known(study: Study) -> Finding:
    """Stores, goods and members that are sold on and stand in no table of theirs."""
    hidden = study.page.pseudonyms(study.unknown.rows["id"])
    return source.known(study.unknown, words=study.words, pseudonyms=hidden)


@section("data_health.contracts", key="health.contracts")
def contracts(study: Study) -> Finding:
    """How many rows broke a rule, and which."""
    return health.contracts(study.sums, study.rules, words=study.words)


@section("data_health.sum", key="health.sum")
def ingest_sum(study: Study) -> Finding:
    """Whether every row that was read is accounted for."""
    return health.ingest_sum(study.sums, words=study.words)


@section("data_health.cards", key="health.cards")
def card_share(study: Study) -> Finding:
    """Whether the share of receipts with a card jumped."""
    return health.card_share(study.by_month, words=study.words)


@section("data_health.doubles", key="health.doubles", needs=("people",))
def doubles(study: Study) -> Finding:
    """Cards that may belong to one person."""
    pairs = study.doubles.pairs
    hidden = (study.page.pseudonyms(pairs["keep_id"]), study.page.pseudonyms(pairs["merge_id"]))
    found = fields.doubles(study.doubles, words=study.words, pseudonyms=hidden, decided=study.merges)
    page = study.page
    left = page.context.leave("doubles", fields.left(pairs, found, words=study.words)) if pairs.height else ""
    address = addresses.merges(page.context.face, left, language=study.words.language)
    return replace(found, leads=((study.words("data_health.doubles.decide"), address),))


@section("data_health.apart", key="health.apart")
def no_persons(study: Study) -> Finding:
    """Cards that are no persons, and how much is sold on them."""
    return fields.no_persons(study.apart, words=study.words, birthdays=study.birthdays)


@section("data_health.gaps", key="health.gaps")
def gaps(study: Study) -> Finding:
    """Fields that reports lean on and nobody filled in."""
    return fields.gaps(study.gaps, words=study.words)


@answered()
def answer(study: Study) -> Answer:
    """Whether the data can be relied on, by the worst of the checks shown so far."""
    checks = study.page.shown.findings
    return health.health_answer(checks, sums=study.sums, fresh=study.fresh, words=study.words)


def limits(study: Study) -> Limits:
    """What the page cannot tell."""
    return Limits(tuple(study.words(f"data_health.limits.{key}") for key in ("rules", "merges")))
