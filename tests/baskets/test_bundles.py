"""Pairs within members, break-even, templates."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.baskets.break_even import break_even, uptake
from crmlib.baskets.pairs import pairs
from crmlib.baskets.rules import of_counts, rules
from crmlib.baskets.template import LiveOffer, Part, Template, available_sets, check, offer_row, order_slip, shared
from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ModelError
from crmlib.kit.words import Words

START = datetime(2026, 9, 1, tzinfo=UTC)


def shop(rng: np.random.Generator, *, members: int = 800, planted: float = 0.0, promoted: bool = False) -> pl.DataFrame:
    """Members with own tastes, alike for goods 0–4 ("the same people buy them"); good 7 draws good 8 at `planted`.

    With `promoted` the pull exists in promotion weeks only, and is reversed out of them.
    """
    trips = rng.integers(2, 12, members)
    who = np.repeat(np.arange(members), trips)
    fan = rng.beta(0.4, 0.8, members)[who]
    chance = np.column_stack([np.tile(fan[:, None] * 0.5, 5), np.full((who.size, 5), 0.25)])
    held = rng.random((who.size, 10)) < chance
    offer = rng.random(who.size) < 0.5
    pull = planted * np.where(offer, 1.0, -0.3) if promoted else np.full(who.size, planted)
    drawn = rng.random(who.size) < np.abs(pull)
    held[:, 8] = np.where(held[:, 7] & drawn, pull > 0, held[:, 8])
    basket, good = np.nonzero(held)
    return pl.DataFrame({
        "basket_id": basket, "customer_id": who[basket], "store_id": (who[basket] % 5),
        "product_id": np.char.mod("g%d", good), "promotion": offer[basket],
    })  # fmt: skip


def test_the_same_people_buying_both_is_not_together_but_a_complement_is() -> None:
    rng = np.random.default_rng(3)
    found = pairs(shop(rng, planted=0.35))
    assert found.together().select("left", "right").rows() == [("g7", "g8")]
    alike = found.table.filter(pl.col("left") == "g0", pl.col("right") == "g1")
    assert alike["lift"].item() > 1.4  # lift calls it together
    assert alike["ratio"].item() == pytest.approx(1.0, abs=0.05)


def test_no_pair_goes_together_is_an_answer() -> None:
    found = [pairs(shop(np.random.default_rng(seed), members=300)).together().height for seed in range(8)]
    assert sum(found) <= 2


def test_observed_expected_and_variance_are_those_of_the_formula() -> None:
    lines = shop(np.random.default_rng(1), members=120, planted=0.4)
    row = pairs(lines).table.row(by_predicate=(pl.col("left") == "g7") & (pl.col("right") == "g8"), named=True)
    o = e = v = 0.0
    sets = lines.group_by("customer_id", "basket_id").agg(
        i=(pl.col("product_id") == "g7").any(), j=(pl.col("product_id") == "g8").any()
    )
    for _, part in sets.group_by("customer_id"):
        n, a, b = part.height, int(part["i"].sum()), int(part["j"].sum())
        if n >= 2:
            o += int((part["i"] & part["j"]).sum())
            e += a * b / n
            v += a * b * (n - a) * (n - b) / (n**2 * (n - 1))
    assert (row["observed"], row["expected"]) == pytest.approx((o, e))
    assert row["z"] == pytest.approx((o - e) / v**0.5)


def test_a_pair_of_promotion_weeks_only_is_an_artefact() -> None:
    lines = shop(np.random.default_rng(4), planted=0.9, promoted=True)
    row = pairs(lines).table.row(by_predicate=(pl.col("left") == "g7") & (pl.col("right") == "g8"), named=True)
    assert row["verdict"] == "promotion_artefact"
    assert pairs(lines.drop("promotion")).together().height == 1  # unseen without the flag


def test_gates_hold_and_large_baskets_are_left_out() -> None:
    lines = shop(np.random.default_rng(5), planted=0.5)
    one_store = pairs(lines.with_columns(store_id=pl.lit(1)))
    assert one_store.table.is_empty()
    wide = pl.DataFrame({
        "basket_id": 10**6, "customer_id": 0, "store_id": 0, "product_id": [f"w{i}" for i in range(61)],
        "promotion": False,
    })  # fmt: skip
    assert pairs(pl.concat([lines, wide.cast(lines.schema)])).large == 1
    with pytest.raises(ModelError) as error:
        pairs(lines.head(20))
    assert error.value.code == "baskets.thin"
    weekly = lines.with_columns(store_week=pl.col("store_id").cast(pl.String) + "w1").drop("customer_id")
    assert pairs(weekly, unit="store_week").unit == "store_week"


def test_rules_of_counted_baskets_are_those_of_the_baskets(rng: np.random.Generator) -> None:
    drawn = pl.DataFrame({"basket_id": rng.integers(0, 900, 4000), "product_id": rng.integers(0, 12, 4000)})
    lines = drawn.unique().with_columns(pl.format("g{}", "product_id").alias("product_id"))
    goods = lines.group_by("product_id").agg(baskets=pl.len())
    both = lines.join(lines, on="basket_id", suffix="_other").filter(pl.col("product_id") < pl.col("product_id_other"))
    pairs = both.group_by(left="product_id", right="product_id_other").agg(baskets=pl.len())
    counted = of_counts(goods, pairs, baskets=lines["basket_id"].n_unique())
    assert counted.equals(rules(lines)) and counted.height > 100


@pytest.mark.real_data
def test_groceries_lift_and_break_even_are_the_reference(real_data: Path) -> None:
    lines = pl.read_parquet(real_data / "groceries" / "groceries_long.parquet").rename({"item": "product_id"})
    found = rules(lines, least=69)
    top = found.filter(pl.col("baskets") >= 99).row(0, named=True)
    assert (top["left"], top["right"], top["baskets"]) == ("beef", "root vegetables", 171)
    assert (top["lift"], top["bound"]) == pytest.approx((3.0404, 2.6804), abs=5e-5)
    assert rules(lines, least=1).row(0, named=True)["baskets"] < 5  # the bound alone does not cure lift
    sold = dict(lines.group_by("product_id").agg(pl.col("basket_id").n_unique()).iter_rows())

    def pair(left: str, right: str, off: int) -> dict[str, object]:
        both = found.row(by_predicate=(pl.col("left") == left) & (pl.col("right") == right), named=True)["baskets"]
        frame = pl.DataFrame({
            "both": [both], "left_baskets": [sold[left]], "right_baskets": [sold[right]], "discount_minor": [2 * off],
            "margin_minor": [25],
        })  # fmt: skip
        return break_even(frame).row(0, named=True)

    milk, herbs = ("whole milk", "other vegetables"), ("herbs", "root vegetables")
    assert [pair(*milk, 10)[c] for c in ("needed", "single")] == [2_944, 2_944]
    assert [pair(*herbs, 10)[c] for c in ("needed", "single")] == [276, 1_094]
    assert pair(*milk, 5)["needed"] == pytest.approx(490.67, abs=5e-3)
    assert pair(*herbs, 5)["needed"] == 46


def test_a_discount_above_the_margin_never_pays_and_ranks_last() -> None:
    table = pl.DataFrame({
        "both": [10, 10], "left_baskets": [100, 100], "right_baskets": [100, 100], "discount_minor": [30, 5],
        "margin_minor": [25, 25],
    })  # fmt: skip
    found = break_even(table)
    assert found["discount_minor"].to_list() == [5, 30]
    assert found["needed"].to_list() == [2.5, None]
    assert found["pays_at_ten"].to_list() == [True, False]
    grid = uptake({"both": 10, "single": 180, "discount_minor": 5, "margin_minor": 25})
    assert grid["profit_minor"].is_sorted()


def box(**changes: object) -> Template:
    parts = (Part("a", 1, 5_900, 3_000), Part("b", 1, 3_900, 2_000), Part("c", 1, 2_900, 1_500))
    return replace(Template("B1", 1, parts, START, START + timedelta(days=30), price_minor=11_700), **changes)  # type: ignore[arg-type]


def test_an_order_slip_is_exact_to_the_minor_unit() -> None:
    assert [line.discount_minor for line in order_slip(box(), sets=1)] == [465, 307, 228]
    gift = Part("g", 1, 990, 400)
    lines = order_slip(box(gift=gift), sets=3)
    assert sum(line.net_minor for line in lines) == 3 * 11_700
    assert lines[-1].net_minor == 0


@given(total=st.integers(-500, 10**9), weights=st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
def test_what_is_shared_out_is_all_there(total: int, weights: list[int]) -> None:
    found = shared(total, weights)
    assert sum(found) == total
    if sum(weights):
        assert all(abs(f - total * w / sum(weights)) <= 1 + 1e-6 * abs(f) for f, w in zip(found, weights, strict=True))


def test_bundles_below_cost_incomplete_or_dearer_than_a_live_offer_are_refused() -> None:
    check(box())
    live = LiveOffer("O1", START + timedelta(days=3), START + timedelta(days=5), ("S1",), 11_000)
    cases = {
        "baskets.below_cost": lambda: check(box(price_minor=8_800, gift=Part("g", 1, 990, 2_620))),
        "baskets.clash": lambda: check(box(stores=("S1", "S2")), live=[live]),
        "baskets.template": lambda: check(box(rate_bp=9_000)),
    }
    for code, call in cases.items():
        with pytest.raises(ModelError) as error:
            call()
        assert error.value.code == code
        assert all(
            Words(w).has(f"baskets.error.{code[8:]}.{p}") for w in ("zh", "en") for p in ("given", "expected", "mend")
        )
    check(box(stores=("S9",)), live=[live])
    check(box(starts_at=START + timedelta(days=6)), live=[live])
    with pytest.raises(ModelError, match=r"cost 91\.20"):
        check(box(price_minor=8_800, gift=Part("g", 1, 990, 2_620)))


def test_a_template_becomes_an_offer_and_sets_are_counted_in_stock() -> None:
    rated = box(price_minor=None, rate_bp=9_000)
    row = offer_row(rated)
    assert (row["mechanic"], row["price_minor"], row["bundle_units"]) == ("bundle", 11_430, ["1", "1", "1"])
    origin = {"src_name": "b", "src_file": "b", "src_line": 1, "known_at": START}
    schema = CONTRACTS["offers"].schema
    types = {c: f.dtype for c, f in schema.columns().items()}
    full = dict.fromkeys(types) | row | origin
    utc = {c: pl.Datetime("us", "UTC") if isinstance(d, pl.Datetime) else d for c, d in types.items()}
    assert schema.is_valid(pl.DataFrame([full], schema=utc).cast(pl.Schema(types)))
    double = box(gift=Part("a", 1, 5_900, 0))
    assert available_sets(double, {"a": 9, "b": 9, "c": 9}) == 4
    assert available_sets(double, {"a": 9, "b": 9}) == 0


def test_members_and_stores_of_each_pair_are_counted_as_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shop(np.random.default_rng(9), members=150, planted=0.3)
    whole = pairs(lines).table
    monkeypatch.setattr("crmlib.baskets.pairs.BLOCK", 2_000)  # many blocks give the same counts
    assert pairs(lines).table.equals(whole)
    monkeypatch.setattr("crmlib.baskets.pairs.MOST_CELLS", 0)  # as with goods by the thousand
    assert pairs(lines).table.equals(whole)
    far = pl.col("basket_id").cast(pl.Int64) * 10**12 - 5
    assert pairs(lines.with_columns(basket_id=far, store_id=pl.format("S{}", "store_id"))).table.equals(whole)
    trips = lines.group_by("customer_id").agg(pl.col("basket_id").n_unique())
    kept = lines.join(trips.filter(pl.col("basket_id") >= 2).select("customer_id"), on="customer_id")
    for row in whole.head(10).iter_rows(named=True):
        held = [set(kept.filter(pl.col("product_id") == row[side])["basket_id"]) for side in ("left", "right")]
        both = kept.filter(pl.col("basket_id").is_in(list(held[0] & held[1])))
        assert row["baskets"] == both["basket_id"].n_unique()
        assert (row["members"], row["stores"]) == (both["customer_id"].n_unique(), both["store_id"].n_unique())
