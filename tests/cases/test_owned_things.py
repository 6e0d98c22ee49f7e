"""What belongs to somebody who left finds a new owner of the right role, and nothing is lost or counted twice."""

from __future__ import annotations

from datetime import date

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmlib.cases import owned_things

AS_OF = date(2026, 10, 31)
STAFF = pl.DataFrame(
    {
        "staff_id": ["g1", "g2", "gone", "s1", "sgone"], "role": ["adviser"] * 3 + ["salesperson"] * 2,
        "region": ["E", "W", "E", "E", "W"], "left_on": [None, None, date(2026, 9, 1), None, date(2026, 10, 31)],
    }
)  # fmt: skip


def things(*rows):
    return pl.DataFrame(rows, schema=owned_things.THINGS, orient="row")


def test_a_customer_goes_to_an_adviser_and_a_deal_to_a_salesperson_of_the_region():
    every = things(
        ("customer", "c", "gone", "E", 10), ("deal", "d", "gone", "E", 99), ("deal", "e", "sgone", None, 5),
        ("customer", "k", "g1", "E", 7), ("customer", "p", None, "E", 7), ("task", "t", "unknown", "W", 0),
    )  # fmt: skip
    lost = owned_things.orphans([every], STAFF, as_of=AS_OF)
    assert dict(lost.select("thing_id", "new_owner").iter_rows()) == {"d": "s1", "c": "g1", "e": None, "t": "g2"}
    assert lost["value_minor"].to_list() == [99, 10, 5, 0]
    by = owned_things.by_leaver(lost)
    assert by["value_minor"].sum() == lost["value_minor"].sum()
    assert dict(by.select("owner_staff", "unplaced").iter_rows())["sgone"] == 1


def test_nobody_gone_leaves_nothing():
    assert owned_things.orphans([things(("customer", "k", "g1", "E", 7))], STAFF, as_of=AS_OF).is_empty()
    assert owned_things.orphans([], STAFF, as_of=AS_OF).is_empty()


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(owned_things.KINDS), st.sampled_from(["gone", "sgone", "g1", "s1", "x"]),
            st.sampled_from(["E", "W", None]), st.integers(0, 10**9),
        ),
        max_size=30,
    )
)  # fmt: skip
def test_new_owners_add_up_to_what_the_leavers_had(rows):
    every = things(*((k, f"{i}", o, r, v) for i, (k, o, r, v) in enumerate(rows)))
    lost = owned_things.orphans([every], STAFF, as_of=AS_OF)
    gone = every.filter(pl.col("owner_staff").is_in(["gone", "sgone", "x"]))
    assert sorted(lost["thing_id"]) == sorted(gone["thing_id"])
    assert lost["value_minor"].sum() == gone["value_minor"].sum()
    new = lost.group_by("new_owner").agg(pl.col("value_minor").sum())["value_minor"].sum()
    assert new == owned_things.by_leaver(lost)["value_minor"].sum()


def test_every_kind_comes_from_its_own_table():
    people = pl.DataFrame({"customer_id": ["c", "k"], "region": ["E", "W"]})
    owned = pl.DataFrame({"customer_id": ["c", "k"], "owner_staff": ["g1", None]})
    spent = pl.DataFrame({"customer_id": ["c"], "net_minor": [50]})
    assert owned_things.customers(people, owned, spent).rows() == [
        ("customer", "c", "g1", "E", 50),
        ("customer", "k", None, "W", 0),
    ]
    partners = pl.DataFrame({"partner_id": ["p"], "owner_staff": ["s1"], "region": ["E"]})
    orders = pl.DataFrame({"customer_id": ["p"], "orders": [3], "net_minor": [40]})
    assert owned_things.partners(partners, orders)["value_minor"].to_list() == [120]
    assert owned_things.partners(partners, None)["value_minor"].to_list() == [0]
    items = pl.DataFrame({"owner": ["p", "p", "z"], "open_minor": [5, 6, 9]})
    assert owned_things.debts(items, partners).rows() == [("debt", "p", "s1", "E", 11)]
    deals = pl.DataFrame(
        {"deal_id": ["a", "b"], "customer_id": ["c", "c"], "owner_staff": ["s1", "s1"], "expected_minor": [None, 3]}
    )
    assert owned_things.deals(deals, people).rows() == [("deal", "a", "s1", "E", 0), ("deal", "b", "s1", "E", 3)]
    asked = pl.DataFrame({"ticket_id": ["w"], "customer_id": ["k"], "staff_id": ["g1"]})
    assert owned_things.tickets(asked, people).rows() == [("ticket", "w", "g1", "W", 0)]
    tasks = pl.DataFrame(
        {"task_id": ["t", "u"], "customer_id": ["c"] * 2, "owner_staff": ["g1"] * 2, "state": ["open", "done"]}
    )
    assert owned_things.tasks(tasks, people)["thing_id"].to_list() == ["t"]
    moves = pl.DataFrame({"customer_id": ["c", "c", "k"], "value_minor": [30, -10, 0]})
    assert owned_things.goods(moves, people, owned).rows() == [("goods", "c", "g1", "E", 20)]
