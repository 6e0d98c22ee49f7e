"""Who makes the reductions of a lake: Polars in this process, DuckDB, or whatever answers Spark Connect.

An engine reads the Parquet files of the lake's own Delta table where they lie; only cells come back. Every engine gives
the same bytes: the definitions stand once, in `reductions`.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import narwhals as nw

from crmlib.core.contracts import CONTRACTS, Contract
from crmlib.core.errors import LakeError
from crmlib.core.frames import AnyFrame

EMBEDDED = "polars"
CONNECT = "sc://"
NAMES = (EMBEDDED, "duckdb", f"{CONNECT}host:port")
AT_ONCE = 5_000_000
"""Lines that another engine reduces at a time: the cells that come back fit into this process."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that reads files of lines; `session` is its connection.

    Parameters
    ----------
    name : as the workspace names it. session : a DuckDB connection, or a Spark session.
    """

    name: str
    session: Any
    at_once: int = AT_ONCE

    def lines(self, files: Sequence[str], *, zone: str, days: Collection[int]) -> AnyFrame:
        """The lines of some days, with `hour` (of the sale) and `known_n` (day they became known) by `zone`'s clock."""
        read = _duckdb_lines if self.name == "duckdb" else _spark_lines
        lines = nw.from_native(read(self.session, list(files), zone))
        there, contract = set(lines.collect_schema().names()), CONTRACTS["receipt_lines"]
        absent = [c for c in contract.columns if c not in there]  # files of before the contract grew
        lines = lines.with_columns(nw.lit(None, _kind(contract, c)).alias(c) for c in absent) if absent else lines
        lines = lines.with_columns(nw.col(c).fill_null(value) for c, value in contract.defaults)
        return lines.filter(nw.col("day_n").is_in(sorted(days))).to_native()

    def close(self) -> None:
        """End the connection: a session of Spark Connect that is left open holds this process when it wants to end."""
        (self.session.close if self.name == "duckdb" else self.session.stop)()

    def explained(self, error: Exception) -> LakeError:
        """What the engine said, as an error that a user can act on."""
        return LakeError("lake.engine_failed", values={"engine": self.name, "reason": _short(error)})


def connect(name: str) -> Engine | None:
    """The engine of that name; none for Polars in this process, which needs no connection.

    Raises
    ------
    LakeError
        `lake.engine_unknown`, `lake.engine_absent` where its package is not installed, `lake.engine_unreachable`.

    Examples
    --------
    >>> connect("polars") is None
    True
    """
    if name == EMBEDDED:
        return None
    if name != "duckdb" and not name.startswith(CONNECT):
        raise LakeError("lake.engine_unknown", values={"engine": name, "known": ", ".join(NAMES)})
    package = "duckdb" if name == "duckdb" else "pyspark"
    if find_spec(package) is None:
        extra = "duckdb" if name == "duckdb" else "spark"
        raise LakeError("lake.engine_absent", values={"engine": name, "package": package, "extra": extra})
    try:
        return Engine(name, _duckdb() if name == "duckdb" else spark(name))
    except Exception as error:  # whatever a driver says of a server that is not there
        raise LakeError("lake.engine_unreachable", values={"engine": name, "reason": _short(error)}) from error


def _duckdb() -> Any:
    connection = importlib.import_module("duckdb").connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def spark(address: str) -> Any:
    """A Spark Connect session that answers; its clock is UTC, so that a day is no matter of where the server stands."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of pandas, which has no part in this
        sql, retries = (importlib.import_module(f"pyspark.sql{name}") for name in ("", ".connect.client.retries"))
        session = sql.SparkSession.builder.remote(address).create()
        session.client.set_retry_policies([retries.DefaultPolicy(max_retries=3)])
        try:
            session.conf.set("spark.sql.session.timeZone", "UTC")
        except BaseException:
            session.stop()
            raise
    return session


def _duckdb_lines(connection: Any, files: list[str], zone: str) -> Any:
    lines = connection.read_parquet(files, union_by_name=True, hive_partitioning=True)
    clock = "hour(timezone('{zone}', sold_at)) AS hour, CAST(timezone('{zone}', known_at) AS DATE) AS known"
    return lines.project(f"*, {clock.format(zone=zone)}").project(
        "* EXCLUDE (known), known - DATE '1970-01-01' AS known_n"
    )


def _spark_lines(session: Any, files: list[str], zone: str) -> Any:
    functions = importlib.import_module("pyspark.sql.functions")
    lines = session.read.option("mergeSchema", "true").parquet(*files)
    sold, known = (functions.from_utc_timestamp(functions.col(c), zone) for c in ("sold_at", "known_at"))
    day = functions.datediff(functions.to_date(known), functions.lit("1970-01-01").cast("date"))
    return lines.withColumns({"hour": functions.hour(sold), "known_n": day})


def _kind(contract: Contract, column: str) -> nw.dtypes.DType:
    return nw.Int64() if contract.schema.columns()[column].dtype.is_integer() else nw.String()


def _short(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
