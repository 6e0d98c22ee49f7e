"""The marketing office's books: plans and their versions, approvals, vouchers, claims, notes, the year's budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from crmlib.simulate import exports
from crmlib.simulate.draws import Floats, Ints
from crmlib.simulate.events import Event
from crmlib.simulate.response import PROMOTED
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

BUDGET_STEP = 500_00
"""Budgets are whole multiples of 500 yuan."""
APPROVED_DAYS, SUBMITTED_DAYS, DRAFTED_DAYS = 14, 21, 30
"""Days before its start that a plan is approved, submitted, drafted."""
CLOSED_DAYS, SETTLED_DAYS = 5, 40
"""Days after its end that an event is closed, and settled if nothing is claimed earlier."""
EDITED = 11
"""One plan in so many has a later version than the approved one."""
DISPLAY_BP, LABOUR_BP, MEDIA_BP = (100, 320), (40, 160), (30, 120)
"""Cost of display, labour and printed matter in basis points of the event's sales; labour for festivals only."""
NOTES = {"incident": 0.7, "feedback": 4.5, "competitor": 0.35}
"""Mean notes of each kind per event."""
ANNUAL_BP = {"festival": 150, "daily": 120, "member": 60}
"""Annual budget in basis points of the year's sales by kind of activity."""

Row = dict[str, Any]


def write(world: World, told: Telling, folder: Path, *, rng: np.random.Generator) -> None:
    """Write promotions, promotion_steps, promotion_costs, promotion_claims, promotion_notes and budgets as XLSX."""
    book = event_money(world, told)
    budget = _budgets(world, book["off"].to_numpy() + book["gift"].to_numpy(), rng)
    costs = _costs(world, book, rng)
    tables = {
        "promotions": [row for e, b in zip(world.events, budget, strict=True) for row in _plans(world, e, int(b))],
        "promotion_steps": [row for e, b in zip(world.events, budget, strict=True) for row in _steps(world, e, int(b))],
        "promotion_costs": costs,
        "promotion_claims": _claims(world, costs, rng),
        "promotion_notes": _notes(world, rng),
        "budgets": _annual(world, told),
    }
    for name, rows in tables.items():
        columns = exports.headers(name)
        frame = pl.DataFrame([{c: row.get(c) for c in columns} for row in rows], infer_schema_length=None)
        empty = pl.DataFrame({c: [] for c in columns})
        exports.write_xlsx(frame if rows else empty, folder / f"{name}.xlsx", table=name)


def event_money(world: World, told: Telling) -> pl.DataFrame:
    """Per event in order: sales at its price, discount given, cost of gifts [fen]."""
    sold = pl.concat(told.effects).filter(pl.col("kind").is_in(PROMOTED)).group_by("event")
    sums = sold.agg(
        net=pl.col("net_minor").sum(),
        off=(pl.col("list_minor") - pl.col("net_minor")).sum(),
        milli=pl.col("milli").sum(),
    )
    every = pl.DataFrame(
        {"event": np.arange(len(world.events)), "unit_gift": [e.gift_cost for e in world.events]},
        schema={"event": pl.Int64, "unit_gift": pl.Int64},
    )
    table = every.join(sums, on="event", how="left", maintain_order="left").with_columns(
        pl.col("net", "off", "milli").fill_null(0)
    )
    return table.with_columns(gift=pl.col("unit_gift") * pl.col("milli") // 1000)


def state_of(event: Event, last_day: int) -> str:
    """State at the end of the last day seen."""
    if last_day < event.first - SUBMITTED_DAYS:
        return "draft"
    if last_day < event.first - APPROVED_DAYS:
        return "submitted"
    if last_day < event.first:
        return "approved"
    if last_day < event.last + CLOSED_DAYS:
        return "executing"
    return "closed" if last_day < event.last + SETTLED_DAYS else "settled"


def _budgets(world: World, spent: Ints, rng: np.random.Generator) -> Ints:
    """Budget of each event: near what it gave away, some too small; for plans near the category's usual."""
    known = np.array([e.last <= world.last_day for e in world.events], dtype=np.bool_)
    usual = float(np.mean(spent[known])) if known.any() else 3000_00.0
    same: Floats = np.array([_like(world.events, spent, known, e.category, usual) for e in world.events])
    likely = np.where(known, spent, same) * 1.35
    steps = np.ceil(np.maximum(likely, 1) * rng.uniform(0.75, 1.35, len(spent)) / BUDGET_STEP)
    return (steps * BUDGET_STEP).astype(np.int64)


def _like(events: tuple[Event, ...], spent: Ints, known: np.ndarray, category: str, usual: float) -> float:
    alike = known & np.array([e.category == category for e in events], dtype=np.bool_)
    return float(np.mean(spent[alike])) if alike.any() else usual


def _plans(world: World, event: Event, budget: int) -> list[Row]:
    """The plan as approved, and for some a later version that was edited after the approval."""
    words, goods = toml("words"), world.goods
    path = goods.frame.filter(pl.col("category") == goods.categories.index(event.category))["category_2"][0]
    slot = words["slot"][event.slot] if event.slot else None
    purpose = "festival" if event.slot else ("traffic", "launch", "clearance")[event.first % 3]
    state = state_of(event, world.last_day)
    approved = state not in {"draft", "submitted"}
    row: Row = {
        "promotion_id": event.promotion_id,
        "version": 1,
        "name": f"{slot or ''}{path}{words['mechanic'][event.mechanic]}",
        "mechanic": words["mechanic"][event.mechanic],
        "starts_at": clock(event.first),
        "ends_at": clock(event.last + 1),
        "slot": slot,
        "stores": ";".join(world.shops.frame["store_id"].filter(pl.Series(event.planned))),
        "products": ";".join(goods.frame["product_id"].filter(pl.Series(event.products))),
        "category": path,
        "depth_bp": event.depth_bp,
        "budget": budget / 100,
        "objective": words["objective"][purpose],
        "state": words["state"][state],
        "frozen": words["flag"]["yes" if approved else "no"],
        "known_at": clock(min(event.first - APPROVED_DAYS, world.last_day)),
    }
    if not approved or event.first % EDITED or not event.depth_bp:
        return [row]
    later = {"version": 2, "depth_bp": event.depth_bp + 500, "frozen": words["flag"]["no"]}
    return [row, {**row, **later, "known_at": clock(event.first - 2)}]


def _steps(world: World, event: Event, budget: int) -> list[Row]:
    """Every move of the plan with its actor, up to the last day; what is planned then was drafted by then."""
    actors = toml("words")["actor"]
    planner = actors["planner"][event.first % len(actors["planner"])]
    moves = (
        ("draft", min(event.first - DRAFTED_DAYS, world.last_day), planner),
        ("submitted", event.first - SUBMITTED_DAYS, planner),
        ("approved", event.first - APPROVED_DAYS, actors["director"]),
        ("executing", event.first, planner),
        ("closed", event.last + CLOSED_DAYS, planner),
        ("settled", event.last + SETTLED_DAYS, actors["finance"]),
    )
    return [
        {
            "promotion_id": event.promotion_id,
            "version": 1,
            "state": toml("words")["state"][state],
            "at": clock(day, hour=10),
            "actor": actor,
            "amount": budget / 100 if state == "approved" else None,
        }
        for state, day, actor in moves
        if day <= world.last_day
    ]


def _costs(world: World, book: pl.DataFrame, rng: np.random.Generator) -> list[Row]:
    """Vouchers of ended events: gifts, display by store, labour of festivals, printed matter, the supplier's share."""
    kinds, rows = toml("words")["cost_kind"], list[Row]()
    for event, money in zip(world.events, book.iter_rows(named=True), strict=True):
        draws = rng.random(3)
        if event.last > world.last_day:
            continue
        stores = world.shops.frame["store_id"].filter(pl.Series(event.stores)).to_list()
        display = int(money["net"] * _between(DISPLAY_BP, draws[0]) / 10_000 / max(len(stores), 1))
        paid = [("display", s, display) for s in stores]
        paid.append(("gift", None, money["gift"]))
        paid.append(("media", None, int(money["net"] * _between(MEDIA_BP, draws[1]) / 10_000)))
        paid.append(("labour", None, int(money["net"] * _between(LABOUR_BP, draws[2]) / 10_000) if event.slot else 0))
        paid.append(("funding", None, money["off"] * event.funding_bp // 10_000))
        rows += [
            {
                "cost_id": f"{event.promotion_id}-{n:02d}",
                "promotion_id": event.promotion_id,
                "store_id": store,
                "at": clock(min(event.last + 3, world.last_day), hour=16),
                "kind": kinds[kind],
                "amount": amount / 100,
            }
            for n, (kind, store, amount) in enumerate(((k, s, a) for k, s, a in paid if a > 0), start=1)
        ]
    return rows


def _claims(world: World, costs: list[Row], rng: np.random.Generator) -> list[Row]:
    """Claims for the supplier's share, in one or two parts; one in twelve asks for more than the agreement pays."""
    funded = [row for row in costs if row["kind"] == toml("words")["cost_kind"]["funding"]]
    ends = {e.promotion_id: e.last for e in world.events}
    rows: list[Row] = []
    for row in funded:
        parts = [0.6, 0.4] if rng.random() < 0.3 else [1.0]
        greedy = 1.15 if rng.random() < 1 / 12 else 1.0
        for n, part in enumerate(parts, start=1):
            day = ends[row["promotion_id"]] + 8 + 9 * n
            paid = day + int(rng.integers(10, 60))
            if day <= world.last_day:
                rows.append(
                    {
                        "claim_id": f"CL-{row['promotion_id']}-{n}",
                        "promotion_id": row["promotion_id"],
                        "at": clock(day, hour=11),
                        "amount": round(row["amount"] * part * greedy, 2),
                        "cap": row["amount"],
                        "paid_at": clock(paid, hour=11) if paid <= world.last_day else None,
                    }
                )
    return rows


def _notes(world: World, rng: np.random.Generator) -> list[Row]:
    """Incidents, customers' words with stars, competitors' moves, each in a store of the event."""
    words, rows = toml("words"), list[Row]()
    ids = world.shops.frame["store_id"]
    for event in world.events:
        for kind, mean in NOTES.items():
            for _ in range(int(rng.poisson(mean))):
                day, store = (
                    int(rng.integers(event.first, event.last + 1)),
                    int(rng.choice(np.flatnonzero(event.planned))),
                )
                stars = int(np.clip(round(rng.normal(2.6 + 1.4 * world.shops.quality[store], 0.9)), 1, 5))
                solved, text = rng.random() < 0.8, str(rng.choice(words["note"][kind]))
                if day <= world.last_day:
                    rows.append(
                        {
                            "note_id": f"N{len(rows) + 1:05d}",
                            "promotion_id": event.promotion_id,
                            "store_id": ids[store],
                            "at": clock(day, hour=15),
                            "kind": words["note_kind"][kind],
                            "score": stars if kind == "feedback" else None,
                            "solved": words["flag"]["yes" if solved else "no"] if kind == "incident" else None,
                            "note": text,
                        }
                    )
    return rows


def _annual(world: World, told: Telling) -> list[Row]:
    """The budget of every year seen by region, activity and store, in proportion to the store's sales."""
    words = toml("words")["activity"]
    sales = pl.concat(told.totals).group_by("store").agg(pl.col("net_minor").sum()).sort("store")
    days = (world.last_day - world.first_day + 1) / 365
    first, last = (int(clock(day)[:4]) for day in (world.first_day, world.last_day))
    return [
        {
            "year": year,
            "region": world.shops.frame["region"][store],
            "activity": words[kind],
            "store_id": world.shops.frame["store_id"][store],
            "budget": round(net / days * share / 10_000 / 100),
        }
        for year in range(first, last + 1)
        for kind, share in ANNUAL_BP.items()
        for store, net in sales.iter_rows()
    ]


def _between(bounds: tuple[int, int], draw: float) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * draw


def clock(day: int, *, hour: int = 0) -> str:
    """Date and time as text."""
    date = pl.Series([day]).cast(pl.Int32).cast(pl.Date).dt.strftime("%Y-%m-%d").item()
    return f"{date} {hour:02d}:00"
