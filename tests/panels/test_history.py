"""Purchase histories: units, the first purchase, the holdout; and CDNOW against the literature."""

from __future__ import annotations

from datetime import date
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import polars as pl
import pytest

from crmlib import panels
from crmlib.core.errors import ContractError

CDNOW_END = date(1997, 9, 30)


def cdnow(name: str) -> pl.DataFrame:
    """CDNOW purchases as receipt lines (customer, day, value); the files ship with lifetimes."""
    spec = find_spec("lifetimes")  # found without importing it
    assert spec is not None and spec.origin is not None
    text = (Path(spec.origin).parent / "datasets" / name).read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if line.split()[0].isdigit()]
    return pl.DataFrame(
        {"customer_id": [r[0] for r in rows], "day": [r[-3] for r in rows], "value": [float(r[-1]) for r in rows]}
    ).select(
        "customer_id",
        day_n=pl.col("day").str.to_date("%Y%m%d").cast(pl.Int32),
        quantity_milli=pl.lit(1000),
        net_minor=(pl.col("value") * 100).round().cast(pl.Int64),
    )


def test_cdnow_gives_the_purchase_days_of_the_specification() -> None:
    """12,426 one-timers of 23,570 up to day 454 (1998-03-31 is day 454 from 1997-01-01)."""
    history = panels.purchase_history(cdnow("CDNOW_master.txt"), period_end=date(1998, 3, 31))
    assert history.height == 23_570
    assert history.filter(pl.col("x") == 0).height == 12_426


def test_the_tenth_of_cdnow_is_the_published_sample() -> None:
    """Fader, Hardie & Lee (2005): every tenth customer: 2,357, Σx = 2,457, 1,411 without a repeat."""
    sample = cdnow("CDNOW_sample.txt")
    history = panels.purchase_history(sample, period_end=CDNOW_END)
    assert (history.height, history.filter(pl.col("x") == 0).height, history["x"].sum()) == (2357, 1411, 2457)
    later = panels.holdout(sample, after=CDNOW_END, until=date(1998, 6, 30))
    assert later["purchase_days"].sum() == 1882


def test_weeks_are_days_over_seven() -> None:
    lines = pl.DataFrame(
        {"customer_id": ["a", "a"], "day_n": [0, 10], "quantity_milli": [1, 1], "net_minor": [100, 300]}
    )
    week = panels.purchase_history(lines, period_end=date(1970, 1, 21)).row(0, named=True)
    day = panels.purchase_history(lines, period_end=date(1970, 1, 21), unit="day").row(0, named=True)
    assert (day["t_x"], day["T"]) == (10.0, 20.0)
    assert (week["t_x"], week["T"]) == (10 / 7, 20 / 7)
    assert week["spend"] == 2.0


def test_dropping_the_first_purchase_leaves_the_mean_of_the_repeats() -> None:
    lines = pl.DataFrame(
        {
            "customer_id": ["a", "a", "a", "b"],
            "day_n": [0, 10, 11, 3],
            "quantity_milli": [1000] * 4,
            "net_minor": [100, 300, 500, 700],
        }
    )
    spend = panels.purchase_history(lines, period_end=date(1970, 1, 21), first_purchase="drop")["spend"]
    assert spend.to_list() == [4.0, None]


def test_somebody_who_only_returned_has_no_history() -> None:
    lines = pl.DataFrame({"customer_id": ["a"], "day_n": [1], "quantity_milli": [-1000], "net_minor": [-5]})
    assert panels.purchase_history(lines, period_end=date(1970, 1, 21)).is_empty()


def test_a_pandas_frame_with_days_needs_no_day_numbers() -> None:
    days = pd.to_datetime(["2026-01-01", "2026-01-15"])
    lines = pd.DataFrame({"customer_id": ["a", "a"], "day": days, "quantity_milli": [1000, 1000], "net_minor": [5, 7]})
    assert panels.purchase_history(lines, period_end=date(2026, 1, 22)).select("t_x", "T").row(0) == (2.0, 3.0)


def test_an_instant_is_not_taken_for_a_business_day() -> None:
    days = pd.to_datetime(["2026-01-01 23:30"]).tz_localize("Asia/Shanghai")
    lines = pd.DataFrame({"customer_id": ["a"], "day": days, "quantity_milli": [1000], "net_minor": [5]})
    with pytest.raises(ContractError, match="day_n"):
        panels.purchase_history(lines, period_end=date(2026, 1, 22))
