"""The early-warning page: headlines follow the data, reasons need a fact, ids never show."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.churn.last_test import Reserve
from crmlib.kit.words import LANGUAGES, Words
from crmlib.pages.early_warning.findings import lists, warning
from crmlib.pages.early_warning.findings.reasons import why
from crmlib.pages.shared.churn_wording import reserve
from tests.pages.wording import says

ZH, EN = Words("zh"), Words("en")
GOOD = ("", "good")
DAY = date(2024, 3, 1)


def night(states=("overdue", "on_rhythm", "silent"), reasons=("store", None, "promotion")):
    n = len(states)
    return pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(n)],
            "tier": ["A", "B", "B", "D"][:n],
            "state": list(states),
            "state_before": ["due"] * n,
            "risk": [0.5] * n,
            "stake_minor": [100_000] * n,
            "at_risk_minor": [50_000] * n,
            "reason_1": list(reasons),
            "reason_2": pl.Series([None] * n, dtype=pl.String),
            "reason_3": pl.Series([None] * n, dtype=pl.String),
            "recency": [41] * n,
            "usual_gap": [17.0] * n,
            "trips": [9] * n,
            "trips_90": [1] * n,
            "trips_prior_90": [5] * n,
            "promotion_share": [0.8] * n,
            "store_idle": [30] * n,
            "complaints_open": [0] * n,
            "owner": ["Li"] * n,
            "action": ["ask"] * n,
            "means": ["call"] * n,
            "due_on": [DAY] * n,
        },
        schema_overrides={"reason_1": pl.String},
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_counts_those_on_the_list_and_turns_when_there_are_none(language):
    words = Words(language)
    rest = {
        "words": words, "tiers": ("A", "B"), "rhythm": "weekly", "basis": "margin", "horizon": 91, "reserve": GOOD,
    }  # fmt: skip
    some = warning.answer(night(), night().head(2), night(), **rest)
    assert "3" in some.sentence
    still = warning.answer(night().head(0), night().head(2), night(), **rest)
    assert "2" in still.sentence
    none = warning.answer(night().head(0), night().head(0), night(states=("due", "due", "due")), **rest)
    assert len({some.sentence, still.sentence, none.sentence}) == 3
    assert all(len(a.figures) == 4 for a in (some, still, none))
    assert [a.figures[2].tone for a in (some, none)] == ["bad", "good"]
    assert some.figures[2].amount == 2.0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("new", "late"), [(1, 3), (0, 3), (0, 0)])
def test_the_first_sentence_says_all_that_is_at_risk_and_no_group_of_the_page_is_larger(language, new, late):
    words = Words(language)
    table = pl.concat([night().with_columns(tier=pl.lit(tier)) for tier in "ABCD"])
    rest = {"words": words, "basis": "margin", "horizon": 91, "reserve": GOOD}
    found, overdue = table.head(new), table.head(late)
    said = warning.answer(found, overdue, table, tiers=("A",), rhythm="weekly", **rest)
    whole = warning.value_at_risk(table, **rest)
    groups = [int(f["at_risk_minor"].sum()) for f in (found, overdue)] + whole.table["at_risk_minor"].to_list()
    assert said.value_minor == whole.value_minor == 12 * 50_000 > max(groups)
    assert words.format.money(said.value_minor) in said.sentence.split("；")[0].split(": ")[0]
    money = [f.amount for f in said.figures if f.money]
    assert max(m or 0 for m in money) == said.value_minor, "the figure beside it says the same"
    told = {words.format.money(int(f["at_risk_minor"].sum())) for f in (found, overdue) if f.height}
    assert all(one in said.sentence for one in told), "what is new, and what stands late already"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("written", "seen", "status", "kind"),
    [
        (100_00, 50_00, "warn", "high"), (100_00, 150_00, "warn", "low"), (100_00, 95_00, "warn", "slight"),
        (100_00, 95_00, "ok", "good"), (100_00, 50_00, "ok", "high"),
    ],
)  # fmt: skip
def test_money_that_rests_on_risks_is_never_said_without_what_their_check_says(language, written, seen, status, kind):
    words = Words(language)
    made = reserve(Reserve(written, seen), status, words=words)
    assert made[1] == kind
    rest = {"words": words, "tiers": ("A", "B"), "rhythm": "weekly", "basis": "margin", "horizon": 91}
    sentence = warning.answer(night(), night(), night(), reserve=made, **rest).sentence
    assert (words.format.money(seen) in sentence) == (kind != "good")
    nobody = warning.answer(night().head(0), night(), night(), reserve=made, **rest).sentence
    assert (made[0] in nobody) == (kind != "good"), "all that is at risk is named there too"
    assert made[0] in warning.value_at_risk(night(), words=words, horizon=91, basis="margin", reserve=made).note_sure
    assert reserve(None, "none", words=words)[1] == "untested"


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
@pytest.mark.parametrize(
    "gone", [[0.1, 0.484, 0.507, 0.6], [0.2, 0.6, 0.45, 0.9], [0.1, 0.2, 0.3, 0.4], [0.6, 0.7, 0.8, 0.9]]
)
def test_the_week_that_is_named_is_the_one_of_the_table_and_of_the_advice(words, gone):
    table = pl.DataFrame({"week": [0, 1, 2, 3], "at_risk": [9] * 4, "gone": gone})
    made = warning.silence(table, words=words, horizon_weeks=13)
    late = [w for w in range(4) if all(g > 0.5 for g in gone[w:])]
    kind = "never" if not late else "week" if late[0] else "none"
    assert says(words, f"early_warning.silence.headline.{kind}", made.headline)
    if kind == "week":
        assert words.format.share(gone[late[0]]) in made.headline
        assert str(7 * late[0]) in made.note_do
        marked = [row for row in made.chart.to_dict()["datasets"].values() if len(row) == 4]
        assert [row["week"] for row in marked[0] if row["label"]] == [late[0]]


def test_one_who_has_not_come_is_one_in_english_too():
    result = night().with_columns(state_now=pl.Series(["came", "came", "not_yet"]), came_on=pl.lit(DAY))
    made = warning.last_list(result, words=EN, listed_on=DAY, rebuilt=False, basis="margin")
    assert "2 have come by now, 1 has not" in made.note_seen


def test_most_is_said_only_when_the_lower_bound_is_above_half():
    ten = pl.concat([night(reasons=("store",) * 3)] * 4)
    assert "多数" in warning.entries(ten, words=ZH, rhythm="weekly", basis="margin").headline
    mixed = pl.concat([night(reasons=("store", "store", "promotion"))] * 2)  # 4 of 6: the bound is below half
    assert "分散" in warning.entries(mixed, words=ZH, rhythm="weekly", basis="margin").headline
    unclear = night(reasons=(None, None, None))
    assert "没有突出" in warning.entries(unclear, words=ZH, rhythm="weekly", basis="margin").headline
    own = warning.entries(ten, words=ZH, rhythm="weekly", basis="margin")
    borrowed = warning.entries(ten, words=ZH, rhythm="weekly", basis="margin", ranked_by="boosted")
    assert "基本算法" in borrowed.note_sure
    assert "基本算法" not in own.note_sure


def test_who_holds_the_value_at_risk_decides_what_to_do():
    upper = warning.value_at_risk(night(), words=ZH, horizon=91, basis="margin", reserve=GOOD)
    assert "B 类" in upper.headline
    assert "先保" in upper.note_do
    many = pl.concat([night(), *[night().with_columns(tier=pl.lit("D"))] * 5])
    assert "短信" in warning.value_at_risk(many, words=ZH, horizon=91, basis="margin", reserve=GOOD).note_do


def test_more_entries_than_owners_can_call_is_a_warning():
    fits = warning.capacity(night(), night(), words=EN, each=10, basis="margin")
    over = warning.capacity(night(), night().head(1), words=EN, each=1, basis="margin")
    assert (fits.status, over.status) == ("ok", "warn")
    assert fits.headline != over.headline


def test_sales_at_risk_are_not_called_margin():
    made = warning.value_at_risk(night(), words=EN, horizon=91, basis="sales", reserve=GOOD)
    assert "margin" not in made.headline + made.note_seen
    assert "Sales at risk" in made.view.as_raw_html()


def test_the_last_list_says_what_came_and_never_claims_an_effect():
    result = night().with_columns(state_now=pl.Series(["came", "not_yet", "not_yet"]), came_on=pl.lit(DAY))
    made = warning.last_list(result, words=ZH, listed_on=DAY, rebuilt=False, basis="margin")
    assert "1 人" in made.headline
    assert "没有对照组" in made.note_sure
    assert "效果" not in made.headline + made.note_seen + made.note_do


def test_a_reason_needs_a_fact_of_the_customer():
    row = night().row(0, named=True)
    assert why(ZH, row) == "平时约 17 天一次，已 41 天未到店；常去的店已 30 天没有营业"
    assert why(ZH, row | {"store_idle": 3}) == "平时约 17 天一次，已 41 天未到店"
    assert why(EN, row | {"reason_1": "trend"}).endswith("1 visit in the last 90 days, 5 in the 90 before")
    assert why(ZH, row | {"trips": 1, "reason_1": None}) == "只来过一次，已 41 天未到店"


def test_the_action_list_shows_pseudonyms_reasons_and_whether_it_was_capped():
    rest = {
        "words": ZH, "pseudonyms": pl.Series(["P1", "P2", "P3"]), "as_of": DAY, "basis": "margin", "horizon": 91,
        "reserve": GOOD,
    }  # fmt: skip
    everybody = lists.watch_list(night(), found=3, **rest)
    assert everybody.table["customer"].to_list() == ["P1", "P2", "P3"]
    assert not any("c0" in str(v) for v in everybody.table.row(0))
    assert "截取" in lists.watch_list(night(), found=9, **rest).headline
    goods = pl.DataFrame({"customer_id": ["c0"], "last_goods": [["饼干", "糖果"]]})
    assert lists.watch_list(night(), found=3, goods=goods, **rest).table["last_goods"].to_list() == [
        "饼干、糖果",
        None,
        None,
    ]


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
def test_the_download_asks_for_the_reason_and_says_where_a_margin_is_estimated(words):
    rest = {
        "words": words,
        "pseudonyms": pl.Series(["P1", "P2", "P3"]),
        "as_of": DAY,
        "basis": "margin",
        "found": 3,
        "horizon": 91,
        "reserve": GOOD,
    }
    made = lists.watch_list(night(), **rest)
    assert made.table["listed_on"].unique().to_list() == [DAY]
    assert all(words("churn.cause.price") in allowed for allowed in made.ask["loss_reason"])
    guessed = lists.watch_list(night().with_columns(estimated=pl.Series([True, False, True])), **rest)
    assert "2" in guessed.note.replace(made.note, "")
    assert guessed.note.startswith(made.note)


def test_what_others_wrote_is_text_and_not_markup():
    nasty = night().with_columns(owner=pl.lit("<script>alert(1)</script>"))
    made = lists.watch_list(
        nasty,
        words=ZH,
        pseudonyms=pl.Series(["a", "b", "c"]),
        found=3,
        as_of=DAY,
        basis="margin",
        horizon=91,
        reserve=GOOD,
    )
    assert "<script>" not in made.view.as_raw_html()


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
def test_those_drawn_to_be_left_alone_are_named_where_the_others_are_counted(words):
    rest = {"words": words, "tiers": ("A", "B"), "rhythm": "weekly", "basis": "margin", "horizon": 91, "reserve": GOOD}
    told = words("early_warning.held", count="2")
    drawn = night().with_columns(held=pl.Series([True, False, True]))
    assert told in warning.answer(drawn, night(), night(), **rest).sentence
    assert told not in warning.answer(drawn.with_columns(held=pl.lit(value=False)), night(), night(), **rest).sentence
    shown = {"words": words, "pseudonyms": pl.Series(["P1"]), "as_of": DAY, "basis": "margin", "horizon": 91}
    made = lists.watch_list(night().head(1), found=1, held=2, reserve=GOOD, **shown)
    assert told in made.note
    assert told not in lists.watch_list(night().head(1), found=1, reserve=GOOD, **shown).note
