"""A text read once for all its rows gives what it gives row by row: values, refusals, and the text that is told."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import polars as pl
import pytest

from crmlib.data import map_frame
from crmlib.data.own_frame import MappedFrame
from crmlib.data.read import repeats

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MONEY = ("12.50", " 3 ", "1,234.50", "(8.49)", "¥-2", "1,23", "abc", "", None, "99999999999999999", "2.005", "-0.5")
TIMES = (
    *("2024/1/3 9:56", "2024-01-03 09:56:01", "2024-01-05", "20240106 930", "45300.5", "2024-01-03T01:56:00Z"),
    *("2099-13-45", "2099-01-01 10:00", "", None, " 2024-02-30 ", "2024-1-7 9:05 "),
)
UNIT, CHANNEL = ("个", "公斤", "", None, "箱", " 个"), ("门店", "网店", "?", None, "")
COLUMNS = {
    "receipt_id": "no",
    "customer_id": {"from": "card", "empty": ["0"]},
    "product_id": {"from": "sku", "extract": "^([A-Z]\\d)"},
    "sold_at": "at",
    "list_minor": {"product": ["count", {"from": "price", "times": 100}]},
    "net_minor": {"from": "paid", "times": 100},
    "cost_minor": {"from": "cost", "times": 100, "other": "null"},
    "quantity_milli": {"from": "count", "times": 1000},
    "unit": {"from": "unit", "map": {"个": "piece", "公斤": "kg", "": "piece"}},
    "channel": {"from": "where", "map": {"门店": "store", "网店": "online"}, "other": "null"},
    "tender": {"constant": "cash"},
    "staff_id": {"nth_in": ["unit"]},
}


def sold(seed: int, rows: int = 400) -> pl.DataFrame:
    """Lines of a till, most of them plain, some odd in each column."""
    rng = random.Random(seed)

    def cells(odd: tuple[str | None, ...], plain: int) -> list[str | None]:
        return [rng.choice(odd[:plain] if rng.random() < 0.97 else odd) for _ in range(rows)]

    return pl.DataFrame(
        {
            "no": [f"R{n // 3}" if n % 50 else "total" for n in range(rows)],
            "card": cells(("8001", "0", " 8002", "", None, "8003 "), 3),
            "sku": cells(("A1", "B2x", "c3", None), 2),
            "at": cells(TIMES, 3 if seed % 2 else 6),
            "count": cells(("1", "2", "0.5", "x"), 3),
            "price": cells(MONEY, 2),
            "paid": cells(MONEY, 5),
            "cost": cells(MONEY, 6),
            "unit": cells(UNIT, 3),
            "where": cells(CHANNEL, 2),
        },
        schema_overrides=dict.fromkeys(("card", "sku", "at", "count", "price", "paid", "cost", "unit"), pl.String),
    )


def mapped(frame: pl.DataFrame, excluded: dict[str, dict[str, object]]) -> MappedFrame:
    """The frame in the contract's columns, with what was set apart."""
    return map_frame(frame, columns=COLUMNS, now=NOW, exclude=excluded, quarantine_limit="100%", receipts_may_move=True)


EXCLUDED: dict[str, dict[str, object]] = {"totals": {"no": ["total"]}, "dear": {"paid": {"above": "1000"}}}


@pytest.mark.parametrize("excluded", [EXCLUDED, {}])
@pytest.mark.parametrize("seed", range(6))
def test_texts_read_once_give_what_rows_give(
    seed: int, excluded: dict[str, dict[str, object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = sold(seed)
    monkeypatch.setattr(repeats, "LEAST", frame.height + 1)
    row_by_row = mapped(frame, excluded)
    monkeypatch.setattr(repeats, "LEAST", 1)
    monkeypatch.setattr(repeats, "LOOKED_AT", 1)
    monkeypatch.setattr(repeats, "SHARE", 1.0)
    once = mapped(frame, excluded)
    assert once.rows.equals(row_by_row.rows) and once.rows.schema == row_by_row.rows.schema
    assert once.apart.equals(row_by_row.apart) and once.apart.height > 5
    assert str(once.result) == str(row_by_row.result)
    assert once.rows.height > frame.height / 3


def test_texts_that_hardly_repeat_are_read_row_by_row() -> None:
    many = pl.Series([str(n) for n in range(repeats.LEAST)])
    assert repeats.repeated(many) is None
    assert repeats.repeated(many.cast(pl.Int64)) is None


def test_a_number_for_each_text_stands_for_its_rows_nulls_too() -> None:
    rng = random.Random(3)
    column = pl.Series([rng.choice(("b", "a", None, "c", "")) for _ in range(repeats.LEAST)])
    found = repeats.repeated(column)
    assert found is not None
    assert found.texts.len() == 5
    assert found.spread(found.texts).equals(column)


def test_a_file_of_nothing_but_few_texts_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "LEAST", 1)
    monkeypatch.setattr(repeats, "LOOKED_AT", 1)
    counted = pl.DataFrame({"shop": ["S1", "S2"] * 9, "sku": ["A"] * 9 + ["B"] * 9, "left": ["5", "x", "7"] * 6})
    columns = {"store_id": "shop", "product_id": "sku", "counted_on": {"constant": "2026-01-31"}}
    columns |= {"on_hand_milli": {"from": "left", "times": 1000}}
    found = map_frame(counted, columns=columns, table="stock", now=NOW, quarantine_limit="100%")
    assert found.rows["on_hand_milli"].to_list() == [5000] * 4
    assert found.apart["value"].drop_nulls().to_list() == ["x"] * 6
