"""Read-outs: right about nothing and about something, withheld where broken."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.core.experiments import sizes
from crmlib.core.proportions import newcombe
from crmlib.outreach.draw import Drawn, draw, seal, season
from crmlib.outreach.money import difference, raw_difference
from crmlib.outreach.programme import programme
from crmlib.outreach.read_out import read_out

PRINTED = 5e-7


def listed(people: int = 4_000, *, control_bp: int = 1_000, name: str = "L") -> Drawn:
    frame = pl.DataFrame({"recipient_id": [f"C{i:05}" for i in range(people)]})
    return draw(frame, list_id=name, version=1, key=b"k", control_bp=control_bp)


def outcomes(drawn: Drawn, rng: np.random.Generator, *, base: float, effect: float) -> pl.DataFrame:
    contact = (drawn.table["group"] == "contact").to_numpy()
    came = rng.random(contact.size) < base + effect * contact
    spend = (came * rng.lognormal(8, 0.5, contact.size)).astype(np.int64)
    return drawn.table.select("recipient_id").with_columns(
        pl.Series("came", came.astype(np.int8)), pl.Series("net_minor", spend)
    )


def test_an_effect_is_found_with_its_net_and_an_idle_list_shows_nothing() -> None:
    rng = np.random.default_rng(4)
    drawn = listed()
    found = read_out(drawn, outcomes(drawn, rng, base=0.2, effect=0.15), margin=0.4, cost_minor=10_000)
    assert found.low is not None
    assert found.low < 0.15 < found.high  # type: ignore[operator]
    assert found.money is not None
    assert found.net_minor == round(found.money.effect * found.n_contact * 0.4) - 10_000
    assert found.verdict == "pays"
    idle = read_out(drawn, outcomes(drawn, rng, base=0.2, effect=0.0), margin=0.4, cost_minor=0, planned=0.02)
    assert idle.verdict == "not_measurable"  # 400 controls do not show two points
    dear = read_out(drawn, outcomes(drawn, rng, base=0.2, effect=0.0), margin=0.4, cost_minor=10**9)
    assert dear.verdict == "costs"


def test_who_was_not_reached_still_counts_where_the_draw_put_them() -> None:
    rng = np.random.default_rng(5)
    drawn = listed(40_000)
    active = rng.random(40_000) < 0.5
    came = (rng.random(40_000) < np.where(active, 0.3, 0.1)).astype(np.int8)
    contact = (drawn.table["group"] == "contact").to_numpy()
    reached = contact & active  # wrong numbers belong to people who do not come anyway
    naive = came[reached].mean() - came[~contact].mean()
    assert naive > 0.08  # an effect out of nothing
    frame = drawn.table.select("recipient_id").with_columns(
        pl.Series("came", came), pl.Series("net_minor", came.astype(np.int64)), pl.Series("contacted", reached)
    )
    found = read_out(drawn, frame.filter(pl.col("came") == 1), margin=1.0, cost_minor=0)
    assert found.n_contact == int(contact.sum())
    assert found.low is not None
    assert found.low < 0 < found.high  # type: ignore[operator]


def test_contacted_controls_strangers_and_small_groups_withhold_the_effect() -> None:
    drawn = listed()
    none = drawn.table.select("recipient_id", came=pl.lit(0), net_minor=pl.lit(0), contacted=pl.lit(True))
    cases = {
        "outreach.control_contacted": (drawn, none),
        "outreach.strangers": (drawn, none.with_columns(recipient_id=pl.lit("X") + pl.col("recipient_id"))),
        "outreach.no_control": (listed(200), none.head(0)),
    }
    for code, (of, table) in cases.items():
        with pytest.raises(ModelError) as error:
            read_out(of, table, margin=1.0, cost_minor=0)
        assert error.value.code == code


def test_harm_is_the_only_verdict_of_an_early_look() -> None:
    rng = np.random.default_rng(6)
    drawn = listed(control_bp=5_000)
    good = read_out(drawn, outcomes(drawn, rng, base=0.2, effect=0.15), margin=1.0, cost_minor=0, look=1, looks=4)
    bad = read_out(drawn, outcomes(drawn, rng, base=0.4, effect=-0.15), margin=1.0, cost_minor=0, look=1, looks=4)
    assert (good.verdict, bad.verdict) == ("not_shown", "harm")


def test_people_on_another_list_are_counted_as_overlap() -> None:
    drawn = listed()
    table = outcomes(drawn, np.random.default_rng(1), base=0.2, effect=0.0)
    found = read_out(drawn, table, margin=1.0, cost_minor=0, on_other_lists=["C00001", "C00002", "elsewhere"])
    assert found.overlap == 2


def whales(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spend with a heavy tail, last year's of the same people, strata of last year with the top 1 % apart."""
    level = rng.lognormal(8, 1.6, n)
    before, after = level * rng.lognormal(0, 0.6, n), level * rng.lognormal(0, 0.6, n) * (rng.random(n) < 0.5)
    stratum = np.searchsorted(np.quantile(before, [0.8, 0.95, 0.99]), before).astype(np.int64)
    return after, before, stratum


def test_idle_lists_with_whales_are_called_effective_as_rarely_as_promised() -> None:
    rng = np.random.default_rng(11)
    n, draws, up = 2_000, 300, {"cut": 0, "raw": 0}
    both = 0
    for _ in range(draws):
        y, x, stratum = whales(rng, n)
        contact = rng.random(n) >= 0.1
        found = difference(y, contact, stratum=stratum, before=x)
        up["cut"] += found.low > 0
        up["raw"] += raw_difference(y, contact).low > 0
        both += found.low > 0 or found.high < 0
    assert up["raw"] / draws > 0.06  # Welch on raw money: the control lacks the whale
    assert up["cut"] / draws < 0.05
    assert both / draws < 0.085  # 5 % ± 3 se of 300 draws


def test_last_year_takes_variance_away_and_few_buyers_are_not_cut_to_nothing() -> None:
    rng = np.random.default_rng(2)
    y, x, stratum = whales(rng, 5_000)
    contact = rng.random(5_000) < 0.5
    found = difference(y, contact, stratum=stratum, before=x)
    assert found.cuped_gain is not None
    assert found.cuped_gain > 0.2
    rare = (rng.random(5_000) < 0.005) * 1_000.0
    assert difference(rare, contact).se > 0


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("arm", "visit", "interval", "spend", "se"),
    [
        ("Mens E-Mail", 0.076590, (0.069953, 0.083227), 0.769827, 0.145247),
        ("Womens E-Mail", 0.045233, None, 0.424412, 0.130333),
    ],
)
def test_hillstrom_is_the_reference(real_data, arm, visit, interval, spend, se):  # type: ignore[no-untyped-def]  # noqa: PLR0917
    rows = pl.read_parquet(real_data / "hillstrom" / "hillstrom.parquet").filter(
        pl.col("segment").is_in([arm, "No E-Mail"])
    )
    contact = (rows["segment"] == arm).to_numpy()
    v, s = rows["visit"].to_numpy(), rows["spend"].to_numpy()
    found = newcombe(v[contact].sum(), contact.sum(), v[~contact].sum(), (~contact).sum())
    assert found[0] == pytest.approx(visit, abs=PRINTED)
    if interval:
        assert found[1:] == pytest.approx(interval, abs=PRINTED)
    raw = raw_difference(s, contact)
    assert (raw.effect, raw.se) == pytest.approx((spend, se), abs=PRINTED)
    gain = difference(s, contact, before=rows["history"].to_numpy()).cuped_gain
    assert gain is not None
    assert gain < 0.001  # last year's spend does not help here, and the page says so


def test_the_season_holdout_sees_what_carries_over_and_sums_of_lists_do_not() -> None:
    rng = np.random.default_rng(8)
    n, months, effect, keep = 30_000, 6, 40.0, 0.8
    ids = [f"C{i}" for i in range(n)]
    held = season(ids, season_id="s", key=b"k", holdout_bp=1_000).to_numpy()
    lift, spent, summed, true = np.zeros(n), np.zeros(n), 0.0, 0.0
    for _ in range(months):
        contact = ~held & (rng.random(n) < 0.7)
        lift = keep * lift + effect * contact
        y = rng.gamma(2.0, 50.0, n) + lift
        control = ~held & ~contact
        summed += (y[contact].mean() - y[control].mean()) * contact.sum()
        true += lift.sum()
        spent += y
    table = pl.DataFrame({"recipient_id": ids, "season_holdout": held, "net_minor": spent.round().astype(np.int64)})
    found = programme(table, margin=1.0, cost_minor=0, cut=1.0)
    assert found.net_minor == pytest.approx(true, rel=0.1)
    assert summed < 0.6 * true
    with pytest.raises(ModelError) as error:
        programme(table.with_columns(season_holdout=pl.lit(value=False)), margin=1.0, cost_minor=0)
    assert error.value.code == "outreach.no_season_holdout"


def test_one_whale_moves_the_raw_difference_and_not_the_cut_one() -> None:
    rng = np.random.default_rng(3)
    y, contact = rng.lognormal(6, 1, 2_000), rng.random(2_000) < 0.9
    whale = y.copy()
    whale[np.flatnonzero(contact)[0]] = 1e7
    assert abs(difference(whale, contact).effect - difference(y, contact).effect) < 5
    assert raw_difference(whale, contact).effect > raw_difference(y, contact).effect + 5_000


def test_sizes_of_a_sound_list_pass_and_those_of_a_broken_one_withhold_the_effect() -> None:
    drawn = listed()
    table = drawn.table.select("recipient_id", came=pl.lit(0), net_minor=pl.lit(0))
    assert read_out(drawn, table, margin=1.0, cost_minor=0).srm_p > 0.9
    kept = drawn.table.filter((pl.col("group") == "contact") | (pl.int_range(pl.len()) % 2 == 0))
    halved = Drawn(kept, "L", 1, 1_000, seal(kept, list_id="L", version=1))
    found = sizes(treated=halved.table.filter(pl.col("group") == "contact").height, held=200, held_bp=1_000)
    assert found[1] < 0.001
    broken = read_out(halved, table.head(0), margin=1.0, cost_minor=0)
    assert (broken.verdict, broken.effect, broken.net_minor) == ("broken", None, None)


def test_a_thousand_sound_draws_by_the_season_rule_hardly_ever_alarm() -> None:
    alarms = 0
    for k in range(1_000):
        held = int(season([f"C{i}" for i in range(400)], season_id=f"s{k}", key=b"k", holdout_bp=1_000).sum())
        alarms += sizes(treated=400 - held, held=held, held_bp=1_000)[1] < 0.001
    assert alarms <= 3
