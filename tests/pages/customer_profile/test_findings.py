"""Headlines of the customer profile page follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.customers.grades import grade_members, grade_prospects
from crmlib.customers.groups.drivers import decompose, importance
from crmlib.customers.groups.needs import NeedSegments
from crmlib.customers.groups.profile import profile
from crmlib.customers.loyalty.referrals import Referrals
from crmlib.kit.words import Words
from crmlib.pages.customer_profile.findings import group, needs, scores, spend
from crmlib.scoring.rfm import rfm
from tests.pages.wording import says

EPOCH = date(1970, 1, 1)


def test_a_group_too_small_to_show_is_not_called_everybody(words: Words) -> None:
    people = pl.DataFrame(
        {"customer_id": [str(i) for i in range(40)], "g": [i < 3 for i in range(40)], "t": ["x", "y"] * 20}
    )
    found = group.profile(profile(people, group="g", traits=["t"]), group="A", words=words)
    assert says(words, "customer_profile.profile.headline.hidden", found.headline)
    assert found.chart is None


def test_grades_count_prospects_only_where_there_are_some(words: Words) -> None:
    member = {"customer_id": ["a", "b"], "value_minor": [9, 1], "risk": [0.1, 0.9], "engagement": [5, 0]}
    given = grade_members(pl.DataFrame(member))
    talks = pl.DataFrame({"customer_id": ["x"], "at": [date(2026, 1, 1)], "outcome": ["agreed"]})
    leads = grade_prospects(talks, as_of=date(2026, 1, 2))
    plain, told = (scores.grades(given, words=words, prospects=p) for p in (leads.clear(), leads))
    assert plain.note_seen == scores.grades(given, words=words).note_seen
    assert told.note_seen.startswith(plain.note_seen)
    assert told.note_seen != plain.note_seen
    assert told.table["prospects"].sum() == 1


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
        found = group.profile(profile(table, group="g", traits=["gender"]), group="X", words=words)
        assert says(words, f"customer_profile.profile.headline.{kind}", found.headline), kind
    flipped = world(2.0).with_columns(g=~pl.col("g"))
    parts = decompose(world(2.0), group="g"), decompose(flipped, group="g")
    more, less = (spend.decomposition(p, group="X", words=words).headline for p in parts)
    assert says(words, "customer_profile.decompose.headline.more_one", more)
    assert says(words, "customer_profile.decompose.headline.less_one", less)
    table = profile(world(2.0), group="g", traits=["gender"])
    said = group.answer(table, parts[0], group="X", size=150, members=600, words=words)
    assert says(words, "customer_profile.profile.answer.trait", said.sentence)


def test_drivers_are_called_descriptive_and_weak_ones_weak(words: Words) -> None:
    rng = np.random.default_rng(4)
    n = 500
    region = rng.choice(["east", "west"], n)
    strong = np.exp(2 * (region == "east") + rng.normal(5, 0.5, n)).astype(int)
    weak = np.exp(rng.normal(5, 0.5, n)).astype(int)
    ids = [str(i) for i in range(n)]
    for money, kind in ((strong, "much"), (weak, "little")):
        table = pl.DataFrame({"customer_id": ids, "net_minor": money, "region": region})
        found = spend.drivers(importance(table, outcome="net_minor", traits=["region"]), words=words)
        assert says(words, f"customer_profile.drivers.headline.{kind}", found.headline)
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
        found = needs.need_segments(model, words=words)
        assert says(words, f"customer_profile.needs.headline.{'stable' if stable else 'unstable'}", found.headline)
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
        found = scores.grades(now, words=words, proof=grade_members(table, realised=realised))
        assert says(words, f"customer_profile.grades.headline.{kind}", found.headline)
    assert says(words, "customer_profile.grades.headline.plain", scores.grades(now, words=words).headline)


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
        words,
        "customer_profile.rfm.headline.fresh",
        scores.rfm_classes(first, words=words, frozen=False).headline,
    )
    fresh = days.with_columns(last_day_n=pl.lit(99))
    stale = days.with_columns(last_day_n=pl.lit(1))
    for table, kind in ((fresh, "better"), (stale, "worse"), (days, "stable")):
        again = rfm(table, as_of=EPOCH + timedelta(days=100), frozen=first.cuts)
        assert says(
            words,
            f"customer_profile.rfm.headline.{kind}",
            scores.rfm_classes(again, words=words, frozen=True).headline,
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
    found = scores.referral_worth(model, words=words, pseudonyms=pl.Series(["P"]))
    assert says(words, f"customer_profile.referrals.headline.{kind}", found.headline)
