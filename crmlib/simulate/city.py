"""A city whose truth is known: cells, own stores, rivals, candidates, card flows, openings, and what each would earn.

The truth is computed here on its own, not by `crmlib.sites`: it can follow a power or an exponential decay or a power
with an offset, an own-brand nest, uneven card enrolment and rivals that the competitor file misses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal, TypeAlias

import h3
import numpy as np
import polars as pl
from numpy.typing import NDArray

from crmlib.core.coordinates import distance_km
from crmlib.simulate.network import Known

Array: TypeAlias = NDArray[np.float64]

RESOLUTION = 8
CHAINS = ("Baiwei", "Linfu", "Sanyuan", "Yonghe", "independent")
CHAIN_EFFECTS = (0.35, 0.1, -0.15, 0.2, -0.5)
VISITS_PER_MEMBER = 9.0
CARD_SHARE = 0.45
HISTORY_MONTHS = 54
STEPS = 200  # rounds at most until known stores sell what they sold
GAP_MONTHS = 18  # between the ends of the two 12-month periods that card flows cover


@dataclass(frozen=True, slots=True)
class CityPlan:
    """What to build.

    cells, own, rivals, candidates : how many; people : inhabitants; decay, lambda_ : form and strength of distance,
    offset_km : of form ``offset``; nest : τ of own stores (1 = plain logit); area_exponent, income_elasticity,
    transit_effect, outside : the rest of the utility; sigma : sd of store effects; per_head : spending on the category
    [yuan a year]; enrolment_sd : sd of log card share between stores; missing : share of rivals absent from the file;
    openings : own stores opened in the half year after the first period; end : last day of the second period, a month's
    last day; centre : of the town; area_m2, rival_area_m2 : median size of stores; visit : yuan a card visit;
    month_sd : noise of a month's sales; old_years : how long before the end old stores opened, from and below;
    rent : a month [yuan per m²]; fixed : a month, once and per m² [yuan]; capex : once and per m² [yuan].
    """

    cells: int = 5000
    own: int = 120
    rivals: int = 150
    candidates: int = 300
    people: float = 6e6
    decay: Literal["power", "exponential", "offset"] = "power"
    lambda_: float = 1.8
    offset_km: float = 1.5
    nest: float = 1.0
    area_exponent: float = 0.6
    income_elasticity: float = 0.7
    transit_effect: float = 0.25
    outside: float = 0.5
    sigma: float = 0.3
    per_head: float = 280.0
    enrolment_sd: float = 0.3
    missing: float = 0.0
    openings: int = 10
    end: date = date(2025, 6, 30)
    centre: tuple[float, float] = (30.27, 120.16)
    area_m2: float = 150.0
    rival_area_m2: float = 260.0
    visit: float = 58.0
    month_sd: float = 0.05
    old_years: tuple[int, int] = (9, 14)
    rent: float = 140.0
    fixed: tuple[float, float] = (9000.0, 45.0)
    capex: tuple[float, float] = (300_000.0, 4500.0)


def periods(plan: CityPlan) -> tuple[date, date]:
    """Ends of the two 12-month periods: before the openings, and after them.

    Examples
    --------
    >>> [str(day) for day in periods(CityPlan())]
    ['2023-12-31', '2025-06-30']
    """
    return _month(plan, -GAP_MONTHS + 1) - timedelta(days=1), plan.end


@dataclass(frozen=True, slots=True)
class City:
    """Tables as a company would have them (WGS-84), and the truth.

    cells, sites, competitors, card_flows, openings : see `crmlib.core.contracts.sites`. truth : site_id, gross, net
    (yuan a year, each candidate on its own, its own effect included), gross_known (at effect 0), gross_mean (over all
    effects: the forecast of one who knows everything but the store itself). stores : of own stores, site_id, effect and
    gross.
    """

    plan: CityPlan
    cells: pl.DataFrame
    sites: pl.DataFrame
    competitors: pl.DataFrame
    card_flows: pl.DataFrame
    openings: pl.DataFrame
    truth: pl.DataFrame
    stores: pl.DataFrame


def build(plan: CityPlan, *, rng: np.random.Generator, prefix: str = "", known: Known | None = None) -> City:
    """Build a city; the same plan and generator state give the same city.

    Parameters
    ----------
    known : own stores that stand among the plan's, whose effects are those under which they sell what they sold.

    Examples
    --------
    >>> city = build(CityPlan(cells=200, own=10, rivals=8, candidates=5, openings=2), rng=np.random.default_rng(1))
    >>> city.cells.height, city.sites["kind"].value_counts(sort=True)["count"].to_list()
    (200, [10, 5])
    """
    cells = _cells(plan, rng)
    new = plan.own - (0 if known is None else known.stores.height)
    own = _places(new, cells, rng, prefix=f"{prefix}{'S' if known is None else 'F'}", area=plan.area_m2, spread=0.5)
    rivals = _places(plan.rivals, cells, rng, prefix=f"{prefix}R", area=plan.rival_area_m2, spread=0.6).with_columns(
        transit=pl.lit(0.0)
    )
    candidates = _places(plan.candidates, cells, rng, prefix=f"{prefix}C", area=plan.area_m2, spread=0.35)
    effects = rng.normal(0, plan.sigma, new)
    candidate_effects = rng.normal(0, plan.sigma, plan.candidates)
    chain = rng.integers(0, len(CHAINS), plan.rivals)
    pull = _utility(plan, cells, rivals) + np.asarray(CHAIN_EFFECTS)[chain]
    opened = _opening_days(plan, new, rng)
    if known is not None:
        own = pl.concat([known.places(own.schema), own])
        opened = [*known.stores["opened_on"], *opened]
        effects = np.concatenate([np.zeros(known.stores.height), effects])
    world = _World(plan, cells, own, effects, pull)
    world = world if known is None else _settled(world, known)
    first, last = periods(plan)
    recent = np.array([first < d for d in opened])
    flows = {first: _flows(world, ~recent), last: _flows(world, np.ones(plan.own, dtype=bool))}
    seen = rng.random(plan.rivals) >= plan.missing
    sites = _sites(plan, own, candidates, cells, opened, rng)
    return City(
        plan=plan,
        cells=cells.drop("demand", "within_km"),
        sites=sites if known is None else known.costs(sites),
        competitors=rivals.drop("transit")
        .rename({"site_id": "competitor_id"})
        .with_columns(chain=pl.Series([CHAINS[i] for i in chain]))
        .filter(pl.Series(seen)),
        card_flows=_card_flows(plan, flows, cells, own, rng, known),
        openings=_months(plan, flows, own, opened, rng, known),
        truth=_truth(world, candidates, candidate_effects),
        stores=own.select("site_id", effect=pl.Series(world.effects), gross=pl.Series(flows[last].sum(axis=0))),
    )


@dataclass(frozen=True, slots=True)
class _World:
    """Plan, cells, own stores, their effects, utilities of rivals (c, r)."""

    plan: CityPlan
    cells: pl.DataFrame
    own: pl.DataFrame
    effects: Array
    rivals: Array


def _cells(plan: CityPlan, rng: np.random.Generator) -> pl.DataFrame:
    """Hexagons around the centre, densest in a few quarters, income smooth in space."""
    ring = int(np.ceil((np.sqrt(12 * plan.cells - 3) - 3) / 6)) + 1
    disk = h3.grid_disk(h3.latlng_to_cell(*plan.centre, RESOLUTION), ring)
    lat, lon = np.array([h3.cell_to_latlng(c) for c in disk]).T
    order = np.argsort(distance_km(lat, lon, *plan.centre), kind="stable")[: plan.cells]
    lat, lon, ids = lat[order], lon[order], [disk[i] for i in order]
    radius = distance_km(lat, lon, *plan.centre).max()
    density = np.full(plan.cells, 0.03)
    wealth = np.zeros(plan.cells)
    for weight in (1.0, 0.5, 0.4, 0.3, 0.25, 0.2):
        centre = rng.integers(plan.cells) if weight < 1 else 0
        km = distance_km(lat, lon, lat[centre], lon[centre])
        density += weight * np.exp(-0.5 * (km / (0.22 * radius)) ** 2)
        wealth += rng.normal(0, 0.3) * np.exp(-0.5 * (km / (0.3 * radius)) ** 2)
    people = density * rng.lognormal(0, 0.5, plan.cells)
    people = np.round(people / people.sum() * plan.people)
    income = np.round(6500 * np.exp(wealth + rng.normal(0, 0.12, plan.cells)), -1)
    area = np.array([h3.cell_area(c, unit="km^2") for c in ids])
    relative = income / np.average(income, weights=people + 1e-9)
    return pl.DataFrame(
        {
            "cell_id": ids, "lat": lat.round(6), "lon": lon.round(6), "crs": "WGS84",
            "population": people.astype(np.int64), "income_minor_month": (income * 100).astype(np.int64),
            "area_km2": area.round(4), "demand": people * plan.per_head * relative**plan.income_elasticity,
            "within_km": 0.511 * np.sqrt(area),
        }
    )  # fmt: skip


def _places(
    n: int, cells: pl.DataFrame, rng: np.random.Generator, *, prefix: str, area: float, spread: float
) -> pl.DataFrame:
    """Stores where people are, with area and access."""
    weight = cells["population"].to_numpy() ** 0.8
    cell = rng.choice(cells.height, n, p=weight / weight.sum(), replace=n > cells.height)
    lat = cells["lat"].to_numpy()[cell] + rng.normal(0, 0.002, n)
    lon = cells["lon"].to_numpy()[cell] + rng.normal(0, 0.002, n)
    return pl.DataFrame(
        {
            "site_id": [f"{prefix}{i:03d}" for i in range(1, n + 1)], "lat": lat.round(6), "lon": lon.round(6),
            "crs": ["WGS84"] * n, "area_m2": np.round(area * rng.lognormal(0, spread, n)).clip(25, 3000),
            "transit": (rng.random(n) < 0.35).astype(float),
        }
    )  # fmt: skip


def _utility(plan: CityPlan, cells: pl.DataFrame, stores: pl.DataFrame) -> Array:
    """True utility of stores at effect 0 (c, n)."""
    lat, lon = cells["lat"].to_numpy()[:, None], cells["lon"].to_numpy()[:, None]
    km = distance_km(lat, lon, stores["lat"].to_numpy()[None, :], stores["lon"].to_numpy()[None, :])
    if plan.decay == "power":
        pull = plan.lambda_ * np.log(km + cells["within_km"].to_numpy()[:, None])
    elif plan.decay == "exponential":
        pull = plan.lambda_ * km
    else:
        pull = plan.lambda_ * np.log(km + plan.offset_km)
    size = plan.area_exponent * np.log(stores["area_m2"].to_numpy() / 100)
    return np.asarray(size + plan.transit_effect * stores["transit"].to_numpy() - pull)


def _own_share(own: Array, rest: Array, nest: float) -> tuple[Array, Array]:
    """Share of all own stores (c,) and of each among them (c, j), from utilities and the rest's exp-sum."""
    scaled = own / nest
    top = scaled.max(axis=1, keepdims=True)
    weights = np.exp(scaled - top)
    inclusive = nest * (top[:, 0] + np.log(weights.sum(axis=1)))
    return np.exp(inclusive) / (np.exp(inclusive) + rest), weights / weights.sum(axis=1, keepdims=True)


def _flows(world: _World, present: NDArray[np.bool_]) -> Array:
    """True yuan a year from cell to own store (c, j); zero for stores not there."""
    rest = np.exp(world.rivals).sum(axis=1) + np.exp(world.plan.outside)
    utility = _utility(world.plan, world.cells, world.own) + world.effects
    utility[:, ~present] = -np.inf
    share, inside = _own_share(utility, rest, world.plan.nest)
    return np.asarray(world.cells["demand"].to_numpy()[:, None] * share[:, None] * inside)


def _settled(world: _World, known: Known) -> _World:
    """The world in which known stores sell what their receipts say of the last year, whatever the others do."""
    _, last = periods(world.plan)
    yearly = np.array([known.year(store, last) or np.nan for store in known.stores["store_id"]])
    told, effects = np.flatnonzero(np.isfinite(yearly)), world.effects.copy()
    for _ in range(STEPS):
        sold = _flows(replace(world, effects=effects), np.ones(len(effects), dtype=bool)).sum(axis=0)[told]
        gap = np.log(yearly[told] / sold)
        effects[told] += gap
        if not len(told) or np.abs(gap).max() < 1e-9:
            break
    return replace(world, effects=effects)


def _truth(world: _World, candidates: pl.DataFrame, effects: Array) -> pl.DataFrame:
    """Gross and net of each candidate on its own; its gross at effect 0, and the mean of it over all effects."""
    nest, demand = world.plan.nest, world.cells["demand"].to_numpy()
    rest = np.exp(world.rivals).sum(axis=1) + np.exp(world.plan.outside)
    own = np.exp((_utility(world.plan, world.cells, world.own) + world.effects) / nest).sum(axis=1)
    utility = _utility(world.plan, world.cells, candidates)
    nodes, weights = np.polynomial.hermite_e.hermegauss(15)

    def chain(total: Array) -> Array:
        return np.asarray(total**nest / (total**nest + rest))

    def gross(pull: Array) -> float:
        return float(demand @ (pull / (own + pull) * chain(own + pull)))

    rows = []
    for n, effect in enumerate(effects):
        pull = np.exp((utility[:, n] + effect) / nest)
        net = float(demand @ (chain(own + pull) - chain(own)))
        drawn = [gross(np.exp((utility[:, n] + world.plan.sigma * z) / nest)) for z in nodes]
        rows.append((gross(pull), net, gross(np.exp(utility[:, n] / nest)), np.average(drawn, weights=weights)))
    columns = dict(zip(("gross", "net", "gross_known", "gross_mean"), np.array(rows).reshape(-1, 4).T, strict=True))
    return pl.DataFrame({"site_id": candidates["site_id"], **columns, "effect": effects})


def _opening_days(plan: CityPlan, n: int, rng: np.random.Generator) -> list[date]:
    """Most stores are old; a fifth opened early in the history, some in the half year after the first period."""
    years, months = rng.integers(*plan.old_years, n), rng.integers(0, 12, n)
    days = [_month(plan, -12 * int(y) - int(m)) for y, m in zip(years, months, strict=True)]
    order = rng.permutation(n)
    for i in order[: plan.openings]:
        days[i] = _month(plan, -GAP_MONTHS + 1 + int(rng.integers(0, 6)))
    for i in order[plan.openings : plan.openings + n // 5]:
        days[i] = _month(plan, -HISTORY_MONTHS + 1 + int(rng.integers(0, 20)))
    return days


def _month(plan: CityPlan, offset: int) -> date:
    """First day of the month `offset` months after the month of the plan's end."""
    months = plan.end.year * 12 + plan.end.month - 1 + offset
    return date(months // 12, months % 12 + 1, 1)


def _sites(  # noqa: PLR0917
    plan: CityPlan, own: pl.DataFrame, candidates: pl.DataFrame, cells: pl.DataFrame, opened: list[date],
    rng: np.random.Generator,
) -> pl.DataFrame:  # fmt: skip
    """Own stores and candidates in one table; rent follows the people around."""
    both = pl.concat([own, candidates])
    km = distance_km(
        cells["lat"].to_numpy()[:, None],
        cells["lon"].to_numpy()[:, None],
        both["lat"].to_numpy(),
        both["lon"].to_numpy(),
    )
    around = cells["population"].to_numpy() @ np.exp(-((km / 1.5) ** 2))
    per_m2 = plan.rent * (around / np.median(around)) ** 0.35 * rng.lognormal(0, 0.2, both.height)
    area = both["area_m2"].to_numpy()
    new = candidates.height
    return both.with_columns(
        kind=pl.Series(["own"] * own.height + ["candidate"] * new),
        rent_minor_month=pl.Series(np.round(per_m2 * area, -1) * 100).cast(pl.Int64),
        fixed_minor_month=pl.Series(np.round(plan.fixed[0] + plan.fixed[1] * area, -2) * 100).cast(pl.Int64),
        capex_minor=pl.Series(
            np.round(plan.capex[0] + plan.capex[1] * area * rng.lognormal(0, 0.1, both.height), -3) * 100
        ).cast(pl.Int64),
        lease_months=pl.Series(rng.choice([36, 60, 96], both.height)).cast(pl.Int64),
        opened_on=pl.Series([*opened, *[None] * new], dtype=pl.Date),
    ).with_columns(pl.when(pl.col("kind") == "own").then(None).otherwise(pl.col("capex_minor")).alias("capex_minor"))


def _card_flows(  # noqa: PLR0917
    plan: CityPlan, flows: dict[date, Array], cells: pl.DataFrame, own: pl.DataFrame, rng: np.random.Generator,
    known: Known | None,
) -> pl.DataFrame:  # fmt: skip
    """Card visits: members are Poisson, each comes several times; stores enrol more or fewer of their customers.

    Known stores have as many as their receipts say, from the cells that the model sends them from.
    """
    enrolment = CARD_SHARE * np.exp(rng.normal(0, plan.enrolment_sd, own.height))
    parts = []
    for end, yuan in flows.items():
        counted = {} if known is None else known.card_visits(end, yuan.sum(axis=0))
        share = enrolment / plan.visit
        for place, total in counted.items():
            share[place] = total / yuan[:, place].sum()
        members = rng.poisson(yuan * share / VISITS_PER_MEMBER)
        visits = rng.poisson(members * VISITS_PER_MEMBER)
        for place, total in counted.items():
            weight = members[:, place] if members[:, place].any() else yuan[:, place]
            visits[:, place] = rng.multinomial(total, weight / weight.sum())
        cell, store = np.nonzero(visits)
        parts.append(
            pl.DataFrame(
                {
                    "period_end": [end] * len(cell),
                    "cell_id": cells["cell_id"].gather(cell),
                    "site_id": own["site_id"].gather(store),
                    "visits": visits[cell, store].astype(np.int64),
                }
            )
        )
    return pl.concat(parts)


def ramp(month: NDArray[np.int64] | int) -> Array:
    """True share of mature revenue in the m-th month after opening: 1 − 0.55·exp(−(m − 1)/7)."""
    return np.asarray(1 - 0.55 * np.exp(-(np.asarray(month) - 1) / 7.0))


def _months(  # noqa: PLR0917
    plan: CityPlan, flows: dict[date, Array], own: pl.DataFrame, opened: list[date], rng: np.random.Generator,
    known: Known | None,
) -> pl.DataFrame:  # fmt: skip
    """Monthly revenue of own stores: level, season, ramp, noise. Old stores lose as the recent ones ramp up.

    Of known stores the months of their receipts stand as they are.
    """
    first, _ = periods(plan)
    before, after = (yuan.sum(axis=0) for yuan in flows.values())
    recent = before == 0
    season = 1 + 0.18 * np.cos(2 * np.pi * (np.arange(12) - 0.5) / 12)
    told = {} if known is None else known.sold
    rows = []
    for n in range(HISTORY_MONTHS):
        month = _month(plan, n - HISTORY_MONTHS + 1)
        age = np.array([(month.year - d.year) * 12 + month.month - d.month + 1 for d in opened])
        grown = np.where([d <= month for d in opened], ramp(np.maximum(age, 1)), 0.0)
        part = float(after[recent] @ grown[recent] / after[recent].sum()) if recent.any() and month > first else 0.0
        busy = season[month.month - 1] if known is None else known.busy(month)
        level = np.where(recent, after, before + (after - before) * part) / 12 * busy * grown
        noise = rng.lognormal(-(plan.month_sd**2) / 2, plan.month_sd, len(opened))
        rows += [
            (s, month, told.get((s, month), round(y) * 100))
            for s, y in zip(own["site_id"], level * noise, strict=True)
            if y > 0
        ]
    return pl.DataFrame(rows, schema={"site_id": pl.String, "month": pl.Date, "revenue_minor": pl.Int64}, orient="row")
