"""From everybody eligible to those who are drawn, each step with what it left out, so that a draw can be repeated."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from crmlib.core.errors import mask
from crmlib.core.frames import AnyFrame, to_polars

STEPS = ("eligible", "consent", "suppressed", "capped", "capacity", "drawn")
EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Funnel:
    """Who is left, and how they came to be.

    Parameters
    ----------
    left : the rows of `eligible` that are to be drawn.
    steps : step, recipients, left_out, example_keys (masked, at most five).
    """

    left: pl.DataFrame
    steps: pl.DataFrame


def funnel(
    eligible: AnyFrame, *, consent: pl.Series, suppressed: pl.Series, capped: pl.Series, capacity: int | None = None
) -> Funnel:
    """Apply consent, suppression, caps and capacity, in this order.

    Parameters
    ----------
    eligible : recipient_id, value_minor (who goes first where capacity ends), and whatever the strata need.
    consent : recipients who agreed; suppressed, capped : recipients who may not be contacted.
    capacity : most recipients to draw from.
    """
    frame = to_polars(eligible, needs=["value_minor"], name="eligible", key="recipient_id")
    person = pl.col("recipient_id")
    keep = (
        ("consent", person.is_in(consent.implode())),
        ("suppressed", ~person.is_in(suppressed.implode())),
        ("capped", ~person.is_in(capped.implode())),
    )
    rows = [_step("eligible", frame, frame.head(0))]
    for name, rule in keep:
        out, frame = frame.filter(~rule), frame.filter(rule)
        rows.append(_step(name, frame, out))
    ordered = frame.sort("value_minor", "recipient_id", descending=[True, False], nulls_last=True)
    room = frame.height if capacity is None else capacity
    rows.append(_step("capacity", ordered.head(room), ordered.slice(room)))
    left = ordered.head(room)
    rows.append(_step("drawn", left, frame.head(0)))
    names = ["step", "recipients", "left_out", "example_keys"]
    kinds = pl.Schema([("recipients", pl.Int64()), ("left_out", pl.Int64()), ("example_keys", pl.List(pl.String))])
    steps = pl.DataFrame(rows, schema=names, schema_overrides=kinds, orient="row")
    return Funnel(left, steps)


def _step(name: str, frame: pl.DataFrame, out: pl.DataFrame) -> tuple[str, int, int, list[str]]:
    return name, frame.height, out.height, [mask(r) for r in out["recipient_id"].sort().head(EXAMPLES)]
