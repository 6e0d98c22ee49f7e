"""Meetings and media: chains that close, money that sums, effect by lot only."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import combinations
from math import factorial

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.cases import media, meetings, sources
from crmlib.core.errors import ModelError

WON = {("R",): 6, ("P",): 2, ("M",): 4, ("R", "M"): 9, ("R", "P"): 3, ("P", "M"): 2, ("R", "P", "M"): 4}
DAY = date(2026, 3, 1)


def brute_shapley(won):
    """Shapley by its definition: every order of arrival of the media."""
    players = sorted({m for path in won for m in path})
    n = len(players)

    def worth(coalition):
        return sum(count for path, count in won.items() if set(path) <= set(coalition))

    out = {}
    for player in players:
        others = [p for p in players if p != player]
        out[player] = sum(
            Fraction(factorial(k) * factorial(n - k - 1), factorial(n)) * (worth((*s, player)) - worth(s))
            for k in range(n)
            for s in combinations(others, k)
        )
    return out


def test_shapley_of_counts_is_the_equal_split_among_distinct_media():
    assert media.shapley(WON) == {"R": Fraction(40, 3), "P": Fraction(35, 6), "M": Fraction(65, 6)}
    assert media.shapley(WON) == brute_shapley(WON)
    assert media.shapley({("R", "R", "P"): 6}) == {"R": 3, "P": 3}


def test_money_by_contract_sums_to_the_fen():
    assert media.allot(1_000_000, media.shapley(WON)) == {"R": 444_444, "P": 194_445, "M": 361_111}
    with pytest.raises(ModelError) as error:
        media.allot(100, {"a": 0})
    assert error.value.code == "cases.no_weights"


@given(st.integers(-10_000, 10_000), st.dictionaries(st.text("abcdef", min_size=1), st.integers(1, 99), min_size=1))
def test_shares_always_sum(total, weights):
    assert sum(media.allot(total, weights).values()) == total


def test_markov_of_the_textbook():
    assert media.markov({("C1", "C2", "C3"): 1}, {("C1",): 1, ("C2", "C3"): 1}) == pytest.approx(
        {"C1": 0.2, "C2": 0.4, "C3": 0.4}
    )


def test_a_reminder_without_effect_gets_credit_by_every_rule():
    """R brings, the reminder only follows R's leads: each rule credits it with orders it never made."""
    rng = np.random.default_rng(1)
    won: dict[tuple[str, ...], int] = {}
    lost: dict[tuple[str, ...], int] = {}
    for _ in range(4000):
        path = ("R", "reminder") if rng.random() < 0.8 else ("R",)
        target = won if rng.random() < 0.1 else lost  # the same chance with and without the reminder
        target[path] = target.get(path, 0) + 1
    table = sources.credit(won)
    reminder = table.row(by_predicate=pl.col("medium") == "reminder", named=True)
    assert reminder["shapley"] > 0.35
    assert reminder["last"] > 0.7
    assert media.markov(won, lost)["reminder"] > 0.3


def guests(rows):
    names = ["customer_id", "invited", "held_out", "is_new", "accepted", "came", "walk_in"]
    return pl.DataFrame(rows, schema=names, orient="row").select(
        "customer_id",
        "held_out",
        "is_new",
        "accepted",
        "walk_in",
        invited_at=pl.when("invited").then(pl.lit(DAY)),
        came_at=pl.when("came").then(pl.lit(DAY)),
    )


GUESTS = guests(
    [
        ("a", True, False, True, True, True, False),
        ("b", True, False, False, True, True, False),
        ("c", True, False, False, True, False, False),
        ("d", False, True, False, None, False, False),
        ("e", False, False, True, None, True, True),
    ]
)
SALES = pl.DataFrame(
    {
        "customer_id": ["a", "a", "e"],
        "sold_minor": [50_000, 1_000, 900],
        "collected_minor": [30_000, 1_000, 400],
        "refunded_minor": [5_000, 0, 500],
    }
)


def test_the_chain_of_an_event_closes():
    table = meetings.chain(GUESTS, SALES, big_minor=10_000)
    rows = {r["kind"]: r for r in table.iter_rows(named=True)}
    every = rows["all"]
    names = ("invited", "accepted", "came", "bought", "orders", "large", "small")
    assert [every[c] for c in names] == [3, 3, 3, 2, 3, 1, 2]
    assert every["came"] == sum(rows[k]["came"] for k in ("new", "old", "walk_in"))
    assert every["sold_minor"] == every["collected_minor"] + every["owed_minor"] + every["refunded_minor"]
    ratios = {r["ratio"]: r for r in meetings.ratios(table, staff=2, cost_minor=10_000).iter_rows(named=True)}
    assert (ratios["come_rate"]["numerator"], ratios["come_rate"]["denominator"]) == (2, 3)
    assert ratios["come_rate"]["low"] < 2 / 3 < ratios["come_rate"]["high"]
    assert ratios["sold_per_comer"]["low"] is None
    assert ratios["return_on_cost"]["value"] == pytest.approx(3.14)


def test_orders_of_people_who_did_not_come_are_refused():
    stranger = SALES.with_columns(customer_id=pl.lit("c"))
    with pytest.raises(ModelError) as error:
        meetings.chain(GUESTS, stranger, big_minor=10_000)
    assert error.value.code == "cases.guests"


def test_cost_per_order_shows_what_is_left():
    cost = meetings.cost_per_order(10_001, 7)
    assert cost.each_minor * cost.orders + cost.remainder_minor == cost.cost_minor
    assert meetings.cost_per_order(10_001, 0).each_minor is None


def event(n, rng, *, effect=0.15, held=0.2):
    """Intent makes people come and buy; coming adds `effect`; half of the tier's intent is seen."""
    intent = rng.random(n)
    out = rng.random(n) < held
    came = ~out & (rng.random(n) < 0.1 + 0.7 * intent)
    bought = rng.random(n) < 0.1 + 0.25 * intent + effect * came
    return pl.DataFrame({"held_out": out, "came": came, "bought": bought, "tier": intent > 0.5})


def test_came_against_not_flatters_and_the_lot_tells_the_truth():
    rng = np.random.default_rng(7)
    found, covered, naive, tiers = [], 0, [], []
    for _ in range(200):
        table = event(4000, rng)
        fit = meetings.effect(table, outcome="bought")
        found.append(fit.per_comer)
        low, high = fit.interval
        covered += low <= 0.15 <= high
        invited = table.filter(~pl.col("held_out"))
        gap = invited.group_by("came").agg(pl.col("bought").mean()).sort("came")["bought"]
        naive.append(gap[1] - gap[0])
        tier = invited.group_by("tier", "came").agg(pl.col("bought").mean()).sort("tier", "came")["bought"]
        tiers.append((tier[1] - tier[0] + tier[3] - tier[2]) / 2)
    assert np.mean(found) == pytest.approx(0.15, abs=0.01)
    assert covered / 200 == pytest.approx(0.945, abs=0.035)
    assert np.mean(naive) > 0.19
    assert 0.16 < np.mean(tiers) < np.mean(naive)


def test_without_a_lot_no_effect():
    with pytest.raises(ModelError) as error:
        meetings.effect(event(100, np.random.default_rng(1), held=0.0), outcome="bought")
    assert error.value.code == "cases.no_lot"


def test_one_event_shows_only_large_effects_and_says_how_many_are_missing():
    seen = meetings.smallest_visible(invited=400, held_out=100, base=0.25)
    assert seen == pytest.approx(0.136, abs=5e-4)
    more = meetings.guests_missing(wanted=0.05, invited=400, held_out=100, base=0.25)
    scale = (500 + more) / 500
    assert meetings.smallest_visible(invited=int(400 * scale), held_out=int(100 * scale), base=0.25) == pytest.approx(
        0.05, abs=1e-3
    )
    assert meetings.guests_missing(wanted=0.2, invited=400, held_out=100, base=0.25) == 0


@pytest.mark.real_data
def test_visitors_of_a_mail_trial_would_have_bought_anyway(real_data):
    table = pl.read_parquet(real_data / "hillstrom" / "hillstrom.parquet")
    mail = table["segment"] != "No E-Mail"
    frame = table.with_columns(held_out=~mail, came=pl.col("visit") == 1)
    fit = meetings.effect(frame, outcome="spend")
    assert fit.per_invited == pytest.approx(0.5968, abs=1e-4)
    assert fit.per_invited_se == pytest.approx(0.1126, abs=1e-4)

    def gap(rows):
        means = rows.group_by("came").agg(pl.col("spend").mean()).sort("came")["spend"]
        return means[1] - means[0]

    sent = frame.filter(mail)
    assert gap(sent) == pytest.approx(7.48, abs=0.01)
    assert gap(frame.filter(~mail)) == pytest.approx(6.15, abs=0.01), "visitors who got no mail spend as much more"
    claimed, true = gap(sent) * sent["came"].sum(), fit.per_invited * sent.height
    assert (claimed, true) == (pytest.approx(53_350, rel=1e-3), pytest.approx(25_480, rel=2e-3))


LEDGER = pl.DataFrame(
    [
        ("1", "a", date(2026, 3, 1), "order", 10_000), ("1", "a", date(2026, 3, 1), "payment", 6_000),
        ("1", "a", date(2026, 3, 20), "payment", 4_000), ("1", "a", date(2026, 4, 20), "refund", 4_000),
        ("2", "d", date(2026, 3, 5), "order", 500), ("3", "x", date(2026, 3, 5), "payment", 70),
    ],
    schema=["order_id", "customer_id", "at", "kind", "amount_minor"], orient="row",
)  # fmt: skip


def test_a_refund_after_the_return_days_is_not_taken_off_and_a_payment_alone_is_no_order():
    early = meetings.sales(LEDGER, until=date(2026, 3, 31))
    assert early.rows() == [("1", "a", 10_000, 10_000, 0), ("2", "d", 500, 0, 0)]
    assert meetings.sales(LEDGER, until=date(2026, 4, 30)).row(0) == ("1", "a", 10_000, 6_000, 4_000)


def test_orders_of_people_who_did_not_come_stand_apart_and_none_is_dropped():
    orders = meetings.sales(LEDGER, until=date(2026, 3, 31))
    came, others = meetings.apart(GUESTS, orders)
    assert (came["customer_id"].to_list(), others["customer_id"].to_list()) == (["a"], ["d"])
    meetings.chain(GUESTS, came, big_minor=1)
    with pytest.raises(ModelError):
        meetings.chain(GUESTS, orders, big_minor=1)


def test_came_against_not_says_more_than_the_lot_where_intent_makes_both():
    table = event(20_000, np.random.default_rng(3))
    assert meetings.came_against_not(table, outcome="bought") > 0.2 > meetings.effect(table, outcome="bought").per_comer
    assert meetings.came_against_not(table.clear(), outcome="bought") is None


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(-5_000, 90_000), min_size=1))
def test_contract_shares_sum_to_the_total_rounded_once(collected):
    law = {"a": 500, "b": 333, "c": 0}
    due = media.contract_shares(collected, law)
    total = sum(Fraction(max(v, 0) * law.get(k, 0), 10_000) for k, v in collected.items())
    assert sum(due.values()) == round(total)
    assert all(abs(due[k] - Fraction(max(v, 0) * law.get(k, 0), 10_000)) <= 1 for k, v in collected.items())
