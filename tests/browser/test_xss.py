"""Names, notes and titles from outside are text on every surface: nothing runs, and the charts are still drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest
from great_tables import GT, html

from crmlib.core.errors import CrmError
from crmlib.data.lake.lake import Lake
from crmlib.kit import table as style
from crmlib.kit.finding import ActionList, Answer, Figure, Finding, Limits
from crmlib.kit.words import Words
from crmlib.report import open_page
from crmlib.report.assemble import assemble
from crmlib.report.failure import Watch, error_page
from tests.browser.conftest import Open
from tests.report import world
from tests.report.payloads import PAYLOADS

pytestmark = pytest.mark.browser
ALL = " ".join(PAYLOADS)


def names() -> pl.DataFrame:
    """A table whose names are payloads, and a column name that is one."""
    return pl.DataFrame({"name": list(PAYLOADS), "net_minor": [100 * (i + 1) for i in range(len(PAYLOADS))]})


def everywhere(lake: Lake, out: Path, **changes: Any) -> Any:
    """A page with payloads in every place that text from outside can reach."""
    page = world.opened(lake, out=out, **changes)
    table = names().with_columns(**{PAYLOADS[1]: pl.lit(ALL)})
    chart = world.bars(names().head(30), x="net_minor", y="name").properties(title=ALL[:2000], description=ALL)
    chart = chart.encode(
        x=alt.X("net_minor", title=ALL[:400]), y=alt.Y("name", sort=None, title=ALL[400:800]),
        color=alt.Color("name", title=ALL[800:1200]), tooltip=[alt.Tooltip("name", title=ALL[:300])],
    )  # fmt: skip
    layered = world.bars(names().tail(30), x="net_minor", y="name")
    page.show(Answer(ALL, (Figure(ALL, ALL, ALL, "bad", "k", 1.0), Figure("a", "b", "c", "good"))))
    own = Finding("x.own", "warn", ALL, table, ALL, ALL, ALL, chart=chart, alt=ALL, row_key=("name",))
    page.show(own)
    page.show(replace(own, key="x.styled", chart=layered, view=style.readable(names(), words=page.words)))
    raw = GT(names().head(40)).cols_label(name=html(ALL)).tab_header(html(ALL)).fmt_markdown("name")
    page.show(replace(own, key="x.raw", view=raw, chart=None))
    page.show(replace(own, key="x.check", role="check", status="fail", chart=None))
    page.show(ActionList(ALL, table, note=ALL, row_key=("name",)))
    page.show(Limits((ALL,)))
    return page


def clean(seen: Any, charts: int) -> None:
    """Nothing ran, nothing was fetched, everything was drawn, and the payloads are there to read."""
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    for chart in seen.page.query_selector_all(".chart svg .mark-rect path")[:3]:
        for event in ("pointerover", "pointermove", "mouseover", "mousemove", "click"):
            chart.dispatch_event(event)
    seen.page.wait_for_timeout(300)
    assert (seen.alerts, seen.outside) == ([], [])
    assert seen.drawn() == (charts, charts)
    assert "<script>alert(1)</script>" in seen.page.inner_text("body")
    assert seen.page.query_selector("img, iframe, object, embed, base, marquee, form[action^=javascript]") is None


def test_there_are_enough_payloads() -> None:
    assert len(set(PAYLOADS)) >= 50


@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.long)])
def test_payloads_on_every_surface_of_a_file_do_nothing(lake: Lake, tmp_path: Path, visit: Open, language: str) -> None:
    everywhere(lake, tmp_path, language=language).close()
    clean(visit((tmp_path / "index.html").as_uri()), 2)


def test_payloads_on_every_surface_of_the_app_do_nothing(lake: Lake, tmp_path: Path, visit: Open) -> None:
    path = tmp_path / "voila.html"
    path.write_text(assemble(everywhere(lake, tmp_path, face="voila")).html, encoding="utf-8")
    clean(visit(path.as_uri()), 2)


def test_the_second_lock_holds_without_the_first(lake: Lake, tmp_path: Path, visit: Open) -> None:
    everywhere(lake, tmp_path).close()
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    broken = page.replace("</main>", "".join(PAYLOADS).replace("\x00", "") + "</main>", 1)
    path = tmp_path / "broken.html"
    path.write_text(broken, encoding="utf-8")
    seen = visit(path.as_uri())
    seen.page.wait_for_timeout(300)
    assert seen.alerts == []
    assert seen.refused, "the policy of the page should have refused the injected scripts"


def test_regions_with_payloads_are_choices_and_nothing_else(tmp_path: Path, visit: Open) -> None:
    lake = world.make_lake(tmp_path / "lake", regions=tuple(PAYLOADS[:30]))
    region = PAYLOADS[1]
    page = world.opened(lake, face="voila", query=(("region", region),))
    page.show(world.finding(page.words))
    path = tmp_path / "page.html"
    path.write_text(assemble(page).html, encoding="utf-8")
    seen = visit(path.as_uri())
    assert seen.alerts == [] and seen.drawn() == (1, 1)
    assert seen.page.eval_on_selector("select[name=region]", "s => s.value") == region


@pytest.mark.parametrize("payload", PAYLOADS[::9])
def test_payloads_in_the_address_come_back_as_text(lake: Lake, tmp_path: Path, visit: Open, payload: str) -> None:
    context = world.context(lake, face="voila", query=(("months", payload), (payload, payload), ("region", payload)))
    with pytest.raises(CrmError) as caught:
        open_page("customer_value", {}, context=context)
    given = {"months": payload, "region": payload}
    path = tmp_path / "error.html"
    path.write_text(error_page(caught.value, Watch("customer_value", context, Words("zh"), given)), encoding="utf-8")
    seen = visit(path.as_uri())
    assert (seen.alerts, seen.outside) == ([], [])
    assert seen.page.query_selector("img, iframe, object, svg") is None


def test_payloads_in_an_error_are_text(lake: Lake, tmp_path: Path, visit: Open) -> None:
    error = CrmError("x.y", said=(ALL, ALL, ALL), examples=[ALL])
    watch = Watch("customer_value", world.context(lake), Words("zh"), {})
    path = tmp_path / "error.html"
    path.write_text(error_page(error, watch), encoding="utf-8")
    seen = visit(path.as_uri())
    assert (seen.alerts, seen.outside) == ([], [])
    assert "<script>alert(1)</script>" in seen.page.inner_text("main")
