"""Is this machine fit? Every panel on every engine, the drawing of charts, fonts, disk, lake, ledger and clock."""

from __future__ import annotations

import hashlib
import importlib
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from importlib.metadata import distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.core.contracts import TIME_ZONE
from crmlib.core.dates import day_number
from crmlib.core.errors import CrmError, check_choice
from crmlib.data import Lake
from crmlib.panels import engines
from crmlib.run.ledger import Ledger
from crmlib.run.plan import latest_day, reach
from crmlib.run.workspace import Workspace

State = Literal["ok", "absent", "bad", "stray"]
LEAST_GB = 2.0
"""With less space left the next ingest or the next reports may not fit."""
LINES = 3_000
START, END = date(2026, 1, 5), date(2026, 3, 29)
"""A Monday and a Sunday: the weekly panel wants whole weeks."""
_MODULES = {"polars": "polars", "pandas": "pandas", "pyarrow": "pyarrow", "duckdb": "duckdb", "spark": "pyspark"}
_LIBRARIES = ("polars", "narwhals", "deltalake", "altair", "vl-convert-python")
_GLYPH = """<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40">
<text x="4" y="30" font-size="24" font-family="{font}">{sign}</text></svg>"""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: `key` and `values` of its sentence (`cli.doctor.<key>.<state>`)."""

    key: str
    state: State
    values: Mapping[str, object] = field(default_factory=dict)


def examine(space: Workspace, *, engine: str | None, now: datetime) -> Iterator[Check]:
    """Look at everything, one after the other; with `engine` at that engine only.

    Raises
    ------
    ParameterError
        `frame.choice` for an engine that is none of the known ones.
    """
    if engine is not None and not engine.startswith(engines.CONNECT):
        check_choice(engine, _MODULES, name="engine")
    yield from (_engine(name) for name in ([engine] if engine else _MODULES))
    if engine is None:
        yield Check("versions", "ok", {"found": _versions()})
        yield from (_drawing(), _font(), _zone(now), _lake(space), _ledger(space))
        yield from (_disk(space.lake), _disk(space.reports))


def fixture() -> pl.DataFrame:
    """Receipt lines of a few shops and weeks, with returns, missing costs and lines without a card; always the same."""
    rng = np.random.default_rng(20_260_101)
    first, days = day_number(START), (END - START).days + 1

    def some(prefix: str, count: int, *, missing: float = 0) -> list[str | None]:
        drawn, gone = rng.integers(count, size=LINES), rng.random(LINES) < missing
        return [None if lost else f"{prefix}{n:03}" for n, lost in zip(drawn.tolist(), gone.tolist(), strict=True)]

    quantity = rng.choice([-1000, 250, 1000, 3000], LINES, p=[0.05, 0.15, 0.7, 0.1])
    listed = rng.integers(300, 9_000, LINES) * quantity // 1000
    return pl.DataFrame(
        {
            "receipt_id": some("R", LINES // 3),
            "store_id": some("S", 6),
            "customer_id": some("C", 200, missing=0.3),
            "product_id": some("P", 20),
            "day_n": pl.Series(first + rng.integers(days, size=LINES), dtype=pl.Int32),
            "quantity_milli": quantity,
            "net_minor": listed * rng.integers(70, 101, LINES) // 100,
            "list_minor": listed,
            "cost_minor": pl.Series(listed * 6 // 10).set(pl.Series(rng.random(LINES) < 0.1), None),
            "promotion_id": some("A", 3, missing=0.8),
        }
    )


def reductions(lines: Any) -> dict[str, pl.DataFrame]:
    """Every panel over `lines`, of any engine."""
    stores = pl.DataFrame({"store_id": [f"S{n:03}" for n in range(6)]})
    stores = stores.with_columns(opened_on=pl.lit(None, pl.Date), closed_on=pl.lit(None, pl.Date))
    homes = pl.DataFrame({"customer_id": [f"C{n:03}" for n in range(200)]}).with_columns(home_cell=pl.lit("x"))
    return {
        "customer_day": panels.customer_day(lines, period_end=END),
        "customer_period": panels.customer_period(lines, start=START, end=END),
        "customer_summary": panels.customer_summary(lines, period_end=END),
        "purchase_history": panels.purchase_history(lines, period_end=END),
        "holdout": panels.holdout(lines, after=START + timedelta(days=42), until=END),
        "rfm_cuts": panels.rfm_cuts(lines, period_end=END),
        "store_day": panels.store_day(lines),
        "flows": panels.flows(lines, homes, start=START, end=END),
        "store_product_week": panels.store_product_week(lines, stores=stores, start=START, end=END),
    }


def _on(engine: str, frame: pl.DataFrame) -> Any:
    """The frame as that engine holds it."""
    if engine == "duckdb":
        connection = importlib.import_module("duckdb").connect()
        connection.register("lines", frame.to_arrow())
        return connection.table("lines")
    if engine == "spark" or engine.startswith(engines.CONNECT):
        named = engine.startswith(engines.CONNECT)
        builder = None if named else importlib.import_module("pyspark.sql").SparkSession.builder
        session = engines.spark(engine) if builder is None else builder.getOrCreate()
        return session.createDataFrame(frame.to_arrow())  # pandas would make floats of integers with gaps
    made: dict[str, Callable[[], Any]] = {"pandas": frame.to_pandas, "pyarrow": frame.to_arrow, "polars": frame.lazy}
    return made[engine]()


def _engine(name: str) -> Check:
    """Whether every panel gives the same bytes as Polars in memory."""
    if not _installed(name):
        return Check("engine", "absent", {"engine": name})
    given = None
    try:
        given = _on(name, fixture())
        found, expected = reductions(given), reductions(fixture())
    except Exception as problem:  # whatever an engine says
        return Check("engine", "bad", {"engine": name, "found": _short(problem)})
    finally:
        if given is not None and name.startswith(engines.CONNECT):
            given.sparkSession.stop()  # an open session would hold this process when it wants to end
    other = [panel for panel, frame in expected.items() if _hash(found[panel]) != _hash(frame)]
    count = len(expected)
    return Check("engine", "bad" if other else "ok", {"engine": name, "found": ", ".join(other), "count": count})


def _installed(name: str) -> bool:
    """Whether the engine's package is here; the client of Spark Connect alone is no Spark."""
    if name == "spark":
        return any(one.metadata["Name"] == "pyspark" for one in distributions(name="pyspark"))
    return find_spec(_MODULES.get(name, "pyspark")) is not None


def _hash(frame: pl.DataFrame) -> str:
    return hashlib.sha256(f"{frame.schema}{frame.write_ndjson()}".encode()).hexdigest()


def _versions() -> str:
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in _LIBRARIES)])


def _drawing() -> Check:
    """Charts become pictures in a process of their own, without a browser."""
    import altair as alt  # noqa: PLC0415

    from crmlib.kit.charts import theme  # noqa: PLC0415
    from crmlib.report.drawing import Drawer, DrawingError  # noqa: PLC0415

    drawer = Drawer()
    try:
        chart = theme.finish(alt.Chart(alt.InlineData(values=[{"a": 1}])).mark_bar().encode(x=alt.X("a:Q")))
        drawer.order(chart, language="zh").result(timeout=60)
    except (DrawingError, TimeoutError) as problem:
        return Check("drawing", "bad", {"found": _short(problem)})
    finally:
        drawer.close()
    return Check("drawing", "ok")


def _font() -> Check:
    """A face with Chinese: a sign that exists must not look like one that no face has."""
    import vl_convert  # noqa: PLC0415

    from crmlib.kit.charts import theme  # noqa: PLC0415

    known, nobody = (vl_convert.svg_to_png(_GLYPH.format(font=theme.FONT, sign=chr(code))) for code in (0x4E2D, 0xE123))
    return Check("font", "bad" if known == nobody else "ok")


def _zone(now: datetime) -> Check:
    try:
        there = now.astimezone(ZoneInfo(TIME_ZONE))
    except ZoneInfoNotFoundError:
        return Check("zone", "bad", {"zone": TIME_ZONE})
    here = now.astimezone()
    return Check("zone", "ok", {"zone": TIME_ZONE, "there": f"{there:%Y-%m-%d %H:%M}", "here": f"{here:%H:%M %Z}"})


def _lake(space: Workspace) -> Check:
    lake = Lake(space.lake)
    try:
        tables, day = len(lake.tables()), latest_day(lake)
        found = reach(lake)
    except CrmError as problem:
        absent = problem.code == "run.empty_lake"
        return Check("lake", "absent" if absent else "bad", {"path": space.lake, "found": _short(problem)})
    if found is not None and found.stray.height:
        days, lines = found.stray["day"], int(found.stray["lines"].sum())
        stray = {"day": day, "lines": lines, "first": days.min(), "last": days.max()}
        return Check("lake", "stray", {"path": space.lake, "tables": tables, **stray})
    return Check("lake", "ok", {"path": space.lake, "tables": tables, "day": day})


def _ledger(space: Workspace) -> Check:
    if not space.ledger.is_file():
        return Check("ledger", "absent", {"path": space.ledger})
    try:
        runs = Ledger(space.ledger).runs(last=1)
    except CrmError as problem:
        return Check("ledger", "bad", {"path": space.ledger, "found": _short(problem)})
    return Check("ledger", "ok", {"path": space.ledger, "found": runs["ended_at"][0] if runs.height else "-"})


def _disk(place: Path) -> Check:
    there = next(folder for folder in (place, *place.parents) if folder.exists())
    free = shutil.disk_usage(there).free / 1e9
    return Check("disk", "ok" if free >= LEAST_GB else "bad", {"path": place, "free": f"{free:.1f}"})


def _short(problem: Exception) -> str:
    return " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
