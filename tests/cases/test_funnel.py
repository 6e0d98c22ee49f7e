"""Deals: cohorts, delayed entry, forecasts from rolling origins, stages, and what a score is worth."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.special import gammainc

from crmlib.cases import forecast, funnel, sources, stages
from crmlib.cases.engine import stock_and_flow, watched
from crmlib.core.errors import ModelError
from crmlib.core.incidence import incidence
from crmlib.core.proportions import wilson

PRINTED = 1e-4
FEED, END = date(2017, 3, 1), date(2017, 12, 31)


@pytest.fixture(scope="module")
def deals(real_data):
    frame = pl.read_parquet(real_data / "crm_pipeline" / "sales_pipeline.parquet")
    outcome = pl.col("deal_stage").replace_strict({"Won": "won", "Lost": "lost"}, default=None)
    return frame.filter(pl.col("engage_date").is_not_null()).select(
        deal_id="opportunity_id", opened_on="engage_date", closed_on="close_date", outcome=outcome, owner="sales_agent",
        product="product", account="account",
    )  # fmt: skip


def world(n=4000, *, seed=1, feed_lag=0):
    """Half are won, slowly (gamma, mean 60 days), half lost, quickly (mean 14); ends before the feed are missing."""
    rng = np.random.default_rng(seed)
    wins, opened = rng.random(n) < 0.5, rng.integers(0, 365, n)
    days = np.ceil(np.where(wins, rng.gamma(4, 15, n), rng.exponential(14, n))).astype(int)
    begin = date(2025, 1, 1)
    rows = pl.DataFrame({"deal_id": [f"d{i:05d}" for i in range(n)], "o": opened, "d": days, "w": wins})
    frame = rows.with_columns(
        opened_on=pl.lit(begin) + pl.duration(days="o"),
        closed_on=pl.lit(begin) + pl.duration(days=pl.col("o") + pl.col("d")),
    ).filter(pl.col("closed_on") >= begin + timedelta(days=feed_lag))
    outcome = pl.when("w").then(pl.lit("won")).otherwise(pl.lit("lost"))
    return frame.select("deal_id", pl.col("opened_on", "closed_on").cast(pl.Date), outcome=outcome)


@pytest.mark.real_data
def test_snapshot_and_cohort_win_rates_of_the_pipeline(deals):
    rate = funnel.win_rate(deals, as_of=END, first=date(2016, 1, 1), last=END, feed_start=FEED)
    assert (rate.won, rate.won + rate.lost) == (4238, 6711)
    assert funnel.naive_rates(deals, as_of=END)["snapshot"] == pytest.approx(0.6315, abs=PRINTED)
    assert (rate.days, rate.share_won) == (138, pytest.approx(0.5290, abs=PRINTED))
    assert rate.share_open == pytest.approx(0.1556, abs=PRINTED)
    cohort = funnel.win_rate(deals, as_of=END, first=FEED, last=date(2017, 8, 15), feed_start=FEED)
    assert (cohort.won, cohort.lost, cohort.open, cohort.opened) == (2273, 1445, 1088, 4806)
    assert cohort.won / cohort.opened == pytest.approx(0.4730, abs=PRINTED)
    assert (cohort.low, cohort.high) == (pytest.approx(0.4589, abs=PRINTED), pytest.approx(0.4871, abs=PRINTED))
    assert (cohort.share_lost, cohort.share_open) == (pytest.approx(0.301, abs=1e-3), pytest.approx(0.226, abs=1e-3))


@pytest.mark.real_data
def test_a_falling_win_rate_is_missing_losses_and_is_not_printed(deals):
    """Naively October 1.00, then .81: the quick losses before the log of outcomes are in no table."""
    table = funnel.cohorts(deals, as_of=END, feed_start=FEED)
    first = table.row(0, named=True)
    assert first["won"] / (first["won"] + first["lost"]) == 1.0
    assert first["won_90"] is None
    assert first["won_longest"] is None
    assert table.select((pl.col("opened") == pl.col("won") + pl.col("lost") + pl.col("open")).all()).item()
    young = table.row(-1, named=True)
    assert (young["cohort"], young["won_60"]) == (date(2017, 12, 1), None)


@pytest.mark.real_data
def test_outcomes_that_begin_later_are_refused_without_their_first_day(deals):
    with pytest.raises(ModelError) as error:
        funnel.cohorts(deals, as_of=END)
    assert error.value.code == "cases.late_feed"
    assert error.value.values["days"] == 132


@pytest.mark.real_data
def test_open_deals_older_than_any_end_bring_nothing(deals):
    open_ = forecast.expected_wins(deals, as_of=END, ahead=None, feed_start=FEED)
    assert (open_.height, int(open_["beyond"].sum())) == (1589, 1291)
    assert open_["p_win"].sum() == pytest.approx(74.4, abs=0.05)
    assert open_.height * 0.6315 > 1000, "what a weighted pipeline says"


@pytest.mark.real_data
def test_a_recent_window_misses_least_and_a_snapshot_rate_most(deals):
    days = [date(2017, 6, 30), date(2017, 7, 31), date(2017, 8, 31), date(2017, 9, 30)]
    over = {}
    for window in (None, 92):
        table = forecast.origins(deals, days=days, ahead=91, as_of=END, feed_start=FEED, window=window).table
        over[window] = (table["expected"] / table["won"] - 1).to_list()
    assert (min(over[None]), max(over[None])) == (pytest.approx(0.31, abs=0.05), pytest.approx(0.64, abs=0.005))
    assert (min(over[92]), max(over[92])) == (pytest.approx(0.17, abs=0.005), pytest.approx(0.40, abs=0.005))
    won = table["won"].to_list()
    naive = []
    for day, w in zip(days, won, strict=True):
        here = deals.filter(pl.col("opened_on") <= day)
        closed = here.filter(pl.col("closed_on") <= day)
        naive.append((here.height - closed.height) * (closed["outcome"] == "won").mean() / w - 1)
    assert (min(naive), max(naive)) == (pytest.approx(0.87, abs=0.005), pytest.approx(1.81, abs=0.005))


@pytest.mark.real_data
def test_a_forecast_of_one_month_misses_sevenfold_after_a_quarter_s_end(deals):
    """What was to close has closed by the quarter's last day: 366 wins said of October, 54 come."""
    row = forecast.origins(deals, days=[date(2017, 9, 30)], ahead=30, as_of=END, feed_start=FEED).table
    assert (row["won"][0], row["expected"][0] / row["won"][0]) == (54, pytest.approx(6.78, abs=0.05))


@pytest.mark.real_data
def test_closings_pile_up_at_quarter_ends(deals):
    rows = funnel.closing_season(deals, as_of=END).select("quarter_end", "won", "closed", "share").rows()
    assert [r[:3] for r in rows] == [(False, 2162, 4137), (True, 2076, 2574)]
    assert [r[3] for r in rows] == pytest.approx([0.523, 0.807], abs=5e-4)


@pytest.mark.real_data
def test_a_score_on_this_pipeline_is_not_owed_and_the_perfect_field_is_a_leak(deals):
    """Naive Bayes over agent and product, fitted on the first half of closings, on the second: AUC near one half."""
    closed = deals.filter(pl.col("closed_on").is_not_null()).sort("closed_on", "deal_id")
    half = closed.height // 2
    y = (closed["outcome"] == "won").to_numpy()
    score = np.zeros(closed.height - half)
    for name in ("owner", "product"):
        past = pl.DataFrame({"v": closed[name][:half], "y": y[:half]}).group_by("v").agg(pl.col("y").mean().alias("p"))
        p = closed[half:].join(past, left_on=name, right_on="v", how="left", maintain_order="left")["p"].fill_null(0.63)
        score += np.log(p.to_numpy() / (1 - p.to_numpy()))
    gate = funnel.score_gate(y[half:], score)
    assert gate.auc == pytest.approx(0.5, abs=0.03)
    assert not gate.owed
    assert deals.filter(pl.col("account").is_null() & pl.col("outcome").is_not_null()).is_empty()


def test_a_score_that_ranks_is_owed():
    rng = np.random.default_rng(1)
    score = rng.normal(size=800)
    assert funnel.score_gate(rng.random(800) < 1 / (1 + np.exp(-2 * score)), score).owed


def test_entry_recovers_the_share_that_missing_losses_hide():
    table = world(12_000, feed_lag=150)
    feed = date(2025, 1, 1) + timedelta(days=150)
    end = date(2026, 6, 30)
    old = dict(first=date(2025, 1, 1), last=feed - timedelta(days=1), as_of=end, days=120)
    seen = watched(table, as_of=end, outcomes=funnel.OUTCOMES, key="deal_id", feed_start=feed)
    fit = incidence(seen["age"].to_numpy(), seen["event"].to_numpy(), entry=seen["entry"].to_numpy(), causes=2)
    true = 0.5 * float(gammainc(4, 120 / 15))
    assert fit.at(120)[0] == pytest.approx(true, abs=0.015)
    naive = funnel.win_rate(table, feed_start=date(2025, 1, 1), **old)
    assert naive.share_won > true + 0.03, "without entry the early cohort looks better than it was"


def test_an_impossible_pipeline_is_refused_and_names_its_rows():
    bad = world(50).with_columns(closed_on=pl.col("opened_on") - pl.duration(days=1))
    with pytest.raises(ModelError) as error:
        funnel.cohorts(bad, as_of=date(2026, 12, 31))
    assert error.value.code == "cases.closed_first"
    assert (error.value.values["rows"], len(error.value.examples)) == (50, 5)
    half = world(50).with_columns(outcome=pl.lit(None, dtype=pl.String))
    with pytest.raises(ModelError) as error:
        funnel.cohorts(half, as_of=date(2026, 12, 31))
    assert error.value.code == "cases.unknown_outcome"


def test_owners_forecasts_sum_and_the_books_close():
    table = world(800).with_columns(value_minor=pl.int_range(pl.len()) * 37 + 11, owner=pl.int_range(pl.len()) % 7)
    day = date(2025, 10, 1)
    said = forecast.expected_wins(table, as_of=day, ahead=30)
    by_owner = said.group_by("owner").agg(pl.col("expected_minor").sum())
    assert by_owner["expected_minor"].sum() == said["expected_minor"].sum()
    assert stock_and_flow(table, start=date(2025, 5, 1), end=day).residual == 0


def test_a_band_needs_four_closed_origins():
    days = [date(2025, 6, 1), date(2025, 7, 1), date(2025, 8, 1), date(2025, 9, 1)]
    table = world(3000)
    test = forecast.origins(table, days=days, ahead=30, as_of=date(2026, 1, 1))
    low, high = test.band(100.0)
    assert low < 100 * 1.2
    assert high > low
    assert test.status == "ok"
    with pytest.raises(ModelError) as error:
        forecast.origins(table, days=days, ahead=30, as_of=date(2025, 8, 15)).band(100.0)
    assert error.value.code == "cases.few_origins"


MOVES = pl.DataFrame(
    {
        "deal_id": ["a", "a", "a", "b", "b", "b", "c", "d"],
        "at": [date(2026, 1, d) for d in (1, 5, 11, 1, 4, 8, 1, 1)],
        "to_stage": ["new", "offer", "offer", "new", "offer", "new", "new", "new"],
    }
)
ENDS = pl.DataFrame(
    {
        "deal_id": ["a", "b", "c", "d"],
        "closed_on": [date(2026, 1, 21), None, None, date(2026, 1, 9)],
        "outcome": ["won", None, None, "lost"],
    }
)


def test_a_new_owner_keeps_the_stage_and_its_clock():
    """Deal a is handed over in its offer stage on the 11th: one stay of 16 days, not two."""
    stays = stages.spells(MOVES, ENDS, as_of=date(2026, 2, 1), order=["new", "offer"])
    rows = stays.select("deal_id", "stage", "days", "end").rows()
    assert rows == [
        ("a", "new", 4, "onward"), ("a", "offer", 16, "onward"),
        ("b", "new", 3, "onward"), ("b", "offer", 4, "back"), ("b", "new", 24, None),
        ("c", "new", 31, None), ("d", "new", 8, "lost"),
    ]  # fmt: skip
    assert stages.stalled(stays)["deal_id"].to_list() == ["b", "c"]
    new = stages.time_in_stage(stays).row(0, named=True)
    assert (new["stays"], new["open"]) == (5, 2)


def test_deals_without_any_move_are_refused():
    with pytest.raises(ModelError) as error:
        stages.spells(MOVES.filter(pl.col("deal_id") != "c"), ENDS, as_of=date(2026, 2, 1), order=["new", "offer"])
    assert error.value.code == "cases.no_moves"


def test_a_source_is_not_better_because_it_is_older():
    table = world(4000).with_columns(
        source=pl.when(pl.col("opened_on") < date(2025, 9, 1)).then(pl.lit("fair")).otherwise(pl.lit("web"))
    )
    mixed = table.with_columns(
        source=pl.when(pl.int_range(pl.len()) % 2 == 0).then(pl.lit("fair")).otherwise(pl.lit("web"))
    )
    end = date(2025, 12, 15)
    same = sources.by_source(mixed, as_of=end, first=date(2025, 1, 1), last=date(2025, 8, 31), days=60)
    assert abs(same["share_won"][0] - same["share_won"][1]) < 0.04
    assert same.select((pl.col("opened") == pl.col("won") + pl.col("lost") + pl.col("open")).all()).item()
    young = same.select(pl.col("low") < pl.col("share_won"), pl.col("share_won") < pl.col("high"))
    assert young.select(pl.all().all()).row(0) == (True, True)


def test_a_sources_interval_is_that_of_its_share_by_the_day_and_not_of_what_was_won_later():
    start, rows = date(2025, 1, 1), 40
    days = [10] * 8 + [200] * 20 + [20] * 12  # 8 of 40 won within 90 days, 20 more after half a year
    table = pl.DataFrame({
        "deal_id": [str(i) for i in range(rows)], "opened_on": [start] * rows, "source": ["fair"] * rows,
        "closed_on": [start + timedelta(days=d) for d in days], "outcome": ["won"] * 28 + ["lost"] * 12,
    })  # fmt: skip
    said = sources.by_source(table, as_of=date(2026, 1, 1), first=start, last=start, days=90).row(0, named=True)
    assert (said["won"], said["share_won"]) == (28, pytest.approx(0.2))
    assert (said["low"], said["high"]) == pytest.approx(
        tuple(float(x[0]) for x in wilson(np.array([8]), np.array([40])))
    )


def test_pandas_and_pipelines_without_any_end_are_read_alike():
    rows = {"deal_id": ["a", "b"], "opened_on": [date(2026, 1, 1)] * 2, "closed_on": [date(2026, 1, 5), None]}
    frame = pl.DataFrame({**rows, "outcome": ["won", None]})
    end = date(2026, 1, 31)
    here = funnel.cohorts(frame, as_of=end).select("opened", "won", "open", "won_30")
    there = funnel.cohorts(frame.to_pandas(), as_of=end).select("opened", "won", "open", "won_30")
    assert here.rows() == there.rows() == [(2, 1, 1, 0.5)]
    young = pl.DataFrame({**rows, "closed_on": [None, None], "outcome": [None, None]})
    assert funnel.cohorts(young, as_of=end).select("opened", "open", "won_30").rows() == [(2, 2, 0.0)]
    assert funnel.closing_season(young, as_of=end).is_empty()
    assert forecast.expected_wins(young, as_of=end, ahead=30)["p_win"].sum() == 0


def test_fates_sum_to_one_at_every_age_and_end_where_the_win_rate_does():
    table, end = world(2000), date(2026, 3, 1)
    shares = funnel.fates(table, as_of=end)
    assert shares.select((pl.col("won") + pl.col("lost") + pl.col("open")).to_physical()).to_series().to_list() == (
        pytest.approx([1.0] * shares.height, abs=1e-12)
    )
    assert (shares["age"][0], shares.height <= 120, shares["won"].is_sorted()) == (0, True, True)
    rate = funnel.win_rate(table, as_of=end, first=date(2025, 1, 1), last=end)
    assert shares["won"][-1] == pytest.approx(rate.share_won, abs=1e-12)


def test_origins_of_money_compare_yuan_with_yuan():
    table = world(1500).with_columns(value_minor=pl.lit(300))
    days = [date(2025, 6, 1), date(2025, 7, 1)]
    deals_, money = (
        forecast.origins(table, days=days, ahead=30, as_of=date(2026, 1, 1), money=flag).table for flag in (False, True)
    )
    assert money["won"].to_list() == [300 * n for n in deals_["won"]]
    assert money["miss"].to_list() == pytest.approx(deals_["miss"].to_list(), abs=0.02)


def test_stages_are_ordered_as_deals_pass_them_and_moves_in_less_out_are_the_change():
    assert stages.order_of(MOVES) == ["new", "offer"]
    stays = stages.spells(MOVES, ENDS, as_of=date(2026, 2, 1), order=["new", "offer"])
    for first, last in ((date(2026, 1, 4), date(2026, 1, 9)), (date(2026, 1, 1), date(2026, 2, 1))):
        book = stages.book(stays, first=first, last=last, order=["new", "offer"])
        assert (book["start"] + book["moved_in"] - book["moved_out"] == book["end"]).all()
    assert book["end"].to_list() == [2, 0]


def test_a_score_learned_on_early_ends_is_judged_on_later_ones():
    table, end = world(1200), date(2026, 6, 1)
    rng = np.random.default_rng(5)
    leaky = table.with_columns(
        told=pl.when(pl.Series(rng.random(1200)) < 0.7).then("outcome").otherwise(pl.lit("?")),
        noise=pl.Series(rng.integers(0, 8, 1200)).cast(pl.String),
    )
    assert funnel.later_score(leaky, fields=["told"], as_of=end).owed
    assert not funnel.later_score(leaky, fields=["noise"], as_of=end).owed
    assert funnel.later_score(leaky.head(40), fields=["noise"], as_of=end) is None
