"""The picture of a running promotion: plan, band and projection."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import vl_convert

from crmlib.kit.words import Words
from crmlib.pages.promotion_watch import charts

WORDS = Words("zh")


def band_frame():
    days = [date(2026, 1, 1) + timedelta(days=i) for i in range(4)]
    rows = [
        {"day": d, "series": s, "kind": k, "value": 10.0 * i, "low": 5.0 * i, "high": 15.0 * i}
        for s, k in (("计划", "plan"), ("实际", "actual"), ("预测", "projected"))
        for i, d in enumerate(days)
    ]
    return pl.DataFrame(rows)


def test_plan_actual_and_projection_are_named_and_drawn():
    svg = vl_convert.vegalite_to_svg(charts.band(band_frame(), words=WORDS).to_json())
    assert all(name in svg for name in ("计划", "实际", "预测")) and "NaN" not in svg
