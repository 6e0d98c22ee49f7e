"""The pool as it stands: whose contact keeps a customer, the book month by month, claims judged, the lottery read."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl
import pytest

from crmlib.cases import pool, pooled
from crmlib.core.errors import ModelError

TODAY = date(2026, 3, 10)
RULE = {
    "pool_id": "p", "level": "*", "version": 1, "valid_from": date(2026, 1, 1), "contact_days": 30, "order_days": None,
    "contract_days": None, "protect_days": 0, "max_owned": 2, "max_claims_day": 2, "former_owner_days": 30,
    "deals_protect": True, "lot_bp": 2_500,
}  # fmt: skip
RULES = pl.DataFrame([RULE, RULE | {"level": "vip", "contact_days": 90}], schema_overrides={"order_days": pl.Int32})
SPANS = {"customer_id": pl.String, "starts_on": pl.Date, "staff_id": pl.String, "ends_on": pl.Date}


def at(day: date, hour: int = 9) -> datetime:
    """A moment on the clock of the place."""
    return datetime(day.year, day.month, day.day, hour)  # noqa: DTZ001


def moves(*rows: tuple[str, str, date, str | None, int | None]) -> pl.DataFrame:
    named = [dict(zip(("customer_id", "kind", "at", "staff_id", "lot_no"), r, strict=True)) for r in rows]
    return pl.DataFrame(
        [r | {"at": at(r["at"])} for r in named],
        schema={"customer_id": pl.String, "kind": pl.String, "at": pl.Datetime, "staff_id": pl.String,
                "lot_no": pl.Int64},
    )  # fmt: skip


def held(*rows: tuple[str, date, str | None]) -> pl.DataFrame:
    return pl.DataFrame([(*r, None) for r in rows], schema=SPANS, orient="row")


def clock(
    contacts: pl.DataFrame, *, tags: list[str] | None = None, deals: pl.DataFrame | None = None,
    rules: pl.DataFrame = RULES, log: pl.DataFrame | None = None, owned: pl.DataFrame | None = None,
    partners: pl.DataFrame | None = None,
) -> dict:  # fmt: skip
    people = pl.DataFrame(
        {"customer_id": ["x"], "owner_staff": ["s"], "joined_on": [date(2020, 1, 1)], "tags": [tags or []]}
    )
    bought = pl.DataFrame({"customer_id": ["x"], "last_on": [date(2026, 1, 1)], "net_minor": [500]})
    law = pooled.current(rules, on=TODAY)
    watched = pooled.watched(
        people, law, moves=moves() if log is None else log,
        assignments=held(("x", date(2025, 1, 1), "s")) if owned is None else owned, contacts=contacts, bought=bought,
        deals=deals, partners=partners, as_of=TODAY,
    )  # fmt: skip
    return pool.returns(watched, law, as_of=TODAY).row(0, named=True)


@pytest.mark.parametrize(("ends", "returns_on"), [
    ([date(2026, 2, 20), date(2025, 6, 1)], date(2026, 3, 22)), ([None, None], date(2026, 1, 31)),
])  # fmt: skip
def test_the_end_of_a_partner_s_contract_keeps_the_customer_it_is(ends, returns_on):
    """`partners.until` of whoever is the same company; the latest of several, nothing where none is written down."""
    partners = pl.DataFrame({"customer_id": ["x", "x"], "until": ends}, schema_overrides={"until": pl.Date})
    other = pl.DataFrame({"customer_id": [None, "z"], "until": [date(2027, 1, 1)] * 2})
    assert clock(contact("s", "holdout"), partners=pl.concat([partners, other]))["returns_on"] == returns_on


def contact(staff: str, outcome: str) -> pl.DataFrame:
    return pl.DataFrame({"customer_id": ["x"], "staff_id": [staff], "at": [at(date(2026, 3, 1))], "outcome": [outcome]})


@pytest.mark.parametrize(
    ("staff", "outcome", "returns_on"),
    [
        ("s", "no_answer", date(2026, 3, 31)), ("other", "reached", date(2026, 1, 31)),
        ("s", "holdout", date(2026, 1, 31)), ("s", "not_done", date(2026, 1, 31)),
    ],
)  # fmt: skip
def test_only_what_the_owner_did_keeps_a_customer(staff, outcome, returns_on):
    row = clock(contact(staff, outcome))
    assert (row["returns_on"], row["value_minor"]) == (returns_on, 500)


def test_a_level_is_one_of_the_customer_s_tags_and_an_open_deal_protects():
    none = contact("s", "holdout")
    assert clock(none, tags=["new", "vip"])["returns_on"] == date(2026, 4, 1)
    deals = pl.DataFrame({"customer_id": ["x"], "opened_on": [date(2026, 2, 1)], "closed_on": [None]})
    assert clock(none, deals=deals)["returns_on"] is None
    closed = deals.with_columns(closed_on=pl.lit(date(2026, 3, 1)))
    assert clock(none, deals=closed)["returns_on"] == date(2026, 1, 31)


def test_only_levels_whose_rules_say_so_are_protected_by_a_deal_and_a_locked_one_stays():
    open_deal = {"customer_id": ["x"], "opened_on": [date(2026, 2, 1)], "closed_on": [TODAY + timedelta(days=1)]}
    none, deals = contact("s", "holdout"), pl.DataFrame(open_deal)
    assert clock(none, deals=deals)["returns_on"] is None, "it closes tomorrow: open today"
    free = pl.DataFrame([RULE | {"deals_protect": False}], schema_overrides={"order_days": pl.Int32})
    assert clock(none, deals=deals, rules=free)["returns_on"] == date(2026, 1, 31)
    locked = moves(("x", "locked", date(2026, 2, 1), None, None))
    assert clock(none, log=locked)["returns_on"] is None
    opened = moves(("x", "locked", date(2026, 2, 1), None, None), ("x", "unlocked", date(2026, 2, 2), None, None))
    assert clock(none, log=opened)["returns_on"] == date(2026, 1, 31)


def test_the_clock_runs_from_the_owner_s_own_day_and_from_nothing_that_lies_ahead():
    late = pl.concat([contact("s", "reached"), contact("s", "reached").with_columns(at=pl.lit(at(date(2026, 3, 20))))])
    assert clock(late)["returns_on"] == date(2026, 3, 31), "a contact after the page's day is not known yet"
    since = held(("x", date(2026, 2, 1), "s"), ("x", date(2026, 4, 1), "t"))
    assert clock(contact("s", "holdout"), owned=since)["returns_on"] == date(2026, 3, 3)


def test_rules_that_begin_later_are_refused():
    assert pooled.current(RULES, on=date(2026, 1, 1)).height == 2, "valid from its first day on"
    with pytest.raises(ModelError) as error:
        pooled.current(RULES, on=date(2025, 12, 31))
    assert (error.value.code, error.value.values["first"]) == ("cases.pool_rules", "2026-01-01")
    newer = pl.concat(
        [RULES, RULES.with_columns(version=pl.lit(2, dtype=pl.Int64), contact_days=pl.lit(7, dtype=pl.Int64))]
    )
    assert pooled.current(newer, on=TODAY)["contact_days"].to_list() == [7, 7]


def test_the_months_chain_and_close():
    log = moves(
        ("a", "recycled", date(2026, 1, 5), None, 10), ("b", "new", date(2026, 1, 9), None, None),
        ("a", "claimed", date(2026, 2, 3), "s", None), ("c", "released", date(2026, 2, 28), None, None),
        ("b", "locked", date(2026, 3, 1), None, None), ("c", "removed", date(2026, 3, 10), None, None),
        ("d", "recycled", date(2026, 3, 11), None, None),
    )  # fmt: skip
    books = pooled.months(log, as_of=TODAY)
    assert [(m.month, b.start, b.end, b.residual) for m, b in books] == [(1, 0, 2, 0), (2, 2, 2, 0), (3, 2, 1, 0)]
    stood = pooled.standing(log, as_of=TODAY)
    assert stood.filter("inside").select("customer_id", "locked").rows() == [("b", True)]
    worth = pl.DataFrame({"customer_id": ["a", "b"], "value_minor": [7, 900]})
    assert pooled.ages(stood, worth, as_of=TODAY).rows() == [
        ("d30", 0, 0, 0), ("d90", 1, 0, 900), ("d180", 0, 0, 0), ("older", 0, 0, 0),
    ]  # fmt: skip
    assert [m.month for m, _ in pooled.months(log, as_of=TODAY, most=2)] == [2, 3]
    days = (29, 30, 89, 90, 179, 180)
    lain = pl.DataFrame({"customer_id": [f"{d}" for d in days], "inside": [True] * 6, "locked": [False] * 6,
                         "moved_on": [TODAY - timedelta(days=d) for d in days]})  # fmt: skip
    assert pooled.ages(lain, worth, as_of=TODAY)["customers"].to_list() == [1, 2, 2, 1], "a band begins on its day"


def test_every_claim_is_judged_by_what_stood_before_it():
    before, day = date(2026, 3, 5), date(2026, 3, 9)
    inside = [(c, "recycled", before, None, None) for c in "abcdef"]
    log = moves(
        *inside, ("b", "locked", before, None, None),
        ("a", "claimed", day, "s", None), ("b", "claimed", day, "s", None),
        ("c", "claimed", day, "old", None), ("d", "claimed", day, "t", None), ("e", "claimed", day, "t", None),
        ("f", "claimed", day, "t", None), ("g", "claimed", day, "t", None),
    )  # fmt: skip
    owned = held(
        ("c", date(2025, 1, 1), "old"), ("c", before, None), ("h", date(2025, 1, 1), "t"), ("g", date(2025, 1, 1), "z")
    )
    judged = pooled.claims(log, pooled.current(RULES, on=TODAY), owned, as_of=TODAY)
    assert dict(judged.select("customer_id", "refused").iter_rows()) == {
        "a": None, "b": "locked", "c": "former_owner", "d": None, "e": "owned_limit", "f": "owned_limit", "g": "owned",
    }  # fmt: skip
    assert pooled.claims(log, pooled.current(RULES, on=TODAY), owned, as_of=before).is_empty()
    last = pooled.claims(log, pooled.current(RULES, on=TODAY), owned, as_of=TODAY, days=1)
    assert last.is_empty(), "yesterday's claims are not of today"


def test_what_somebody_was_given_on_the_day_itself_does_not_count_against_the_morning():
    """t has one of at most two; what is assigned to t during the day comes after the morning that judges."""
    before, day = date(2026, 3, 5), date(2026, 3, 9)
    log = moves(
        ("a", "recycled", before, None, None), ("b", "recycled", before, None, None), ("a", "claimed", day, "t", None)
    )
    later = log.vstack(moves(("b", "claimed", day, "t", None)).with_columns(at=pl.lit(at(day, 17))))
    again = later.vstack(moves(("a", "recycled", day, None, None)).with_columns(at=pl.lit(at(day, 12))))
    owned = held(("h", date(2025, 1, 1), "t"), ("k", day, "t"), ("m", day, "t"))
    judged = pooled.claims(again, pooled.current(RULES, on=TODAY), owned, as_of=TODAY)
    assert dict(judged.select("customer_id", "refused").iter_rows()) == {"a": None, "b": "owned_limit"}


def test_what_was_released_or_locked_at_noon_counts_for_a_claim_of_the_afternoon():
    before, day = date(2026, 3, 5), date(2026, 3, 9)
    noon, later = (moves(*rows).with_columns(at=pl.lit(at(day, hour))) for hour, rows in (
        (12, [("b", "released", day, None, None), ("c", "locked", day, None, None)]),
        (15, [("b", "claimed", day, "t", None), ("c", "claimed", day, "t", None)]),
    ))  # fmt: skip
    log = moves(
        ("a", "recycled", before, None, None), ("c", "recycled", before, None, None), ("a", "claimed", day, "s", None)
    )
    judged = pooled.claims(pl.concat([log, noon, later]), pooled.current(RULES, on=TODAY), held(), as_of=TODAY)
    assert dict(judged.select("customer_id", "refused").iter_rows()) == {"a": None, "b": None, "c": "locked"}


def test_the_lottery_counts_first_draws_whose_ninety_days_are_over():
    old, young = TODAY - timedelta(days=90), TODAY - timedelta(days=89)
    log = moves(
        ("a", "recycled", old, None, 2_499), ("b", "recycled", old, None, 2_500), ("c", "recycled", old, None, 9_000),
        ("b", "recycled", old + timedelta(days=1), None, 1), ("d", "recycled", young, None, 1),
    )  # fmt: skip
    bought = pl.DataFrame({"customer_id": ["a", "b", "c"], "day": [old, TODAY, TODAY + timedelta(days=1)]})
    lot = pooled.lots(log, pooled.current(RULES, on=TODAY), bought, as_of=TODAY).sort("customer_id")
    assert lot.select("customer_id", "lot", "ordered").rows() == [
        ("a", "late", False), ("b", "early", True), ("c", "early", False),
    ]  # fmt: skip
    redrawn = log.vstack(moves(("a", "recycled", old + timedelta(hours=1), None, 9_999)))
    first = pooled.lots(redrawn, pooled.current(RULES, on=TODAY), bought, as_of=TODAY)
    assert first.filter(pl.col("customer_id") == "a")["lot"].item() == "late", "the first draw decides"
    none = pooled.lots(log, RULES.with_columns(lot_bp=pl.lit(0)), bought, as_of=TODAY)
    with pytest.raises(ModelError):
        pool.brought(none)


def test_where_log_and_owners_differ_is_counted():
    log = moves(
        ("a", "recycled", TODAY, None, None), ("b", "claimed", TODAY, "s", None), ("c", "new", TODAY, None, None)
    )
    people = pl.DataFrame({"customer_id": list("abc"), "owner_staff": ["s", None, None]})
    said = pooled.apart(pooled.standing(log, as_of=TODAY), people)
    assert said == {"checked": 3, "owned_inside": 1, "unowned_outside": 1}
    kept = people.with_columns(owner_staff=pl.lit("s"))
    assert pooled.apart(pooled.standing(log, as_of=TODAY), kept)["unowned_outside"] == 0


def test_who_holds_too_many_comes_first():
    people = pl.DataFrame({"customer_id": list("abcde"), "owner_staff": ["s", "s", "s", "t", None]})
    back = pl.DataFrame({"customer_id": ["d"], "owner_staff": ["t"], "value_minor": [9], "soon": [True]})
    said = pooled.holding(people, RULES, back)
    assert said.select("staff_id", "owned", "over", "returning").rows() == [("s", 3, 1, 0), ("t", 1, 0, 1)]
    far = pooled.holding(people, RULES, back.with_columns(soon=pl.lit(value=False)))
    assert far["returning"].sum() == 0
