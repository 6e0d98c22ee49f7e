"""The sentences of the sales pulse follow the data: flipped data flip sentence, colour and figure together."""

from __future__ import annotations

import re
from datetime import date

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.pages.sales_pulse.findings import growth, where, why
from crmlib.sales.comparisons import Reading
from crmlib.sales.outlook import Completion
from crmlib.sales.store_weeks import Flags
from tests.pages.wording import says

DAY = date(2026, 5, 31)


def trade(
    now: tuple[int, int], then: tuple[int, int] | None, *, rates: tuple[float, float] = (0.3, 0.3)
) -> pl.DataFrame:
    """Net and receipts of this period and of the slot."""
    rows = [("now", *now, rates[0])] + ([] if then is None else [("same_slot", *then, rates[1])])
    table = pl.DataFrame(rows, schema=["comparison", "net_minor", "receipts", "margin_rate"], orient="row")
    return table.with_columns(
        stores=3, store_days=90, lines_each=2.0, card_share=0.5, uncosted_share=0.0,
        ticket_minor=pl.col("net_minor") // pl.col("receipts"),
        margin_minor=(pl.col("net_minor") * pl.col("margin_rate")).cast(pl.Int64),
    )  # fmt: skip


def grown(dates: float | None, slot: float | None, like: float | None) -> pl.DataFrame:
    table = pl.DataFrame(
        {
            "comparison": ["last_period", "same_dates", "same_slot"], "growth": [0.1, dates, slot],
            "like_growth": [0.1, dates, like], "now_minor": [100] * 3, "then_minor": [90] * 3,
        },
        schema_overrides={"growth": pl.Float64, "like_growth": pl.Float64},
    )  # fmt: skip
    return table.with_columns(then_first=pl.lit(DAY), then_last=pl.lit(DAY))


def same(ids: pl.Series) -> pl.Series:
    return ids


@pytest.mark.parametrize(
    ("verdict", "shift", "openings", "kind", "status"),
    [
        ("grew", False, False, "grew", "ok"), ("fell", False, False, "fell", "warn"),
        ("as_last_year", False, False, "as_last_year", "ok"), ("unsure", False, False, "unsure", "none"),
        (None, False, False, "no_band", "none"),
        ("fell", True, False, "shift", "warn"), ("grew", False, True, "openings", "ok"),
    ],
)  # fmt: skip
def test_growth_is_said_as_the_band_says(
    words: Words, *, verdict: str | None, shift: bool, openings: bool, kind: str, status: str
) -> None:
    rows = grown(0.2, 0.1, {"fell": -0.1, "unsure": 0.6}.get(verdict or "", 0.1))
    weeks = pl.DataFrame({"ends": [DAY], "net_minor": [1], "then_minor": [1]})
    band = None if verdict is None else (-0.3, 1.7) if verdict == "unsure" else (-0.05, 0.05)
    read = Reading("as_last_year" if verdict == "unsure" else verdict, shift, openings)
    found = growth.course(weeks, rows, read, words=words, band=band, period="May")
    assert says(words, f"sales_pulse.course.headline.{kind}", found.headline)
    assert found.status == status
    assert (words("sales_pulse.verdict.grew") in found.note_sure) is (verdict == "grew")


@pytest.mark.parametrize(("likes", "verdict", "tone"), [(0.2, "grew", "good"), (-0.2, "fell", "bad")])
def test_the_answer_flips_with_the_figures(words: Words, likes: float, verdict: str, tone: str) -> None:
    now = 1_200_000 if likes > 0 else 800_000
    split = pl.DataFrame({"unit": ["piece"], "cause": ["price"], "gap_minor": [now - 1_000_000]})
    watched = pl.DataFrame({"store_id": ["S1"], "flagged": [likes < 0], "gap_minor": [-50_000]})
    found = growth.answer(
        trade((now, 100), (1_000_000, 100)), words=words, period="May", ground="same_slot",
        reading=Reading(verdict, False, False), band=(-0.05, 0.05), growth=grown(0.1, likes, likes), split=split,
        watched=watched, name=same,
    )  # fmt: skip
    assert says(words, f"sales_pulse.answer.{verdict}", found.sentence)
    assert words("sales.cause.price") in found.sentence
    assert ("S1" in found.sentence) is (likes < 0)
    net = found.figures[0]
    assert (net.tone, net.amount) == (tone, now)
    assert words.format.change(likes) in net.comparison


@pytest.mark.parametrize(
    ("like", "band", "kind"),
    [(0.05, (-0.09, 0.08), "as_last_year"), (4.16, (-0.4, 1.7), "unsure"), (0.02, (-0.05, 0.3), "as_last_year")],
)
def test_a_large_change_within_the_usual_swings_is_not_called_level(
    words: Words, *, like: float, band: tuple[float, float], kind: str
) -> None:
    found = growth.answer(
        trade((1_000_000, 100), (900_000, 100)), words=words, period="May", ground="same_slot",
        reading=Reading("as_last_year", False, False), band=band, growth=grown(0.1, like, like), split=None,
        watched=None, name=same,
    )  # fmt: skip
    assert says(words, f"sales_pulse.answer.{kind}", found.sentence)
    assert words.format.change(like) in found.sentence


def test_without_a_period_to_compare_the_answer_claims_nothing(words: Words) -> None:
    found = growth.answer(
        trade((1_000_000, 100), None), words=words, period="May", ground=None, reading=Reading(None, False, False),
        band=None, growth=grown(None, None, None), split=None, watched=None, name=same,
    )  # fmt: skip
    assert says(words, "sales_pulse.answer.alone", found.sentence)
    assert {f.tone for f in found.figures} == {"neutral"}


@pytest.mark.parametrize(
    ("price", "mix", "kind", "status", "reason"),
    [
        (-90_000, 10_000, "less", "warn", "price"), (90_000, -10_000, "more", "ok", "price"),
        (10_000, -90_000, "less", "warn", "mix"), (50_000, -50_500, "even", "none", "even"),
    ],
)  # fmt: skip
def test_the_largest_cause_is_named_with_its_sign(
    words: Words, *, price: int, mix: int, kind: str, status: str, reason: str
) -> None:
    split = pl.DataFrame({"unit": ["kg", "kg"], "cause": ["price", "mix"], "gap_minor": [price, mix]})
    before = pl.DataFrame({"net_minor": [1_000_000]})
    after = pl.DataFrame({"net_minor": [1_000_000 + price + mix]})
    found = why.causes(split, words=words, ground="same_slot", products=(before, after))
    assert says(words, f"sales_pulse.causes.headline.{kind}", found.headline)
    assert (found.status, found.value_minor) == (status, abs(price + mix))
    assert found.note_do == words(f"sales_pulse.causes.do.{reason}")
    if kind != "even":
        first = "price" if abs(price) > abs(mix) else "mix"
        assert words(f"sales.cause.{first}") in found.headline


@pytest.mark.parametrize(
    ("now", "kind", "status", "do"),
    [
        ((1_200_000, 100), "same_up", "none", "keep"), ((1_200_000, 150), "up_down", "ok", "value"),
        ((800_000, 100), "same_down", "none", "value"), ((1_200_000, 80), "down_up", "warn", "count"),
        ((700_000, 80), "down_down", "warn", "count"), ((1_000_000, 100), "same_same", "none", "keep"),
    ],
)  # fmt: skip
def test_receipts_and_their_value_are_said_apart(
    words: Words, now: tuple[int, int], kind: str, status: str, do: str
) -> None:
    found = why.receipts(trade(now, (1_000_000, 100)), words=words, ground="same_slot")
    assert says(words, f"sales_pulse.receipts.headline.{kind}", found.headline)
    assert (found.status, found.note_do) == (status, words(f"sales_pulse.receipts.do.{do}"))
    bare = trade(now, (1_000_000, 100)).with_columns(card_share=pl.lit(None, dtype=pl.Float64))
    without = why.receipts(bare, words=words, ground="same_slot")
    assert found.note_seen == without.note_seen + words("sales_pulse.receipts.cards", cards=words.format.share(0.5))
    assert "card_share" in found.table.columns and "card_share" not in without.table.columns


@pytest.mark.parametrize(
    ("rates", "kind", "status"),
    [((0.35, 0.3), "rose", "ok"), ((0.25, 0.3), "fell", "warn"), ((0.305, 0.3), "held", "ok")],
)
def test_a_margin_rate_moves_only_beyond_a_point(
    words: Words, rates: tuple[float, float], kind: str, status: str
) -> None:
    table = trade((1_000_000, 100), (1_000_000, 100), rates=rates)
    gap = int(table["margin_minor"][0] - table["margin_minor"][1])
    split = pl.DataFrame({"unit": ["piece"], "cause": ["unit_cost"], "gap_minor": [gap]})
    found = why.margin(table, split, words=words, ground="same_slot")
    assert says(words, f"sales_pulse.margin.headline.{kind}", found.headline)
    assert found.status == status
    assert found.note_do == words(f"sales_pulse.margin.do.{'unit_cost' if kind == 'fell' else 'held'}")


@pytest.mark.parametrize(
    ("gaps", "kind", "lead"),
    [
        ((900, -100), "more", "first"),
        ((-900, 100), "less", "first"),
        ((500, -505), "even", "second"),
        ((-505, 500), "even", "first"),
    ],
)  # fmt: skip
def test_the_place_that_moved_most_in_the_direction_of_the_sum_is_named(
    words: Words, gaps: tuple[int, int], kind: str, lead: str
) -> None:
    table = pl.DataFrame(
        {
            "dimension": ["category"] * 2, "place": ["first", "second"], "now_minor": [5_000 + g for g in gaps],
            "then_minor": [5_000, 5_000], "gap_minor": list(gaps), "growth": [g / 5_000 for g in gaps],
        }
    )  # fmt: skip
    found = where.places(table, words=words, ground="same_slot", stores=same, products=same)
    assert says(words, f"sales_pulse.places.headline.{kind}", found.headline)
    assert re.search(f"{lead}.*{words.format.money(abs(gaps[lead == 'second']))}", found.headline)
    assert found.note_do == words(f"sales_pulse.places.do.{kind}")


def flags(gaps: dict[str, int]) -> tuple[Flags, pl.DataFrame]:
    """Five stores, those named flagged."""
    stores = [f"S{n}" for n in range(5)]
    table = pl.DataFrame(
        {
            "store_id": stores, "week": [DAY] * 5, "net_minor": [100_000 + gaps.get(s, 0) for s in stores],
            "expected_minor": [100_000] * 5, "z": [0.0] * 5, "flagged": [s in gaps for s in stores],
            "gap_minor": [gaps.get(s, 0) for s in stores],
        }
    )  # fmt: skip
    days = table.select("store_id", "week", days=pl.when(pl.col("store_id") == "S4").then(3).otherwise(7))
    return Flags(table, 3.0, own=True), days


@pytest.mark.parametrize(
    ("gaps", "kind", "status"),
    [({"S1": -40_000, "S2": 9_000}, "low", "warn"), ({"S2": 9_000}, "high", "ok"), ({}, "none", "ok")],
)
def test_unusual_stores_are_said_and_listed_with_the_same_money(
    words: Words, gaps: dict[str, int], kind: str, status: str
) -> None:
    found, days = flags(gaps)
    card = where.stores(found, days, words=words, name=same)
    assert says(words, f"sales_pulse.stores.headline.{kind}", card.headline)
    assert card.status == status
    shops = pl.DataFrame({"store_id": ["S1", "S2"], "region": ["East", None]})
    listed = where.actions(found.weeks, days, words=words, name=same, shops=shops, as_of=DAY, length=7, capacity=10)
    assert listed.table.height == len(gaps)
    assert dict(listed.table.select("store", "gap_minor").iter_rows()) == gaps
    if "S1" in gaps:
        assert listed.table["store"][0] == "S1"
        assert listed.table["owner"][0] == words("sales_pulse.actions.owner.area", region="East")
        assert listed.table["advice"][0] == words("sales_pulse.actions.do.low")


def test_a_store_that_was_shut_is_asked_about_its_closure_first(words: Words) -> None:
    found, days = flags({"S4": -60_000})
    listed = where.actions(found.weeks, days, words=words, name=same, shops=None, as_of=DAY, length=7, capacity=1)
    assert listed.table["advice"].to_list() == [words("sales_pulse.actions.do.shut")]
    assert words.format.count(4) in listed.table["reason"][0]


@pytest.mark.parametrize(
    ("actual", "low", "high", "verdict", "left", "kind", "status"),
    [
        (110, 110, 110, None, 0, "reached", "ok"), (90, 90, 90, None, 0, "missed", "fail"),
        (60, 101, 130, "will_reach", 9, "will_reach", "ok"), (60, 70, 90, "will_miss", 9, "will_miss", "fail"),
        (60, 90, 110, "open", 9, "open", "warn"), (60, None, None, None, 9, "unsure", "none"),
    ],
)  # fmt: skip
def test_a_target_is_reached_or_missed_only_as_the_interval_says(
    words: Words,
    *,
    actual: int,
    low: int | None,
    high: int | None,
    verdict: str | None,
    left: int,
    kind: str,
    status: str,
) -> None:
    units = pl.DataFrame(
        {
            "unit_id": ["", "S1"], "actual_minor": [actual] * 2, "forecast_minor": [actual if not left else 100] * 2,
            "low_minor": [low] * 2, "high_minor": [high] * 2, "coming_day_minor": [5] * 2, "target_minor": [100] * 2,
            "verdict": [verdict] * 2, "gap_minor": [100 - actual] * 2, "day_needs_minor": [4] * 2,
        },
        schema_overrides={"low_minor": pl.Int64, "high_minor": pl.Int64, "verdict": pl.String},
    )  # fmt: skip
    outlook = Completion(units, pl.DataFrame(), pl.DataFrame(), left, 0.8)
    found = where.target(outlook, words=words, as_of=DAY, name=same)
    assert says(words, f"sales_pulse.target.headline.{kind}", found.headline)
    assert found.status == status
