"""Pages with and without reductions: the same bytes, page by page.

python benchmarks/same_bytes.py LAKE FOLDER [report/variant ...]    all reports of `params` in Chinese, or some of them

LAKE is read and not written to: a copy in FOLDER is. Prints the files that differ, and how many are the same.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from crmlib.data.lake import reduced
from crmlib.data.lake.lake import Lake
from crmlib.panels import reductions

ROOT = Path(__file__).parents[1]
CRMLIB = [sys.executable, "-m", "crmlib.cli"]
SHOWN = frozenset({".html", ".csv", ".xlsx", ".parquet", ".svg"})
"""What a reader opens; records of a run tell its times besides."""


RUN = re.compile(r"\.runs/\w+/")


def made(lake: Path, out: Path, names: list[str]) -> dict[str, bytes]:
    """The files of the pages by their path, all made by one run."""
    shutil.rmtree(out, ignore_errors=True)
    files = [f"params/{name}.yml" for name in names]
    run = ("run", *files, "--lake", lake, "--out", out, "--workers", "1", "--set", "language=zh")
    subprocess.run([*CRMLIB, *map(str, run)], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    found = (
        f for f in sorted(out.rglob("*")) if f.is_file() and f.suffix in SHOWN and len(f.relative_to(out).parts) > 2
    )
    return {RUN.sub("", f.relative_to(out).as_posix()): f.read_bytes() for f in found}


def fresh(lake: Path, copy: Path, *, cells: bool) -> Path:
    """A copy of the lake in which nothing was remembered or kept by a page, with its reductions or without."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(lake, copy, ignore=shutil.ignore_patterns("remembered", reduced.FOLDER))
    if cells:
        reduced.reduce(Lake(copy), by=reductions)
    return copy


def main() -> None:
    lake, folder = Path(sys.argv[1]), Path(sys.argv[2]).resolve()
    names = sys.argv[3:] or sorted(p.relative_to(ROOT / "params").with_suffix("").as_posix()
                                   for p in (ROOT / "params").glob("*/*.yml"))  # fmt: skip
    copy = folder / "lake"
    from_lines = made(fresh(lake, copy, cells=False), folder / "from_lines", names)
    from_cells = made(fresh(lake, copy, cells=True), folder / "from_cells", names)
    every = from_lines.keys() | from_cells.keys()
    for name in sorted(every):
        if from_lines.get(name) != from_cells.get(name):
            print("differs:", name)
    same = sum(from_cells.get(name) == found for name, found in from_lines.items())
    pages = sum(any(file.startswith(f"{name}/") for file in every) for name in names)
    print(f"{same} of {len(every)} files of {pages} of {len(names)} pages have the same bytes")


if __name__ == "__main__":
    main()
