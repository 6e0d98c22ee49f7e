"""What staff are measured by: figures defined, weights frozen before the year, targets by month, rosters, work reports.

Nobody is better than anybody else: whoever compares advisers must find chance. Planted: one adviser types a fifth more
calls than there are.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports, owners, trade
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

CALLED = ("reached", "no_answer", "declined")
FIGURES = {
    "calls": ("contacts", "outcome=reached|no_answer|declined", "rows"),
    "reached": ("contacts", "outcome=reached", "rows"),
    "tasks": ("care_tasks", "state=done", "rows"),
    "orders": ("sale_orders", "state=entered|closed", "rows"),
    "sold": ("sale_orders", "state=entered|closed", "minor"),
    "member_sales": ("member_sales", None, "minor"),
}
"""Figure: table, condition, unit."""
WEIGHTS = {"adviser": {"calls": 3000, "reached": 3000, "tasks": 4000}, "salesperson": {"orders": 5000, "sold": 5000}}
CAP, ROSTER_DAYS, LEAVE, MONTHS = 12_000, 45, 0.04, 3
INFLATED, INFLATES = 1.2, "G202"
DAILY, WEEKS, UNSENT = 10, 6, 0.07
DAY_MINUTES = (9 * 60, 18 * 60)
TYPED = {"adviser": ("calls", "tasks"), "salesperson": ("orders",)}


def write(
    world: World,
    contacts: pl.DataFrame,
    records: pl.DataFrame,
    orders: pl.DataFrame,
    folder: Path,
    *,
    rng: np.random.Generator,
) -> None:
    """Write rosters, figure_defs, score_rules, person_targets, work_reports, score_corrections and the truth."""
    people = _people(world)
    done = _done(world, contacts, records, orders).filter(pl.col("staff_id").is_in(people["staff_id"].implode()))
    _rosters(world, people, folder, rng)
    _figures(world, folder)
    _targets(world, people, done, folder, rng)
    _reports(world, people, done, folder, rng)
    _corrections(world, folder)
    truth = pl.DataFrame({"staff_id": people["staff_id"], "ability": 0.0}).with_columns(
        typed_over=pl.when(pl.col("staff_id") == INFLATES).then(INFLATED).otherwise(1.0)
    )
    truth.write_parquet(folder / "truth" / "staff.parquet", compression="zstd")


def _people(world: World) -> pl.DataFrame:
    """Advisers and salespeople who are still here."""
    count = len(trade.regions(world))
    regions = range(1, count + 1)
    advisers = [(f"G{(r * 100) + k}", "adviser", f"M{r + 10}") for r in regions for k in range(1, owners.ADVISERS)]
    sellers = [(f"Y{r}{k}", "salesperson", f"M{r + 10}") for r in regions for k in range(1, trade.SELLERS + 1)]
    rows = pl.DataFrame([*advisers, *sellers], schema=["staff_id", "role", "head"], orient="row")
    return rows.filter(pl.col("staff_id") != trade.LEAVER)


def _done(world: World, contacts: pl.DataFrame, records: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """staff_id, figure, day, amount: one row a fact."""
    called = contacts.filter(pl.col("outcome").is_in(CALLED))
    own = owners.code(owners.number(world, called["member"].to_numpy(), day=called["day"].to_numpy()))
    log = called.select(pl.lit(own).alias("staff_id"), "day", reached=pl.col("outcome") == "reached")
    made = records.select(pl.format("G{}", "adviser").alias("staff_id"), pl.col("done").alias("day"), "reached")
    calls = pl.concat([log, made], how="vertical_relaxed")
    bought = orders.filter(pl.col("staff_id").is_not_null())
    parts = {
        "calls": calls, "reached": calls.filter("reached"), "tasks": made, "orders": bought,
    }  # fmt: skip
    rows = [p.select("staff_id", "day", figure=pl.lit(f), amount=pl.lit(1, dtype=pl.Int64)) for f, p in parts.items()]
    rows.append(bought.select("staff_id", "day", figure=pl.lit("sold"), amount="amount"))
    return pl.concat(rows, how="vertical_relaxed")


def _rosters(world: World, people: pl.DataFrame, folder: Path, rng: np.random.Generator) -> None:
    """Five days of seven, nine hours; some are on leave."""
    words = toml("people")["activity"]
    days = pl.DataFrame({"day": np.arange(world.last_day - ROSTER_DAYS + 1, world.last_day + 8)})
    every = people.with_row_index("n").join(days, how="cross")
    every = every.filter((pl.col("day") + pl.col("n").cast(pl.Int64)) % 7 < 5)
    usual = pl.when(pl.col("role") == "adviser").then(pl.lit("calls")).otherwise(pl.lit("visits"))
    away = pl.Series(rng.random(every.height) < LEAVE)
    rows = every.select(
        "staff_id",
        _date("day"),
        pl.lit(DAY_MINUTES[0]).alias("from_minute"),
        pl.lit(DAY_MINUTES[1]).alias("to_minute"),
        pl.when(away).then(pl.lit("leave")).otherwise(usual).replace_strict(words).alias("activity"),
    )
    exports.write_csv(rows.sort("day", "staff_id"), folder / "rosters.csv.gz", table="rosters")


def _figures(world: World, folder: Path) -> None:
    """Every figure as a query anybody can repeat, and what it weighs; frozen before the year begins."""
    year = (EPOCH + timedelta(days=int(world.last_day))).year
    words = toml("people")
    defs = pl.DataFrame(
        [(f, words["figure"][f], *query, date(year, 1, 1)) for f, query in FIGURES.items()],
        schema=["figure_id", "name", "table", "where", "unit", "valid_from"], orient="row",
    )  # fmt: skip
    exports.write_csv(defs, folder / "figure_defs.csv.gz", table="figure_defs")
    roles = {"adviser": toml("words")["staff_role"]["adviser"], "salesperson": words["role"]["salesperson"]}
    rules = pl.DataFrame(
        [
            (roles[role], 1, figure, weight, CAP, date(year, 1, 1), f"{year - 1}-12-20 18:00")
            for role, weights in WEIGHTS.items()
            for figure, weight in weights.items()
        ],
        schema=["role", "version", "figure_id", "weight_bp", "cap_bp", "valid_from", "frozen_at"], orient="row",
    )  # fmt: skip
    exports.write_csv(rules, folder / "score_rules.csv.gz", table="score_rules")


def _months(world: World) -> list[tuple[date, date]]:
    last = EPOCH + timedelta(days=int(world.last_day))
    found, first = [], last.replace(day=1)
    for _ in range(MONTHS):
        after = (first + timedelta(days=32)).replace(day=1)
        found.append((first, after - timedelta(days=1)))
        first = (first - timedelta(days=1)).replace(day=1)
    return found[::-1]


def _targets(world: World, people: pl.DataFrame, done: pl.DataFrame, folder: Path, rng: np.random.Generator) -> None:
    """Targets about what people of the role did in the last three months, a few percent more or less."""
    months = _months(world)
    first = (months[0][0] - EPOCH).days
    recent = done.filter(pl.col("day") >= first).group_by("staff_id", "figure").agg(pl.col("amount").sum())
    usual = recent.join(people, on="staff_id").group_by("role", "figure").agg(mean=pl.col("amount").mean() / MONTHS)
    named = {(r, f): float(m) for r, f, m in usual.select("role", "figure", "mean").iter_rows()}
    rows = []
    for start, end in months:
        for staff, role, head in people.iter_rows():
            for figure in WEIGHTS[role]:
                goal = named.get((role, figure), 1.0) * float(rng.uniform(0.95, 1.15))
                step = 100_000 if figure == "sold" else 1
                whole = max(round(goal / step), 1) * step
                told = start - timedelta(days=4)
                rows.append((staff, start, end, figure, whole, head, f"{told} 17:00"))
    columns = ["staff_id", "period_start", "period_end", "figure_id", "target", "set_by", "set_at"]
    made = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    exports.write_csv(made, folder / "person_targets.csv.gz", table="person_targets")


def _reports(world: World, people: pl.DataFrame, done: pl.DataFrame, folder: Path, rng: np.random.Generator) -> None:
    """Daily, weekly and monthly reports with text, plan and typed figures; some are not sent."""
    words, last = toml("people"), EPOCH + timedelta(days=int(world.last_day))
    monday = last - timedelta(days=last.weekday())
    spans = [("day", d, d) for d in (last - timedelta(days=k) for k in range(DAILY))]
    spans += [("week", m, m + timedelta(days=6)) for m in (monday - timedelta(weeks=k + 1) for k in range(WEEKS))]
    spans += [("month", *m) for m in _months(world) if m[1] <= last]
    counted = {(s, f, d): a for s, f, d, a in done.group_by("staff_id", "figure", "day").agg(
        pl.col("amount").sum()).select("staff_id", "figure", "day", "amount").iter_rows()}  # fmt: skip
    rows = []
    for kind, start, end in spans:
        if start < EPOCH + timedelta(days=int(world.first_day)):
            continue
        days = range((start - EPOCH).days, (end - EPOCH).days + 1)
        for staff, role, _ in people.iter_rows():
            drawn = rng.random()
            sent = None if drawn < UNSENT else f"{end} 18:{int(rng.integers(0, 60)):02d}"
            factor = INFLATED if staff == INFLATES else 1.0
            typed = []
            for figure in TYPED[role]:
                number = sum(counted.get((staff, figure, d), 0) for d in days)
                typed.append(f"{figure}={round(number * (factor if figure == 'calls' else 1.0))}")
            text = words["say"]["texts"][int(rng.integers(0, 4))]
            plan = words["say"]["plans"][int(rng.integers(0, 3))]
            if sent is not None:
                rows.append((staff, words["report_kind"][kind], start, end, sent, text, plan, ";".join(typed)))
    columns = ["staff_id", "kind", "period_start", "period_end", "sent_at", "text", "plan", "typed"]
    made = pl.DataFrame(rows, schema=columns, orient="row", infer_schema_length=None)
    made = made.sort("period_start", "staff_id", "kind")
    exports.write_csv(made, folder / "work_reports.csv.gz", table="work_reports")


def _corrections(world: World, folder: Path) -> None:
    """Three corrections of the last month, each by the manager."""
    start, reasons = _months(world)[-1][0], toml("people")["say"]["correction"]
    given = [("G101", 3, "M11"), ("G203", -2, "M12"), ("G301", 4, "M13")][: len(trade.regions(world))]
    last = EPOCH + timedelta(days=int(world.last_day))
    rows = [
        (f"GZ{i + 1:03d}", staff, start, "calls", change, reasons[i], by, f"{last} 11:00")
        for i, (staff, change, by) in enumerate(given)
    ]
    columns = ["correction_id", "staff_id", "period_start", "figure_id", "change", "reason", "by_staff", "at"]
    made = pl.DataFrame(rows, schema=columns, orient="row")
    exports.write_csv(made, folder / "score_corrections.csv.gz", table="score_corrections")


def _date(day: str) -> pl.Expr:
    return pl.col(day).cast(pl.Int32).cast(pl.Date)
