"""The contact list says what its lines say: flip the data, and sentence, figure and colour flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.customers.loyalty.contact_list import Result
from crmlib.kit.words import Words
from crmlib.pages.contact_list.findings import cards, lines
from tests.pages.wording import says

DAY = date(2026, 11, 2)


def people(*rows: tuple[str, str, str, int]) -> pl.DataFrame:
    """Owner, means, group and stake [minor units] of each."""
    n = len(rows)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "owner": pl.Series([r[0] or None for r in rows], dtype=pl.String),
            "means": pl.Series([r[1] for r in rows], dtype=pl.String),
            "group": pl.Series([r[2] for r in rows], dtype=pl.String),
            "stake_minor": pl.Series([r[3] for r in rows], dtype=pl.Int64),
            "reason": ["late", "open", "open", "new"][:n] if n <= 4 else ["open"] * n,
            "lists": [1 + (i == 0) for i in range(n)],
            "past_tier": ["A"] * n,
            "due_on": [DAY] * n,
            "gap": [9.0] * n,
            "days": [41.0] * n,
            "p_alive": [0.4] * n,
            "action": pl.Series(["ask"] + [None] * (n - 1) if n else [], dtype=pl.String),
        },
        schema_overrides={"reason": pl.String, "past_tier": pl.String, "gap": pl.Float64, "days": pl.Float64},
    )


FOUR = people(
    ("Li", "call", "contact", 9_000), ("Li", "store", "contact", 1_000), ("", "sms", "control", 500),
    ("Wang", "sms", "over", 300),
)  # fmt: skip


def test_the_answer_counts_whom_to_contact_and_those_left_alone_beside_them(words: Words) -> None:
    some = cards.answer(FOUR, words=words, stake="value", beside="!")
    assert says(words, "contact_list.answer.some", some.sentence)
    assert words.format.money(10_000) in some.sentence and some.sentence.endswith("!")
    assert [f.amount for f in some.figures] == [2.0, 10_000.0, 1.0, 1.0]
    assert some.figures[2].tone == "bad"
    calls = cards.answer(FOUR.with_columns(means=pl.lit("call")), words=words, stake="risk")
    assert calls.figures[2].tone == "good"
    assert words("contact_list.stake.risk") in calls.sentence
    nobody = cards.answer(FOUR.with_columns(group=pl.lit("wait")), words=words, stake="value", beside="!")
    assert nobody.sentence == words("contact_list.answer.none")  # no money is named, so nothing is said beside it


def test_more_than_an_owner_can_do_is_amber_and_names_the_money(words: Words) -> None:
    over = cards.owners(FOUR, words=words, each=2)
    assert says(words, "contact_list.owners.headline.over", over.headline)
    assert (over.status, over.value_minor) == ("warn", 300)
    assert words.format.money(300) in over.headline
    fits = cards.owners(FOUR.filter(pl.col("group") != "over"), words=words, each=2)
    assert says(words, "contact_list.owners.headline.fits", fits.headline) and fits.status == "ok"
    none = cards.owners(FOUR.clear(), words=words, each=2)
    assert (none.status, none.chart) == ("none", None)


@pytest.mark.parametrize(
    ("means", "kind", "status"),
    [(("call", "store"), "some", "warn"), (("store", "sms"), "most", "fail"), (("call", "sms"), "all", "ok")],
)
def test_who_consented_to_nothing_is_said_by_what_hangs_on_it(
    words: Words, means: tuple[str, str], kind: str, status: str
) -> None:
    two = people(("Li", means[0], "contact", 9_000), ("Li", means[1], "contact", 1_000))
    found = cards.by_means(two, words=words)
    assert says(words, f"contact_list.means.headline.{kind}", found.headline)
    assert found.status == status
    assert set(found.table["means"]) == set(means)


def test_one_reason_holds_most_only_with_more_than_half_of_the_money(words: Words) -> None:
    most = cards.reasons(FOUR, words=words, beside="!", stake="value")
    assert says(words, "contact_list.reasons.headline.most", most.headline)
    assert words("contact_list.reason.late") in most.headline and most.note_sure.endswith("!")
    even = cards.reasons(FOUR.with_columns(stake_minor=1_000), words=words, beside="", stake="risk")
    assert says(words, "contact_list.reasons.headline.mixed", even.headline)


def result(came: tuple[int, int], control: tuple[int, int], low: float, high: float) -> Result:
    """Those who came of those listed, and of those left alone; the interval of the list's share."""
    (back, listed), (alone, left) = came, control
    return Result(listed, back, left, alone, back / listed, alone / left, low, high)


@pytest.mark.parametrize(
    ("last", "kind", "status"),
    [
        (result((30, 50), (2, 10), 0.46, 0.72), "few", "none"),
        (result((120, 200), (8, 40), 0.53, 0.67), "helps", "ok"),
        (result((20, 200), (16, 40), 0.07, 0.15), "harms", "fail"),
        (result((60, 200), (12, 40), 0.24, 0.37), "unclear", "none"),
        (None, "none", "none"),
    ],
)
def test_an_effect_is_told_only_beside_enough_who_were_left_alone(
    words: Words, last: Result | None, kind: str, status: str
) -> None:
    found = cards.last_list(last, words=words)
    assert says(words, f"contact_list.last.headline.{kind}", found.headline)
    assert found.status == status
    assert (found.chart is None) == (last is None)


def test_a_line_names_means_owner_and_due_day_and_never_an_id(words: Words) -> None:
    listed = FOUR.filter(pl.col("group") == "contact")
    made = lines.contacts(listed, FOUR, words=words, pseudonyms=pl.Series(["P1", "P2"]), stake="value", beside="!")
    assert made.table["customer_id"].to_list() == ["P1", "P2"]
    assert made.table["means"].to_list() == [words("churn.means.call"), words("churn.means.store")]
    assert made.table["suggestion"].to_list() == [words("churn.action.ask"), words("churn.action.taste")]
    assert "41" in made.table["reason"][0] and "9" in made.table["reason"][0]
    assert words("contact_list.lines.control", count="1") in made.note
    assert words("contact_list.lines.over", count="1") in made.note
    assert words("contact_list.lines.wait", count="1") not in made.note  # nobody waits
    once = lines.contacts(
        listed.with_columns(gap=pl.lit(None, dtype=pl.Float64)), FOUR, words=words, pseudonyms=pl.Series(["P1", "P2"]),
        stake="value", beside="",
    )  # fmt: skip
    assert once.table["reason"][0] == words("contact_list.why.once", days="41")
    none = lines.contacts(listed.clear(), FOUR, words=words, pseudonyms=pl.Series([]), stake="value", beside="!")
    assert none.view is None and not none.note.endswith("!")
