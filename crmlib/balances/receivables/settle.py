"""When every instalment was paid, and what of the open ones will come when: the record that forecasts learn from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from crmlib.balances import intervals
from crmlib.balances.receivables import delay, reminders, roll_rates
from crmlib.balances.receivables.open_items import ITEM, allocate
from crmlib.core.apportion import Floats
from crmlib.core.frames import AnyFrame, to_polars

AHEAD = 30
"""Days ahead for which cash is forecast."""
BACK = 12
"""Past dates, 30 days apart, on which the forecast is tried."""
NEVER = 1e9


def settled(invoices: AnyFrame, payments: AnyFrame, allocations: AnyFrame, *, as_of: date, owner: str) -> pl.DataFrame:
    """Instalments issued up to `as_of` with the day on which each was paid in full; null: still open.

    Payments pay the invoice that they name, else the oldest due; a credit note makes the invoice that it names smaller.

    Returns
    -------
    invoice_id, instalment, owner, issued_on, due_on, disputed, amount_minor (> 0), paid_on.
    """
    needs = [*ITEM, owner, "issued_on", "due_on", "amount_minor", "disputed", "ref_id"]
    owed = to_polars(invoices, needs=needs, name="invoices").select(needs).filter(pl.col("issued_on") <= as_of)
    owed = owed.with_columns(pl.col("instalment").cast(pl.Int32))
    notes = owed.filter(pl.col("amount_minor") < 0).group_by(invoice_id="ref_id").agg(note=pl.col("amount_minor").sum())
    owed = owed.filter(pl.col("amount_minor") > 0).join(notes, on="invoice_id", how="left")
    first = pl.col("instalment") == pl.col("instalment").min().over("invoice_id")
    owed = owed.with_columns(pl.col("amount_minor") + pl.when(first).then(pl.col("note")).fill_null(0)).drop(
        "note", "ref_id"
    )
    owed = owed.filter(pl.col("amount_minor") > 0)
    paid = to_polars(payments, needs=["payment_id", owner, "at", "amount_minor"], name="payments")
    paid = paid.with_columns(pl.col("at").cast(pl.Date)).filter(pl.col("at") <= as_of)
    given = to_polars(allocations, needs=["payment_id", *ITEM, "amount_minor"], name="allocations")
    given = given.join(paid.select("payment_id"), on="payment_id", how="semi")
    given = given.select("payment_id", "invoice_id", pl.col("instalment").cast(pl.Int32), "amount_minor")
    rest = _less(owed, given, list(ITEM))
    free = _less(paid, given, ["payment_id"])
    more = allocate(rest, free, owner=owner) if rest.height and free.height else given.clear()
    every = pl.concat([given, more.select(given.columns).cast(given.schema)])
    days = every.join(paid.select("payment_id", "at"), on="payment_id")
    done = days.group_by(ITEM).agg(paid=pl.col("amount_minor").sum(), last=pl.col("at").max())
    both = owed.join(done, on=ITEM, how="left", maintain_order="left")
    whole = pl.col("paid").fill_null(0) >= pl.col("amount_minor")
    return both.with_columns(paid_on=pl.when(whole).then("last")).drop("paid", "last").sort("due_on", *ITEM)


def _less(rows: pl.DataFrame, given: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    """`rows` with what is given taken off, those with anything left."""
    off = given.group_by(key).agg(off=pl.col("amount_minor").sum())
    left = rows.join(off, on=key, how="left", maintain_order="left")
    left = left.with_columns(pl.col("amount_minor") - pl.col("off").fill_null(0)).drop("off")
    return left.filter(pl.col("amount_minor") > 0)


@dataclass(frozen=True, slots=True)
class Coming:
    """Cash from what is open, within `AHEAD` days.

    Parameters
    ----------
    expected_minor : forecast. low_minor, high_minor : 80 % interval; none with fewer than six past dates.
    tested : day, forecast_minor, true_minor of past dates; held : share of them inside the interval made of the others.
    """

    expected_minor: int
    low_minor: int | None
    high_minor: int | None
    tested: pl.DataFrame
    held: float | None


def coming(items: pl.DataFrame, *, as_of: date) -> Coming:
    """Forecast the cash of the next days from how long payers take, and try the same on past dates.

    An instalment open on a day comes within 30 days with 1 − S(late + 30) / S(late), S the share unpaid by days after
    the due day (Kaplan & Meier 1958) as known on that day.

    Parameters
    ----------
    items : from `settled`.
    """
    days = [as_of - timedelta(days=AHEAD * k) for k in range(BACK, 0, -1)]
    rows = []
    for day in days:
        forecast = _expected(items, day)
        open_then = _open(items, day)
        inside = pl.col("paid_on").is_between(day + timedelta(days=1), day + timedelta(days=AHEAD))
        rows.append((day, round(forecast), int(open_then.filter(inside)["amount_minor"].sum())))
    schema = {"day": pl.Date, "forecast_minor": pl.Int64, "true_minor": pl.Int64}
    tested = pl.DataFrame(rows, schema=schema, orient="row").filter(pl.col("forecast_minor") > 0)
    made, true = (tested[c].to_numpy().astype(float) for c in ("forecast_minor", "true_minor"))
    now = _expected(items, as_of)
    band = intervals.band(now, made, true)
    low, high = (None, None) if band is None else (round(band[0]), round(band[1]))
    return Coming(round(now), low, high, tested, _held(made, true))


def _held(made: Floats, true: Floats) -> float | None:
    """Share of dates inside the interval that the other dates give."""
    inside = []
    for i in range(made.size):
        others = np.arange(made.size) != i
        band = intervals.band(float(made[i]), made[others], true[others])
        if band is not None:
            inside.append(band[0] <= true[i] <= band[1])
    return float(np.mean(inside)) if inside else None


def _open(items: pl.DataFrame, day: date) -> pl.DataFrame:
    """What was open at the close of `day`, with a due date and no dispute."""
    still = pl.col("paid_on").is_null() | (pl.col("paid_on") > day)
    return items.filter(pl.col("issued_on") <= day, still, pl.col("due_on").is_not_null(), ~pl.col("disputed"))


def _curve(items: pl.DataFrame, day: date) -> delay.Delay:
    """Share unpaid by days after the due day, as known on `day`."""
    known = items.filter(pl.col("issued_on") <= day, pl.col("due_on").is_not_null())
    paid = (pl.col("paid_on") <= day).fill_null(value=False)
    late = (pl.when(paid).then("paid_on").otherwise(pl.lit(day)) - pl.col("due_on")).dt.total_days()
    rows = known.select(late=late, paid=paid, weight="amount_minor")
    return delay.kaplan_meier(
        *(rows[c].to_numpy().astype(float) for c in ("late", "paid")), weight=rows["weight"].to_numpy()
    )


def _unpaid(curve: delay.Delay, days: Floats) -> Floats:
    share = np.concatenate([[1.0], curve.unpaid])
    return np.asarray(share[np.searchsorted(curve.days, days, side="right")])


def _expected(items: pl.DataFrame, day: date) -> float:
    rows = _open(items, day)
    if rows.is_empty():
        return 0.0
    late = rows.select((pl.lit(day) - pl.col("due_on")).dt.total_days()).to_series().to_numpy().astype(float)
    curve = _curve(items, day)
    now, then = _unpaid(curve, late), _unpaid(curve, late + AHEAD)
    chance = np.where(now > 0, 1.0 - then / np.maximum(now, 1e-12), 0.0)
    return float((rows["amount_minor"].to_numpy() * chance).sum())


def losses(items: pl.DataFrame, open_rows: pl.DataFrame, *, as_of: date) -> pl.Series:
    """What of each open instalment will never come, by roll rates [minor units], in the order of `open_rows`.

    Parameters
    ----------
    items : from `settled`. open_rows : open_minor, days_late (null: no due date, taken as due today).
    """
    dated = items.filter(pl.col("due_on").is_not_null())
    until = (pl.lit(as_of) - pl.col("due_on")).dt.total_days()
    took = (pl.col("paid_on") - pl.col("due_on")).dt.total_days().cast(pl.Float64).fill_null(NEVER)
    seen = dated.select(amount="amount_minor", took=took, known=until)
    open_at, known = roll_rates.milestones(*(seen[c].to_numpy().astype(float) for c in ("amount", "took", "known")))
    rates = roll_rates.roll_rates(open_at, known)
    late = open_rows["days_late"].fill_null(0).to_numpy().astype(float)
    lost = roll_rates.expected_loss(open_rows["open_minor"].to_numpy().astype(float), late, rates)
    return pl.Series("loss_minor", np.rint(lost).astype(np.int64))


def calls(items: pl.DataFrame, open_rows: pl.DataFrame, *, as_of: date, owner: str) -> pl.DataFrame:
    """What a call can save on each open instalment: p_late, saved [minor units × days], in the order of `open_rows`.

    Parameters
    ----------
    items : from `settled`. open_rows : owner, open_minor, days_late, disputed.
    """
    names = pl.concat([items[owner], open_rows[owner]]).unique().sort()
    due = items.filter(pl.col("due_on") <= as_of)
    took = (pl.coalesce("paid_on", pl.lit(as_of)) - pl.col("due_on")).dt.total_days()
    judged = due.with_columns(late=took.clip(0), paid=pl.col("paid_on").is_not_null())
    by = judged.group_by(owner).agg(
        late_n=(pl.col("late") > 0).sum(), settled=pl.len(), days=pl.col("late").sum().cast(pl.Float64)
    )
    sums = pl.DataFrame({owner: names}).join(by, on=owner, how="left", maintain_order="left").fill_null(0)
    late_n, done = (sums[c].to_numpy().astype(np.int64) for c in ("late_n", "settled"))
    known = reminders.record(late_n, done, sums["days"].to_numpy().astype(float))
    late_ones = judged.filter(pl.col("late") > 0)
    curve = delay.kaplan_meier(late_ones["late"].to_numpy().astype(float), late_ones["paid"].to_numpy().astype(float))
    who = names.search_sorted(open_rows[owner]).to_numpy().astype(np.int64)
    late = open_rows["days_late"].fill_null(0).to_numpy().astype(float)
    saved = reminders.yuan_days(open_rows["open_minor"].to_numpy().astype(float), who, late, known, curve)
    quiet = open_rows["disputed"].to_numpy()
    return open_rows.with_columns(
        p_late=pl.Series(np.where(late > 0, 1.0, known.late[who])), saved=pl.Series(np.where(quiet, 0.0, saved))
    )
