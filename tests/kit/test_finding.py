"""Findings take their words by convention."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.kit.finding import MOST_BEHIND, Answer, Finding, Status, led
from crmlib.kit.words import Words, sentences

TABLE = pl.DataFrame({"n": [1]})


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch) -> Words:
    known = {
        "room.part.title": "Part",
        "room.part.headline.up": "up by {n}",
        "room.part.headline.down": "down by {n}",
        "room.part.seen": "seen {n}",
        "room.part.sure": "sure",
        "room.part.do.up": "do more",
        "room.part.do.down": "do less",
        "room.own.title": "Own",
        "room.own.unavailable.data.seen": "only three members",
    }
    monkeypatch.setattr(sentences, "_table", lambda language, real=sentences._table: real(language) | known)
    return Words("en")


def test_headline_and_notes_follow_the_kind_where_there_are_alternatives(words: Words) -> None:
    up, down = (
        Finding.worded("room.part", kind, {"n": 3}, words=words, status="ok", table=TABLE) for kind in ("up", "down")
    )
    assert (up.headline, up.note_seen, up.note_sure, up.note_do) == ("up by 3", "seen 3", "sure", "do more")
    assert (down.headline, down.note_do, down.alt) == ("down by 3", "do less", "down by 3")
    assert up.key == "room.part"


def test_a_sentence_of_its_own_goes_before_the_convention(words: Words) -> None:
    found = Finding.worded(
        "room.part", "up", {"n": 3}, words=words, status="ok", table=TABLE, key="old.key", seen="", do="mine"
    )
    assert (found.key, found.note_seen, found.note_do) == ("old.key", "", "mine")


def test_a_missing_sentence_is_a_programming_error(words: Words) -> None:
    with pytest.raises(KeyError):
        Finding.worded("room.part", "sideways", {"n": 3}, words=words, status="ok", table=TABLE)


def test_what_cannot_be_made_says_which_section_why_and_what_to_connect(words: Words) -> None:
    found = Finding.unavailable("room.part", "table", words=words, key="a.b", tables=("products", "no_such_table"))
    assert (found.key, found.status, found.table.height, found.chart) == ("a.b", "none", 0, None)
    assert found.headline.startswith("Part")
    assert "products" in found.note_seen
    assert "no_such_table" in found.note_do


def test_a_section_may_say_its_own_reason(words: Words) -> None:
    assert Finding.unavailable("room.own", "data", words=words).note_seen == "only three members"
    assert Finding.unavailable("room.part", "data", words=words).note_seen != "only three members"


def test_the_rows_behind_a_finding_are_bounded_and_none_is_nothing() -> None:
    made = Finding("a.b", "ok", "x", pl.DataFrame({"amount_minor": [1]}), "", "", "")
    assert made.of_rows(pl.DataFrame()) is made
    rows = pl.DataFrame({"amount_minor": range(MOST_BEHIND + 5)})
    behind = made.of_rows(rows).behind
    assert behind is not None and behind["amount_minor"].to_list() == list(range(MOST_BEHIND))


def problem(key: str, headline: str, money: int | None, *, status: Status = "warn") -> Finding:
    return Finding(key, status, headline, TABLE, "", "", "", value_minor=money)


@pytest.mark.parametrize(
    ("answer", "lead"),
    [
        (Answer("Six people are late."), "Stock lies dead: ¥500 at stake. "),
        (Answer("Six people are late, ¥20 at risk."), "Stock lies dead: ¥500 at stake. "),
        (Answer("Dead stock is worth ¥500."), ""),
        (Answer("All lists together.", value_minor=60_000), ""),
        (Answer("All lists together.", value_minor=40_000), "Stock lies dead: ¥500 at stake. "),
    ],
)
def test_an_answer_is_led_by_the_problem_with_the_most_money_unless_it_speaks_of_as_much(
    answer: Answer, lead: str
) -> None:
    found = [
        problem("a", "Late", 2_000), problem("b", "Stock lies dead", -50_000),
        problem("c", "Fine", 90_000, status="ok"), problem("d", "Not judged", 80_000, status="none"),
        problem("e", "No money", None, status="fail"),
    ]  # fmt: skip
    assert led(answer, found, words=Words("en")).sentence == lead + answer.sentence
    assert led(answer, [found[2], found[4]], words=Words("en")) == answer


def test_a_lead_does_not_say_its_money_twice() -> None:
    told = led(Answer("销售持平。"), [problem("a", "8 户超出额度 65.4 万元", 65_400_000)], words=Words("zh"))
    assert told.sentence == "8 户超出额度 65.4 万元。销售持平。"
