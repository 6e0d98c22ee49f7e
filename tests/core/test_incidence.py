"""Ends by cause: delayed entry, exact ties, identities, other implementations, the deals of a real pipeline."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import CumIncidenceRight, SurvfuncRight

from crmlib.core.errors import ModelError
from crmlib.core.incidence import cumulative_incidence, incidence, standard_error

PRINTED = 1e-4  # the spec gives four decimals
FEED, END = date(2017, 3, 1), date(2017, 12, 31)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2), st.integers(0, 20)), min_size=1, max_size=60))
def test_shares_and_the_open_part_sum_to_one_on_either_way_of_counting(rows):
    time, event, entry = (np.array(v) for v in zip(*rows, strict=True))
    whole = incidence(time, event, entry=entry, causes=2)
    sorted_ = incidence(time.astype(float), event, entry=entry.astype(float), causes=2)
    assert np.abs(whole.share.sum(axis=0) + whole.open - 1).max(initial=0) < 1e-12
    assert whole.times.tolist() == sorted_.times.tolist()
    assert whole.at_risk.tolist() == sorted_.at_risk.tolist()
    assert whole.share == pytest.approx(sorted_.share, abs=1e-15)


@pytest.mark.parametrize("entered", [False, True])
def test_ages_that_are_all_distinct_give_the_curves_of_whole_days(entered):
    """The same ages as floats (each its own time) and as whole days (counted by bins)."""
    rng = np.random.default_rng(5)
    days, event = rng.permutation(400), rng.integers(0, 3, 400)
    entry = rng.integers(0, 200, 400) if entered else None
    bins = incidence(days, event, entry=entry, causes=2)
    each = incidence(days.astype(float), event, entry=None if entry is None else entry.astype(float), causes=2)
    for name in ("times", "at_risk", "ended", "open", "share"):
        assert np.array_equal(getattr(bins, name), getattr(each, name)), name


def test_ties_are_counted_exactly_as_statsmodels_counts_them():
    rng = np.random.default_rng(4)
    time, event = rng.integers(1, 30, 800), rng.choice([0, 1, 2], 800)
    time[0], event[0] = 40, 0  # statsmodels divides by zero if the last one is no censoring
    mine, other = incidence(time, event, causes=2), CumIncidenceRight(time, event)
    where = np.isin(other.times, mine.times)
    for k in range(2):
        assert mine.share[k] == pytest.approx(other.cinc[k][where], abs=1e-12)
        assert standard_error(mine)[k][3:] == pytest.approx(other.cinc_se[k][where][3:], rel=0.05)


def test_entry_and_one_cause_agree_with_kaplan_meier_of_statsmodels():
    rng = np.random.default_rng(5)
    entry = rng.integers(0, 20, 500)
    time, event = entry + rng.integers(1, 40, 500), rng.integers(0, 2, 500)
    mine = incidence(time, event, entry=entry)
    other = SurvfuncRight(time, event, entry=entry - 0.5)  # statsmodels is at risk only after the entry
    assert mine.open == pytest.approx(other.surv_prob, abs=1e-12)


def test_nobody_watched_after_the_end_is_counted():
    both = incidence(np.array([3, 5]), np.array([1, 1]), entry=np.array([4, 0]))
    assert both.at_risk.tolist() == [1]


def test_codes_that_no_cause_has_are_refused():
    with pytest.raises(ModelError) as error:
        cumulative_incidence(pl.DataFrame({"days": [1], "event": [0]}), causes=("won",))
    assert error.value.code == "cases.no_events"


@pytest.fixture(scope="module")
def deals(real_data):
    frame = pl.read_parquet(real_data / "crm_pipeline" / "sales_pipeline.parquet")
    frame = frame.filter(pl.col("engage_date").is_not_null())
    opened = pl.col("engage_date")
    return frame.select(
        time=(pl.coalesce("close_date", pl.lit(END)) - opened).dt.total_days(),
        entry=(pl.lit(FEED) - opened).dt.total_days().clip(0),
        event=pl.col("deal_stage").replace_strict({"Won": 1, "Lost": 2}, default=0),
    )


@pytest.mark.real_data
def test_win_rates_of_the_pipeline_with_and_without_entry(deals):
    time, entry, event = (deals[c].to_numpy() for c in ("time", "entry", "event"))
    with_entry = incidence(time, event, entry=entry, causes=2)
    ages = np.array([30, 60, 90, 138])
    assert with_entry.at(ages)[0] == pytest.approx([0.2473, 0.2935, 0.4195, 0.5290], abs=PRINTED)
    assert with_entry.at(ages)[1] == pytest.approx([0.1840, 0.2075, 0.2710, 0.3153], abs=PRINTED)
    assert with_entry.open_at(138) == pytest.approx(0.1556, abs=PRINTED)
    without = incidence(time, event, causes=2)
    assert without.at(ages)[0] == pytest.approx([0.2190, 0.2647, 0.3970, 0.5194], abs=PRINTED)


@pytest.mark.real_data
def test_one_minus_kaplan_meier_of_each_cause_sums_to_more_than_everybody(deals):
    time, entry, event = (deals[c].to_numpy() for c in ("time", "entry", "event"))
    alone = [incidence(time, (event == k).astype(int), entry=entry).share[0, -1] for k in (1, 2)]
    assert alone == pytest.approx([0.7042, 0.4689], abs=PRINTED)
    assert sum(alone) > 1.17


@pytest.mark.real_data
def test_bootstrap_band_of_the_win_rate(deals):
    time, entry, event = (deals[c].to_numpy() for c in ("time", "entry", "event"))
    rng = np.random.default_rng(1)
    drawn = []
    for _ in range(300):
        i = rng.integers(0, len(time), len(time))
        drawn.append(incidence(time[i], event[i], entry=entry[i], causes=2).at(138)[0])
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([0.517, 0.541], abs=0.002)
