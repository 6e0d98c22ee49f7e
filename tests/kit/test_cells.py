"""Cells written a column at a time are the same cells."""

from __future__ import annotations

from datetime import date

import polars as pl
from great_tables._gt_data import Body

from crmlib.kit.table import readable
from crmlib.kit.words import Words

FRAME = pl.DataFrame(
    {
        "name": ["<b>a</b>", None, "c"],
        "net_minor": [868_000_000, 0, None],
        "share": [0.5, None, 0.25],
        "day": [date(2026, 1, 1), None, date(2026, 12, 31)],
        "leads": ["/apps/x", "", "/apps/y"],
    }
)


def test_a_table_has_the_bytes_that_the_library_s_own_body_gives_it() -> None:
    view = readable(FRAME, words=Words("zh"), links={"name": "leads"}).fmt(lambda text: f"({text})", "name", rows=[2])
    for shown in (view, view.sub_missing(missing_text="none"), view.fmt_number("share")):
        assert shown.as_raw_html() == shown._replace(_body=Body(shown._body.body)).as_raw_html()
    html = view.as_raw_html()
    assert '<a href="/apps/x">&lt;b&gt;a&lt;/b&gt;</a>' in html and "(c)" in html and html.count("—") == 4
