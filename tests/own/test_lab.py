"""In JupyterLab and straight from the ecosystem: no network, short errors, things that show what they are."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import altair as alt
import polars as pl
import pytest
from IPython.core.interactiveshell import InteractiveShell

from crmlib.clv.models.bg_nbd import BgNbdParams
from crmlib.data.lake.lake import Lake
from crmlib.kit.words import Words
from crmlib.report import Page, Study, lab
from tests.own import project
from tests.report import world
from tests.waiting import HANG

pytestmark = pytest.mark.long

NOTEBOOK = Path("notebooks/own_sales/own_sales.ipynb")
CDN = ("cdn.jsdelivr", "unpkg.com")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a lake and an own report that shows its chart as an analyst does, before `page.show`."""
    root = project.make(tmp_path_factory.mktemp("project"))
    cells = list(project.NOTEBOOK)
    cells[5] = ("code", project.CHART + "\nchart", ())
    project.write_notebook(root / NOTEBOOK, tuple(cells))
    world.make_lake(root / ".crmlib")
    return root


def environment() -> dict[str, str]:
    package = str(Path(__file__).parents[2])
    path = os.pathsep.join(p for p in (package, os.environ.get("PYTHONPATH", "")) if p)
    return {n: v for n, v in os.environ.items() if not n.startswith("CRMLIB")} | {"PYTHONPATH": path}


def called(root: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=root, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def outputs(path: Path) -> str:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return json.dumps([cell.get("outputs", []) for cell in cells], ensure_ascii=False)


def test_papermill_runs_it_with_parameters_and_charts_are_pictures(root: Path) -> None:
    called(
        root, "papermill", str(NOTEBOOK), "out.ipynb", "-p", "store", "S1", "-p", "language", "en", "--no-progress-bar"
    )
    shown = outputs(root / "out.ipynb")
    assert "Sales by shop" in shown and "S1" in shown and "S2" not in shown
    assert "image/svg+xml" in shown
    assert not [name for name in CDN if name in shown]


def test_nbconvert_runs_it_from_the_notebooks_folder(root: Path) -> None:
    called(root, "nbconvert", "--execute", "--to", "html", "--output-dir", str(root), str(NOTEBOOK))
    html = (root / "own_sales.html").read_text(encoding="utf-8")
    assert "各店销售" in html and "<svg" in html


def test_voila_shows_its_page(root: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(NOTEBOOK), "--no-browser", f"--port={port}"]
    served = subprocess.Popen(
        command, cwd=root, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        html = waited(f"http://127.0.0.1:{port}/?language=en")
    finally:
        served.terminate()
        served.wait()
    assert "Sales by shop" in html and "Scope: all shops" in html


def waited(address: str, *, seconds: float = HANG) -> str:
    """What a server answers, as soon as it does."""
    end = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=seconds) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.3)


def test_an_error_ends_with_its_three_parts_and_no_inside(root: Path) -> None:
    shell = InteractiveShell()
    said: list[list[str]] = []
    shell._showtraceback = lambda kind, value, lines: said.append(lines)
    shell.run_cell("from crmlib.report.form.parameters import check\ncheck('customer_value', {'month': 6})")
    (lines,) = said
    assert lines[0] == "line 2: check('customer_value', {'month': 6})"
    assert lines[1] == "ParameterError:" and "expected: " in lines[-1] and len(lines) == 3


def test_a_chart_is_a_picture_without_the_network() -> None:
    made: dict[str, Any] = lab.bundle(alt.Chart(pl.DataFrame({"a": [1]})).mark_bar().encode(x="a").to_dict())
    assert made["image/svg+xml"].startswith("<svg") and list(made) == ["image/svg+xml"]


def test_findings_fits_lakes_pages_and_studies_show_what_they_are(tmp_path: Path) -> None:
    lake = world.make_lake(tmp_path / "lake")
    page: Page = world.opened(lake, language="en")
    study = Study(page)
    assert "Few people bring" in (card := str(world.finding(Words("en"))._repr_html_())) and "<svg" in card
    assert "receipt_lines" in str(lab.html(lake)) and "receipt_lines" in str(lab.html(page))
    assert "Study" in str(lab.html(study))
    fit = str(lab.html(BgNbdParams(r=0.243, alpha=4.414, a=0.793, b=2.426)))
    assert "BgNbdParams" in fit and "0.243" in fit
    assert "dataframe" in str(lab.html(pl.DataFrame({"a": [1]}))) and lab.html(3) is None
    assert repr(Lake("x")) == "Lake('x')" and repr(page).startswith("Page('customer_value'")
