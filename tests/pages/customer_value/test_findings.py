"""Headlines of the customer value page follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.churn.lists import watchlist
from crmlib.customers.groups.segments import by_rule
from crmlib.customers.loyalty.contact_list import Result, choose
from crmlib.customers.members import cards as card_model
from crmlib.kit.words import Words
from crmlib.pages.customer_value.findings import groups as group_findings
from crmlib.pages.customer_value.findings import matrix as matrix_findings
from crmlib.pages.customer_value.findings import overdue as overdue_findings
from crmlib.pages.customer_value.findings import tiers as tier_findings
from crmlib.scoring.matrix import matrix, movers, moves
from crmlib.scoring.migration import Migration, migrate
from crmlib.scoring.pyramid import Pyramid, pyramid
from tests.pages.wording import months, says

EPOCH = date(1970, 1, 1)
SPAN = {"start": date(2025, 1, 1), "end": date(2025, 12, 31)}


def tiers(net: list[int], shares: tuple[int, ...] = (500, 2000)) -> Pyramid:
    table = pl.DataFrame({"customer_id": [f"{i:03d}" for i in range(len(net))], "net_minor": net})
    return pyramid(table, shares=shares)


@pytest.mark.parametrize(
    ("net", "kind"),
    [
        ([100_000] * 2 + [100] * 38, "most"),
        ([500] * 2 + [100] * 6 + [60] * 32, "some"),
        ([101] * 2 + [100] * 38, "spread"),
    ],
)
def test_concentration_says_most_only_above_half(net: list[int], kind: str, words: Words) -> None:
    found = tier_findings.concentration(tiers(net), words=words, **SPAN)
    assert says(words, f"customer_value.concentration.headline.{kind}", found.headline)
    assert found.alt == found.headline


def movement(stay: int, fall: int, lost: int) -> Migration:
    """Ten first-tier members last period, of whom so many stay, fall, are lost."""
    before = [1_000] * 10 + [10] * 90
    now = [1_000] * stay + [20] * fall
    previous = tiers(before, (1000,))
    kept = pl.DataFrame(
        {
            "customer_id": [f"{i:03d}" for i in range(stay + fall)] + [f"{i:03d}" for i in range(10, 100)],
            "net_minor": now + [30] * (10 - stay) + [10] * (80 + stay),
        }
    )
    return migrate(previous, pyramid(kept, shares=(1000,)))


@pytest.mark.parametrize(
    ("counts", "kind", "status"),
    [((9, 1, 0), "held", "ok"), ((3, 7, 0), "fell", "warn"), ((8, 0, 2), "lost", "warn"), ((5, 0, 5), "lost", "fail")],
)
def test_movement_says_lost_fell_or_held(counts: tuple[int, int, int], kind: str, status: str, words: Words) -> None:
    stay, fall, lost = counts
    found = tier_findings.migration(movement(stay, fall, lost), words=words, **SPAN)
    assert says(words, f"customer_value.migration.headline.{kind}", found.headline)
    assert found.status == status
    partial = tier_findings.migration(movement(stay, fall, lost), words=words, full=False, **SPAN)
    assert partial.status == "none"
    assert partial.note_sure != found.note_sure


def test_the_answer_speaks_of_the_same_people_as_the_list_and_a_loss_is_never_good(words: Words) -> None:
    moves_ = movement(5, 0, 5)
    found = tier_findings.answer(tiers([10] * 5), moves_, words=words)
    assert says(words, "customer_value.answer.lost", found.sentence)
    assert len(found.figures) == 4
    assert [f.tone for f in found.figures if f.key in {"net_minor", "lost"}] == ["bad", "bad"]
    assert says(
        words,
        "customer_value.answer.held",
        tier_findings.answer(tiers([10] * 5), movement(10, 0, 0), words=words).sentence,
    )


def board(rows: list[tuple[int, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": [f"{i:03d}" for i in range(len(rows))],
            "net_minor": [net for net, _ in rows],
            "margin_minor": pl.Series([m for _, m in rows], dtype=pl.Int64),
        }
    )


def test_the_matrix_says_low_margin_only_when_it_holds_much_of_the_sales(words: Words) -> None:
    low = board([(1_000, 100)] * 4 + [(900, 500)] * 2 + [(50, 25)] * 8)
    good = board([(1_000, 500)] * 6 + [(50, 5)] * 8)
    for table, kind, status in ((low, "reprice", "warn"), (good, "aligned", "ok")):
        found = matrix_findings.value_matrix(matrix(table, margin="rate"), words=words)
        assert says(words, f"customer_value.matrix.headline.{kind}", found.headline)
        assert found.status == status
    unknown = matrix_findings.value_matrix(matrix(board([(10, None)] * 3), margin="amount"), words=words)
    assert says(words, "customer_value.matrix.headline.unknown", unknown.headline)
    assert unknown.chart is None


def test_movers_weigh_those_who_left_against_those_who_came(words: Words) -> None:
    start = board([(1_000, 500)] * 6 + [(50, 5)] * 8)
    was = matrix(start, margin="amount")
    cases = {
        "lost": board([(1_000, 500)] * 2 + [(50, 5)] * 12),
        "even": board([(50, 5)] + [(1_000, 500)] * 5 + [(1_000, 500)] + [(50, 5)] * 7),
        "gained": board([(1_000, 500)] * 10 + [(50, 5)] * 4),
    }
    for kind, table in cases.items():
        now = matrix(table, margin="amount", cut="fixed", fixed=(was.net_cut, was.margin_cut))
        largest = movers(was, now)
        found = matrix_findings.movers(moves(was, now), largest, words=words, pseudonyms=largest["customer_id"])
        assert says(words, f"customer_value.movers.headline.{kind}", found.headline), kind


def judged(late: int, calm: int, tier: str = "A") -> tuple[pl.DataFrame, pl.DataFrame]:
    """Members by state, as the study judges them, and the late ones with their money at risk."""
    n = late + calm
    table = pl.DataFrame(
        {
            "customer_id": [f"{i:03d}" for i in range(n)],
            "tier": [tier] * n,
            "state": ["silent"] * late + ["on_rhythm"] * calm,
            "state_before": ["due"] * n,
            "waiting": [False] * n,
            "risk": [0.5] * n,
            "stake_minor": [10_000] * n,
            "margin_minor": [40_000] * n,
            "usual_gap": [10.0] * n,
            "recency": [95] * late + [5] * calm,
            "owner": pl.Series(["Li"] + [None] * (n - 1), dtype=pl.String),
            "means": ["call"] * n,
            "due_on": [EPOCH] * n,
            "held": [False] * n,
        }
    )
    return table, watchlist.late(table)


REST = {"upper": ("A", "B"), "basis": "margin", "horizon": 91}


def test_overdue_names_the_number_and_is_silent_when_all_are_in_rhythm(words: Words) -> None:
    for count, kind, status in ((8, "late", "fail"), (0, "none", "ok")):
        table, late = judged(count, 12)
        found = overdue_findings.overdue_upper(table, late, words=words, reserve=("!", "high"), **REST)
        assert says(words, f"customer_value.overdue.headline.{kind}", found.headline)
        assert found.status == status
        assert found.note_sure.endswith("!")
        assert found.table.filter(pl.col("lateness") == "silent")["customers"][0] == count
        assert found.value_minor == count * 5_000
    table, late = judged(1, 3, tier="D")
    nobody_known = overdue_findings.overdue_upper(table, late.clear(), words=words, reserve=("", "good"), **REST)
    assert says(words, "customer_value.overdue.headline.no_rhythm", nobody_known.headline)


def test_whoever_waits_for_a_festival_is_named_beside_and_not_late(words: Words) -> None:
    table, _ = judged(8, 12)
    waits = table.with_columns(waiting=pl.col("state") == "silent")
    late = watchlist.late(waits, festival_buyers=waits.filter("waiting"))
    found = overdue_findings.overdue_upper(waits, late, words=words, reserve=("", "good"), **REST)
    assert found.status == "ok"
    assert words("customer_value.overdue.waiting", waiting="8") in found.note_seen
    assert found.table.filter(pl.col("lateness") == "silent")["customers"][0] == 0


def test_the_list_gives_each_person_the_own_reason_and_says_what_came_of_the_last(words: Words) -> None:
    chosen = choose(judged(8, 12)[1], capacity=5)
    names = pl.Series([f"P{i}" for i in range(5)])
    last = Result(listed=10, came=4, control=0, control_came=0, rate=0.4, control_rate=float("nan"), low=0.2, high=0.7)
    found = overdue_findings.contact_list(chosen, words=words, pseudonyms=names, last=last)
    assert found.table["customer_id"].to_list() == names.to_list()
    assert found.table["owner"].to_list()[:2] == ["Li", words("churn.no_owner")]
    assert found.table["means"].unique().to_list() == [words("churn.means.call")]
    assert "10" in found.table["reason"][0]  # the own gap of ten days
    assert (
        says(words, "customer_value.actions.last.alone", found.note[found.note.index(" ") + 1 :])
        or "40.0%" in found.note
    )
    nobody = choose(judged(0, 5)[1], capacity=5)
    empty = overdue_findings.contact_list(nobody, words=words, pseudonyms=names.clear())
    assert says(words, "customer_value.actions.headline.nobody", empty.headline)


def test_segments_speak_of_one_time_buyers_only_when_they_are_many(words: Words) -> None:
    use = pl.DataFrame({"customer_id": ["a"], "most_receipts_day": [1], "most_receipt_minor": [1], "net_minor": [1]})
    apart = card_model.sort_cards(use)
    rules = {"once": pl.col("purchase_days") == 1, "rest": pl.lit(value=True)}
    for once, kind in ((8, "once"), (1, "top")):
        table = pl.DataFrame(
            {
                "customer_id": [str(i) for i in range(10)],
                "net_minor": [10] * 10,
                "purchase_days": [1] * once + [5] * (10 - once),
            }
        )
        found = group_findings.segments(by_rule(table, rules), apart, words=words)
        assert says(words, f"customer_value.segments.headline.{kind}", found.headline)


@pytest.mark.parametrize(
    ("shares", "kind", "status"),
    [
        ([0.5] * 3 + [0.5] * 3, "stable", "ok"),
        ([0.5] * 3 + [0.6] * 3, "grew", "ok"),
        ([0.5] * 3 + [0.47] * 3, "fell", "warn"),
        ([0.5] * 3 + [0.3] * 3, "fell", "fail"),
        ([0.5] * 2, "short", "none"),
    ],
)
def test_loyalty_calls_two_points_a_change(shares: list[float], kind: str, status: str, words: Words) -> None:
    repeat = pl.DataFrame({"newcomers": [10], "came_back": [4]})
    found = group_findings.loyalty(months(shares), repeat, words=words)
    assert says(words, f"customer_value.loyalty.headline.{kind}", found.headline)
    assert found.status == status


def test_equal_members_make_no_quadrants_and_no_concentration(words: Words) -> None:
    equal = pl.DataFrame({"customer_id": list("abcd"), "net_minor": [5] * 4, "margin_minor": [2] * 4})
    assert says(
        words,
        "customer_value.matrix.headline.flat",
        matrix_findings.value_matrix(matrix(equal, margin="rate"), words=words).headline,
    )
    even = equal.with_columns(net_minor=pl.Series([5, 10, 15, 20]), margin_minor=pl.Series([2] * 4))
    found = matrix_findings.value_matrix(matrix(even, margin="amount"), words=words)
    assert says(words, "customer_value.matrix.headline.even", found.headline)
    assert found.status == "none"
    alone = pyramid(pl.DataFrame({"customer_id": ["a"], "net_minor": [5]}))
    day = date(2026, 1, 1)
    found = tier_findings.concentration(alone, words=words, start=day, end=day)
    assert says(words, "customer_value.concentration.headline.spread", found.headline)


def test_loyalty_says_who_stayed_and_who_buys_widely_only_where_that_is_known(words: Words) -> None:
    repeat = pl.DataFrame({"newcomers": [10], "came_back": [4]})
    first = date(2024, 1, 1)
    cohorts = pl.DataFrame(
        {
            "cohort": [first] * 2 + [date(2024, 8, 1)] * 2,
            "newcomers": [90, 90, 40, 40],
            "after": [3, 6, 3, 6],
            "customers": [90, 90, 10, 4],
            "share": [1.0, 1.0, 0.25, 0.1],
        }
    )
    width = pl.DataFrame({"categories": [1, 3], "share_customers": [0.7, 0.3], "net_minor": [400, 600]})
    plain = group_findings.loyalty(months([0.5] * 6), repeat, words=words)
    told = group_findings.loyalty(months([0.5] * 6), repeat, words=words, cohorts=cohorts, width=width)
    said = told.note_seen.removeprefix(plain.note_seen)
    assert "25" in said  # of those of August; those of the data's first months were there before
    assert "10" in said
    assert "30" in said
    assert "60" in said
    assert "100" not in said
    assert told.table.filter(pl.col("month") == date(2024, 8, 1))["kept_3"].to_list() == [0.25]
    assert (
        group_findings.loyalty(months([0.5] * 6), repeat, words=words, cohorts=cohorts.clear()).note_seen
        == plain.note_seen
    )


def test_the_answer_without_a_period_before_or_without_sales_says_so(words: Words) -> None:
    now = tiers([900, 50, 40])
    first = tier_findings.answer(now, migrate(None, now), words=words, full=False)
    assert says(words, "customer_value.answer.first", first.sentence)
    assert first.figures[0].tone == "neutral"
    back = tiers([-900, -50, -40])
    none = tier_findings.answer(back, migrate(back, back), words=words)
    assert says(words, "customer_value.answer.none", none.sentence)


def test_that_nobody_is_late_is_not_said_as_everybody_came(words: Words) -> None:
    before, now = tiers([900, 50, 40, 30]), tiers([0, 50, 40, 30])
    calm = pl.DataFrame(schema={"customer_id": pl.String, "tier": pl.String, "at_risk_minor": pl.Int64})
    found = tier_findings.answer(now, migrate(before, now), words=words, late=calm)
    assert says(words, "customer_value.answer.rhythm", found.sentence)
