"""One list out of several: nobody twice, nobody whom the draw leaves alone, nobody beyond what an owner can do."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.outreach.one_list import merge, placed

IDS = st.lists(st.integers(0, 30), unique=True, max_size=20)


def people(ids: list[int]) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": [f"c{i:02d}" for i in ids]}, schema={"customer_id": pl.String})


@given(IDS, IDS)
def test_everybody_stands_once_under_the_more_urgent_reason(first: list[int], second: list[int]) -> None:
    made = merge({"late": people(first), "open": people(second)})
    assert made["customer_id"].is_unique().all() and set(made["customer_id"]) == set(
        people(first + second)["customer_id"]
    )
    reason = dict(made.select("customer_id", "reason").rows())
    assert all(reason[c] == "late" for c in people(first)["customer_id"])
    assert made["lists"].sum() == len(first) + len(second)


@given(
    st.lists(st.tuples(st.integers(0, 9_999), st.sampled_from(["Li", "Wang", None]), st.booleans(), st.booleans())),
    st.integers(1, 5),
)
def test_places_go_to_the_most_valuable_and_nobody_has_more_than_can_be_done(rows: list[tuple], each: int) -> None:
    members = pl.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(len(rows))],
            "stake_minor": [r[0] for r in rows],
            "owner": pl.Series([r[1] for r in rows], dtype=pl.String),
            "means": ["wait" if r[2] else "sms" for r in rows],
            "held": [r[3] for r in rows],
        },
        schema_overrides={"customer_id": pl.String, "stake_minor": pl.Int64, "means": pl.String, "held": pl.Boolean},
    )
    made = placed(members, each=each)
    assert made.height == members.height
    assert made.filter("held")["group"].is_in(["control", "over"]).all()
    assert made.filter(pl.col("group") == "control")["held"].all()
    assert not made.filter((pl.col("group") == "contact") & (pl.col("means") == "wait")).height
    contacts = made.filter(pl.col("group") == "contact")
    assert all(n <= each for n in contacts.group_by("owner").len()["len"])
    over = made.filter(pl.col("group") == "over")
    for owner, value in made.filter(pl.col("group") == "control").select("owner", "stake_minor").iter_rows():
        mine = contacts.filter(pl.col("owner").eq_missing(owner))
        assert mine.height < each or value >= mine["stake_minor"].min(), "a control would have had a place"
    for owner, value in over.select("owner", "stake_minor").iter_rows():
        mine = contacts.filter(pl.col("owner").eq_missing(owner))
        assert mine.height == each and mine["stake_minor"].min() >= value


def test_where_places_are_few_the_control_is_as_valuable_as_those_contacted() -> None:
    rng = np.random.default_rng(5)
    members = pl.DataFrame({
        "customer_id": [f"c{i}" for i in range(20_000)], "stake_minor": rng.permutation(20_000), "owner": "a",
        "means": "sms", "held": rng.random(20_000) < 0.1,
    })  # fmt: skip
    made = placed(members, each=4_500)
    worth = dict(made.group_by("group").agg(pl.col("stake_minor").mean()).iter_rows())
    assert abs(worth["control"] / worth["contact"] - 1) < 0.02, "all held ones would be worth .57 of the listed"
    assert made.filter(pl.col("group") == "control").height / 4_500 == pytest.approx(1 / 9, abs=0.01)


def test_an_owner_who_can_do_nothing_is_refused() -> None:
    with pytest.raises(ModelError) as error:
        placed(people([]).with_columns(stake_minor=0, owner=pl.lit("a"), means=pl.lit("sms"), held=False), each=0)
    assert error.value.code == "churn.no_capacity"
