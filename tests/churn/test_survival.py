import numpy as np
import polars as pl
import pytest
from statsmodels.duration.survfunc import CumIncidenceRight

from crmlib.churn.features.visits import visits
from crmlib.churn.models import cox, overdue
from crmlib.churn.models.competing import at, cumulative_incidence, median_time
from crmlib.churn.models.hazard import first_late_week, return_hazard
from crmlib.core.dates import day_of
from crmlib.core.errors import ModelError

# Freireich et al. (1963), remission of leukaemia in weeks; 6-MP against placebo
SIX_MP = [6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
SIX_MP_SEEN = [1] * 9 + [0] * 12
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def test_cox_with_efrons_ties_reproduces_the_leukaemia_trial():
    """R: coxph(Surv(time, status) ~ placebo, ties = "efron"): coef 1.5721, se 0.4124, loglik -85.0084."""
    frame = pl.DataFrame(
        {
            "time": SIX_MP + PLACEBO,
            "lost": SIX_MP_SEEN + [1] * 21,
            "placebo": [0] * 21 + [1] * 21,
        }
    )
    fit = cox.fit(frame, time="time", lost="lost", names=["placebo"])
    row = fit.table.row(0, named=True)
    assert row["coefficient"] == pytest.approx(1.5721, abs=5e-5)
    assert row["standard_error"] == pytest.approx(0.4124, abs=5e-5)
    assert fit.log_likelihood == pytest.approx(-85.0084, abs=5e-5)
    assert (fit.rows, fit.lost) == (42, 30)


def test_cox_ranks_the_strongest_trait_first():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(800, 2))
    time = rng.exponential(np.exp(-(0.1 * x[:, 0] + 1.0 * x[:, 1])))
    frame = pl.DataFrame({"t": time, "d": (time < 1.5).astype(int), "weak": x[:, 0], "strong": x[:, 1]})
    table = cox.fit(frame.with_columns(pl.col("t").clip(0, 1.5)), time="t", lost="d", names=["weak", "strong"]).table
    assert table["name"].to_list() == ["strong", "weak"]
    assert table["low"][0] < np.e < table["high"][0]


def test_winning_competes_with_losing():
    """Two constant hazards: 1 - exp(-(a + b) t) splits a : b; Kaplan-Meier of the lost alone says 1 - exp(-a t)."""
    rng = np.random.default_rng(1)
    lost, won = rng.exponential(300, 6000), rng.exponential(100, 6000)
    first = np.minimum(np.minimum(lost, won), 180)
    event = np.where(first == 180, 0, np.where(lost < won, 1, 2))
    table = cumulative_incidence(pl.DataFrame({"days": np.ceil(first), "event": event}))
    share, low, high = at(table, cause="lost", days=180)
    assert share == pytest.approx(0.25 * (1 - np.exp(-180 * (1 / 300 + 1 / 100))), abs=0.012)
    assert low < share < high
    assert share < 1 - np.exp(-180 / 300) - 0.15, "Kaplan-Meier would be far above"
    total = at(table, cause="won", days=180)[0] + share
    assert total == pytest.approx(1 - (event == 0).mean(), abs=1e-9)


def test_without_censoring_the_incidence_is_the_plain_share():
    people = pl.DataFrame({"days": [5, 10, 20, 30], "event": [2, 1, 1, 2]})
    table = cumulative_incidence(people)
    assert at(table, cause="lost", days=30)[0] == pytest.approx(0.5)
    assert at(table, cause="lost", days=9)[0] == 0.0
    assert median_time(table, cause="lost") == 20
    assert median_time(table, cause="won") == 30


def test_share_and_interval_agree_with_statsmodels():
    rng = np.random.default_rng(4)
    days, event = rng.integers(1, 60, 400).astype(float), rng.choice([0, 1, 2], 400)
    days[np.argmax(days)], event[np.argmax(days)] = (
        70.0,
        0,
    )  # statsmodels divides by zero if the last one is no censoring
    other = CumIncidenceRight(days, event)
    mine = cumulative_incidence(pl.DataFrame({"days": days, "event": event}))
    for k, cause in enumerate(("lost", "won")):
        rows = mine.filter(pl.col("cause") == cause)
        where = np.isin(other.times, rows["time"].to_numpy())
        assert rows["share"].to_numpy() == pytest.approx(other.cinc[k][where], abs=1e-12)
        spread = (rows["high"] - rows["low"]).to_numpy() / 2 / 1.959963984540054
        assert spread[5:] == pytest.approx(other.cinc_se[k][where][5:], rel=0.05)


def test_codes_that_no_cause_has_are_refused():
    with pytest.raises(ModelError) as error:
        cumulative_incidence(pl.DataFrame({"days": [1, 2], "event": [0, 0]}))
    assert error.value.code == "cases.no_events"


def lines(trips):
    rows = [(c, d) for c, days in trips.items() for d in days]
    return pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row").with_columns(
        quantity_milli=pl.lit(1000), net_minor=pl.lit(500)
    )


def test_the_hazard_of_a_memoryless_shop_is_flat_at_its_rate():
    rng = np.random.default_rng(1)
    days = np.cumsum(rng.geometric(0.05, (150, 80)), axis=1)
    trips = {f"c{i}": row[row < 700].tolist() for i, row in enumerate(days)}
    table = return_hazard(visits(lines(trips)), t0=day_of(699), since=day_of(0), weeks=12)
    weekly = 1 - 0.95**7
    assert table["low"].max() < weekly + 0.03
    inside = (table["low"] <= weekly) & (weekly <= table["high"])
    assert inside.head(8).sum() >= 7
    assert table["gone"][0] == pytest.approx(0.95 ** (7 * 13), abs=0.01)


def test_a_silence_still_open_is_censored_not_counted_as_lost():
    table = return_hazard(visits(lines({"a": [0, 3], "b": [0]})), t0=day_of(21), since=day_of(0), horizon_weeks=1)
    assert table.select("week", "at_risk", "returned").rows() == [(0, 3, 1), (1, 2, 0), (2, 1, 0)]


@pytest.mark.parametrize(
    ("gone", "week"),
    [
        ([0.1, 0.484, 0.507, None], 2),
        ([0.1, 0.4, 0.6, 0.45, 0.7], 4),  # once more below one half: from there on only
        ([0.1, 0.2, 0.3], None),  # at least half come back however long the silence
        ([0.6, 0.7], 0),
        ([0.4, 0.5, 0.6], 2),  # one half is not more than one half
    ],
)
def test_it_is_late_from_the_week_on_after_which_all_are_above_one_half(gone, week):
    table = pl.DataFrame({"week": range(len(gone)), "gone": gone})
    assert first_late_week(table) == week


def renewal(n, *, k=2.0, c=6.0, d=250.0, seed=1, days=700):
    """Customers with gamma(k, rate) gaps, rate ~ gamma(c, 1/d), watched until a random day; nobody leaves."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        rate, day, trips = rng.gamma(c, 1 / d), 0.0, [0]
        watched = rng.uniform(100, days)
        while (day := day + max(rng.gamma(k, 1 / rate), 0.5)) < watched:
            trips.append(day)
        rows.append((f"c{i:05d}", watched - trips[-1], watched, len(trips), float(np.log(np.diff(trips)).sum())))
    names = ["customer_id", "recency", "age", "trips", "log_gap_sum"]
    return pl.DataFrame(rows, schema=names, orient="row")


def test_the_rhythm_of_a_simulated_population_is_recovered():
    table = renewal(3000)
    fit = overdue.fit(table, log_gaps=table, rng=np.random.default_rng(1))
    assert fit.k == pytest.approx(2.0, rel=0.1)
    assert fit.k * fit.d / (fit.c - 1) == pytest.approx(2.0 * 250 / 5, rel=0.1)


def test_customers_on_rhythm_are_rarely_called_overdue():
    """The spec: recency over mean gap > 1, 2, 3 fires on 37, 13.5 and 5 % of customers who are on rhythm."""
    table = renewal(3000, seed=2)
    late = overdue.fit(table, log_gaps=table, rng=np.random.default_rng(1)).overdue(table)
    # inspected at a random time, an open gap of a renewal process is below its .9 quantile more often than not
    assert (late["overdue"] >= overdue.OVERDUE).mean() < 1 - overdue.OVERDUE
    assert (late["overdue"] >= overdue.SILENT).mean() < 1 - overdue.SILENT
    assert late["state"].is_in(["on_rhythm", "due", "overdue", "silent"]).all()


def test_the_usual_gap_moves_from_the_population_to_the_customer():
    fit = overdue.RenewalFit(k=2.0, c=6.0, d=250.0, customers=1000)
    table = pl.DataFrame({"customer_id": ["new", "weekly"], "recency": [5, 5], "age": [5, 705], "trips": [1, 101]})
    usual = fit.overdue(table)["usual_gap"]
    assert usual[0] > 60
    assert usual[1] == pytest.approx(7, abs=2)


def test_no_rhythm_without_repeat_customers():
    table = renewal(20)
    with pytest.raises(ModelError) as error:
        overdue.fit(table, log_gaps=table, rng=np.random.default_rng(1))
    assert error.value.code == "churn.no_rhythm"
