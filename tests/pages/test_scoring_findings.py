"""Headlines of the customer pages follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

import string
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.customers.grades import grade_members, grade_prospects
from crmlib.customers.groups.drivers import decompose, importance
from crmlib.customers.groups.needs import NeedSegments
from crmlib.customers.groups.profile import profile
from crmlib.customers.groups.segments import by_rule
from crmlib.customers.loyalty.contact_list import Result, choose
from crmlib.customers.loyalty.overdue import Overdue, overdue
from crmlib.customers.loyalty.referrals import Referrals
from crmlib.customers.members import cards as card_model
from crmlib.customers.members.identity import nobody, propose
from crmlib.kit.words import Words
from crmlib.kit.words.sentences import _table
from crmlib.pages.customer_360 import findings as customer_360
from crmlib.pages.customer_profile import findings as customer_profile
from crmlib.pages.customer_value import findings as customer_value
from crmlib.pages.data_health import findings as data_health
from crmlib.scoring.matrix import matrix, movers, moves
from crmlib.scoring.migration import Migration, migrate
from crmlib.scoring.pyramid import Pyramid, pyramid
from crmlib.scoring.rfm import rfm

EPOCH = date(1970, 1, 1)
SPAN = {"start": date(2025, 1, 1), "end": date(2025, 12, 31)}


@pytest.fixture(params=["zh", "en"])
def words(request: pytest.FixtureRequest) -> Words:
    return Words(request.param)


def tiers(net: list[int], shares: tuple[int, ...] = (500, 2000)) -> Pyramid:
    table = pl.DataFrame({"customer_id": [f"{i:03d}" for i in range(len(net))], "net_minor": net})
    return pyramid(table, shares=shares)


def says(words: Words, key: str, headline: str) -> bool:
    """Whether the headline was made from the sentence `key`: its fixed words stand in it, in order."""
    at = 0
    template = words(key, **{name: "\0" for name in _fields(words, key)})
    for piece in template.split("\0"):
        found = headline.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _fields(words: Words, key: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(_table(words.language)[key]) if name]


@pytest.mark.parametrize(
    ("net", "kind"),
    [
        ([100_000] * 2 + [100] * 38, "most"),
        ([500] * 2 + [100] * 6 + [60] * 32, "some"),
        ([101] * 2 + [100] * 38, "spread"),
    ],
)
def test_concentration_says_most_only_above_half(net: list[int], kind: str, words: Words) -> None:
    found = customer_value.concentration(tiers(net), words=words, **SPAN)
    assert says(words, f"scoring.concentration.headline.{kind}", found.headline)
    assert found.alt == found.headline


def movement(stay: int, fall: int, lost: int) -> Migration:
    """Ten first-tier members last period, of whom so many stay, fall, are lost."""
    before = [1_000] * 10 + [10] * 90
    now = [1_000] * stay + [20] * fall
    previous = tiers(before, (1000,))
    kept = pl.DataFrame(
        {
            "customer_id": [f"{i:03d}" for i in range(stay + fall)] + [f"{i:03d}" for i in range(10, 100)],
            "net_minor": now + [30] * (10 - stay) + [10] * (80 + stay),
        }
    )
    return migrate(previous, pyramid(kept, shares=(1000,)))


@pytest.mark.parametrize(
    ("counts", "kind", "status"),
    [((9, 1, 0), "held", "ok"), ((3, 7, 0), "fell", "warn"), ((8, 0, 2), "lost", "warn"), ((5, 0, 5), "lost", "fail")],
)
def test_movement_says_lost_fell_or_held(counts: tuple[int, int, int], kind: str, status: str, words: Words) -> None:
    stay, fall, lost = counts
    found = customer_value.migration(movement(stay, fall, lost), words=words, **SPAN)
    assert says(words, f"scoring.migration.headline.{kind}", found.headline)
    assert found.status == status
    partial = customer_value.migration(movement(stay, fall, lost), words=words, full=False, **SPAN)
    assert partial.status == "none"
    assert partial.note_sure != found.note_sure


def test_the_answer_speaks_of_the_same_people_as_the_list_and_a_loss_is_never_good(words: Words) -> None:
    moves_ = movement(5, 0, 5)
    found = customer_value.answer(tiers([10] * 5), moves_, words=words)
    assert says(words, "scoring.answer.lost", found.sentence)
    assert len(found.figures) == 4
    assert [f.tone for f in found.figures if f.key in {"net_minor", "lost"}] == ["bad", "bad"]
    assert says(
        words, "scoring.answer.held", customer_value.answer(tiers([10] * 5), movement(10, 0, 0), words=words).sentence
    )


def board(rows: list[tuple[int, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "customer_id": [f"{i:03d}" for i in range(len(rows))],
            "net_minor": [net for net, _ in rows],
            "margin_minor": pl.Series([m for _, m in rows], dtype=pl.Int64),
        }
    )


def test_the_matrix_says_low_margin_only_when_it_holds_much_of_the_sales(words: Words) -> None:
    low = board([(1_000, 100)] * 4 + [(900, 500)] * 2 + [(50, 25)] * 8)
    good = board([(1_000, 500)] * 6 + [(50, 5)] * 8)
    for table, kind, status in ((low, "reprice", "warn"), (good, "aligned", "ok")):
        found = customer_value.value_matrix(matrix(table, margin="rate"), words=words)
        assert says(words, f"scoring.matrix.headline.{kind}", found.headline)
        assert found.status == status
    unknown = customer_value.value_matrix(matrix(board([(10, None)] * 3), margin="amount"), words=words)
    assert says(words, "scoring.matrix.headline.unknown", unknown.headline)
    assert unknown.chart is None


def test_movers_weigh_those_who_left_against_those_who_came(words: Words) -> None:
    start = board([(1_000, 500)] * 6 + [(50, 5)] * 8)
    was = matrix(start, margin="amount")
    cases = {
        "lost": board([(1_000, 500)] * 2 + [(50, 5)] * 12),
        "even": board([(50, 5)] + [(1_000, 500)] * 5 + [(1_000, 500)] + [(50, 5)] * 7),
        "gained": board([(1_000, 500)] * 10 + [(50, 5)] * 4),
    }
    for kind, table in cases.items():
        now = matrix(table, margin="amount", cut="fixed", fixed=(was.net_cut, was.margin_cut))
        largest = movers(was, now)
        found = customer_value.movers(moves(was, now), largest, words=words, pseudonyms=largest["customer_id"])
        assert says(words, f"scoring.movers.headline.{kind}", found.headline), kind


def rhythms(late: int, calm: int) -> Overdue:
    rows = [(f"{i:03d}", d) for i in range(late + calm) for d in range(0, 300 if i < late else 390, 10)]
    days = pl.DataFrame(rows, schema=["customer_id", "day_n"], orient="row").with_columns(
        is_purchase=pl.lit(value=True)
    )
    ids = [f"{i:03d}" for i in range(late + calm)]
    values = pl.DataFrame({"customer_id": ids, "net_minor": [900] * len(ids), "margin_minor": [300] * len(ids)})
    return overdue(days, values, as_of=EPOCH + timedelta(days=395))


def test_overdue_names_the_number_and_is_silent_when_all_are_in_rhythm(words: Words) -> None:
    for late, kind, status in ((8, "late", "fail"), (0, "none", "ok")):
        model = rhythms(late, 12)
        upper = pl.DataFrame({"customer_id": [f"{i:03d}" for i in range(late + 12)], "tier": ["A"] * (late + 12)})
        found = customer_value.overdue_upper(model, upper, words=words)
        assert says(words, f"scoring.overdue.headline.{kind}", found.headline)
        assert found.status == status
    nobody_known = customer_value.overdue_upper(rhythms(1, 3), upper.clear(), words=words)
    assert says(words, "scoring.overdue.headline.no_rhythm", nobody_known.headline)


def test_the_check_of_the_rule_says_so_when_it_does_not_work(words: Words) -> None:
    def test_of(late_away: int, calm_away: int, n: int = 50) -> Overdue:
        bands = ["in_rhythm", "late", "overdue", "long_overdue", "silent"]
        away, size = [calm_away, 0, late_away, 0, 0], [n, 0, n, 0, 0]
        table = pl.DataFrame({"band": bands, "customers": size, "stayed_away": away}).with_columns(
            rate=pl.when(pl.col("customers") > 0).then(pl.col("stayed_away") / pl.col("customers")),
            low=pl.lit(0.1),
            high=pl.lit(0.9),
        )
        return Overdue(customers=pl.DataFrame(), back_test=table, with_margin=True)

    for model, kind, status in (
        (test_of(40, 5), "proven", "ok"),
        (test_of(5, 5), "unproven", "fail"),
        (test_of(5, 1, 8), "small", "none"),
    ):
        found = customer_value.back_test(model, words=words)
        assert says(words, f"scoring.overdue.test.{kind}", found.headline)
        assert (found.status, found.role) == (status, "check")


def test_the_list_gives_each_person_the_own_reason_and_says_what_came_of_the_last(words: Words) -> None:
    model = rhythms(8, 12)
    upper = pl.DataFrame({"customer_id": [f"{i:03d}" for i in range(20)], "tier": ["A"] * 20})
    chosen = choose(customer_value.with_tiers(model, upper), capacity=5, rng=np.random.default_rng(1))
    owners = pl.Series(["G1", None, None, None, None], dtype=pl.String)
    names = pl.Series([f"P{i}" for i in range(5)])
    last = Result(listed=10, came=4, control=0, control_came=0, rate=0.4, control_rate=float("nan"), low=0.2, high=0.7)
    found = customer_value.contact_list(chosen, words=words, pseudonyms=names, owners=owners, as_of=EPOCH, last=last)
    assert found.table["customer_id"].to_list() == names.to_list()
    assert found.table["owner"][1] == words("scoring.actions.no_owner")
    assert "10" in found.table["reason"][0]  # the own gap of ten days
    assert says(words, "scoring.actions.last.alone", found.note[found.note.index(" ") + 1 :]) or "40.0%" in found.note
    empty = customer_value.contact_list(
        choose(customer_value.with_tiers(rhythms(0, 5), upper), capacity=5, rng=np.random.default_rng(1)),
        words=words, pseudonyms=names.clear(), owners=owners.clear(), as_of=EPOCH,
    )  # fmt: skip
    assert says(words, "scoring.actions.headline.nobody", empty.headline)


def test_segments_speak_of_one_time_buyers_only_when_they_are_many(words: Words) -> None:
    use = pl.DataFrame({"customer_id": ["a"], "most_receipts_day": [1], "most_receipt_minor": [1], "net_minor": [1]})
    apart = card_model.sort_cards(use)
    rules = {"once": pl.col("purchase_days") == 1, "rest": pl.lit(value=True)}
    for once, kind in ((8, "once"), (1, "top")):
        table = pl.DataFrame(
            {
                "customer_id": [str(i) for i in range(10)],
                "net_minor": [10] * 10,
                "purchase_days": [1] * once + [5] * (10 - once),
            }
        )
        found = customer_value.segments(by_rule(table, rules), apart, words=words)
        assert says(words, f"scoring.segments.headline.{kind}", found.headline)


def months(shares: list[float]) -> pl.DataFrame:
    n = len(shares)
    return pl.DataFrame(
        {
            "month": [date(2025, k + 1, 1) for k in range(n)], "net_minor": [1_000] * n,
            "member_net_minor": [int(1_000 * s) for s in shares], "receipts": [100] * n,
            "member_receipts": [int(100 * s) for s in shares], "days": [30] * n, "share_net": shares,
            "share_receipts": shares,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shares", "kind", "status"),
    [
        ([0.5] * 3 + [0.5] * 3, "stable", "ok"),
        ([0.5] * 3 + [0.6] * 3, "grew", "ok"),
        ([0.5] * 3 + [0.47] * 3, "fell", "warn"),
        ([0.5] * 3 + [0.3] * 3, "fell", "fail"),
        ([0.5] * 2, "short", "none"),
    ],
)
def test_loyalty_calls_two_points_a_change(shares: list[float], kind: str, status: str, words: Words) -> None:
    repeat = pl.DataFrame({"newcomers": [10], "came_back": [4]})
    found = customer_value.loyalty(months(shares), repeat, words=words)
    assert says(words, f"scoring.loyalty.headline.{kind}", found.headline)
    assert found.status == status


def test_a_group_too_small_to_show_is_not_called_everybody(words: Words) -> None:
    people = pl.DataFrame(
        {"customer_id": [str(i) for i in range(40)], "g": [i < 3 for i in range(40)], "t": ["x", "y"] * 20}
    )
    found = customer_profile.profile(profile(people, group="g", traits=["t"]), group="A", words=words)
    assert says(words, "scoring.profile.headline.hidden", found.headline)
    assert found.chart is None


def test_equal_members_make_no_quadrants_and_no_concentration(words: Words) -> None:
    equal = pl.DataFrame({"customer_id": list("abcd"), "net_minor": [5] * 4, "margin_minor": [2] * 4})
    assert says(
        words,
        "scoring.matrix.headline.flat",
        customer_value.value_matrix(matrix(equal, margin="rate"), words=words).headline,
    )
    even = equal.with_columns(net_minor=pl.Series([5, 10, 15, 20]), margin_minor=pl.Series([2] * 4))
    found = customer_value.value_matrix(matrix(even, margin="amount"), words=words)
    assert says(words, "scoring.matrix.headline.even", found.headline)
    assert found.status == "none"
    alone = pyramid(pl.DataFrame({"customer_id": ["a"], "net_minor": [5]}))
    day = date(2026, 1, 1)
    found = customer_value.concentration(alone, words=words, start=day, end=day)
    assert says(words, "scoring.concentration.headline.spread", found.headline)


def test_loyalty_says_who_stayed_and_who_buys_widely_only_where_that_is_known(words: Words) -> None:
    repeat = pl.DataFrame({"newcomers": [10], "came_back": [4]})
    first = date(2024, 1, 1)
    cohorts = pl.DataFrame(
        {
            "cohort": [first] * 2 + [date(2024, 8, 1)] * 2,
            "newcomers": [90, 90, 40, 40],
            "after": [3, 6, 3, 6],
            "customers": [90, 90, 10, 4],
            "share": [1.0, 1.0, 0.25, 0.1],
        }
    )
    width = pl.DataFrame({"categories": [1, 3], "share_customers": [0.7, 0.3], "net_minor": [400, 600]})
    plain = customer_value.loyalty(months([0.5] * 6), repeat, words=words)
    told = customer_value.loyalty(months([0.5] * 6), repeat, words=words, cohorts=cohorts, width=width)
    said = told.note_seen.removeprefix(plain.note_seen)
    assert "25" in said  # of those of August; those of the data's first months were there before
    assert "10" in said
    assert "30" in said
    assert "60" in said
    assert "100" not in said
    assert told.table.filter(pl.col("month") == date(2024, 8, 1))["kept_3"].to_list() == [0.25]
    assert (
        customer_value.loyalty(months([0.5] * 6), repeat, words=words, cohorts=cohorts.clear()).note_seen
        == plain.note_seen
    )


def test_grades_count_prospects_only_where_there_are_some(words: Words) -> None:
    member = {"customer_id": ["a", "b"], "value_minor": [9, 1], "risk": [0.1, 0.9], "engagement": [5, 0]}
    given = grade_members(pl.DataFrame(member))
    talks = pl.DataFrame({"customer_id": ["x"], "at": [date(2026, 1, 1)], "outcome": ["agreed"]})
    leads = grade_prospects(talks, as_of=date(2026, 1, 2))
    plain, told = (customer_profile.grades(given, words=words, prospects=p) for p in (leads.clear(), leads))
    assert plain.note_seen == customer_profile.grades(given, words=words).note_seen
    assert told.note_seen.startswith(plain.note_seen)
    assert told.note_seen != plain.note_seen
    assert told.table["prospects"].sum() == 1


@pytest.mark.parametrize(("last", "kind"), [(0.5, "steady"), (0.53, "moved"), (0.4, "jumped")])
def test_a_jump_of_the_card_share_hints_at_the_till(last: float, kind: str, words: Words) -> None:
    found = data_health.card_share(months([0.5, 0.5, last]), words=words)
    assert says(words, f"scoring.health.cards.headline.{kind}", found.headline)


def world(lift: float) -> pl.DataFrame:
    rng = np.random.default_rng(3)
    n = 600
    group = np.arange(n) < 150
    return pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(n)], "g": group, "net_minor": np.where(group, 900, 300),
            "purchase_days": np.where(group, 9, 3), "quantity_milli": np.where(group, 18_000, 6_000),
            "gender": np.where(rng.random(n) < np.where(group, 0.3 * lift, 0.3), "male", "female"),
        }
    )  # fmt: skip


def test_the_profile_says_unusual_alike_or_everybody(words: Words) -> None:
    cases = {"unusual": world(2.0), "alike": world(1.0), "everybody": world(1.0).with_columns(g=True)}
    for kind, table in cases.items():
        found = customer_profile.profile(profile(table, group="g", traits=["gender"]), group="X", words=words)
        assert says(words, f"scoring.profile.headline.{kind}", found.headline), kind
    flipped = world(2.0).with_columns(g=~pl.col("g"))
    parts = decompose(world(2.0), group="g"), decompose(flipped, group="g")
    more, less = (customer_profile.decomposition(p, group="X", words=words).headline for p in parts)
    assert says(words, "scoring.decompose.headline.more_one", more)
    assert says(words, "scoring.decompose.headline.less_one", less)
    table = profile(world(2.0), group="g", traits=["gender"])
    said = customer_profile.answer(table, parts[0], group="X", size=150, members=600, words=words)
    assert says(words, "scoring.profile.answer.trait", said.sentence)


def test_drivers_are_called_descriptive_and_weak_ones_weak(words: Words) -> None:
    rng = np.random.default_rng(4)
    n = 500
    region = rng.choice(["east", "west"], n)
    strong = np.exp(2 * (region == "east") + rng.normal(5, 0.5, n)).astype(int)
    weak = np.exp(rng.normal(5, 0.5, n)).astype(int)
    ids = [str(i) for i in range(n)]
    for spend, kind in ((strong, "much"), (weak, "little")):
        table = pl.DataFrame({"customer_id": ids, "net_minor": spend, "region": region})
        found = customer_profile.drivers(importance(table, outcome="net_minor", traits=["region"]), words=words)
        assert says(words, f"scoring.drivers.headline.{kind}", found.headline)
        assert ("不是因果" in found.note_sure) or ("not proven" in found.note_sure)


def test_needs_say_when_groups_are_not_stable(words: Words) -> None:
    for stable in (True, False):
        model = NeedSegments(
            customers=pl.DataFrame(),
            profile=pl.DataFrame(
                {"segment": ["1"], "category": ["tea"], "share": [0.6], "share_all": [0.2], "lift": [3.0]}
            ),
            sizes=pl.DataFrame({"segment": ["1"], "customers": [9], "share_customers": [1.0], "net_minor": [9]}),
            stability=pl.DataFrame(
                {"k": [3], "adjusted_rand": [0.9], "lowest": [0.8], "worst_group": [0.9], "stable": [stable]}
            ),
            k=3,
            stable=stable,
        )
        found = customer_profile.need_segments(model, words=words)
        assert says(words, f"scoring.needs.headline.{'stable' if stable else 'unstable'}", found.headline)
        assert found.status == ("ok" if stable else "warn")


def test_grades_keep_or_break_their_promise(words: Words) -> None:
    n = 100
    ids = [f"{i:03d}" for i in range(n)]
    table = pl.DataFrame(
        {
            "customer_id": ids,
            "value_minor": list(range(n)),
            "risk": [1 - i / n for i in range(n)],
            "engagement": list(range(n)),
        }
    )
    good = pl.DataFrame({"customer_id": ids, "margin_minor": list(range(n))})
    bad = pl.DataFrame({"customer_id": ids, "margin_minor": list(range(n, 0, -1))})
    now = grade_members(table)
    for realised, kind in ((good, "kept"), (bad, "broken")):
        found = customer_profile.grades(now, words=words, proof=grade_members(table, realised=realised))
        assert says(words, f"scoring.grades.headline.{kind}", found.headline)
    assert says(words, "scoring.grades.headline.plain", customer_profile.grades(now, words=words).headline)


def test_rfm_says_better_or_worse_only_with_frozen_cuts(words: Words) -> None:
    ids = [f"{i:03d}" for i in range(100)]
    days = pl.DataFrame(
        {
            "customer_id": ids,
            "last_day_n": list(range(100)),
            "purchase_days": [1 + i % 9 for i in range(100)],
            "net_minor": list(range(100)),
        }
    )
    first = rfm(days, as_of=EPOCH + timedelta(days=100))
    assert says(
        words, "scoring.rfm.headline.fresh", customer_profile.rfm_classes(first, words=words, frozen=False).headline
    )
    fresh = days.with_columns(last_day_n=pl.lit(99))
    stale = days.with_columns(last_day_n=pl.lit(1))
    for table, kind in ((fresh, "better"), (stale, "worse"), (days, "stable")):
        again = rfm(table, as_of=EPOCH + timedelta(days=100), frozen=first.cuts)
        assert says(
            words,
            f"scoring.rfm.headline.{kind}",
            customer_profile.rfm_classes(again, words=words, frozen=True).headline,
        )


@pytest.mark.parametrize(
    ("referred", "low", "high", "kind"),
    [
        (9, 10.0, 90.0, "more"),
        (9, -90.0, -10.0, "less"),
        (9, -5.0, 5.0, "unclear"),
        (0, float("nan"), float("nan"), "none"),
    ],
)
def test_referrals_are_worth_more_only_if_the_interval_says_so(
    referred: int, low: float, high: float, kind: str, words: Words
) -> None:
    model = Referrals(
        referrers=pl.DataFrame({"customer_id": ["a"], "referred": [referred], "net_minor": [1]}),
        members=100, referred=referred, mean_referred_minor=50.0, mean_others_minor=40.0,
        difference_minor=(low + high) / 2, low_minor=low, high_minor=high,
    )  # fmt: skip
    found = customer_profile.referral_worth(model, words=words, pseudonyms=pl.Series(["P"]))
    assert says(words, f"scoring.referrals.headline.{kind}", found.headline)


def test_data_health_turns_red_for_late_feeds_lost_rows_and_many_broken_rows(words: Words) -> None:
    fresh = pl.DataFrame(
        {
            "source": ["a"], "first_day": [EPOCH], "last_day": [date(2026, 1, 1)], "days": [9], "interval_days": [1.0],
            "late_days": [0], "late": [False],
        }
    )  # fmt: skip
    late = fresh.with_columns(late_days=pl.lit(9), late=pl.lit(value=True))
    terms = {"kept": [90], "replaced": [0], "duplicate": [0], "excluded": [0]}

    def sums(quarantined: int, lost: int) -> pl.DataFrame:
        read = 90 + quarantined + lost
        return pl.DataFrame(
            {"source": ["a"], "table": ["t"], "ingests": [1], "read": [read], **terms, "quarantined": [quarantined],
             "quarantined_share": [quarantined / read], "difference": [lost]}
        )  # fmt: skip

    rules = pl.DataFrame({"source": ["a"], "rule": ["late"], "rows": [5]})
    calm = [data_health.freshness(fresh, words=words), data_health.ingest_sum(sums(0, 0), words=words)]
    red = [
        data_health.freshness(late, words=words),
        data_health.ingest_sum(sums(0, 3), words=words),
        data_health.contracts(sums(9, 0), rules, words=words),
    ]
    assert [f.status for f in calm] == ["ok", "ok"]
    assert [f.status for f in red] == ["fail"] * 3
    assert data_health.contracts(sums(0, 0), rules.clear(), words=words).status == "ok"
    good = data_health.health_answer(calm, sums=sums(0, 0), fresh=fresh, words=words)
    bad = data_health.health_answer(red, sums=sums(9, 0), fresh=late, words=words)
    assert says(words, "scoring.health.answer.ok", good.sentence)
    assert says(words, "scoring.health.answer.fail", bad.sentence)


def test_doubles_and_cards_that_are_no_persons_are_told_without_names(words: Words) -> None:
    people = pl.DataFrame(
        {
            "customer_id": [f"c{i:02d}" for i in range(30)],
            "name": ["Secret Name"] * 2 + [f"n{i}" for i in range(28)],
            "phone": ["13800138000"] * 2 + [f"1{i:09d}" for i in range(28)],
            "email": [None] * 30, "birthday": [f"19{i % 9 + 10}-02-0{i % 9 + 1}" for i in range(30)],
        }
    )  # fmt: skip
    secret = pl.col("name") == "Secret Name"
    people = people.with_columns(birthday=pl.when(secret).then(pl.lit("1980-01-01")).otherwise("birthday"))
    found = data_health.doubles(propose(people), words=words, pseudonyms=(pl.Series(["P1"]), pl.Series(["P2"])))
    assert says(words, "scoring.health.doubles.headline.many", found.headline)
    shown = found.view.as_raw_html() if found.view else ""
    assert "P1" in shown
    assert "Secret" not in shown + str(found.table)
    none = data_health.doubles(nobody(), words=words, pseudonyms=(pl.Series([], dtype=pl.String),) * 2)
    assert says(words, "scoring.health.doubles.headline.none", none.headline)


def test_one_customers_page_says_late_in_rhythm_or_absent(words: Words) -> None:
    value = {"net_minor": 100, "purchase_days": 5, "tier": "A", "share_below": 0.9}
    rhythm = {
        "gap_days": 7.0,
        "days_since": 70,
        "times": 10.0,
        "band": "long_overdue",
        "stay_away": 0.8,
        "at_risk_minor": 9,
    }
    cases = {
        "late": (value, rhythm),
        "in_rhythm": (value, rhythm | {"days_since": 3, "times": 0.4, "band": "in_rhythm"}),
        "no_rhythm": (value, None),
        "absent": (None, None),
    }
    for kind, (worth, beat) in cases.items():
        person = customer_360.Person(pseudonym="P1", value=worth, rhythm=beat, grade=None, traits={}, next_on=None)
        assert says(words, f"scoring.one.answer.{kind}", customer_360.person_answer(person, words=words).sentence)
        assert customer_360.standing(person, words=words).status == ("warn" if kind == "late" else "none")
