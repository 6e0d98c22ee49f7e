"""Receivables: buckets that sum to what is owed, days by count-back, delay, losses, reminders."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from crmlib.balances import statement
from crmlib.balances.receivables import count_back, delay, months, moves, open_items, reminders, roll_rates
from crmlib.core.errors import ContractError

TODAY = date(2026, 6, 30)
INVOICE = {
    "invoice_id": pl.String, "instalment": pl.Int32, "partner_id": pl.String, "issued_on": pl.Date, "due_on": pl.Date,
    "amount_minor": pl.Int64, "disputed": pl.Boolean, "ref_id": pl.String,
}  # fmt: skip
PAYMENT = {"payment_id": pl.String, "partner_id": pl.String, "at": pl.Date, "amount_minor": pl.Int64}
GIVEN = {"payment_id": pl.String, "invoice_id": pl.String, "instalment": pl.Int32, "amount_minor": pl.Int64}
OFF = {"invoice_id": pl.String, "instalment": pl.Int32, "at": pl.Date, "amount_minor": pl.Int64}


def invoices(rows: list[tuple]) -> pl.DataFrame:
    """Id, partner, days since issue, days late (None: no due date), amount, and perhaps disputed, ref."""
    full = [(*row, *(False, None)[len(row) - 5 :]) for row in rows]
    made = [
        (i, 1, p, TODAY - timedelta(days=age), None if late is None else TODAY - timedelta(days=late), a, d, r)
        for i, p, age, late, a, d, r in full
    ]
    return pl.DataFrame(made, schema=INVOICE, orient="row")


def payments(rows: list[tuple[str, str, int, int]]) -> pl.DataFrame:
    return pl.DataFrame([(i, p, TODAY - timedelta(days=d), a) for i, p, d, a in rows], schema=PAYMENT, orient="row")


NONE = pl.DataFrame(schema=GIVEN)


def test_every_yuan_owed_stands_in_one_bucket():
    owed = invoices([
        ("i1", "p", 40, -5, 100), ("i2", "p", 40, 0, 10), ("i3", "p", 90, 1, 200), ("i4", "p", 90, 30, 1),
        ("i5", "p", 90, 31, 2), ("i6", "q", 200, 90, 3), ("i7", "q", 200, 91, 4), ("i8", "q", 400, 181, 5),
        ("i9", "q", 400, None, 6), ("i10", "q", 400, 300, 7, True),
    ])  # fmt: skip
    found = open_items.open_items(owed, payments([]), NONE, as_of=TODAY)
    assert dict(found.buckets.select("bucket", "amount_minor").rows()) == {
        "not_due": 110, "late_1_30": 201, "late_31_60": 2, "late_61_90": 3, "late_91_180": 4, "late_over_180": 5,
        "no_due_date": 6, "disputed": 7, "unapplied": 0,
    }  # fmt: skip
    assert found.owed_minor == owed["amount_minor"].sum()


def test_payments_pay_the_invoice_they_name_else_the_oldest_due_and_the_rest_is_a_line():
    owed = invoices([("i1", "p", 60, 10, 100), ("i2", "p", 50, 20, 100), ("i3", "q", 30, 5, 50)])
    cash = payments([("c1", "p", 3, 60), ("c2", "p", 2, 70), ("c3", "q", 1, 80)])
    named = pl.DataFrame([("c1", "i1", 1, 60)], schema=GIVEN, orient="row")
    found = open_items.open_items(owed, cash, named, as_of=TODAY)
    assert found.items.select("invoice_id", "open_minor").rows() == [("i1", 40), ("i2", 30)]
    assert found.unapplied.rows() == [("q", -30)]
    assert found.owed_minor == 250 - 210
    asked = open_items.open_items(owed, cash, named, as_of=TODAY, auto=False)
    assert (asked.owed_minor, asked.unapplied["amount_minor"].sum()) == (40, -150)


def test_a_credit_note_comes_off_the_invoice_that_it_names():
    owed = invoices([("i1", "p", 60, 10, 100), ("i2", "p", 50, 20, 100), ("n", "p", 5, None, -30, False, "i1")])
    found = open_items.open_items(owed, payments([]), NONE, as_of=TODAY)
    assert found.items.select("invoice_id", "open_minor").rows() == [("i1", 70), ("i2", 100)]
    assert found.owed_minor == 170


def test_an_earlier_day_sees_neither_later_payments_nor_later_invoices():
    owed = invoices([("i1", "p", 60, 10, 100), ("i2", "p", 5, -25, 100)])
    cash = payments([("c1", "p", 3, 60)])
    found = open_items.open_items(owed, cash, NONE, as_of=TODAY - timedelta(days=10))
    assert found.items.select("invoice_id", "open_minor", "bucket").rows() == [("i1", 100, "not_due")]


def test_an_instalment_paid_above_what_it_asks_is_refused():
    owed = invoices([("i1", "p", 60, 10, 100)])
    named = pl.DataFrame([("c1", "i1", 1, 130)], schema=GIVEN, orient="row")
    with pytest.raises(ContractError) as refused:
        open_items.open_items(owed, payments([("c1", "p", 3, 130)]), named, as_of=TODAY)
    assert refused.value.code == "balances.overpaid"


amounts = st.integers(1, 500)
partner = st.sampled_from(["p", "q", "r"])


@settings(max_examples=50, deadline=None)
@given(
    owed=st.lists(
        st.tuples(partner, st.integers(0, 400), st.one_of(st.none(), st.integers(-60, 390)), amounts, st.booleans()),
        max_size=8,
    ),
    notes=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 50), amounts), max_size=3),
    cash=st.lists(st.tuples(partner, st.integers(-20, 300), amounts), max_size=8),
    lost=st.booleans(),
    auto=st.booleans(),
)
def test_buckets_sum_to_the_closing_of_the_ledger(owed, notes, cash, lost, auto):
    rows = [
        (f"i{n}", p, age, None if late is None else min(late, age), a, d) for n, (p, age, late, a, d) in enumerate(owed)
    ]
    rows += [
        (f"n{n}", owed[i][0], age, None, -a, False, f"i{i}") for n, (i, age, a) in enumerate(notes) if i < len(owed)
    ]
    made, paid = invoices(rows), payments([(f"c{n}", p, d, a) for n, (p, d, a) in enumerate(cash)])
    off = pl.DataFrame([("i0", 1, TODAY, 1)] if lost and owed and owed[0][1] >= 0 else [], schema=OFF, orient="row")
    found = open_items.open_items(made, paid, NONE, off, as_of=TODAY, auto=auto)
    ledger = statement(
        moves.moves(made, paid, off), key=["partner_id"], amount="amount_minor", first=date(2026, 1, 1), last=TODAY
    )
    assert found.owed_minor == found.buckets["amount_minor"].sum() == ledger.totals["closing"]
    assert found.items["open_minor"].sum() + found.unapplied["amount_minor"].sum() == found.owed_minor
    assert (found.items["open_minor"] > 0).all()


def test_count_back_gives_the_days_of_the_spec():
    days = count_back.days_outstanding(212.0, np.array([70.0, 80.0, 100.0]), days=np.full(3, 30.0))
    assert days == pytest.approx(73.71, abs=0.005)
    assert count_back.days_outstanding(0.0, np.ones(3)) == 0.0
    assert count_back.days_outstanding(4.0, np.ones(3)) == np.inf


def constant_payers(daily: np.ndarray, days: int) -> tuple[list[float], list[float], list[float], list[float]]:
    """Days outstanding at every month's end by four readings, when everybody pays after `days`."""
    found: tuple[list[float], ...] = ([], [], [], [])
    for end in range(366, daily.size, 30):
        owed = daily[end - days : end].sum()
        for values, back in zip(found, (30, 91, 365), strict=False):
            values.append(owed / daily[end - back : end].mean())
        found[3].append(count_back.days_outstanding(owed, daily[:end]))
    return found  # type: ignore[return-value]


def test_only_count_back_sees_that_payers_stay_the_same_when_sales_have_a_season():
    t = np.arange(1000)
    daily = 100 * np.exp(1.3 * np.sin(2 * np.pi * t / 365)) * np.where(t % 7 == 6, 0.2, 1.1)
    month, quarter, year, back = constant_payers(daily, 45)
    assert max(month) - min(month) > 15
    assert max(quarter) - min(quarter) > 15
    assert max(year) - min(year) > 30
    assert max(abs(d - 45) for d in back) < 1


@pytest.mark.real_data
def test_count_back_on_real_sales_reads_45_days_where_a_quarter_reads_22_to_56(real_data):
    lines = pl.scan_parquet(real_data / "online_retail" / "online_retail_II_combined.parquet").select(
        "Quantity", "Price", "InvoiceDate"
    )
    day = pl.col("InvoiceDate").cast(pl.Date)
    sales = lines.filter((pl.col("Quantity") > 0) & (pl.col("Price") > 0)).group_by(day.alias("day"))
    table = sales.agg(v=(pl.col("Quantity") * pl.col("Price")).sum()).collect().sort("day").upsample("day", every="1d")
    month, quarter, year, back = constant_payers(table["v"].fill_null(0.0).to_numpy(), 45)
    assert max(quarter) - min(quarter) > 20
    assert max(year) - min(year) > 30
    assert max(month) - min(month) > 10
    assert all(abs(d - 45) < 1.1 for d in back)  # days without sales at the edge


def test_kaplan_meier_is_that_of_statsmodels():
    rng = np.random.default_rng(1)
    days, paid = np.ceil(rng.gamma(2, 20, 300)), (rng.random(300) < 0.7).astype(float)
    known = SurvfuncRight(days, paid)
    found = delay.kaplan_meier(days, paid)
    np.testing.assert_allclose(found.unpaid, known.surv_prob, atol=1e-12)
    np.testing.assert_allclose(found.days, known.surv_times)


def test_the_paid_ones_alone_are_too_short():
    rng = np.random.default_rng(2)
    true, seen = rng.gamma(2.0, 25.6, 20_000), rng.uniform(0, 120, 20_000)
    paid = true <= seen
    found = delay.kaplan_meier(np.minimum(true, seen), paid.astype(float))
    whole = np.minimum(true, 115).mean()
    assert delay.mean_days(found, until=115.0) == pytest.approx(whole, rel=0.03)
    assert true[paid].mean() < 0.8 * true.mean()
    late = delay.residual_days(found, late=40.0, until=115.0)
    assert late == pytest.approx((np.minimum(true[true > 40], 115) - 40).mean(), rel=0.05)


def test_expected_loss_is_the_product_of_the_steps_still_to_come():
    rates = np.array([0.5, 0.4, 0.5])
    loss = roll_rates.expected_loss(np.full(5, 100.0), np.array([-3.0, 0.5, 15.0, 30.0, 75.0]), rates)
    expected = [10.0, 100 * 0.4 ** (1 - 0.5 / 30) * 0.5, 100 * 0.4**0.5 * 0.5, 50.0, 100.0]
    np.testing.assert_allclose(loss, expected)


def test_milestones_know_only_what_has_passed():
    open_at, known = roll_rates.milestones(
        np.array([100.0, 100.0]), np.array([40.0, np.inf]), np.array([200.0, 45.0]), steps=3
    )
    assert open_at.tolist() == [[100, 100, 100, 0, 0], [100, 100, 100, 100, 100]]
    assert known.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]


def test_reminders_rank_by_yuan_days_not_by_amount_or_age():
    known = reminders.record(np.array([18, 2, 0]), np.array([20, 20, 0]), np.array([720.0, 10.0, 0.0]))
    assert known.late[0] > 0.75 > known.late[2] > known.late[1]  # a new partner stands between them
    assert known.speed[0] > known.speed[2] == pytest.approx(1.0)
    step = delay.kaplan_meier(np.arange(1.0, 80.0), np.ones(79))
    amount, who = np.array([100.0, 150.0, 40.0]), np.array([0, 1, 0])
    value = reminders.yuan_days(amount, who, np.array([-5.0, -5.0, 20.0]), known, step)
    assert value[0] > value[1]  # the larger amount belongs to a partner who pays
    assert value[2] > value[1]


AMOUNT = st.integers(1, 300)


@given(
    asked=st.lists(AMOUNT, min_size=2, max_size=2), paid=st.lists(AMOUNT, min_size=2, max_size=2),
    pairs=st.dictionaries(st.tuples(st.sampled_from("pqz"), st.sampled_from("ijx")), AMOUNT, max_size=9),
    lost=st.integers(0, 200),
)  # fmt: skip
def test_one_entry_too_much_costs_its_excess_and_never_the_page(
    asked: list[int], paid: list[int], pairs: dict[tuple[str, str], int], lost: int
) -> None:
    invoices = pl.DataFrame(
        {"invoice_id": ["i", "j"], "instalment": 1, "side": "receivable", "partner_id": "D", "customer_id": None,
         "issued_on": TODAY, "due_on": TODAY, "amount_minor": asked, "disputed": False, "ref_id": None},
        schema_overrides={"customer_id": pl.String, "ref_id": pl.String},
    )  # fmt: skip
    payments = pl.DataFrame(
        {"payment_id": ["p", "q"], "partner_id": "D", "customer_id": None, "at": TODAY, "amount_minor": paid},
        schema_overrides={"customer_id": pl.String},
    )
    types = {"payment_id": pl.String, "invoice_id": pl.String, "instalment": pl.Int64, "amount_minor": pl.Int64}
    given_ = pl.DataFrame([(p, i, 1, m) for (p, i), m in pairs.items()], schema=types, orient="row")
    gone = pl.DataFrame({"invoice_id": ["i"], "instalment": [1], "at": [TODAY], "amount_minor": [min(lost, asked[0])]})
    made = months.tables(invoices, payments, given_, gone)
    # of no invoice of ours: the cash is unapplied; of no payment that is known: nothing
    known = {(p, i): m for (p, i), m in pairs.items() if p != "z" and i != "x"}
    left = made.allocations["amount_minor"].sum()
    assert left + made.excess["amount_minor"].sum() == sum(known.values())
    found = months.at(made, TODAY)
    assert (found.items["open_minor"] >= 0).all()
    closing = sum(asked) - sum(paid) - min(lost, asked[0])
    assert found.owed_minor == closing
    assert months.book(made, first=TODAY, last=TODAY, found=found).ok
    fits = all(sum(m for (q, _), m in known.items() if q == p) <= paid["pq".index(p)] for p in "pq")
    room = {"i": asked[0] - lost, "j": asked[1]}
    fits &= all(sum(m for (_, j), m in known.items() if j == i) <= room[i] for i in "ij")
    assert not fits or made.excess.is_empty()
