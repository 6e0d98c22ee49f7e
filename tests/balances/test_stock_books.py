"""The books of goods: they close in whole units, a count's difference stays a line, what is on its way is said."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from crmlib.balances.stock import books, ends, shelf
from crmlib.simulate.vocabulary import toml

FIRST, LAST = date(2026, 10, 1), date(2026, 10, 31)
PRODUCTS = pl.DataFrame(
    {"product_id": ["p", "q", "bag"], "cost_minor": [700, 300, 10], "is_service": [False, False, True],
     "category_1": ["c", "c", "s"], "category_2": ["c", "c", "s"], "list_minor": [1000, 500, 20]}
)  # fmt: skip


def moves(*rows):
    schema = {"at": pl.Date, "store_id": pl.String, "product_id": pl.String, "lot_id": pl.String, "kind": pl.String,
              "quantity_milli": pl.Int64, "transfer_id": pl.String}  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("move_id")
    return frame.with_columns(
        pl.col("move_id").cast(pl.String), pl.col("at").cast(pl.Datetime), cost_minor=pl.lit(None, dtype=pl.Int64)
    )


BOOK = moves(
    (FIRST, "s", "p", "l1", "open", 5000, None),
    (FIRST, "s", "bag", None, "open", 9000, None),
    (date(2026, 10, 9), "s", "p", "l2", "purchase", 4000, None),
    (date(2026, 10, 10), "s", "p", "l1", "sale", -4333, None),
    (date(2026, 10, 12), "s", "q", None, "sale", -1000, None),
    (date(2026, 10, 20), "s", "p", "l2", "transfer_out", -1000, "t1"),
    (date(2026, 10, 20), "s", "p", "l2", "transfer_out", -1000, "t2"),
    (date(2026, 10, 21), "r", "p", "l2", "transfer_in", 1000, "t2"),
)
COUNT = pl.DataFrame(
    {"store_id": ["s", "s"], "product_id": ["p", "q"], "counted_on": [LAST] * 2, "on_hand_milli": [2000, 0]}
)


def test_a_move_is_worth_its_own_cost_else_its_lots_else_its_products_and_services_are_no_stock():
    lots = pl.DataFrame({"lot_id": ["l1"], "cost_minor": [650]})
    own = BOOK.with_columns(cost_minor=pl.when(pl.col("kind") == "purchase").then(2_801))
    found = books.valued(own, PRODUCTS, lots)
    assert "bag" not in found["product_id"].to_list()
    worth = dict(found.group_by("kind").agg(pl.col("cost_minor").sum()).iter_rows())
    assert (worth["open"], worth["purchase"], worth["sale"]) == (3_250, 2_801, round(-4.333 * 650) - 300)


def test_the_month_closes_in_whole_units_and_what_was_counted_differently_is_a_line():
    made = books.books(books.valued(BOOK, PRODUCTS), COUNT, PRODUCTS, first=FIRST, last=LAST)
    for one in (made.quantity, made.value):
        sums = one.totals
        assert sums["closing"] == sum(amount for name, amount in sums.items() if name != "closing")
    assert made.breaks.select("store_id", "product_id", "unexplained_milli", "unexplained_minor").rows() == [
        ("s", "p", -667, -467), ("s", "q", 1000, 300)
    ]  # fmt: skip
    assert made.by_kind.row(-2) == ("unexplained", -167)
    plain = books.books(books.valued(BOOK, PRODUCTS), None, PRODUCTS, first=FIRST, last=LAST)
    assert plain.breaks.is_empty()
    assert "unexplained" not in plain.by_kind["line"].to_list()


def test_a_count_is_compared_with_the_book_of_its_own_day():
    early = COUNT.with_columns(counted_on=date(2026, 10, 9), on_hand_milli=pl.Series([9000, 0]))
    made = books.books(books.valued(BOOK, PRODUCTS), early, PRODUCTS, first=FIRST, last=LAST)
    assert made.breaks.is_empty(), "9,000 lay there on the 9th; what was sold later is no difference"


def test_a_look_at_one_shelf_is_no_stocktake():
    many = pl.concat([BOOK, *(BOOK.with_columns(product_id=pl.lit(f"p{n}")) for n in range(5))])
    pairs = many.select("store_id", "product_id").unique()
    assert books.stocktakes(COUNT.head(1), pairs, as_of=LAST).is_empty()


def test_what_left_and_has_not_arrived_is_on_its_way():
    found = books.on_their_way(books.valued(BOOK, PRODUCTS))
    assert found.select("transfer_id", "store_id", "quantity_milli", "cost_minor").rows() == [("t1", "s", 1000, 700)]


def test_a_lot_lies_where_it_was_moved_and_an_empty_one_nowhere():
    lots = pl.DataFrame({"lot_id": ["l1", "l2"], "produced_on": [FIRST] * 2, "expires_on": [LAST, LAST + timedelta(9)]})
    found = books.by_lot(BOOK, lots, last=LAST)
    assert found.select("store_id", "lot_id", "on_hand_milli").rows() == [
        ("r", "l2", 1000), ("s", "l1", 667), ("s", "l2", 2000)
    ]  # fmt: skip


def test_every_day_of_the_book_has_its_closing_and_below_zero_is_shown_as_empty():
    found = books.empty_days(BOOK.filter(pl.col("store_id") == "s"), first=FIRST, last=LAST)
    of = dict(found.filter(pl.col("product_id") == "p").select("counted_on", "on_hand_milli").iter_rows())
    assert (of[FIRST], of[date(2026, 10, 9)], of[LAST]) == (5000, 9000, 2667)
    assert set(found.filter(pl.col("product_id") == "q")["on_hand_milli"]) == {0}


def shelves(on_hand, per_day=1.0, days=120):
    rng = np.random.default_rng(1)
    n = len(on_hand)
    sold = rng.poisson(per_day, (n, days))
    last = (LAST - date(1970, 1, 1)).days
    item, day = np.nonzero(sold)
    daily = pl.DataFrame(
        {"store_id": [f"s{i}" for i in item], "product_id": ["p"] * item.size, "day_n": last - days + 1 + day,
         "quantity_milli": sold[item, day] * 1000}
    )  # fmt: skip
    lies = pl.DataFrame({"store_id": [f"s{i}" for i in range(n)], "product_id": ["p"] * n, "on_hand_milli": on_hand})
    return shelf.shelf(daily, lies, PRODUCTS, as_of=LAST)


def test_a_full_shelf_lies_and_an_empty_one_runs_out():
    found = shelf.position(shelves([200_000, 2_000]), wanted_days=21, lead_days=7)
    full, short = found.iter_rows(named=True)
    assert (full["excess_milli"] > 150_000, short["excess_milli"]) == (True, 0)
    assert full["order_milli"] == 0 < short["order_milli"]
    assert short["short_minor"] > 0 == full["short_minor"]
    assert full["excess_minor"] == full["excess_milli"] * 700 // 1000


def test_what_other_shops_can_sell_is_promised_once_and_what_expires_is_not_told_again_as_lying():
    made = shelves([60_000, 60_000, 2_000])
    lots = pl.DataFrame(
        {"store_id": ["s0", "s1"], "product_id": ["p"] * 2, "lot_id": ["a", "b"], "on_hand_milli": [60_000] * 2,
         "expires_on": [LAST + timedelta(15)] * 2}
    )  # fmt: skip
    none = pl.DataFrame(schema={"depth_bp": pl.Int64, "multiplier": pl.Float64})
    found = ends.ends(lots, made, none, transport_minor=100, within=30)
    taken = found.filter(pl.col("to_store") == "s2")["room_milli"]
    assert 0 < taken.sum() <= 13_000, "14 days of about one a day, less what lies there"
    assert found["advice"].to_list() == ["transfer", "write_off"]
    rows = shelf.position(made, wanted_days=21, lead_days=7)
    less = shelf.apart(rows, found)
    gone = dict(found.select("store_id", "left_milli").iter_rows())
    for before, after in zip(rows.iter_rows(named=True), less.iter_rows(named=True), strict=True):
        assert after["excess_milli"] <= max(before["excess_milli"] - gone.get(before["store_id"], 0), 0)


@pytest.fixture(scope="module")
def sample(root: Path) -> dict[str, pl.DataFrame]:
    folder, kinds = root / "data_samples", {v: k for k, v in toml("words")["stock_kind"].items()}
    h = toml("headers")["stock_moves"]
    raw = pl.read_csv(folder / "stock_moves.csv.gz", infer_schema=False).rename({v: k for k, v in h.items()})
    book = raw.with_columns(
        pl.col("at").str.to_datetime("%Y-%m-%d %H:%M"), pl.col("kind").replace_strict(kinds),
        quantity_milli=(pl.col("quantity").cast(pl.Float64) * 1000).round().cast(pl.Int64),
        cost_minor=pl.lit(1, pl.Int64),
    )  # fmt: skip
    c = toml("headers")["stock"]
    counts = pl.read_csv(folder / "stock.csv.gz", infer_schema=False).rename({v: k for k, v in c.items()})
    counts = counts.with_columns(
        pl.col("counted_on").str.to_date(), on_hand_milli=pl.col("on_hand").cast(pl.Int64) * 1000
    )
    return {"moves": book, "stock": counts, "truth": pl.read_parquet(folder / "truth" / "stock.parquet")}


def test_the_samples_book_closes_as_counted(sample):
    rows = sample["moves"]
    products = rows.select("product_id").unique().with_columns(cost_minor=pl.lit(100), is_service=pl.lit(value=False))
    made = books.books(rows, sample["stock"], products, first=FIRST, last=LAST)
    assert made.breaks.is_empty()
    assert made.quantity.lines.height > 2_000
    assert books.on_their_way(rows).height == 3
    broken = rows.filter(pl.col("move_id") != "K6000")
    assert books.books(broken, sample["stock"], products, first=FIRST, last=LAST).breaks.height == 1


def test_the_samples_empty_shelves_are_those_of_the_truth(sample):
    truth = sample["truth"].filter(pl.col("empty_from").is_not_null()).unique(["store_id", "product_id"])
    seen = books.empty_days(sample["moves"], first=FIRST, last=LAST).filter(pl.col("on_hand_milli") == 0)
    both = seen.join(truth, on=["store_id", "product_id"])
    within = pl.col("counted_on").is_between("empty_from", "empty_to")
    days = truth.select((pl.col("empty_to") - pl.col("empty_from")).dt.total_days() + 1).sum().item()
    assert truth.height == 30
    assert both.filter(within).height == days
