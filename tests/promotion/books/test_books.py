from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.kit.words import Words
from crmlib.kit.words.sentences import keys
from crmlib.promotion.books.books import books, by_activity, by_store

AT = datetime(2026, 3, 1, tzinfo=UTC)


def steps(*rows):
    columns = ["promotion_id", "version", "state", "amount_minor"]
    table = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    return table.with_columns(at=pl.Series([AT + timedelta(days=i) for i in range(table.height)]))


def test_approved_is_reserved_spent_and_released_for_every_promotion():
    rng = np.random.default_rng(1)
    rows, costs = [], []
    for i in range(60):
        rows += [(f"p{i}", 1, "submitted", None), (f"p{i}", 1, "approved", int(rng.integers(0, 5000)))]
        rows += [(f"p{i}", 1, str(rng.choice(["executing", "settled", "cancelled"])), None)]
        costs += [
            (f"p{i}", str(rng.choice(["gift", "display", "funding"])), int(rng.integers(0, 3000))) for _ in range(3)
        ]
    paid = pl.DataFrame(costs, schema=["promotion_id", "kind", "amount_minor"], orient="row")
    claims = pl.DataFrame({"promotion_id": ["p0", "p0"], "amount_minor": [70, 50], "cap_minor": [100, 100]})
    got = books(steps(*rows), paid, claims)
    parts = got["reserved_minor"] + got["spent_minor"] + got["released_minor"]
    assert (parts == got["approved_minor"]).all()
    assert got.select(pl.min_horizontal("reserved_minor", "spent_minor", "released_minor").min()).item() >= 0
    vouchers = paid.filter(pl.col("kind") != "funding")["amount_minor"].sum()
    assert (got["spent_minor"] + got["over_minor"]).sum() == vouchers
    assert got.filter(pl.col("promotion_id") == "p0")["over_cap_minor"].item() == 20


def test_an_edit_after_approval_is_told():
    got = books(
        steps(("a", 1, "approved", 10), ("a", 2, "executing", None), ("b", 1, "approved", 10)),
        pl.DataFrame(schema={"promotion_id": pl.String, "kind": pl.String, "amount_minor": pl.Int64}),
        pl.DataFrame(schema={"promotion_id": pl.String, "amount_minor": pl.Int64, "cap_minor": pl.Int64}),
    )
    assert got["edited"].to_list() == [True, False]


def test_an_activity_that_will_overspend_is_marked_before_it_is_paid():
    accounts = pl.DataFrame({"promotion_id": ["a", "b"], "reserved_minor": [80, 0]})
    plans = pl.DataFrame({"promotion_id": ["a", "b"], "slot": ["spring_festival", None], "grades": [[], ["gold"]]})
    costs = pl.DataFrame(
        {
            "promotion_id": ["a", "b", "b"],
            "at": [AT] * 3,
            "kind": ["gift", "gift", "funding"],
            "amount_minor": [30, 5, 90],
        }
    )
    budgets = pl.DataFrame(
        {"year": [2026, 2026, 2025], "activity": ["festival", "member", "festival"], "budget_minor": [100, 10, 999]}
    )
    got = by_activity(budgets, costs, plans, accounts, as_of=date(2026, 5, 1))
    assert got.select("activity", "left_minor", "over").rows() == [
        ("festival", -10, True),
        ("member", 5, False),
        ("daily", 0, False),
    ]


def test_every_error_of_the_domain_can_be_said_in_both_languages(root: Path):
    text = "".join(p.read_text() for p in (root / "crmlib" / "promotion").rglob("*.py"))
    codes = set(re.findall(r'"promotion\.([a-z_0-9]+)"', text)) | {
        f"r{n}" for n in (1, 2, 3, 5, 6, 8, 9, 10, 11, 13, 14)
    }
    codes |= {f"offer_{r}" for r in re.findall(r'_refuse\(offers, "(\w+)"', text)}
    codes |= set(re.findall(r'_refused\("(\w+)"', text))
    for language in ("zh", "en"):
        missing = [
            c
            for c in codes
            for part in ("given", "expected", "mend")
            if f"promotion.error.{c}.{part}" not in keys(language)
        ]
        assert not missing


def test_both_languages_have_the_same_promotion_words():
    mine = {language: {k for k in keys(language) if k.startswith("promotion")} for language in ("zh", "en")}
    assert mine["zh"] == mine["en"]
    assert Words("zh")("promotion.units", count="3") != Words("en")("promotion.units", count="3")


def test_a_changed_budget_counts_once_and_months_are_not_added_to_the_year():
    rows = [
        (2026, "N", "daily", "s", 0, 1, 500),
        (2026, "N", "daily", "s", 0, 2, 600),
        (2026, "N", "daily", "s", 3, 1, 40),
    ]
    rows += [(2026, "N", "festival", "s", m, 1, 10) for m in (1, 2)]
    names = ["year", "region", "activity", "store_id", "month", "version", "budget_minor"]
    budgets = pl.DataFrame(rows, schema=names, orient="row")
    none = pl.DataFrame(schema={"promotion_id": pl.String, "at": pl.Date, "kind": pl.String, "amount_minor": pl.Int64})
    plans = pl.DataFrame(schema={"promotion_id": pl.String, "slot": pl.String, "grades": pl.List(pl.String)})
    accounts = pl.DataFrame(schema={"promotion_id": pl.String, "reserved_minor": pl.Int64})
    got = by_activity(budgets, none, plans, accounts, as_of=date(2026, 5, 1))
    assert dict(got.select("activity", "budget_minor").iter_rows()) == {"festival": 20, "daily": 600, "member": 0}


def test_stores_and_regions_add_up_to_every_voucher_whoever_it_belongs_to() -> None:
    budgets = pl.DataFrame(
        {"year": [2026] * 5 + [2025], "region": ["N", "N", "S", "S", "S", "N"],
         "store_id": ["a", "b", "c", "c", "d", "a"],
         "activity": ["daily"] * 6, "month": [0] * 6, "version": [1, 1, 1, 2, 1, 1],
         "budget_minor": [100, 50, 999, 50, 70, 777], "kind": [None, None, None, None, "selling", None]}
    )  # fmt: skip
    costs = pl.DataFrame(
        {"store_id": ["a", "c", None, "elsewhere", "a", "b"],
         "kind": ["media", "gift", "media", "labour", "funding", "media"],
         "at": [AT] * 5 + [AT - timedelta(days=365)], "amount_minor": [120, 10, 100, 1, 500, 9]}
    )  # fmt: skip
    got = by_store(budgets, costs, as_of=date(2026, 5, 1))
    assert got.select("region", "store_id", "budget_minor").rows() == [("N", "a", 100), ("N", "b", 50), ("S", "c", 50)]
    assert got["spent_minor"].sum() == 120 + 10 + 100 + 1
    shared = got["spent_minor"] - pl.Series([120, 0, 10])
    assert sorted(shared) == [25, 25, 51]
    assert got["over"].to_list() == [True, False, False]
    assert got["left_minor"].to_list() == (got["budget_minor"] - got["spent_minor"]).to_list()
    assert by_store(budgets, costs, as_of=date(2024, 5, 1)).is_empty()
