"""Permission, messages and the outbox: nothing leaves that may not, nothing leaves twice."""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmlib.core.errors import ModelError
from crmlib.outreach import outbox
from crmlib.outreach.funnel import funnel
from crmlib.outreach.message import call_script, clean, email, fill, neutral, parts, poster, signs, sms
from crmlib.outreach.permission import (
    Cap,
    ContactRules,
    address_hash,
    check_permitted,
    consenting,
    may_send,
    next_sending,
    suppressed,
    within_caps,
)

NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
TODAY = date(2026, 9, 1)


def test_the_last_event_before_sending_decides_and_none_means_no() -> None:
    log = pl.DataFrame({
        "recipient_id": ["a", "a", "b", "b", "c", "d", "d"], "channel": "sms", "purpose": "marketing",
        "granted": [True, False, False, True, True, True, False],
        "at": [NOON + timedelta(days=d) for d in (-9, -1, -9, -1, 1, -3, -3)],
    })  # fmt: skip
    assert consenting(log, channel="sms", purpose="marketing", at=NOON).to_list() == ["b"]
    assert consenting(log, channel="email", purpose="marketing", at=NOON).to_list() == []
    with pytest.raises(ModelError, match="1 of 2 recipients"):
        check_permitted(pl.DataFrame({"recipient_id": ["a", "b"]}), permitted=pl.Series(["b"]))


def test_suppression_survives_another_way_of_writing_the_number_and_ends_when_it_ends() -> None:
    written = ["13800138000", "+86 138 0013 8000", "0086-13800138000", "１３８００１３８０００"]
    assert len({address_hash(a, key=b"k") for a in written}) == 1
    assert address_hash("13800138000", key=b"k") != address_hash("13800138000", key=b"other")
    table = pl.DataFrame({
        "address_hash": ["x", "y", "z"], "channel": "sms", "since": NOON - timedelta(days=9),
        "until": [None, NOON - timedelta(days=1), NOON + timedelta(days=1)],
    })  # fmt: skip
    assert suppressed(table, channel="sms", at=NOON).to_list() == ["x", "z"]


PROPOSED = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.integers(0, 4), st.sampled_from(["sms", "email"]),
        st.sampled_from(["service", "festival", "win_back", "cross_sell", "survey"]),
    ),
    max_size=12,
)  # fmt: skip
PAST = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(["sms", "email"]), st.integers(0, 9),
        st.sampled_from(["sent", "failed", "queued", "unknown", "delivered"]),
    ),
    max_size=12,
)  # fmt: skip


@given(proposed=PROPOSED, past=PAST, most=st.integers(0, 4), one=st.integers(0, 3), days=st.integers(1, 7))
def test_no_cap_is_ever_broken_and_what_is_in_flight_counts(proposed, past, most, one, days) -> None:  # type: ignore[no-untyped-def]
    rules = ContactRules(overall=Cap(most, days), channels={"sms": Cap(one, days)})
    kinds = {"recipient_id": pl.String, "list_id": pl.Int64, "channel": pl.String, "objective": pl.String}
    wanted = pl.DataFrame(proposed, schema=kinds, orient="row")
    rows = [(r, c, TODAY - timedelta(days=d), s) for r, c, d, s in past]
    seen = {"recipient_id": pl.String, "channel": pl.String, "day": pl.Date, "status": pl.String}
    history = pl.DataFrame(rows, schema=seen, orient="row")
    found = within_caps(wanted, history, rules=rules, on=TODAY)
    assert found.drop("allowed").equals(wanted.with_columns(pl.col("list_id").cast(pl.String)))
    counted = [
        (r, c) for r, c, d, s in rows
        if s in {"queued", "unknown"} or (s in {"sent", "delivered"} and TODAY - d < timedelta(days=days))
    ]  # fmt: skip
    for person in "abc":
        leaving = found.filter(pl.col("recipient_id") == person, "allowed")
        if leaving.height:
            assert leaving.height + sum(r == person for r, _ in counted) <= most
            texts = leaving.filter(pl.col("channel") == "sms").height
            assert texts == 0 or texts + sum((r, c) == (person, "sms") for r, c in counted) <= one


def test_service_goes_first_and_the_loser_waits() -> None:
    wanted = pl.DataFrame({
        "recipient_id": "a", "list_id": ["1", "2", "3"], "channel": "sms",
        "objective": ["cross_sell", "service", "win_back"],
    })  # fmt: skip
    none = pl.DataFrame(schema={"recipient_id": pl.String, "channel": pl.String, "day": pl.Date, "status": pl.String})
    found = within_caps(wanted, none, rules=ContactRules(overall=Cap(2, 7)), on=TODAY)
    assert found["allowed"].to_list() == [False, True, True]


@given(st.integers(0, 365 * 24 * 60), st.sampled_from(["Asia/Shanghai", "Asia/Urumqi"]))
def test_quiet_hours_follow_the_local_clock(minutes: int, zone: str) -> None:
    rules = ContactRules(days_off=frozenset({6}))
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    local = moment.astimezone(ZoneInfo(zone))
    assert may_send(moment, rules=rules, zone=zone) == (time(9) <= local.time() < time(20) and local.weekday() != 6)
    later = next_sending(moment, rules=rules, zone=zone)
    assert later >= moment
    assert may_send(later, rules=rules, zone=zone)


def test_rules_that_are_never_open_are_refused() -> None:
    with pytest.raises(ModelError) as error:
        next_sending(NOON, rules=ContactRules(days_off=frozenset(range(7))), zone="Asia/Shanghai")
    assert error.value.code == "outreach.never_open"


def test_each_step_of_the_funnel_says_whom_it_left_out() -> None:
    eligible = pl.DataFrame({"recipient_id": list("abcdef"), "value_minor": [1, 2, 3, 4, 5, 6]})
    found = funnel(
        eligible, consent=pl.Series(list("abcde")), suppressed=pl.Series(["a"]), capped=pl.Series(["b"]), capacity=2
    )
    assert found.left["recipient_id"].to_list() == ["e", "d"]
    assert found.steps["left_out"].to_list() == [0, 1, 1, 1, 1, 0]
    assert found.steps["recipients"].to_list() == [6, 5, 4, 3, 2, 2]


def test_short_messages_are_counted_as_operators_do() -> None:
    assert [parts(n) for n in (70, 71, 134, 135)] == [1, 2, 2, 3]
    found = sms("{name}" + "x" * 60, {"name": "Li"}, signature="[shop]", opt_out="TD", price_minor=5)
    assert (found.signs, found.parts, found.cost_minor) == (70, 1, 5)  # signature and opt-out count
    assert signs("\N{WRAPPED PRESENT}") == 2


HOSTILE = [
    "Li\r\nBcc: all@x",
    "=HYPERLINK(1)",
    "<script>alert(1)</script>",
    "{price}",
    "\u202eevil",
    "{0.__class__}",
    "+1",
    "@x",
    "＝1+1",
    "＠SUM(1)",
    "\u200b=1",
    "\ufeff－2",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_in_every_channel(name: str) -> None:
    values = {"name": name, "price": "9"}
    text = fill("Dear {name}", values)
    assert "\r" not in text
    assert "\n" not in text
    assert fill("{name}", {"name": "{price}", "price": "9"}) == "{price}"  # values are not templates
    mail = email(
        "For {name}", "Dear {name}", "<p>{name}</p>", values, sender="a@b.cn", to="c@d.cn", unsubscribe="https://b.cn/u"
    )
    assert mail["Bcc"] is None
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "<script>" not in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<script>" not in poster("{name}", ["{name}"], values)
    bare = "".join(sign for sign in neutral(name) if unicodedata.category(sign) != "Cf")
    assert unicodedata.normalize("NFKC", bare)[:1] not in {"=", "+", "@", "-"}
    assert call_script("Hello {name}\n\nBye", values)[0] == f"Hello {clean(name)}"


def test_unknown_placeholders_and_remote_parts_are_refused() -> None:
    for template in ("{nobody}", "{name!r}", "{name.__class__}", "{", "{}"):
        with pytest.raises(ModelError) as error:
            fill(template, {"name": "Li"})
        assert error.value.code == "outreach.placeholder"
    for html in ("<img src='http://x/y.gif'>", "<p style='background:url(//x)'>", "<LINK href=x>"):
        with pytest.raises(ModelError) as error:
            email("s", "b", html, {}, sender="a@b.cn", to="c@d.cn", unsubscribe="https://b.cn/u")
        assert error.value.code == "outreach.remote_part"


def test_no_copy_leaves_twice_wherever_the_sender_is_killed() -> None:
    keys = [outbox.Key("L", 1, f"C{i}", "sms") for i in range(40)]
    rng = np.random.default_rng(20)
    log = outbox.enqueue([], keys, at=NOON)
    handed: list[outbox.Key] = []
    for _ in range(20):  # kills
        log += outbox.recover(log, at=NOON)
        log += outbox.enqueue(log, keys, at=NOON)
        for key in outbox.due(log)[: int(rng.integers(1, 5))]:
            log.append(outbox.Event(key, "sending", NOON))
            if rng.random() < 0.3:
                break  # killed before the message was handed over
            handed.append(key)
            if rng.random() < 0.3:
                break  # killed before it was written down
            log.append(outbox.Event(key, "sent", NOON))
    assert len(handed) == len(set(handed))
    log += outbox.recover(log, at=NOON)
    assert set(outbox.due(log)).isdisjoint(handed)
    assert "sending" not in outbox.states(log).values()
    unknown = next(k for k, s in outbox.states(log).items() if s == "unknown")
    with pytest.raises(ModelError) as error:
        outbox.states([*log, outbox.Event(unknown, "sending", NOON)])
    assert error.value.code == "outreach.outbox"
    assert outbox.states([*log, outbox.Event(unknown, "sent", NOON)])[unknown] == "sent"  # a receipt settles it
