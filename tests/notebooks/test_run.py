"""Every notebook runs on the sample company in both languages, and its page keeps the rules of pages."""

from __future__ import annotations

import json
import math
import re
from datetime import date, timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import fastexcel
import polars as pl
import pytest

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.customers.members import cards
from crmlib.customers.members.periods import months_before
from crmlib.data import Lake
from crmlib.kit import columns, terms
from crmlib.kit.words import Words
from crmlib.pages.shared.members import MONTHS, tags
from crmlib.panels import traits
from crmlib.report.html import sheets
from tests.sample_pages import NOTEBOOKS, SamplePages

SPOKEN = ["zh", pytest.param("en", marks=pytest.mark.long)]
MOST_FINDINGS, MOST_FIGURES = 7, 4
PAGE_BYTES, WHOLE_BYTES = 450_000, 700_000
MEASURES = ("money", "share", "basis_points")
MACHINE = re.compile(r"\b[a-z]+_[a-z_]+\b")
CODE = re.compile(r"^[a-z]+(_[a-z0-9]+)*$")
"""What a Chinese cell never is: a code such as `keep` or `in_rhythm`."""
FORBIDDEN = re.compile(r"[\[\]:*?/\\']")
"""What the name of a sheet may not hold; a blank stands there."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")


NUMBER, UNIT = r"([+-]?)¥?([\d,]+(?:\.\d+)?)", r"\s?(万元|亿元|元|K|M|B|%|个百分点|points|件|人|units)?"
BAND = re.compile(
    rf"{NUMBER}{UNIT}[^（(。.;；\d间]{{0,16}}\s?[（(](?:\d\d% )?(?:区间|interval )?\s?{NUMBER}{UNIT} "
    rf"(?:至|to) {NUMBER}{UNIT}"
)
SCALE = {"万元": 1e4, "亿元": 1e8, "K": 1e3, "M": 1e6, "B": 1e9}


def outside_own_interval(text: str) -> list[str]:
    """Estimates that do not lie in the interval in brackets behind them: a sign or a unit was lost."""
    wrong = []
    for found in BAND.finditer(text):
        unit, band = found[3], found[9]
        if not unit or (band and (unit in SCALE or unit == "元") != (band in SCALE or band == "元")):
            continue  # a count or a year before a bracket that is about something else
        value, low, high = (
            float(f"{found[k]}{found[k + 1].replace(',', '')}") * SCALE.get(found[k + 2] or "", 1.0) for k in (1, 4, 7)
        )
        if not min(low, high) <= value <= max(low, high):
            wrong.append(found[0])
    return wrong


def test_an_estimate_that_lost_its_sign_is_seen() -> None:
    assert outside_own_interval("相差 15.4 个百分点（95% 区间 -24.4 至 -6.7）")
    assert outside_own_interval("lost ¥1.2K of margin (-¥2K to -¥500)")
    assert not outside_own_interval("是 -15.4 个百分点（95% 区间 -24.4 至 -6.7）；净赚 1.2 万元（8,000 元至 1.5 万元）")
    assert not outside_own_interval("lost ¥1.2K of margin (net margin -¥2K to -¥500)")


def texts(html: str, pattern: str) -> list[str]:
    return [unescape(re.sub(r"<[^>]+>", "", found)).strip() for found in re.findall(pattern, html, re.S)]


@cache
def named(lake: Lake) -> frozenset[str]:
    """The numbers of staff, stores, goods, partners, suppliers and offers that have a name."""
    keys = {"staff": "staff_id", "stores": "store_id", "products": "product_id", "partners": "partner_id",
            "suppliers": "supplier_id", "promotions": "promotion_id"}  # fmt: skip
    tables = [lake.table(name).select(pl.col(key).cast(pl.String).alias("key"), "name") for name, key in keys.items()]
    rows = pl.concat(tables).filter(pl.col("name") != pl.col("key")).collect()
    return frozenset(rows["key"].drop_nulls())


NOT_ONLY_MEMBERS = {"points.book.rows", "health.doubles", "meetings/actions", "order_cycle/actions"}
"""The book of every account, pairs of cards, who came to a meeting, firms whose order is due."""


@cache
def no_members(lake: Lake, day: str) -> frozenset[str]:
    """The cards of tills, staff and firms on a day, as pages show them."""
    as_of = date.fromisoformat(day)
    start = months_before(as_of, MONTHS) + timedelta(days=1)
    use = traits.card_use(lake.table("receipt_lines"), start=start, end=as_of)
    apart = cards.sort_cards(use, lake.table("customers"), tags=tags(Words("zh")))
    return frozenset(lake.pseudonyms(apart.flagged["customer_id"]))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_card_of_a_till_or_a_firm_stands_on_a_list_of_members(path: Path, sample_pages: SamplePages) -> None:
    out = sample_pages.page(path.stem, "zh")
    day = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["as_of"]
    apart = no_members(sample_pages.lake, day)
    assert apart
    for file in sorted((out / "tables").glob("*.parquet")):
        if not NOT_ONLY_MEMBERS & {file.stem, f"{path.stem}/{file.stem}"}:
            shown = pl.read_parquet(file).select(pl.col(pl.String))
            found = {text for column in shown for text in column.drop_nulls() if text in apart}
            assert not found, file.name


@pytest.mark.parametrize("language", SPOKEN)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_it_runs_and_its_page_keeps_the_rules(path: Path, language: str, sample_pages: SamplePages) -> None:
    out = sample_pages.page(path.stem, language)
    html = (out / "index.html").read_text(encoding="utf-8")
    record = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    findings = [f for f in record["findings"] if f["role"] == "finding"]
    assert 1 <= len(findings) <= MOST_FINDINGS
    assert record["answer"] and len(record["figures"]) <= MOST_FIGURES
    dearest = max((abs(f["value_minor"] or 0) for f in findings if f["status"] in {"warn", "fail"}), default=0)
    assert max([0.0, *amounts(record["answer"])]) >= 0.99 * dearest / MINOR_PER_UNIT["CNY"], "where the money is"
    assert "图未能生成" not in html and "could not be drawn" not in html

    body = html[html.index("<body>") :]
    said = [record["answer"], *(f["headline"] for f in record["findings"]), *texts(body, r"<dd>(.*?)</dd>")]
    assert all(said) and not any(re.search(r"\{\w*\}|\bnan\b|\bNone\b|\binf\b", text) for text in said)
    assert not [wrong for text in said for wrong in outside_own_interval(text)]
    heads = texts(body, r"<th\b[^>]*>(.*?)</th>")
    assert not [text for text in heads if MACHINE.search(text)]
    assert not set(texts(body, r"<td\b[^>]*>(.*?)</td>")) & named(sample_pages.lake), "who has a name is called by it"
    assert not [f["label"] for f in record["figures"] if f["label"][:1].islower()]
    if language == "zh":
        assert all(CHINESE.search(f["headline"]) for f in record["findings"])
    notes = re.findall(r'<div class="notes">\s*<dl>(.*?)</dl>', body, re.S)
    assert all(note.count("<dt>") == 3 for note in notes), "what is seen, how sure, what to do"

    data_in_page = re.findall(
        r'data:application[^"]*|<script type="application/json".*?</script>|<table.*?</table>', html, re.S
    )
    assert len(html.encode()) - sum(len(d.encode()) for d in data_in_page) <= PAGE_BYTES
    assert len(html.encode()) <= WHOLE_BYTES
    check_workbook(out, record, language=language)


LISTS = {"contact_list", "customer_lifetime", "customer_value", "early_warning"}
"""Pages that say what to tell a member who is missed; other lists are about something else."""
OWNED = LISTS | {"churn_review", "points"}
"""Pages that say who looks after a member; goods that lie in a shop and tickets are somebody else's."""
USUAL = re.compile(r"平时\D{0,3}(\d+) 天|usually every (\d+) day", re.IGNORECASE)
"""How often a member usually comes, in the reason of a list."""


def amounts(sentence: str) -> list[float]:
    """Money in a sentence of either language, in yuan."""
    found = re.findall(r"¥?([\d,]+(?:\.\d+)?)(?: ?(万|亿|K|M))?(?: 元)?", sentence)
    return [
        float(n.replace(",", "")) * {"": 1, "万": 1e4, "亿": 1e8, "K": 1e3, "M": 1e6}[u] for n, u in found if n != ","
    ]


def check_workbook(out: Path, record: dict[str, Any], *, language: str) -> None:
    """Every column has an entry; the workbook has the page's numbers in the unit that people read, and only words."""
    words = Words(language)  # type: ignore[arg-type]
    tables = [(f["headline"], pl.read_parquet(out / f["table"])) for f in record["findings"]]
    book = fastexcel.read_excel((out / "tables.xlsx").read_bytes())
    assert len(book.sheet_names) == len(tables)
    for (headline, table), sheet in zip(tables, book.sheet_names, strict=True):
        assert sheet[:6].strip() in FORBIDDEN.sub(" ", headline)
        if not table.height:
            continue
        read = book.load_sheet(sheet).to_polars()
        unknown = [name for name in table.columns if columns.known(name) is None]
        assert unknown == [], "columns without an entry in kit/columns.toml"
        for at, name in enumerate(table.columns):
            assert read.columns[at].split("_UNNAMED")[0] == sheets.label(name, words), (sheet, name)
            check_cells(table[name], read[:, at].to_list(), words=words)


def check_cells(stored: pl.Series, cells: list[Any], *, words: Words) -> None:
    column = columns.of(stored.name, stored.dtype)
    if stored.dtype.is_numeric():
        divisor = MINOR_PER_UNIT["CNY"] if column.kind == "money" else column.divisor
        pairs = [(v, c) for v, c in zip(stored.to_list(), cells, strict=False) if v is not None and math.isfinite(v)]
        assert all(c is not None and float(c) == pytest.approx(v / divisor, rel=1e-9) for v, c in pairs), stored.name
    elif column.kind != "id":
        code = CODE if words.language == "zh" else MACHINE
        machine = [c for c in cells if isinstance(c, str) and code.match(c)]
        assert machine == [], (stored.name, words.language)


def test_a_measure_that_two_pages_show_has_a_definition(sample_pages: SamplePages) -> None:
    shown: dict[str, set[str]] = {}
    for page, out in sample_pages.made("zh").items():
        for table in (out / "tables").glob("*.parquet"):
            for name in pl.read_parquet_schema(table):
                entry = columns.known(name)
                if entry is not None and entry.kind in MEASURES:
                    shown.setdefault(name, set()).add(page)
    defined = set(terms.terms("zh"))
    assert {name: pages for name, pages in shown.items() if len(pages) > 1 and name not in defined} == {}


@pytest.mark.parametrize("language", SPOKEN)
def test_what_two_pages_say_of_one_thing_is_the_same(language: str, sample_pages: SamplePages) -> None:
    """One label has one number, one check one verdict, and one member one owner, means and due day on every list."""
    made = sample_pages.made(language)
    if not set(made) >= LISTS:
        pytest.skip("compares the pages that the tests above have made")
    said: dict[tuple[str, str], set[object]] = {}
    reached: dict[tuple[str, str], set[object]] = {}
    for out in made.values():
        record = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        for figure in record["figures"]:
            said.setdefault(("figure", figure["label"]), set()).add((figure["value"], figure["comparison"]))
        for found in record["findings"]:
            if found["role"] == "check":
                said.setdefault(("check", found["key"]), set()).add((found["status"], found["headline"]))
            table = pl.read_parquet(out / found["table"])
            who = next((name for name in ("customer", "customer_id") if name in table.columns), None)
            if who and ("means" in table.columns or record["report"] in OWNED):
                facts = {"tier", "means", "owner"} | ({"due_on"} if "means" in table.columns else set())
                facts |= {"suggestion"} if record["report"] in LISTS else set()
                for fact in facts & set(table.columns):
                    for customer, how in table.select(who, fact).iter_rows():
                        reached.setdefault((customer, fact), set()).add(how)
            if who and "reason" in table.columns and table["reason"].dtype == pl.String:
                for customer, why in table.select(who, "reason").iter_rows():
                    if gap := USUAL.search(why or ""):
                        reached.setdefault((customer, "gap"), set()).add(gap[1] or gap[2])
    assert {key: values for key, values in said.items() if len(values) > 1} == {}
    assert {key: ways for key, ways in reached.items() if len(ways) > 1} == {}
    stores = sample_pages.lake.table("stores").filter(pl.col("closed_on").is_not_null()).collect()
    closed = set(stores["name"]) | set(stores["store_id"])
    assert closed and not closed & set().union(*(ways for (_, fact), ways in reached.items() if fact == "owner"))
    assert "gap" in {fact for _, fact in reached}
    assert {"churn.calibration", "churn.league"} <= {key for kind, key in said if kind == "check"}
    assert len(reached) > 200
