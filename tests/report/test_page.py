"""A page from its opening to its files."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.errors import CrmError, LakeError, ParameterError
from crmlib.data.lake import delta
from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.report import open_page
from crmlib.report.assemble import assemble
from crmlib.report.failure import Watch, error_page
from crmlib.report.head import coverage
from crmlib.report.record.previous import newest_before
from tests.report import world

FIRST_BYTES_MAX = 450_000


def page_of(lake: Lake, out: Path, *, language: str = "zh", **changes: object) -> str:
    out.mkdir(exist_ok=True)
    world.fill(world.opened(lake, language=language, out=out, **changes)).close()
    return (out / "index.html").read_text(encoding="utf-8")


def test_without_a_day_the_last_day_of_the_data_is_taken(lake: Lake) -> None:
    assert world.opened(lake).as_of == world.LAST


def test_the_address_overrides_the_cell(lake: Lake) -> None:
    page = world.opened(lake, variables={"months": 3}, face="voila", query=(("months", "6"), ("language", "en")))
    assert (page.params.months, page.words.language) == (6, "en")


def test_no_row_after_the_page_s_day_and_none_of_another_region_is_seen(lake: Lake) -> None:
    page = world.opened(lake, variables={"as_of": date(2026, 1, 31), "region": "华南"})
    seen = world.rows(page).select("day", "store_id").collect()
    assert seen["day"].max() <= date(2026, 1, 31)  # type: ignore[operator]
    assert seen["store_id"].unique().to_list() == ["S1"]


def test_a_reader_s_regions_bound_every_table_whatever_the_address_says(lake: Lake) -> None:
    page = world.opened(lake, regions=("华南",))
    assert world.rows(page).select("store_id").unique().collect()["store_id"].to_list() == ["S1"]
    assert page.known_regions() == ("华南",)
    with pytest.raises(ParameterError) as caught:
        world.opened(lake, regions=("华南",), face="voila", query=(("region", "华东"),))
    assert caught.value.code == "report.forbidden"


def test_a_reader_without_any_region_sees_nothing(lake: Lake) -> None:
    assert world.rows(world.opened(lake, regions=())).collect().height == 0


def test_personal_data_are_not_for_pages(lake: Lake) -> None:
    with pytest.raises(LakeError) as caught:
        world.opened(lake).table("people")
    assert caught.value.code == "report.personal"


def test_a_table_that_is_not_connected_is_told_by_name(lake: Lake) -> None:
    page = world.opened(lake)
    assert page.has("stores") and not page.has("points")
    with pytest.raises(LakeError, match="points"):
        page.table("points")


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"as_of": date(2001, 1, 1)}, "report.as_of"),
        ({"as_of": date(2031, 1, 1)}, "report.as_of"),
        ({"region": "火星"}, "report.region"),
        ({"months": "many"}, "report.parameters"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_three_parts(lake: Lake, values: dict[str, object], code: str) -> None:
    with pytest.raises(ParameterError) as caught:
        world.opened(lake, variables=values)
    assert caught.value.code == code
    assert caught.value.given and caught.value.expected and caught.value.mend


def test_an_empty_lake_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    with pytest.raises(LakeError) as caught:
        world.opened(Lake(tmp_path / "none"))
    assert caught.value.code == "report.not_connected"


def test_a_run_leaves_page_tables_workbook_and_manifest(lake: Lake, out: Path) -> None:
    page_of(lake, out)
    assert {p.name for p in out.iterdir()} == {"index.html", "manifest.json", "tables", "tables.xlsx"}
    keys = {"demo.pyramid", "demo.months", "demo.check", "actions"}
    assert {p.stem for p in (out / "tables").iterdir()} == keys
    record = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert {f["key"] for f in record["findings"]} == keys
    assert (record["status"], record["as_of"], record["seed"]) == ("warn", "2026-06-30", 7)
    assert pl.read_parquet(out / "tables" / "demo.pyramid.parquet").equals(world.tiers())


def test_the_same_inputs_give_the_same_bytes(lake: Lake, tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    page_of(lake, one)
    page_of(lake, two, now=world.CLOCK.replace(year=2027), run_id="another")
    for name in ("index.html", "tables.xlsx", "tables/demo.pyramid.parquet"):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_says_everything_in_its_order(lake: Lake, out: Path, language: str) -> None:
    words = Words(language)  # type: ignore[arg-type]
    html = page_of(lake, out, language=language, languages=("zh", "en"))
    order = [
        words("customer_value.title"), words("customer_value.question"), words("page.as_of", day="2026-06-30"),
        words("page.scope_all"), words("page.other_language"), world.answer(words).sentence, words("page.change.title"),
        world.finding(words).headline, world.actions(words).headline, words("page.check"), words("page.foot.limits"),
    ]  # fmt: skip
    body = html[html.index("<body>") :]
    places = [body.index(text.replace('"', "&#34;").replace("'", "&#39;")) for text in order]
    assert places == sorted(places)
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in html
    assert 'href="../' + ("en" if language == "zh" else "zh") + "/index.html" in html


def test_ten_charts_stay_below_the_limit_with_one_bundle(lake: Lake, out: Path) -> None:
    page = world.opened(lake, out=out)
    for n in range(10):
        page.show(world.finding(page.words, key=f"demo.n{n}", chart=world.bars(world.tiers())))
    page.close()
    html = (out / "index.html").read_text(encoding="utf-8")
    assert html.count('id="vega"') == 1
    data = sum(len(m) for m in re.findall(r'data:application[^"]*|<script type="application/json".*?</script>', html))
    assert len(html.encode()) - data <= FIRST_BYTES_MAX


def test_the_page_names_no_address_of_anybody(lake: Lake, out: Path) -> None:
    html = page_of(lake, out)
    without_specs = re.sub(r'<script type="text/plain" id="vega">[^<]*</script>|xmlns="[^"]*"', "", html)
    assert not re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(?:https?:)?//", without_specs)


def test_voila_is_the_html_page_plus_the_form(lake: Lake, out: Path) -> None:
    html = page_of(lake, out)
    asked = world.fill(world.opened(lake, face="voila"))
    form = re.compile(r"<form .*?</form>\n?", re.S)
    voila = assemble(asked).html
    assert len(form.findall(voila)) == 1
    other = re.compile(r'<li class="noprint"><a href="\?[^>]*>English</a></li>')
    home = 'href="../../../../index.html"'
    assert home in html
    served = html.replace(home, 'href="/index.html"').replace('href="../../../../handbook/', 'href="/handbook/')
    assert form.sub("", other.sub("", voila)) == served


def test_a_failed_check_opens_the_model_check(lake: Lake, out: Path) -> None:
    page = world.opened(lake, out=out)
    page.show(world.finding(page.words, key="demo.check", status="fail", role="check", chart=None))
    assert '<details class="checks" open>' in assemble(page).html


def test_two_findings_of_one_key_are_a_programming_error(lake: Lake) -> None:
    page = world.opened(lake)
    page.show(world.finding(page.words, chart=None))
    page.show(world.finding(page.words, chart=None))
    with pytest.raises(ValueError, match=r"demo\.pyramid"):
        assemble(page)


def test_a_long_table_is_cut_on_the_page_and_whole_in_the_files(lake: Lake, out: Path) -> None:
    page = world.opened(lake, out=out)
    long = pl.DataFrame({"customer_id": [f"C{i}" for i in range(1000)], "net_minor": range(1000)})
    page.show(world.finding(page.words, key="demo.long", table=long, view=None, chart=None))
    page.close()
    html = (out / "index.html").read_text(encoding="utf-8")
    assert html.count("<tr") < 250 and "显示前 200 行，共 1,000 行" in html
    assert pl.read_parquet(out / "tables" / "demo.long.parquet").height == 1000


def test_an_empty_table_says_so(lake: Lake) -> None:
    page = world.opened(lake)
    page.show(world.finding(page.words, table=world.tiers().clear(), view=None, chart=None))
    assert "没有符合条件的记录" in assemble(page).html


def test_state_is_kept_by_runs_and_found_by_the_next_day_only(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")
    cuts = pl.DataFrame({"tier": ["A"], "threshold_minor": [100]})
    may = {"as_of": date(2026, 5, 31)}
    world.opened(lake, variables=may).save_state("cuts", cuts)
    world.opened(lake, variables=may).save_state("cuts", cuts.with_columns(threshold_minor=pl.lit(200, pl.Int64)))
    world.opened(lake, face="voila").save_state("cuts", cuts)
    assert world.opened(lake, variables=may).state("cuts") is None
    june = world.opened(lake).state("cuts")
    assert june is not None and june["threshold_minor"].to_list() == [200]
    assert world.opened(lake, variables={"region": "华南"}).state("cuts") is None


def test_what_changed_is_told_against_the_previous_manifest(lake: Lake, tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    before = world.opened(lake, out=old, variables={"as_of": date(2026, 5, 31)})
    old.mkdir()
    before.show(world.finding(before.words, chart=None, status="ok"))
    before.close()
    page = world.opened(lake, out=new, previous=old / "manifest.json")
    page.show(world.finding(page.words, chart=None, status="fail"))
    html = assemble(page).html
    assert "与上次报告（截至 2026-05-31）相比" in html and "由“正常”变为“有问题”" in html
    other = world.opened(lake, previous=old / "manifest.json", variables={"months": 3})
    assert "查询条件不同" in assemble(other).html


def test_a_page_in_the_browser_finds_the_newest_earlier_report_of_its_parameters(lake: Lake, tmp_path: Path) -> None:
    for day, months in ((31, 12), (15, 12), (20, 3)):
        out = tmp_path / "customer_value" / "monthly" / f"2026-05-{day}" / "zh"
        out.mkdir(parents=True)
        page = world.opened(lake, out=out, variables={"as_of": date(2026, 5, day), "months": months})
        page.show(world.finding(page.words, chart=None))
        page.close()
    asked = world.opened(lake, face="voila")
    found = newest_before(
        tmp_path,
        report="customer_value",
        language="zh",
        as_of=asked.as_of,
        parameters=asked.params.model_dump(mode="json"),
    )
    assert found is not None and found.parent.parent.name == "2026-05-31"


def error_html(lake: Lake, error: BaseException, *, face: str, language: str = "zh") -> str:
    given: dict[str, object] = {"months": "99"}
    watch = Watch("customer_value", world.context(lake, face=face), Words(language), given)  # type: ignore[arg-type]
    return error_page(error, watch)


def test_an_error_is_a_page_of_three_parts_without_a_stack_trace(lake: Lake) -> None:
    error = CrmError("demo.x", said=("<b>5 rows</b>", "more", "ask"), examples=["138…00"])
    html = error_html(lake, error, face="html")
    assert "&lt;b&gt;5 rows&lt;/b&gt;" in html and "138…00" in html and "demo.x" in html
    assert "Traceback" not in html and "<form" not in html


def test_in_voila_a_wrong_value_brings_the_form_back_with_the_message_beside_it(lake: Lake) -> None:
    with pytest.raises(ParameterError) as caught:
        open_page("customer_value", {"months": "99"}, context=world.context(lake, face="voila"))
    html = error_html(lake, caught.value, face="voila")
    assert 'id="m-months">不能大于 36</span>' in html and 'value="99"' in html
    assert 'aria-invalid="true"' in html and 'option value="华东"' in html
    assert "error.html" not in html


@pytest.mark.parametrize("key", ["Demo", "demo/x", "../x", "demo x", ""])
def test_a_key_that_is_no_file_name_is_refused(lake: Lake, key: str) -> None:
    page = world.opened(lake)
    page.show(Finding(key, "ok", "h", world.tiers(), "", "", ""))
    with pytest.raises(ValueError, match="key"):
        assemble(page)


def test_the_head_says_what_was_set_aside_and_what_cards_do_not_see(lake: Lake) -> None:
    facts = coverage(world.opened(lake))
    sales = world.lines()["net_minor"].sum()
    assert (facts.set_aside, facts.late, facts.warn) == (7, 0, False)
    assert facts.share_set_aside == pytest.approx(5000 / (sales + 5000))
    assert facts.member_share == pytest.approx(0.8, abs=0.03)


def test_a_page_of_a_past_day_counts_what_was_delivered_by_then(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")
    early = world.lines().filter(pl.col("day") < date(2026, 5, 1)).head(1)
    record = dict.fromkeys(("replaced", "duplicate", "excluded", "withdrawn"), 0) | {"rules": [], "files": []}
    record |= {"source": "pos", "table": "receipt_lines", "currency": "CNY", "read": 4, "kept": 1, "quarantined": 3}
    batch = delta.Batch("b-early", record | {"at": "2026-05-02T06:00:00+00:00"})
    delta.append(lake.table_path("receipt_lines"), early, batch=batch, partition=None, description="{}")
    past, now = world.opened(lake, variables={"as_of": date(2026, 5, 31)}), world.opened(lake)
    assert (coverage(past).set_aside, coverage(now).set_aside) == (3, 10)
    assert set(past.ingests()["table"]) == {"receipt_lines", "stores"}, "what came first after the day is all there is"
    assert past.all_sales() == int(world.rows(past).select("net_minor").collect().sum().item())


def test_data_that_end_early_are_told(lake: Lake) -> None:
    page = world.opened(lake, variables={"as_of": date(2026, 7, 20)}, now=world.CLOCK.replace(day=25))
    page.show(world.finding(page.words, chart=None))
    assert "数据只到 2026-06-30，比截至日期早 20 天" in assemble(page).html


def test_a_reader_of_one_region_is_not_compared_with_a_page_of_all(lake: Lake, tmp_path: Path) -> None:
    out = tmp_path / "customer_value" / "monthly" / "2026-05-31" / "zh"
    out.mkdir(parents=True)
    company = world.opened(lake, out=out, variables={"as_of": date(2026, 5, 31)})
    company.show(world.finding(company.words, chart=None, status="fail"))
    company.close()
    for regions, compared in ((None, True), (("华南",), False)):
        page = world.opened(lake, face="voila", reports=tmp_path, regions=regions)
        page.show(world.finding(page.words, chart=None))
        assert ("截至 2026-05-31）相比" in assemble(page).html) is compared
