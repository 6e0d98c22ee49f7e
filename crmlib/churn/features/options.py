"""The options of the features from whatever tables are connected."""

from __future__ import annotations

from datetime import date

import polars as pl

from crmlib.churn.features import as_of
from crmlib.churn.features.features import Extra, Options
from crmlib.churn.features.festivals import peak_windows


def options(
    *, first: date, last: date, contacts: pl.DataFrame | None = None, points: pl.DataFrame | None = None
) -> Options:
    """Lunar festivals from the calendar; complaints and points where their tables are there.

    Parameters
    ----------
    first, last : days of the data.
    contacts, points : the tables, with known_at; none where they are not connected.
    """
    extras = {}
    if contacts is not None:
        extras["service"] = Extra(contacts, _service)
    if points is not None:
        extras["points"] = Extra(points, _points)
    return Options(festivals=peak_windows(first=first, last=last), extras=extras)


def _service(rows: pl.DataFrame, t0: date) -> pl.DataFrame:
    return as_of.service(rows, t0=t0)


def _points(rows: pl.DataFrame, t0: date) -> pl.DataFrame:
    return as_of.points(rows, t0=t0)
