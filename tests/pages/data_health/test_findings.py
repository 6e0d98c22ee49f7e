"""Headlines of the data health page follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.customers.members.identity import nobody, propose
from crmlib.data.lake import feeds, masters
from crmlib.data.lake.volume import Volume
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.pages.data_health.findings import amount, fields, health, source
from tests.pages.wording import months, says

EPOCH = date(1970, 1, 1)
NO_GAP = {
    "hole_days": pl.Series([None], dtype=pl.Int64),
    "hole_from": pl.Series([None], dtype=pl.Date),
    "hole_until": pl.Series([None], dtype=pl.Date),
}


@pytest.mark.parametrize(("last", "kind"), [(0.5, "steady"), (0.53, "moved"), (0.4, "jumped")])
def test_a_jump_of_the_card_share_hints_at_the_till(last: float, kind: str, words: Words) -> None:
    found = health.card_share(months([0.5, 0.5, last]), words=words)
    assert says(words, f"data_health.cards.headline.{kind}", found.headline)


def test_data_health_turns_red_for_late_feeds_lost_rows_and_many_broken_rows(words: Words) -> None:
    fresh = pl.DataFrame(
        {
            "source": ["a"], "first_day": [EPOCH], "last_day": [date(2026, 1, 1)], "days": [9], "interval_days": [1.0],
            "late_days": [0], "late": [False], **NO_GAP,
        }
    )  # fmt: skip
    late = pl.concat(
        [fresh.with_columns(late_days=pl.lit(9, dtype=pl.Int64), late=pl.lit(value=True)), fresh],
        how="vertical_relaxed",
    )
    terms = {"kept": [90], "replaced": [0], "duplicate": [0], "conflict": [0], "excluded": [0]}

    def sums(quarantined: int, lost: int) -> pl.DataFrame:
        read = 90 + quarantined + lost
        return pl.DataFrame(
            {"source": ["a"], "table": ["t"], "ingests": [1], "read": [read], **terms, "quarantined": [quarantined],
             "quarantined_share": [quarantined / read], "difference": [lost]}
        )  # fmt: skip

    rules = pl.DataFrame({"source": ["a"], "rule": ["late"], "rows": [5]})
    calm = [health.freshness(fresh, words=words), health.ingest_sum(sums(0, 0), words=words)]
    red = [
        health.freshness(late, words=words),
        health.ingest_sum(sums(0, 3), words=words),
        health.contracts(sums(9, 0), rules, words=words),
    ]
    assert [f.status for f in calm] == ["ok", "ok"]
    assert [f.status for f in red] == ["fail"] * 3
    assert health.contracts(sums(0, 0), rules.clear(), words=words).status == "ok"
    good = health.health_answer(calm, sums=sums(0, 0), fresh=fresh, words=words)
    bad = health.health_answer(red, sums=sums(9, 0), fresh=late, words=words)
    assert says(words, "data_health.answer.ok", good.sentence)
    assert says(words, "data_health.answer.fail", bad.sentence)


def test_doubles_and_cards_that_are_no_persons_are_told_without_names(words: Words) -> None:
    people = pl.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in range(30)],
            "name": ["Secret Name"] * 2 + [f"n{i}" for i in range(28)],
            "phone": ["13800138000"] * 2 + [f"1{i:09d}" for i in range(28)],
            "email": [None] * 30, "birthday": [f"19{i % 9 + 10}-02-0{i % 9 + 1}" for i in range(30)],
        }
    )  # fmt: skip
    secret = pl.col("name") == "Secret Name"
    people = people.with_columns(birthday=pl.when(secret).then(pl.lit("1980-01-01")).otherwise("birthday"))
    found = fields.doubles(propose(people), words=words, pseudonyms=(pl.Series(["P1"]), pl.Series(["P2"])))
    assert says(words, "data_health.doubles.headline.many", found.headline)
    shown = found.view.as_raw_html() if found.view else ""
    assert "P1" in shown
    assert "Secret" not in shown + str(found.table)
    none = fields.doubles(nobody(), words=words, pseudonyms=(pl.Series([], dtype=pl.String),) * 2)
    assert says(words, "data_health.doubles.headline.none", none.headline)


STORE = pl.DataFrame(
    {
        "store_id": ["S1"], "usual_receipts": [20.0], "empty_days": [3], "thin_days": [0], "unpaid_days": [0],
        "first_day": [date(2026, 6, 1)], "last_day": [date(2026, 6, 3)],
    }
)  # fmt: skip
NO_STORES, UNPAID = STORE.clear(), STORE.with_columns(empty_days=0, unpaid_days=2)
NO_DAYS = pl.DataFrame(schema={"day": pl.Date, "lines": pl.Int64})
NO_MONTHS = pl.DataFrame(schema={"month": pl.Date, "lines": pl.Int64})
STRAY = pl.DataFrame({"day": [date(2026, 11, 25)], "lines": [1]})
APRIL = pl.DataFrame({"month": [date(2026, 4, 1)], "lines": [0]})


@pytest.mark.parametrize(
    ("found", "stray", "kind", "status"),
    [
        (Volume(NO_STORES, 56, NO_MONTHS), NO_DAYS, "even", "ok"),
        (Volume(NO_STORES, 0, NO_MONTHS), NO_DAYS, "thin", "none"),
        (Volume(STORE, 56, NO_MONTHS), NO_DAYS, "stores", "warn"),
        (Volume(STORE, 20, NO_MONTHS), NO_DAYS, "wide", "fail"),
        (Volume(UNPAID, 56, NO_MONTHS), NO_DAYS, "unpaid", "fail"),
        (Volume(STORE, 56, NO_MONTHS), STRAY, "stray", "warn"),
        (Volume(STORE, 56, APRIL), STRAY, "month", "fail"),
    ],
)
def test_missing_volume_is_told_by_what_is_worst(
    found: Volume, stray: pl.DataFrame, kind: str, status: str, words: Words
) -> None:
    told = amount.volume(found, stray, words=words, names={"S1": "一店"})
    assert (says(words, f"data_health.volume.headline.{kind}", told.headline), told.status) == (True, status)
    assert ("一店" in told.headline) == (kind == "stores")


def test_all_feeds_that_stop_together_hold_up_to_that_day_one_that_lags_does_not(words: Words) -> None:
    def feeds(*late: int) -> pl.DataFrame:
        days = [date(2026, 6, 28 - n) for n in late]
        rows = {"source": [f"f{n}" for n in range(len(late))], "first_day": [EPOCH] * len(late), "last_day": days}
        told = {**rows, "days": 9, "interval_days": 1.0, "late_days": list(late), "late": [n > 2 for n in late]}
        return pl.DataFrame(told | {name: none.extend_constant(None, len(late) - 1) for name, none in NO_GAP.items()})

    assert [health.freshness(feeds(*late), words=words).status for late in ((9, 9), (9, 0), (0, 0))] == [
        "warn", "fail", "ok"
    ]  # fmt: skip


def test_what_was_never_mapped_is_not_connected_and_not_missing(words: Words) -> None:
    table = pl.DataFrame(
        {
            "table": ["customers"] * 2,
            "field": ["gender", "region"],
            "rows": [9, 9],
            "missing": [9, 0],
            "share": [1.0, 0.0],
        }
    )
    found = fields.gaps(table, words=words)
    assert (found.status, says(words, "data_health.gaps.headline.absent", found.headline)) == ("none", True)
    bare = health.card_share(months([0.0, 0.0, 0.0]), words=words)
    assert (bare.status, says(words, "data_health.cards.headline.bare", bare.headline)) == ("none", True)


def took_back(*rows: tuple[str, str, date | None, str | None, int, int]) -> pl.DataFrame:
    """table, kind, day, store, rows, left."""
    names = ["table", "kind", "day", "store_id", "rows", "left"]
    kinds = {"table": pl.String, "kind": pl.String, "day": pl.Date, "store_id": pl.String, "rows": pl.Int64}
    frame = pl.DataFrame(rows, schema={**kinds, "left": pl.Int64}, orient="row").select(names)
    return frame.with_columns(file=pl.lit("till_1.csv"), net_minor=pl.lit(1234, dtype=pl.Int64))


LOST_DAY = ("receipt_lines", "rows", date(2026, 5, 1), "S1", 40, 0)
LOST_LINE = ("receipt_lines", "rows", date(2026, 5, 2), "S1", 1, 39)
LOST_FILE = ("receipt_lines", "file", date(2026, 5, 3), "S1", 9, 0)
LOST_MEMBER = ("customers", "rows", None, None, 2, 0)


@pytest.mark.parametrize(
    ("rows", "kind", "status"),
    [
        ((), "none", "ok"),
        ((LOST_MEMBER,), "things", "warn"),
        ((LOST_LINE, LOST_MEMBER), "rows", "warn"),
        ((LOST_LINE, LOST_DAY), "day", "fail"),
        ((LOST_LINE, LOST_DAY, LOST_FILE), "file", "fail"),
    ],
)
def test_what_the_source_took_back_is_told_by_what_is_worst(
    rows: tuple[tuple[str, str, date | None, str | None, int, int], ...], kind: str, status: str, words: Words
) -> None:
    told = source.gone(took_back(*rows), withdrawn=3, words=words, names={"S1": "一店"})
    assert (says(words, f"data_health.gone.headline.{kind}", told.headline), told.status) == (True, status)
    assert ("一店" in told.headline) == (kind in {"day", "rows"}) and "3" in told.note_seen


@pytest.mark.parametrize(
    ("behind", "price", "kind", "status"),
    [
        (NO_DAYS, None, "fine", "ok"),
        (pl.DataFrame({"day": [date(1970, 1, 1)], "lines": [2]}), None, "behind", "warn"),
        (NO_DAYS, 100, "price", "fail"),
    ],
)
def test_dates_long_past_and_one_price_for_everything_are_told(
    behind: pl.DataFrame, price: int | None, kind: str, status: str, words: Words
) -> None:
    told = source.odd(behind, price, words=words)
    assert (says(words, f"data_health.odd.headline.{kind}", told.headline), told.status) == (True, status)


def sold(*net: int, days: int = 1) -> pl.DataFrame:
    last = date(2026, 6, 28)
    return pl.DataFrame(
        {
            "id": [f"P{n}" for n in range(len(net))], "first_day": last - timedelta(days=days), "last_day": last,
            "lines": 1, "net_minor": list(net),
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("table", "known", "kind", "status"),
    [
        (sold(99, 1), {}, "absent", "none"),
        (sold(99, 1), {"products": ["P0", "P1"]}, "all", "ok"),
        (sold(999, 1), {"products": ["P0"]}, "few", "ok"),
        (sold(999, 1, days=9), {"products": ["P0"]}, "some", "warn"),
        (sold(98, 2), {"products": ["P0"]}, "some", "warn"),
        (sold(90, 10), {"products": ["P0"]}, "many", "fail"),
    ],
)
def test_master_data_that_come_late_are_told_by_money_and_days(
    table: pl.DataFrame, known: dict[str, list[str]], kind: str, status: str, words: Words
) -> None:
    ids = {k: pl.Series(v, dtype=pl.String) for k, v in known.items()}
    found = masters.unknown({"products": table}, ids, as_of=date(2026, 6, 28))
    told = source.known(found, words=words, pseudonyms=found.rows["id"])
    assert (says(words, f"data_health.known.headline.{kind}", told.headline), told.status) == (True, status)
    assert ("P1" in told.headline + told.note_do) == (kind in {"some", "many"})


def test_a_hole_in_a_feed_longer_than_a_festival_is_told_with_its_days_once_nothing_is_late(words: Words) -> None:
    last = date(2026, 6, 28)
    whole = pl.date_range(date(2026, 1, 1), last, eager=True)
    week, hole = (
        whole.is_between(date(2026, 2, 10), date(2026, 2, 16)),
        whole.is_between(date(2026, 4, 3), date(2026, 4, 14)),
    )

    def told(days: pl.Series, *, as_of: date = last) -> Finding:
        frame = pl.DataFrame({"source": "till", "day": days})
        return health.freshness(feeds.freshness(frame, as_of=as_of), words=words)

    assert told(whole.filter(~week)).status == "ok"
    gap = told(whole.filter(~week & ~hole))
    assert (says(words, "data_health.freshness.headline.gap", gap.headline), gap.status) == (True, "warn")
    assert "12" in gap.headline and "2026-04-03" in gap.headline and "2026-04-14" in gap.headline
    late = told(whole.filter(~hole), as_of=last + timedelta(days=9))
    assert says(words, "data_health.freshness.headline.stopped", late.headline)
    weekly = pl.date_range(date(2026, 1, 1), last, "1w", eager=True)
    assert told(weekly).status == "ok"
