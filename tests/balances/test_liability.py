"""Points, vouchers, cards, held goods: published numbers, and the traps that the naive reading falls into."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.balances import intervals, pairing, rules
from crmlib.balances.liability import accounting, cards, chain_ladder, cohorts, held, ultimate, vouchers
from crmlib.core.errors import ContractError

# Mack (1993) and the R package ChainLadder: triangles RAA and GenIns
RAA = [
    [5012, 8269, 10907, 11805, 13539, 16181, 18009, 18608, 18662, 18834],
    [106, 4285, 5396, 10666, 13782, 15599, 15496, 16169, 16704],
    [3410, 8992, 13873, 16141, 18735, 22214, 22863, 23466],
    [5655, 11555, 15766, 21266, 23425, 26083, 27067],
    [1092, 9565, 15836, 22169, 25955, 26180],
    [1513, 6445, 11702, 12935, 15852],
    [557, 4020, 10946, 12314],
    [1351, 6947, 13112],
    [3133, 5395],
    [2063],
]
GENINS = [
    [357848, 1124788, 1735330, 2218270, 2745596, 3319994, 3466336, 3606286, 3833515, 3901463],
    [352118, 1236139, 2170033, 3353322, 3799067, 4120063, 4647867, 4914039, 5339085],
    [290507, 1292306, 2218525, 3235179, 3985995, 4132918, 4628910, 4909315],
    [310608, 1418858, 2195047, 3757447, 4029929, 4381982, 4588268],
    [443160, 1136350, 2128333, 2897821, 3402672, 3873311],
    [396132, 1333217, 2180715, 2985752, 3691712],
    [440832, 1288463, 2419861, 3483130],
    [359480, 1421128, 2864498],
    [376686, 1363294],
    [344014],
]
PRINTED = 0.005  # two decimals


@pytest.mark.parametrize(
    ("rows", "reserve", "error"), [(RAA, 52135.23, 26909.01), (GENINS, 18680855.61, 2447094.86)], ids=["RAA", "GenIns"]
)
def test_chain_ladder_gives_macks_reserve_and_standard_error(rows, reserve, error):
    triangle = np.array([row + [np.nan] * (10 - len(row)) for row in rows])
    found = chain_ladder.mack(triangle)
    assert found.reserve == pytest.approx(reserve, abs=PRINTED)
    assert found.error == pytest.approx(error, abs=PRINTED)


def test_points_are_revenue_as_the_standards_example_52_has_it():
    split = accounting.allocate(100_000, goods_minor=100_000, points_value_minor=9_500)
    first = accounting.revenue(split.points_minor, used=4_500, expected=9_500)
    second = accounting.revenue(split.points_minor, used=8_500, expected=9_700, recognised_minor=first)
    assert (split.points_minor, first, second, split.points_minor - first - second) == (8_676, 4_110, 3_493, 1_073)
    assert split.goods_minor + split.points_minor == 100_000


def test_outstanding_times_u_counts_twice_what_was_used_already():
    million = np.array([1e6])
    shares = {"ultimate": np.array([0.7]), "redeemed": np.array([0.5]), "expired": np.array([0.1])}
    outstanding = million * 0.4
    assert ultimate.future_use(outstanding, **shares)[0] == pytest.approx(200_000)
    assert ultimate.future_use(outstanding, **shares)[0] == pytest.approx(1e6 * 0.7 - 5e5)
    assert outstanding[0] * 0.7 == pytest.approx(280_000)  # the trap


def test_benktander_is_exact_where_all_cohorts_are_alike():
    shares = np.array([0.2, 0.15, 0.1, 0.05, 0.1])
    issued = np.linspace(100, 900, 12)
    used = issued[:, None] * shares
    left = ultimate.benktander(issued, used, last=11)
    age = 11 - np.arange(12)
    true = [issued[c] * shares[min(a, 4) + 1 :].sum() for c, a in enumerate(age)]
    np.testing.assert_allclose(left, true, atol=1e-9)
    seen = np.where(np.add.outer(np.arange(12), np.arange(5)) <= 11, used, 1e9)  # cells not yet seen are not looked at
    np.testing.assert_allclose(ultimate.benktander(issued, seen, last=11), left)


def test_without_a_closed_cycle_there_is_no_forecast_and_the_interval_is_all_that_is_outstanding():
    issued, used = np.full(5, 100.0), np.full((5, 12), 2.0)
    assert ultimate.rolling(issued, used, last=4, outstanding=450.0) == ultimate.Future(None, 0.0, 450.0, judged=False)
    none = np.zeros(0)
    assert ultimate.same_point(450.0, none, none).expected is None


def test_five_past_dates_give_no_interval_and_no_verdict():
    five, six = np.full(5, 10.0), np.full(6, 10.0)
    assert intervals.band(10.0, five, five * 1.1) is None
    assert intervals.band(10.0, six, six * 1.1) == pytest.approx((11.0, 11.0))
    found = ultimate.same_point(500.0, np.array([400.0]), np.array([100.0]), past_forecast=five, past_true=five)
    assert (found.expected, found.low, found.high, found.judged) == (125.0, 0.0, 500.0, False)


def points() -> pl.DataFrame:
    rows = [
        ("a", date(2025, 1, 10), "earn", 100, date(2025, 12, 31)),
        ("a", date(2025, 3, 5), "redeem", -60, None),
        ("a", date(2025, 4, 1), "earn", 50, date(2025, 12, 31)),
        ("a", date(2025, 12, 20), "redeem", -60, None),
        ("a", date(2026, 1, 1), "expire", -30, None),
        ("b", date(2025, 2, 1), "earn", 40, date(2025, 12, 31)),
        ("b", date(2026, 1, 1), "expire", -40, None),
    ]
    return pl.DataFrame(rows, schema=["k", "at", "kind", "points", "until"], orient="row")


def test_cohorts_come_from_pairs():
    made = pairing.pair(points(), key=["k"], amount="points", expires="until")
    issued, used = cohorts.triangle(made, amount="points", first=date(2025, 1, 1), last=date(2025, 12, 31), ages=12)
    assert issued[[0, 1, 3]].tolist() == [100, 40, 50]
    assert used[0, [2, 11]].tolist() == [60, 40]
    assert used[3, 8] == 20
    seen = cohorts.at_point(made, [date(2025, 12, 31)], days_before=30, amount="points", expires="until")
    assert seen.rows() == [(date(2025, 12, 31), date(2025, 12, 1), 130, 60)]
    early = cohorts.at_point(made, [date(2025, 12, 31)], days_before=300, amount="points", expires="until")
    # the 50 of April were not issued by then, so what is drawn of them later is not drawn of what stood open
    assert early.rows() == [(date(2025, 12, 31), date(2025, 3, 6), 80, 40)]


def test_points_used_after_their_last_day_are_found():
    late = pl.concat(
        [
            points().head(4),
            pl.DataFrame([("a", date(2026, 1, 3), "redeem", -30, None)], schema=points().schema, orient="row"),
        ]
    )
    late = late.with_row_index("id")
    made = pairing.pair(late, key=["k"], amount="points", expires="until")
    found = rules.used_after_expiry(made, key=["k"], expires="until", entry="id")
    assert found.select("key", "amount", "rows", "first").rows() == [("a", 30, 1, "4")]


def test_an_expired_balance_of_a_bearer_card_is_still_owed():
    book = pl.DataFrame({"card_id": ["n", "b"], "kind": ["named", "bearer"]})
    moves = pl.DataFrame(
        [
            ("n", date(2020, 1, 1), "issue", 500),
            ("b", date(2020, 1, 1), "issue", 300),
            ("b", date(2023, 1, 1), "expire", -200),
            ("b", date(2020, 5, 1), "redeem", -100),
            ("b", date(2023, 6, 1), "reactivate", 50),
        ],
        schema=["card_id", "at", "kind", "amount_minor"],
        orient="row",
    )
    found = cards.owed(book, moves, as_of=date(2024, 1, 1))
    assert found.select("kind", "balance_minor", "expired_minor", "owed_minor", "dormant_minor").rows() == [
        ("bearer", 50, 150, 200, 50), ("named", 500, 0, 500, 500),
    ]  # fmt: skip
    assert cards.deposit(moves, as_of=date(2023, 2, 10), rate_bp=4000) == 280  # 700 at 2022-12-31
    early = pl.DataFrame(
        {"card_id": ["x"], "kind": ["bearer"], "issued_on": [date(2024, 1, 1)], "expires_on": [date(2026, 12, 31)]}
    )
    with pytest.raises(ContractError) as refused:
        cards.check_bearer_years(early)
    assert refused.value.code == "balances.card_years"
    cards.check_bearer_years(early.with_columns(expires_on=date(2027, 1, 1)))


def test_goods_held_for_customers_are_owed_and_not_for_sale():
    day = datetime(2026, 1, 1, tzinfo=UTC)
    rows = [
        ("c", "o1", "p", "s", "l", day, "paid", 5000, 900, date(2026, 1, 10)),
        ("c", "o1", "p", "s", "l", day + timedelta(days=3), "collected", -2000, -360, None),
        ("c", "o2", "p", "s", None, day, "paid", 1000, 180, None),
        ("c", "o2", "p", "s", None, day + timedelta(days=9), "refunded", -1000, -180, None),
    ]
    names = [
        "customer_id",
        "order_id",
        "product_id",
        "store_id",
        "lot_id",
        "at",
        "kind",
        "quantity_milli",
        "value_minor",
        "promised_on",
    ]
    moves = pl.DataFrame(rows, schema=names, orient="row")
    lots = pl.DataFrame({"lot_id": ["l"], "expires_on": [date(2026, 2, 1)]})
    open_ = held.owed(moves, as_of=date(2026, 1, 20), lots=lots)
    assert open_.rows() == [("c", "o1", "p", "s", 3000, 540, 19, date(2026, 1, 10), 10, date(2026, 2, 1))]
    assert held.owed(moves, as_of=date(2026, 1, 5)).height == 2
    stock = pl.DataFrame({"store_id": ["s"], "product_id": ["p"], "on_hand_milli": [2000]})
    assert held.free_stock(stock, open_)["free_milli"].to_list() == [-1000]


def test_counters_are_short_by_the_upper_end_less_what_they_have():
    want = pl.DataFrame({"store_id": ["a", "b"], "product_id": ["p", "p"], "expected_milli": [10_000, 8_000]})
    have = pl.DataFrame({"store_id": ["a"], "product_id": ["p"], "on_hand_milli": [11_500]})
    found = vouchers.goods_needed(want, have, upper_ratio=1.25)
    assert found.select("store_id", "upper_milli", "needed_milli").rows() == [
        ("b", 10_000, 10_000),
        ("a", 12_500, 1_000),
    ]


@pytest.mark.real_data
def test_coupons_of_whole_campaigns_come_in_by_share_of_life(real_data):
    redeemed = pl.read_parquet(real_data / "complete_journey" / "coupon_redemptions.parquet")
    campaigns = pl.read_parquet(real_data / "complete_journey" / "campaign_descriptions.parquet")
    last, first = redeemed["redemption_date"].max(), redeemed["redemption_date"].min()
    whole = campaigns.filter((pl.col("end_date") <= last) & (pl.col("start_date") >= first))
    uses = redeemed.join(whole, on="campaign_id")
    days = (pl.col("redemption_date") - pl.col("start_date")).dt.total_days()
    uses = uses.with_columns(days=days, life=(pl.col("end_date") - pl.col("start_date")).dt.total_days())
    share = (uses["days"] / uses["life"]).to_numpy()
    assert (whole.height, uses.height, (share <= 0.25).sum(), (share <= 0.5).sum()) == (19, 2001, 769, 1333)
    missed = dict.fromkeys(("share", "days", "linear"), 0.0)
    lengths, used = uses["life"].to_numpy(), uses["days"].to_numpy()
    for campaign in whole["campaign_id"]:
        own = (uses["campaign_id"] == campaign).to_numpy()
        so_far, true = int((share[own] <= 0.25).sum()), int(own.sum())
        guesses = {
            "share": vouchers.ultimate_by_life(so_far, 0.25, share[~own]),
            "days": vouchers.ultimate_by_life(so_far, 0.25 * lengths[own][0], used[~own]),
            "linear": so_far / 0.25,
        }
        for name, guess in guesses.items():
            missed[name] += abs((guess or 0.0) - true) / uses.height
    assert {name: round(error, 2) for name, error in missed.items()} == {"share": 0.13, "days": 0.22, "linear": 0.57}
