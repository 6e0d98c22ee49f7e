"""A company that has only a till: two commands and a page, and what the page says is what the till sold."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from crmlib.cli import app
from crmlib.data import Lake
from tests.sample_pages import execute

LAST = date(2026, 6, 30)
HEADS = ["小票号", "门店编号", "商品编码", "销售时间", "数量", "实收金额"]


def till(rng: np.random.Generator) -> pl.DataFrame:
    """Four months of two shops that sell twelve goods: receipt, store, product, day, time, pieces, fen."""
    rows = []
    for back in range(120):
        day = LAST - timedelta(days=back)
        for shop in ("S01", "S02"):
            for k in range(3):
                time = f"{9 + 3 * k:02d}:{int(rng.integers(0, 60)):02d}"
                for good in rng.choice(12, 2, replace=False):
                    count = int(rng.integers(1, 4))
                    fen = count * (350 + 125 * int(good))
                    rows.append((f"{shop}-{day:%m%d}-{k}", shop, f"G{good:03d}", day, time, count, fen))
    names = ["receipt", "store", "product", "day", "time", "pieces", "fen"]
    return pl.DataFrame(rows, schema=names, orient="row").sort("day", "time")


@pytest.fixture(scope="module")
def sold(tmp_path_factory: pytest.TempPathFactory) -> tuple[pl.DataFrame, Lake]:
    """What was sold, and the first two commands on the till's export as it comes: GB18030, amounts in yuan."""
    rows, folder, text = till(np.random.default_rng(4)), tmp_path_factory.mktemp("till"), io.StringIO()
    made = csv.writer(text)
    made.writerow(HEADS)
    made.writerows((r, s, g, f"{day:%Y/%m/%d} {at}", n, f"{fen / 100:.2f}") for r, s, g, day, at, n, fen in rows.rows())
    (folder / "till.csv").write_bytes(text.getvalue().encode("gb18030"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CRMLIB_LAKE", str(folder / "lake"))
        for command in (["draft", "till.csv", "--yes"], ["ingest", "all", "--sources", "sources.yml"]):
            done = CliRunner().invoke(app, command)
            assert done.exit_code == 0, done.output
    return rows, Lake(folder / "lake")


FIRST = {"sales_pulse": date(2026, 6, 1), "goods": LAST - timedelta(days=59)}
"""First day of each page's period: a month; half of what is known, so that it has something to be held against."""


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("report", FIRST)
def test_its_first_pages_say_what_the_till_sold(
    report: str, language: str, sold: tuple[pl.DataFrame, Lake], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    execute(report, language=language, lake=sold[1], out=out)
    html = (out / "index.html").read_text(encoding="utf-8")
    figures = {f["key"]: f["amount"] for f in json.loads((out / "manifest.json").read_text("utf-8"))["figures"]}
    span = sold[0].filter(pl.col("day") >= FIRST[report])
    assert figures["net"] == span["fen"].sum()
    counted = {"sales_pulse": ("receipts", "receipt"), "goods": ("goods", "product")}[report]
    assert figures[counted[0]] == span[counted[1]].n_unique()
    assert not {"margin", "margin_rate"} & set(figures)  # no cost is known: no margin of 100 %
    assert ("接入" if language == "zh" else "onnect") in html  # what would make more of the page
