"""One draw: the same anywhere, new per list, frozen."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.core.experiments import bound, sizes
from crmlib.outreach.campaign import NEXT, STATES, Campaign, advance, edit, freeze
from crmlib.outreach.draw import check_frozen, draw, numbers, season
from crmlib.outreach.power import check_measurable, needed, plan

KEY = b"test-key"
THOUSAND = pl.DataFrame({"recipient_id": [f"C{i:06}" for i in range(1, 1_001)]})
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)


def controls(list_id: str, frame: pl.DataFrame = THOUSAND) -> pl.DataFrame:
    table = draw(frame, list_id=list_id, version=1, key=KEY, control_bp=1_000).table
    return table.filter(pl.col("group") == "control").sort("draw_u")


def test_numbers_are_the_reference() -> None:
    found = [f"{numbers([c], list_id=i, key=KEY)[0]:016x}" for i, c in (
        ("L2026-09", "C000001"), ("L2026-09", "C000002"), ("L2026-10", "C000001"),
    )]  # fmt: skip
    assert found == ["13dcae23920d4a4d", "3f374718182879a4", "d12cb21284f8607a"]


@given(key=st.binary(max_size=100), who=st.text(st.characters(codec="utf-8", exclude_characters="\x1f"), max_size=12))
def test_numbers_equal_the_standard_library(key: bytes, who: str) -> None:
    digest = hmac.new(key, f"L\x1f{who}".encode(), hashlib.sha256).digest()
    assert numbers([who], list_id="L", key=key)[0] == int.from_bytes(digest[:8], "big")


def test_the_control_of_a_thousand_is_the_reference_and_new_per_list() -> None:
    first, second = controls("L2026-09"), controls("L2026-10")
    assert first.height == 100
    assert first["recipient_id"].head(3).to_list() == ["C000631", "C000087", "C000395"]
    assert sum(int(r[1:]) for r in first["recipient_id"]) == 45_514
    assert first.join(second, on="recipient_id", how="semi").height == 12


def test_order_and_batches_change_nothing() -> None:
    rng = np.random.default_rng(1)
    tier = pl.Series("tier", rng.choice(["A", "B", None], 1_000))
    frame = THOUSAND.with_columns(tier)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=3)
    one = draw(frame, list_id="L", version=1, key=KEY, control_bp=2_000, strata=["tier"])
    other = draw(shuffled, list_id="L", version=1, key=KEY, control_bp=2_000, strata=["tier"])
    assert one.seal == other.seal
    per = one.table.group_by("stratum").agg(n=pl.len(), held=(pl.col("group") == "control").sum())
    assert all(held == -(-n * 2 // 10) for n, held in per.select("n", "held").iter_rows())
    batches = [numbers(part["recipient_id"], list_id="L", key=KEY) for part in frame.iter_slices(170)]
    assert (np.concatenate(batches) == numbers(frame["recipient_id"], list_id="L", key=KEY)).all()


def test_a_household_shares_one_group() -> None:
    frame = THOUSAND.with_columns(household_id=pl.int_range(pl.len()) // 3)
    table = draw(frame, list_id="L", version=1, key=KEY, control_bp=3_000, cluster="household_id").table
    house = table.join(frame.with_columns(pl.col("household_id")), on="recipient_id")
    assert house.group_by("household_id").agg(pl.col("group").n_unique())["group"].max() == 1


def test_an_edited_enlarged_or_repeated_draw_is_refused() -> None:
    drawn = draw(THOUSAND, list_id="L", version=1, key=KEY, control_bp=1_000)
    check_frozen(drawn)
    swapped = drawn.table.with_columns(group=pl.col("group").reverse())
    larger = pl.concat([drawn.table, drawn.table.head(1).with_columns(recipient_id=pl.lit("X"))])
    for table in (swapped, larger):
        with pytest.raises(ModelError) as error:
            check_frozen(replace(drawn, table=table))
        assert error.value.code == "outreach.drawn"


def test_small_controls_and_separators_in_ids_are_refused() -> None:
    with pytest.raises(ModelError) as error:
        draw(THOUSAND, list_id="L", version=1, key=KEY, control_bp=500)
    assert error.value.code == "outreach.control_small"
    with pytest.raises(ModelError) as error:
        numbers(["a\x1fb"], list_id="L", key=KEY)
    assert error.value.code == "outreach.bad_id"


def test_the_season_holdout_is_three_per_cent_and_does_not_move_when_members_join() -> None:
    ids = [f"C{i}" for i in range(30_000)]
    held = season(ids, season_id="2026", key=KEY)
    assert 0.027 < float(held.mean()) < 0.033  # type: ignore[arg-type]
    assert season(ids[:100], season_id="2026", key=KEY).to_list() == held[:100].to_list()
    assert season(ids, season_id="2027", key=KEY).to_list() != held.to_list()


def test_power_chooses_the_smallest_control_that_shows_the_plan() -> None:
    assert plan(1_000, base=0.2437, planned=0.2).shows == pytest.approx(0.1383, abs=5e-5)
    assert [plan(n, base=0.2437, planned=0.05).control_bp for n in (3_000, 5_000, 10_000)] == [3_000, 2_000, 1_000]
    assert needed(base=0.2437, planned=0.05, control_bp=3_000) <= 3_000
    with pytest.raises(ModelError) as error:
        check_measurable(200, control_bp=1_000, base=0.2437, planned=0.05)
    assert error.value.code == "outreach.not_measurable"
    assert not plan(200, base=0.2437, planned=0.05).measurable


def test_sizes_and_bounds_are_the_published_ones() -> None:
    chi2, p = sizes(treated=8_900, held=1_100, held_bp=1_000)
    assert (round(chi2, 2), round(p, 5)) == (11.11, 0.00086)
    assert [round(bound(look=k, looks=5), 2) for k in (1, 5)] == [4.56, 2.04]  # Jennison & Turnbull, table 2.3


def life(owner: str = "ann") -> Campaign:
    return Campaign("L", 1, owner, NOON, 28)


def test_a_list_goes_its_whole_way_and_is_frozen_by_the_draw() -> None:
    drawn = draw(THOUSAND, list_id="L", version=1, key=KEY, control_bp=1_000)
    campaign = edit(life(), message_id="M1")
    campaign = freeze(campaign, drawn, at=NOON, actor="ann")
    for refused in (lambda: edit(campaign, message_id="M2"), lambda: freeze(campaign, drawn, at=NOON, actor="ann")):
        with pytest.raises(ModelError) as error:
            refused()
        assert error.value.code == "outreach.drawn"
    with pytest.raises(ModelError) as error:
        advance(campaign, "approved", at=NOON, actor="ann")
    assert error.value.code == "outreach.own_approval"
    for state, days in (("approved", 1), ("sending", 2), ("sent", 2)):
        campaign = advance(campaign, state, at=NOON + timedelta(days=days), actor="bob")  # type: ignore[arg-type]
    with pytest.raises(ModelError) as error:
        advance(campaign, "closed", at=NOON + timedelta(days=30), actor="bob")
    assert error.value.code == "outreach.window_open"
    campaign = advance(campaign, "closed", at=NOON + timedelta(days=31), actor="bob")
    assert advance(campaign, "read_out", at=NOON + timedelta(days=31), actor="bob").state == "read_out"


def test_no_other_move_exists_and_an_old_plan_is_not_sent() -> None:
    for state in STATES:
        for to in set(STATES) - set(NEXT[state]):
            with pytest.raises(ModelError):
                advance(replace(life(), state=state), to, at=NOON, actor="bob")
    with pytest.raises(ModelError) as error:
        advance(replace(life(), state="approved"), "sending", at=NOON + timedelta(days=15), actor="bob")
    assert error.value.code == "outreach.state"
