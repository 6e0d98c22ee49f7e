"""Every page of the sample company in both languages, each made once for all tests and workers of a run."""

from __future__ import annotations

import fcntl
import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from crmlib.data import Lake
from crmlib.kit.words import LANGUAGES

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
CLOCK = datetime(2026, 11, 22, tzinfo=UTC)


@dataclass(frozen=True)
class SamplePages:
    """The pages below `place`: `report/language/index.html`."""

    place: Path
    lake: Lake

    def page(self, report: str, language: str) -> Path:
        """The folder of a page, which is made now if nobody has."""
        folder = self.place / report / language
        folder.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{folder}.lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                making = Path(f"{folder}.making")
                shutil.rmtree(making, ignore_errors=True)
                execute(report, language=language, lake=self.lake, out=making)
                making.rename(folder)
        return folder

    def made(self, language: str) -> dict[str, Path]:
        """The pages of a language that somebody has made so far, by report."""
        folders = ((path.stem, self.place / path.stem / language) for path in NOTEBOOKS)
        return {report: folder for report, folder in folders if folder.exists()}


def execute(report: str, *, language: str, lake: Lake, out: Path) -> None:
    """Run the cells as a runner does, in this process."""
    run = {
        "face": "html", "clock": CLOCK.isoformat(), "seed": 7, "run_id": "t", "lake": str(lake.path), "out": str(out),
        "languages": list(LANGUAGES),
    }  # fmt: skip
    out.mkdir(parents=True)
    (out / "run.json").write_text(json.dumps(run), encoding="utf-8")
    path = next(path for path in NOTEBOOKS if path.stem == report)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRMLIB_RUN", str(out / "run.json"))
        names: dict[str, object] = {}
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                exec(compile(cell.source, f"{report}:{cell.id}", "exec"), names)
                if "parameters" in cell.metadata.get("tags", []):
                    names["language"] = language
