"""A PostgreSQL query as a source: exact money, receipts whole, read only, and an address that is never told."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.errors import SourceError
from crmlib.data import check_lake, ingest
from crmlib.data.read import files
from crmlib.kit.words import Words
from crmlib.report.form.explain import explain
from tests.data.conftest import NOW, Desk

adbc = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="the driver of the postgres extra is not installed")

ERP = """
erp:
  table: receipt_lines
  database: ERP_URL
  query: "{query}"
  known_at: {{lag_days: 0}}
  columns:
    receipt_id: receipt
    store_id: store
    customer_id: card
    product_id: product
    sold_at: at
    quantity_milli: {{from: quantity, times: 1000}}
    net_minor: {{from: paid, times: 100}}
"""
QUERY = "select * from sales order by receipt, product"
TABLE = """
create table sales as select 'R' || lpad((g / 3)::text, 6, '0') as receipt, 'S' || (g / 3) % 5 as store,
  case when g % 2 = 0 then (g * 7919 % 400)::text end as card, 'P' || g % 3 as product,
  timestamp '2024-01-03 09:56' + (g / 3) * interval '1 minute' as at,
  (1 + g % 3)::numeric(9, 3) as quantity, (g % 9900 + .25)::numeric(12, 2) as paid
from generate_series(0, 2999) as g
"""


def program(name: str) -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) if Path("/usr/lib/postgresql").is_dir() else []
    return shutil.which(name) or (str(found[-1]) if found else None)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of our own on a socket in a temporary folder, ended afterwards."""
    initdb, server = program("initdb"), program("pg_ctl")
    if initdb is None or server is None:
        pytest.skip("no PostgreSQL server here")
    if os.geteuid() == 0 and not shutil.which("runuser"):
        pytest.skip("PostgreSQL does not run as root, and there is no runuser")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="pg"))  # a socket's path must be short
    if as_user:
        folder.chmod(0o755)
        shutil.chown(folder, "postgres")

    def run(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, capture_output=True, timeout=60)

    try:
        run(initdb, "-D", f"{folder}/data", "-U", "reader", "--auth=trust", "--no-sync", "-E", "UTF8")
        options = f"-k {folder} -c listen_addresses='' -c fsync=off"
        run(server, "-D", f"{folder}/data", "-w", "-l", f"{folder}/log", "-o", options, "start")
        address = f"postgresql://reader@/postgres?host={folder}"
        with adbc.connect(address) as connection, connection.cursor() as cursor:
            cursor.execute(TABLE)
            connection.commit()
        yield address
        run(server, "-D", f"{folder}/data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def erp(desk: Desk, url: str, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("ERP_URL", url)
    desk.describe(ERP.format(query=QUERY))
    return desk


def refused(desk: Desk, source: str = "erp") -> SourceError:
    with pytest.raises(SourceError) as caught:
        ingest(source, sources=desk.sources, lake=desk.lake, now=NOW)
    return caught.value


def test_a_query_is_stored_with_exact_money_and_recognised_when_it_comes_again(erp: Desk) -> None:
    first = erp.ingest("erp")
    assert (first.read, first.kept, first.files) == (3_000, 3_000, ("erp.query",))
    rows = erp.lake.table("receipt_lines").collect()
    assert rows["net_minor"].sum() == sum((g % 9_900) * 100 + 25 for g in range(3_000))
    assert rows["sold_at"].min() == datetime(2024, 1, 3, 1, 56, tzinfo=UTC)  # nine o'clock in Shanghai
    again = erp.ingest("erp", now=NOW + timedelta(days=1))
    assert (again.kept, again.duplicate) == (0, 3_000)
    assert check_lake(erp.lake.path).ok


def test_a_large_answer_is_judged_in_pieces_with_the_same_lake(
    erp: Desk, new_desk: Callable[[], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = erp.ingest("erp")
    many = new_desk()
    many.describe(ERP.format(query=QUERY))
    monkeypatch.setattr(files, "BATCH_BYTES", 10_000)
    parts = many.ingest("erp")
    assert many.lake.ingests().height > 2
    assert (parts.read, parts.kept) == (whole.read, whole.kept)
    rows = [d.lake.table("receipt_lines").collect().sort("line_id") for d in (erp, many)]
    assert rows[0].equals(rows[1])


def test_a_corrected_receipt_replaces_the_earlier_one(erp: Desk) -> None:
    erp.ingest("erp")
    raised = QUERY.replace("*", "receipt, store, card, product, at, quantity, paid + 1 as paid").replace(
        "order", "where receipt < 'R000002' order"
    )
    erp.describe(ERP.format(query=raised))
    result = erp.ingest("erp", now=NOW + timedelta(days=1))
    assert (result.read, result.replaced, result.kept) == (6, 6, 0)
    assert erp.lake.table("receipt_lines").select(pl.len()).collect().item() == 3_000


def test_the_database_is_only_read(erp: Desk, url: str) -> None:
    erp.describe(ERP.format(query="delete from sales returning * /* order by */"))
    error = refused(erp)
    assert error.code == "ingest.database"
    assert "read-only" in error.given
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from sales")
        assert cursor.fetchone() == (3_000,)


def test_columns_of_every_type_are_read_as_they_are_meant(erp: Desk) -> None:
    query = (
        "select gen_random_uuid() as receipt, 7::bigint as store, '五香'::varchar as card, null::text as product, "
        "timestamptz '2024-01-03 01:56+00' as at, 1.5::float8 as quantity, 12::int as paid, '{}'::jsonb as note "
        "order by 1"
    )
    erp.describe(ERP.format(query=query))
    assert erp.ingest("erp").kept == 1
    row = erp.lake.table("receipt_lines").collect().row(0, named=True)
    assert len(row["receipt_id"]) == 32
    assert (row["store_id"], row["customer_id"], row["quantity_milli"], row["net_minor"]) == ("7", "五香", 1_500, 1_200)


@pytest.mark.parametrize(
    ("code", "address"),
    [
        ("ingest.no_url", ""),
        ("ingest.bad_url", "mysql://reader:geheim@host/db"),
        ("ingest.bad_url", "postgresql://reader:geh eim@host/db"),
        ("ingest.database", "postgresql://reader:geheim@127.0.0.1:1/db"),
        ("ingest.database", "postgresql://reader:geh%65im@localhost:none/db"),
    ],
)
def test_an_address_that_does_not_serve_is_refused_without_being_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, code: str, address: str
) -> None:
    monkeypatch.setenv("ERP_URL", address)
    desk.describe(ERP.format(query=QUERY))
    error = refused(desk)
    assert error.code == code
    told = f"{error}{explain(error, Words('zh'))}{explain(error, Words('en'))}"
    assert "eheim" not in told
    assert "eh eim" not in told
    assert "%65" not in told
    assert not desk.lake.versions()


def test_a_query_that_fails_or_answers_nothing_is_refused(erp: Desk) -> None:
    erp.describe(ERP.format(query="select nothing from nowhere order by 1"))
    assert "nowhere" in refused(erp).given
    erp.describe(ERP.format(query=QUERY.replace("order", "where false order")))
    assert refused(erp).code in {"ingest.empty", "ingest.missing_column"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ERP.format(query="select * from sales"), "order"),
        (ERP.format(query=QUERY).replace("ERP_URL", "postgresql://u:p@h/d"), "environment variable"),
        (ERP.format(query=QUERY).replace("database: ERP_URL", "files: a.csv"), "together"),
        (ERP.format(query=QUERY).replace("database: ERP_URL", "database: ERP_URL\n  files: a.csv"), "files"),
    ],
)
def test_a_source_that_hides_its_order_or_shows_its_address_is_refused(desk: Desk, text: str, said: str) -> None:
    desk.describe(text)
    error = refused(desk)
    assert error.code.startswith("sources.")
    assert said in str(error)
