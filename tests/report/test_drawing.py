"""The engine draws beside the notebook; what it cannot draw costs one chart, not the page."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import altair as alt
import polars as pl
import pytest
import vl_convert

from crmlib.data.lake.lake import Lake
from crmlib.kit.charts import theme
from crmlib.kit.charts.drawer import VARIABLE
from crmlib.report.assemble import assemble
from crmlib.report.drawing import Drawer, Drawing, DrawingError, bundle, stable_names
from tests.report import world
from tests.waiting import HANG, until


@pytest.fixture(autouse=True)
def alone(drawn: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page here has its own engine, unless the test says otherwise."""
    monkeypatch.delenv(VARIABLE)


def draw(chart: object, *, language: str = "zh") -> Drawing:
    return draw_all((chart, language))[0]


def draw_all(*orders: tuple[object, str]) -> list[Drawing]:
    """Charts in their languages, all by one engine: to start one costs more than a picture."""
    drawer = Drawer()
    try:
        return [drawer.order(chart, language=language).result(timeout=HANG) for chart, language in orders]
    finally:
        drawer.close()


def test_a_chart_becomes_a_picture_and_a_specification_that_fits_its_column() -> None:
    made = draw(world.bars(world.tiers()))
    assert made.svg.startswith("<svg") and "viewbox" in made.svg
    assert json.loads(made.vega)["autosize"] == {"contains": "padding", "type": "fit-x"}


def test_months_are_written_as_the_language_writes_them() -> None:
    axis = alt.Axis(format="%B")
    chart = theme.finish(alt.Chart(world.by_month()).mark_point().encode(x=alt.X("month:T", axis=axis), y="net"))
    zh, en = draw_all((chart, "zh"), (chart, "en"))
    assert "一月" in zh.svg and "January" in en.svg


def test_what_the_engine_cannot_draw_is_said_and_the_next_chart_is_drawn(lake: Lake) -> None:
    broken = alt.Chart(world.tiers()).mark_bar().encode(x="share")
    broken.mark = "no such mark"
    page = world.opened(lake)
    page.show(world.finding(page.words, key="demo.broken", chart=broken))
    page.show(world.finding(page.words))
    html = assemble(page).html
    assert "图未能生成" in html and html.count('class="picture"') == 1


def test_an_engine_that_dies_costs_its_chart_only() -> None:
    drawer = Drawer()
    drawer.order(world.bars(world.tiers()), language="en").result(timeout=HANG)
    drawer._engines[-1].kill()
    drawer._engines[-1].wait()
    assert drawer.order(world.bars(world.tiers()), language="en").result(timeout=HANG).svg
    request = drawer._queue.submit(drawer._draw, b"not json\n", "x")
    with pytest.raises(DrawingError, match="ended"):
        request.result(timeout=HANG)
    assert drawer.order(world.bars(world.tiers()), language="en").result(timeout=HANG).svg
    drawer.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One engine kept for many pages."""
    place = tmp_path_factory.mktemp("drawing") / "socket"
    command = [sys.executable, "-m", "crmlib.kit.charts.drawer", str(place), "1"]
    keeper = subprocess.Popen(command, stdin=subprocess.PIPE)
    until(place.exists, alive=lambda: keeper.poll() is None)
    yield str(place)
    keeper.communicate(timeout=HANG)
    assert not place.exists()


def test_a_kept_engine_draws_the_same_picture_whatever_it_drew_before(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = draw(world.bars(world.tiers()))
    monkeypatch.setenv(VARIABLE, address)
    drawer = Drawer()
    drawer.start()
    kept = [drawer.order(world.bars(world.tiers()), language="zh").result(timeout=HANG) for _ in range(3)]
    assert kept == [own] * 3
    assert drawer._engines == []


def test_a_kept_engine_that_dies_costs_its_chart_only_and_is_replaced(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    drawer = Drawer()
    with pytest.raises(DrawingError, match="ended"):
        drawer._draw(b"not json\n", "x")
    assert drawer.order(world.bars(world.tiers()), language="en").result(timeout=HANG).svg


def test_where_nobody_keeps_engines_a_page_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nobody"))
    assert draw(world.bars(world.tiers())).svg


def test_a_chart_of_the_same_data_is_drawn_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, draw_it = list[str](), Drawer._drawn

    def noted(self: Drawer, request: bytes, name: str) -> Drawing:
        drawn.append(name)
        return draw_it(self, request, name)

    monkeypatch.setattr(Drawer, "_drawn", noted)
    less, folder = world.bars(world.tiers().head(2)), tmp_path / "kept"
    orders = [(world.bars(world.tiers()), "zh", "a"), (world.bars(world.tiers()), "en", "a"), (less, "zh", "a")]
    orders += [(world.bars(world.tiers()), "zh", "b")]

    def made() -> list[Drawing]:
        drawer = Drawer(folder)
        try:
            return [drawer.order(c, language=said, key=key).result(timeout=HANG) for c, said, key in orders]
        finally:
            drawer.close()

    first = made()
    assert made() == first and drawn == ["a", "a", "a", "b"]
    for entry in folder.iterdir():
        entry.write_bytes(entry.read_bytes()[:-1])
    assert made() == first and len(drawn) == 8


def test_a_page_finds_the_drawings_of_another_beside_the_lake(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")  # its own: another test's page leaves its drawings
    folder = lake.path / "remembered" / "drawings"
    for _ in range(2):
        page = world.opened(lake)
        page.show(world.finding(page.words))
        assert 'class="picture"' in assemble(page).html
    assert len(list(folder.glob("*.packed"))) == 1
    assert not (folder.stat().st_mode | folder.parent.stat().st_mode) & 0o077


def test_no_engine_outlives_its_page() -> None:
    drawer = Drawer()
    drawer.order(world.bars(world.tiers()), language="en").result(timeout=HANG)
    (pid,) = [engine.pid for engine in drawer._engines]
    del drawer
    gc.collect()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_altairs_running_numbers_do_not_reach_the_page() -> None:
    def chart() -> alt.Chart:
        brush = alt.selection_interval(encodings=["x"])
        return (
            world.bars(world.tiers())
            .add_params(brush)
            .encode(opacity=alt.when(brush).then(alt.value(1)).otherwise(alt.value(0.3)))
        )

    assert stable_names(chart().to_dict()) == stable_names(chart().to_dict())


def test_names_in_the_data_are_not_renumbered() -> None:
    spec = {"name": "view_7", "data": {"values": [{"name": "view_7"}]}, "datasets": {"view_7": ["param_3"]}}
    assert stable_names(spec) == spec | {"name": "view_1"}


def test_a_damaged_cache_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, bundler = list[str](), cache(vl_convert.javascript_bundle)

    def counted(snippet: str) -> str:
        made.append(snippet)
        return bundler(snippet)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(vl_convert, "javascript_bundle", counted)
    bundle.cache_clear()
    first = bundle()
    (kept,) = (tmp_path / "crmlib").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000])
    bundle.cache_clear()
    assert bundle() == first
    kept.unlink()
    kept.parent.rmdir()
    (tmp_path / "crmlib").write_text("in the way")
    bundle.cache_clear()
    assert bundle() == first
    assert len(made) == 3
    bundle.cache_clear()


def test_every_kind_of_chart_is_drawn() -> None:
    frame = pl.DataFrame({"g": ["a", "a", "b", "b"], "x": [1, 2, 1, 2], "y": [1.0, 2, 3, 4]})
    base = alt.Chart(frame).mark_line().encode(x="x", y="y").properties(width=150, height=100)
    kinds = (base.facet("g"), base | base, base & base, base.encode(color="g"), base + base)
    assert all(drawn.svg for drawn in draw_all(*((theme.finish(chart), "zh") for chart in kinds)))


def test_a_picture_as_large_as_a_map_is_left_to_scripts(lake: Lake) -> None:
    cells = pl.DataFrame({"x": [i % 50 for i in range(2500)], "y": [i // 50 for i in range(2500)]})
    page = world.opened(lake)
    page.show(world.finding(page.words, chart=theme.finish(alt.Chart(cells).mark_point().encode(x="x", y="y"))))
    html = assemble(page).html
    assert '<p class="small">A、B 类占销售额一半</p></div>' in html and 'id="demo-pyramid-spec"' in html
