import re
from datetime import date

import numpy as np
import polars as pl
import pytest

from crmlib.churn.judge.calibration import Recalibration, calibration, reliability_bins
from crmlib.churn.winback.winback_cells import SCHEMA, Cells
from crmlib.kit.words import LANGUAGES, Words
from crmlib.pages.churn_review import findings as churn_review
from crmlib.pages.early_warning import findings as early_warning
from crmlib.pages.shared.churn_wording import why

ZH, EN = Words("zh"), Words("en")
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
            "action": ["call"] * n,
            "due_on": [DAY] * n,
        },
        schema_overrides={"reason_1": pl.String},
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answer_counts_those_on_the_list_and_turns_when_there_are_none(language):
    words = Words(language)
    rest = {"words": words, "tiers": ("A", "B"), "rhythm": "weekly", "basis": "margin", "horizon": 91}
    some = early_warning.answer(night(), night(), **rest)
    assert "3" in some.sentence
    still = early_warning.answer(night().head(0), night(), **rest)
    assert "2" in still.sentence
    none = early_warning.answer(night().head(0), night(states=("due", "due", "due")), **rest)
    assert len({some.sentence, still.sentence, none.sentence}) == 3
    assert all(len(a.figures) == 4 for a in (some, still, none))


def test_most_is_said_only_when_the_lower_bound_is_above_half():
    ten = pl.concat([night(reasons=("store",) * 3)] * 4)
    assert "多数" in early_warning.entries(ten, words=ZH, rhythm="weekly", basis="margin").headline
    mixed = pl.concat([night(reasons=("store", "store", "promotion"))] * 2)  # 4 of 6: the bound is below half
    assert "分散" in early_warning.entries(mixed, words=ZH, rhythm="weekly", basis="margin").headline
    unclear = night(reasons=(None, None, None))
    assert "没有突出" in early_warning.entries(unclear, words=ZH, rhythm="weekly", basis="margin").headline
    own = early_warning.entries(ten, words=ZH, rhythm="weekly", basis="margin")
    borrowed = early_warning.entries(ten, words=ZH, rhythm="weekly", basis="margin", ranked_by="boosted")
    assert "逻辑回归" in borrowed.note_sure
    assert "逻辑回归" not in own.note_sure


def test_who_holds_the_value_at_risk_decides_what_to_do():
    upper = early_warning.value_at_risk(night(), words=ZH, horizon=91, basis="margin")
    assert "B类" in upper.headline
    assert "先保" in upper.note_do
    many = pl.concat([night(), *[night().with_columns(tier=pl.lit("D"))] * 5])
    assert "短信" in early_warning.value_at_risk(many, words=ZH, horizon=91, basis="margin").note_do


def test_more_entries_than_owners_can_call_is_a_warning():
    fits = early_warning.capacity(night(), night(), words=EN, each=10, basis="margin")
    over = early_warning.capacity(night(), night().head(1), words=EN, each=1, basis="margin")
    assert (fits.status, over.status) == ("ok", "warn")
    assert fits.headline != over.headline


def test_sales_at_risk_are_not_called_margin():
    made = early_warning.value_at_risk(night(), words=EN, horizon=91, basis="sales")
    assert "margin" not in made.headline + made.note_seen
    assert "Sales at risk" in made.view.as_raw_html()


def test_the_last_list_says_what_came_and_never_claims_an_effect():
    result = night().with_columns(state_now=pl.Series(["came", "not_yet", "not_yet"]), came_on=pl.lit(DAY))
    made = early_warning.last_list(result, words=ZH, listed_on=DAY, rebuilt=False, basis="margin")
    assert "1 人" in made.headline
    assert "没有对照组" in made.note_sure
    assert "效果" not in made.headline + made.note_seen + made.note_do


def test_a_reason_needs_a_fact_of_the_customer():
    row = night().row(0, named=True)
    assert why(ZH, row) == "平时约 17 天一次，已 41 天未到店；常去的店已 30 天没有营业"
    assert why(ZH, row | {"store_idle": 3}) == "平时约 17 天一次，已 41 天未到店"
    assert why(EN, row | {"reason_1": "trend"}).endswith("1 visits in the last 90 days, 5 in the 90 before")
    assert why(ZH, row | {"trips": 1, "reason_1": None}) == "只来过一次，已 41 天未到店"


def test_the_action_list_shows_pseudonyms_reasons_and_whether_it_was_capped():
    rest = {"words": ZH, "pseudonyms": pl.Series(["P1", "P2", "P3"]), "as_of": DAY, "basis": "margin", "horizon": 91}
    everybody = early_warning.watch_list(night(), found=3, **rest)
    assert everybody.table["customer"].to_list() == ["P1", "P2", "P3"]
    assert not any("c0" in str(v) for v in everybody.table.row(0))
    assert "截取" in early_warning.watch_list(night(), found=9, **rest).headline
    goods = pl.DataFrame({"customer_id": ["c0"], "last_goods": [["饼干", "糖果"]]})
    assert early_warning.watch_list(night(), found=3, goods=goods, **rest).table["last_goods"].to_list() == [
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
    }
    made = early_warning.watch_list(night(), **rest)
    assert made.table["listed_on"].unique().to_list() == [DAY]
    assert all(words("churn.cause.price") in allowed for allowed in made.ask["loss_reason"])
    guessed = early_warning.watch_list(night().with_columns(estimated=pl.Series([True, False, True])), **rest)
    assert "2" in guessed.note.replace(made.note, "")
    assert guessed.note.startswith(made.note)


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
def test_losses_without_a_reason_are_put_to_their_owner_with_the_codes_of_the_stage(words):
    asked = pl.DataFrame(
        {
            "customer_id": ["a", "b"], "stage": ["regular", "lead"], "last_n": [100, None], "lost_n": [370, 380],
            "owner": ["Li", None], "codes": [["price", "other"], ["not_interested"]],
        }
    )  # fmt: skip
    rest = {"words": words, "pseudonyms": pl.Series(["P1", "P2"]), "as_of": DAY, "start": DAY}
    made = churn_review.reason_list(asked, found=2, **rest)
    assert made.ask["loss_reason"].to_list()[1] == [words("churn.cause.not_interested")]
    assert made.table["owner"].to_list() == ["Li", words("churn.no_owner")]
    heads = {churn_review.reason_list(asked, found=9, **rest).headline, made.headline}
    heads.add(
        churn_review.reason_list(
            asked.head(0), found=0, **(rest | {"pseudonyms": pl.Series([], dtype=pl.String)})
        ).headline
    )
    assert len(heads) == 3
    many = pl.concat([asked] * 30)
    long = churn_review.reason_list(many, found=60, **(rest | {"pseudonyms": pl.Series([f"P{i}" for i in range(60)])}))
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
    made = churn_review.owners(table, words=EN)
    assert made.headline == EN(f"churn.owners.headline.{kind}", owner="Li", lost="25")
    assert "60" in made.note_seen
    assert made.table["net"].to_list() == sorted([5 - lost[0], 5 - lost[1]])


def test_what_others_wrote_is_text_and_not_markup():
    nasty = night().with_columns(owner=pl.lit("<script>alert(1)</script>"))
    made = early_warning.watch_list(
        nasty, words=ZH, pseudonyms=pl.Series(["a", "b", "c"]), found=3, as_of=DAY, basis="margin", horizon=91
    )
    assert "<script>" not in made.view.as_raw_html()


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
    made = churn_review.flow(flow_table(lost), words=ZH, rhythm="monthly", horizon=91, active_days=270)
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
    closed = churn_review.stores(table, words=ZH, names=None, closed=pl.Series(["s"]))
    assert "停业" in closed.headline
    opened = churn_review.stores(table, words=ZH, names=None, closed=pl.Series([], dtype=pl.String))
    assert "s" in opened.headline
    assert "停业的门店" not in opened.headline


def funnel(lost):
    stages = ["lead", "first_follow_up", "first_purchase", "second_purchase", "regular", "tier_ab"]
    return pl.DataFrame(
        {"stage": stages, "reached": [100, 90, 80, 40, 20, 5], "lost": lost, "still": [1] * 6}
    ).with_columns(share=pl.col("lost") / pl.col("reached"))


def test_the_stage_sentence_flips_between_early_and_late():
    early = churn_review.stages(funnel([5, 5, 30, 5, 10, 0]), words=ZH, active_days=270).headline
    late = churn_review.stages(funnel([1, 1, 2, 2, 15, 3]), words=ZH, active_days=270).headline
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
    made = churn_review.causes(ranked, words=ZH)
    assert "价格" in made.headline
    assert made.status == "warn"
    nobody = churn_review.causes(ranked.filter(pl.col("source") != "recorded"), words=ZH)
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
    made = churn_review.causes(ranked, words=EN)
    assert made.headline == EN(
        "churn.causes.headline.known", cause=EN("churn.cause.store_closed"), count="65", share="61.9%"
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
    assert churn_review.fill(rates, words=ZH).status == status


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
    made = churn_review.winback(lists(*numbers), words=ZH, days=56)
    assert word in made.headline
    assert made.status == status


@pytest.mark.parametrize("held", [0, 10])
@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_holdout_the_word_effect_is_not_used(language, held):
    made = churn_review.winback(lists(None, None, None, held=held), words=Words(language), days=56)
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
    made = churn_review.winback(lists(0.06, -0.02, 0.1), words=ZH, days=56, cells=given)
    assert word in made.headline
    assert do in made.note_do
    assert made.status == status
    assert made.table.height == (1 if given is None else 5)


@pytest.mark.parametrize("language", LANGUAGES)
def test_lists_too_small_to_split_say_how_many_more_people_they_need(language):
    few = Cells(pl.DataFrame(schema=SCHEMA), people=973, missing=703)
    made = churn_review.winback(lists(0.06, 0.01, 0.1), words=Words(language), days=56, cells=few)
    plain = churn_review.winback(lists(0.06, 0.01, 0.1), words=Words(language), days=56)
    assert made.headline == plain.headline
    assert "703" in made.note_sure
    assert made.table.height == 1
    html = churn_review.winback(
        lists(0.06, 0.01, 0.1), words=Words(language), days=56, cells=cells((0.2, 0.1, 0.3), FLAT)
    ).view.as_raw_html()
    assert Words(language)("churn.winback.row.do_not_disturb") in html
    assert "do_not_disturb" not in html
    assert Words(language).column("net_profit_minor") in html
    assert Words(language).column("net_minor") not in html  # sales, which this is not


def league(mine, rule):
    rows = [("active", "logit", mine), ("active", "recency", rule)]
    return pl.DataFrame(
        [
            {
                "population": p, "contestant": c, "origins": 3, "customers": 900, "churn": 0.3, "auc": a,
                "auc_low": a - 0.02, "auc_high": a + 0.02, "auc_worst": a - 0.03, "auc_sd": 0.01, "gain": 0.0,
                "gain_low": 0.0, "gain_high": 0.0, "average_precision": 0.5, "lift": 2.0, "lift_max": 3.0,
                "brier": 0.2, "ece": 0.02, "ece_null": 0.01,
            }
            for p, c, a in rows
        ]
    )  # fmt: skip


@pytest.mark.parametrize(("mine", "rule", "status"), [(0.8, 0.7, "ok"), (0.70, 0.70, "warn"), (0.6, 0.7, "fail")])
def test_a_risk_that_ranks_no_better_than_the_rule_says_so(mine, rule, status):
    made = churn_review.league_check(league(mine, rule), words=EN)
    assert made.status == status
    assert made.role == "check"


@pytest.mark.parametrize("words", [ZH, EN], ids=LANGUAGES)
def test_a_challenger_that_took_over_the_list_is_named_with_its_gain(words):
    board = league(0.8, 0.7)
    won = board.head(1).with_columns(contestant=pl.lit("p_zero"), gain=pl.lit(0.021), gain_low=pl.lit(0.004))
    table = pl.concat([board, won, won.with_columns(population=pl.lit("all"))])
    made = churn_review.league_check(table, words=words, model="p_zero")
    assert words("churn.score.p_zero") in made.note_do
    assert {"0.021", "0.004"} <= set(re.findall(r"\d\.\d+", made.note_do))
    assert words("churn.score.p_zero") not in churn_review.league_check(board, words=words).note_do


def test_calibration_flips_from_good_to_bad_with_the_probabilities():
    rng = np.random.default_rng(1)
    p = rng.beta(2, 3, 4000)
    y = (rng.random(4000) < p).astype(float)

    def check(said):
        result = calibration(y, said, rng=np.random.default_rng(1))
        return churn_review.calibration_check(
            result, reliability_bins(y, said), words=ZH, day="2024-01-01", moved=Recalibration("none")
        )

    assert check(p).status == "ok"
    assert (check(np.clip(p + 0.2, 0, 0.99)).status, check(np.clip(p + 0.2, 0, 0.99)).headline[:8]) == (
        "fail",
        "不来概率明显偏高",
    )
    odds = np.log(p / (1 - p))
    for slope, said in ((1.15, "说得过头"), (0.85, "拉得不开")):  # right in total, and amber all the same
        found = check(1 / (1 + np.exp(-(slope * (odds - odds.mean()) + odds.mean()))))
        assert found.status == "warn"
        assert said in found.headline


def test_drift_of_the_score_is_an_alarm_and_of_a_feature_a_note():
    table = pl.DataFrame(
        {"name": ["risk", "trips"], "psi": [0.4, 0.2], "kind": ["score", "feature"], "verdict": ["alarm", "note"]}
    )
    assert churn_review.drift_check(table, words=ZH, now="b", then="a").status == "fail"
    assert churn_review.drift_check(table.tail(1), words=ZH, now="b", then="a").status == "warn"
    quiet = table.tail(1).with_columns(verdict=pl.lit("quiet"))
    assert churn_review.drift_check(quiet, words=ZH, now="b", then="a").status == "ok"
