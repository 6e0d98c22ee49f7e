"""A list leaves over a real mail server: permission asked then, nobody twice, in no quiet hours, nothing injected."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import LakeError, ModelError, ParameterError, RunError
from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.data.lake.filed import file_rows, settle
from crmlib.outreach.outbox import Event, Key
from crmlib.outreach.permission import address_hash
from crmlib.outreach.register import Terms
from crmlib.run.deliver import Smtp
from crmlib.run.lists import audit, book, receipts, sending
from crmlib.run.lists.log import Log
from crmlib.run.lists.rules import Most
from crmlib.run.lists.ways import HandOff, Hook, Mail
from tests.run.lists.conftest import EVIL, NOON, Box, ready, rules
from tests.waiting import until


def send(
    lake: Lake, way: Any, *, channel: str = "email", at: datetime = NOON, smtp: Smtp | None = None, **more: Any
) -> sending.Sent:
    asked = rules(smtp, **more.pop("rules", {}))
    name = more.pop("name", "L1")
    return sending.send(lake, name, channel=channel, way=way, rules=asked, clock=lambda: at, by="li", **more)


def test_every_contact_gets_one_mail_and_the_control_none(mailing: Lake, box: tuple[Box, Smtp]) -> None:
    sink, smtp = box
    came = send(mailing, Mail(smtp), smtp=smtp)
    assert (came.counts, came.done) == ({"sent": 32}, True)
    to = sorted(m["To"] for m in sink.mails)
    found = book.find(mailing, "L1")
    mails = dict(mailing.table("people").select("customer_id", "email").collect().iter_rows())
    assert to == sorted(mails[i] for i in found.contact["recipient_id"])
    assert found.life.state == "sent"
    control = found.rows.filter(pl.col("group").cast(pl.String) == "control")
    assert control["status"].cast(pl.String).unique().to_list() == ["not_sent"]
    with pytest.raises(ModelError) as error:
        send(mailing, Mail(smtp), smtp=smtp)
    assert error.value.code == "outreach.state"
    assert len(sink.mails) == 32


def test_a_mail_has_one_click_to_leave_and_no_name_adds_a_header_or_a_script(
    mailing: Lake, box: tuple[Box, Smtp]
) -> None:
    sink, smtp = box
    send(mailing, Mail(smtp), smtp=smtp)
    for mail in sink.mails:
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["List-Unsubscribe"].strip().startswith("<https://shop.example/u/")
        assert "Bcc" not in mail
        text, page = (part.get_payload(decode=True).decode() for part in mail.get_payload())
        assert "拒收请回复R" in text
        assert "<script>" not in page
        assert "\r\nBcc" not in text
    assert len({m["Message-ID"] for m in sink.mails}) == len(sink.mails)


def test_consent_suppression_caps_and_own_quiet_hours_are_asked_when_it_leaves(
    mailing: Lake, box: tuple[Box, Smtp]
) -> None:
    contact = book.find(mailing, "L1").contact["recipient_id"].to_list()
    no, shut, full, quiet = contact[:4]
    people = (
        mailing.table("customers")
        .collect()
        .with_columns(
            may_email=pl.col("customer_id") != no,
            quiet_from=pl.when(pl.col("customer_id") == quiet).then(pl.lit(11 * 60, dtype=pl.Int16)),
            quiet_to=pl.when(pl.col("customer_id") == quiet).then(pl.lit(13 * 60, dtype=pl.Int16)),
        )
    )
    settle(mailing, CONTRACTS["customers"], people, where={"region": "east"}, by="crm", now=NOON)
    address = mailing.table("people").filter(pl.col("customer_id") == shut).collect()["email"][0]
    hashed = address_hash(address, key=pseudonyms.key_of(mailing.path))
    row = {"address_hash": hashed, "channel": "email", "since": NOON - timedelta(days=9), "reason": "opted_out"}
    own: dict[str, Any] = {"source": "crm", "by": "crm", "now": NOON}
    file_rows(mailing, CONTRACTS["suppressions"], pl.DataFrame([row]), batch="s", **own)
    calls = pl.DataFrame({
        "contact_id": ["1", "2", "3"], "customer_id": full, "at": [NOON - timedelta(days=d) for d in (1, 5, 9)],
        "purpose": "follow_up", "direction": "out", "channel": "phone",
    })  # fmt: skip
    file_rows(mailing, CONTRACTS["contacts"], calls, batch="c", **own)
    sink, smtp = box
    came = send(mailing, Mail(smtp), smtp=smtp)
    assert came.counts == {"capped": 1, "no_consent": 1, "quiet": 1, "sent": 28, "suppressed": 1}
    assert not came.done, "who waits for the cap or the hour may still get it"
    later = send(mailing, Mail(smtp), smtp=smtp, at=NOON + timedelta(hours=2), finish=True)
    assert later.counts == {"capped": 1, "no_consent": 1, "sent": 29, "suppressed": 1}
    assert (later.done, len(sink.mails)) == (True, 29)


def test_nothing_leaves_in_quiet_hours_and_the_refusal_says_when_it_may(mailing: Lake, box: tuple[Box, Smtp]) -> None:
    sink, smtp = box
    with pytest.raises(ModelError, match="2026-09-02 09:00") as error:
        send(mailing, Mail(smtp), smtp=smtp, at=NOON + timedelta(hours=9))
    assert error.value.code == "outreach.quiet"
    assert not sink.mails
    ticks = iter([NOON] * 6 + [NOON + timedelta(hours=9)] * 99)
    came = sending.send(
        mailing, "L1", channel="email", way=Mail(smtp), rules=rules(smtp), clock=lambda: next(ticks), by="li"
    )
    assert 0 < len(sink.mails) < 32, "the hours came while it was sending: the rest waits"
    assert (came.done, came.counts["queued"]) == (False, 32 - len(sink.mails))
    more = send(mailing, Mail(smtp), smtp=smtp, at=NOON + timedelta(days=1))
    assert (more.done, len(sink.mails)) == (True, 32)


def test_of_two_lists_that_want_one_member_the_more_urgent_goes_and_the_other_waits(
    company: Lake, box: tuple[Box, Smtp]
) -> None:
    ready(company, name="L1", objective="cross_sell")
    ready(company, name="L2", objective="festival")
    _, smtp = box
    one: dict[str, Any] = {"smtp": smtp, "rules": {"overall": Most(most=1, days=7)}}
    both = set(book.find(company, "L1").contact["recipient_id"]) & set(book.find(company, "L2").contact["recipient_id"])
    first = send(company, Mail(smtp), name="L1", **one)
    assert first.counts == {"capped": len(both), "sent": 32 - len(both)}
    second = send(company, Mail(smtp), name="L2", **one)
    assert second.counts == {"sent": 32}


def test_a_refused_address_has_failed_and_a_server_away_keeps_everything_waiting(
    mailing: Lake, box: tuple[Box, Smtp]
) -> None:
    sink, smtp = box
    away = smtp.model_copy(update={"port": 1})
    with pytest.raises(RunError) as error:
        send(mailing, Mail(away), smtp=away)
    assert error.value.code == "run.way_closed"
    assert book.find(mailing, "L1").life.state == "approved"
    who = book.find(mailing, "L1").contact["recipient_id"][0]
    people = (
        mailing.table("people")
        .collect()
        .with_columns(email=pl.when(pl.col("customer_id") == who).then(pl.lit("no@example.com")).otherwise("email"))
    )
    for i, email in people.select("customer_id", "email").iter_rows():
        if i == who:
            settle(mailing, CONTRACTS["people"], people.filter(pl.col("customer_id") == i), where={"customer_id": i},
                   by="crm", now=NOON)  # fmt: skip
            assert email == "no@example.com"
    came = send(mailing, Mail(smtp), smtp=smtp)
    assert (came.counts, len(sink.mails)) == ({"failed": 1, "sent": 31}, 31)


KILLED = """
import sys, time
from pathlib import Path
from crmlib.data import Lake
from crmlib.outreach.register import Terms
from crmlib.run.deliver import Smtp
from crmlib.run.lists import sending
from crmlib.run.lists.ways import Mail
from tests.run.lists.conftest import NOON, rules
smtp = Smtp(host="127.0.0.1", port=int(sys.argv[2]), security="loopback", sender="shop@example.com")
lake, way, clock = Lake(Path(sys.argv[1])), Mail(smtp), lambda: NOON
sending.send(lake, "L1", channel="email", way=way, rules=rules(smtp), clock=clock, by="li")
"""


def test_a_sender_that_is_killed_sends_nobody_a_second_copy(mailing: Lake, box: tuple[Box, Smtp], root: Path) -> None:
    """One kill here; `benchmarks/bench_lists.py` kills twenty times."""
    sink, smtp = box
    sink.last = 5
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(mailing.path), str(smtp.port)], env=os.environ | {"PYTHONPATH": str(root)}
    )
    until(lambda: len(sink.mails) >= 5, alive=lambda: child.poll() is None)
    child.send_signal(signal.SIGKILL)
    child.wait()
    sink.answered.set()
    assert len(sink.mails) == 5, "it was killed while sending"
    once(mailing, sink, smtp, kills=1)


def once(lake: Lake, sink: Box, smtp: Smtp, *, kills: int) -> None:
    """The rest leaves; nobody has two, and at most one message a kill is not known."""
    came = send(lake, Mail(smtp), smtp=smtp)
    to = [m["To"] for m in sink.mails]
    assert len(to) == len(set(to)), "a second copy"
    assert came.done
    assert sum(came.counts.values()) == 32
    assert set(came.counts) <= {"sent", "unknown"}
    assert came.counts["sent"] <= len(to) <= 32
    assert came.counts.get("unknown", 0) <= kills


class Dying(Mail):
    """A way out whose process dies before, or after, the n-th mail was handed over."""

    def __init__(self, server: Smtp, *, after: int, handed: bool) -> None:
        super().__init__(server)
        self._left, self._handed = after, handed

    def carry(self, letters: Any, *, at: datetime) -> Any:
        self._left -= 1
        if self._left < 0:
            if self._handed:
                super().carry(letters, at=at)
            raise KeyboardInterrupt
        return super().carry(letters, at=at)


def test_wherever_a_sender_dies_what_it_may_have_sent_is_not_sent_again(mailing: Lake, box: tuple[Box, Smtp]) -> None:
    sink, smtp = box
    for n in range(6):
        with pytest.raises(KeyboardInterrupt):
            send(mailing, Dying(smtp, after=n % 3, handed=n % 2 == 0), smtp=smtp)
    assert len(sink.mails) == 9
    once(mailing, sink, smtp, kills=6)
    assert len(sink.mails) == 29, "three of six had left, three had not: nobody knows, so none is sent again"


def test_a_message_is_claimed_once_whoever_asks(company: Lake) -> None:
    key, log = Key("L1", 1, "C0001", "email"), Log(company.path)
    assert log.claim([key], at=NOON) == [], "nobody queued it"
    log.write([Event(key, "queued", NOON)])
    assert log.claim([key], at=NOON) == [key]
    assert Log(company.path).claim([key], at=NOON) == []
    log.settle([key], "sent", at=NOON)
    assert log.claim([key], at=NOON) == []


def test_with_a_log_of_consents_the_last_event_before_sending_counts(mailing: Lake, box: tuple[Box, Smtp]) -> None:
    contact = book.find(mailing, "L1").contact["recipient_id"]
    said = [(contact[0], True, -9), (contact[1], True, -9), (contact[1], False, -1), (contact[2], True, 1)]
    rows = pl.DataFrame([
        {"consent_id": str(i), "recipient": "member", "recipient_id": who, "channel": "email", "purpose": "marketing",
         "granted": yes, "at": NOON + timedelta(days=days), "origin": "app"}
        for i, (who, yes, days) in enumerate(said)
    ])  # fmt: skip
    file_rows(mailing, CONTRACTS["consents"], rows, batch="k", source="crm", by="crm", now=NOON)
    came = send(mailing, Mail(box[1]), smtp=box[1])
    assert came.counts == {"no_consent": 31, "sent": 1}
    assert [m["To"] for m in box[0].mails] == [f"m{int(contact[0][1:])}@example.com"]


def test_two_senders_at_once_are_one(mailing: Lake, box: tuple[Box, Smtp]) -> None:
    _, smtp = box
    with sending._alone(mailing.path), pytest.raises(LakeError) as error:
        send(mailing, Mail(smtp), smtp=smtp)
    assert error.value.code == "lake.locked"


@pytest.mark.parametrize("kind", ["xlsx", "csv"])
def test_a_hand_off_file_holds_text_only_is_closed_to_others_and_goes_after_thirty_days(
    texting: Lake, kind: str
) -> None:
    way = HandOff(texting.path, by="li", kind=kind)  # type: ignore[arg-type]
    came = send(texting, way, channel="sms")
    assert (came.counts, came.done) == ({"sent": 32}, True)
    assert way.path is not None
    assert way.path.stat().st_mode & 0o077 == 0
    if kind == "xlsx":
        table = pl.read_excel(way.path, has_header=False, infer_schema_length=0)
        cells = [list(row) for row in table.iter_rows()]
        with zipfile.ZipFile(way.path) as parts:
            assert b"<f>" not in parts.read("xl/worksheets/sheet1.xml")
    else:
        cells = list(csv.reader(way.path.read_text(encoding="utf-8-sig").splitlines()))
    assert len(cells) == 33
    texts = [str(c) for row in cells for c in row if c]
    assert not [t for t in texts if t[0] in "=+-@\t"]
    assert not [t for t in texts if "\n" in t or "\r" in t]
    phones = {row[2] for row in cells[1:]}
    assert all(p.isdecimal() and len(p) == 11 for p in phones)
    named = next((row for row in cells if "HYPERLINK" in str(row[1])), None)
    if named is not None:
        assert str(named[1]).startswith("'=")
    rows = book.find(texting, "L1").contact
    assert set(rows["parts"]) <= {1, 2}
    assert int(rows["cost_minor"].sum()) == 5 * int(rows["parts"].sum())
    (line,) = [one for one in audit.lines(texting.path) if one["what"] == "handed off"]
    assert (line["by"], line["rows"], line["file"]) == ("li", 32, way.path.name)
    assert not [i for i in EVIL.values() if i in str(list(audit.lines(texting.path)))], "no name in the audit"
    assert audit.sweep(texting.path, now=NOON + timedelta(days=29)) == 0
    assert audit.sweep(texting.path, now=NOON + timedelta(days=31)) == 1
    assert not way.path.exists()
    assert audit.sweep(texting.path, now=NOON + timedelta(days=32)) == 0


def test_a_hook_gets_each_message_once_under_its_key(texting: Lake) -> None:
    posted: list[tuple[str, dict[str, Any], str]] = []
    hook = Hook("https://sms.example/", post=lambda address, body, *, key: posted.append((address, body, key)))
    send(texting, hook, channel="sms")
    assert len({key for _, _, key in posted}) == len(posted) == 32
    assert all("\n" not in body["text"] and body["text"].startswith("【茶铺】") for _, body, _ in posted)

    def broken(*_: object, **__: object) -> None:
        raise OSError("half an answer")

    ready(texting, "sms", name="L2", objective="service")
    came = send(texting, Hook("https://sms.example/", post=broken), channel="sms", name="L2")
    assert came.counts == {"unknown": 32}, "it may have left: never sent again"


def test_replies_come_back_as_events_once_and_who_opts_out_is_written_to_no_more(
    mailing: Lake, box: tuple[Box, Smtp], tmp_path: Path
) -> None:
    sink, smtp = box
    send(mailing, Mail(smtp), smtp=smtp)
    contact = book.find(mailing, "L1").contact["recipient_id"]
    codes = mailing.pseudonyms(contact).to_list()
    token = next(
        m["List-Unsubscribe"].rsplit("/", 1)[1].strip(">")
        for m in sink.mails
        if m["To"] == f"m{int(contact[1][1:])}@example.com"
    )
    file = tmp_path / "back.csv"
    file.write_text(
        "code,kind,at,value\n"
        f"{codes[0]},delivered,2026-09-01 12:01,\n{token},opted_out,2026-09-01 13:00,\n"
        f"{codes[2]},failed,2026-09-01 12:01,hard_bounce\nNOBODY22,opened,2026-09-01 12:01,\n"
    )
    took = receipts.take(mailing, "L1", file, at=NOON, by="li")
    assert (took.new, took.known, took.strangers, took.opted_out, took.suppressed) == (3, 0, 1, 1, 2)
    again = receipts.take(mailing, "L1", file, at=NOON, by="li")
    assert (again.new, again.known, again.suppressed) == (0, 3, 0)
    status = dict(book.find(mailing, "L1").contact.select("recipient_id", pl.col("status").cast(pl.String)).iter_rows())
    assert [status[contact[i]] for i in range(4)] == ["delivered", "delivered", "bounced", "sent"]
    ready(mailing, name="L2", objective="service")
    second = send(mailing, Mail(smtp), smtp=smtp, name="L2", at=NOON + timedelta(hours=3))
    assert second.counts.get("suppressed", 0) == len(
        set(contact[1:3]) & set(book.find(mailing, "L2").contact["recipient_id"])
    )


def test_a_receipt_settles_what_was_not_known(texting: Lake, tmp_path: Path) -> None:

    def broken(*_: object, **__: object) -> None:
        raise OSError

    send(texting, Hook("https://sms.example/", post=broken), channel="sms")
    who = book.find(texting, "L1").contact["recipient_id"][0]
    file = tmp_path / "back.csv"
    code = texting.pseudonyms(pl.Series([who]))[0]
    file.write_text(f"code,kind,at\n{code},delivered,2026-09-01 12:01\n")
    receipts.take(texting, "L1", file, at=NOON, by="li")
    last = {e.key.recipient_id: e.state for e in Log(texting.path).events("L1")}
    assert (last[who], set(last.values())) == ("sent", {"sent", "unknown"})


@pytest.mark.parametrize(
    "text", ["code,at\nX,2026-09-01\n", "code,kind,at\nX,eaten,2026-09-01 10:00\n", "code,kind,at\nX,opened,soon\n"]
)
def test_a_file_that_holds_no_receipts_is_refused_whole(mailing: Lake, tmp_path: Path, text: str) -> None:
    file = tmp_path / "back.csv"
    file.write_text(text)
    with pytest.raises(ParameterError) as error:
        receipts.take(mailing, "L1", file, at=NOON, by="li")
    assert error.value.code == "run.bad_receipts"
    assert not mailing.has("outreach_events")


def test_a_list_to_distributors_asks_their_consents_and_goes_to_their_people(
    company: Lake, box: tuple[Box, Smtp]
) -> None:
    own: dict[str, Any] = {"source": "crm", "by": "crm", "now": NOON}
    ids = [f"D{i:03}" for i in range(20)]
    partners = pl.DataFrame(
        {"partner_id": ids, "name": [f"经销商{i}" for i in ids], "kind": "distributor", "region": "east"}
    )
    file_rows(company, CONTRACTS["partners"], partners, batch="d", **own)
    people = pl.DataFrame({
        "partner_id": [*ids, "D000"], "person_no": [*[2] * 20, 1], "name": "x",
        "email": [*[f"{i}@example.com" for i in ids], "first@example.com"],
    })  # fmt: skip
    file_rows(company, CONTRACTS["partner_people"], people, batch="dp", **own)
    yes = pl.DataFrame({
        "consent_id": ids[:19], "recipient": "partner", "recipient_id": ids[:19], "channel": "email",
        "purpose": "marketing", "granted": True, "at": NOON - timedelta(days=3), "origin": "web",
    })  # fmt: skip
    file_rows(company, CONTRACTS["consents"], yes, batch="dc", **own)
    terms = Terms("D1", "D1", "launch", "email", "li", recipient="partner", control_bp=2000, message_id="M-email")
    at = NOON - timedelta(hours=3)
    book.file(company, pl.DataFrame({"recipient_id": ids}), terms, at=at, by="li")
    book.move(company, book.find(company, "D1"), "approved", at=at, by="wang")
    contact = set(book.find(company, "D1").contact["recipient_id"])
    came = send(company, Mail(box[1]), smtp=box[1], name="D1")
    agreed = contact - {"D019"}
    assert came.counts.get("sent") == len(agreed)
    to = {"D000": "first@example.com"} | {i: f"{i}@example.com" for i in ids[1:]}
    assert {m["To"] for m in box[0].mails} == {to[i] for i in agreed}
    assert all("经销商" in m.get_payload()[0].get_payload(decode=True).decode() for m in box[0].mails)
