"""The page in a real browser, the network closed: drawn, readable, printable, for everybody."""

from __future__ import annotations

from pathlib import Path

import altair as alt
import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe

from crmlib.data.lake.lake import Lake
from crmlib.kit.charts import theme
from tests.browser.conftest import Open
from tests.report import world

pytestmark = [pytest.mark.browser, pytest.mark.long]
BOTH = pytest.mark.parametrize("language", ["zh", "en"])


@BOTH
@pytest.mark.parametrize("width", [1200, 820, 390])
def test_all_charts_are_drawn_nothing_is_fetched_and_nothing_sticks_out(
    pages: dict[str, Path], visit: Open, language: str, width: int
) -> None:
    seen = visit(pages[language].as_uri(), width=width)
    assert seen.drawn() == (2, 2)
    assert (seen.outside, seen.errors, seen.refused) == ([], [], [])
    assert seen.overflow() <= 0


@BOTH
@pytest.mark.parametrize("width", [1200, 390])
def test_axe_finds_no_violation_with_everything_open(
    pages: dict[str, Path], visit: Open, language: str, width: int
) -> None:
    seen = visit(pages[language].as_uri(), width=width)
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    found = Axe().run(seen.page).response["violations"]
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]]) for v in found] == []


@BOTH
def test_it_prints_to_pages_of_a4(pages: dict[str, Path], visit: Open, language: str) -> None:
    pdf = visit(pages[language].as_uri()).page.pdf(format="A4", print_background=True)
    assert pdf.startswith(b"%PDF") and len(pdf) > 30_000
    assert 1 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") <= 6


@BOTH
def test_without_scripts_each_chart_shows_its_picture(pages: dict[str, Path], visit: Open, language: str) -> None:
    seen = visit(pages[language].as_uri(), scripts=False)
    pictures = seen.page.query_selector_all(".chart .picture svg")
    assert len(pictures) == 2 and all(p.bounding_box()["height"] > 100 for p in pictures)


def test_charts_follow_the_width_of_the_window(pages: dict[str, Path], visit: Open) -> None:
    seen = visit(pages["zh"].as_uri(), width=1200)
    wide = seen.page.query_selector(".chart svg").bounding_box()["width"]
    seen.page.set_viewport_size({"width": 390, "height": 900})
    seen.page.wait_for_function("document.querySelector('.chart svg').getBoundingClientRect().width < 360")
    assert wide > 600
    assert seen.overflow() <= 0


CUT = """() => [...document.querySelectorAll('.chart svg')].flatMap(svg => {
  const edge = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].map(t => [t.getBoundingClientRect(), t.textContent])
    .filter(([box]) => box.width > 0 && box.right > edge.right + 1).map(([, text]) => text);
})"""


@pytest.mark.parametrize("width", [1200, 390])
def test_labels_beside_bars_are_not_cut_off(lake: Lake, tmp_path: Path, visit: Open, width: int) -> None:
    frame = world.tiers().with_columns(label=pl.lit("1,243 members, margin ¥2.4 million"))
    base = alt.Chart(frame).encode(x=alt.X("share", scale=alt.Scale(domain=[0, 0.32])), y="tier")
    chart = theme.finish(base.mark_bar() + base.mark_text(align="left", dx=4).encode(text="label"), height=180)
    page = world.opened(lake, out=tmp_path, language="en")
    page.show(world.finding(page.words, chart=chart))
    page.close()
    seen = visit((tmp_path / "index.html").as_uri(), width=width)
    assert seen.drawn() == (1, 1) and seen.page.evaluate(CUT) == []
    seen.page.set_viewport_size({"width": 420, "height": 900})
    seen.page.wait_for_function("document.querySelector('.chart svg').getBoundingClientRect().width < 400")
    seen.page.wait_for_function(f"({CUT})().length === 0")
    assert seen.overflow() <= 0


def test_on_a_phone_the_rows_of_a_list_are_cards_that_name_their_values(pages: dict[str, Path], visit: Open) -> None:
    page = visit(pages["zh"].as_uri(), width=390).page
    cell = page.locator(".list tbody tr").first.locator("td").nth(1)
    said = cell.evaluate("c => getComputedStyle(c, '::before').content")
    assert said == f'"{page.locator(".list th").nth(1).inner_text()}"' != '""'
    assert page.evaluate("document.querySelector('.list .scroll').scrollWidth") <= 390


def test_every_chart_has_a_text_alternative_that_says_its_takeaway(pages: dict[str, Path], visit: Open) -> None:
    seen = visit(pages["zh"].as_uri())
    named = [p.get_attribute("aria-label") for p in seen.page.query_selector_all(".chart [role=img]")]
    assert named == ["A、B 类占销售额一半", "9 月起走高"]


def test_a_tooltip_is_text(pages: dict[str, Path], visit: Open) -> None:
    page = visit(pages["zh"].as_uri()).page
    page.hover(".chart svg .mark-rect path >> nth=0")
    page.wait_for_selector(".tip:not([hidden])")
    assert "A" in page.inner_text(".tip")


def test_the_other_language_is_one_click_away(pages: dict[str, Path], visit: Open) -> None:
    page = visit(pages["zh"].as_uri()).page
    page.click("text=English")
    page.wait_for_selector("html[lang=en]", state="attached")
    assert page.title() == "Customer value"


def test_a_table_opens_by_keyboard_and_its_download_is_a_workbook(pages: dict[str, Path], visit: Open) -> None:
    page = visit(pages["zh"].as_uri()).page
    page.focus("details.table summary")
    page.keyboard.press("Enter")
    assert page.is_visible("details.table[open] table")
    with page.expect_download() as download:
        page.click(".download a >> nth=0")
    path = download.value.path()
    assert download.value.suggested_filename == "demo.pyramid.xlsx"
    assert path.read_bytes()[:2] == b"PK"


@BOTH
def test_the_first_tab_stop_skips_to_the_content(pages: dict[str, Path], visit: Open, language: str) -> None:
    page = visit(pages[language].as_uri()).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#content"


def test_status_is_said_in_words_and_shapes_not_only_in_colour(pages: dict[str, Path], visit: Open) -> None:
    page = visit(pages["zh"].as_uri()).page
    assert [s.inner_text().strip() for s in page.query_selector_all(".status")][:2] == ["需留意", "正常"]
    shapes = page.evaluate(
        "[...document.querySelectorAll('.status svg')].slice(0, 2).map(s => s.firstElementChild.tagName)"
    )
    assert shapes == ["path", "circle"]
