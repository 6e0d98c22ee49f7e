"""The gallery: five example notebooks without outputs that run as they are, quickly, and say what is so."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from crmlib.report import lab
from tests.report import world

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"
OWN = "own_report"


def run(name: str) -> tuple[Any, dict[str, Any]]:
    """The value of the notebook's last expression, and its names; lines for IPython are left to it."""
    names: dict[str, Any] = {}
    value = None
    for cell in nbformat.read(GALLERY / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type != "code":
            continue
        body = ast.parse("\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), f"{name}:{cell.id}", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), f"{name}:{cell.id}", "eval"), names)
    return value, names


def test_there_are_five_and_none_has_outputs() -> None:
    notebooks = [nbformat.read(path, as_version=4) for path in sorted(GALLERY.glob("*.ipynb"))]
    assert len(notebooks) == 5
    for notebook in notebooks:
        nbformat.validate(notebook)
        assert all(cell.outputs == [] for cell in notebook.cells if cell.cell_type == "code")


def test_own_frame_to_rfm() -> None:
    best, names = run("own_frame_to_rfm")
    assert best["rfm"][-1] == "555"
    assert names["scored"].customers.height == names["orders"]["buyer"].nunique()


def test_lifetime_value_of_a_pandas_frame() -> None:
    worth, names = run("lifetime_value_of_a_pandas_frame")
    assert names["fit"].certificate.converged
    assert worth.height == 5 and (worth["value"] > 0).all()


def test_lift_of_one_promotion_holds_the_truth_in_its_interval() -> None:
    (truth, own), _ = run("lift_of_one_promotion")
    assert own["lower_milli"] <= 1000 * truth <= own["upper_milli"]


def test_sites_on_a_map_is_drawn_without_the_network() -> None:
    chart, names = run("sites_on_a_map")
    assert len(names["chosen"].chosen) == 3
    assert lab.bundle(chart.to_dict())["image/svg+xml"].startswith("<svg")


def test_own_report_makes_a_page_in_a_project_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "params").mkdir()
    room = tmp_path / "notebooks" / OWN
    room.mkdir(parents=True)
    (room / f"{OWN}.ipynb").write_bytes((GALLERY / f"{OWN}.ipynb").read_bytes())
    lake = world.make_lake(tmp_path / "lake")
    out = tmp_path / "out"
    out.mkdir()
    given = {"face": "html", "clock": world.CLOCK.isoformat(), "seed": 7, "run_id": "t", "lake": str(lake.path)}
    (out / "run.json").write_text(json.dumps(given | {"out": str(out)}), encoding="utf-8")
    monkeypatch.setenv("CRMLIB_RUN", str(out / "run.json"))
    monkeypatch.chdir(tmp_path)
    run(OWN)
    record = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert record["title"] == "各店销售" and record["findings"][0]["rows"] == 3
