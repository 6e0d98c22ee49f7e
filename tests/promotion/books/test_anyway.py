"""Who took the discount, and was it needed: one table, exact."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib import panels
from crmlib.core.errors import ModelError
from crmlib.kit.words import Words
from crmlib.promotion.books.anyway import GROUPS, Anyway, booked, festival_only, offer_only, shared_out, who_anyway
from crmlib.promotion.books.ledger import ledger

START = date(2026, 3, 1)
EMPTY = pl.DataFrame(schema={"event_id": pl.String, "line": pl.String, "amount_minor": pl.Int64})


def line(
    receipt: str, customer: str | None, day: int, *, promotion: str | None = None, units: int = 1
) -> dict[str, object]:
    net = 800 if promotion else 1_000
    return {
        "receipt_id": receipt, "customer_id": customer, "day": START + timedelta(days=day), "product_id": "p",
        "quantity_milli": 1_000 * units, "list_minor": 1_000 * units, "net_minor": net * units,
        "promotion_id": promotion,
    }  # fmt: skip


def shop() -> pl.DataFrame:
    """Regulars who buy every fortnight, hunters who come for offers, staff, one newcomer, one sale without card."""
    rows = [line(f"r{c}{d}", f"regular{c}", d) for c in range(6) for d in (-56, -42, -28, -14, -1)]
    rows += [line(f"e{c}", f"regular{c}", 3, promotion="X") for c in range(6)]
    rows += [line(f"h{c}{d}", f"hunter{c}", d, promotion="W") for c in range(4) for d in range(-90, -40, 8)]
    rows += [line(f"x{c}", f"hunter{c}", 2, promotion="X", units=2) for c in range(4)]
    rows += [line(f"s{d}", "staff", d) for d in range(-60, 0, 3)] + [line("s", "staff", 1, promotion="X")]
    rows += [line("n", "newcomer", 4, promotion="X"), line("k", None, 4, promotion="X"), line("k0", None, -9)]
    return pl.DataFrame(rows)


def table(anyway: int = 1_400) -> pl.DataFrame:
    return who_anyway(
        shop(), promotion_id="X", as_of=START + timedelta(days=120), anyway=Anyway(anyway, anyway - 200, anyway + 200),
        roles={"staff": pl.Series(["staff"])},
    )  # fmt: skip


def test_hunters_and_staff_are_no_regulars() -> None:
    by = {row["group"]: row for row in table().iter_rows(named=True)}
    assert tuple(by) == GROUPS
    assert [by[g]["discount_minor"] for g in ("staff", "offer_only", "regular", "new_gone", "no_card")] == [
        200, 1_600, 1_200, 200, 200,
    ]  # fmt: skip
    assert by["offer_only"]["members"] == 4
    assert by["regular"]["anyway_minor"] > by["regular"]["extra_minor"]
    assert by["offer_only"]["extra_minor"] > by["offer_only"]["anyway_minor"]


@settings(max_examples=12)
@given(anyway=st.integers(200, 3_200))
def test_rows_and_sums_are_exact(anyway: int) -> None:
    found = table(anyway)
    assert (found["anyway_minor"] + found["extra_minor"]).to_list() == found["discount_minor"].to_list()
    assert found["anyway_minor"].sum() == anyway
    assert found["anyway_low_minor"].sum() == anyway - 200
    assert found["anyway_high_minor"].sum() == min(anyway + 200, found["discount_minor"].sum())
    assert (found["extra_minor"] >= 0).all()


def test_a_figure_that_is_not_the_ledgers_is_refused() -> None:
    with pytest.raises(ModelError) as error:
        table(9_999)
    assert error.value.code == "promotion.anyway_range"
    for language in ("zh", "en"):
        assert Words(language).has("promotion.error.anyway_range.mend")


def test_two_visits_make_nobody_an_offer_only_buyer_and_five_may() -> None:
    days = [START + timedelta(days=d) for d in range(10)]
    two = pl.DataFrame({"customer_id": "a", "day": days[:2], "promotion_id": [None, "X"]})
    many = pl.DataFrame({"customer_id": "b", "day": days, "promotion_id": ["X"] * 6 + [None] * 4})
    sold = pl.concat([two, many]).with_columns(quantity_milli=pl.lit(1000))
    assert offer_only(panels.offer_days(sold)).to_list() == ["b"]


CELLS = st.lists(st.tuples(st.integers(0, 999), st.floats(0, 9), st.booleans()), min_size=1, max_size=8)


@given(cells=CELLS, total=st.integers(0, 9_999))
def test_what_is_shared_out_stays_below_each_cell_and_is_all_there(cells, total) -> None:  # type: ignore[no-untyped-def]
    most, weights, first = (list(c) for c in zip(*cells, strict=True))
    found = shared_out(total, most, weights, first=first)
    assert sum(found) == min(total, sum(most))
    assert all(0 <= f <= m for f, m in zip(found, most, strict=True))


def test_a_plain_world_is_told_cell_by_cell() -> None:
    rng = np.random.default_rng(7)
    rows, base = [], 0
    for c in range(300):
        rows += [line(f"r{c}.{d}", f"m{c}", int(d)) for d in rng.choice(np.arange(-84, 0), 6, replace=False)]
        if rng.random() < 0.5:  # six purchases in twelve weeks: half of the regulars come in a week anyway
            rows.append(line(f"e{c}", f"m{c}", int(rng.integers(0, 7)), promotion="X"))
            base += 200
    rows += [line(f"x{c}", f"new{c}", int(rng.integers(0, 7)), promotion="X") for c in range(150)]
    found = who_anyway(
        pl.DataFrame(rows), promotion_id="X", as_of=START + timedelta(days=200), anyway=Anyway(base, base, base)
    )
    regular = found.row(by_predicate=pl.col("group") == "regular", named=True)
    assert regular["anyway_minor"] > 0.9 * base


def test_without_a_ledger_nobody_is_said_to_have_bought_anyway() -> None:
    found = who_anyway(shop(), promotion_id="X", as_of=START + timedelta(days=120), anyway=None)
    assert found["discount_minor"].sum() == 3_400
    assert found["anyway_minor"].null_count() == found["extra_minor"].null_count() == len(GROUPS)
    assert booked({"promotion_id": "X"}, EMPTY) is None


@pytest.mark.parametrize(("low", "high"), [(30_000, 70_000), (50_000, 50_000), (0, 900_000)])
def test_the_part_not_needed_is_the_ledgers_and_shrinks_as_the_lift_grows(low: int, high: int) -> None:
    parts = pl.DataFrame({"event_id": ["X"], "role": ["event"], "effect_milli": [50_000], "base_milli": [100_000]})
    unit = {"price_minor": 1_000, "paid_minor": 700, "cost_minor": 600}
    given = {"discount_minor": 47_000, "bulk_discount_minor": 2_000}
    book = ledger(parts, pl.DataFrame({"event_id": "X", **unit, **given}))
    found = booked({"promotion_id": "X", **unit, "low_milli": low, "high_milli": high, "lift_milli": 50_000}, book)
    assert found is not None
    assert found.minor == 47_000 - 15_000
    assert 2_000 <= found.low_minor <= found.minor <= found.high_minor <= 47_000
    assert (found.low_minor, found.high_minor) == (max(47_000 - high * 3 // 10, 2_000), 47_000 - low * 3 // 10)


def test_who_comes_at_festivals_only_is_told_by_more_than_one_visit() -> None:
    spring = [date(2026, 2, d) for d in (10, 12, 14)] + [date(2025, 1, d) for d in (20, 24)]
    plain = [date(2025, month, 15) for month in (3, 7, 8, 11, 12)]
    visits = [("feast", d) for d in spring] + [("regular", d) for d in [*spring, *plain]] + [("once", spring[0])]
    table = pl.DataFrame(visits, schema={"customer_id": pl.String, "day": pl.Date}, orient="row")
    table = table.with_columns(quantity_milli=pl.lit(1000), net_minor=pl.lit(500))
    assert festival_only(table).to_list() == ["feast"]
    assert festival_only(table.clear()).is_empty()
