"""Tables set for reading: labels, numbers, escapes."""

from __future__ import annotations

from datetime import date

import pandas as pd
import polars as pl
import pytest

from crmlib.kit import table as style
from crmlib.kit.words import Words
from tests.report.payloads import PAYLOADS

FRAME = pl.DataFrame(
    {
        "net_minor": [868_000_000, None], "rows": [1234, 0], "share": [0.30751, None], "factor": [1.2345, 2.0],
        "day": [date(2026, 6, 30), None], "late": [True, None], "name": ["a", None], "hidden": [1, 2],
        "stock_milli": [2500, 0], "depth_bp": [1500, None], "quadrant": ["keep", None],
    }
)  # fmt: skip


def cells(language: str = "zh", *, exact: bool = False) -> str:
    view = style.readable(FRAME, words=Words(language), exact=exact, hide=["hidden"])  # type: ignore[arg-type]
    return str(view.as_raw_html())


def test_every_kind_is_written_as_the_language_writes_it() -> None:
    html = cells()
    for shown in (
        "868 万元",
        "1,234",
        "30.8%",
        "1.234",
        "2026-06-30",
        "是",
        "—",
        "15.0%",
        Words("zh")("customer_value.quadrant.keep"),
    ):
        assert f">{shown}<" in html
    assert ">¥8.68M<" in cells("en") and ">yes<" in cells("en")


def test_zero_is_not_missing() -> None:
    assert ">0<" in cells() and cells().count(">—<") == 7
    assert ">8,680,000.00<" in cells(exact=True)


def test_hidden_columns_are_not_there() -> None:
    assert ">hidden<" not in cells()


@pytest.mark.parametrize("payload", PAYLOADS[:12])
def test_text_and_labels_are_escaped(payload: str) -> None:
    html = style.readable(pl.DataFrame({payload: [payload]}), words=Words("en")).as_raw_html()
    assert payload not in html


def test_pandas_columns_come_in_through_polars() -> None:
    frame = pl.from_pandas(pd.DataFrame({"n": [1, 2]}))
    assert ">2<" in style.readable(frame, words=Words("en")).as_raw_html()
