"""The churn review: headlines follow the data, no effect is claimed without people left alone."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from crmlib.churn.winback.winback_cells import SCHEMA, Cells
from crmlib.kit.words import LANGUAGES, Words
from crmlib.pages.churn_review.findings import effects, losses, movement
from crmlib.pages.churn_review.findings import lists as lists_asked

ZH, EN = Words("zh"), Words("en")
DAY = date(2024, 3, 1)


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
def test_losses_without_a_reason_are_put_to_their_owner_with_the_codes_of_the_stage(words):
    asked = pl.DataFrame(
        {
            "customer_id": ["a", "b"], "stage": ["regular", "lead"], "last_n": [100, None], "lost_n": [370, 380],
            "owner": ["Li", None], "codes": [["price", "other"], ["not_interested"]],
        }
    )  # fmt: skip
    rest = {"words": words, "pseudonyms": pl.Series(["P1", "P2"]), "as_of": DAY, "start": DAY}
    made = lists_asked.reason_list(asked, found=2, **rest)
    assert made.ask["loss_reason"].to_list()[1] == [words("churn.cause.not_interested")]
    assert made.table["owner"].to_list() == ["Li", words("churn.no_owner")]
    heads = {lists_asked.reason_list(asked, found=9, **rest).headline, made.headline}
    heads.add(
        lists_asked.reason_list(
            asked.head(0), found=0, **(rest | {"pseudonyms": pl.Series([], dtype=pl.String)})
        ).headline
    )
    assert len(heads) == 3
    many = pl.concat([asked] * 30)
    long = lists_asked.reason_list(many, found=60, **(rest | {"pseudonyms": pl.Series([f"P{i}" for i in range(60)])}))
    assert (long.table.height, long.ask.height, len(long.view._tbl_data)) == (60, 60, 20)
    assert "20" in long.note


@pytest.mark.parametrize(("lost", "kind"), [((30, 1), "some"), ((1, 1), "none")])
def test_hand_overs_do_not_make_an_owner_lose_members(lost, kind):
    table = pl.DataFrame(
        {
            "starts_on": [date(2024, 2, 2)] * 2, "ends_on": [DAY] * 2, "owner": ["Li", "Wang"],
            "active_start": [100, 50], "new": [5, 5], "won_back": [0, 0], "lost": list(lost), "moved_in": [0, 60],
            "moved_out": [60, 0], "active_end": [45 - lost[0], 115 - lost[1]], "revised": [0, 0],
        }
    )  # fmt: skip
    made = movement.owners(table, words=EN)
    assert made.headline == EN(f"churn_review.owners.headline.{kind}", owner="Li", lost="25")
    assert "60" in made.note_seen
    assert made.table["net"].to_list() == sorted([5 - lost[0], 5 - lost[1]])


def flow_table(lost=(50, 50)):
    start, rows = 1000, []
    for k, gone in enumerate(lost):
        end = start + 30 + 10 - gone
        rows.append((date(2024, 1 + k, 1), date(2024, 1 + k, 28), start, 30, 10, gone, end, 2, k == 0))
        start = end
    names = ["starts_on", "ends_on", "active_start", "new", "won_back", "lost", "active_end", "revised", "closed"]
    return pl.DataFrame(rows, schema=names, orient="row")


@pytest.mark.parametrize(
    ("lost", "word", "status"),
    [((50, 10), "净增", "ok"), ((50, 42), "持平", "ok"), ((50, 60), "净减", "warn"), ((50, 200), "净减", "fail")],
)
def test_the_flow_sentence_follows_the_net_change(lost, word, status):
    made = movement.flow(flow_table(lost), words=ZH, rhythm="monthly", horizon=91, active_days=270)
    assert word in made.headline
    assert made.status == status
    assert "4.0%" in made.note_sure  # 2 of the 50 losses of the closed period came again


def test_a_closed_store_is_named_so_and_not_blamed():
    table = pl.DataFrame(
        {
            "starts_on": [DAY] * 2, "ends_on": [DAY] * 2, "store_id": ["s", "t"], "active_start": [50, 50],
            "new": [0, 5], "won_back": [0, 0], "lost": [40, 10], "moved_in": [0, 0], "moved_out": [0, 0],
            "active_end": [10, 45],
        }
    )  # fmt: skip
    closed = movement.stores(table, words=ZH, names=None, closed=pl.Series(["s"]))
    assert "停业" in closed.headline
    opened = movement.stores(table, words=ZH, names=None, closed=pl.Series([], dtype=pl.String))
    assert "s" in opened.headline
    assert "停业的门店" not in opened.headline


def funnel(lost):
    stages = ["lead", "first_follow_up", "first_purchase", "second_purchase", "regular", "tier_ab"]
    return pl.DataFrame(
        {"stage": stages, "reached": [100, 90, 80, 40, 20, 5], "lost": lost, "still": [1] * 6}
    ).with_columns(share=pl.col("lost") / pl.col("reached"))


def test_the_stage_sentence_flips_between_early_and_late():
    early = losses.stages(funnel([5, 5, 30, 5, 10, 0]), words=ZH, active_days=270).headline
    late = losses.stages(funnel([1, 1, 2, 2, 15, 3]), words=ZH, active_days=270).headline
    assert "首单" in early
    assert "老会员" in late


def test_unknown_causes_are_shown_and_never_lead():
    ranked = pl.DataFrame(
        {
            "cause": ["unknown", "price", "store"],
            "source": ["unknown", "recorded", "model"],
            "customers": [60, 30, 10],
            "share": [0.6, 0.3, 0.1],
            "value_minor": pl.Series([None] * 3, dtype=pl.Int64),
        }
    )
    made = losses.causes(ranked, words=ZH)
    assert "价格" in made.headline
    assert made.status == "warn"
    nobody = losses.causes(ranked.filter(pl.col("source") != "recorded"), words=ZH)
    assert "没有人登记" in nobody.headline


def test_the_first_bar_of_the_causes_is_the_cause_of_the_headline():
    rows = [
        ("unknown", "unknown", 90),
        ("taste", "recorded", 40),
        ("store_closed", "closure", 35),
        ("store_closed", "recorded", 30),
    ]
    ranked = pl.DataFrame(rows, schema=["cause", "source", "customers"], orient="row").with_columns(
        share=pl.col("customers") / 195, value_minor=pl.lit(None, dtype=pl.Int64)
    )
    made = losses.causes(ranked, words=EN)
    assert made.headline == EN(
        "churn_review.causes.headline.known", cause=EN("churn.cause.store_closed"), count="65", share="61.9%"
    )
    drawn = next(iter(made.chart.to_dict()["datasets"].values()))
    assert [(d["name"], d["value"]) for d in drawn] == [
        (EN("churn.cause.store_closed"), 65), (EN("churn.cause.taste"), 40), (EN("churn.cause.unknown"), 90),
    ]  # fmt: skip
    assert made.table.height == 4


@pytest.mark.parametrize(("filled", "status"), [(90, "ok"), (50, "warn"), (10, "fail")])
def test_the_fill_rate_has_thresholds(filled, status):
    rates = pl.DataFrame(
        {"stage": ["regular", "all"], "lost": [100, 100], "filled": [filled] * 2, "share": [filled / 100] * 2}
    )
    assert losses.fill(rates, words=ZH).status == status


def test_losses_of_nobody_stand_before_those_of_the_owner_with_most():
    rates = pl.DataFrame(
        {"owner": ["Li", None, "all"], "lost": [30, 70, 100], "filled": [9, 20, 29], "share": [0.3, 0.29, 0.29]}
    )
    made = losses.fill(rates, words=ZH)
    assert "50 人没有负责人" in made.note_seen and "先定人" in made.note_do and "Li（21 人）" in made.note_seen
    owned = losses.fill(rates.with_columns(filled=pl.Series([9, 69, 78])), words=ZH)
    assert "没有负责人" not in owned.note_seen + owned.note_do


def lists(effect, low, high, held=45):
    return pl.DataFrame(
        {
            "list": ["W1"], "sent_on": [DAY], "closed": [True], "treated": [255], "held_out": [held],
            "came_treated": [60],
            "came_held_out": [8], "effect": [effect], "low": [low], "high": [high], "extra": [10.0],
            "cost_minor": [1000],
            "net_minor": [500], "net_low_minor": [-100], "net_high_minor": [900],
        },
        schema_overrides={"effect": pl.Float64, "low": pl.Float64, "high": pl.Float64},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "word", "status"),
    [
        ((0.06, 0.01, 0.1), "有用", "ok"),
        ((0.06, -0.02, 0.1), "看不清", "warn"),
        ((-0.06, -0.1, -0.01), "适得其反", "fail"),
    ],
)
def test_the_win_back_verdict_follows_the_interval(numbers, word, status):
    made = effects.winback(lists(*numbers), words=ZH, days=56)
    assert word in made.headline
    assert made.status == status


@pytest.mark.parametrize("held", [0, 10])
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_holdout_the_word_effect_is_not_used(language, held):
    made = effects.winback(lists(None, None, None, held=held), words=Words(language), days=56)
    said = " ".join((made.headline, made.note_seen, made.note_sure, made.note_do)).lower()
    for word in ("有用", "作用", "净差", "effect", "works:", "difference"):
        assert word not in said.replace("有没有用", "").replace("whether it works", "")
    assert made.chart is None


def cells(mine, away):
    """Four cells; `mine` and `away` are (effect, low, high) of those to be persuaded and those to be left alone."""
    rows = [("persuadable", *mine), ("sure_thing", 0.0, -0.05, 0.05), ("lost_cause", None, None, None)]
    made = [
        (c, 200, 40, 60, 8, *us, 4000, *(None if u is None else round(u * 200_000) - 4000 for u in us))
        for c, *us in [*rows, ("do_not_disturb", *away)]
    ]
    return Cells(pl.DataFrame(made, schema=SCHEMA, orient="row"), people=960, missing=0)


FLAT = (0.0, -0.1, 0.1)


@pytest.mark.parametrize(
    ("given", "word", "do", "status"),
    [
        (cells((0.2, 0.1, 0.3), FLAT), "挽回要挑人：说得动的 200 人净赚", "只联系说得动的", "ok"),
        (cells((0.2, 0.0, 0.4), FLAT), "看不清", "看得清", "warn"),
        (cells((0.2, 0.0, 0.4), (-0.2, -0.3, -0.1)), "越联系越不来：触达反而少回来 20.0%", "别打扰的", "fail"),
        (None, "看不清", "看得清", "warn"),
    ],
)
def test_the_win_back_headline_follows_the_four_cells(given, word, do, status):
    made = effects.winback(lists(0.06, -0.02, 0.1), words=ZH, days=56, cells=given)
    assert word in made.headline
    assert do in made.note_do
    assert made.status == status
    assert made.table.height == (1 if given is None else 5)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_too_small_to_split_say_how_many_more_people_they_need(language):
    few = Cells(pl.DataFrame(schema=SCHEMA), people=973, missing=703)
    made = effects.winback(lists(0.06, 0.01, 0.1), words=Words(language), days=56, cells=few)
    plain = effects.winback(lists(0.06, 0.01, 0.1), words=Words(language), days=56)
    assert made.headline == plain.headline
    assert "703" in made.note_sure
    assert made.table.height == 1
    html = effects.winback(
        lists(0.06, 0.01, 0.1), words=Words(language), days=56, cells=cells((0.2, 0.1, 0.3), FLAT)
    ).view.as_raw_html()
    assert Words(language)("churn_review.winback.row.do_not_disturb") in html
    assert "do_not_disturb" not in html
    assert Words(language).column("net_profit_minor") in html
    assert Words(language).column("net_minor") not in html  # sales, which this is not
