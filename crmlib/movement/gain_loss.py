"""Where did the change of sales come from, and where did it go, exact to the minor unit.

Per member d = spend in period 2 − spend in period 1, in each group [minor units]. Whoever has no row in period 1 is
`new`, none in period 2 `lost` (a purchase of amount 0 is a purchase). Of everybody else, with G = Σd⁺, L = Σd⁻
and S = min(G, L), S is shared out over the gains (`in`) and over the losses (`out`) by largest remainder; what is left
is `more` and `less`. For each group exactly

    Δ = no_card + new + lost + more + less + in − out        and        Σ in = Σ out.

Gross switching is mostly noise, so only the net of two groups speaks: n = Σ n_c over members, with standard error
√Σ(n_c − n̄)². The result depends on the grouping; it is printed with it. For two groups it equals the usual gain-loss.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from crmlib.core.apportion import Ints, shared_rows
from crmlib.core.codes import coded
from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars, whole
from crmlib.movement.apportion import Array, Flags, flows
from crmlib.movement.periods import Period, check_periods

PARTS = ("no_card", "new", "lost", "more", "less", "in", "out")
Z = 1.96
"""A net flow within ± this many standard errors is not named."""
MAX_GROUPS = 12
CHUNK = 65_536
"""Members worked on at a time, so that memory does not grow with them."""
_NEEDS = ("customer_id", "group", "day", "net_minor")


@dataclass(frozen=True, slots=True)
class GainLoss:
    """The change between two periods.

    Parameters
    ----------
    groups : one row per group: group, net_1_minor, net_2_minor, delta_minor and `<part>_minor` of `PARTS`.
    flows : one row per ordered pair with a gross flow either way: from, to, gross_minor, net_minor, se_minor, z, named
        (the net passes 1.96 standard errors; only such a flow is worth a sentence).
    members, new, lost, both : customers with any row, by the periods in which they bought.
    """

    groups: pl.DataFrame
    flows: pl.DataFrame
    members: int
    new: int
    lost: int
    both: int

    def part(self, group: str) -> dict[str, int]:
        """The parts of one group's change [minor units], without the suffix."""
        row = self.groups.row(by_predicate=pl.col("group") == group, named=True)
        return {name: int(row[f"{name}_minor"]) for name in ("delta", *PARTS)}


def gain_loss(
    sales: AnyFrame, *, first: Period, second: Period, order: Sequence[str] = (), festivals: Collection[date] = ()
) -> GainLoss:
    """Gains and losses of 1–12 groups between two periods of one length.

    Parameters
    ----------
    sales : customer_id (null = without card), group, day, net_minor; one row per customer, group and day, or finer.
    order : groups in the order in which ties are broken; otherwise by name.
    festivals : festival days, to see that both periods hold as many.

    Raises
    ------
    ModelError
        `movement.periods`, `movement.groups` for no group or more than 12.
    """
    check_periods(first, second, festivals=festivals)
    day = pl.col("day")
    inside = day.is_between(first.start, first.end) | day.is_between(second.start, second.end)
    return _compare(_lazy(sales).filter(inside), later=day >= second.start, order=order)


def noise(sales: AnyFrame, *, first: Period, second: Period, order: Sequence[str] = ()) -> GainLoss:
    """The A/A row: even against odd weeks of the same days, between which nothing can have moved.

    Parameters
    ----------
    sales, first, second, order : as for `gain_loss`; what does not fill a pair of weeks is left out.
    """
    check_periods(first, second)
    day = pl.col("day")
    week, pairs = _weeks(first, second)
    inside = day.is_between(first.start, first.end) | day.is_between(second.start, second.end)
    return _compare(_lazy(sales).filter(inside, week < 2 * pairs), later=week % 2 == 1, order=order)


def slots(*, first: Period, second: Period) -> pl.DataFrame:
    """Of each day of both periods the first one that neither `gain_loss` nor `noise` tells from it: day, slot.

    Sales summed by slot instead of day give the same: two periods have six slots at most.
    """
    days = pl.DataFrame({"day": pl.concat([pl.date_range(p.start, p.end, eager=True) for p in (first, second)])})
    week, pairs = _weeks(first, second)
    alike = (pl.col("day") >= second.start, week % 2, week < 2 * pairs)
    return days.with_columns(slot=pl.col("day").min().over(*alike))


def _weeks(first: Period, second: Period) -> tuple[pl.Expr, int]:
    """Week of a day, counted through both periods, and how many pairs of weeks are full."""
    day = pl.col("day")
    since = pl.when(day >= second.start).then((day - second.start).dt.total_days() + first.days)
    return since.otherwise((day - first.start).dt.total_days()) // 7, (first.days + second.days) // 14


def _lazy(sales: AnyFrame) -> pl.LazyFrame:
    if isinstance(sales, pl.LazyFrame):
        schema = sales.collect_schema()
        if schema.get("net_minor") == pl.Int64 and set(_NEEDS) <= set(schema):
            return sales.select(_NEEDS)
    return whole(to_polars(sales, needs=_NEEDS, name="sales").select(_NEEDS), ["net_minor"], name="sales").lazy()


def _compare(sales: pl.LazyFrame, *, later: pl.Expr, order: Sequence[str]) -> GainLoss:
    table = sales.select("customer_id", "group", "net_minor", later=later).collect(engine="streaming")
    names = list(order) or table["group"].drop_nulls().unique().sort().to_list()
    listed = pl.col("group").is_in(names).fill_null(value=False)
    unlisted = table.filter(~listed).n_unique(["customer_id", "group", "later"])
    if unlisted or not 1 <= len(names) <= MAX_GROUPS:
        raise ModelError("movement.groups", values={"groups": len(names), "unlisted": unlisted, "most": MAX_GROUPS})
    code = pl.col("group").replace_strict(names, range(len(names)), return_dtype=pl.Int64)
    coded_rows = table.with_columns(code, pl.col("later").cast(pl.Int64))
    unknown, cards = (coded_rows.filter(which) for which in (_no_card(), ~_no_card()))
    row, people = coded(cards["customer_id"])
    none = _summed((2, 1, len(names)), unknown, np.zeros(unknown.height, dtype=np.int64))[:, 0]
    sums = _summed((2, people.len(), len(names)), cards, row)
    seen = np.zeros((2, people.len()), dtype=bool)
    seen[cards["later"].to_numpy(), row] = True
    return _result(names, sums[0], sums[1], none, new=~seen[0], lost=~seen[1])


def _no_card() -> pl.Expr:
    return pl.col("customer_id").is_null()


def _summed(shape: tuple[int, int, int], rows: pl.DataFrame, row: Ints) -> Ints:
    """Sums by period, customer (`row`, shape (rows,)) and group."""
    sums = np.zeros(shape, dtype=np.int64)
    later, group = rows["later"].to_numpy(), rows["group"].to_numpy()
    np.add.at(sums.reshape(-1), (later * shape[1] + row) * shape[2] + group, rows["net_minor"].to_numpy())
    return sums


def _result(names: list[str], before: Ints, after: Ints, no_card: Ints, *, new: Flags, lost: Flags) -> GainLoss:
    parts = {part: np.zeros(len(names), dtype=np.int64) for part in PARTS}
    parts["no_card"] = no_card[1] - no_card[0]
    parts["new"], parts["lost"] = after[new].sum(axis=0), -before[lost].sum(axis=0)
    stayed = np.flatnonzero(~new & ~lost)
    gross = np.zeros((len(names),) * 2, dtype=np.int64)
    squares = np.zeros((len(names),) * 2)
    for start in range(0, stayed.size, CHUNK):
        rows = stayed[start : start + CHUNK]
        change = after[rows] - before[rows]
        switched = _switched(change)
        moved = switched.sum(axis=0)
        gross += moved
        nets = (switched - switched.transpose(0, 2, 1)).astype(np.float64)
        squares += np.einsum("cjk,cjk->jk", nets, nets)
        into, out = moved.sum(axis=0), moved.sum(axis=1)
        parts["in"] += into
        parts["out"] += out
        parts["more"] += np.maximum(change, 0).sum(axis=0) - into
        parts["less"] += np.minimum(change, 0).sum(axis=0) + out
    sums = [before.sum(axis=0) + no_card[0], after.sum(axis=0) + no_card[1]]
    pairs = _pairs(names, gross, squares, members=len(before))
    return GainLoss(_groups(names, sums, parts), pairs, len(before), int(new.sum()), int(lost.sum()), stayed.size)


def _switched(change: Ints) -> Ints:
    """Flow from j to k of each member, shape (n, k, k); rows of `change` are d."""
    gains, losses = np.maximum(change, 0), np.maximum(-change, 0)
    shared = np.minimum(gains.sum(axis=1), losses.sum(axis=1))
    return flows(shared_rows(shared, losses), shared_rows(shared, gains))


def _groups(names: list[str], sums: list[Ints], parts: dict[str, Ints]) -> pl.DataFrame:
    columns = {"group": names, "net_1_minor": sums[0], "net_2_minor": sums[1], "delta_minor": sums[1] - sums[0]}
    return pl.DataFrame({**columns, **{f"{part}_minor": values for part, values in parts.items()}})


def _pairs(names: list[str], gross: Ints, squares: Array, *, members: int) -> pl.DataFrame:
    """Σ(n_c − n̄)² = Σn_c² − (Σn_c)²/N over all members."""
    net = gross - gross.T
    spread = np.sqrt(np.maximum(squares - net.astype(np.float64) ** 2 / max(members, 1), 0.0))
    rows = [
        (names[j], names[k], int(gross[j, k]), int(net[j, k]), float(spread[j, k]))
        for j in range(len(names))
        for k in range(len(names))
        if j != k and (gross[j, k] or gross[k, j])
    ]
    kinds = {"from": pl.String, "to": pl.String, "gross_minor": pl.Int64, "net_minor": pl.Int64, "se_minor": pl.Float64}
    table = pl.DataFrame(rows, schema=kinds, orient="row")
    z = pl.when(pl.col("se_minor") > 0).then(pl.col("net_minor") / pl.col("se_minor"))
    return table.with_columns(z=z).with_columns(named=(pl.col("z") > Z).fill_null(value=False))
