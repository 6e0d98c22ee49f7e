"""Public sets through a sources file to the pages of money: sums counted by others, in the classes they are of."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib import panels, sales
from crmlib.data import IngestResult, Lake, ingest
from crmlib.kit.finding import Answer
from crmlib.pages.goods import findings as goods
from crmlib.pages.goods.study import Study as Goods
from crmlib.pages.margin import findings as margin
from crmlib.pages.margin.study import Study as Margin
from crmlib.pages.sales_pulse import findings as pulse
from crmlib.pages.sales_pulse.study import Study as Pulse
from crmlib.pages.targets import findings as targets
from crmlib.pages.targets.study import Study as Targets
from crmlib.sales import margins, people
from tests.report import world

pytestmark = [pytest.mark.real_data, pytest.mark.long]

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SOURCES = Path(__file__).with_name("sources.yml")
Filled = Callable[..., tuple[Lake, list[IngestResult]]]


@pytest.fixture(scope="module")
def filled(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Filled:
    """A lake of some sources of the file beside this one, and what each ingest found."""

    def fill(*names: str) -> tuple[Lake, list[IngestResult]]:
        lake = Lake(tmp_path_factory.mktemp(names[0]))
        found = [ingest(name, sources=SOURCES, root=real_data, lake=lake, now=NOW) for name in names]
        assert all(one.sum_holds for one in found)
        return lake, found

    return fill


def amounts(answer: Answer) -> dict[str | None, float | None]:
    return {f.key: f.amount for f in answer.figures}


@pytest.fixture(scope="module")
def counter(filled: Filled) -> Lake:
    return filled("fresh_days")[0]


def test_the_fresh_counter_is_read_to_the_fen_and_packs_are_no_kilograms(counter: Lake) -> None:
    rows = counter.table("receipt_lines").collect()
    assert rows.height == 55_731
    assert rows.select(pl.col("net_minor", "cost_minor").sum()).row(0) == (336_977_203, 212_611_561)
    units = dict(rows.group_by("unit").agg(pl.col("quantity_milli").sum()).iter_rows())
    assert units == {"kg": 342_557_918, "piece": 128_418_000}  # the file calls them 470,975.918 kg
    under = margins.under_cost(rows)
    assert under.height == 2_852  # the 2,853rd counted sold 0 kg: nothing is lost on it
    assert under["margin_minor"].sum() == -726_267


def test_the_third_year_of_the_counter_is_split_from_the_lake_as_from_the_file(counter: Lake) -> None:
    lines = world.opened(counter, report="sales_pulse").lines
    years = [panels.product_period(lines, start=date(y, 7, 1), end=date(y + 1, 6, 30)) for y in (2021, 2022)]
    parts = sales.split(*years)
    shown = parts.filter(pl.col("cause").is_in(["mix", "price"])).sort("unit", "cause")
    assert shown.rows() == [
        ("kg", "mix", -6_585_485), ("kg", "price", 265_491),
        ("piece", "mix", 4_135_965), ("piece", "price", -2_622_887),
    ]  # fmt: skip
    assert parts["gap_minor"].sum() == 22_455_181


def test_the_counters_pages_add_up_to_the_file_and_name_no_cause_over_both_classes(
    counter: Lake, real_data: Path
) -> None:
    file = pl.read_parquet(real_data / "fresh_counter" / "daily_item_price_cost.parquet")
    file.columns = ["day", "product_id", "price", "cost", "kg"]
    worth = pl.col("kg") * 100
    june = file.filter(pl.col("day") >= date(2023, 6, 1))
    study = Pulse(world.opened(counter, report="sales_pulse"))
    shown = amounts(pulse.answer(study))
    net, cost = (june.select((worth * pl.col(c)).sum()).item() for c in ("price", "cost"))
    assert shown["net"] == pytest.approx(net, abs=0.5 * june.height)
    assert shown["margin_rate"] == pytest.approx(1 - cost / net, abs=1e-4)
    assert set(pulse.causes(study).table["unit"]) == {"kg", "piece"}
    ninety = file.filter(pl.col("day") > date(2023, 6, 30) - timedelta(days=90))
    page = Goods(world.opened(counter, report="goods"))
    assert amounts(goods.answer(page))["net"] == pytest.approx(
        ninety.select((worth * pl.col("price")).sum()).item(), abs=0.5 * ninety.height
    )
    assert page.stand.basis == "margin"
    losing = margin.under(Margin(world.opened(counter, report="margin"))).table
    assert losing.height >= 1 and (losing["net_minor"] < losing["cost_minor"]).all()


@pytest.fixture(scope="module")
def breakfast(filled: Filled) -> Lake:
    lake, found = filled("frat_stores", "frat_products", "breakfast_frat")
    assert [one.kept for one in found] == [77, 58, 524_950]
    return lake


def test_weekly_sums_of_77_stores_make_a_sales_page_that_judges_each_beside_the_others(breakfast: Lake) -> None:
    sums = breakfast.table("receipt_lines").select(pl.col("net_minor", "quantity_milli").sum()).collect().row(0)
    assert sums == (2_792_772_258, 10_293_354_000)
    study = Pulse(world.opened(breakfast, report="sales_pulse"))
    answer = pulse.answer(study)
    rows = breakfast.table("receipt_lines").filter(pl.col("day") == date(2012, 1, 4)).collect()
    assert amounts(answer)["net"] == rows["net_minor"].sum()
    assert "margin_rate" not in amounts(answer)  # nobody told a cost: no margin of 100 %
    for _, part in pulse.places(study).table.group_by("dimension"):
        assert part["now_minor"].sum() == rows["net_minor"].sum()
    flagged = pulse.stores(study).table
    assert 1 <= flagged.height <= 5  # of 77; ± 10 % on last year flags 61 % of the weeks


def test_distribution_of_the_last_four_weeks_is_the_counted_one_on_the_page(breakfast: Lake) -> None:
    page = Margin(world.opened(breakfast, report="margin", language="en"))
    assert amounts(margin.answer(page)) == {"net": 70_213_157}
    names = breakfast.table("products").collect()
    name = names.filter(pl.col("product_id") == "7110410470")["name"].item()
    row = margin.carried(page).table.filter(pl.col("name") == name).row(0, named=True)
    assert (row["carrying"], row["able"]) == (31, 77)
    assert row["weighted"] == pytest.approx(0.65978, abs=5e-6)


def test_fuel_by_the_thousand_does_not_make_the_volume_of_the_journey(filled: Filled) -> None:
    lake, (found,) = filled("complete_journey")
    rows = lake.table("receipt_lines").collect()
    assert (found.read, found.kept, rows["net_minor"].sum()) == (75_000, 75_000, 23_393_524)
    assert (rows["receipt_id"].n_unique(), rows["customer_id"].n_unique()) == (47_243, 2_377)
    study = Pulse(world.opened(lake, report="sales_pulse"))
    shown, december = amounts(pulse.answer(study)), rows.filter(pl.col("day") >= date(2017, 12, 1))
    assert (shown["net"], shown["receipts"]) == (december["net_minor"].sum(), december["receipt_id"].n_unique())
    cards = study.trade.filter(pl.col("comparison") == "now")["card_share"].item()
    assert cards == 1.0  # every line of this set has a household
    parts = pulse.causes(study).table
    now, then = (t["net_minor"].sum() for t in reversed(study.products))
    assert parts["gap_minor"].sum() == now - then
    assert parts["gap_minor"].abs().max() < now  # 99 % of the "pieces" are fuel: an average price would be absurd
    ranked = Goods(world.opened(lake, report="goods"))
    assert amounts(goods.answer(ranked))["net"] == rows.filter(pl.col("day") >= date(2017, 10, 3))["net_minor"].sum()


def test_deals_won_are_the_sales_of_sellers_though_no_store_is_known(filled: Filled, real_data: Path) -> None:
    lake, (found,) = filled("crm_pipeline")
    assert (found.read, found.kept, found.excluded) == (8_800, 4_238, 4_562)
    page = Targets(world.opened(lake, report="targets"))
    rows = lake.table("receipt_lines").collect()
    december = rows.filter(pl.col("day") >= date(2017, 12, 1))["net_minor"].sum()
    assert amounts(targets.answer(page)) == {"actual": december}  # sales without a store are the company's
    teams = pl.read_parquet(real_data / "crm_pipeline" / "sales_teams.parquet")
    staff = teams.select("regional_office", staff_id="sales_agent")
    cube = panels.store_day_cube(page.page.lines, start=date(2017, 1, 1), end=date(2017, 12, 31))
    facts = cube.group_by("staff_id").agg(sold_minor=pl.col("net_minor").sum())
    asked = staff.select("staff_id", amount_minor=pl.lit(30_000_000))
    sheet = people.sheet(staff, targets=asked, facts=facts, as_of=date(2017, 12, 1), last=date(2017, 12, 31))
    assert (sheet["state"] == "no_data").sum() == 5
    by = people.parents(sheet, parent="regional_office").select("regional_office", pl.col("sold_minor") // 100)
    assert dict(by.iter_rows()) == {"Central": 3_346_293, "East": 3_090_594, "West": 3_568_647}
