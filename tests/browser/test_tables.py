"""Tables sort and filter in the browser, by amount where they hold amounts, without a request."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.table import readable
from tests.browser.conftest import Open, Visit
from tests.report import world

pytestmark = [pytest.mark.browser, pytest.mark.long]
AMOUNTS = [95_000, 8_680_000_00, None, -3_000_00, 120_000_000_00, 0, 42_00, 7_777_00, 1, 55_000_00]


@pytest.fixture(scope="module", params=["zh", "en"])
def file(request: pytest.FixtureRequest, lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp(f"tables-{request.param}")
    page = world.opened(lake, out=out, language=request.param)
    frame = pl.DataFrame({"name": [f"店{n}" for n in range(1, 11)], "net_minor": AMOUNTS})
    view = readable(frame, words=page.words)
    page.show(world.finding(page.words, table=frame, view=view, chart=None))
    page.show(world.answer(page.words))
    page.close()
    return out / "index.html"


def column(seen: Visit, number: int) -> list[str]:
    cells = seen.page.query_selector_all(f"tbody tr:not([hidden]) td:nth-child({number})")
    return [cell.inner_text() for cell in cells]


def test_a_column_of_money_sorts_by_amount_across_its_units_and_the_unknown_stays_below(
    file: Path, visit: Open
) -> None:
    seen = visit(file.as_uri())
    by_amount = sorted((a, f"店{n}") for n, a in enumerate(AMOUNTS, 1) if a is not None)
    seen.page.click("th:nth-child(2) .sort")
    assert column(seen, 1) == [name for _, name in reversed(by_amount)] + ["店3"]
    assert seen.page.get_attribute("th:nth-child(2)", "aria-sort") == "descending"
    seen.page.click("th:nth-child(2) .sort")
    assert column(seen, 1) == [name for _, name in by_amount] + ["店3"]


def test_a_column_of_names_sorts_as_people_count(file: Path, visit: Open) -> None:
    seen = visit(file.as_uri())
    seen.page.click("th:nth-child(2) .sort")
    seen.page.focus("th:nth-child(1) .sort")
    seen.page.keyboard.press("Enter")
    assert column(seen, 1) == [f"店{n}" for n in range(1, 11)]
    assert (seen.outside, seen.errors, seen.refused) == ([], [], [])


def test_a_column_of_months_sorts_by_time_in_either_language(
    lake: Lake, visit: Open, tmp_path_factory: pytest.TempPathFactory
) -> None:
    firsts = [date(2025 + n // 12, n % 12 + 1, 1) for n in range(10, 20)]
    for language in ("en", "zh"):
        out = tmp_path_factory.mktemp(f"months-{language}")
        page = world.opened(lake, out=out, language=language)
        frame = pl.DataFrame({"month": firsts[::-1], "receipts": range(10)})
        page.show(world.finding(page.words, table=frame, view=readable(frame, words=page.words), chart=None))
        page.show(world.answer(page.words))
        page.close()
        seen = visit((out / "index.html").as_uri())
        seen.page.click("th:nth-child(1) .sort")
        assert column(seen, 2) == [str(n) for n in reversed(range(10))], language


def test_a_measure_is_explained_where_one_points_or_tabs_to_it_without_a_request(file: Path, visit: Open) -> None:
    seen = visit(file.as_uri())
    page = seen.page
    head = page.locator("th[data-term=net_minor] .sort")
    said = page.locator(f"#{head.get_attribute('aria-describedby')}").text_content()
    assert said and page.locator("[role=tooltip]").is_hidden()
    head.focus()
    assert page.inner_text("[role=tooltip]") == said
    page.keyboard.press("Escape")
    assert page.locator("[role=tooltip]").is_hidden()
    page.locator("[data-term] .term").first.hover()
    assert page.locator("[role=tooltip]").is_visible()
    page.emulate_media(media="print")
    assert page.locator("[role=tooltip]").is_hidden()
    assert (seen.outside, seen.errors, seen.refused) == ([], [], [])


def test_a_long_table_is_filtered_by_what_one_types(file: Path, visit: Open) -> None:
    seen = visit(file.as_uri())
    seen.page.fill(".filter", "店10")
    assert column(seen, 1) == ["店10"]
    seen.page.fill(".filter", "")
    assert len(column(seen, 1)) == 10
