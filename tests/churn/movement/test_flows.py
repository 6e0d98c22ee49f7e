from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.churn.features.visits import visits
from crmlib.churn.movement.flows import check_identity, flow, owned_on, owners, periods, revision_share
from crmlib.core.dates import day_of
from crmlib.core.errors import ModelError

START = date(1971, 1, 4)


def shop(rows):
    frame = pl.DataFrame(rows, schema=["customer_id", "day_n", "store_id"], orient="row")
    return visits(frame.with_columns(quantity_milli=pl.lit(1000), net_minor=pl.lit(500)))


trip_rows = st.lists(
    st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400), st.sampled_from(["s", "t", "u", None])),
    min_size=1,
    max_size=60,
)


@settings(max_examples=12, deadline=None)
@given(rows=trip_rows, days=st.integers(7, 60), active=st.integers(20, 120))
def test_the_flow_adds_up_to_the_last_customer_whatever_the_trips(rows, days, active):
    seen, last = shop(rows), day_of(400)
    spans = periods(end=last, days=days, count=4)
    arguments = {"horizon": 30, "observed_until": last, "active_days": active}
    total = flow(seen, spans, **arguments)
    stores = flow(seen, spans, by="store_id", **arguments)
    assert (total["lost"] >= 0).all()
    for before, after in zip(total.iter_rows(named=True), total.tail(-1).iter_rows(named=True), strict=False):
        assert before["active_end"] == after["active_start"]
    for column in ("active_start", "new", "won_back", "lost", "active_end"):
        summed = dict(stores.group_by("ends_on").agg(pl.col(column).sum()).rows())
        assert [summed.get(day, 0) for day in total["ends_on"]] == total[column].to_list()
    assert stores["moved_in"].sum() == stores["moved_out"].sum()


owner_rows = st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 420), st.sampled_from("XYZ")), max_size=20)


@settings(max_examples=12, deadline=None)
@given(rows=trip_rows, hands=owner_rows, days=st.integers(7, 60))
def test_the_flow_by_owner_adds_up_whoever_hands_over_to_whom(rows, hands, days):
    held = pl.DataFrame(hands, schema=["customer_id", "day", "staff_id"], orient="row").unique(
        ["customer_id", "day"], keep="first", maintain_order=True
    )
    held = held.with_columns(starts_on=pl.col("day").cast(pl.Int32).cast(pl.Date))
    people = pl.DataFrame({"customer_id": ["a", "b"], "owner_staff": ["X", None]})
    seen, last = shop(rows), day_of(400)
    spans = periods(end=last, days=days, count=4)
    arguments = {"horizon": 30, "observed_until": last, "active_days": 80}
    total = flow(seen, spans, **arguments)
    by = flow(seen, spans, by="owner", owned=owners(people, held), **arguments)
    for column in ("active_start", "new", "won_back", "lost", "active_end"):
        summed = dict(by.group_by("ends_on").agg(pl.col(column).sum()).rows())
        assert [summed.get(day, 0) for day in total["ends_on"]] == total[column].to_list()
    ends = {(r["owner"], r["ends_on"]): r["active_end"] for r in by.iter_rows(named=True)}
    for row in by.filter(pl.col("starts_on") > spans[0][0]).iter_rows(named=True):
        before = row["starts_on"] - timedelta(days=1)
        assert row["active_start"] == ends.get((row["owner"], before), 0)


def test_a_hand_over_moves_a_member_and_an_end_without_successor_leaves_nobody():
    held = pl.DataFrame(
        {
            "customer_id": ["a", "a", "b"],
            "staff_id": ["Li", "Wang", "Li"],
            "starts_on": [day_of(0), day_of(380), day_of(0)],
            "ends_on": [day_of(379), None, day_of(385)],
        }
    )
    owned = owners(pl.DataFrame({"customer_id": ["a", "c"], "owner_staff": ["Wang", "Zhao"]}), held)
    assert dict(owned_on(owned, day_of(379)).rows()) == {"a": "Li", "b": "Li", "c": "Zhao"}
    assert dict(owned_on(owned, day_of(390)).rows()) == {"a": "Wang", "b": None, "c": "Zhao"}
    rows = [(c, 360, "s") for c in "abc"]
    by = flow(
        shop(rows), [(day_of(371), day_of(390))], horizon=30, observed_until=day_of(400), active_days=80, by="owner",
        owned=owned,
    )  # fmt: skip
    assert {r["owner"]: (r["lost"], r["moved_in"], r["moved_out"]) for r in by.iter_rows(named=True)} == {
        "Li": (0, 0, 2), "Wang": (0, 1, 0), None: (0, 1, 0), "Zhao": (0, 0, 0),
    }  # fmt: skip
    assert owners(None) is None


def test_a_worked_example():
    rows = [("stays", d, "s") for d in range(0, 400, 20)]
    rows += [("leaves", 300, "s"), ("new", 370, "s"), ("returns", 100, "s"), ("returns", 372, "s")]
    rows += [("moves", 300, "s"), ("moves", 371, "t")]
    span = [(day_of(361), day_of(390))]
    row = flow(shop(rows), span, horizon=30, observed_until=day_of(400), active_days=80).row(0, named=True)
    assert (row["active_start"], row["new"], row["won_back"], row["lost"], row["active_end"]) == (3, 1, 1, 1, 4)
    by_store = flow(shop(rows), span, horizon=30, observed_until=day_of(400), active_days=80, by="store_id")
    moved = {r["store_id"]: (r["moved_in"], r["moved_out"]) for r in by_store.iter_rows(named=True)}
    assert moved == {"s": (0, 1), "t": (1, 0)}


def test_a_loss_is_provisional_until_its_window_closes_and_its_revision_is_counted():
    rows = [("back", 100, "s"), ("back", 230, "s"), ("gone", 100, "s"), ("other", 399, "s")]
    span = [(day_of(171), day_of(200))]
    closed = flow(shop(rows), span, horizon=91, observed_until=day_of(400), active_days=90).row(0, named=True)
    assert (closed["lost"], closed["revised"], closed["closed"]) == (2, 1, True)
    early = flow(shop(rows), span, horizon=91, observed_until=day_of(250), active_days=90)
    assert not early["closed"].item()
    assert revision_share(early) is None
    late = flow(shop(rows), span, horizon=91, observed_until=day_of(400), active_days=90)
    assert revision_share(late) == 0.5


def test_a_festival_buyer_stays_in_the_total_between_festivals():
    autumn = [date(1971, 9, 20), date(1972, 9, 20), date(1973, 9, 20)]
    calendar = pl.DataFrame(
        {
            "slot": ["mid_autumn"] * 3,
            "starts_on": [d - timedelta(days=20) for d in autumn],
            "ends_on": autumn,
        }
    )
    rows = [("festive", (d - date(1970, 1, 1)).days, "s") for d in autumn[:2]]
    span = [(date(1973, 6, 1), date(1973, 6, 30))]
    plain = flow(shop(rows), span, horizon=91, observed_until=date(1973, 7, 1)).row(0, named=True)
    aware = flow(shop(rows), span, horizon=91, observed_until=date(1973, 7, 1), festivals=calendar).row(0, named=True)
    assert (plain["lost"] + plain["active_end"], aware["active_end"]) == (1, 1)
    assert aware["lost"] == 0


def test_a_table_that_does_not_add_up_is_refused():
    table = pl.DataFrame({"active_start": [10], "new": [1], "won_back": [0], "lost": [2], "active_end": [10]})
    with pytest.raises(ModelError) as error:
        check_identity(table)
    assert error.value.code == "churn.flow_broken"
