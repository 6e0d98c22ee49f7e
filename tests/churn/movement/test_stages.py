from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from crmlib.churn.features import as_of
from crmlib.churn.features.visits import visits
from crmlib.churn.movement import causes, forms, stages
from crmlib.core.contracts.contacts import LOSS_REASONS
from crmlib.core.dates import day_of
from crmlib.core.errors import ModelError

T0 = day_of(400)


def at(day):
    return datetime(1970, 1, 1, 10, tzinfo=UTC) + timedelta(days=day)


TRIPS = pl.DataFrame(
    [("once", 50), ("twice", 50), ("twice", 90), ("slow", 50), ("slow", 250)]
    + [("regular", d) for d in (10, 40, 70, 100, 380)]
    + [("best", d) for d in (10, 40, 70, 100, 390)],
    schema=["customer_id", "day_n"],
    orient="row",
)
LEADS = pl.DataFrame({"customer_id": ["lead", "called", "late"], "joined_on": [day_of(20), day_of(20), day_of(500)]})
CONTACTS = pl.DataFrame(
    {
        "customer_id": ["called", "once", "once", "regular", "regular"],
        "at": [at(30), at(45), at(150), at(360), at(395)],
        "purpose": ["follow_up", "follow_up", "care", "complaint", "care"],
        "outcome": [None, None, "lost", None, None],
        "reason": [None, None, "price", None, None],
        "known_at": [at(30), at(45), at(150), at(360), at(396)],
        "solved_at": [None, None, None, at(399), None],
    }
)
TIERS = pl.DataFrame({"customer_id": ["best"], "tier": ["A"]})


@pytest.fixture
def people():
    return stages.people(TRIPS, t0=T0, horizon=91, active_days=120, leads=LEADS, contacts=CONTACTS, tiers=TIERS)


def test_everybody_has_the_last_stage_reached_and_nobody_known_later_is_there(people):
    assert dict(people.select("customer_id", "stage").rows()) == {
        "best": "tier_ab",
        "called": "first_follow_up",
        "lead": "lead",
        "once": "first_purchase",
        "regular": "regular",
        "slow": "first_purchase",
        "twice": "second_purchase",
    }


def test_the_loss_is_dated_by_the_record_else_by_the_last_trip(people):
    dates = dict(people.filter("lost").select("customer_id", "lost_n").rows())
    assert dates == {"called": 150, "lead": 140, "once": 150, "slow": 370, "twice": 210}
    assert people.filter("recorded")["customer_id"].to_list() == ["once"]
    assert not people.filter(pl.col("customer_id") == "slow")["settled"].item()


def test_the_funnel_counts_everybody_once(people):
    table = stages.funnel(people)
    assert table["reached"].to_list() == [7, 6, 5, 3, 2, 1]
    assert table["lost"].sum() + table["still"].sum() == people.height


def test_time_from_first_follow_up_has_won_lost_and_open(people):
    times = stages.follow_up_times(people, TRIPS, t0=T0, horizon=91)
    assert {r["customer_id"]: (r["days"], r["event"]) for r in times.iter_rows(named=True)} == {
        "called": (91, 1),
        "once": (5, 2),
        "regular": (5, 0),
    }


def test_nobody_followed_up_is_refused(people):
    with pytest.raises(ModelError) as error:
        stages.follow_up_times(people.with_columns(followed_n=pl.lit(None, dtype=pl.Int32)), TRIPS, t0=T0, horizon=91)
    assert error.value.code == "churn.no_follow_up"


def test_a_recorded_reason_goes_before_the_closed_store_and_that_before_the_model(people):
    lost = people.filter("lost")
    closed = pl.DataFrame({"customer_id": ["once", "twice"], "store_id": ["s", "s"]})
    model = pl.DataFrame({"customer_id": ["twice", "slow"], "reason_1": ["trend", "rhythm"]})
    table = causes.causes(lost, told=causes.told_reasons(CONTACTS, t0=T0), closed=closed, model=model)
    assert {r["customer_id"]: (r["cause"], r["source"]) for r in table.iter_rows(named=True)} == {
        "called": ("unknown", "unknown"),
        "lead": ("unknown", "unknown"),
        "once": ("price", "recorded"),
        "slow": ("rhythm", "model"),
        "twice": ("store_closed", "closure"),
    }
    ranked = causes.ranked(table, values=pl.DataFrame({"customer_id": ["once"], "value_minor": [900]}))
    assert ranked["customers"].sum() == lost.height
    assert ranked["cause"][0] == "unknown"
    assert ranked["share"].sum() == pytest.approx(1)


def test_losses_after_the_home_store_closed_are_the_stores():
    frame = pl.DataFrame(
        [("a", d, "shut") for d in (0, 20, 40)]
        + [("b", d, "shut") for d in (0, 20)]
        + [("c", d, "open") for d in range(0, 400, 10)],
        schema=["customer_id", "day_n", "store_id"],
        orient="row",
    ).with_columns(quantity_milli=pl.lit(1000), net_minor=pl.lit(500))
    seen = visits(frame)
    spells = causes.closed_stores(seen.store_days, t0=T0)
    assert spells.rows() == [("shut", 1, 19), ("shut", 21, 39), ("shut", 41, 400)]
    lost = pl.DataFrame({"customer_id": ["a", "c"], "last_n": [40, 390]})
    made = causes.lost_by_closure(lost, causes.homes(seen.days, t0=T0), spells, within=91)
    assert made.rows() == [("a", "shut")]


def test_closing_days_and_recorded_closures_count_as_closed_spells():
    none = pl.DataFrame(schema={"store_id": pl.String, "day_n": pl.Int32})
    stores = pl.DataFrame({"store_id": ["s", "t"], "closed_on": [day_of(300), None]})
    closures = pl.DataFrame({"store_id": ["t"], "starts_on": [day_of(100)], "ends_on": [day_of(130)]})
    made = causes.closed_stores(none, t0=T0, stores=stores, closures=closures)
    assert made.rows() == [("s", 300, 400), ("t", 100, 130)]


ANSWERS = pl.DataFrame(
    {
        "customer": ["P-ONCE", "slow", "P-TWICE", "stranger"],
        "at": [at(380), at(390), at(390), at(390)],
        "reason": ["taste", "moved", "not_reached", "price"],
    }
)
NAMES = {"ids": pl.Series(["once", "slow", "twice"]), "shown": pl.Series(["P-ONCE", "P-SLOW", "P-TWICE"])}


def told_by(answers=None):
    return causes.told_reasons(CONTACTS, t0=T0, answers=answers)


def test_answers_are_found_by_pseudonym_or_by_number_and_strangers_are_left_out():
    assert forms.answers(ANSWERS, **NAMES).rows() == [
        ("once", 380, "taste"), ("slow", 390, "moved"), ("twice", 390, "not_reached"),
    ]  # fmt: skip
    assert forms.answers(None, **NAMES).is_empty()


def test_an_answer_counts_as_the_reason_unless_nobody_was_reached_or_it_was_not_given_yet(people):
    lost = people.filter("lost")
    told = told_by(forms.answers(ANSWERS, **NAMES))
    made = {r["customer_id"]: (r["cause"], r["source"]) for r in causes.causes(lost, told=told).iter_rows(named=True)}
    assert made["once"] == ("taste", "recorded")  # later than the log's "price"
    assert made["slow"] == ("moved", "recorded")
    assert made["twice"][1] == "unknown"
    early = causes.told_reasons(CONTACTS, t0=day_of(385), answers=forms.answers(ANSWERS, **NAMES))
    assert "slow" not in early["customer_id"]


def test_the_form_asks_who_has_no_reason_yet_the_best_first_with_the_codes_of_the_stage(people):
    asked = forms.form(
        people.filter("lost"), told_by(), owners=pl.DataFrame({"customer_id": ["slow"], "owner": ["Li"]})
    )
    assert asked["customer_id"].to_list() == ["twice", "slow", "called", "lead"]  # "once" said it was the price
    row = asked.filter(pl.col("customer_id") == "slow").row(0, named=True)
    assert row["owner"] == "Li"
    assert "gift_only" in row["codes"]
    assert "quality" not in asked.filter(pl.col("stage") == "lead")["codes"][0]
    assert forms.capped(asked, each=1)["customer_id"].to_list() == ["twice", "slow"]


def test_the_fill_rate_counts_lost_customers_with_a_reason(people):
    table = forms.fill_rate(people, told_by())
    assert table.filter(pl.col("stage") == "all").select("lost", "filled").row(0) == (5, 1)
    assert table.filter(pl.col("stage") == "first_purchase")["share"].item() == 0.5
    owners = pl.DataFrame({"customer_id": ["once", "slow"], "owner": ["Li", "Wang"]})
    by_owner = forms.fill_rate(people, told_by(), by=owners)
    assert dict(by_owner.select("owner", "filled").rows())["Li"] == 1
    fuller = forms.fill_rate(people, told_by(forms.answers(ANSWERS, **NAMES)))
    assert fuller.filter(pl.col("stage") == "all")["filled"].item() == 2


def test_every_stage_has_its_codes_and_a_way_out():
    assert set(forms.CODES) == set(stages.STAGES)
    assert all("other" in codes for codes in forms.CODES.values())
    assert {c for codes in forms.CODES.values() for c in codes} == set(LOSS_REASONS)


def test_service_features_know_only_what_was_known():
    known = as_of.service(CONTACTS, t0=day_of(395)).filter(pl.col("customer_id") == "regular").row(0, named=True)
    assert (known["complaints"], known["complaints_open"]) == (1.0, 1.0)
    later = as_of.service(CONTACTS, t0=T0).filter(pl.col("customer_id") == "regular").row(0, named=True)
    assert later["complaints_open"] == 0.0


def test_response_counts_only_contacts_whose_four_weeks_have_closed():
    made = as_of.response(CONTACTS, TRIPS, t0=T0)
    assert dict(made.rows()) == {"called": 0.0, "once": 0.5}


def test_points_are_a_balance_as_of_the_day():
    entries = pl.DataFrame(
        {
            "customer_id": ["a", "a", "a"],
            "at": [at(1), at(5), at(9)],
            "points": [100, -40, 70],
            "known_at": [at(1), at(5), at(9)],
        }
    )
    assert as_of.points(entries, t0=day_of(6)).rows() == [("a", 60.0, 0.4)]


@pytest.mark.parametrize("make", [as_of.points, as_of.service])
def test_a_snapshot_without_known_times_is_refused(make):
    table = pl.DataFrame({"customer_id": ["a"], "at": [at(1)], "points": [1], "purpose": ["care"]})
    with pytest.raises(ModelError) as error:
        make(table, t0=T0)
    assert error.value.code == "churn.no_known_time"


def test_a_snapshot_is_its_last_row_known_by_the_day():
    grades = pl.DataFrame({"customer_id": ["a", "a"], "grade": [1, 9], "known_at": [at(1), at(20)]})
    assert as_of.snapshot(grades, columns=["grade"], t0=date(1970, 1, 10), name="grades").rows() == [("a", 1)]
