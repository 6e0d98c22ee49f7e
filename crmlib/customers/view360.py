"""One customer from all sides: purchases, goods, rhythm, and every event on file, for one pseudonym."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.members import members as checked
from crmlib.core.members import nobody

LAST_RECEIPTS = 10


def find(ids: pl.Series, pseudonyms: pl.Series, wanted: str) -> str:
    """The customer behind a pseudonym.

    Parameters
    ----------
    ids, pseudonyms : of everybody, aligned.
    wanted : pseudonym, upper or lower case.

    Raises
    ------
    ModelError
        `scoring.no_such_customer`; the message holds the pseudonym and nothing else.

    Examples
    --------
    >>> find(pl.Series(["c1", "c2"]), pl.Series(["AAAA", "BBBB"]), "bbbb")
    'c2'
    """
    asked = wanted.strip().upper()
    found = ids.filter(pseudonyms == asked)
    if found.is_empty():
        raise ModelError("scoring.no_such_customer", values={"customer": asked[:16]})
    return str(found[0])


def row_of(frame: pl.DataFrame, customer: str) -> dict[str, Any] | None:
    """The customer's row of a frame, or none."""
    found = frame.filter(pl.col("customer_id") == customer)
    return found.row(0, named=True) if found.height else None


def months_of(customer_day: AnyFrame, *, customer: str, as_of: date, months: int = 24) -> pl.DataFrame:
    """Visits and sales of one customer by month, months without a visit included.

    Parameters
    ----------
    customer_day : customer_id, day_n, is_purchase, net_minor.

    Returns
    -------
    month (its first day), visits, net_minor; `months` rows up to the month of `as_of`.
    """
    table = to_polars(customer_day, needs=("customer_id", "day_n", "is_purchase", "net_minor"), name="customer_day")
    day = pl.col("day_n").cast(pl.Int32).cast(pl.Date)
    own = (
        table.filter(pl.col("customer_id") == customer)
        .group_by(month=day.dt.truncate("1mo"))
        .agg(visits=pl.col("is_purchase").sum().cast(pl.Int64), net_minor=pl.col("net_minor").sum())
    )
    last = as_of.replace(day=1)
    place = last.year * 12 + last.month - 1
    grid = [date((place - k) // 12, (place - k) % 12 + 1, 1) for k in range(months - 1, -1, -1)]
    return (
        pl.DataFrame({"month": grid})
        .join(own, on="month", how="left", maintain_order="left")
        .with_columns(pl.col("visits", "net_minor").fill_null(0))
    )


def basket_of(own: AnyFrame, every: AnyFrame) -> pl.DataFrame:
    """What one customer buys beside what all members buy.

    Parameters
    ----------
    own, every : part and net_minor of sales, of the customer and of all; a part may stand several times.

    Returns
    -------
    part, net_minor, share, share_all, lift; by share, largest first.
    """
    own_, all_ = (
        to_polars(parts, needs=("part", "net_minor"), name="parts")
        .filter(pl.col("part").is_not_null())
        .group_by("part")
        .agg(pl.col("net_minor").sum())
        for parts in (own, every)
    )
    total, all_total = int(own_["net_minor"].sum()), int(all_["net_minor"].sum())
    return (
        own_.join(all_.rename({"net_minor": "all_minor"}), on="part", how="left")
        .with_columns(
            share=pl.col("net_minor") / total if total > 0 else pl.lit(None, dtype=pl.Float64),
            share_all=pl.col("all_minor") / all_total if all_total > 0 else pl.lit(None, dtype=pl.Float64),
        )
        .with_columns(lift=pl.col("share") / pl.col("share_all"))
        .drop("all_minor")
        .sort("share", "part", descending=[True, False], nulls_last=True)
    )


def events(tables: dict[str, pl.LazyFrame], *, customer: str) -> pl.DataFrame:
    """Everything else on file in one line of time: contacts, complaints, points, holdings, debts.

    Parameters
    ----------
    tables : name → table with customer_id and `at`; only those that are connected.

    Returns
    -------
    day, table, kind (purpose or kind of entry), outcome, number (points, score); latest first.
    """
    wanted = {"kind": ("purpose", "kind"), "outcome": ("outcome", "reason"), "number": ("points", "score")}
    parts = []
    for name, frame in sorted(tables.items()):
        columns = frame.collect_schema().names()
        chosen = {target: next((c for c in found if c in columns), None) for target, found in wanted.items()}
        parts.append(
            frame.filter(pl.col("customer_id") == customer)
            .select(
                day=pl.col("at").dt.date(),
                table=pl.lit(name),
                kind=pl.col(chosen["kind"]).cast(pl.String) if chosen["kind"] else pl.lit(None, dtype=pl.String),
                outcome=pl.col(chosen["outcome"]).cast(pl.String)
                if chosen["outcome"]
                else pl.lit(None, dtype=pl.String),
                number=pl.col(chosen["number"]).cast(pl.Int64) if chosen["number"] else pl.lit(None, dtype=pl.Int64),
            )
            .collect(engine="streaming")
        )
    schema = {"day": pl.Date, "table": pl.String, "kind": pl.String, "outcome": pl.String, "number": pl.Int64}
    return pl.concat(parts).sort("day", descending=True) if parts else pl.DataFrame(schema=schema)


def next_visit(row: dict[str, float] | None, *, as_of: date) -> date | None:
    """The day the usual gap ends; none without a rhythm.

    Parameters
    ----------
    row : usual_gap and recency [days].
    """
    if row is None:
        return None
    return as_of + timedelta(days=round(row["usual_gap"] - row["recency"]))


def ranked(members: AnyFrame) -> pl.DataFrame:
    """`members` with share_below: the share of members who spend less."""
    table = checked(members)
    below = table["net_minor"].rank("min") - 1
    return table.with_columns(share_below=below / max(table.height, 1))


def first_choice(judged: pl.DataFrame | None, members: pl.DataFrame) -> str:
    """Whom to show when nobody is asked for: the late member with most at risk, else the one who spends most.

    Parameters
    ----------
    judged : customer_id, late, at_risk_minor; none where nobody could be judged.
    """
    if members.is_empty():
        raise nobody("members")
    if judged is not None and judged["late"].any():
        late = judged.filter("late").sort("at_risk_minor", "customer_id", descending=[True, False])
        return str(late["customer_id"][0])
    return str(members.sort("net_minor", "customer_id", descending=[True, False])["customer_id"][0])


def traits_of(habits: pl.DataFrame, customer: str) -> dict[str, str | None]:
    """The traits of one customer by name; empty if there is no row."""
    found = habits.filter(pl.col("customer_id") == customer)
    names = [name for name, kind in habits.schema.items() if kind == pl.String and name != "customer_id"]
    return dict(zip(names, found.select(names).row(0), strict=True)) if found.height else {}


WAYS = ("may_call", "may_sms", "may_email", "may_visit")


def account(
    profile: dict[str, Any] | None,
    *,
    points: AnyFrame | None = None,
    cards: AnyFrame | None = None,
    moves: AnyFrame | None = None,
) -> dict[str, Any]:
    """What one customer agreed to and holds with us; what is not connected is None.

    Parameters
    ----------
    profile : the row of `customers`. points, cards, moves : the entries of this customer and the moves of all cards.

    Returns
    -------
    owner (staff id), ways (of `WAYS`, those allowed; None without a profile), points (balance), stored_minor.

    Examples
    --------
    >>> entries = pl.DataFrame({"points": [120, -20]})
    >>> account({"owner_staff": "G1", "may_call": True, "may_sms": False}, points=entries)
    {'owner': 'G1', 'ways': ('may_call',), 'points': 100, 'stored_minor': None}
    """
    held = None
    if cards is not None and moves is not None:
        own = to_polars(cards, needs=["card_id"], name="cards").select("card_id")
        rows = to_polars(moves, needs=["card_id", "amount_minor"], name="card_moves")
        held = int(rows.join(own, on="card_id", how="semi")["amount_minor"].sum())
    return {
        "owner": None if profile is None else profile.get("owner_staff"),
        "ways": None if profile is None else tuple(way for way in WAYS if profile.get(way)),
        "points": None if points is None else int(to_polars(points, needs=["points"], name="points")["points"].sum()),
        "stored_minor": held,
    }
