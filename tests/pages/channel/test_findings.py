"""The channel page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.cases.channel import Growth, Reporting
from crmlib.cases.engine import Identity
from crmlib.cases.fulfilment import OTIF
from crmlib.core.incidence import incidence
from crmlib.pages.channel.findings import actions, flow, supply
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
NAMES = {"d": "Northern Trade", "k": "Big Shop"}
SPANS = ((date(2024, 11, 1), date(2025, 10, 1)), (date(2025, 11, 1), date(2026, 10, 1)))
LOADED = Growth((1000, 1000), (1000, 900), (0, 100))
DRAINED = Growth((1000, 900), (1000, 1000), (0, -100))
EVEN = Growth((1000, 1100), (1000, 1100), (0, 0))
STOCK = pl.DataFrame(
    {"partner_id": ["d", "k"], "on_hand_milli": [900, 100], "excess_minor": [5000, 0], "a_day_milli": [9.0, 9.0],
     "cover_days": [100.0, 11.0]}
)  # fmt: skip
NO_BREAKS = pl.DataFrame(
    schema={"partner_id": pl.String, "residual_milli": pl.Int64, "missing_milli": pl.Int64, "sell_in_milli": pl.Int64,
            "share": pl.Float64}
)  # fmt: skip
LATE = pl.DataFrame({"order_id": ["o"], "partner_id": ["k"], "open_minor": [7000], "late_days": [9]})
SILENT = pl.DataFrame({"partner_id": ["k"], "last_on": [date(2026, 5, 31)], "sell_in_milli": [500]})


def off(share, *, residual=-50):
    row = ("d", residual, abs(residual), round(abs(residual) / share), share)
    return pl.DataFrame([row], schema=NO_BREAKS.schema, orient="row")


@pytest.mark.parametrize(
    ("growth", "kind"), [(LOADED, "loaded"), (DRAINED, "drained"), (EVEN, "even"), (None, "unknown")]
)
def test_the_answer_tells_loading_from_consumption(words, growth, kind):
    said = flow.answer(growth, STOCK, NO_BREAKS, NAMES, words=words, late=LATE)
    assert says(words, f"channel.answer.{kind}", said.sentence)
    assert "Northern Trade" in said.sentence
    found = flow.growth(growth, pl.DataFrame(schema={"month": pl.Date}), SPANS if growth else None, words=words)
    assert says(words, f"channel.growth.headline.{kind}", found.headline)
    if growth is not None:
        rows = {r["channel_line"]: r for r in found.table.iter_rows(named=True)}
        for year in ("year_before_milli", "last_year_milli"):
            assert rows["shipped"][year] == rows["bought"][year] + rows["stocked"][year]


def test_the_gap_is_said_in_days_of_consumption(words):
    said = flow.answer(LOADED, STOCK, NO_BREAKS, NAMES, words=words, late=None)
    assert words.format.number(100 / 900 * 365, digits=1) in said.sentence


def test_books_that_do_not_close_are_told_in_the_first_sentence_above_two_percent(words):
    plain, broken = (
        flow.answer(EVEN, STOCK, b, NAMES, words=words, late=None).sentence for b in (off(0.01), off(0.05))
    )
    assert broken.startswith(plain)
    assert len(broken) > len(plain)


@pytest.mark.parametrize(
    ("breaks", "kind", "status"), [(NO_BREAKS, "none", "ok"), (off(0.01), "small", "ok"), (off(0.05), "break", "warn")]
)
def test_a_residual_above_two_percent_is_amber(words, breaks, kind, status):
    found = flow.books(breaks, NAMES, words=words)
    assert found.status == status
    assert says(words, f"channel.books.headline.{kind}", found.headline)


def test_missing_and_surplus_goods_are_called_by_their_side(words):
    less, more = (flow.books(off(0.05, residual=r), NAMES, words=words).headline for r in (-50, 50))
    assert words("channel.books.less") in less
    assert words("channel.books.more") in more


def test_overstock_flips_with_the_stock(words):
    some = flow.cover(STOCK, NAMES, words=words, days=60)
    none = flow.cover(STOCK.with_columns(excess_minor=pl.lit(0, dtype=pl.Int64)), NAMES, words=words, days=60)
    assert (some.status, none.status) == ("warn", "ok")
    assert some.value_minor == 5000
    assert says(words, "channel.cover.headline.none", none.headline)


@pytest.mark.parametrize(
    ("share", "silent", "kind", "status"),
    [(1.0, SILENT.clear(), "all", "ok"), (0.9, SILENT, "some", "warn"), (0.6, SILENT, "few", "fail")],
)
def test_below_four_fifths_of_the_volume_there_is_no_figure(words, share, silent, kind, status):
    found = flow.reporting(Reporting(share, silent.height), silent, NAMES, words=words)
    assert found.status == status
    assert says(words, f"channel.reporting.headline.{kind}", found.headline)


def lines(good, due=100, region="north"):
    low, high = 0.9 * good / due, min(1.05 * good / due, 1.0)
    row = (region, due, good, 0, due - good - 5, 5, good / due, low, high)
    return pl.DataFrame([row], schema=OTIF, orient="row")


@pytest.mark.parametrize(
    ("good", "kind", "status"), [(92, "kept", "ok"), (88, "unsure", "warn"), (60, "below", "fail")]
)
def test_on_time_in_full_is_red_only_beyond_chance(words, good, kind, status):
    found = supply.otif(lines(good), words=words, target=0.9, days=91)
    assert found.status == status
    assert says(words, f"channel.otif.headline.{kind}", found.headline)
    assert words.format.share(good / 95) in found.note_sure, "the usual figure forgets open lines"


def took(days):
    return incidence(np.full(20, days), np.ones(20, dtype=np.int64), causes=2)


@pytest.mark.parametrize(("now", "before", "kind"), [(9, 4, "slower"), (4, 9, "faster"), (5, 5, "same")])
def test_lead_times_flip_with_the_quarters(words, now, before, kind):
    made = Identity(5, {"entered": 4}, {"delivered": 3, "cancelled": 1}, 5)
    found = supply.book(made, took(now), took(before), words=words, first=AS_OF.replace(day=1), last=AS_OF)
    assert says(words, f"channel.book.headline.{kind}", found.headline)
    assert (found.status == "warn") == (kind == "slower")
    rows = dict(found.table.iter_rows())
    assert sum(n for name, n in rows.items() if name != "open_now") == rows["open_now"]


def scanned(*, named):
    return pl.DataFrame(
        {"partner_id": ["d", "k"], "scans": [90, 90], "elsewhere": [20, 2], "share": [0.22, 0.02], "low": [0.1, 0.0],
         "high": [0.3, 0.1], "p": [0.0, 0.9], "named": [named, False], "main_region": ["south", None]}
    )  # fmt: skip


def test_only_named_partners_are_accused(words):
    some, none = (supply.diversion(scanned(named=n), NAMES, words=words, travellers=0.05) for n in (True, False))
    assert (some.status, none.status) == ("fail", "ok")
    assert "Northern Trade" in some.headline
    assert "Northern Trade" not in none.headline


def test_large_shops_that_lack_goods_are_told_from_small_ones(words):
    rows = pl.DataFrame({"goods": ["cake"], "stores": [10], "on_shelf": [8], "numeric": [0.8], "weighted": [0.5]})
    big, usual = supply.distribution(rows, words=words), supply.distribution(
        rows.with_columns(weighted=0.9), words=words
    )  # fmt: skip
    assert says(words, "channel.distribution.headline.big", big.headline)
    assert says(words, "channel.distribution.headline.usual", usual.headline)


def test_the_list_begins_with_leaks_then_yuan_and_ends_with_silence(words):
    partners = pl.DataFrame({"partner_id": ["d", "k"], "name": ["Northern Trade", None], "owner_staff": ["m", None]})
    made = actions.listed(
        actions.Found(LATE, STOCK, scanned(named=True), SILENT),
        partners,
        {"m": "Zhang"},
        words=words,
        as_of=AS_OF,
        cover=60,
        capacity=9,
    )
    assert made.table["suggestion"].to_list() == [
        words(f"channel.advice.{what}") for what in ("diverted", "owner", "stock", "owner")
    ]
    assert made.table["owner"].to_list() == ["Zhang", words("channel.no_owner")] * 2
    short = actions.listed(
        actions.Found(LATE, STOCK, None, SILENT), partners, {}, words=words, as_of=AS_OF, cover=60, capacity=2,
        gone=frozenset({"m"}),
    )  # fmt: skip
    assert short.table["suggestion"].to_list() == [words("channel.advice.owner")] * 2, "both have nobody at work"
    assert says(words, "channel.actions.headline.capped", short.headline)
