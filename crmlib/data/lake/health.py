"""Is the lake whole? Every table's log, files, keys and sums are checked against one another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl
from deltalake.exceptions import DeltaError

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import CrmError, LakeError
from crmlib.data.lake import delta
from crmlib.data.lake.delta import LOG
from crmlib.data.lake.lake import SET_APART, Lake
from crmlib.data.result import TERMS

CHECKS = ("readable", "files", "rows", "keys", "sums", "set_apart")


@dataclass(frozen=True, slots=True)
class LakeReport:
    """Outcome of `check_lake`.

    Parameters
    ----------
    checks : one row per table and check: table, check, ok, found, expected (texts for people).
    """

    path: str
    checks: pl.DataFrame

    @property
    def ok(self) -> bool:
        """Whether every check passed."""
        return bool(self.checks["ok"].all())

    def describe(self) -> pl.DataFrame:
        """The checks, failed ones first."""
        return self.checks.sort("ok", "table", maintain_order=True)


def check_lake(path: str | Path) -> LakeReport:
    """Check a lake; a damaged one gives a report with failed checks, not an error.

    Per table: `readable` (log and rows can be read), `files` (every file the log names is there, with its size),
    `rows` (as many as the ingests stored), `keys` (each once), `sums` (read = kept + replaced + duplicate +
    conflict + quarantined + excluded), `set_apart` (rows set apart as counted).
    """
    lake = Lake(path)
    if not lake.path.is_dir():
        raise LakeError("lake.missing", values={"path": str(lake.path)})
    rows = [row for name in lake.tables() for row in _table(lake, name)]
    rows += [(name, "readable", False, "files without a log", "a readable table") for name in _without_log(lake)]
    schema = {"table": pl.String, "check": pl.String, "ok": pl.Boolean, "found": pl.String, "expected": pl.String}
    return LakeReport(str(lake.path), pl.DataFrame(rows, schema=schema, orient="row"))


Row = tuple[str, str, bool, str, str]
BROKEN = (CrmError, OSError, ValueError, DeltaError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What a damaged table may come to: the readers below panic where a file is cut short."""
LOOK_BACK = 50
"""So many versions are looked at for the last one that is whole."""


def _without_log(lake: Lake) -> list[str]:
    """Folders of tables that hold files but no log: to a reader the table is not there."""
    places = (lake.table_path(name) for name in CONTRACTS)
    return [p.name for p in places if p.is_dir() and p.name not in lake.tables() and any(p.rglob("*.parquet"))]


def _whole_version(path: Path) -> str:
    """The last older version all of whose files are there and can be read, as a remark."""
    numbers = sorted((int(p.stem) for p in (path / LOG).glob("*.json") if p.stem.isdigit()), reverse=True)
    for number in numbers[1 : LOOK_BACK + 1]:
        try:
            if _files(path, at=number)[0]:
                continue
            delta.scan(path, at=number).select(pl.all().null_count()).collect(engine="streaming")
        except BROKEN:
            continue
        return f"; version {number} is whole"
    return ""


def _table(lake: Lake, name: str) -> list[Row]:
    path = lake.table_path(name)
    try:
        missing, files = _files(path)
        expected = "every file, with its size" + (_whole_version(path) if missing else "")
        present = (name, "files", not missing, f"{files - len(missing)} of {files} files", expected)
        if missing:  # reading on would only say the same in worse words
            return [present]
        rows, keys = _rows(lake, name)
        ingests = lake.ingests(name)
        apart, counted = _set_apart(lake, name, ingests)
    except BROKEN as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return [(name, "readable", False, said, f"a readable table{_whole_version(path)}")]
    stored = int(ingests["kept"].sum()) - int(ingests["withdrawn"].sum())
    off = ingests.filter(pl.col("read") != pl.sum_horizontal(TERMS)).height
    return [
        (name, "readable", True, f"{rows} rows", "a readable table"),
        present,
        (name, "rows", rows == stored, str(rows), f"{stored} by the ingests"),
        (name, "keys", keys == rows, f"{keys} keys", f"{rows}, one per row"),
        (name, "sums", off == 0, f"{off} ingests whose sum does not hold", "0"),
        (name, "set_apart", apart in {counted, 0}, str(apart), f"{counted} by the ingests, or none once forgotten"),
    ]


def _files(path: Path, *, at: int | None = None) -> tuple[list[str], int]:
    """Files that a version (the newest) names and that are not there as it says, and how many it names."""
    adds = pl.DataFrame(delta.opened(path, at=at).get_add_actions(flatten=True))
    there = delta.sizes(path)
    wrong = [file for file, size in adds.select("path", "size_bytes").iter_rows() if there.get(file) != size]
    return wrong, adds.height


def _rows(lake: Lake, name: str) -> tuple[int, int]:
    key = list(CONTRACTS[name].key)
    counts = lake.table(name).select(pl.len(), pl.struct(key).n_unique().alias("keys"))
    rows, keys = counts.collect(engine="streaming").row(0)
    lake.table(name).select(pl.all().null_count()).collect(engine="streaming")  # every column decodes
    return int(rows), int(keys)


def _set_apart(lake: Lake, name: str, ingests: pl.DataFrame) -> tuple[int, int]:
    counted = int(sum(ingests[term].sum() for term in ("duplicate", "conflict", "quarantined", "excluded")))
    if not delta.exists(lake.path / SET_APART):
        return 0, counted
    own = delta.scan(lake.path / SET_APART).filter(pl.col("table") == name)
    apart = own.filter(pl.col("batch").is_in(ingests["batch"].implode())).select(pl.len()).collect().item()
    return int(apart), counted
