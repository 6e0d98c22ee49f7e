"""Small sources to ingest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmlib.data import IngestResult, Lake, ingest

NOW = datetime(2026, 11, 22, tzinfo=UTC)

SALES = """
sales:
  table: receipt_lines
  files: "{files}"
  known_at: {{lag_days: 0}}
{extra}
  columns:
    receipt_id: 小票号
    store_id: 门店
    customer_id: 会员
    product_id: 商品
    sold_at: 时间
    quantity_milli: {{from: 数量, times: 1000}}
    net_minor: {{from: 金额, times: 100}}
"""

HEADER = "小票号,门店,会员,商品,时间,数量,金额"
LINES = (
    "R1,S1,0007,P1,2024/1/3 9:56,1,12.50",
    "R1,S1,0007,P1,2024/1/3 9:56,1,12.50",
    "R2,S1,,P2,2024/1/3 10:01,0.328,8.27",
    "R3,S2,0008,P3,2024/2/28 20:15,-1,-3.00",
)


@dataclass
class Desk:
    """A folder with files, a sources file and a lake: what a user has before an ingest."""

    folder: Path
    lake: Lake
    sources: Path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def csv(self, name: str, *lines: str, header: str = HEADER, encoding: str = "utf-8") -> Path:
        return self.write(name, "\n".join([header, *lines, ""]).encode(encoding))

    def describe(self, text: str) -> None:
        self.sources.write_text(text, encoding="utf-8")

    def sales(self, files: str = "*.csv", extra: str = "") -> None:
        self.describe(SALES.format(files=files, extra=extra))

    def ingest(self, source: str = "sales", *, now: datetime = NOW) -> IngestResult:
        result = ingest(source, sources=self.sources, lake=self.lake, now=now)
        assert result.sum_holds
        return result


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    folder = tmp_path / "desk"
    folder.mkdir()
    made = Desk(folder, Lake(tmp_path / "lake"), folder / "sources.yml")
    made.sales()
    return made


@pytest.fixture
def new_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    """For tests that need many lakes."""

    def make() -> Desk:
        folder = tmp_path_factory.mktemp("desk")
        made = Desk(folder, Lake(folder / "lake"), folder / "sources.yml")
        made.sales()
        return made

    return make
