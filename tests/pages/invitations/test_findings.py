"""The invitations page says what the data say: flip them, and sentence, colour and figure flip together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import polars as pl
import pytest

from crmlib.outreach import register
from crmlib.outreach.cells import Expected
from crmlib.outreach.invite import Beaten
from crmlib.outreach.new_to_them import Slot
from crmlib.outreach.register import Filed, Terms
from crmlib.pages.invitations.findings import people, products
from crmlib.pages.shared.points_wording import points
from tests.pages.wording import says

NAMED = pl.DataFrame({"product_id": ["x", "y"], "goods": ["坚果", "糕点"], "category": ["坚果", None]})
LISTED = pl.DataFrame({
    "recipient_id": ["a", "b", "c"], "product_1": ["x", "x", "y"], "product_2": [None, "y", None],
    "product_3": pl.Series([None] * 3, dtype=pl.String), "store_id": ["S1", "S2", None], "p": [0.2, 0.4, 0.1],
    "tier": ["A", "B", "B"], "recency": ["month"] * 3, "weekday": [1, 7, None],
    "send_slot": ["morning", "evening", None], "owner": ["李", None, None],
})  # fmt: skip
EFFECTS = pl.DataFrame({
    "objective": "repeat", "tier": ["A", "B"], "recency": "month", "lists": [2, 0], "effect_minor": [900.0, 100.0],
    "se_minor": [90.0, 90.0],
})  # fmt: skip
PAYS = Expected(3, 1, 5_000, 1_000, 9_000)
EXPECTED = {
    "pays": PAYS, "open": replace(PAYS, low_minor=-500),
    "costs": replace(PAYS, net_minor=-900, low_minor=-2_000, high_minor=-10),
    "unknown": Expected(3, 0, None, None, None),
}  # fmt: skip


@pytest.fixture(scope="module", params=[2_000, 60], ids=["many", "few"])
def filed(request: pytest.FixtureRequest) -> Filed:
    who = pl.DataFrame({"recipient_id": [f"M{i}" for i in range(request.param)], "tier": "A"})
    terms = Terms("L", "x", "repeat", "sms", "li", base=0.25, planned=0.1, strata=("tier",))
    return register.make(who, terms, key=b"k", at=datetime(2026, 11, 1, tzinfo=UTC))


@pytest.mark.parametrize("kind", list(EXPECTED))
def test_the_first_sentence_says_what_it_may_bring_or_that_nobody_knows(words, filed, kind):
    said = people.answer(LISTED, filed, EXPECTED[kind], NAMED, words=words)
    weak = not filed.plan.measurable
    sentence = said.sentence
    if weak:
        added = words("invitations.weak", shows=points(filed.plan.shows, words))
        assert sentence.endswith(added)
        sentence = sentence.removesuffix(added)
    assert says(words, f"invitations.answer.{kind}", sentence)
    assert said.figures[1].tone == ("good" if kind == "pays" else "neutral")
    assert said.figures[2].tone == ("bad" if weak else "neutral")
    if kind != "costs":
        assert "坚果" in said.sentence


@pytest.mark.parametrize(("kind", "status"), [("pays", "ok"), ("open", "none"), ("costs", "fail"), ("unknown", "none")])
def test_cells_are_green_only_where_the_whole_range_pays(words, kind, status):
    effects = EFFECTS.clear() if kind == "unknown" else EFFECTS
    found = people.cells(
        effects, LISTED, EXPECTED[kind], words=words, objective="repeat", margin=0.5, cost_minor=10
    )  # fmt: skip
    assert (found.status, found.chart is None) == (status, kind == "unknown")
    assert says(words, f"invitations.cells.headline.{kind}", found.headline)
    if kind != "unknown":
        assert found.table["net_each_minor"].to_list() == [440, 40]
        assert found.table["members"].to_list() == [1, 2]


def test_cells_that_do_not_differ_are_said_to_be_alike(words):
    flat = EFFECTS.with_columns(effect_minor=pl.lit(500.0))
    seen = [
        people.cells(e, LISTED, PAYS, words=words, objective="repeat", margin=0.5, cost_minor=10).note_seen
        for e in (EFFECTS, flat)
    ]
    alike = words("invitations.cells.alike")
    assert [s.endswith(alike) for s in seen] == [False, True]


def test_a_list_that_cannot_show_the_plan_is_amber(words, filed):
    found = people.power(filed, words=words, base=0.25, planned=0.1)
    assert found.status == ("ok" if filed.plan.measurable else "warn")
    assert says(words, f"invitations.power.headline.{'shows' if filed.plan.measurable else 'weak'}", found.headline)
    assert found.table["members"][-1] == filed.rows.height


@pytest.mark.parametrize(
    ("counts", "kind", "status"),
    [
        ({"sms": 5, "store": 2}, "some", "none"),
        ({"sms": 5}, "all", "none"),
        ({"ask": 5}, "ask", "warn"),
        ({}, "nobody", "none"),
    ],
)  # fmt: skip
def test_without_consent_nobody_is_written_to(words, counts, kind, status):
    table = pl.DataFrame({"means": list(counts), "members": list(counts.values())},
                         schema={"means": pl.String, "members": pl.Int64})  # fmt: skip
    found = people.means(table, words=words)
    assert found.status == status
    assert says(words, f"invitations.means.headline.{kind}", found.headline)


def test_a_line_names_goods_time_store_and_shelf(words):
    found = people.listed(
        LISTED, NAMED, {"S1": "东店"}, words=words, pseudonyms=pl.Series(["P1", "P2", "P3"]), as_of=date(2026, 10, 31)
    )
    first, second, third = found.table.iter_rows(named=True)
    assert first["invited_with"] == "坚果"
    assert first["invite_at"] == words("invitations.place", store="东店", shelf="坚果")
    assert second["invited_with"] == words("invitations.join").join(["坚果", "糕点"])
    assert second["invite_at"] == words("invitations.place", store="S2", shelf="坚果")
    assert third["when"] == third["invite_at"] == words("page.none")
    assert says(words, "invitations.list.headline.all", found.headline)
    many = pl.concat([LISTED] * 20)
    capped = people.listed(many, NAMED, {}, words=words, pseudonyms=many["recipient_id"], as_of=date(2026, 10, 31))
    assert says(words, "invitations.list.headline.capped", capped.headline)
    assert capped.table.height == 60


def test_goods_are_counted_with_what_they_earn_where_costs_are_known(words):
    money = pl.DataFrame({"product_id": ["x"], "margin_minor": [1_000]})
    found = products.goods(LISTED, NAMED, money, words=words)
    assert found.table.select("goods", "members", "margin_expected_minor").rows() == [
        ("坚果", 2, 600),
        ("糕点", 1, None),
    ]
    bare = products.goods(LISTED, NAMED, None, words=words)
    assert bare.note_sure == words("invitations.goods.sure.chance")
    assert says(
        words, "invitations.goods.headline.none", products.goods(LISTED.clear(), NAMED, None, words=words).headline
    )


BEATS = Beaten(500, 0.9, 0.29, 0.26, 0.25, 0.01, 0.05, wins=True, beats=True)


@pytest.mark.parametrize(
    ("found", "kind", "status"),
    [
        (BEATS, "beats", "ok"),
        (replace(BEATS, own=0.26, low=-0.01, beats=False), "level", "ok"),
        (replace(BEATS, own=0.2, low=-0.1, high=-0.02, wins=False, beats=False), "loses", "warn"),
    ],
)
def test_the_check_is_amber_only_where_a_simple_list_does_better(words, found, kind, status):
    said = products.beaten(found, words=words)
    assert (said.status, said.role) == (status, "check")
    assert says(words, f"invitations.beaten.headline.{kind}", said.headline)


def test_new_goods_are_suggested_only_beyond_chance(words):
    for shown, kind in ((True, "shown"), (False, "not_shown")):
        found = products.new(Slot(0.3, 0.2, 0.01, 0.1, shown), words=words)
        assert says(words, f"invitations.new.headline.{kind}", found.headline)
