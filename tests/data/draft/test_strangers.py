"""Exports of other countries' tills run as drafted, to the counted sum."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from crmlib.kit.words import Words
from crmlib.run import draft as drafting
from tests.data.conftest import NOW, Desk

FIRST, ROWS = datetime(2025, 1, 2, 9, 30, tzinfo=UTC), 60
LINES = [
    (1000 + n // 2, f"00{n // 2 % 3 + 1}", FIRST + timedelta(hours=7 * (n // 2)), f"0{n % 7}101",
     -1 if n == 20 else n % 3 + 1, 199 + 130 * (n % 7), f"1380013800{n // 2 % 9}")
    for n in range(ROWS)
]  # fmt: skip
TOTAL = sum(quantity * price for *_, quantity, price, _ in LINES)


def comma(minor: int, group: str = ".") -> str:
    return f"{minor / 100:,.2f}".replace(",", "#").replace(".", ",").replace("#", group)


def dollars(minor: int) -> str:
    return f'"(${-minor / 100:,.2f})"' if minor < 0 else f'"${minor / 100:,.2f}"'


def table(head: str, row: Callable[..., str]) -> str:
    return "\n".join([head, *(row(*line) for line in LINES), ""])


FILES = {
    "German": (
        table(
            '"Bonnummer";"Filiale";"Datum";"Uhrzeit";"Artikelnummer";"Text";"Menge";"Preis";"Betrag";"Kundennummer"',
            lambda r, s, t, p, q, x, c: (
                f'"{r}";"{s}";"{t:%d.%m.%Y}";"{t:%H:%M}";"{p}";"Tee ""groß""";"{q}";"{comma(x)}";"{comma(q * x)}";"{c}"'
            ),
        ),
        "cp1252",
    ),
    "French": (
        table(
            "N° ticket;Magasin;Date;Heure;Code article;Libellé;Quantité;Prix unitaire;Montant TTC;N° client",
            lambda r, s, t, p, q, x, c: (
                f"{r};{s};{t:%d/%m/%Y};{t:%H:%M:%S};{p};Thé;{q};{comma(x)} €;{comma(q * x, chr(0x202F))} €;{c}"
            ),
        ),
        "utf-8-sig",
    ),
    "Hong Kong": (
        table(
            "交易序號,分店,交易時間,貨號,品名,數量,單價,小計,會員編號",
            lambda r, s, t, p, q, x, c: (
                f"{r},{s}分店,{t:%Y/%m/%d %H:%M},{p},烏龍茶,{q},{x / 100:.2f},{q * x / 100:.2f},{c}"
            ),
        ),
        "big5",
    ),
    "American": (
        table(
            "Sale ID,Completed Time,Shop,System ID,Qty Sold,Price,Subtotal,Customer",
            lambda r, s, t, p, q, x, c: f"{r},{t:%m/%d/%Y %I:%M %p},{s},{p},{q},{dollars(x)},{dollars(q * x)},{c}",
        ),
        "utf-8",
    ),
    "Japanese": (
        table(
            "レシート番号,店舗コード,会員番号,商品コード,売上日時,数量,売上金額",
            lambda r, s, t, p, q, x, c: (
                f"{r},{s},{c},{p},令和{t.year - 2018}年{t.month}月{t.day}日 {t.hour}時{t:%M}分,{q},\\{q * x / 100:.2f}"
            ),
        ),
        "cp932",
    ),
    "of a host": (
        table(
            "TXN_ID|STORE_CD|TXN_DT|TXN_TM|SKU_CD|QTY|AMT_CENTS|CARD_NO",
            lambda r, s, t, p, q, x, c: f"{r}|{s}|{t:%Y%m%d}|{t:%H%M%S}|{p}|{q}|{q * x}|{c}",
        ),
        "utf-8",
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_it_runs_as_drafted_to_the_counted_sum(desk: Desk, kind: str) -> None:
    text, encoding = FILES[kind]
    file = desk.write("till.csv", text.encode(encoding))
    desk.sources.unlink()
    said: list[str] = []
    assert drafting.write([file], out=desk.sources, table=None, ask=None, say=said.append, words=Words("en"))
    desk.ingest("till", now=NOW)
    lines = desk.lake.table("receipt_lines").collect()
    assert lines.height == ROWS and lines["net_minor"].sum() == TOTAL
    assert (lines["sold_at"].dt.replace_time_zone("UTC").min(), lines["receipt_id"].n_unique()) == (FIRST, ROWS // 2)
    assert lines["product_id"].n_unique() == 7 and lines["customer_id"].n_unique() == 9
    assert lines.filter(pl.col("quantity_milli") < 0)["net_minor"].to_list() == [-LINES[20][5]]
