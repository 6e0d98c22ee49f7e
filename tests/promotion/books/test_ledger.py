from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ContractError
from crmlib.promotion.books.ledger import LINES, ledger, returns

ROLES = ("event", "dip", "waiting", "sibling", "halo")


def parts(effects, base=100_000):
    rows = [("A", r, e, base if r == "event" else 0) for r, e in zip(ROLES, effects, strict=True)]
    return pl.DataFrame(rows, schema=["event_id", "role", "effect_milli", "base_milli"], orient="row")


def money(**more):
    return pl.DataFrame([{"event_id": "A", "price_minor": 1000, "paid_minor": 800, "cost_minor": 600, **more}])


def amounts(book):
    return dict(book.select("line", "amount_minor").iter_rows())


def test_the_ledger_of_a_small_event_by_hand():
    costs = {"gift_minor": 500, "display_minor": 1000, "labour_minor": 200, "points_minor": 50, "funding_minor": 700}
    got = amounts(ledger(parts([50_000, -10_000, -5_000, -4_000, 2_000]), money(**costs)))
    assert got["base_margin"] == 100 * 400
    assert got["incremental_margin"] == 50 * 400
    assert got["discount_on_base"] == -100 * 200
    assert got["discount_on_extra"] == -50 * 200
    assert got["dip"] == -15 * 400
    assert got["cannibalised"] == -4 * 400
    assert got["halo"] == 2 * 400
    assert got["net"] == 20_000 - 20_000 - 10_000 - 500 - 50 - 1000 - 200 + 700 - 6000 - 1600 + 800
    assert list(got) == list(LINES)


@settings(max_examples=60)
@given(
    st.lists(st.integers(-200_000, 200_000), min_size=5, max_size=5),
    st.integers(0, 10**6),
    st.lists(st.integers(1, 5000), min_size=3, max_size=3),
    st.one_of(st.none(), st.integers(0, 10**6)),
)
def test_the_lines_add_up_to_the_net_and_the_discount_to_what_was_booked(effects, base, prices, booked):
    table = pl.DataFrame(
        [
            {
                "event_id": "A",
                "price_minor": prices[0],
                "paid_minor": prices[1],
                "cost_minor": prices[2],
                "discount_minor": booked,
            }
        ],
        schema_overrides={"discount_minor": pl.Int64},
    )
    got = amounts(ledger(parts(effects, base), table))
    assert got["net"] == sum(got[k] or 0 for k in LINES[1:-1])
    if booked is not None:
        assert got["discount_on_base"] + got["discount_on_extra"] + got["discount_on_bulk"] == -booked


def test_what_is_not_known_has_no_amount_and_is_left_out_of_the_net():
    known = parts([50_000, -10_000, -5_000, -4_000, 2_000]).filter(~pl.col("role").is_in(["waiting", "halo"]))
    got = amounts(ledger(known, money(gift_minor=None)))
    assert got["halo"] is None and got["display"] is None  # not estimable; not connected
    assert got["gift"] == 0  # connected, and none given
    assert got["dip"] == -10 * 400  # the part of it that is known
    assert got["net"] == 20_000 - 20_000 - 10_000 - 4000 - 1600
    neither = amounts(ledger(known.filter(pl.col("role") != "dip"), money()))
    assert neither["dip"] is None


def test_the_discount_on_bulk_orders_is_booked_apart():
    got = amounts(ledger(parts([50_000, 0, 0, 0, 0]), money(discount_minor=90_000, bulk_discount_minor=55_000)))
    assert got["discount_on_bulk"] == -55_000
    assert got["discount_on_extra"] == -10_000
    assert got["discount_on_base"] == -25_000


def test_roi_is_undefined_where_the_supplier_paid_more_than_the_event_cost():
    effects = [50_000, 0, 0, 0, 0]
    own = returns(ledger(parts(effects), money(display_minor=1000))).row(0, named=True)
    assert own["own_cost_minor"] == 30_000 + 1000
    assert own["roi"] == pytest.approx(own["net_minor"] / 31_000)
    assert own["output_per_input"] == pytest.approx((own["net_minor"] + 1000) / 1000)
    paid = returns(ledger(parts(effects), money(funding_minor=40_000))).row(0, named=True)
    assert paid["own_cost_minor"] < 0 and paid["roi"] is None
    assert paid["output_per_input"] is None  # nothing was paid out


def test_a_missing_cost_and_mixed_taxes_are_refused():
    with pytest.raises(ContractError) as refused:
        ledger(parts([0] * 5), money().with_columns(cost_minor=pl.lit(None, dtype=pl.Int64)))
    assert refused.value.code == "promotion.r11"
    both = pl.concat([money(vat="included"), money(vat="excluded")])
    with pytest.raises(ContractError) as refused:
        ledger(parts([0] * 5), both)
    assert refused.value.code == "promotion.r11"
