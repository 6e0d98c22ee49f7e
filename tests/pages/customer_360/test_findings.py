"""Headlines of the customer 360 page follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

from crmlib.kit.words import Words
from crmlib.pages.customer_360.findings import person as person_findings
from tests.pages.wording import says


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
        person = person_findings.Person(pseudonym="P1", value=worth, rhythm=beat, grade=None, traits={}, next_on=None)
        assert says(words, f"customer_360.answer.{kind}", person_findings.person_answer(person, words=words).sentence)
        assert person_findings.standing(person, words=words).status == ("warn" if kind == "late" else "none")
