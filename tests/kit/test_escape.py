"""Marks that nobody sees are seen on a page."""

from __future__ import annotations

import polars as pl
import pytest

from crmlib.kit import table
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.report import sanitize

MARKS = ["\u200b", "\u200d", "\u200e", "\u202e", "\u2066", "\u2069", "\ufeff", "\u061c"]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_that_nobody_sees_is_shown_in_tables_and_pictures(mark: str) -> None:
    markup = table.readable(pl.DataFrame({"name": [f"Li{mark}Na<"]}), words=Words("en")).as_raw_html()
    for shown in (sanitize.table(markup), sanitize.svg(f"<svg><text>Li{mark}Na&lt;</text></svg>", name="a")):
        assert mark not in shown and "Li\ufffdNa&lt;" in shown


def test_names_of_any_script_are_left_as_they_are() -> None:
    for name in ("李娜", "Zoë", "O'Neill & Søn", "ليلى", "नमस्ते"):
        assert escape(name, quote=False) == name.replace("&", "&amp;")
