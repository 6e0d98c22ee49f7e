"""The record of payments and what it says about the open ones, beside the sample's truth."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.balances.receivables import months, settle
from crmlib.simulate.vocabulary import toml

AS_OF = date(2026, 10, 31)


def read(folder: Path, name: str) -> pl.DataFrame:
    h = toml("headers")[name]
    raw = pl.read_csv(folder / f"{name}.csv.gz", infer_schema=False).rename({v: k for k, v in h.items()})
    money = [pl.col("amount").cast(pl.Float64).mul(100).round().cast(pl.Int64).alias("amount_minor")]
    days = [pl.col(c).str.to_date() for c in raw.columns if c.endswith("_on")]
    times = [pl.col(c).str.to_datetime("%Y-%m-%d %H:%M") for c in ("at", "made_at") if c in raw.columns]
    return raw.with_columns(*money, *days, *times, instalment=pl.lit(1, dtype=pl.Int32), side=pl.lit("receivable"))


@pytest.fixture(scope="module")
def sample(root: Path) -> months.Tables:
    folder = root / "data_samples"
    invoices = read(folder, "invoices").with_columns(pl.col("disputed") == "是")
    return months.tables(invoices, read(folder, "payments"), read(folder, "allocations"), read(folder, "write_offs"))


@pytest.fixture(scope="module")
def items(sample: months.Tables) -> pl.DataFrame:
    return settle.settled(sample.invoices, sample.payments, sample.allocations, as_of=AS_OF, owner="owner")


@pytest.fixture(scope="module")
def truth(root: Path) -> pl.DataFrame:
    return pl.read_parquet(root / "data_samples" / "truth" / "receivables.parquet")


def test_the_ledger_and_the_open_items_are_the_same_yuan(sample):
    found = months.at(sample, AS_OF)
    made = months.book(sample, first=date(2026, 10, 1), last=AS_OF, found=found)
    assert made.ok
    assert made.totals["closing"] == found.owed_minor == found.buckets["amount_minor"].sum()
    items = found.items.with_columns(
        open_minor=pl.col("open_minor") - (pl.int_range(pl.len()) == 0).cast(pl.Int64) * 100
    )
    wrong = months.book(
        sample, first=date(2026, 10, 1), last=AS_OF,
        found=type(found)(items, found.unapplied, found.buckets, found.owed_minor),
    )  # fmt: skip
    assert wrong.breaks["unexplained"].to_list() == [-100]


def test_what_comes_within_30_days_lies_in_the_interval_that_was_told(items, truth):
    told = settle.coming(items, as_of=AS_OF)
    both = truth.join(items, on="invoice_id")
    came = both.filter(pl.col("paid_on") <= AS_OF + timedelta(30))["amount_minor"].sum()
    assert told.low_minor <= came <= told.high_minor
    assert told.tested.height == 12
    assert told.held >= 0.6


def test_what_never_comes_is_told_about_right(sample, items, truth):
    rows = months.at(sample, AS_OF).items
    lost = settle.losses(items, rows, as_of=AS_OF)
    gone = rows.join(truth.filter("never"), on="invoice_id", how="semi").filter(~pl.col("disputed"))
    plain = rows.with_columns(lost).filter(~pl.col("disputed"))
    assert 0.3 < plain["loss_minor"].sum() / gone["open_minor"].sum() < 3.0, (
        "a handful of invoices: no more can be asked"
    )
    assert (plain["loss_minor"] <= plain["open_minor"]).all()


def test_a_few_calls_reach_most_of_what_really_comes_late(sample, items, truth):
    rows = settle.calls(items, months.at(sample, AS_OF).items, as_of=AS_OF, owner="owner")
    true = rows.join(truth, on="invoice_id").filter(~pl.col("disputed"), pl.col("due_on").is_not_null())
    late = (
        pl.col("paid_on").fill_null(AS_OF + timedelta(120)) - pl.max_horizontal("due_on", pl.lit(AS_OF))
    ).dt.total_days()
    true = true.with_columns(worth=pl.col("open_minor") * late.clip(0, 120))
    best = true.sort("worth", descending=True).head(12)["worth"].sum()
    assert true.sort("saved", descending=True).head(12)["worth"].sum() > 0.6 * best


def test_an_instalment_is_paid_on_the_day_that_its_last_yuan_came():
    owed = pl.DataFrame(
        {"invoice_id": ["a", "b"], "instalment": [1, 1], "owner": ["p", "p"], "issued_on": [date(2026, 1, 1)] * 2,
         "due_on": [date(2026, 2, 1), date(2026, 3, 1)], "amount_minor": [100, 50], "disputed": [False] * 2,
         "ref_id": pl.Series([None, None], dtype=pl.String)}
    )  # fmt: skip
    cash = pl.DataFrame(
        {
            "payment_id": ["x", "y"],
            "owner": ["p", "p"],
            "at": [date(2026, 2, 5), date(2026, 2, 20)],
            "amount_minor": [60, 60],
        }
    )
    none = pl.DataFrame(
        schema={"payment_id": pl.String, "invoice_id": pl.String, "instalment": pl.Int32, "amount_minor": pl.Int64}
    )
    found = settle.settled(owed, cash, none, as_of=date(2026, 4, 1), owner="owner")
    assert found.select("invoice_id", "paid_on").rows() == [("a", date(2026, 2, 20)), ("b", None)]
    early = settle.settled(owed, cash, none, as_of=date(2026, 2, 10), owner="owner")
    assert early["paid_on"].null_count() == 2


@pytest.mark.parametrize(("promised", "state"), [(21, "kept"), (19, "broken")])
def test_a_promise_is_kept_if_the_money_came_by_then(promised, state):
    items = pl.DataFrame({"invoice_id": ["a"], "instalment": [1], "owner": ["p"], "paid_on": [date(2026, 2, 20)]})
    items = items.with_columns(pl.col("instalment").cast(pl.Int32))
    said = pl.DataFrame(
        {"invoice_id": ["a"], "instalment": [1], "promised_on": [date(2026, 2, promised)], "amount_minor": [5],
         "made_at": [date(2026, 2, 1)]}
    )  # fmt: skip
    assert months.promised(said, items, as_of=date(2026, 3, 1))["state"].to_list() == [state]
