"""What did the events bring: imputed base, effect by role, intervals calibrated on placebo events.

The effects are fitted on clean cells only; base = fitted × carry (× the answer to promoted siblings); effect = sold −
base. Every quantity is reported in whole thousandths of a unit, so that parts add up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from crmlib.core.frames import AnyFrame
from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift import placebo
from crmlib.promotion.lift.carry import NO_CARRY, Carry, carried, tune
from crmlib.promotion.lift.footprint import EVENT, HALO, ROLES, SIBLING, Footprint, Treated, footprint, treated
from crmlib.promotion.lift.panel import Index, Panel
from crmlib.promotion.lift.ppml import Effects, fit_effects, predict

MIN_CLEAN_WEEKS = 12
"""A store-product with fewer clean weeks has no base of its own (R8)."""
MIN_CONTROLS = 3
"""Untreated stores a week of a product needs, or its effect is not identified (R7)."""
MIN_COMPARED = 0.5
"""Share of an event's store-weeks that must have them; the others are left out of it."""
MIN_CLEAN_SALES = 1.0
"""An event's base may not exceed what its store-products sold in all their clean weeks times this: goods sold only in
the season of their promotion have nothing to be measured against (R8)."""
MAX_SIBLINGS = 3
MIN_SIBLING_UNITS = 200.0
"""Expected units behind an answer to promoted siblings; below it the answer is taken as 1."""
DEFAULT_COVERAGE = 0.9
TOLERANCE = 1e-4
"""Effects need not be finer than their noise."""
ROUNDS = 2
"""How often effects and carry take turns."""


@dataclass(frozen=True, slots=True)
class Lift:
    """Result of `lift`.

    parts : event_id, role (event, dip, waiting, sibling, halo, net), actual_milli, base_milli, effect_milli,
        lower_milli, upper_milli; for each event the roles' effects add up to net exactly.
    cells : event_id, store_id, product_id, week_n, role, siblings, actual_milli, base_units, counted (base known).
    events : event_id, status (ok, r7 too few untreated stores in most of its store-weeks, r8 too few clean weeks),
        stores, left_out (store-weeks without base, which actual and base leave out too), controls (untreated stores,
        least of the weeks), festival.
    base : imputed untreated units, clean : cells no event touches, shape (stores, products, weeks).
    placebos : one row per placebo and role: round, festival, role, actual, base [units].
    coverage : nominal share of intervals that hold the truth; achieved : the same share on placebos of other rounds.
    """

    parts: pl.DataFrame
    cells: pl.DataFrame
    events: pl.DataFrame
    placebos: pl.DataFrame
    base: Floats
    clean: Bools
    carry: Carry
    sibling_answer: tuple[float, ...]
    scale: placebo.Scale
    coverage: float
    achieved: float


def lift(
    panel: Panel,
    events: AnyFrame,
    *,
    rng: np.random.Generator,
    festival_weeks: frozenset[int] = frozenset(),
    rounds: int = 4,
    coverage: float = DEFAULT_COVERAGE,
) -> Lift:
    """Estimate every event's effect.

    Parameters
    ----------
    events : event_id, store_id, product_id, first_week_n, last_week_n: the stores where it was to run.
    festival_weeks : week_n of festival weeks: their placebos are kept apart from those of quiet weeks.
    rounds : how often a placebo is placed for each event and the model fitted anew without it.
    """
    rows = treated(events, panel=panel)
    touched = footprint(rows, panel=panel)
    if not touched.clean.any():
        return _unlearnt(panel, rows, touched, festival_weeks, coverage=coverage)
    first = fit_effects(panel.units, touched.clean, city=panel.city)
    carry = tune(panel.units, predict(first, city=panel.city), touched.clean)
    base, effects = impute(panel, touched.clean, carry=carry, start=first)
    answer = sibling_answer(panel.units, base, touched)
    kind = np.isin(np.arange(panel.weeks) + panel.first_week, list(festival_weeks))
    cells = _cells(panel, rows, touched, base, answer)
    errors = placebo.join(
        [
            _placebo_round(panel, rows, touched, effects, carry, fold=fold, festivals=festival_weeks, rng=rng)
            for fold in range(rounds)
        ]
    )
    scale = placebo.calibrate(errors, coverage=coverage)
    facts = _events(rows, touched, cells, kind, panel.units)
    return Lift(
        parts=_parts(cells, facts, scale),
        cells=cells,
        events=facts,
        placebos=placebo.frame(errors),
        base=base,
        clean=touched.clean,
        carry=carry,
        sibling_answer=answer,
        scale=scale,
        coverage=coverage,
        achieved=scale.achieved,
    )


def _unlearnt(panel: Panel, rows: Treated, touched: Footprint, festivals: frozenset[int], *, coverage: float) -> Lift:
    """Offers everywhere all the time: no event can be judged by comparison (R7), nothing is known of a base."""
    base, answer = np.full(panel.units.shape, np.nan), (1.0,) * MAX_SIBLINGS
    kind = np.isin(np.arange(panel.weeks) + panel.first_week, list(festivals))
    cells = _cells(panel, rows, touched, base, answer)
    errors = placebo.join([])
    scale, facts = placebo.calibrate(errors, coverage=coverage), _events(rows, touched, cells, kind, panel.units)
    return Lift(
        parts=_parts(cells, facts, scale), cells=cells, events=facts, placebos=placebo.frame(errors), base=base,
        clean=touched.clean, carry=NO_CARRY, sibling_answer=answer, scale=scale, coverage=coverage,
        achieved=scale.achieved,
    )  # fmt: skip


def missing_parts(lift: Lift, event_id: str) -> pl.DataFrame:
    """Roles of a judged event that could not be estimated, and why: role, reason.

    reason : few (there are cells, none with enough untreated stores, clean weeks or sales), taken (every such cell
        belongs to this event or to another one, as where an offer covers a whole category), no_partner (no product is
        linked to the event's goods as its complement). They are left out of net, not counted as 0.
    """
    judged = lift.events.filter(pl.col("event_id") == event_id, pl.col("status") == "ok").height
    mine = pl.col("event_id") == event_id
    cells = lift.cells.filter(mine)
    seen = set(cells["role"])
    told = set(lift.parts.filter(mine)["role"]) & set(cells.filter("counted")["role"])
    rows = [
        (role, "few" if role in seen else "no_partner" if role == ROLES[HALO] else "taken")
        for role in ROLES
        if judged and role not in told
    ]
    return pl.DataFrame(rows, schema={"role": pl.String, "reason": pl.String}, orient="row")


def impute(panel: Panel, clean: Bools, *, carry: Carry, start: Effects) -> tuple[Floats, Effects]:
    """Expected untreated units, shape (s, p, w): effects fitted with the carry as a known factor, carry anew."""
    check_shapes(panel=(panel.units, "stores products weeks"), clean=(clean, "stores products weeks"))
    effects = start
    for _ in range(ROUNDS):
        exposure = carried(panel.units, predict(effects, city=panel.city), clean, carry=carry)
        effects = fit_effects(
            panel.units, clean, city=panel.city, exposure=exposure, start=effects, tolerance=TOLERANCE
        )
    expected = predict(effects, city=panel.city)
    return expected * carried(panel.units, expected, clean, carry=carry), effects


def sibling_answer(units: Floats, base: Floats, touched: Footprint) -> tuple[float, ...]:
    """Sold / base of a product not on promotion while 1, 2, 3 or more of its siblings are."""
    check_shapes(units=(units, "stores products weeks"), base=(base, "stores products weeks"))
    flat, expected = units.reshape(-1), base.reshape(-1)
    alone = (touched.role == SIBLING) & np.isfinite(expected[touched.cell])
    count = np.minimum(touched.siblings, MAX_SIBLINGS)
    answer = []
    for k in range(1, MAX_SIBLINGS + 1):
        cells = touched.cell[alone & (count == k)]
        due = float(expected[cells].sum())
        answer.append(float(flat[cells].sum()) / due if due >= MIN_SIBLING_UNITS else 1.0)
    return tuple(answer)


def _placebo_round(
    panel: Panel,
    rows: Treated,
    touched: Footprint,
    effects: Effects,
    carry: Carry,
    *,
    fold: int,
    festivals: frozenset[int],
    rng: np.random.Generator,
) -> placebo.PlaceboErrors:
    """Place placebos, hide them, fit again from where the full fit ended, and see how far the base misses."""
    fake = placebo.place_placebos(rows, panel=panel, clean=touched.clean, festivals=festivals, rng=rng)
    hidden = footprint(fake, panel=panel)
    clean = touched.clean & hidden.clean
    base, _ = impute(panel, clean, carry=carry, start=effects)
    return placebo.placebo_errors(
        hidden,
        units=panel.units,
        base=base,
        clean=touched.clean,
        festival_cells=np.isin(np.arange(panel.weeks) + panel.first_week, list(festivals)),
        fold=fold,
        events=len(rows.ids),
    )


def _cells(panel: Panel, rows: Treated, touched: Footprint, base: Floats, answer: tuple[float, ...]) -> pl.DataFrame:
    """One row per touched cell; base is null where it cannot be known (R7, R8, censored)."""
    store, product, week = np.unravel_index(touched.cell, panel.units.shape)
    factor = np.array([1.0, *answer])[np.minimum(touched.siblings, MAX_SIBLINGS)]
    factor = np.where(touched.role == EVENT, factor, 1.0)  # a sibling's loss is its own effect, not its base
    value = base.reshape(-1)[touched.cell] * factor
    enough = _has_base(panel.units.shape, touched)[touched.cell]
    counted = enough & panel.known.reshape(-1)[touched.cell] & np.isfinite(value)
    return pl.DataFrame(
        {
            "event_id": rows.ids.gather(touched.event),
            "store_id": panel.stores.gather(store),
            "product_id": panel.products.gather(product),
            "week_n": pl.Series(week + panel.first_week, dtype=pl.Int32),
            "role": pl.Series(np.array(ROLES)[touched.role]),
            "siblings": touched.siblings,
            "actual_milli": pl.Series(np.rint(panel.units.reshape(-1)[touched.cell] * 1000), dtype=pl.Int64),
            "base_units": pl.Series(np.where(counted, value, 0.0)),
            "counted": pl.Series(counted),
        }
    ).sort("event_id", "role", "store_id", "product_id", "week_n")


def _has_base(shape: tuple[int, ...], touched: Footprint) -> Bools:
    """Cells whose product-week keeps enough untreated stores and whose store-product keeps enough clean weeks; flat."""
    controls = touched.clean.sum(axis=0) >= MIN_CONTROLS
    weeks = touched.clean.sum(axis=2) >= MIN_CLEAN_WEEKS
    return np.broadcast_to(weeks[:, :, None] & controls[None, :, :], shape).reshape(-1)


def _events(rows: Treated, touched: Footprint, cells: pl.DataFrame, kind: Bools, units: Floats) -> pl.DataFrame:
    """Facts of every event, and whether it can be judged."""
    per_week = touched.clean.sum(axis=0)
    by_pair = np.where(touched.clean, units, 0.0).sum(axis=2)
    sold = np.bincount(rows.event, weights=by_pair[rows.store, rows.product], minlength=len(rows.ids))
    controls = np.full(len(rows.ids), np.iinfo(np.int64).max)
    at_festival = np.zeros(len(rows.ids), dtype=np.bool_)
    for week in range(int((rows.last - rows.first).max(initial=0)) + 1):
        inside = rows.first + week <= rows.last
        event, at = rows.event[inside], rows.first[inside] + week
        np.minimum.at(controls, event, per_week[rows.product[inside], at])
        np.logical_or.at(at_festival, event, kind[at])
    facts = pl.DataFrame(
        {
            "event_id": rows.ids,
            "controls": controls,
            "compared": _compared(touched, per_week, events=len(rows.ids)),
            "festival": at_festival,
            "clean_units": sold,
        }
    )
    core = cells.filter(pl.col("role") == ROLES[EVENT])
    counts = core.group_by("event_id").agg(
        stores=pl.col("store_id").n_unique(),
        left_out=(~pl.col("counted")).sum(),
        counted=pl.col("counted").sum(),
        base=pl.col("base_units").sum(),
        sold=pl.col("actual_milli").filter("counted").sum(),
    )
    alone = pl.col("compared") < MIN_COMPARED
    empty = pl.col("base") + pl.col("sold") == 0  # neither expected nor sold: nothing to see
    young = (pl.col("counted") == 0) | empty | (pl.col("base") > MIN_CLEAN_SALES * pl.col("clean_units"))
    status = pl.when(alone).then(pl.lit("r7")).when(young).then(pl.lit("r8")).otherwise(pl.lit("ok"))
    joined = facts.join(counts, on="event_id", how="left", maintain_order="left").with_columns(status=status)
    return joined.select("event_id", "status", "stores", "left_out", "controls", "festival")


def _compared(touched: Footprint, per_week: Index, *, events: int) -> Floats:
    """Share of each event's own cells in whose week enough stores are untreated, shape (events,).

    One week without them costs that week, not the event.
    """
    core = touched.role == EVENT
    flat = touched.cell[core] % per_week.size
    enough = (per_week.reshape(-1)[flat] >= MIN_CONTROLS).astype(np.float64)
    counts = np.bincount(touched.event[core], minlength=events)
    return np.asarray(np.bincount(touched.event[core], weights=enough, minlength=events) / np.maximum(counts, 1))


def _parts(cells: pl.DataFrame, facts: pl.DataFrame, scale: placebo.Scale) -> pl.DataFrame:
    """Whole thousandths by event and role, net as their exact sum, intervals from the placebos."""
    good = facts.filter(pl.col("status") == "ok").select("event_id", "festival")
    sums = (
        cells.filter("counted")
        .join(good, on="event_id")
        .group_by("event_id", "festival", "role")
        .agg(pl.col("actual_milli").sum(), base_milli=(pl.col("base_units").sum() * 1000).round().cast(pl.Int64))
        .filter((pl.col("base_milli") != 0) | (pl.col("actual_milli") != 0))
    )
    net = sums.group_by("event_id", "festival").agg(pl.col("actual_milli", "base_milli").sum(), role=pl.lit("net"))
    table = pl.concat([sums, net.select(sums.columns)])
    table = table.with_columns(effect_milli=pl.col("actual_milli") - pl.col("base_milli"))
    order = {name: i for i, name in enumerate([*ROLES, "net"])}
    number = table["role"].replace_strict(order, return_dtype=pl.Int64).to_numpy()
    kind = table["festival"].to_numpy().astype(np.int64)
    width = scale.width(table["base_milli"].to_numpy() / 1000, number) * 1000
    effect = table["effect_milli"].to_numpy()
    lower, upper = effect - scale.high[kind, number] * width, effect - scale.low[kind, number] * width
    bounds = {"lower_milli": pl.Series(np.rint(lower)), "upper_milli": pl.Series(np.rint(upper))}
    table = table.with_columns(
        pl.Series(number).alias("order"), **{k: v.fill_nan(None).cast(pl.Int64) for k, v in bounds.items()}
    )
    return table.sort("event_id", "order").drop("order", "festival")
