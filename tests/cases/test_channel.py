"""The channel: books in thousandths, consumption against loading, who reports, OTIF, lead times, goods elsewhere."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.cases import channel, diversion, orders
from crmlib.core.errors import ModelError

TODAY = date(2026, 6, 30)
WHOLE = st.integers(0, 10**9)


def months(**columns):
    base = {
        "partner_id": ["p"],
        "product_id": ["x"],
        "month": [date(2026, 1, 1)],
        "returned_milli": [7],
        "counted_milli": [-3],
    }
    frame = pl.DataFrame({**base, **{k: [v] for k, v in columns.items()}})
    return frame.cast(dict.fromkeys(channel.PARTS, pl.Int64))


@given(WHOLE, WHOLE, WHOLE, st.sampled_from(channel.PARTS))
def test_three_known_figures_derive_the_fourth_exactly(opening, came, sold, hidden):
    true = dict(zip(channel.PARTS, (opening, came, sold, opening + came - sold - 7 - 3), strict=True))
    row = channel.roll(months(**{**true, hidden: None})).row(0, named=True)
    assert (row[hidden], row["derived"], row["residual_milli"]) == (true[hidden], hidden, 0)


def test_four_known_show_the_residual_and_two_missing_are_never_made_up():
    known = channel.roll(months(opening_milli=100, sell_in_milli=50, sell_out_milli=30, closing_milli=115))
    assert known.select("derived", "residual_milli", "unknown").row(0) == (None, 5, False)
    two = channel.roll(months(opening_milli=100, sell_in_milli=50, sell_out_milli=None, closing_milli=None))
    assert two.select("sell_out_milli", "unknown").row(0) == (None, True)


def loading(*, growth, seed=1, partners=30):
    """Consumption with a yearly growth; at quarter ends of the second year the house loads the partners."""
    rng = np.random.default_rng(seed)
    rows = []
    for p in range(partners):
        stock, base = 200_000, rng.integers(50_000, 150_000)
        for m in range(24):
            sold = int(base * (1 + growth * (m >= 12)) * (1 + rng.normal(0, 0.03)))
            came = sold + (int(0.25 * base) if m >= 12 and m % 3 == 2 else 0)
            rows.append(
                (str(p), "x", date(2024 + m // 12, m % 12 + 1, 1), stock, came, sold, 0, 0, stock + came - sold)
            )
            stock += came - sold
    names = ["partner_id", "product_id", "month", "opening_milli", "sell_in_milli", "sell_out_milli"]
    return pl.DataFrame(rows, schema=[*names, "returned_milli", "counted_milli", "closing_milli"], orient="row")


def test_sell_in_grows_by_loading_while_people_buy_less():
    table = channel.roll(loading(growth=-0.051))
    split = channel.growth(
        table, before=(date(2024, 1, 1), date(2024, 12, 1)), after=(date(2025, 1, 1), date(2025, 12, 1))
    )
    assert split.consumption_growth == pytest.approx(-0.051, abs=0.005)
    assert split.sell_in_growth > 0.01
    assert all(i == c + s for i, c, s in zip(split.sell_in, split.consumption, split.stocked, strict=True))


def test_no_figure_for_the_network_when_the_overstocked_hide():
    table = loading(growth=0.0)
    hidden = pl.col("partner_id").cast(pl.Int64) < 12
    silent = table.with_columns(pl.when(~hidden).then(pl.col(c)).alias(c) for c in ("sell_out_milli", "closing_milli"))
    rolled = channel.roll(silent)
    with pytest.raises(ModelError) as error:
        channel.reporting(rolled).checked()
    assert error.value.code == "cases.reporting"
    assert error.value.values["silent"] == 12
    assert channel.reporting(channel.roll(table)).checked().share == 1.0


def test_cover_counts_days_of_stock_and_refuses_old_counts():
    stock = pl.DataFrame(
        {
            "partner_id": ["p", "p"],
            "product_id": ["x", "y"],
            "on_day": [TODAY - timedelta(days=5)] * 2,
            "on_hand_milli": [30_000, 5_000],
            "oldest_made_on": [date(2026, 5, 31), None],
        }
    )
    sold = pl.DataFrame({"partner_id": ["p"], "product_id": ["x"], "day": [TODAY], "quantity_milli": [90_000]})
    rows = channel.cover(stock, sold, as_of=TODAY).sort("product_id").rows(named=True)
    assert (rows[0]["cover_days"], rows[0]["age_days"], rows[1]["cover_days"]) == (30.0, 30, None)
    with pytest.raises(ModelError) as error:
        channel.cover(stock, sold, as_of=TODAY + timedelta(days=60))
    assert error.value.code == "cases.no_count"


def test_weighted_distribution_is_not_the_numeric_one():
    checks = pl.DataFrame(
        {
            "store_id": ["a", "b", "b", "c"],
            "product_id": ["x"] * 4,
            "checked_on": [TODAY, TODAY - timedelta(days=9), TODAY, TODAY],
            "on_shelf": [True, True, False, False],
        }
    )
    row = channel.distribution(checks, pl.DataFrame({"store_id": ["a", "b", "c"], "weight": [8, 1, 1]})).row(
        0, named=True
    )
    assert (row["stores"], row["numeric"], row["weighted"]) == (3, pytest.approx(1 / 3), 0.8)


def test_late_and_open_lines_are_missed():
    due = [date(2026, 6, d) for d in (1, 1, 1, 1, 30)] + [date(2026, 7, 9)]
    lines = pl.DataFrame(
        {"order_id": list("abcdef"), "line_no": [1] * 6, "ordered_milli": [1000] * 6, "promised_on": due}
    )
    came = pl.DataFrame(
        {
            "order_id": ["a", "a", "b", "c", "f"],
            "line_no": [1] * 5,
            "delivered_on": [date(2026, 5, 30), date(2026, 6, 1), date(2026, 6, 2), date(2026, 6, 1), date(2026, 6, 1)],
            "delivered_milli": [400, 600, 1000, 500, 1000],
        }
    )
    said = orders.otif(lines, came, as_of=TODAY)
    assert (said.due, said.in_full, said.late, said.short, said.open) == (5, 1, 1, 1, 2)
    assert said.share == 0.2
    assert said.without_open > said.share, "forgetting what never came flatters"


def wholesale(n=800, *, seed=1):
    rng = np.random.default_rng(seed)
    entered, wait = rng.integers(0, 60, n), rng.gamma(3, 6, n).astype(int) + 1
    cancelled = rng.random(n) < 0.1
    begin = TODAY - timedelta(days=60)
    day = pl.lit(begin) + pl.duration(days="e")
    left = (day + pl.duration(days="w")).cast(pl.Date)
    frame = pl.DataFrame({"order_id": [str(i) for i in range(n)], "e": entered, "w": wait, "x": cancelled})
    return frame.select(
        "order_id",
        entered_on=day.cast(pl.Date),
        delivered_on=pl.when(~pl.col("x")).then(left),
        cancelled_on=pl.when("x").then(left),
    )


def test_the_order_book_closes():
    book = orders.book(wholesale(), start=TODAY - timedelta(days=30), end=TODAY)
    assert book.residual == 0
    assert min(book.came["entered"], book.went["delivered"], book.went["cancelled"], book.start, book.end) > 0
    with pytest.raises(ModelError) as error:
        orders.book(wholesale().with_columns(cancelled_on=date(2020, 1, 1)), start=date(2026, 6, 1), end=TODAY)
    assert error.value.code == "cases.closed_first"


def test_lead_times_count_what_is_still_under_way():
    table = wholesale(6000)
    truth = (table["delivered_on"] - table["entered_on"]).dt.total_days().median()
    fit = orders.lead_times(table, as_of=TODAY)
    assert fit.quantile(0.45) == pytest.approx(truth, abs=1)
    done = table.filter(pl.col("delivered_on") <= TODAY)
    assert (done["delivered_on"] - done["entered_on"]).dt.total_days().median() < truth - 1


def scans(*, leakers, partners=200, seed=1, scanned=100):
    """Honest partners' customers carry 1–5 % elsewhere; leakers sell 15 % elsewhere."""
    rng = np.random.default_rng(seed)
    rows = []
    for p in range(partners):
        away = 0.15 if p < leakers else rng.uniform(0.01, 0.05)
        n = max(int(rng.poisson(scanned)), 1)
        rows += [(f"{p}-{i}", str(p), "far" if far else "home") for i, far in enumerate(rng.random(n) < away)]
    names = pl.DataFrame({"partner_id": [str(p) for p in range(partners)], "territory": [["home"]] * partners})
    return pl.DataFrame(rows, schema=["code", "partner_id", "region"], orient="row"), names


def test_names_are_almost_always_right_and_raw_shares_are_not():
    found, named_all, raw_right, raw_all = 0, 0, 0, 0
    for seed in range(12):
        table, partners = scans(leakers=20, seed=seed, scanned=25 + 75 * (seed % 2))
        said = diversion.diverted(table, partners).with_columns(guilty=pl.col("partner_id").cast(pl.Int64) < 20)
        found += said.filter(pl.col("named") & pl.col("guilty")).height
        named_all += said.filter("named").height
        raw = said.filter(pl.col("share") > 0.10)
        raw_right += raw.filter("guilty").height
        raw_all += raw.height
    assert found / named_all > 0.95
    assert found / (12 * 20) > 0.4
    assert raw_right / raw_all < 0.85


def test_a_code_scanned_twice_counts_once_and_names_need_scans():
    table, partners = scans(leakers=1, partners=3)
    twice = diversion.diverted(pl.concat([table, table]), partners)
    assert twice.equals(diversion.diverted(table, partners))
    with pytest.raises(ModelError) as error:
        diversion.diverted(table.clear(), partners)
    assert error.value.code == "cases.no_scans"
    with pytest.raises(ModelError) as error:
        diversion.diverted(table, partners.head(2))
    assert error.value.code == "cases.no_territory"
