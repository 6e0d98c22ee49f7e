"""Staff: owners of that day, hand-over that sums, counted reports, scores to recompute, gates before any ranking."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.cases import scores, staff
from crmlib.core.errors import ModelError
from crmlib.core.owners import owned, owner_on


def local(*parts: int) -> datetime:
    """A moment on the clock of the place, as an export writes it."""
    return datetime(*parts)  # noqa: DTZ001


SPANS = pl.DataFrame(
    {
        "customer_id": ["x", "x", "y", "z"],
        "starts_on": [date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 1), date(2026, 1, 1)],
        "staff_id": ["old", "new", "new", "new"],
        "ends_on": [None, None, date(2026, 2, 10), None],
    }
)


def test_a_call_counts_for_the_owner_of_that_day():
    calls = pl.DataFrame(
        {
            "customer_id": ["x", "x", "y", "y", "?"],
            "at": [date(2026, 1, 20), date(2026, 2, 5), date(2026, 2, 10), date(2026, 2, 11), date(2026, 1, 5)],
        }
    )
    assert owner_on(calls, SPANS)["owner_staff"].to_list() == ["old", "new", "new", None, None]
    assert owned(SPANS, as_of=date(2026, 2, 15)).sort("customer_id").rows() == [("x", "new"), ("z", "new")]


def test_two_owners_on_one_day_are_refused():
    twice = pl.concat([SPANS, SPANS.head(1).with_columns(staff_id=pl.lit("new"))])
    with pytest.raises(ModelError) as error:
        owned(twice, as_of=date(2026, 2, 15))
    assert error.value.code == "cases.two_owners"


def test_coverage_is_contact_by_ones_own_owner():
    calls = pl.DataFrame(
        {
            "customer_id": ["x", "z", "x"],
            "staff_id": ["old", "old", "new"],
            "at": [date(2026, 1, 31), date(2026, 2, 12), date(2026, 2, 13)],
        }
    )
    row = staff.coverage(calls, SPANS, as_of=date(2026, 2, 15), days=30).row(0, named=True)
    assert (row["staff_id"], row["owned"], row["covered"]) == ("new", 2, 1)


def test_workload_is_due_minutes_over_rostered_ones():
    load = staff.workload(
        pl.DataFrame({"staff_id": ["a", "a", "b"], "minutes": [60, 30, 10]}),
        pl.DataFrame(
            {"staff_id": ["a", "a"], "from_minute": [540, 600], "to_minute": [600, 660], "activity": ["calls", "leave"]}
        ),
    )
    assert load.rows() == [("a", 90, 60, 1.5), ("b", 10, 0, None)]


def test_what_a_leaver_owned_is_dealt_out_and_sums():
    rng = np.random.default_rng(1)
    things = pl.DataFrame(
        {
            "kind": rng.choice(["customer", "deal", "debt"], 300),
            "thing_id": [str(i) for i in range(300)],
            "owner_staff": rng.choice(["gone", "a", "b", "c"], 300),
            "region": rng.choice(["n", "s"], 300),
            "value_minor": rng.integers(0, 10_000, 300),
        }
    )
    people = pl.DataFrame(
        {
            "staff_id": ["gone", "a", "b", "c"],
            "region": ["n", "n", "n", "s"],
            "left_on": [date(2026, 1, 1), None, None, None],
            "load": [0, 10, 0, 5],
        }
    )
    dealt = staff.hand_over(things, people, as_of=date(2026, 1, 1))
    leaver = things.filter(pl.col("owner_staff") == "gone")
    assert dealt["value_minor"].sum() == leaver["value_minor"].sum()
    assert dealt.height == leaver.height
    assert dealt.filter(pl.col("region") == "s")["new_owner"].unique().to_list() == ["c"]
    counts = dict(dealt["new_owner"].value_counts().iter_rows())
    assert counts["b"] == pytest.approx(counts["a"] + 10, abs=1), "load is evened out"
    nobody = staff.hand_over(things, people.filter(pl.col("region") == "n"), as_of=date(2026, 1, 1))
    assert nobody.filter(pl.col("region") == "s")["new_owner"].null_count() > 0


def test_typed_figures_stand_beside_counted_ones():
    t = local(2026, 3, 1, 9)
    facts = pl.DataFrame(
        {
            "staff_id": ["a"] * 3,
            "figure_id": ["calls"] * 3,
            "happened_at": [t] * 3,
            "booked_at": [t, t + timedelta(hours=24), t + timedelta(hours=25)],
        }
    )
    typed = pl.DataFrame({"staff_id": ["a", "b"], "figure_id": ["calls", "calls"], "value": [5, 2]})
    rows = staff.reports(facts, typed).rows(named=True)
    assert [(r["staff_id"], r["counted"], r["late"], r["gap"]) for r in rows] == [("a", 3, 1, 2), ("b", 0, 0, 2)]


RULES = pl.DataFrame(
    {
        "role": ["adviser"] * 2,
        "figure_id": ["calls", "sold"],
        "weight_bp": [4_000, 6_000],
        "cap_bp": [12_000, 15_000],
        "frozen_at": [date(2026, 2, 20)] * 2,
    }
)
TARGETS = pl.DataFrame(
    {"staff_id": ["a", "a"], "role": ["adviser"] * 2, "figure_id": ["calls", "sold"], "target": [30, 900]}
)
ACTUALS = pl.DataFrame({"staff_id": ["a", "a"], "figure_id": ["calls", "sold"], "actual": [60, 301]})
MARCH = date(2026, 3, 1)


def test_a_score_is_capped_weighed_and_rounded_half_up():
    sheet = scores.score(ACTUALS, TARGETS, RULES, period_start=MARCH)
    assert sheet["reached_bp"].to_list() == [12_000, 3_344]
    assert sheet["points_bp"].to_list() == [4_800, 2_006]
    fixed = pl.DataFrame({"staff_id": ["a"], "figure_id": ["sold"], "change": [149], "by_staff": ["head"]})
    after = scores.score(ACTUALS, TARGETS, RULES, period_start=MARCH, corrections=fixed)
    assert (after["counted"][1], after["corrected"][1], after["points_bp"][1]) == (301, 149, 3_000)


def test_a_figure_without_target_is_shown_and_its_weight_spread():
    sheet = scores.score(ACTUALS, TARGETS.with_columns(target=pl.Series([0, 602])), RULES, period_start=MARCH)
    assert sheet["points_bp"].to_list() == [None, 5_000]


@pytest.mark.parametrize(
    ("rules", "corrections", "code"),
    [
        (RULES.with_columns(weight_bp=pl.lit(4_000)), None, "cases.weights"),
        (RULES.with_columns(frozen_at=pl.lit(MARCH)), None, "cases.frozen_late"),
        (
            RULES,
            pl.DataFrame({"staff_id": ["a"], "figure_id": ["sold"], "change": [1], "by_staff": ["a"]}),
            "cases.no_author",
        ),
    ],
)
def test_scores_that_nobody_could_trust_are_refused(rules, corrections, code):
    with pytest.raises(ModelError) as error:
        scores.score(ACTUALS, TARGETS, rules, period_start=MARCH, corrections=corrections)
    assert error.value.code == code


@pytest.mark.real_data
def test_thirty_agents_cannot_be_ranked(real_data):
    deals = pl.read_parquet(real_data / "crm_pipeline" / "sales_pipeline.parquet")
    closed = deals.filter(pl.col("deal_stage").is_in(["Won", "Lost"]))
    by = closed.group_by("sales_agent").agg(hits=(pl.col("deal_stage") == "Won").sum(), trials=pl.len())
    fit = staff.compare(by.rename({"sales_agent": "staff_id"}))
    assert fit.p == pytest.approx(0.26, abs=0.01)
    assert fit.table["beyond"].null_count() == 30
    with pytest.raises(ModelError) as error:
        fit.ranking()
    assert error.value.code == "cases.too_few_to_rank"


def test_true_differences_are_ranked_by_shrunk_share():
    rng = np.random.default_rng(2)
    n = rng.integers(100, 400, 20)
    ability = np.linspace(0.3, 0.7, 20)
    frame = pl.DataFrame({"staff_id": [f"s{i:02d}" for i in range(20)], "hits": rng.binomial(n, ability), "trials": n})
    best = staff.compare(frame).ranking()["staff_id"].to_list()
    assert len(set(best[:5]) & {f"s{i:02d}" for i in range(14, 20)}) == 5


def test_hard_customers_are_no_fault():
    """Two regions, .3 and .6; everybody is average for the customers given: only raw shares differ."""
    rng = np.random.default_rng(3)
    n = np.full(24, 200)
    base = np.where(np.arange(24) < 12, 0.3, 0.6)
    frame = pl.DataFrame({"staff_id": [str(i) for i in range(24)], "hits": rng.binomial(n, base), "trials": n})
    assert staff.compare(frame).ranked
    assert not staff.compare(frame.with_columns(expected=pl.Series(n * base))).ranked


def test_half_a_basis_point_is_rounded_up():
    goals = TARGETS.with_columns(target=pl.Series([32, 32]))
    done = ACTUALS.with_columns(actual=pl.Series([1, 1]))
    sheet = scores.score(done, goals, RULES, period_start=MARCH)
    assert sheet["reached_bp"].to_list() == [313, 313], "312.5 of 10,000"


def test_a_call_before_taking_over_covers_nobody():
    early = pl.DataFrame({"customer_id": ["x"], "staff_id": ["new"], "at": [date(2026, 1, 31)]})
    assert staff.coverage(early, SPANS, as_of=date(2026, 2, 15), days=30)["covered"].to_list() == [0]
