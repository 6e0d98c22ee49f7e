"""The page of an own report: charts, frames and texts become findings; its head says what it is about."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path
from typing import Any

import altair as alt
import pandas as pd
import polars as pl
import pytest
from great_tables import GT

from crmlib.core.errors import ParameterError
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Answer
from crmlib.report import Page, failure, open_page
from crmlib.report.failure import Watch
from tests.own import project
from tests.report import world


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return world.make_lake(tmp_path_factory.mktemp("lake") / "lake")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project.make(tmp_path))
    return tmp_path


def opened(lake: Lake, variables: dict[str, Any] | None = None, **changes: Any) -> Page:
    return open_page("own_sales", variables or {}, context=world.context(lake, **changes))


def body(html: str) -> str:
    """What stands on a page as text."""
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", html, flags=re.S)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare)))


FRAME = pl.DataFrame({"store_id": ["S0", "S1"], "net_minor": [123_400, 5_600], "share": [0.957, 0.043]})


@pytest.mark.parametrize(
    "thing",
    [FRAME, FRAME.lazy(), FRAME.to_pandas(), GT(FRAME), alt.Chart(FRAME).mark_bar(), [FRAME]],
    ids=["polars", "lazy", "pandas", "table", "chart", "list"],
)
def test_whatever_holds_a_frame_brings_its_table(thing: object, root: Path, lake: Lake) -> None:
    page = opened(lake)
    page.show(thing, headline="One", seen="two", sure="three", do="four")
    page.drawer.close()
    (found,) = page.shown.findings
    assert found.table.equals(FRAME) and found.status == "none"
    assert (found.headline, found.note_seen, found.note_sure, found.note_do) == ("One", "two", "three", "four")
    assert (found.chart is None) == (not isinstance(thing, alt.Chart))


def test_chart_frame_and_text_of_one_call_are_one_finding(root: Path, lake: Lake) -> None:
    page = opened(lake)
    page.show(alt.Chart(pl.DataFrame({"a": [1]})).mark_bar(), FRAME, "Two shops.", headline="One")
    page.show(Answer("All is well."), "Only text.")
    page.drawer.close()
    first, second = page.shown.findings
    assert first.chart is not None and first.table.equals(FRAME) and first.note_seen == "Two shops."
    assert (second.headline, second.key) == ("Only text.", "own_sales.section_2")
    assert page.shown.answer == Answer("All is well.")


def test_what_cannot_be_shown_is_refused_in_three_parts(root: Path, lake: Lake) -> None:
    page = opened(lake)
    with pytest.raises(ParameterError) as caught:
        page.show(object())
    assert caught.value.code == "report.cannot_show"


def test_times_categories_lists_and_a_named_index_become_plain_columns(root: Path, lake: Lake) -> None:
    page = opened(lake)
    wide = pd.DataFrame({"n": [1, 2]}, index=pd.Index(["a", "b"], name="who"))
    page.show(wide)
    noon, midnight = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (12, 0))
    frame = pl.DataFrame({"month": [midnight], "at": [noon], "several": [[1, 2]], "kind": ["x"]})
    page.show(frame.with_columns(pl.col("kind").cast(pl.Categorical)))
    first, second = (f.table for f in page.shown.findings)
    assert first.columns == ["who", "n"]
    assert second.row(0) == (date(2026, 1, 1), "2026-01-01 12:00", "[1, 2]", "x")
    assert second.schema["kind"] == pl.String


@pytest.mark.parametrize(("store", "said"), [(None, "范围：全部门店"), ("S1", "范围：门店 S1")])
def test_the_head_says_what_the_parameters_chose(
    store: str | None, said: str, root: Path, lake: Lake, out: Path
) -> None:
    page = opened(lake, {"store": store}, out=out)
    page.show(FRAME)
    page.close()
    html = (out / "index.html").read_text(encoding="utf-8")
    assert said in body(html)
    record = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert (record["title"], record["parameters"]["store"]) == ("我的销售", store)
    assert (out / "tables.xlsx").is_file() and "1,234.00" in html


def test_the_next_page_says_what_changed(root: Path, lake: Lake, tmp_path: Path) -> None:
    changed = ""
    for day, shares in (("2026-05-31", 100_000), ("2026-06-30", 190_000)):
        out = tmp_path / day
        out.mkdir()
        before = tmp_path / "2026-05-31" / "manifest.json"
        page = opened(lake, {"as_of": day}, out=out, previous=before if before.is_file() else None)
        page.show(FRAME.with_columns(net_minor=pl.Series([shares, 5_600])), headline=f"Sales of {day}", key="own.sales")
        page.close()
        changed = body((out / "index.html").read_text(encoding="utf-8"))
    assert "与上次报告（截至 2026-05-31）相比" in changed
    assert re.search(r"相比 .{0,200}1,000.{0,40}1,900", changed), changed[:600]


def test_a_value_that_the_lake_does_not_have_is_refused_with_those_it_has(root: Path, lake: Lake) -> None:
    with pytest.raises(ParameterError) as caught:
        opened(lake, {"store": "S9"})
    assert caught.value.code == "report.not_offered" and "S0, S1, S2" in caught.value.expected


def test_the_form_of_an_app_offers_what_its_reader_may_choose(root: Path, lake: Lake) -> None:
    page = opened(lake, face="voila", regions=("华南",))
    shown = failure._form(Watch("own_sales", page.context, page.words, {}, page), ())
    fields = {field.name: field for field in shown.fields}
    assert (fields["store"].kind, fields["store"].label) == ("choice", "门店")
    assert [value for value, _ in fields["store"].choices] == ["", "S1"], "the shop of the reader's region only"
    assert (fields["months"].low, fields["months"].high, fields["months"].step) == ("1", "24", "1")
    assert fields["months"].help.startswith("往前看几个月")
    with pytest.raises(ParameterError):
        opened(lake, {"store": "S0"}, face="voila", regions=("华南",))


def test_a_language_without_words_is_made_in_the_other_and_not_offered(root: Path, lake: Lake) -> None:
    (root / "notebooks/own_sales/en.toml").write_text('title = "Mine"', encoding="utf-8")
    page = opened(lake, {"language": "zh"}, face="voila")
    assert page.words.language == "en"
    page.show(FRAME)
    assert "hreflang" not in failure.error_page(ParameterError("x"), Watch(
        "own_sales", page.context, page.words, {}, page))  # fmt: skip
