"""Headlines of the customer 360 page follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

from crmlib.kit.words import Words
from crmlib.pages.customer_360.findings import person as person_findings
from tests.pages.wording import says


def test_one_customers_page_says_late_in_rhythm_or_absent(words: Words) -> None:
    value = {"net_minor": 100, "purchase_days": 5, "tier": "A", "share_below": 0.9}
    rhythm = {
        "usual_gap": 7.0,
        "recency": 70,
        "late": True,
        "state": "silent",
        "risk": 0.8,
        "at_risk_minor": 9,
        "means": "sms",
    }
    cases = {
        "late": (value, rhythm),
        "in_rhythm": (value, rhythm | {"recency": 3, "late": False, "state": "on_rhythm"}),
        "no_rhythm": (value, None),
        "absent": (None, None),
    }
    for kind, (worth, beat) in cases.items():
        person = person_findings.Person(pseudonym="P1", value=worth, rhythm=beat, grade=None, traits={}, next_on=None)
        assert says(words, f"customer_360.answer.{kind}", person_findings.person_answer(person, words=words).sentence)
        standing = person_findings.standing(person, words=words)
        assert standing.status == ("warn" if kind == "late" else "none")
        assert (words("churn.means.sms") in standing.note_do) == (kind == "late")
