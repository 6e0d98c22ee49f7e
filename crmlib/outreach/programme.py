"""What all lists of a season brought together: everybody else against the season's holdout.

The effects of single lists do not add up: an effect that carries over also lifts the next list's control (their sum
keeps 55 % of the truth if half an effect carries over a month, 29 % at .8). The holdout stands on no list at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars
from crmlib.outreach.money import difference
from crmlib.outreach.read_out import MIN_GROUP


@dataclass(frozen=True, slots=True)
class Programme:
    """Effect of a season's lists.

    Parameters
    ----------
    members, held_out : people.
    per_head_minor, low_minor, high_minor : effect on spend per member, 95 %.
    net_minor, net_low_minor, net_high_minor : × members not held out × margin − all costs.
    """

    members: int
    held_out: int
    per_head_minor: float
    low_minor: float
    high_minor: float
    net_minor: int
    net_low_minor: int
    net_high_minor: int


def programme(members: AnyFrame, *, margin: float, cost_minor: int, cut: float = 0.99) -> Programme:
    """Read a season by its holdout.

    Parameters
    ----------
    members : recipient_id, season_holdout (Boolean), net_minor, and if known stratum, before_minor; all members, on a
        list or not.
    cut : quantile at which spend ends.

    Raises
    ------
    ModelError
        `outreach.no_season_holdout` with fewer than 30 held out: the word "programme" needs them.
    """
    table = to_polars(members, needs=["season_holdout", "net_minor"], name="members", key="recipient_id")
    contact = ~table["season_holdout"].to_numpy()
    held = int((~contact).sum())
    if held < MIN_GROUP:
        raise ModelError("outreach.no_season_holdout", values={"held": held, "least": MIN_GROUP})
    spent = table["net_minor"].to_numpy().astype(np.float64)
    before = table["before_minor"].to_numpy().astype(np.float64) if "before_minor" in table.columns else None
    code = None
    if "stratum" in table.columns:
        code = table["stratum"].rank("dense").to_numpy().astype(np.int64) - 1
    found = difference(spent, contact, stratum=code, before=before, cut=cut)
    sent = int(contact.sum())
    nets = [round(v * sent * margin) - cost_minor for v in (found.effect, found.low, found.high)]
    return Programme(table.height, held, found.effect, found.low, found.high, *nets)
