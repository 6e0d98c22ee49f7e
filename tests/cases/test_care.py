"""Care: birthdays of two calendars, points first in first out, packs and rhythms, one task per person and day."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.cases import care, points, use_up
from crmlib.cases.birthdays import birthdays, lunar_day, placeholders, solar_day
from crmlib.core.errors import ModelError

YEAR = dict(first=date(2025, 1, 1), last=date(2025, 12, 31))


def people(*rows):
    return pl.DataFrame(
        rows, schema=["customer_id", "birth_month", "birth_day", "birth_lunar", "birth_leap"], orient="row"
    )


def test_lunar_birthdays_of_the_spec():
    assert lunar_day(2024, 12, 30) == date(2025, 1, 28)
    assert lunar_day(2023, 12, 30) == date(2024, 2, 9)
    assert lunar_day(2025, 6, 1, leap=True) == date(2025, 6, 25)
    assert lunar_day(2025, 6, 1, leap=True, leap_month=True) == date(2025, 7, 25)


def test_the_last_day_of_the_lunar_year_is_missing_five_years_running():
    for year in range(2024, 2029):
        assert lunar_day(year, 12, 30) == lunar_day(year, 12, 29)
    short = [lunar_day(y, m, 30) == lunar_day(y, m, 29) for y in range(1990, 2050) for m in range(1, 13)]
    assert np.mean(short) == pytest.approx(0.46, abs=0.02)


def test_leap_day_babies_are_kept_every_year():
    rows = people(("leap", 2, 29, False, None))
    four = birthdays(rows, first=date(2025, 1, 1), last=date(2028, 12, 31))["day"].to_list()
    assert four == [date(2025, 2, 28), date(2026, 2, 28), date(2027, 2, 28), date(2028, 2, 29)]
    assert birthdays(rows, march=True, **YEAR)["day"].to_list() == [date(2025, 3, 1)]
    assert solar_day(2026, 2, 29, march=True) == date(2026, 3, 1)


def test_every_lunar_birthday_comes_once_per_lunar_year_though_not_per_solar_year():
    rows = people(*((f"{m}-{d}", m, d, True, False) for m in range(1, 13) for d in (1, 15, 30)))
    long = birthdays(rows, first=date(2001, 1, 1), last=date(2040, 12, 31))
    assert long.group_by("customer_id", "year").len()["len"].max() == 1
    counts = long.group_by("customer_id", pl.col("day").dt.year()).len()
    every = rows.height * 40
    irregular = (counts.filter(pl.col("len") == 2).height + every - counts.height) / every
    assert 0.01 < irregular < 0.1


def test_a_lunar_date_read_as_solar_is_a_month_early():
    gaps = [(lunar_day(2025, m, d) - date(2025, m, d)).days for m in range(1, 12) for d in (1, 10, 20, 28)]
    assert 19 <= min(gaps) <= max(gaps) <= 55
    assert 25 < np.mean(gaps) < 45


def test_the_tills_first_of_january_is_nobodys_birthday():
    rows = people(("till", 1, 1, False, None), ("lunar", 1, 1, True, None), ("none", None, None, None, None))
    assert birthdays(rows, **YEAR)["customer_id"].to_list() == ["lunar"]
    assert placeholders(rows) == 1


@pytest.mark.parametrize("row", [("a", 5, 31, True, None), ("a", 2, 30, False, None), ("a", 13, 1, False, None)])
def test_days_that_do_not_exist_are_refused(row):
    with pytest.raises(ModelError) as error:
        birthdays(people(row), **YEAR)
    assert error.value.code == "cases.no_such_day"


def test_a_redemption_takes_the_oldest_points():
    book = pl.DataFrame(
        {
            "customer_id": ["a"] * 3,
            "at": [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)],
            "points": [100, 50, -120],
            "expires_on": [date(2026, 4, 1), None, None],
        }
    )
    lots = points.left(book, as_of=date(2026, 3, 2))
    assert lots["left"].to_list() == [0, 30]
    assert points.expiring(book, as_of=date(2026, 3, 2), ahead=60).is_empty(), "last in, first out would lose 100 - 70"
    before = points.expiring(book, as_of=date(2026, 2, 15), ahead=60).row(0, named=True)
    assert (before["expiring"], before["balance"], before["next_on"]) == (100, 150, date(2026, 4, 1))


def pack_world(n=600, *, elasticity, seed=1):
    """Buyers whose next purchase comes q^β own days later, with noise."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        own, day = 28 * np.exp(rng.normal(0, 0.35)), int(rng.integers(0, 60))
        for _ in range(8):
            packs = int(rng.integers(1, 5))
            rows.append((f"c{i}", day, packs * 1000))
            day += max(round(packs**elasticity * own * np.exp(rng.normal(0, 0.25))), 1)
    return pl.DataFrame(rows, schema=["customer_id", "day_n", "quantity_milli"], orient="row")


def test_a_dose_is_recognised_and_predicts_better_than_the_label():
    world = pack_world(elasticity=1.0)
    law = use_up.elasticity(world)
    assert law.beta == pytest.approx(1, abs=0.03)
    assert law.is_dose
    last = world.group_by("customer_id", maintain_order=True).last().select("customer_id", real="day_n")
    past = world.filter(pl.int_range(pl.len()).over("customer_id") < 7)
    said = (
        use_up.use_up(past, law=law, label_days=28)
        .join(last, on="customer_id")
        .with_columns(gap=pl.col("real") - pl.col("last_n"))
    )
    own = ((said["used_up_n"] - said["real"]).abs() / said["gap"]).mean()
    label = ((said["last_n"] + 28 * said["packs"] - said["real"]).abs() / said["gap"]).mean()
    assert own < 0.25
    assert label > own * 1.3


def test_where_quantity_does_not_drive_the_interval_there_is_no_dose_clock():
    world = pack_world(elasticity=0.126)
    law = use_up.elasticity(world)
    assert law.beta == pytest.approx(0.126, abs=0.03)
    assert not law.is_dose
    assert use_up.use_up(world, law=law, label_days=28)["used_up_n"].null_count() == 600
    with pytest.raises(ModelError) as error:
        use_up.elasticity(world.with_columns(quantity_milli=pl.lit(1000)))
    assert error.value.code == "cases.few_gaps"


@pytest.fixture(scope="module")
def bought(real_data):
    """Purchases of a customer and product with at least five: customer_id, day_n, quantity_milli."""
    raw = pl.scan_parquet(real_data / "online_retail" / "online_retail_II_combined.parquet")
    known = pl.col("CustomerID").is_not_null() & (pl.col("Quantity") > 0) & (pl.col("Price") > 0)
    lines = raw.filter(known).select("Invoice", "sheet", "CustomerID", "StockCode", "Quantity", "InvoiceDate").collect()
    first = lines.filter(pl.col("sheet") == "Year 2009-2010")
    second = lines.filter(pl.col("sheet") != "Year 2009-2010").join(first.select("Invoice"), on="Invoice", how="anti")
    day = pl.col("InvoiceDate").dt.date().cast(pl.Int32)
    return (
        pl.concat([first, second])
        .group_by("CustomerID", "StockCode", day.alias("day_n"))
        .agg(quantity_milli=pl.col("Quantity").sum() * 1000)
        .filter(pl.len().over("CustomerID", "StockCode") >= 5)
        .with_columns(customer_id=pl.col("CustomerID") + "/" + pl.col("StockCode"))
    )


@pytest.mark.real_data
def test_wholesalers_follow_a_rhythm_not_a_dose(bought):
    """By customer and product with at least five purchases: β .126, far from 1."""
    law = use_up.elasticity(bought)
    assert law.beta == pytest.approx(0.126, abs=1e-3)
    assert law.se == pytest.approx(0.005, abs=1e-3)
    assert not law.is_dose


@pytest.mark.real_data
def test_reading_a_dose_where_there_is_a_rhythm_errs_a_third_more(bought):
    """Median error of the last gap from the four or more before it: own rhythm 26 days, own days a pack 35.

    The spec's second figure is 37; its label for packs is not told. What must hold: the dose clock is the worse one.
    """
    rows = use_up.gaps(bought).filter(pl.col("days").is_not_null()).with_columns(n=pl.len().over("customer_id"))
    rows = rows.filter(pl.col("n") >= 5).with_columns(at=pl.int_range(pl.len()).over("customer_id"))
    past = rows.filter(pl.col("at") < pl.col("n") - 1).group_by("customer_id").agg(
        rhythm=pl.col("days").log().mean().exp(), per_pack=pl.col("days").sum() / pl.col("packs").sum()
    )  # fmt: skip
    last = rows.filter(pl.col("at") == pl.col("n") - 1).join(past, on="customer_id")
    by_rhythm = (last["rhythm"] - last["days"]).abs().median()
    by_dose = (last["per_pack"] * last["packs"] - last["days"]).abs().median()
    assert (by_rhythm, by_dose) == (pytest.approx(26.2, abs=0.3), pytest.approx(35.4, abs=0.3))
    assert use_up.use_up(bought, law=use_up.elasticity(bought), label_days=28)["used_up_n"].null_count() == 19378


DAY = date(2026, 3, 10)


def candidates(*rows):
    return pl.DataFrame(rows, schema=care.CANDIDATE, orient="row")


CUSTOMERS = pl.DataFrame(
    {
        "customer_id": ["a1", "a2", "b", "c", "d"],
        "person_id": ["A", "A", "B", "C", "D"],
        "may_call": [True, True, True, False, True],
        "owner_staff": ["s", "s", "s", "s", None],
        "value_minor": [500, 100, 900, 950, 10],
        "quiet_from": [None, None, 1200, None, None],
    }
)


def test_one_task_per_person_and_day_within_consent_and_capacity():
    made = candidates(
        ("a1", "birthday", DAY, "birthday"), ("a2", "complaint", DAY, "leak"), ("b", "follow_up", DAY, "promised"),
        ("c", "points", DAY, "80"), ("d", "use_up", DAY, "pack"),
        ("b", "birthday", DAY + timedelta(days=1), "tomorrow"),
    )  # fmt: skip
    plan = care.plan([made], CUSTOMERS, pl.DataFrame({"staff_id": ["s"], "tasks_per_day": [1]}), as_of=DAY)
    rows = {r["person_id"]: r for r in plan.tasks.iter_rows(named=True)}
    assert (len(rows), plan.merged) == (4, 1)
    assert (rows["A"]["kind"], rows["A"]["also"]) == ("complaint", ["birthday"])
    states = {p: r["state"] for p, r in rows.items()}
    assert states == {
        "B": "open",
        "A": "not_fitted",
        "C": "cancelled",
        "D": "not_fitted",
    }
    assert (rows["A"]["call_from"], rows["A"]["call_to"], rows["B"]["call_to"]) == (540, 1260, 1200)


def test_rules_make_candidates():
    first = care.first_use(
        pl.DataFrame({"customer_id": ["a", "a"], "product_id": ["p", "p"], "day": [DAY, DAY + timedelta(days=9)]}),
        pl.DataFrame({"product_id": ["p"], "first_use_days": [None]}, schema_overrides={"first_use_days": pl.Int32}),
    )
    assert first.rows() == [("a", "first_use", DAY + timedelta(days=3), "p")]
    assert care.special(people(("x", 3, 10, False, None)), first=DAY, last=DAY).height == 1
    promised = care.promised(
        pl.DataFrame({"customer_id": ["a", "b"], "contact_id": ["1", "2"], "next_at": [DAY, None]})
    )
    assert promised["customer_id"].to_list() == ["a"]


def test_due_is_in_time_late_open_and_cancelled():
    tasks = pl.DataFrame(
        {
            "due_on": [DAY] * 6,
            "done_at": [DAY, DAY + timedelta(days=2), None, None, None, DAY + timedelta(days=9)],
            "state": ["done", "late", "open", "cancelled", "held_out", "open"],
            "reached": [True, False, None, None, None, None],
        }
    )
    book = care.kept(tasks, as_of=DAY + timedelta(days=3))
    assert (book.start, book.went) == (5, {"in_time": 1, "late": 1, "open": 2, "cancelled": 1})
    assert book.residual == 0
    assert care.reached(tasks) == (1, 3)
    with pytest.raises(ModelError) as error:
        care.reached(tasks.with_columns(reached=pl.lit(True)))
    assert error.value.code == "cases.reached_undone"


def test_the_draw_leaves_alone_only_open_tasks_that_nobody_waits_for():
    rows = [(kind, state, who) for kind in care.KINDS for state in ("open", "cancelled", "not_fitted") for who in "ab"]
    tasks = pl.DataFrame(rows, schema=["kind", "state", "customer_id"], orient="row")
    made = care.hold_out(tasks, alone=pl.Series(["a"]))
    held = made.filter(pl.col("state") == "held_out").select("kind", "customer_id")
    assert sorted(held.rows()) == sorted((kind, "a") for kind in care.DRAWN)
    assert not {"complaint", "follow_up", "first_use", "points", "meeting"} & set(care.DRAWN)
    assert made.height == tasks.height
