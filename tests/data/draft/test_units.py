"""A column of units: what is weighed or poured becomes whole thousandths, the rest stays pieces."""

from __future__ import annotations

from fractions import Fraction

import polars as pl
import pytest

from crmlib.data import ingest
from crmlib.data.draft import draft
from tests.data.conftest import NOW, Desk
from tests.data.draft.test_draft import drafted

THOUSANDTHS = {
    "公斤": ("kg", 1000), "KG": ("kg", 1000), "斤": ("kg", 500), "两": ("kg", 50), "克": ("kg", 1), "g": ("kg", 1),
    "500g": ("kg", 500), "1.5kg": ("kg", 1500), "升": ("l", 1000), "ml": ("l", 1), "250毫升": ("l", 250),
    "cl": ("l", 10), "瓶": ("piece", 1000), "盒": ("piece", 1000), "": ("piece", 1000),
}  # fmt: skip
"""Word of a till → unit and its thousandths in one, as anybody counts them."""
HEAD = "小票号,门店编号,销售时间,商品编码,数量,单位,实收金额"


def till(words: list[str], counts: list[str], *, lines: int = 240) -> list[str]:
    """Lines of a till, each in another of the units, with another of the quantities."""
    return [
        f"R{n // 2},S{n % 3},2025-03-{n % 28 + 1:02} 10:{n % 60:02}:00,P{n % len(words)},"
        f"{counts[n % len(counts)]},{words[n % len(words)]},{n % 9 + 1}.50"
        for n in range(lines)
    ]


def counted(rows: list[str]) -> dict[str, int]:
    """Thousandths by unit, counted apart from the code."""
    sums: dict[str, Fraction] = {}
    for row in rows:
        *_, count, word, _ = row.split(",")
        unit, of_one = THOUSANDTHS[word]
        sums[unit] = sums.get(unit, Fraction(0)) + Fraction(count) * of_one
    assert all(one.denominator == 1 for one in sums.values())
    return {unit: int(one) for unit, one in sums.items()}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_every_usual_word_of_a_unit_adds_up_to_the_counted_thousandths(desk: Desk, encoding: str) -> None:
    rows = till(list(THOUSANDTHS), ["2", "1", "-1", "30", "500"])
    file = desk.csv("till.csv", *rows, header=HEAD, encoding=encoding)
    drafted(desk, file)
    result = ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    assert (result.kept, result.quarantined) == (len(rows), 0)
    found = (
        desk.lake.table("receipt_lines").group_by(pl.col("unit").cast(pl.String)).agg(pl.col("quantity_milli").sum())
    )
    assert dict(found.collect().iter_rows()) == counted(rows)
    money = desk.lake.table("receipt_lines").select(pl.col("net_minor").sum()).collect().item()
    assert money == sum(round(float(row.rsplit(",", 1)[1]) * 100) for row in rows)


def test_a_price_times_a_quantity_stays_the_price_of_the_unit(desk: Desk) -> None:
    rows = till(["斤", "公斤", "盒"], ["1.5", "2", "0.25"])
    file = desk.csv("till.csv", *rows, header=HEAD.replace("实收金额", "单价"))
    drafted(desk, file)
    ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    table = desk.lake.table("receipt_lines").collect()
    whole = sum(Fraction(r.split(",")[4]) * Fraction(r.split(",")[6]) * 100 for r in rows)
    assert abs(table["net_minor"].sum() - whole) <= Fraction(len(rows), 2)
    assert table["quantity_milli"].sum() == sum(counted(rows).values())


@pytest.mark.parametrize(
    ("words", "counts", "head", "told"),
    [
        (["lb", "瓶"], ["2", "1"], HEAD, "453.59237"),
        (["oz", "kg"], ["2", "1"], HEAD, "28.349523125"),
        (["gal", "l"], ["2", "1"], HEAD, "gal"),
        (["克", "公斤"], ["0.5", "1"], HEAD, "数量"),
        (["斤", "瓶"], ["2", "1"], HEAD.replace("单位", "單位").replace("数量", "數量"), '"600"'),
    ],
)
def test_what_is_no_whole_number_of_grams_or_another_weight_elsewhere_stays_open(
    desk: Desk, words: list[str], counts: list[str], head: str, told: str
) -> None:
    file = desk.csv("till.csv", *till(words, counts), header=head)
    text = drafted(desk, file)
    one = draft([file])[0]
    assert not one.ready and one.mapped.missing == ("quantity_milli",)
    assert told in text and [left.reason for left in one.mapped.open_] == ["measure"]
    for left in one.mapped.open_[0].lines[-1:]:  # the line that a person takes runs
        desk.sources.write_text(text.replace(f"    # {left[0]}: ", f"    {left[0]}: ", 1), encoding="utf-8")
        assert ingest("till", sources=desk.sources, lake=desk.lake, now=NOW).kept == 240


def test_prices_of_a_list_are_of_the_same_unit_as_its_quantities(desk: Desk) -> None:
    goods = ["P1,苹果,斤,4.50", "P2,茶叶,500g,60", "P3,香料,克,0.2", "P4,水,瓶,2.00", "P5,米,公斤,6", "P6,糖,,3"]
    drafted(desk, desk.csv("goods.csv", *goods, header="商品编码,商品名称,单位,零售价"))
    ingest("goods", sources=desk.sources, lake=desk.lake, now=NOW)
    table = desk.lake.table("products").select("product_id", pl.col("unit").cast(pl.String), "list_minor").collect()
    assert {key: (unit, price) for key, unit, price in table.iter_rows()} == {
        "P1": ("kg", 900), "P2": ("kg", 12_000), "P3": ("kg", 20_000), "P4": ("piece", 200), "P5": ("kg", 600),
        "P6": ("piece", 300),
    }  # fmt: skip
