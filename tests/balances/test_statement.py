"""Roll-forward, ties, pairing, rules of frames."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.balances import pairing, rules, statement, ties
from crmlib.core.errors import ContractError, ParameterError
from crmlib.kit.words import Words

FIRST, LAST = date(2026, 1, 1), date(2026, 3, 31)
KEYS, KINDS = ("a", "b", "c"), ("earn", "redeem", "adjust")


def ledger(rows: list[tuple[str, int, str, int]], **more: list[object]) -> pl.DataFrame:
    """Key, day of the year 2026 (may be negative), kind, amount."""
    k, day, kind, amount = zip(*rows, strict=True)
    at = [FIRST + timedelta(days=d) for d in day]
    return pl.DataFrame(
        {"k": k, "at": at, "kind": kind, "amount": amount, "id": [str(i) for i in range(len(k))], **more}
    )


moves_of = st.lists(
    st.tuples(st.sampled_from(KEYS), st.integers(-60, 120), st.sampled_from(("open", *KINDS)), st.integers(-50, 90)),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(rows=moves_of)
def test_two_periods_in_a_row_close_as_one(rows):
    moves = ledger(rows)
    run = {"key": ["k"], "amount": "amount", "kinds": KINDS}
    middle = date(2026, 2, 10)
    one = statement(moves, first=FIRST, last=LAST, **run)
    head = statement(moves, first=FIRST, last=middle, **run)
    rest = moves.filter(pl.col("kind") != "open")
    tail = statement(
        rest, first=middle + timedelta(days=1), last=LAST, opening=head.lines.select("k", amount="closing"), **run
    )
    late = moves.filter((pl.col("kind") == "open") & pl.col("at").is_between(middle, LAST, closed="right"))[
        "amount"
    ].sum()
    assert one.totals["closing"] == tail.totals["closing"] + late
    for made in (one, head, tail):
        sums = made.lines.select(pl.sum_horizontal("opening", *KINDS, "unexplained")).to_series()
        assert (sums == made.lines["closing"]).all()
    assert one.totals["closing"] == moves.filter(pl.col("at") <= LAST)["amount"].sum()


def test_a_break_stays_a_line_of_its_key_and_is_never_spread():
    moves = ledger([("a", -5, "open", 100), ("a", 3, "redeem", -30), ("b", 4, "earn", 50)])
    counted = pl.DataFrame({"k": ["a", "c"], "amount": [64, 7]})
    made = statement(moves, key=["k"], amount="amount", first=FIRST, last=LAST, counted=counted)
    assert made.lines.rows() == [("a", 100, 0, -30, -6, 64), ("b", 0, 50, 0, 0, 50), ("c", 0, 0, 0, 7, 7)]
    assert made.breaks["k"].to_list() == ["c", "a"]
    assert not made.ok


def test_a_statement_of_an_earlier_day_leaves_out_what_was_not_known():
    known = [datetime(2026, 1, d, tzinfo=UTC) for d in (2, 20)]
    moves = ledger([("a", 1, "earn", 10), ("a", 1, "earn", 5)], known_at=known)
    args = {"key": ["k"], "amount": "amount", "first": FIRST, "last": LAST}
    assert statement(moves, **args).totals["closing"] == 15
    assert statement(moves, known_by=datetime(2026, 1, 10, tzinfo=UTC), **args).totals["closing"] == 10


def test_a_move_on_the_first_day_is_a_move_and_one_after_the_last_is_none():
    moves = ledger([("a", -1, "earn", 1), ("a", 0, "earn", 10), ("a", 89, "earn", 100), ("a", 90, "earn", 1000)])
    made = statement(moves, key=["k"], amount="amount", first=FIRST, last=LAST)
    assert made.totals == {"opening": 1, "earn": 110, "unexplained": 0, "closing": 111}


def test_a_negative_opening_is_carried():
    moves = ledger([("a", -1, "open", -40), ("a", 1, "earn", 10)])
    made = statement(moves, key=["k"], amount="amount", first=FIRST, last=LAST)
    assert made.totals == {"opening": -40, "earn": 10, "unexplained": 0, "closing": -30}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"last": date(2025, 1, 1)}, "balances.period"),
        ({"kinds": ["closing"]}, "balances.reserved"),
    ],
)
def test_statements_refuse_with_a_code(change, code):
    with pytest.raises(ParameterError) as refused:
        statement(
            ledger([("a", 0, "earn", 1)]), **{"key": ["k"], "amount": "amount", "first": FIRST, "last": LAST, **change}
        )
    assert refused.value.code == code


def test_fractions_of_a_fen_are_refused():
    with pytest.raises(ContractError, match="whole"):
        statement(
            ledger([("a", 0, "earn", 1)]).with_columns(amount=pl.lit(0.5)),
            key=["k"],
            amount="amount",
            first=FIRST,
            last=LAST,
        )


def by_hand(moves: pl.DataFrame, *, named: bool = False) -> dict[tuple[int, int], int]:
    """Pairs one unit at a time."""
    rows = moves.with_row_index("row").sort("at", pl.col("amount") < 0, "row").to_dicts()
    pairs: dict[tuple[int, int], int] = {}
    for key in {r["k"] for r in rows}:
        credits: list[list] = []
        debits: list[dict] = []
        for r in (r for r in rows if r["k"] == key and r["amount"]):
            if r["amount"] > 0:
                credits.append([r.get("until") or date(9999, 1, 1), len(credits), r["row"], r["amount"], r["id"]])
            else:
                need = {"row": r["row"], "left": -r["amount"]}
                if named and r["ref"] is not None:
                    for c in credits:
                        if c[4] == r["ref"]:
                            use = min(c[3], need["left"])
                            c[3] -= use
                            need["left"] -= use
                            if use:
                                pairs[c[2], r["row"]] = pairs.get((c[2], r["row"]), 0) + use
                debits.append(need)
            for d in debits:
                while d["left"] and any(c[3] for c in credits):
                    c = min(c for c in credits if c[3])
                    c[3] -= 1
                    d["left"] -= 1
                    pairs[c[2], d["row"]] = pairs.get((c[2], d["row"]), 0) + 1
    return pairs


@settings(max_examples=80, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(KEYS), st.integers(0, 20), st.integers(-30, 30), st.sampled_from([None, 40, 12, 5]),
            st.one_of(st.none(), st.integers(0, 12)),
        ),
        min_size=1, max_size=14,
    ),
    expiring=st.booleans(),
    named=st.booleans(),
)  # fmt: skip
def test_pairs_are_those_made_one_unit_at_a_time_and_rests_sum_to_the_balance(rows, expiring, named):
    moves = ledger([(k, d, "x", a) for k, d, a, _, _ in rows]).with_columns(
        until=pl.Series(
            [None if u is None or not expiring else FIRST + timedelta(days=u) for *_, u, _ in rows], dtype=pl.Date
        ),
        ref=pl.Series([None if r is None else str(r) for *_, r in rows], dtype=pl.String),
    )
    extra = {"entry": "id", "ref": "ref"} if named else {}
    made = pairing.pair(moves, key=["k"], amount="amount", expires="until", **extra)
    assert {
        (c, d): a for c, d, a in made.pairs.group_by("credit", "debit").agg(pl.col("amount").sum()).rows()
    } == by_hand(moves, named=named)
    rests = made.rest.join(made.moves, on="row").group_by("k").agg(pl.col("rest").sum())
    balances = moves.group_by("k").agg(pl.col("amount").sum()).filter(pl.col("amount") != 0)
    assert sorted(rests.filter(pl.col("rest") != 0).rows()) == sorted(balances.rows())
    by_age = pairing.aged(made, key=["k"], as_of=LAST, edges=[10, 80])
    assert by_age["amount"].sum() == moves["amount"].sum()


def test_without_pairing_a_balance_falls_to_nothing_when_its_oldest_points_expire():
    moves = ledger([("a", 0, "earn", 100), ("a", 10, "redeem", -80), ("a", 20, "earn", 50), ("a", 31, "expire", -20)])
    moves = moves.with_columns(until=pl.Series([date(2026, 1, 31), None, date(2026, 2, 20), None]))
    made = pairing.pair(moves, key=["k"], amount="amount", expires="until")
    assert made.rest.rows() == [(2, 50)]  # the naive rule would expire all 100 of January: balance −30
    assert made.pairs.rows() == [(0, 1, 80), (0, 3, 20)]


def test_what_expires_first_is_used_first_even_if_it_came_later():
    moves = ledger([("a", 0, "earn", 10), ("a", 1, "earn", 10), ("a", 2, "redeem", -12)])
    moves = moves.with_columns(until=pl.Series([date(2026, 12, 31), date(2026, 1, 31), None]))
    made = pairing.pair(moves, key=["k"], amount="amount", expires="until")
    assert made.pairs.rows() == [(0, 2, 2), (1, 2, 10)]


def test_ties_show_both_sides_and_the_difference():
    till = pl.DataFrame({"store": ["A", "A", "B"], "day": [1, 1, 2], "paid": [300, 200, 400]})
    book = pl.DataFrame({"store": ["A", "C"], "day": [1, 3], "minor": [500, 9]})
    assert ties.tie(till, book, on=["store", "day"], amount="paid", right_amount="minor").rows() == [
        ("A", 1, 500, 500, 0), ("B", 2, 400, 0, 400), ("C", 3, 0, 9, -9),
    ]  # fmt: skip


def test_a_balance_below_zero_is_found_with_its_worst_value_and_its_first_row():
    moves = ledger(
        [
            ("a", 0, "earn", 10),
            ("a", 1, "redeem", -30),
            ("a", 2, "redeem", -100),
            ("a", 3, "earn", 200),
            ("b", 0, "redeem", -5),
            ("b", 0, "earn", 5),
        ]
    )
    found = rules.balance_never_negative(moves, key=["k"], amount="amount", entry="id")
    assert found.rows() == [("balance_never_negative", "a", -120, 2, "1")]
    with pytest.raises(ContractError) as refused:
        rules.refuse(found, table="points")
    assert refused.value.code == "balances.negative"
    assert (refused.value.values["amount"], refused.value.values["rows"]) == (-120, 2)
    rules.refuse(found.clear(), table="points")


def test_a_second_opening_is_found():
    moves = ledger([("a", 0, "open", 10), ("a", 9, "open", 12), ("b", 0, "open", 1)])
    assert rules.one_opening(moves, key=["k"], amount="amount", entry="id").rows() == [("one_opening", "a", 12, 1, "1")]


def test_goods_that_left_and_did_not_arrive_are_in_transit():
    moves = ledger([("a", 0, "out", -10), ("b", 1, "in", 10), ("a", 2, "out", -7), ("b", 3, "in", 7)]).with_columns(
        t=pl.Series(["T1", "T1", "T2", "T2"]), lot=pl.Series(["x", "x", "x", "y"])
    )
    args = {"ref": "t", "amount": "amount", "entry": "id", "kinds": ["out", "in"]}
    assert rules.pairs_cancel(moves, **args).is_empty()
    by_lot = rules.pairs_cancel(moves, agree=["lot"], **args)
    assert by_lot.select("key", "amount").rows() == [("T2 x", -7), ("T2 y", 7)]


def test_children_that_do_not_sum_to_their_parent_are_found():
    table = pl.DataFrame(
        {"unit": ["all", "n", "s"], "parent": [None, "all", "all"], "month": [1, 1, 1], "amount": [100, 60, 39]}
    )
    found = rules.children_sum_to_parent(table, unit="unit", parent="parent", amount="amount", by=["month"])
    assert found.select("key", "amount", "rows").rows() == [("all 1", -1, 2)]


def test_more_allocated_than_paid_or_owed_is_found():
    payments = pl.DataFrame({"payment_id": ["p", "q"], "amount_minor": [100, 500]})
    invoices = pl.DataFrame({"invoice_id": ["i", "j"], "instalment": [1, 1], "amount_minor": [90, 400]})
    given_ = pl.DataFrame(
        {
            "payment_id": ["p", "q", "p"],
            "invoice_id": ["i", "j", "j"],
            "instalment": [1, 1, 1],
            "amount_minor": [95, 300, 20],
        }
    )
    found = rules.allocated_within(payments, invoices, given_)
    assert found.select("key", "amount").rows() == [("p", 15), ("i 1", 5)]


def test_store_days_on_which_till_and_ledger_differ_are_found():
    tenders = pl.DataFrame({"store_id": ["A", "B"], "day": [1, 1], "amount_minor": [500, 300]})
    book = pl.DataFrame({"store_id": ["A"], "day": [1], "cost_minor": [480]})
    found = rules.ledger_ties_to_tender(book, tenders, amount="cost_minor")
    assert found.select("key", "amount").rows() == [("A 1", 20), ("B 1", 300)]


def test_moves_in_another_unit_than_the_products_are_found():
    moves = pl.DataFrame(
        {"move_id": ["1", "2"], "product_id": ["p", "q"], "unit": ["kg", "piece"], "quantity_milli": [5, 7]}
    )
    products = pl.DataFrame({"product_id": ["p", "q"], "unit": ["piece", "piece"]})
    assert rules.unit_is_the_products(moves, products).select("key", "amount", "first").rows() == [("p", 5, "1")]


def test_every_rule_has_its_words_in_both_languages():
    codes = {code.partition(".")[2] for code in rules.CODES.values()}
    keys = [f"balances.error.{code}.{part}" for code in codes for part in ("given", "expected", "mend")]
    assert [key for language in ("zh", "en") for key in keys if not Words(language).has(key)] == []
