"""Means follow consent first, then the cap over all lists, then the worth; one rule for every list."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.outreach.means import CONSENTS, means

TODAY = date(2026, 11, 2)
FLAGS = st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans())


def said(*rows: tuple[bool, bool, bool]) -> pl.DataFrame:
    schema = ["customer_id", *CONSENTS]
    return pl.DataFrame([(f"c{i}", *row) for i, row in enumerate(rows)], schema=schema, orient="row")


def contacts(count: int, *, days_ago: int = 3, outcome: str = "reached", purpose: str = "win_back") -> pl.DataFrame:
    at = datetime(2026, 11, 2, 4, tzinfo=UTC) - timedelta(days=days_ago)
    return pl.DataFrame(
        {"customer_id": ["c0"] * count, "at": [at] * count, "purpose": [purpose] * count, "outcome": [outcome] * count},
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


def chosen(consents: pl.DataFrame | None, *, upper: bool, made: pl.DataFrame | None = None) -> str:
    who = pl.DataFrame({"customer_id": ["c0"], "upper": [upper]})
    return str(means(who, consents=consents, made=made, on=TODAY)["means"][0])


@given(FLAGS)
def test_nobody_is_reached_by_a_means_they_refused(flags: tuple[bool, bool, bool, bool]) -> None:
    call, sms, email, upper = flags
    found = chosen(said((call, sms, email)), upper=upper)
    assert found != "call" or call
    assert found != "sms" or sms
    assert found != "email" or email
    assert (found == "store") == (not (call or sms or email))


def test_calls_go_to_the_upper_classes_and_messages_to_the_rest() -> None:
    both = said((True, True, False))
    assert (chosen(both, upper=True), chosen(both, upper=False)) == ("call", "sms")
    assert chosen(said((True, False, False)), upper=False) == "call"  # the only consent there is


def test_where_consent_is_not_known_it_is_asked_for_first() -> None:
    assert chosen(None, upper=True) == "ask"
    assert chosen(said(), upper=True) == "store"  # a member without a row consented to nothing


@pytest.mark.parametrize(
    ("made", "found"),
    [
        (contacts(3), "wait"),
        (contacts(2), "call"),
        (contacts(3, days_ago=31), "call"),  # longer ago than the cap counts
        (contacts(3, outcome="holdout"), "call"),  # left alone is not contacted
        (contacts(3, purpose="complaint"), "call"),  # begun by the member
        (contacts(1, outcome="opted_out", days_ago=400), "store"),  # asked not to be contacted again, however long ago
        (contacts(1, outcome="opted_out", days_ago=-5), "call"),  # which is not known yet
    ],
)
def test_contacts_of_all_lists_count_against_one_cap(made: pl.DataFrame, found: str) -> None:
    assert chosen(said((True, True, True)), upper=True, made=made) == found


def test_the_order_of_the_list_is_kept() -> None:
    who = pl.DataFrame({"customer_id": ["c2", "c0", "c1"], "upper": [True] * 3})
    found = means(
        who, consents=said((True, False, False), (False, True, False), (False, False, True)), made=None, on=TODAY
    )
    assert found.rows() == [("c2", "email"), ("c0", "call"), ("c1", "sms")]
