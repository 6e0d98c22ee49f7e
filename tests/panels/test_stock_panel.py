"""Sales by store, product and day: sums of plain Python, the same on every engine."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given, settings

from crmlib import panels
from tests.panels.lines import ENGINES, line_frames

EPOCH = date(1970, 1, 1)
START, END = EPOCH + timedelta(18_003), EPOCH + timedelta(18_015)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=6)
@given(lines=line_frames())
def test_sales_of_a_store_product_and_day_are_their_lines_sums(engine, lines):
    sums: Counter = Counter()
    keys = set()
    for row in lines.iter_rows(named=True):
        if 18_003 <= row["day_n"] <= 18_015:
            key = (row["store_id"], row["product_id"], row["day_n"])
            keys.add(key)
            sums[(*key, "q")] += row["quantity_milli"]
            sums[(*key, "v")] += row["net_minor"]
    found = panels.store_product_day(ENGINES[engine](lines), start=START, end=END)
    assert found.rows() == [(*key, sums[(*key, "q")], sums[(*key, "v")]) for key in sorted(keys)]
