"""Rows of other regions and of later days never reach a notebook, whatever the table."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.contracts import CONTRACTS, By, whose
from crmlib.core.contracts.whose import WHOSE
from crmlib.core.errors import ContractError, LakeError
from crmlib.report.access import Sight, dated

STORES = pl.LazyFrame({"store_id": ["N", "S"], "region": ["north", "south"]})
MEMBERS = pl.LazyFrame({"customer_id": ["n", "s", "x"], "region": ["north", "south", None]})
NORTH = ["north"]


def visible(
    table: pl.LazyFrame,
    *,
    as_of: date | None,
    stores: pl.LazyFrame | None,
    regions: list[str] | None,
    customers: pl.LazyFrame | None = None,
    name: str = "",
) -> pl.LazyFrame:
    sight = Sight(None if regions is None else tuple(regions), {"stores": stores, "customers": customers}.get)
    return sight.rows(name, dated(table, as_of=as_of))


def seen(
    frame: dict[str, list[object]], *, as_of: date | None = None, regions: list[str] | None = None, name: str = ""
) -> pl.DataFrame:
    table = pl.LazyFrame(frame)
    return visible(table, as_of=as_of, stores=STORES, regions=regions, customers=MEMBERS, name=name).collect()


@given(
    st.lists(st.tuples(st.sampled_from(["N", "S", None]), st.integers(1, 28)), max_size=30),
    st.integers(1, 28),
    st.sampled_from([None, ["north"], ["south"], ["north", "south"], []]),
)
def test_exactly_the_rows_of_the_regions_up_to_the_day_are_seen(
    rows: list[tuple[str | None, int]], last: int, regions: list[str] | None
) -> None:
    frame = pl.LazyFrame(
        {"store_id": [s for s, _ in rows], "day": [date(2026, 1, d) for _, d in rows]},
        schema={"store_id": pl.String, "day": pl.Date},
    )
    found = visible(frame, as_of=date(2026, 1, last), stores=STORES, regions=regions).collect()
    of_store = {"N": "north", "S": "south", None: None}
    expected = [(s, d) for s, d in rows if d <= last and (regions is None or of_store[s] in regions)]
    assert [(s, d.day) for s, d in found.rows()] == expected


def test_tables_of_members_follow_the_members_region() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    contacts: dict[str, list[object]] = {"customer_id": ["n", "s", "x", "unknown"], "at": [noon] * 4}
    assert seen(contacts, regions=NORTH)["customer_id"].to_list() == ["n"]
    assert seen(contacts, as_of=date(2025, 12, 31)).height == 0
    without = visible(pl.LazyFrame(contacts), as_of=None, stores=STORES, regions=NORTH).collect()
    assert without.height == 0


def test_what_belongs_to_no_region_is_kept() -> None:
    assert seen({"product_id": ["p"]}, regions=NORTH, name="products").height == 1


def test_a_region_without_shops_to_tell_it_by_is_an_error() -> None:
    with pytest.raises(ContractError) as caught:
        visible(pl.LazyFrame({"store_id": ["N"]}), as_of=None, stores=None, regions=NORTH)
    assert caught.value.code == "report.no_regions"


WHOLE = {
    "stores": pl.LazyFrame(
        {"store_id": ["N", "S", "M"], "region": ["north", "south", "south"], "city": ["Na", "Sa", "X"]}
    ),
    "customers": MEMBERS,
    "promotions": pl.LazyFrame({"promotion_id": ["n", "s", "both", "all"], "stores": [["N"], ["S"], ["N", "S"], []]}),
    "sites": pl.LazyFrame({"site_id": ["N", "S", "c1", "c2", "c3"], "city": ["Na", "Na", "Na", "Sa", None]}),
    "partners": pl.LazyFrame({"partner_id": ["pn", "ps"], "region": ["north", "south"]}),
    "cards": pl.LazyFrame({"card_id": ["cn", "cs"], "store_id": ["N", "S"]}),
    "staff": pl.LazyFrame({"staff_id": ["en", "es"], "store_id": ["N", "S"]}),
    "orders": pl.LazyFrame({"order_id": ["o1", "o2"], "store_id": ["N", "S"]}),
    "sale_orders": pl.LazyFrame(
        {"order_id": ["o1", "o2"], "partner_id": [None, None], "customer_id": ["n", "s"]},
        schema_overrides={"partner_id": pl.String},
    ),
}
SIGHT = Sight(("north",), WHOLE.get, lambda ids: "P" + ids)


def rows(name: str, frame: dict[str, list[object]] | None = None) -> list[object]:
    table = WHOLE[name] if frame is None else pl.LazyFrame(frame)
    return SIGHT.rows(name, table).collect().to_series(0).to_list()


def test_tables_without_a_region_of_their_own_follow_what_they_belong_to() -> None:
    assert rows("promotions") == ["n", "both", "all"]
    assert SIGHT.rows("promotions", WHOLE["promotions"]).collect()["stores"].to_list() == [["N"], ["N"], []]
    assert rows("promotion_steps", {"promotion_id": ["n", "s", "gone"]}) == ["n"]
    assert rows("sites") == ["N", "c1"]  # the shop by its region, the place by its town's; not the other region's shop
    assert rows("openings", {"site_id": ["N", "S", "c2"]}) == ["N"]
    assert rows("sale_order_lines", {"order_id": ["o1", "o2"]}) == ["o1"]
    assert rows("targets", {"unit_id": ["north", "south", "N", "S", "en", "es", None]}) == ["north", "N", "en"]
    member_points = {"entry_id": ["1", "2"], "customer_id": ["n", "s"], "store_id": [None, None]}
    assert rows("points", member_points) == ["1"]  # a point belongs to its member, wherever it was earned
    owed = {
        "invoice_id": ["a", "b", "c", "d"],
        "partner_id": ["pn", "ps", None, None],
        "customer_id": [None, None, "n", "s"],
    }
    assert rows("invoices", owed) == ["a", "c"]
    assert rows("card_moves", {"move_id": ["1", "2"], "card_id": ["cn", "cs"], "store_id": ["S", "N"]}) == ["1"]
    assert rows("loss_reasons", {"customer": ["n", "s", "Pn", "Ps"]}) == ["n", "Pn"]


def test_a_table_that_says_nothing_is_refused_and_is_not_there_for_sections() -> None:
    table = pl.LazyFrame({"what": [1]})
    assert not SIGHT.sees("brand_new", table) and Sight(None, WHOLE.get).sees("brand_new", table)
    with pytest.raises(LakeError) as caught:
        SIGHT.rows("brand_new", table)
    assert caught.value.code == "report.not_by_region"


@pytest.mark.parametrize("name", sorted(CONTRACTS))
def test_every_table_says_how_it_is_cut(name: str) -> None:
    """Who adds a table adds a line to `WHOSE`, unless its own columns say it; `nobody` is said on purpose."""
    way = whose(name, CONTRACTS[name].columns)
    assert way != "nobody" or WHOSE.get(name) == "nobody"
    if isinstance(way, By):
        assert way.column in CONTRACTS[name].columns and way.on in CONTRACTS[way.table].columns
        assert whose(way.table, CONTRACTS[way.table].columns) != "nobody"


def test_who_stopped_coming_is_judged_by_all_receipts_and_told_without_the_shops_of_others() -> None:
    lines = pl.LazyFrame({"customer_id": ["n", "n", "s", None], "store_id": ["N", "S", "N", "N"], "net": [1, 2, 4, 8]})
    found = SIGHT.lines_of_members(lines).collect()
    assert found.rows() == [("n", "N", 1), ("n", None, 2)]
    assert Sight(None, WHOLE.get).lines_of_members(lines).collect().height == 4


def test_where_ones_own_partners_goods_turned_up_elsewhere_is_counted_without_a_name() -> None:
    partners = pl.LazyFrame({"partner_id": ["P", "Q"], "region": ["north", "south"]})
    scans = pl.LazyFrame({"partner_id": ["P", "P", "P", "Q"], "region": ["north", "south", None, "north"]})
    tables = {"stores": STORES, "partners": partners}
    seen = Sight(("north",), tables.get).rows("code_scans", scans).collect()
    assert seen["region"].to_list() == ["north", "\u2026", None]
    assert Sight(None, tables.get).rows("code_scans", scans).collect()["region"].to_list()[1] == "south"
