"""A page made from the stored reductions has the same bytes as one made from the lines, file by file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crmlib.data.lake import reduced
from crmlib.panels import handle, reductions
from tests.report import world
from tests.sample_pages import execute


def files(out: Path) -> dict[str, bytes]:
    """What a reader opens, by path."""
    kinds = {".html", ".csv", ".xlsx", ".parquet", ".svg"}
    return {f.relative_to(out).as_posix(): f.read_bytes() for f in sorted(out.rglob("*")) if f.suffix in kinds}


@pytest.mark.parametrize("report", ["sales_pulse", "movement"])
def test_a_page_has_the_same_bytes_from_reductions_as_from_lines(report: str, tmp_path: Path, engine: None) -> None:
    lake = world.make_lake(tmp_path / "lake")
    made = {}
    for kind in ("lines", "cells"):
        if kind == "cells":
            reduced.reduce(lake, by=reductions)
        assert (handle.cells_of(world.opened(lake).lines, "receipt") is None) == (kind == "lines")
        execute(report, language="zh", lake=lake, out=tmp_path / "out")
        made[kind] = files(tmp_path / "out")
        shutil.rmtree(tmp_path / "out")
        shutil.rmtree(lake.path / "remembered", ignore_errors=True)
    assert len(made["lines"]) > 1 and made["lines"] == made["cells"]
