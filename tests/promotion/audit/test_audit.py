from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.audit.audit import audit

# Printed by R's CausalImpact 1.4.1 (cumulative, 95 % interval); its draws differ from run to run, and ours uses a
# diffuse prior on the coefficients: within a tenth of the interval's width.
CAUSAL_IMPACT = {
    "arma": (26.67, 7.99, 44.4),
    "google": (804, 539, 1073),
    "volks": (-3496, -4338, -2571),
}
TENTH = 0.1


def series(folder, name):
    table = pl.read_parquet(folder / "causal" / f"{name}.parquet")
    if name == "arma":
        return table["y"].to_numpy(), table.select("X").to_numpy(), np.arange(100) >= 70
    if name == "google":
        at = np.arange(table.height)
        return table["y"].to_numpy(), table.select("x1", "x2").to_numpy(), (at >= 61) & (at <= 90)
    during = ((table["Date"] >= "2015-09-20") & (table["Date"] <= "2017-03-19")).to_numpy()
    return table["VolksWagen"].to_numpy(), table.select("BMW", "Allianz").to_numpy(), during


@pytest.mark.real_data
@pytest.mark.parametrize("name", CAUSAL_IMPACT)
def test_the_audit_engine_gives_what_causal_impact_printed(name, real_data):
    y, x, during = series(real_data, name)
    effect, lower, upper = CAUSAL_IMPACT[name]
    got = audit(y, x, event=during, coverage=0.95)
    near = TENTH * (upper - lower)
    assert got.effect == pytest.approx(effect, abs=near)
    assert got.lower == pytest.approx(lower, abs=near)
    assert got.upper == pytest.approx(upper, abs=near)
    assert got.converged


def test_a_short_history_is_refused():
    with pytest.raises(ModelError) as refused:
        audit(np.ones(14), np.zeros((14, 0)), event=np.arange(14) >= 5)
    assert refused.value.code == "promotion.r8"


def test_a_series_without_control_still_has_an_interval_that_holds_the_truth():
    rng = np.random.default_rng(4)
    y = 100 + rng.normal(0, 5, 60)
    y[50:52] += 40
    got = audit(y, np.zeros((60, 0)), event=(np.arange(60) >= 50) & (np.arange(60) < 52))
    assert got.lower < 80 < got.upper
