"""A small project with an analyst's own report in two files."""

from __future__ import annotations

import json
from pathlib import Path

PARAMETERS = """\
from crmlib.report import Choice, Range

store: Choice("stores.store_id") = None  # 门店 | Store
months: Range(1, 24) = 3  # 月数：往前看几个月 | Months: how far to look back
by: Choice("day", "month") = "month"  # 按什么分 | By
share = 0.5  # 比例 | Share"""
OPEN = """\
import altair as alt
import polars as pl
from crmlib import panels, report

page = report.open("own_sales", globals())
lines = page.lines
if page.params.store:
    lines = panels.part(lines, stores=pl.Series([page.params.store]))
days = panels.store_day(lines).with_columns(day=pl.col("day_n").cast(pl.Date))"""
FRAME = """\
by_store = days.group_by("store_id").agg(pl.col("net_minor").sum()).sort("store_id")
page.show(by_store, seen=page.words.format.count(by_store.height))"""
CHART = """\
by_month = days.group_by(pl.col("day").dt.truncate("1mo").alias("month")).agg(pl.col("lines").sum())
by_month = by_month.sort("month")
chart = alt.Chart(by_month).mark_line().encode(x="month:T", y="lines:Q")
page.show(chart, by_month.to_pandas(), headline="Lines", do="Look.")"""
TITLE = "# 我的销售 | Own sales\n\n各店卖了多少？ | What did each shop sell?"
NOTEBOOK = (
    ("markdown", TITLE, ()),
    ("code", PARAMETERS, ("parameters",)),
    ("code", OPEN, ()),
    ("markdown", "## 各店销售 | Sales by shop", ()),
    ("code", FRAME, ()),
    ("code", CHART, ()),
    ("code", "page.close()", ()),
)
YML = "report: own_sales\nparameters:\n  language: [zh, en]\n"


def write_notebook(path: Path, cells: tuple[tuple[str, str, tuple[str, ...]], ...] = NOTEBOOK) -> None:
    """Write a notebook of these cells: kind, text, tags."""
    made = [
        {"cell_type": kind, "id": f"c{n}", "metadata": {"tags": list(tags)} if tags else {}, "source": text}
        | ({"outputs": [], "execution_count": None} if kind == "code" else {})
        for n, (kind, text, tags) in enumerate(cells)
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    content = {"cells": made, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def make(root: Path, *, name: str = "own_sales", yml: str = YML) -> Path:
    """A project at `root` with one own report: a notebook and a file of parameters."""
    cells = tuple((kind, text.replace("own_sales", name), tags) for kind, text, tags in NOTEBOOK)
    write_notebook(root / "notebooks" / name / f"{name}.ipynb", cells)
    file = root / "params" / name / "daily.yml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yml.replace("own_sales", name), encoding="utf-8")
    return root


def execute(root: Path, *, lake: Path, out: Path, name: str = "own_sales", language: str = "en") -> dict[str, object]:
    """Run the cells of an own report as a runner does, in this process, and return the page's record.

    The caller stands in `root` and names the run file in CRMLIB_RUN: ``out / "run.json"``.
    """
    run = {"clock": "2026-11-22T00:00:00+00:00", "seed": 7, "run_id": "t", "lake": str(lake), "out": str(out)}
    out.mkdir(parents=True, exist_ok=True)
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    names: dict[str, object] = {}
    cells = json.loads((root / "notebooks" / name / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{name}:{cell['id']}", "exec"), names)
            names |= {"language": language} if cell["metadata"].get("tags") == ["parameters"] else {}
    record: dict[str, object] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    return record
