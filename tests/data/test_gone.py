"""What was deleted at the source is told, once and with its place; what was only put away or written anew is not."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from crmlib.data import check_lake, gone
from crmlib.kit.words import LANGUAGES, Words
from crmlib.run.ingest import lines_of
from tests.data.conftest import NOW, Desk
from tests.data.test_watermark import ERP, FIRST, NIGHT, QUERY, Erp, erp  # noqa: F401

ONE = "R1,S1,0007,P1,2024/1/3 9:56,1,12.50"
TWO = "R2,S1,,P2,2024/1/3 10:01,2,8.27"
OTHER_STORE = "R3,S2,0008,P3,2024/1/3 20:15,1,3.00"
NEXT_DAY = "R4,S1,0008,P3,2024/1/4 20:15,1,3.00"
LATER = "R5,S2,0008,P3,2024/1/5 20:15,1,3.00"
DAY = date(2024, 1, 3)


def told(desk: Desk) -> list[tuple[object, ...]]:
    return gone.told(desk.lake).select("kind", "file", "day", "store_id", "rows", "left").rows()


def rows_of(desk: Desk) -> int:
    return int(desk.lake.table("receipt_lines").select(pl.len()).collect().item())


def again(desk: Desk, *lines: str, files: dict[str, tuple[str, ...]] | None = None) -> list[tuple[object, ...]]:
    """What is told after `a.csv` came again with these lines."""
    desk.csv("a.csv", *lines)
    for name, content in (files or {}).items():
        desk.csv(name, *content)
    desk.ingest(now=NOW + NIGHT)
    return told(desk)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((ONE, OTHER_STORE, NEXT_DAY), [("rows", "a.csv", DAY, "S1", 1, 1)]),
        ((ONE, TWO, NEXT_DAY), [("rows", "a.csv", DAY, "S2", 1, 0)]),
        ((ONE, TWO, OTHER_STORE), [("rows", "a.csv", date(2024, 1, 4), "S1", 1, 0)]),
        ((ONE, TWO, OTHER_STORE, NEXT_DAY, LATER), []),
    ],
    ids=["a receipt", "a store's day", "the last day", "nothing"],
)
def test_a_receipt_a_stores_day_and_a_file_cut_short_are_seen(
    desk: Desk, lines: tuple[str, ...], expected: list[tuple[object, ...]]
) -> None:
    desk.csv("a.csv", ONE, TWO, OTHER_STORE, NEXT_DAY)
    assert desk.ingest().gone.is_empty()
    assert again(desk, *lines) == expected
    assert check_lake(desk.lake.path).ok
    assert (
        desk.lake.table("receipt_lines").filter(pl.col("receipt_id").is_in(["R1", "R2", "R3", "R4"])).collect().height
        == 4
    )


def test_a_file_written_anew_every_day_has_deleted_nothing(desk: Desk) -> None:
    desk.csv("a.csv", ONE, TWO)
    desk.ingest()
    assert again(desk, NEXT_DAY) == []


def test_what_comes_back_is_no_longer_told_and_what_stays_away_keeps_its_first_day(desk: Desk) -> None:
    desk.csv("a.csv", ONE, TWO, OTHER_STORE, NEXT_DAY)
    desk.ingest()
    assert len(again(desk, ONE, NEXT_DAY)) == 2
    first = gone.told(desk.lake)["seen_at"].unique().to_list()
    desk.csv("a.csv", ONE, TWO, NEXT_DAY)
    desk.ingest(now=NOW + timedelta(days=9))
    assert [row[3] for row in told(desk)] == ["S2"]
    assert gone.told(desk.lake)["seen_at"].to_list() == first


def test_a_file_that_vanished_between_others_is_told_and_old_ones_that_were_put_away_are_not(desk: Desk) -> None:
    for name, line in (("a.csv", ONE), ("b.csv", NEXT_DAY), ("c.csv", LATER)):
        desk.csv(name, line)
    desk.ingest()
    (desk.folder / "a.csv").unlink()
    assert desk.ingest(now=NOW + NIGHT).gone.is_empty()  # the oldest: an archive
    desk.csv("a.csv", ONE)
    (desk.folder / "b.csv").unlink()
    assert desk.ingest(now=NOW + NIGHT).gone.select("kind", "file", "rows").rows() == [("file", "b.csv", 1)]
    desk.csv("b.csv", NEXT_DAY)
    desk.ingest(now=NOW + NIGHT)
    assert told(desk) == []


def test_a_torn_line_may_be_the_receipt_that_is_missing(desk: Desk) -> None:
    desk.sales(extra="  quarantine_limit: 100%")
    desk.csv("a.csv", ONE, TWO, NEXT_DAY)
    desk.ingest()
    assert again(desk, ONE, "R2,S1,,P2", NEXT_DAY) == []


def test_members_that_were_deleted_are_counted_a_list_of_changes_deletes_nobody(desk: Desk) -> None:
    desk.describe("m:\n  table: customers\n  files: m.csv\n  columns: {customer_id: id, region: region}\n")
    for people, gone_rows in ((10, []), (9, [1]), (3, []), (10, [])):
        desk.csv("m.csv", *(f"C{n},north" for n in range(people)), header="id,region")
        desk.ingest("m", now=NOW + timedelta(days=people))
        assert gone.told(desk.lake)["rows"].to_list() == gone_rows


def test_withdrawn_rows_leave_the_table_and_the_sums_still_hold_but_a_broken_file_empties_nothing(desk: Desk) -> None:
    desk.sales(extra="  gone: withdraw")
    many = [f"R{n},S1,,P1,2024/1/{n % 28 + 1} 9:56,1,1.00" for n in range(1, 101)]
    desk.csv("a.csv", *many)
    desk.ingest()
    desk.csv("a.csv", *many[:50], *many[53:])
    second = desk.ingest(now=NOW + NIGHT)
    assert (second.withdrawn, second.gone.height, rows_of(desk)) == (3, 0, 97)
    assert check_lake(desk.lake.path).ok and told(desk) == []
    desk.csv("a.csv", *many[:50])
    third = desk.ingest(now=NOW + 2 * NIGHT)
    assert (third.withdrawn, int(third.gone["rows"].sum()), desk.lake.table("receipt_lines").collect().height) == (
        0,
        47,
        97,
    )


def test_a_query_sees_what_was_deleted_since_the_day_it_asks_from_and_once_a_month_further_back(
    desk: Desk,
    erp: Erp,  # noqa: F811
) -> None:
    desk.describe(ERP.format(query=QUERY, more="  sweep_days: 60"))
    erp.today = FIRST + timedelta(days=39)
    desk.ingest("erp")
    erp.rows = [row for row in erp.rows if row[0] not in {"38-2", "10-3"}]
    assert desk.ingest("erp", now=NOW + NIGHT).gone.select("kind", "day", "rows", "left").rows() == [
        ("rows", FIRST + timedelta(days=38), 1, 5)
    ]
    third = desk.ingest("erp", now=NOW + timedelta(days=20))
    assert third.gone["day"].to_list() == [FIRST + timedelta(days=10), FIRST + timedelta(days=38)]
    assert erp.since[1:] == [FIRST + timedelta(days=32), FIRST - timedelta(days=21)]


def test_an_empty_answer_means_that_the_days_asked_for_are_gone(desk: Desk, erp: Erp) -> None:  # noqa: F811
    erp.today = FIRST + timedelta(days=9)
    desk.ingest("erp")
    erp.rows = []
    assert int(desk.ingest("erp", now=NOW + NIGHT).gone["rows"].sum()) == 8 * 6


def test_the_ingest_prints_what_is_gone_in_both_languages(desk: Desk) -> None:
    desk.csv("a.csv", ONE, TWO, NEXT_DAY)
    desk.ingest()
    desk.csv("a.csv", ONE, NEXT_DAY)
    result = desk.ingest(now=NOW + NIGHT)
    for language in LANGUAGES:
        assert any("a.csv" in line and "2024" in line for line in lines_of(result, words=Words(language))[1:])
