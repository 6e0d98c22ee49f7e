"""Marks that nobody sees are seen on a page."""

from __future__ import annotations

import zipfile
from io import BytesIO

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit import table
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.report import sanitize
from crmlib.report.assemble import assemble
from crmlib.report.html import sheets
from crmlib.run import deliver
from crmlib.run.outbox import Announcement
from tests.report import world


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return world.make_lake(tmp_path_factory.mktemp("lake") / "lake")


MARKS = ["\u200b", "\u200d", "\u200e", "\u202e", "\u2066", "\u2069", "\ufeff", "\u061c"]


@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_that_nobody_sees_is_shown_in_tables_and_pictures(mark: str) -> None:
    markup = table.readable(pl.DataFrame({"name": [f"Li{mark}Na<"]}), words=Words("en")).as_raw_html()
    for shown in (sanitize.table(markup), sanitize.svg(f"<svg><text>Li{mark}Na&lt;</text></svg>", name="a")):
        assert mark not in shown and "Li\ufffdNa&lt;" in shown


def test_names_of_any_script_are_left_as_they_are() -> None:
    for name in ("李娜", "Zoë", "O'Neill & Søn", "ليلى", "नमस्ते"):
        assert escape(name, quote=False) == name.replace("&", "&amp;")


@pytest.mark.parametrize("mark", ["\u200b", "\u202e"])
def test_no_name_hides_a_sign_in_a_headline_a_workbook_a_chart_or_a_message(mark: str, lake: Lake) -> None:
    page, name = world.opened(lake), f"Li{mark}Na"
    chart = world.bars(world.tiers().with_columns(tier=pl.lit(name)))
    page.show(world.finding(page.words, headline=f"{name} brings most", chart=chart))
    html = assemble(page).html
    assert mark not in html and f"\\u{ord(mark):04x}" not in html.lower() and "Li\ufffdNa brings most" in html
    book = sheets.xlsx([sheets.Sheet(name, pl.DataFrame({"name": [name]}))], words=page.words, day=world.LAST)
    with zipfile.ZipFile(BytesIO(book)) as parts:
        assert not [part for part in parts.namelist() if mark.encode() in parts.read(part)]
    thing = Announcement("o", name, "zh", name, failed=False)
    mail = deliver.message(thing, reader=deliver.Reader(), plan=deliver.Delivery(address="https://r.example"))
    assert mark not in str(mail["Subject"]) and mark not in mail.get_content()
