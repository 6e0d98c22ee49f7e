"""The movement page says what the parts say: flipped data flip sentence, colour and figure together."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.movement import cohorts as cohort_model
from crmlib.movement.gain_loss import GainLoss, gain_loss, noise
from crmlib.movement.new_lapsed import new_lapsed
from crmlib.movement.path import path
from crmlib.movement.periods import Period
from crmlib.pages.movement.findings import change, members, shelf

FIRST, SECOND = Period(date(2024, 3, 4), date(2024, 3, 31)), Period(date(2024, 4, 1), date(2024, 4, 28))
SPAN = (FIRST, SECOND)
LEFT = pl.DataFrame({"customer_id": ["a", "b"]})


def world(*, stay: int, leave: int, come: int, shift: int = 0) -> pl.DataFrame:
    """Members who stay buy 100 a week of tea; `shift` of them buy nuts instead in the second period."""
    rows = []
    for n in range(stay + leave + come):
        for week in range(8):
            later = week >= 4
            if (n >= stay + leave and not later) or (stay <= n < stay + leave and later):
                continue
            group = "nuts" if later and n < shift else "tea"
            rows.append((f"c{n}", group, FIRST.start + timedelta(days=7 * week + n % 7), 100_00))
    return pl.DataFrame(rows, schema=["customer_id", "group", "day", "net_minor"], orient="row")


def moved(sales: pl.DataFrame) -> tuple[GainLoss, GainLoss]:
    return gain_loss(sales, first=FIRST, second=SECOND), noise(sales, first=FIRST, second=SECOND)


def test_the_answer_goes_up_with_those_who_come_and_down_with_those_who_leave(words: Words) -> None:
    up, _ = moved(world(stay=10, leave=2, come=8))
    down, _ = moved(world(stay=10, leave=8, come=2))
    for found, way, part in ((up, "good", "new"), (down, "bad", "lost")):
        answer = change.answer(found, LEFT, span=SPAN, names={}, words=words)
        assert answer.figures[0].tone == way
        assert answer.figures[0].amount == found.groups["delta_minor"].sum()
        amount = abs(int(found.groups[f"{part}_minor"].sum()))
        assert words(f"movement.part.{part}", money=words.format.money(amount)) in answer.sentence


def test_amber_only_if_more_is_lost_than_idle_weeks_show(words: Words) -> None:
    for leave, status in ((0, "none"), (8, "warn")):
        found, idle = moved(world(stay=20, leave=leave, come=0))
        card = change.parts(found, idle, span=SPAN, names={}, words=words)
        assert card.status == status
        before, after = (
            c.groups.select(pl.col("lost_minor", "less_minor").sum()).sum_horizontal().item() for c in (found, idle)
        )
        sold = [c.groups["net_1_minor"].sum() for c in (found, idle)]
        excess = round((before / sold[0] - after / sold[1]) * sold[0])
        assert card.value_minor == (excess if status == "warn" else None)
        assert card.table["moved_delta_minor"].sum() == found.groups["delta_minor"].sum()


def test_a_flow_is_named_only_beyond_chance_and_if_it_is_worth_a_word(words: Words) -> None:
    found, idle = moved(world(stay=60, leave=0, come=0, shift=40))
    card = change.flows(found, idle, group="category", names={"tea": "茶", "nuts": "坚果"}, words=words)
    assert "茶" in card.headline and "坚果" in card.headline
    assert change.answer(found, LEFT, span=SPAN, names={"tea": "茶"}, words=words).sentence.count("茶") == 1
    still, idle = moved(world(stay=60, leave=0, come=0))
    card = change.flows(still, idle, group="category", names={}, words=words)
    assert card.headline == words("movement.flows.headline.chance", what=words("movement.what.category"))
    assert card.chart is None


@pytest.mark.parametrize("most", ["members", "trips", "units", "price"])
def test_the_factor_that_did_most_is_the_headline_whichever_way(words: Words, most: str) -> None:
    factors = dict.fromkeys(("members", "trips", "units", "price"), 10_00)
    for amount, way in ((900_00, "up"), (-900_00, "down")):
        card = change.tree(factors | {most: amount}, words=words)
        total = 30_00 + amount
        signed = words.format.money(total) if total < 0 else f"+{words.format.money(total)}"
        said = words(f"movement.tree.headline.{way}_{most}", total=signed, money=words.format.money(900_00))
        assert card.headline == said
        assert card.table["moved_minor"].sum() == total


def test_new_is_said_only_where_a_year_before_is_known(words: Words) -> None:
    sales = world(stay=5, leave=3, come=6)
    short = new_lapsed(sales, first=FIRST, second=SECOND, as_of=SECOND.end)
    old = pl.DataFrame({"customer_id": ["old"], "group": ["tea"], "day": [date(2022, 1, 1)], "net_minor": [1]})
    long = new_lapsed(pl.concat([old, sales]), first=FIRST, second=SECOND, as_of=SECOND.end)
    said, unsaid = (members.kinds(found, words=words).headline for found in (long, short))
    assert said == words("movement.kinds.headline.more", came="6", lapsed="3")
    assert unsaid != said and "3" in unsaid and "6" in unsaid


@pytest.mark.parametrize(("later", "status"), [(50_00, "warn"), (100_00, "none"), (200_00, "none")])
def test_newcomers_are_compared_with_those_of_the_same_month_a_year_before(
    words: Words, later: int, status: str
) -> None:
    rows = [("x", date(2023, 1, 1), 1)]
    for year, amount in ((2023, 100_00), (2024, later)):
        rows += [(f"{year}-{n}", date(year, 9, 5), amount) for n in range(40)]
    sales = pl.DataFrame(rows, schema=["customer_id", "day", "net_minor"], orient="row")
    found = cohort_model.cohorts(sales, as_of=date(2024, 12, 31))
    card = members.cohorts(found, words=words)
    assert card.status == status
    assert words.format.money(later) in card.headline and words.format.money(100_00) in card.headline


def test_without_cohorts_of_full_age_nothing_is_compared(words: Words) -> None:
    sales = pl.DataFrame({"customer_id": ["a"], "day": [date(2024, 1, 5)], "net_minor": [5]})
    card = members.cohorts(cohort_model.cohorts(sales, as_of=date(2024, 1, 31)), words=words)
    assert card.headline == words("movement.cohorts.headline.none", age="3")
    assert card.table.is_empty()


@pytest.mark.parametrize(("back", "kind"), [(80, "back"), (20, "lost")])
def test_most_are_back_or_most_are_not(words: Words, back: int, kind: str) -> None:
    rows = [(f"c{n}", date(2024, 1, 1), "tea") for n in range(100)]
    rows += [(f"c{n}", date(2024, 1, 20), "nuts") for n in range(back)]
    trips = pl.DataFrame(rows, schema=["customer_id", "day", "category"], orient="row")
    card = shelf.steps(path(trips, as_of=date(2024, 12, 31), horizon_days=90), names={}, words=words)
    step = words("movement.steps.no_step")
    share = words.format.share(1 - back / 100)
    assert card.headline == words(f"movement.steps.headline.{kind}", share=share, step=step)


def test_nobody_left_is_an_answer(words: Words) -> None:
    schema = {
        "customer_id": pl.String, "net_minor": pl.Int64, "margin_minor": pl.Int64, "last_day": pl.Date,
        "group": pl.String, "store_name": pl.String,
    }  # fmt: skip
    assert members.left(pl.DataFrame(schema=schema), total=0, names={}, words=words).headline == words(
        "movement.left.headline.none"
    )


def test_without_members_the_answer_says_so(words: Words) -> None:
    assert change.no_answer(None, words=words).sentence == words("movement.answer.no_members")
