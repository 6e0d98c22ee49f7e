"""Where goods stand: new and gone apart, movers beyond what goods do, one reason and its money for each."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.core.dates import day_number
from crmlib.sales import goods, ranks, standing

AS_OF = date(2026, 6, 30)
LAST = day_number(AS_OF)


def period(
    values: dict[str, tuple[int, int]], *, rate: float = 0.6, last: int = LAST, costed: bool = True
) -> pl.DataFrame:
    """Each good's net and receipts, halves alike but for noise."""
    rng = np.random.default_rng(len(values))
    rows = []
    for name, (net, n) in values.items():
        odd = int(net * (0.5 + rng.normal(0, 0.5 * np.sqrt(2.5 / max(n, 30)))))
        for half, part in ((1, odd), (0, net - odd)):
            cost = int(part * rate) if costed else 0
            rows.append((name, half, n // 2, part, 1000, cost, 0 if costed else part, last))
    columns = [
        "product_id",
        "half",
        "receipts",
        "net_minor",
        "quantity_milli",
        "cost_minor",
        "uncosted_minor",
        "last_day_n",
    ]
    return pl.DataFrame(rows, schema=columns, orient="row")


@pytest.fixture(scope="module")
def both() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Forty steady goods, one that doubled, one that halved, one new, one gone, each on many receipts."""
    rng = np.random.default_rng(4)
    steady = {f"P{i:02d}": (int(v), 400) for i, v in enumerate(rng.uniform(80_000, 120_000, 40))}
    after = {k: (int(v * rng.normal(1, 0.03)), n) for k, (v, n) in steady.items()}
    before = steady | {"UP": (50_000, 900), "DOWN": (90_000, 900), "GONE": (30_000, 200)}
    after |= {"UP": (120_000, 900), "DOWN": (40_000, 900), "NEW": (25_000, 200)}
    return period(after), period(before)


def test_new_and_gone_have_no_growth_and_no_class_of_listed_goods(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    table = standing.standing(*both, as_of=AS_OF).table
    by = {r["product_id"]: r for r in table.iter_rows(named=True)}
    assert (by["NEW"]["status"], by["GONE"]["status"], by["P00"]["status"]) == ("new", "gone", "listed")
    assert by["NEW"]["growth"] is None and by["GONE"]["growth"] is None
    assert table["v1"].sum() == both[0]["net_minor"].sum()
    assert table["v0"].sum() == both[1]["net_minor"].sum()


def test_movers_are_those_that_truly_moved(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    ups, downs = standing.movers(standing.standing(*both, as_of=AS_OF))
    assert ups["product_id"][0] == "UP" and downs["product_id"][0] == "DOWN"
    assert ups.height <= 4 and downs.height <= 4


def test_where_all_goods_rise_alike_none_is_a_mover() -> None:
    rng = np.random.default_rng(8)
    before = {f"P{i:02d}": (int(v), 60) for i, v in enumerate(rng.uniform(80_000, 120_000, 60))}
    after = {k: (int(v * 1.1 * np.exp(rng.normal(0, np.sqrt(2.5 * 2 / 60)))), 60) for k, (v, _) in before.items()}
    ups, downs = standing.movers(standing.standing(period(after), period(before), as_of=AS_OF))
    assert ups.height + downs.height <= 6, "by the naive reading half of the goods rose by 10 % and more"


def test_growth_is_not_made_of_goods_of_one_period() -> None:
    """A minimum over columns skips nulls: new goods read as growth of nothing."""
    table = pl.DataFrame(
        {"product_id": [f"P{i}" for i in range(12)], "v0": [None, *[100] * 11], "v1": [100] * 12,
         "n0": [None, *[10] * 11], "n1": [10] * 12}
    )  # fmt: skip
    found = goods.growing(table, k=2.5)
    assert found.height == 11
    assert found["gain_minor"].abs().max() < 100  # type: ignore[operator]


def test_few_costs_make_the_class_go_by_sales(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    bare = period({"A": (100, 10), "B": (900, 10)}, costed=False)
    found = standing.standing(bare, bare.clear(), as_of=AS_OF)
    assert (found.basis, found.usual) == ("net", None)
    assert found.table["product_id"][0] == "B"
    assert set(found.table["status"]) == {"listed"}, "with no period before, nothing is new"
    assert standing.standing(*both, as_of=AS_OF).basis == "margin"


def test_days_of_launch_and_delisting_go_before_what_was_sold(both: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    """DOWN fell because it was delisted, UP rose because it had just come: neither is a mover, neither is delisted."""
    life = pl.DataFrame(
        {"product_id": ["DOWN", "UP", "P00"], "launched_on": [None, AS_OF - timedelta(days=30), None],
         "delisted_on": [AS_OF - timedelta(days=20), None, AS_OF + timedelta(days=9)]}
    )  # fmt: skip
    stock = pl.DataFrame({"product_id": ["DOWN", "P00"], "stock_minor": [4_000, 5_000]})
    found = standing.standing(*both, as_of=AS_OF, stock=stock, life=life)
    by = {r["product_id"]: r["status"] for r in found.table.iter_rows(named=True)}
    assert (by["DOWN"], by["UP"], by["P00"], by["NEW"], by["GONE"]) == ("gone", "new", "listed", "new", "gone")
    ups, downs = standing.movers(found)
    assert not {"UP", "DOWN"} & {*ups["product_id"], *downs["product_id"]}
    told = standing.advice(found).filter(pl.col("product_id").is_in(["DOWN", "UP", "P00"]))
    assert told.select("product_id", "action", "reason", "money_minor").rows() == [("DOWN", "clear", "delisted", 4_000)]


def test_every_good_has_one_reason_and_its_own_money() -> None:
    now = pl.concat(
        [
            period({"LOSS": (50_000, 300)}, rate=1.2), period({f"P{i:02d}": (100_000, 300) for i in range(20)}),
            period({"OLD": (100, 2)}, last=LAST - ranks.SILENT_DAYS - 5),
        ]
    )  # fmt: skip
    stock = pl.DataFrame({"product_id": ["OLD"], "stock_minor": [7_000]})
    found = standing.advice(standing.standing(now, now, as_of=AS_OF, stock=stock))
    assert found["product_id"].n_unique() == found.height
    by = {r["product_id"]: (r["action"], r["reason"], r["money_minor"]) for r in found.iter_rows(named=True)}
    assert by["LOSS"][:2] == ("reprice", "loses_money")
    assert by["LOSS"][2] == pytest.approx(10_000, abs=2)
    assert by["OLD"] == ("delist", "silent", 7_000)


def test_what_lies_is_the_latest_count_at_cost() -> None:
    counts = pl.DataFrame(
        {"store_id": ["a", "a", "b"], "product_id": ["P"] * 3, "on_hand_milli": [9_000, 2_000, 1_500],
         "counted_on": [AS_OF - timedelta(days=9), AS_OF, AS_OF]}
    )  # fmt: skip
    products = pl.DataFrame({"product_id": ["P", "Q"], "cost_minor": [300, None]})
    assert standing.worth(counts, products).rows() == [("P", 1_050)]
