"""Cases: watched from when to when, ended how, in time or not, and whether the books close.

A case is opened, perhaps closed with an outcome, and looked at on `as_of`; what closes later is open on that day. Where
the log of outcomes begins after the log of cases (`feed_start`), a case is watched only from that day: entry =
max(0, feed start − opened).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeAlias

import polars as pl

from crmlib.core.errors import ModelError, mask
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.core.incidence import Incidence, incidence

FEED_DAYS = 30
"""Outcomes that begin more days than this after the openings need a `feed_start`."""
SECONDS = 86_400
Moment: TypeAlias = date | datetime


def watched(
    frame: AnyFrame,
    *,
    as_of: Moment,
    outcomes: Sequence[str],
    opened: str = "opened_on",
    closed: str = "closed_on",
    outcome: str = "outcome",
    key: str = "case_id",
    feed_start: Moment | str | None = None,
    since: Moment | None = None,
) -> pl.DataFrame:
    """Every case opened by `as_of`, with what is needed for curves.

    Parameters
    ----------
    outcomes : names of outcomes; the first is cause 1.
    feed_start : first day of the log of outcomes, or the column that holds it.
    since : count only what is seen from this day on (a recent window): entry is at least since − opened.

    Returns
    -------
    The columns of `frame` and age, entry [days; whole where opened is a date], event (0 open, 1 … by outcome).

    Raises
    ------
    ModelError
        `cases.closed_first`, `cases.unknown_outcome`, `cases.late_feed`.
    """
    table = to_polars(frame, needs=(opened, closed, outcome), name="cases", key=key)
    _refuse_backwards(table, opened, closed, key)
    _refuse_unknown(table, closed, outcome, outcomes)
    end = pl.lit(as_of, dtype=table.schema[opened])
    table = table.with_columns(pl.col(closed).cast(table.schema[opened])).filter(pl.col(opened) <= end)
    starts = pl.col(feed_start) if isinstance(feed_start, str) else pl.lit(feed_start)
    if feed_start is None:
        _refuse_late_feed(table, opened, closed)
    seen = pl.max_horizontal(starts.cast(table.schema[opened]), pl.lit(since, dtype=table.schema[opened]))
    ended = pl.col(closed) <= end
    codes = {name: k + 1 for k, name in enumerate(outcomes)}
    is_date = table.schema[opened] == pl.Date
    return table.with_columns(
        age=_days(pl.when(ended).then(pl.col(closed)).otherwise(end) - pl.col(opened), whole=is_date),
        entry=pl.max_horizontal(_days(seen - pl.col(opened), whole=is_date).fill_null(0), 0),
        event=pl.when(ended)
        .then(pl.col(outcome).cast(pl.String).replace_strict(codes, default=0, return_dtype=pl.Int64))
        .otherwise(0),
    )


def curves(table: pl.DataFrame, *, causes: int) -> Incidence:
    """Ends by cause over age, from `watched`."""
    return incidence(table["age"].to_numpy(), table["event"].to_numpy(), entry=table["entry"].to_numpy(), causes=causes)


def _days(span: pl.Expr, *, whole: bool) -> pl.Expr:
    return span.dt.total_days() if whole else span.dt.total_microseconds() / (SECONDS * 1e6)


@dataclass(frozen=True, slots=True)
class Promise:
    """Cases past their deadline: kept, broken (late or still open), and the share kept; open ones are broken."""

    due: int
    kept: int
    late: int
    open: int

    @property
    def share(self) -> float | None:
        """Kept over all past the deadline; none where nothing was due."""
        return self.kept / self.due if self.due else None


def promise(frame: AnyFrame, *, as_of: Moment, due: str = "due_at", done: str = "done_at") -> Promise:
    """Promises that had to be kept by `as_of`; an open case past its deadline is a broken one.

    Examples
    --------
    >>> days = {"due_at": [date(2026, 1, d) for d in (2, 3, 9)], "done_at": [date(2026, 1, 1), None, None]}
    >>> promise(pl.DataFrame(days), as_of=date(2026, 1, 5))
    Promise(due=2, kept=1, late=0, open=1)
    """
    table = to_polars(frame, needs=(due, done), name="cases")
    end = pl.lit(as_of, dtype=table.schema[due])
    past = table.filter(pl.col(due) <= end)
    finished = pl.col(done).is_not_null() & (pl.col(done) <= end)
    counts = past.select(
        kept=(finished & (pl.col(done) <= pl.col(due))).sum(),
        late=(finished & (pl.col(done) > pl.col(due))).sum(),
        open=(~finished).sum(),
    ).row(0)
    return Promise(past.height, *(int(n) for n in counts))


@dataclass(frozen=True, slots=True)
class Identity:
    """start + Σ came − Σ went against end; residual is end minus the sum."""

    start: int
    came: Mapping[str, int]
    went: Mapping[str, int]
    end: int

    @property
    def residual(self) -> int:
        """What the books cannot explain; 0 where they close."""
        return self.end - self.start - sum(self.came.values()) + sum(self.went.values())

    def checked(self, *, name: str) -> Identity:
        """Itself if the books close.

        Raises
        ------
        ModelError
            `cases.identity` with the residual.
        """
        if self.residual:
            raise ModelError(
                "cases.identity", values={"name": name, "residual": self.residual, "start": self.start, "end": self.end}
            )
        return self


def stock_and_flow(
    frame: AnyFrame, *, start: Moment, end: Moment, opened: str = "opened_on", closed: str = "closed_on"
) -> Identity:
    """Open before `start`, opened and closed from `start` until before `end`, open then; each counted on its own."""
    table = to_polars(frame, needs=(opened, closed), name="cases")
    first, last = (pl.lit(m, dtype=table.schema[opened]) for m in (start, end))
    o, c = pl.col(opened), pl.col(closed)
    row = table.select(
        start=((o < first) & (c.is_null() | (c >= first))).sum(),
        opened=((o >= first) & (o < last)).sum(),
        closed=((c >= first) & (c < last)).sum(),
        end=((o < last) & (c.is_null() | (c >= last))).sum(),
    ).row(0, named=True)
    return Identity(int(row["start"]), {"opened": int(row["opened"])}, {"closed": int(row["closed"])}, int(row["end"]))


def _refuse_backwards(table: pl.DataFrame, opened: str, closed: str, key: str) -> None:
    bad = table.filter(pl.col(closed) < pl.col(opened))
    if bad.height:
        raise ModelError(
            "cases.closed_first",
            values={"rows": bad.height, "opened": opened, "closed": closed},
            examples=[mask(v) for v in bad[key].head(5)],
        )


def _refuse_unknown(table: pl.DataFrame, closed: str, outcome: str, outcomes: Sequence[str]) -> None:
    has = pl.col(outcome).is_not_null()
    known = pl.col(outcome).cast(pl.String).is_in(list(outcomes))
    bad = table.filter((has != pl.col(closed).is_not_null()) | (has & ~known))
    if bad.height:
        raise ModelError("cases.unknown_outcome", values={"rows": bad.height, "known": ", ".join(outcomes)})


def _refuse_late_feed(table: pl.DataFrame, opened: str, closed: str) -> None:
    first, first_end = table.select(pl.col(opened).min(), pl.col(closed).min().alias("_end")).row(0)
    if first is None or first_end is None or first_end - first <= timedelta(days=FEED_DAYS):
        return
    days = (first_end - first).days
    raise ModelError(
        "cases.late_feed",
        values={"first": f"{first:%Y-%m-%d}", "outcomes": f"{first_end:%Y-%m-%d}", "days": days, "limit": FEED_DAYS},
    )
