"""Headlines of the customer 360 page follow the data: when the data flip, the sentence flips."""

from __future__ import annotations

import pytest

from crmlib.kit.words import Words
from crmlib.pages.customer_360.findings import accounts
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


@pytest.mark.parametrize(
    ("ways", "kind", "status"),
    [(("may_call", "may_sms"), "open", "none"), ((), "closed", "warn"), (None, "unknown", "none")],
)
def test_the_account_is_amber_where_nothing_is_agreed_to_and_lists_only_what_is_known(
    ways: tuple[str, ...] | None, kind: str, status: str, words: Words
) -> None:
    held = {"owner": "李娜", "ways": ways, "points": 320, "stored_minor": None}
    card = accounts.account(held, {"value": 150.0, "p_alive": 0.8}, words=words)
    assert says(words, f"customer_360.account.headline.{kind}", card.headline) and card.status == status
    rows = dict(card.table.iter_rows())
    assert rows[words("customer_360.account.row.points")] == "320"
    assert rows[words("customer_360.account.row.year")] == words.format.money(150_00)
    assert words("customer_360.account.row.stored") not in rows
    assert words("customer_360.account.row.year") not in dict(
        accounts.account(held, None, words=words).table.iter_rows()
    )
