"""The funnel says what the deals say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.cases.engine import Identity
from crmlib.cases.forecast import Origins
from crmlib.cases.funnel import Gate, WinRate
from crmlib.core.proportions import wilson
from crmlib.pages.funnel.findings import ahead, credit, standing
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
NAMES = {"X1": "沈立新", "X2": "韩雨桐"}
RATE = WinRate(date(2025, 10, 31), AS_OF, 90, 100, 30, 40, 30, 0.32, 0.44, 0.24, 0.22, 0.40)
OPEN = pl.DataFrame(
    {
        "deal_id": ["a", "b", "c"],
        "owner_staff": ["X1", "X2", None],
        "opened_on": [date(2026, 9, 1)] * 3,
        "value_minor": [900_000, 500_000, 100_000],
        "p_win": [0.0, 0.5, 0.2],
        "expected_minor": [0, 250_000, 20_000],
        "beyond": [True, False, False],
        "age": [300, 40, 20],
    }
)
PLACE = {"stage": pl.lit("报价"), "days": pl.lit(80), "limit": pl.lit(30.0), "live": pl.col("p_win") > 0}
DEAD = OPEN.head(1).with_columns(**PLACE)
STILL = OPEN.filter(pl.col("deal_id") == "b").with_columns(**PLACE)
MONTHS = [date(2026, m, 1) for m in (3, 4, 5, 6)]


def origins(miss: float, status: str) -> Origins:
    table = pl.DataFrame({"origin": MONTHS, "expected": [100.0] * 4, "won": [90, 120, 100, round(100 * (1 + miss))]})
    return Origins(table.with_columns(miss=pl.col("won") / pl.col("expected") - 1), status)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "expected", "band", "stalled"),
    [
        ("stalled", OPEN, (1.0, 2.0), STILL),
        ("forecast", OPEN, (200_000.0, 300_000.0), STILL.clear()),
        ("forecast", OPEN, (200_000.0, 300_000.0), DEAD),
        ("no_band", OPEN, None, STILL.clear()),
        ("none", OPEN.clear(), None, STILL.clear()),
    ],
)
def test_the_larger_sum_goes_first(words, kind, expected, band, stalled):
    said = ahead.answer(expected, band, stalled, RATE, words=words, days=92)
    assert says(words, f"funnel.answer.{kind}", said.sentence)
    assert said.figures[1].tone == ("bad" if kind == "stalled" else "neutral")
    assert said.figures[0].amount == expected["expected_minor"].sum()
    assert said.figures[1].amount == stalled.filter("live")["value_minor"].sum(), "what nobody can win is not at stake"


@pytest.mark.parametrize(("miss", "status"), [(0.1, "ok"), (-0.3, "warn"), (0.7, "fail")])
def test_the_light_is_the_miss_of_the_last_origin(words, miss, status):
    said = ahead.forecast(origins(miss, status), OPEN, (1.0, 2.0), words=words, days=92)
    assert says(words, f"funnel.forecast.headline.{status}", said.headline)
    assert said.status == status
    assert words.format.change(miss) in said.headline


def test_at_stake_is_what_may_not_come_of_the_forecast(words):
    said = ahead.forecast(origins(-0.3, "warn"), OPEN, (200_000.0, 400_000.0), words=words, days=92)
    assert said.value_minor == 270_000 - 200_000


def test_without_four_closed_origins_there_is_no_verdict(words):
    few = Origins(origins(0.7, "fail").table.head(2), "fail")
    said = ahead.forecast(few, OPEN, None, words=words, days=92)
    assert says(words, "funnel.forecast.headline.few", said.headline)
    assert said.status == "none"


def test_forecasts_of_owners_sum_and_who_has_left_is_red(words):
    left = ahead.owners(OPEN, NAMES, {"X2"}, words=words)
    held = ahead.owners(OPEN.head(2), NAMES, set(), words=words)
    assert (left.status, held.status) == ("fail", "ok")
    assert "韩雨桐" in left.headline
    assert words("funnel.no_owner") in left.headline
    assert left.table["coming_minor"].sum() == OPEN["expected_minor"].sum()
    assert left.table["deals_open"].sum() == OPEN.height
    assert left.value_minor == 270_000, "what a leaver's deals bring, not what was quoted"


@pytest.mark.parametrize(("snapshot", "kind"), [(0.6, "flatters"), (0.33, "plain")])
def test_a_snapshot_that_flatters_is_named_beside_the_cohorts_rate(words, snapshot, kind):
    shares = pl.DataFrame({"age": [0, 90], "won": [0.0, 0.32], "lost": [0.0, 0.44], "open": [1.0, 0.24]})
    cohorts = pl.DataFrame(
        {"cohort": [date(2026, 9, 1)], "opened": [100], "won": [30], "lost": [40], "open": [30], "unseen": [3],
         "won_30": [0.1], "won_60": [0.2], "won_90": [None], "won_longest": [0.3], "longest": [40.0]},
        schema_overrides={"won_90": pl.Float64},
    )  # fmt: skip
    said = standing.fates(shares, cohorts, RATE, {"snapshot": snapshot}, words=words)
    assert says(words, f"funnel.fates.headline.{kind}", said.headline)
    assert words.format.share(0.32) in said.headline
    assert said.table["deals_unseen"][0] == 3


TIMES = pl.DataFrame(
    {"stage": ["初谈", "报价"], "stays": [9, 5], "open": [2, 1], "onward": [0.8, 0.7], "back": [0.0, 0.1],
     "lost": [0.1, 0.2], "median_days": [8.0, 5.0], "p90_days": [20.0, 30.0], "stalled": [0, 2],
     "stalled_minor": [0, 900_000], "live": [0, 1], "live_minor": [0, 500_000], "expected_minor": [0, 250_000]}
)  # fmt: skip


def test_where_most_that_can_be_won_stands_still_is_named_and_priced_by_what_it_brings(words):
    nothing = {c: pl.lit(0) for c in ("live", "live_minor", "expected_minor")}
    some, dead = standing.stages(TIMES, words=words), standing.stages(TIMES.with_columns(**nothing), words=words)
    none = standing.stages(TIMES.with_columns(**nothing, stalled=pl.lit(0), stalled_minor=pl.lit(0)), words=words)
    assert [f.status for f in (some, dead, none)] == ["warn", "warn", "ok"]
    assert [f.value_minor for f in (some, dead, none)] == [250_000, 0, 0], "a quote is not what is at stake"
    assert says(words, "funnel.stages.headline.some", some.headline)
    assert says(words, "funnel.stages.headline.dead", dead.headline)
    assert "报价" in some.headline and words.format.money(500_000) in some.headline


@pytest.mark.parametrize(("end", "kind", "status"), [(12, "grows", "ok"), (8, "shrinks", "ok"), (10, "same", "ok")])
def test_the_months_book_says_which_way_it_went(words, end, kind, status):
    flow = Identity(10, {"opened": 5}, {"closed": 15 - end}, end)
    rows = pl.DataFrame({"stage": ["初谈"], "start": [10], "moved_in": [5], "moved_out": [15 - end], "end": [end]})
    said = standing.book(rows, flow, words=words, first=date(2026, 10, 1), last=AS_OF)
    assert says(words, f"funnel.book.headline.{kind}", said.headline)
    assert said.status == status


def test_a_book_that_does_not_close_is_red(words):
    rows = pl.DataFrame({"stage": ["初谈"], "start": [10], "moved_in": [5], "moved_out": [4], "end": [12]})
    said = standing.book(
        rows, Identity(10, {"opened": 5}, {"closed": 4}, 11), words=words, first=date(2026, 10, 1), last=AS_OF
    )
    assert says(words, "funnel.book.headline.break", said.headline)
    assert said.status == "fail"


def test_what_records_lack_is_counted_and_never_dropped(words):
    deals = OPEN.with_columns(
        outcome=pl.Series([None, None, "won"], dtype=pl.String), closed_on=pl.Series([None, None, AS_OF]),
        order_id=pl.lit(None, dtype=pl.String),
    )  # fmt: skip
    slipped = pl.DataFrame({"deal_id": ["a"], "moved": [2]})
    said = standing.records(deals, slipped, OPEN, words=words, feed=date(2026, 9, 2), as_of=AS_OF)
    assert said.table["deals_count"].to_list() == [3, 1, 1, 0]
    assert said.status == "warn"
    clean = deals.with_columns(order_id=pl.lit("T"))
    fine = standing.records(clean, slipped.clear(), OPEN, words=words, feed=None, as_of=AS_OF)
    assert fine.status == "ok"


def test_a_dead_deal_is_closed_and_a_leavers_that_can_be_won_gets_an_owner_first(words):
    free = {"owner_staff": pl.lit("X2")}
    both = pl.concat([STILL.with_columns(**free), STILL.with_columns(owner_staff=pl.lit("X1")), DEAD,
                      DEAD.with_columns(**free)])  # fmt: skip
    said = standing.listed(both, NAMES, {"X2"}, words=words, as_of=AS_OF, capacity=9)
    advice = [words(f"funnel.advice.{kind}") for kind in ("owner", "move", "close", "shut")]
    assert said.table["suggestion"].to_list() == advice
    assert said.table["coming_minor"].to_list() == [250_000, 250_000, 0, 0]
    assert says(words, "funnel.actions.headline.all", said.headline)
    capped = standing.listed(both, NAMES, set(), words=words, as_of=AS_OF, capacity=1)
    assert says(words, "funnel.actions.headline.capped", capped.headline)


def sources(won: tuple[int, int]) -> pl.DataFrame:
    low, high = wilson(np.array(won), np.array([100, 100]))
    return pl.DataFrame(
        {"source": ["展会", "官网"], "opened": [100, 100], "won": list(won), "lost": [10, 10],
         "open": [90 - n for n in won], "share_won": [n / 100 for n in won], "low": low, "high": high}
    )  # fmt: skip


@pytest.mark.parametrize(("won", "kind"), [((60, 20), "differ"), ((33, 30), "alike")])
def test_sources_differ_only_beyond_chance(words, won, kind):
    said = credit.sources(sources(won), words=words)
    assert says(words, f"funnel.sources.headline.{kind}", said.headline)


def test_credit_is_headed_descriptive(words):
    rows = pl.DataFrame({"medium": ["广播"], "first": [1.0], "last": [0.2], "equal": [0.5], "shapley": [0.5]})
    said = credit.media(rows, words=words)
    assert said.status == "none"
    assert says(words, "funnel.credit.headline.some", said.headline)
    assert words.format.share(0.2) in said.headline


@pytest.mark.parametrize(("won", "kind"), [((80, 40), "piles"), ((40, 80), "thins"), ((50, 52), "even")])
def test_quarter_ends_are_said_to_differ_where_ranges_do_not_meet(words, won, kind):
    rows = pl.DataFrame({"quarter_end": [True, False], "won": list(won), "closed": [100, 100]}).with_columns(
        share=pl.col("won") / 100, low=pl.col("won") / 100 - 0.09, high=pl.col("won") / 100 + 0.09
    )
    said = credit.season(rows, words=words)
    assert says(words, f"funnel.season.headline.{kind}", said.headline)


@pytest.mark.parametrize(("filled", "kind", "status"), [(9, "known", "ok"), (5, "few", "warn"), (0, "none", "none")])
def test_reasons_are_ranked_only_where_they_are_written_down(words, filled, kind, status):
    lost = pl.DataFrame(
        {"outcome": ["lost"] * 10, "closed_on": [AS_OF] * 10, "value_minor": [100] * 10,
         "lost_reason": ["价格高"] * filled + [None] * (10 - filled)},
        schema_overrides={"lost_reason": pl.String},
    )  # fmt: skip
    said = credit.reasons(lost, words=words, as_of=AS_OF)
    assert says(words, f"funnel.reasons.headline.{kind}", said.headline)
    assert (said.status, said.table["deals_lost"].sum()) == (status, 10)


@pytest.mark.parametrize(
    ("gate", "kind"),
    [(Gate(0.5, 0.45, owed=False), "chance"), (Gate(0.8, 0.7, owed=True), "owed"), (None, "few")],
)
def test_a_score_is_owed_only_above_the_gate(words, gate, kind):
    assert says(words, f"funnel.score.headline.{kind}", credit.score(gate, words=words).headline)


def test_no_deal_in_a_year_is_said(words):
    none = replace(RATE, opened=0, won=0, lost=0, open=0)
    shares = pl.DataFrame({"age": [0], "won": [0.0], "lost": [0.0], "open": [1.0]})
    cohorts = pl.DataFrame(schema={c: pl.Int64 for c in ("cohort", "opened", "won", "lost", "open", "unseen", "won_30",
                                                         "won_60", "won_90", "won_longest", "longest")})  # fmt: skip
    said = standing.fates(shares, cohorts, none, {"snapshot": 0.0}, words=words)
    assert says(words, "funnel.fates.headline.none", said.headline)
