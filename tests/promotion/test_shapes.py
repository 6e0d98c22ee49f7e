"""Every public function of arrays refuses shapes that do not belong together, before they broadcast in silence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from crmlib.core.errors import ModelError
from crmlib.promotion.arrays import half_up
from crmlib.promotion.audit.audit import audit
from crmlib.promotion.audit.did import ratio_did
from crmlib.promotion.audit.sensitivity import fakeable, store_weeks
from crmlib.promotion.lift import placebo
from crmlib.promotion.lift.baseline import Season, expected, season, untreated
from crmlib.promotion.lift.carry import NO_CARRY, carried, tune
from crmlib.promotion.lift.footprint import footprint, treated
from crmlib.promotion.lift.lift import impute, lift, missing_parts, sibling_answer
from crmlib.promotion.lift.panel import panel
from crmlib.promotion.lift.ppml import fit_effects, predict
from crmlib.promotion.lift.separation import separate
from crmlib.promotion.plan.holdout import standard_error
from crmlib.simulate.promotions import promotion_world

S, P, W = 12, 6, 40


@pytest.fixture(scope="module")
def world():
    made = promotion_world(rng=np.random.default_rng(1), stores=S, products=P, weeks=W, cities=2)
    grid = panel(made.panel, stores=made.stores, products=made.products)
    rows = treated(made.events, panel=grid)
    touched = footprint(rows, panel=grid)
    return made, grid, rows, touched, fit_effects(grid.units, touched.clean, city=grid.city)


CALLS = {
    "fit_effects": lambda g, r, t, e: fit_effects(g.units, t.clean.T, city=g.city),
    "fit_effects city": lambda g, r, t, e: fit_effects(g.units, t.clean, city=g.city[:-1]),
    "fit_effects exposure": lambda g, r, t, e: fit_effects(g.units, t.clean, city=g.city, exposure=g.units[0]),
    "predict": lambda g, r, t, e: predict(e, city=g.city[:-1]),
    "separate": lambda g, r, t, e: separate(t.clean[0], t.clean, live=t.clean),
    "tune": lambda g, r, t, e: tune(g.units, g.units[:, :, :-1], t.clean),
    "carried": lambda g, r, t, e: carried(g.units, g.units.T, t.clean, carry=NO_CARRY),
    "impute": lambda g, r, t, e: impute(g, t.clean.T, carry=NO_CARRY, start=e),
    "sibling_answer": lambda g, r, t, e: sibling_answer(g.units, g.units.T, t),
    "untreated": lambda g, r, t, e: untreated(g.units, g.units[0], t.clean),
    "season": lambda g, r, t, e: season(g.units[0, 0], g.units[0], first_week=0, until=9, days=[]),
    "expected": lambda g, r, t, e: expected(g.units[0, 0], Season(1.0, np.zeros(0, int), known=False), until=9, days=7),
    "ratio_did": lambda g, r, t, e: ratio_did(g, r, clean=t.clean.T),
    "store_weeks": lambda g, r, t, e: store_weeks(g.units, g.units, t.clean.T),
    "fakeable": lambda g, r, t, e: fakeable(np.ones((2, 2)), 0.1),
    "variance_model": lambda g, r, t, e: placebo.variance_model(np.ones(3), np.ones(4)),
    "quantiles": lambda g, r, t, e: placebo.quantiles(np.ones((3, 2)), 0.9),
    "place_placebos": lambda g, r, t, e: placebo.place_placebos(
        r, panel=g, clean=t.clean[:-1], festivals=frozenset(), rng=np.random.default_rng(0)
    ),
    "placebo_errors": lambda g, r, t, e: placebo.placebo_errors(
        t, units=g.units, base=g.units, clean=t.clean, festival_cells=np.zeros(3, bool), fold=0, events=1
    ),
    "audit": lambda g, r, t, e: audit(np.ones(40), np.ones((1, 40)), event=np.arange(40) > 30),
    "audit event": lambda g, r, t, e: audit(np.ones(40), np.ones((40, 1)), event=np.arange(39) > 30),
    "standard_error": lambda g, r, t, e: standard_error(np.ones((2, 2)), np.ones(3), phi=1.0, tau=0.1),
    "half_up": lambda g, r, t, e: half_up(np.ones(3, int), np.ones(4, int)),
}


@pytest.mark.parametrize("name", CALLS)
def test_arrays_that_do_not_belong_together_are_refused_in_three_parts(name, world):
    with pytest.raises(ModelError) as refused:
        CALLS[name](*world[1:])
    assert refused.value.code == "frame.shape"
    assert refused.value.given and refused.value.expected and refused.value.mend


def test_where_nothing_was_sold_and_nothing_expected_there_is_nothing_to_see(world):
    """A product that no treated store ever sold has neither lift nor a dip of 0: it is not judged."""
    made, grid, rows, _, _ = world
    event = int(np.flatnonzero(np.bincount(rows.event) > 0)[0])
    mine = rows.event == event
    units = grid.units.copy()
    units[np.ix_(np.unique(rows.store[mine]), np.unique(rows.product[mine]))] = 0.0
    found = lift(replace(grid, units=units), made.events, rng=np.random.default_rng(2), rounds=1)
    name = str(rows.ids[event])
    row = found.events.filter(found.events["event_id"] == name).row(0, named=True)
    assert row["status"] == "r8"
    roles = found.parts.filter(found.parts["event_id"] == name)["role"].to_list()
    assert "dip" not in roles and "event" not in roles
    assert missing_parts(found, name).is_empty()  # it is not judged at all


def test_a_part_without_sales_or_base_is_missing_and_not_nought(world):
    made, grid, rows, _, _ = world
    event = 0
    mine = np.flatnonzero(rows.event == event)
    units = grid.units.copy()
    for i in mine:  # goods that are only ever bought on offer and before it: nothing in the weeks after
        units[rows.store[i], rows.product[i], rows.last[i] + 1 : rows.last[i] + 3] = 0.0
    stores, product = np.unique(rows.store[mine]), rows.product[mine[0]]
    weeks = slice(rows.last[mine].max() + 1, rows.last[mine].max() + 3)
    units[:, product, weeks] = 0.0
    found = lift(replace(grid, units=units), made.events, rng=np.random.default_rng(2), rounds=1)
    name = str(rows.ids[event])
    if found.events.filter(found.events["event_id"] == name)["status"].item() == "ok" and stores.size:
        assert "dip" in missing_parts(found, name)["role"].to_list()
        assert "dip" not in found.parts.filter(found.parts["event_id"] == name)["role"].to_list()
