"""`latest` with a mistyped date: the pages stay, the doctor names the line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from crmlib.data import Lake, ingest
from crmlib.run import doctor, plan, workspace

SOURCES = """
pos:
  table: receipt_lines
  files: pos.csv
  known_at: {lag_days: 0}
  columns:
    receipt_id: no
    product_id: item
    sold_at: at
    quantity_milli: {constant: 1000}
    net_minor: {constant: 100}
"""


def test_a_stray_date_moves_no_page_and_the_doctor_names_it(tmp_path: Path) -> None:
    first = date(2025, 1, 6)
    lines = [f"R{n}-{k},P,{first + timedelta(days=n)} 10:00" for n in range(70) for k in range(6)]
    (tmp_path / "pos.csv").write_text("\n".join(["no,item,at", *lines, "X,P,2025-09-01 10:00"]))
    (tmp_path / "sources.yml").write_text(SOURCES)
    lake = Lake(tmp_path / "lake")
    ingest("pos", sources=tmp_path / "sources.yml", lake=lake, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert plan.latest_day(lake) == date(2025, 3, 16)
    space = workspace.Workspace(tmp_path, lake.path, tmp_path / "reports")
    told = doctor._lake(space)
    assert (told.state, told.values["day"], told.values["lines"]) == ("stray", date(2025, 3, 16), 1)
    assert told.values["first"] == date(2025, 9, 1)
