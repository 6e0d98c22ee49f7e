"""The sentences of the targets page follow the data: sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.pages.targets.findings import month, plan
from crmlib.sales.outlook import Completion
from tests.pages.wording import says

DAY = date(2026, 5, 20)
CASES = [
    (0, 110, None, None, "reached", "ok"), (0, 90, None, None, "missed", "fail"),
    (9, 60, (101, 130), "will_reach", "will_reach", "ok"), (9, 60, (70, 90), "will_miss", "will_miss", "fail"),
    (9, 60, (90, 115), "open", "open", "warn"), (9, 60, None, None, "unsure", "none"),
]  # fmt: skip


def outlook(left: int, actual: int, band: tuple[int, int] | None, verdict: str | None) -> Completion:
    """The company and two stores: S1 short, S2 above."""
    low, high = band or (None, None)
    likely = actual if not left else 100 if band is None else sum(band) // 2
    units = pl.DataFrame(
        {
            "unit_id": ["", "S1", "S2"], "actual_minor": [actual, 10, 50], "forecast_minor": [likely, 30, 70],
            "low_minor": [low] * 3, "high_minor": [high] * 3, "usual_day_minor": [5] * 3, "coming_day_minor": [4] * 3,
            "target_minor": [100, 50, 45], "verdict": [verdict] * 3, "gap_minor": [100 - actual, 40, -5],
            "day_needs_minor": [7, 9, 0],
        },
        schema_overrides={"low_minor": pl.Int64, "high_minor": pl.Int64, "verdict": pl.String},
    )  # fmt: skip
    candidates = pl.DataFrame(
        {"level": ["company"], "name": ["run_rate"], "dates": [7], "error": [0.1], "chosen": [True]}
    )
    coverage = pl.DataFrame({"level": ["company"], "dates": [7], "held": [0.8], "used": [0.8]})
    return Completion(units, candidates, coverage, left, 0.8)


def same(ids: pl.Series) -> pl.Series:
    return ids


@pytest.mark.parametrize("case", CASES, ids=lambda c: c[4])
def test_the_month_is_judged_by_facts_or_by_the_interval_only(words: Words, case: tuple) -> None:
    left, actual, band, verdict, kind, status = case
    found = outlook(left, actual, band, verdict)
    answer = month.answer(found, words=words, as_of=DAY, name=same)
    assert says(words, f"targets.answer.{kind}", answer.sentence)
    tone = {"ok": "good", "fail": "bad"}.get(status, "neutral")
    assert next(f.tone for f in answer.figures if f.key == "share") == tone
    path = pl.DataFrame({"day": [date(2026, 5, 1), DAY], "target_minor": [50, 50], "net_minor": [actual, None]})
    card = month.course(path, found, words=words, as_of=DAY)
    assert says(words, f"targets.course.headline.{kind}", card.headline)
    assert card.status == status
    assert card.note_do == words(f"targets.course.do.{'good' if status == 'ok' else 'bad'}")


def test_without_targets_the_forecast_is_told_and_nothing_is_attained(words: Words) -> None:
    bare = outlook(9, 60, (70, 90), None)
    bare = Completion(
        bare.units.drop("target_minor", "verdict", "gap_minor", "day_needs_minor"),
        bare.candidates,
        bare.coverage,
        9,
        0.8,
    )
    answer = month.answer(bare, words=words, as_of=DAY, name=same)
    assert says(words, "targets.answer.no_target", answer.sentence)
    assert {f.key for f in answer.figures} == {"actual", "forecast"}


def test_the_store_furthest_behind_is_named_on_the_card_and_first_on_the_list(words: Words) -> None:
    found = outlook(9, 60, (70, 90), "will_miss")
    card = month.stores(found, words=words, as_of=DAY, name=same)
    assert says(words, "targets.stores.headline.behind", card.headline)
    assert "S1" in card.headline and card.status == "warn"
    shops = pl.DataFrame({"store_id": ["S1", "S2"], "region": ["East", "West"]})
    listed = month.actions(found, words=words, as_of=DAY, name=same, shops=shops, capacity=5)
    assert listed.table["store"].to_list() == ["S1"]
    assert listed.table["short_minor"].to_list() == [20]
    assert listed.table["owner"].to_list() == [words("targets.actions.owner", region="East")]
    assert listed.table["advice"].to_list() == [words("targets.actions.do.hard")]


def test_when_every_store_reaches_its_target_nobody_is_listed(words: Words) -> None:
    found = outlook(0, 110, None, None)
    units = found.units.with_columns(actual_minor=pl.lit(200))
    done = Completion(units, found.candidates, found.coverage, 0, 0.8)
    card = month.stores(done, words=words, as_of=DAY, name=same)
    assert says(words, "targets.stores.headline.all", card.headline)
    assert card.status == "ok"
    assert month.actions(done, words=words, as_of=DAY, name=same, shops=None, capacity=5).table.is_empty()


@pytest.mark.parametrize(
    ("sold", "kind", "status"),
    [([100, 90], "behind", "warn"), ([100, 120], "all", "ok"), ([None, None], "no_data", "none")],
)
def test_who_has_no_record_has_no_data_and_is_not_behind(
    words: Words, sold: list[int | None], kind: str, status: str
) -> None:
    sheet = pl.DataFrame(
        {
            "staff_id": ["E1", "E2"], "target_minor": [100, 100], "sold_minor": sold, "usual_day_minor": [5, 5],
            "gap_minor": [None if s is None else 100 - s for s in sold], "calls": [None, None], "days_left": [9, 9],
            "state": ["no_data" if s is None else "on_course" for s in sold], "day_needs_minor": [1, 1],
        },
        schema_overrides={"sold_minor": pl.Int64, "gap_minor": pl.Int64, "calls": pl.Int64},
    )  # fmt: skip
    card = plan.sellers(sheet, {"E2": "彭嘉豪"}, None, words=words, name=same)
    assert says(words, f"targets.sellers.headline.{kind}", card.headline)
    assert card.status == status
    assert card.table["person"].to_list() == ["E1", "彭嘉豪"]
    beside = sheet.with_columns(collected_minor=pl.lit(700), to_remind=pl.lit(2), open_leads=pl.lit(3))
    shown = plan.sellers(beside, {}, (3, 70_000), words=words, name=same)
    assert shown.table.select("collected_minor", "to_remind", "open_leads").row(0) == (700, 2, 3)
    assert "3" in shown.note_sure and words.format.money(70_000) in shown.note_sure


@pytest.mark.parametrize(("april", "kind", "status"), [(120, "ahead", "ok"), (80, "behind", "warn")])
def test_only_ended_months_count_for_the_year(words: Words, april: int, kind: str, status: str) -> None:
    months = pl.DataFrame(
        {"month": [date(2026, 4, 1), date(2026, 5, 1), date(2026, 6, 1)], "target_minor": [100, 100, 100],
         "actual_minor": [april, 5, None]}
    )  # fmt: skip
    card = plan.year(months, words=words, as_of=DAY)
    assert says(words, f"targets.year.headline.{kind}", card.headline)
    assert (card.status, card.value_minor) == (status, max(100 - april, 0))


def test_sums_that_break_are_the_headline_and_not_the_changes(words: Words) -> None:
    changed = pl.DataFrame(
        {"valid_from": [DAY], "month": [date(2026, 6, 1)], "before_minor": [100], "after_minor": [90],
         "gap_minor": [-10], "reason": ["quiet"]}
    )  # fmt: skip
    broken = pl.DataFrame(
        {"parent_id": ["East"], "month": [date(2026, 6, 1)], "measure": ["net"], "parent_minor": [100],
         "children_minor": [90], "gap_minor": [-10]}
    )  # fmt: skip
    for breaks, changes, kind, status in (
        (broken, changed, "broken", "fail"), (broken.clear(), changed, "changed", "ok"),
        (broken.clear(), changed.clear(), "none", "ok"),
    ):  # fmt: skip
        card = plan.changes(changes, breaks, words=words, name=same)
        assert says(words, f"targets.changes.headline.{kind}", card.headline)
        assert card.status == status


def test_the_proposal_says_its_sum_and_its_largest_month(words: Words) -> None:
    rows = pl.DataFrame(
        {"region": ["N", "N"], "store_id": ["S1", "S1"], "month": [date(2027, 1, 1), date(2027, 2, 1)],
         "amount_minor": [30_000, 90_000]}
    )  # fmt: skip
    card = plan.proposal(rows, words=words, year=2027, step=100, name=same)
    assert words.format.money(120_000) in card.headline
    assert words.format.month(date(2027, 2, 1)) in card.note_seen
    assert card.table["target_minor"].sum() == 120_000
