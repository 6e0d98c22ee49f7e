"""The list results say what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.outreach.programme import Programme
from crmlib.outreach.results import TABLE
from crmlib.pages.list_results.findings import brought, sound
from tests.pages.wording import says

AS_OF = date(2026, 10, 31)
SEASON = ("S2026", date(2026, 1, 1), AS_OF)


def one(
    verdict: str, *, net: int | None = 5_000, name: str = "A", closed: bool = True, **more: object
) -> dict[str, object]:
    told = net is not None
    row: dict[str, object] = dict.fromkeys(TABLE.names())
    row |= {
        "list_id": name, "version": 1, "name": name, "objective": "repeat", "channel": "sms", "owner": "li",
        "state": "closed", "starts_on": date(2026, 9, 1), "ends_on": date(2026, 9, 30), "closed": closed,
        "n_contact": 300, "n_control": 100, "came_contact": 90, "came_control": 20, "cost_minor": 900,
        "effect": 0.1 if told else None, "low": 0.02 if told else None, "high": 0.18 if told else None,
        "net_minor": net, "net_low_minor": None if net is None else net - 1_000,
        "net_high_minor": None if net is None else net + 1_000,
        "srm_p": 1.0, "overlap": 3, "touched_control": 0, "planned": 0.05, "verdict": verdict,
    }  # fmt: skip
    return row | more


def lists(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=TABLE)


def test_a_list_is_named_by_what_it_is_for_and_answers_stand_in_the_table(words: Words) -> None:
    asked = lists(one("pays", outcome="came"), one("pays", name="B", outcome="replied", low=0.5, high=0.6))
    found = brought.came(asked, words=words)
    assert found.note_seen.endswith(words("list_results.came.others", count="1"))
    assert found.table is not None
    assert found.table["list_outcome"].to_list() == ["came", "replied"]
    assert brought.came(asked.head(1), words=words).note_seen in found.note_seen
    fewer = one("harm", name="B", outcome="ordered", effect=-0.2, low=-0.3, high=-0.1)
    told = brought.came(lists(one("pays", outcome="came"), fewer), words=words)
    assert told.status == "fail"
    assert words("list_results.outcome.ordered") in told.headline
    assert words("list_results.outcome.came") not in told.headline
    reasons = brought.actions(lists(fewer), words=words, as_of=AS_OF).table["reason"].to_list()
    assert words("list_results.outcome.ordered") in reasons[0]


def test_to_whom_a_list_went_is_told_where_some_went_to_distributors(words: Words) -> None:
    both = lists(one("pays", recipient="member"), one("pays", name="B", recipient="partner"))
    table = brought.money(both, words=words, margin=0.3).table
    assert table is not None and table["list_recipient"].to_list() == ["member", "partner"]
    alone = brought.money(both.head(1), words=words, margin=0.3).table
    assert alone is not None and "list_recipient" not in alone.columns


def season(low: int, net: int, high: int) -> Programme:
    return Programme(4_000, 100, 12.0, 1.0, 20.0, net, low, high)


@pytest.mark.parametrize(
    ("kind", "table", "status"),
    [
        ("paid", lists(one("pays"), one("not_shown", name="B", net=10)), "ok"),
        ("lost", lists(one("pays"), one("costs", name="B", net=-700)), "warn"),
        ("harm", lists(one("pays"), one("harm", name="B", net=-700, effect=-0.1, low=-0.2, high=-0.01)), "fail"),
        ("unshown", lists(one("not_shown")), "warn"),
        ("none", lists(one("broken", net=None)), "none"),
    ],
)
def test_money_is_red_on_harm_amber_on_loss_and_says_so(
    words: Words, kind: str, table: pl.DataFrame, status: str
) -> None:
    found = brought.money(table, words=words, margin=0.3)
    assert (found.status, says(words, f"list_results.money.headline.{kind}", found.headline)) == (status, True)
    assert (found.chart is None) == (kind == "none")
    assert found.value_minor == (700 if kind in {"lost", "harm"} else None)


def test_the_answer_counts_paid_lost_and_unshown_and_warns_of_broken_and_harm(words: Words) -> None:
    rows = [
        one("pays"),
        one("costs", name="B", net=-9),
        one("not_shown", name="C"),
        one("open", name="D", closed=False),
    ]
    said = brought.answer(lists(*rows), None, words=words)
    assert says(words, "list_results.answer.paid", said.sentence)
    assert [f.amount for f in said.figures[:3]] == [5_000, -9, 3_600]
    assert words("list_results.figure.no_season") == said.figures[3].comparison
    worse = brought.answer(lists(*rows, one("broken", name="E", net=None)), season(-5, 1, 9), words=words)
    assert words("list_results.answer.broken", broken="1") in worse.sentence
    assert worse.figures[3].value == words("list_results.figure.shown.unshown")
    nothing = brought.answer(lists(rows[1]), season(2, 5, 9), words=words)
    assert says(words, "list_results.answer.nothing", nothing.sentence)
    assert nothing.figures[3].value != words("list_results.figure.shown.unshown")
    assert brought.answer(lists(rows[3]), None, words=words).sentence == words("list_results.answer.none")
    part = brought.answer(lists(*rows), None, words=words, whole=False)
    assert part.figures[2].comparison == words("list_results.figure.cost_part", lists="4") != said.figures[2].comparison


@pytest.mark.parametrize(
    ("kind", "row", "status"),
    [
        ("more", one("pays"), "ok"),
        ("fewer", one("harm", effect=-0.1, low=-0.2, high=-0.01), "fail"),
        ("unclear", one("not_shown", low=-0.02), "none"),
    ],
)
def test_more_or_fewer_came_only_where_the_interval_says_so(
    words: Words, kind: str, row: dict[str, object], status: str
) -> None:
    found = brought.came(lists(row), words=words)
    assert (found.status, says(words, f"list_results.came.headline.{kind}", found.headline)) == (status, True)
    if kind != "unclear":
        assert "10.0" in found.headline.replace("10 ", "10.0 "), "points without a sign: the words say the direction"


@pytest.mark.parametrize(("effect", "told"), [(0.1, "+10.0"), (-0.1, "-10.0")])
def test_a_difference_keeps_its_sign_beside_its_interval(words: Words, effect: float, told: str) -> None:
    row = one("harm" if effect < 0 else "pays", effect=effect, low=effect - 0.05, high=effect + 0.05)
    found = brought.came(lists(row), words=words)
    assert f"{told} " in found.note_seen
    assert "10.0" in found.headline and told not in found.headline, "the words of the headline say which way"


@pytest.mark.parametrize(
    ("kind", "found", "status"),
    [("paid", season(2, 5, 9), "ok"), ("lost", season(-9, -5, -2), "fail"), ("unshown", season(-2, 5, 9), "none")],
)
def test_a_season_pays_only_if_its_whole_interval_does(words: Words, kind: str, found: Programme, status: str) -> None:
    made = brought.programme(found, SEASON, words=words, cost=900)
    assert (made.status, says(words, f"list_results.programme.headline.{kind}", made.headline)) == (status, True)


@pytest.mark.parametrize("verdict", ["broken", "contacted", "edited"])
def test_a_broken_list_is_red_shows_no_effect_and_is_acted_on_first(words: Words, verdict: str) -> None:
    table = lists(one("pays"), one(verdict, name="B", net=None, touched_control=7))
    found = sound.checks(table, words=words)
    assert found.status == "fail"
    assert found.table["list_name"].to_list() == ["B"]
    todo = brought.actions(table, words=words, as_of=AS_OF)
    assert todo.table["list_name"].to_list() == ["B", "A"]
    assert todo.table["net_profit_minor"].to_list() == [None, 5_000]
    assert todo.table["due_on"].is_sorted()
    assert says(words, "list_results.actions.headline.urgent", todo.headline)
    assert sound.checks(lists(one("pays")), words=words).status == "ok"


def test_opt_outs_and_bounces_turn_the_card_amber(words: Words) -> None:
    def left(bounced: int, opted: int) -> str:
        rows = pl.DataFrame({
            "list_id": ["A"], "name": ["A"], "channel": ["sms"], "n_contact": [1_000], "cost_minor": [5],
            "sent": [1_000 - bounced], "bounced": [bounced], "held_up": [0], "opted_out": [opted],
        })  # fmt: skip
        return sound.left(rows, words=words).status

    assert [left(10, 2), left(200, 2), left(10, 50)] == ["ok", "warn", "warn"]


def test_of_an_open_list_only_harm_is_told(words: Words) -> None:
    none = pl.DataFrame(schema={"name": pl.String, "state": pl.String, "owner": pl.String})
    quiet = sound.under_way(lists(one("open", closed=False)), none, words=words, as_of=AS_OF)
    harm = sound.under_way(lists(one("harm", closed=False)), none, words=words, as_of=AS_OF)
    assert (quiet.status, harm.status) == ("none", "fail")
    assert says(words, "list_results.open.headline.harm", harm.headline)


def test_a_list_s_name_is_text(words: Words) -> None:
    evil = "<script>alert(1)</script>{x}=1+1"
    found = brought.money(lists(one("pays", name=evil)), words=words, margin=0.3)
    assert found.view is not None
    assert "<script>" not in found.view.as_raw_html()
    assert evil in found.table["list_name"].to_list()
