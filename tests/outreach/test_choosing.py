"""Which goods and which members, and the festival."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.kit.words import Words
from crmlib.outreach import counted, festival, new_to_them, repeat
from crmlib.outreach.members import cell_effects, choose, model_may_choose, qini

REFERENCE = 5e-6


@pytest.mark.real_data
def test_online_retail_repeat_recall_is_the_reference(retail: pl.DataFrame) -> None:
    before, last = repeat.split_last(retail)
    assert last["customer_id"].n_unique() == 3_170
    assert last.height / 3_170 == pytest.approx(21.95, abs=5e-3)
    fitted = repeat.fit(before, decay=0.9)
    assert last.join(fitted.own, on=["customer_id", "product_id"]).height / last.height == pytest.approx(
        0.394, abs=5e-4
    )
    assert fitted.pooled_rho == pytest.approx(0.08732, abs=REFERENCE)
    recalls = {n: repeat.recall(f, last) for n, f in (
        ("popular", repeat.popular(fitted)), ("personal", repeat.personal(fitted)), ("beta", repeat.recommend(fitted)),
    )}  # fmt: skip
    assert recalls["popular"] == pytest.approx(0.0389, abs=5e-5)
    assert recalls["personal"] == pytest.approx(0.18253, abs=REFERENCE)
    assert recalls["beta"] == pytest.approx(0.18349, abs=REFERENCE)
    assert repeat.recall(repeat.personal(fitted, decayed=True), last) == pytest.approx(0.1905, abs=5e-5)


def world(
    rng: np.random.Generator, *, taste: float, members: int = 600, goods: int = 30, days: int = 8
) -> pl.DataFrame:
    """Baskets whose chances are beta-distributed over members with correlation `taste`."""
    share = 0.3 / np.arange(1, goods + 1) ** 0.5
    s = 1 / max(taste, 1e-3) - 1
    chance = rng.beta(share * s, (1 - share) * s, (members, goods)) if taste > 0 else np.tile(share, (members, 1))
    bought = rng.random((days, members, goods)) < chance
    d, m, g = np.nonzero(bought)
    start = date(2024, 1, 1)
    return pl.DataFrame({
        "customer_id": np.char.mod("M%d", m), "product_id": np.char.mod("P%02d", g),
        "day": pl.Series(d).cast(pl.Int32).cast(pl.Date) + (start - date(1970, 1, 1)),
    })  # fmt: skip


@pytest.mark.parametrize("taste", [0.0, 0.05, 0.4])
def test_the_list_loses_to_neither_baseline_whatever_the_taste(taste: float) -> None:
    before, last = repeat.split_last(world(np.random.default_rng(3), taste=taste))
    fitted = repeat.fit(before, decay=1.0)
    better = max(
        repeat.recall(repeat.popular(fitted, top=5), last), repeat.recall(repeat.personal(fitted, top=5), last)
    )
    assert repeat.recall(repeat.recommend(fitted, top=5), last) >= 0.98 * better
    assert fitted.pooled_rho == pytest.approx(taste, abs=0.03)


def test_margin_stock_and_days_of_use_change_the_list() -> None:
    history = world(np.random.default_rng(5), taste=0.2)
    fitted = repeat.fit(history, decay=0.9)
    plain = repeat.recommend(fitted, top=3)
    assert plain.group_by("customer_id").len()["len"].to_list() == [3] * fitted.members.height
    first = plain["product_id"].mode()[0]
    without = [g for g in fitted.goods["product_id"] if g != first]
    assert first not in repeat.recommend(fitted, top=3, in_stock=without)["product_id"]
    money = fitted.goods.select(
        "product_id", margin_minor=pl.when(pl.col("product_id") == "P29").then(10**6).otherwise(1)
    )
    assert (repeat.recommend(fitted, top=1, margins=money)["product_id"] == "P29").all()
    owners = fitted.own.filter(pl.col("product_id") == first)["customer_id"]
    use = pl.DataFrame({"product_id": [first], "days": [10_000]})
    waiting = repeat.recommend(fitted, top=3, days_of_use=use, as_of=date(2024, 2, 1))
    assert waiting.filter(pl.col("product_id") == first, pl.col("customer_id").is_in(owners.implode())).is_empty()
    assert waiting.group_by("customer_id").len()["len"].min() == 3


def test_the_best_other_goods_are_found_without_looking_at_all_of_them() -> None:
    fitted = repeat.fit(world(np.random.default_rng(6), taste=0.3, members=60), decay=0.8)
    grid = fitted.members.join(fitted.goods, how="cross").join(
        fitted.own.select("customer_id", "product_id", "w"), on=["customer_id", "product_id"], how="left"
    )
    p = (pl.col("w").fill_null(0.0) + pl.col("p") * pl.col("s")) / (pl.col("lam") + pl.col("s"))
    full = grid.with_columns(score=p).sort("customer_id", "score", "popular", descending=[False, True, False])
    best = full.group_by("customer_id", maintain_order=True).head(7)
    found = repeat.recommend(fitted, top=7)
    assert found["product_id"].to_list() == best["product_id"].to_list()
    assert found["p"].to_list() == pytest.approx(best["score"].to_list())


@pytest.mark.parametrize("lines", [1, 7, 100])
def test_a_history_counted_in_parts_gives_the_same(monkeypatch: pytest.MonkeyPatch, lines: int) -> None:
    history = world(np.random.default_rng(7), taste=0.3, members=60).sample(fraction=1.0, shuffle=True, seed=1)
    whole = repeat.fit(history, decay=0.9)
    monkeypatch.setattr(counted, "LINES", lines)
    parts = repeat.fit(history, decay=0.9)
    for table in ("goods", "members", "held"):
        assert getattr(parts, table).equals(getattr(whole, table)), table


def test_members_without_a_second_basket_are_refused() -> None:
    with pytest.raises(ModelError) as error:
        repeat.fit(pl.DataFrame({"customer_id": ["a"], "day": [date(2024, 1, 1)], "product_id": ["p"]}), decay=1.0)
    assert error.value.code == "outreach.no_baskets"


@pytest.mark.real_data
def test_new_goods_have_a_slot_on_online_retail(retail: pl.DataFrame) -> None:
    rows = retail.filter(pl.col("customer_id").hash(7) % 6 == 0)
    slot = new_to_them.judge(rows, decay=0.9)
    assert slot.shown
    assert slot.recall > 1.5 * slot.popular


def test_the_slot_is_not_shown_where_taste_is_noise() -> None:
    slot = new_to_them.judge(world(np.random.default_rng(4), taste=0.0, members=400), decay=1.0, top=3)
    assert not slot.shown


def test_cells_are_shrunk_and_a_purpose_without_lists_is_unknown() -> None:
    read = pl.DataFrame({
        "objective": "win_back", "tier": ["A", "B", "C"] * 2, "recency": "30", "effect_minor": [900.0, 100, 120] * 2,
        "se_minor": [50.0, 50, 50] * 2,
    })  # fmt: skip
    effects = cell_effects(read)
    best = effects.filter(pl.col("tier") == "A")["effect_minor"].item()
    assert 800 < best < 900
    people = pl.DataFrame({
        "recipient_id": ["1", "2", "3"], "tier": ["B", "A", "Z"], "recency": "30", "value_minor": [9, 1, 5],
    })  # fmt: skip
    found = choose(people, effects, objective="win_back", margin=0.5, cost_minor=200)
    assert found.select("recipient_id", "reason").rows() == [("2", "paid"), ("3", "unknown"), ("1", "costs")]
    first = choose(people, effects, objective="launch", margin=0.5, cost_minor=200)
    assert first["recipient_id"].to_list() == ["1", "3", "2"]
    assert first["net_minor"].null_count() == 3


def test_a_model_chooses_only_beyond_two_deviations_on_twelve_halves() -> None:
    rng = np.random.default_rng(1)
    table = pl.DataFrame(
        {"model": rng.normal(0.94, 0.46, 12), "answers": rng.normal(1.87, 0.38, 12), "spend": np.zeros(12)}
    )
    assert not model_may_choose(table)
    assert not model_may_choose(pl.DataFrame({"model": [9.0] * 11, "answers": [0.0] * 11, "spend": [0.0] * 11}))
    n = 40_000
    score, contact = rng.random(n), rng.random(n) < 0.5
    y = (rng.random(n) < 0.1 + 0.2 * score * contact).astype(float)
    assert qini(y, contact, score) > 0.005
    assert abs(qini(y, contact, rng.random(n))) < 0.004


def season(rng: np.random.Generator, festival_on: date, total: int) -> pl.DataFrame:
    offset = np.clip(np.round(rng.normal(-8, 7, total)), -45, 3).astype(int)
    days = [festival_on + timedelta(days=int(o)) for o in offset]
    return pl.DataFrame({"day": days, "quantity_milli": [1_000] * total})


def test_a_festival_is_forecast_by_its_lunar_day() -> None:
    rng = np.random.default_rng(2)
    feasts = [date(2023, 9, 29), date(2024, 9, 17), date(2025, 10, 6), date(2026, 9, 25)]
    sales = pl.concat([season(rng, f, 6_000) for f in feasts])
    as_of = feasts[-1] - timedelta(days=14)
    found = festival.forecast(sales, festival_on=feasts[-1], past=feasts[:-1], as_of=as_of)
    assert found.total_milli == pytest.approx(6_000_000, rel=0.1)
    assert found.probable
    assert found.low_milli < found.total_milli < found.high_milli
    two = festival.forecast(sales, festival_on=feasts[-1], past=feasts[1:-1], as_of=as_of)
    assert not two.probable  # a range, no probability
    solar = festival.forecast(sales, festival_on=feasts[-1], past=[date(2025, 9, 25)], as_of=as_of)
    assert solar.total_milli > 1.5 * found.total_milli
    left = festival.cover(
        found, on_hand_milli=found.total_milli - found.sold_milli + 5, vouchers_out_milli=10, redemption=0.5
    )
    assert left == 0
    for past, code in (([], "festival.no_past"), (feasts[:-1], "festival.too_early")):
        with pytest.raises(ModelError) as error:
            festival.forecast(sales, festival_on=feasts[-1], past=past, as_of=feasts[-1] - timedelta(days=46))
        assert error.value.code == code


@given(
    opening=st.integers(0, 99), received=st.integers(0, 99), out=st.lists(st.integers(0, 30), min_size=5, max_size=5)
)
def test_stock_and_vouchers_add_up_or_are_refused(opening: int, received: int, out: list[int]) -> None:
    moves = {"opening": opening, "received": received, **dict(zip(festival.STOCK_OUT, out, strict=True))}
    left = opening + received - sum(out)
    if left < 0:
        with pytest.raises(ModelError):
            festival.check_stock(moves)
        return
    assert festival.check_stock({**moves, "left": left}) == left
    with pytest.raises(ModelError, match="counted"):
        festival.check_stock({**moves, "left": left + 1})


CODES = [
    "no_consent", "drawn", "control_contacted", "not_measurable", "no_season_holdout", "window_open", "control_small",
    "bad_id", "state", "own_approval", "strangers", "no_control", "placeholder", "remote_part", "outbox", "no_baskets",
    "never_open",
]  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "code",
    [*(f"outreach.error.{c}" for c in CODES), *(f"festival.error.{c}" for c in ("no_count", "no_past", "too_early"))],
)
def test_every_refusal_has_words_in_both_languages(code: str, language: str) -> None:
    assert all(Words(language).has(f"{code}.{part}") for part in ("given", "expected", "mend"))  # type: ignore[arg-type]
