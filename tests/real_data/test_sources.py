"""Public data sets through ingest; the facts asserted were counted by others from the same files."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from crmlib.data import IngestResult, Lake, check_lake, ingest
from crmlib.pages.goods import findings as goods
from crmlib.pages.goods.study import Study as Goods
from crmlib.pages.sales_pulse import findings as pulse
from crmlib.pages.sales_pulse.study import Study as Pulse
from crmlib.sales import ranks
from tests.own import project
from tests.report import world

pytestmark = [pytest.mark.real_data, pytest.mark.long]

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOURCES = Path(__file__).with_name("sources.yml")
HALF_A_MINOR = 0.5  # every line is rounded once, to whole pence or fen


def read(source: str, real_data: Path, lake: Lake) -> IngestResult:
    result = ingest(source, sources=SOURCES, root=real_data, lake=lake, now=NOW)
    assert result.sum_holds
    return result


@pytest.fixture(scope="module")
def online_retail(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[IngestResult, Lake, pl.DataFrame]:
    lake = Lake(tmp_path_factory.mktemp("online_retail"))
    result = read("online_retail", real_data, lake)
    columns = ["receipt_id", "customer_id", "product_id", "quantity_milli", "net_minor", "line_id", "day", "sold_at"]
    return result, lake, lake.table("receipt_lines").select(columns).collect()


def test_the_overlap_of_the_two_sheets_shows_as_duplicates(online_retail):
    result, lake, _ = online_retail
    assert (result.read, result.duplicate, result.quarantined, result.replaced) == (1_067_371, 22_523, 0, 0)
    duplicates = lake.set_apart().filter(pl.col("kind") == "duplicate").collect()
    assert set(duplicates["rule"]) == {"repeat_of"}
    assert duplicates["like"].null_count() == 0


def test_the_total_of_online_retail_is_accounted_for_to_the_rounding(online_retail):
    result, lake, rows = online_retail
    sums = dict(result.rules.select("rule", "net_minor").iter_rows())
    one_copy = rows["net_minor"].sum() + sums["bad_debt"] + sums["not_products"]
    rounding = result.read * HALF_A_MINOR
    assert one_copy == pytest.approx(1_890_976_212, abs=rounding)
    assert one_copy == 1_890_976_210  # measured: prices with three decimals leave two pence
    assert one_copy + sums["repeat_of"] == pytest.approx(1_928_725_057, abs=2)
    assert result.kept + result.excluded == 1_044_848
    assert lake.currency == "GBP"


def test_an_own_report_of_two_files_shows_its_sales(online_retail, tmp_path, monkeypatch):
    """The page's tables have every penny and every line of the lake, whose sum the test above ties to the file."""
    _, lake, rows = online_retail
    root = project.make(tmp_path / "project")
    assert len([p for p in root.rglob("*") if p.is_file()]) == 2
    monkeypatch.chdir(root)
    monkeypatch.setenv("CRMLIB_RUN", str(tmp_path / "out" / "run.json"))
    record = project.execute(root, lake=lake.path, out=tmp_path / "out")
    assert (record["title"], record["currency"], record["as_of"]) == ("Own sales", "GBP", "2011-12-09")
    by_store, by_month = (pl.read_parquet(tmp_path / "out" / f["table"]) for f in record["findings"])  # type: ignore[attr-defined]
    assert by_store["net_minor"].sum() == rows["net_minor"].sum()
    assert by_month["lines"].sum() == rows.height and by_month.height == 25
    assert (tmp_path / "out" / "tables.xlsx").is_file()


def test_the_clean_part_of_online_retail_has_the_published_size(online_retail, real_data):
    """Quantity > 0, price > 0, known customer, one copy: 791,045 lines, 17,431,551.18; no postage is left out there."""
    _, lake, rows = online_retail
    clean = rows.filter(
        (pl.col("quantity_milli") > 0) & (pl.col("net_minor") > 0) & pl.col("customer_id").is_not_null()
    )
    apart = lake.set_apart().filter(pl.col("kind") == "excluded").select(line="src_line").collect()
    raw = pl.read_parquet(real_data / "online_retail" / "online_retail_II_combined.parquet").with_row_index("line", 1)
    fees = raw.join(apart.cast({"line": pl.UInt32}), on="line", how="semi").filter(
        (pl.col("Quantity") > 0) & (pl.col("Price") > 0) & pl.col("CustomerID").is_not_null()
    )
    worth = pl.col("Quantity") * pl.col("Price")
    tiny = raw.join(fees.select("line"), on="line", how="anti").filter(
        (pl.col("Quantity") > 0) & (worth > 0) & (worth < 0.005) & pl.col("CustomerID").is_not_null()
    )  # these round to nothing
    assert clean.height + fees.height + tiny.height == 791_045
    total = clean["net_minor"].sum() / 100 + (fees["Quantity"] * fees["Price"]).sum()
    assert total == pytest.approx(17_431_551.18, abs=1)


def test_the_goods_page_of_ninety_days_ranks_the_goods_that_were_counted(online_retail):
    """Counted by others in the 90 days to 2011-11-30, codes in capitals: 3,160 active goods, 688 A, 760 B, 1,712 C."""
    _, lake, rows = online_retail
    study = Goods(world.opened(lake, report="goods", language="en", variables={"as_of": "2011-11-30"}))
    assert study.span == (date(2011, 9, 2), date(2011, 11, 30))
    recent = rows.filter(pl.col("day").is_between(*study.span))
    figures = {f.key: f.amount for f in goods.answer(study).figures}
    assert figures["net"] == recent["net_minor"].sum()
    capitals = recent.with_columns(pl.col("product_id").str.to_uppercase()).group_by("product_id")
    sold = (pl.col("quantity_milli") > 0) & (pl.col("net_minor") > 0)
    sums = capitals.agg(pl.col("net_minor").sum(), sold=sold.any()).filter("sold")
    counts = dict(ranks.abc(sums, value="net_minor")["abc"].value_counts().iter_rows())
    assert counts == {"A": 688, "B": 760, "C": 1711}  # one sold for less than half a penny
    ranked = dict(study.stand.table["abc"].value_counts().iter_rows())
    assert study.stand.basis == "net"  # no cost is known
    assert (ranked["A"], ranked["B"]) == (pytest.approx(688, rel=0.02), pytest.approx(760, rel=0.02))
    assert figures["goods"] == pytest.approx(3_160, rel=0.02)  # "85123a" and "85123A" are two codes on the page


def test_november_of_online_retail_is_split_to_the_penny_against_the_november_before(online_retail):
    _, lake, rows = online_retail
    study = Pulse(world.opened(lake, report="sales_pulse", language="en", variables={"as_of": "2011-11-30"}))
    novembers = [
        rows.filter(pl.col("day").dt.strftime("%Y-%m") == m)["net_minor"].sum() for m in ("2010-11", "2011-11")
    ]
    figures = {f.key: f.amount for f in pulse.answer(study).figures}
    assert (figures["net"], study.ground) == (novembers[1], "same_slot")
    assert study.split["gap_minor"].sum() == novembers[1] - novembers[0]
    assert study.reading.verdict == "as_last_year"  # + 6.4 % on the days open in both is within the usual swings


def test_days_and_hours_of_online_retail_are_london_s(online_retail):
    _, lake, rows = online_retail
    assert (rows["day"].min(), rows["day"].max()) == (date(2009, 12, 1), date(2011, 12, 9))
    assert rows["sold_at"].dtype == pl.Datetime("us", "Europe/London")
    assert rows["sold_at"].dt.hour().min() >= 6
    assert lake.time_zone == "Europe/London"
    assert rows["line_id"].is_unique().all()


def test_the_chinese_till_export_is_read_whole(real_data, tmp_path):
    lake = Lake(tmp_path)
    result = read("pos_gb18030", real_data, lake)
    rows = lake.table("receipt_lines").collect()
    assert (result.read, result.kept) == (3_478, 3_478)  # the 233 equal lines are goods, not copies
    assert (rows["receipt_id"].n_unique(), rows["product_id"].n_unique(), rows["store_id"].n_unique()) == (
        918,
        1_069,
        3,
    )
    assert rows.filter(pl.col("quantity_milli") < 0).height == 15
    text = (real_data / "pos_gb18030" / "order-14.3.csv").read_bytes().decode("gb18030").splitlines()[1:]
    exact = sum(Decimal(line.split(",")[3]) * Decimal(line.split(",")[4]) for line in text)
    assert exact.quantize(Decimal("0.01")) == Decimal("28950.07")
    assert rows["net_minor"].sum() / 100 == pytest.approx(28_950.07, abs=3_478 * HALF_A_MINOR / 100)
    assert rows["sold_at"].min() == datetime.fromisoformat("2017-01-03T06:06:00+08:00")


def test_the_damaged_file_loses_its_torn_lines_only(real_data, tmp_path):
    lake = Lake(tmp_path)
    result = read("fresh_counter", real_data, lake)
    assert (result.read, result.kept, result.quarantined) == (8_871, 8_866, 5)
    torn = lake.quarantine().sort("src_line").collect()
    assert torn["src_line"].to_list() == [1, 3_372, 8_869, 8_870, 8_871]
    assert torn["raw"][-1] == "2025116530,0.25"
    rows = lake.table("receipt_lines").collect()
    assert set(rows["product_id"].str.len_chars()) == {15}  # codes are text
    assert check_lake(tmp_path).ok


def test_products_come_from_a_parquet_file(real_data, tmp_path):
    lake = Lake(tmp_path)
    assert read("fresh_products", real_data, lake).kept == 251
    assert lake.table("products").collect()["category_1"].n_unique() == 6


def test_cdnow_is_built_in(tmp_path):
    lake = Lake(tmp_path)
    result = ingest("cdnow", lake=lake, now=NOW)
    rows = lake.table("receipt_lines").collect()
    assert (result.read, result.kept) == (69_659, 69_659)
    assert rows["customer_id"].n_unique() == 23_570
    assert rows["net_minor"].sum() == 250_031_563  # 2,500,315.63 dollars, the file's own sum
    visits = rows.filter(pl.col("quantity_milli") > 0, pl.col("day") <= date(1998, 3, 31)).select("customer_id", "day")
    days = visits.unique().group_by("customer_id").len()
    assert days.filter(pl.col("len") == 1).height == 12_426  # up to day 454, as shared definitions say
