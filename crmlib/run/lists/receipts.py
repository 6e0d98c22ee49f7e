"""What comes back: delivered, bounced, answered, opted out; each becomes an event, once, and what follows from it.

A file of receipts names the recipient by the code of the list (a pseudonym) or by a mail's one-click token. Whoever
opts out or complains has withdrawn consent from that moment on and is suppressed by the hash of the address; an address
that bounced for good is suppressed, too; a receipt settles a message whose fate was not known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.core.contracts.lists import EVENT_KINDS
from crmlib.core.errors import ModelError, ParameterError
from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.data.lake.filed import file_rows
from crmlib.outreach import outbox
from crmlib.outreach.outbox import Key
from crmlib.outreach.permission import address_hash
from crmlib.run.lists import audit, book, letters, permitted
from crmlib.run.lists.book import Listed
from crmlib.run.lists.log import Log

NEEDS = ("code", "kind", "at")
LEFT = ("opted_out", "complained")
GONE = ("hard_bounce", "wrong_number")
"""Values of `failed` after which an address is never used again."""
REACHED = ("delivered", "opened", "clicked", "replied", "answered", "promised", "redeemed", *LEFT)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file of receipts came to.

    Parameters
    ----------
    new, known, strangers : receipts kept, kept before, and of nobody on the list.
    opted_out, suppressed : recipients who are contacted no more; addresses never used again.
    """

    new: int
    known: int
    strangers: int
    opted_out: int
    suppressed: int


def take(lake: Lake, list_id: str, file: Path, *, at: datetime, by: str) -> Taken:
    """Keep the receipts of a CSV file: code (or token), kind, at, and if known value and staff_id.

    Raises
    ------
    ParameterError
        `run.bad_receipts` for a file that is not one: columns, kinds, times.
    """
    return keep(lake, book.find(lake, list_id), _read(file, zone=lake.time_zone), at=at, by=by)


def leave(lake: Lake, token: str, *, at: datetime) -> bool:
    """The one click of a mail: whoever got it is written to no more; false for a token that nobody was sent."""
    found = letters.opened(lake, token)
    if found is None:
        return False
    list_id, code = found
    try:
        listed = book.find(lake, list_id)
    except ModelError:
        return False
    click = pl.DataFrame({"code": [code], "kind": ["opted_out"], "value": ["one click"], "at": [at]})
    local = pl.col("at").dt.convert_time_zone(lake.time_zone)
    rows = click.with_columns(local, staff_id=pl.lit(None, dtype=pl.String))
    took = keep(lake, listed, rows, at=at, by="one click")
    return took.strangers == 0


def keep(lake: Lake, listed: Listed, given: pl.DataFrame, *, at: datetime, by: str) -> Taken:
    """Keep receipts (code or token, kind, value, staff_id, at) of a list, and do what follows from them.

    The events come last: a process that dies before has the receipts taken again, whole.
    """
    rows = _named(lake, listed, given)
    strangers = rows.filter(pl.col("recipient_id").is_null()).height
    rows = rows.drop_nulls("recipient_id").unique("event_id", keep="first", maintain_order=True)
    before = set(_before(lake)["event_id"])
    fresh = rows.filter(~pl.col("event_id").is_in(list(before)))
    left = _withdraw(lake, listed, fresh, at=at, by=by)
    shut = _suppress(lake, listed, fresh, at=at, by=by)
    _settle(lake, listed, fresh, at=at, by=by)
    if fresh.height:
        batch = f"receipts-{sha256(''.join(fresh['event_id']).encode()).hexdigest()[:32]}"
        file_rows(lake, CONTRACTS["outreach_events"], fresh, batch=batch, source=book.SOURCE, by=by, now=at)
    audit.note(
        lake.path, what="receipts", by=by, at=at, list=listed.life.list_id, new=fresh.height, strangers=strangers
    )
    return Taken(fresh.height, rows.height - fresh.height, strangers, left, shut)


def _read(file: Path, *, zone: str) -> pl.DataFrame:
    try:
        table = pl.read_csv(file, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as problem:
        raise _bad(file, type(problem).__name__) from None
    missing = [name for name in NEEDS if name not in table.columns]
    if missing:
        raise _bad(file, f"no column {', '.join(missing)}")
    table = table.with_columns(
        *[pl.lit(None, dtype=pl.String).alias(c) for c in ("value", "staff_id") if c not in table.columns],
        when=pl.col("at")
        .str.to_datetime(strict=False, time_unit="us")
        .dt.replace_time_zone(zone, ambiguous="earliest"),
    )
    unknown = table.filter(~pl.col("kind").is_in(EVENT_KINDS))["kind"]
    if unknown.len():
        raise _bad(file, f"kind {str(unknown[0])[:20]}")
    if table["when"].null_count():
        raise _bad(file, "a time that is none")
    return table.select("code", "kind", "value", "staff_id", at="when")


def _bad(file: Path, problem: str) -> ParameterError:
    return ParameterError("run.bad_receipts", values={"file": file.name, "problem": problem})


def _named(lake: Lake, listed: Listed, given: pl.DataFrame) -> pl.DataFrame:
    """The receipts with recipient and event number; without a recipient where the code is nobody's of the list."""
    ids = listed.rows["recipient_id"]
    lists = listed.life
    codes = dict(zip(lake.pseudonyms(ids), ids, strict=True))
    clicked = [letters.opened(lake, unquote(str(c).strip())) for c in given["code"]]
    own = [t[1] if t and t[0] == lists.list_id else str(c).strip().upper()
           for c, t in zip(given["code"], clicked, strict=True)]  # fmt: skip
    found = [codes.get(code) for code in own]
    text = pl.concat_str(pl.lit(lists.list_id), "recipient_id", "kind", pl.col("at").cast(pl.String), separator="\x1f")
    rows = given.with_columns(recipient_id=pl.Series(found, dtype=pl.String), list_id=pl.lit(lists.list_id))
    hashed = text.map_elements(lambda t: f"E{sha256(t.encode()).hexdigest()[:24]}", return_dtype=pl.String)
    return rows.with_columns(event_id=hashed)


def _before(lake: Lake) -> pl.DataFrame:
    if not lake.has("outreach_events"):
        return pl.DataFrame(schema={"event_id": pl.String})
    return lake.table("outreach_events").select("event_id").collect()


def _channel(listed: Listed, who: str) -> str:
    row = listed.rows.filter(pl.col("recipient_id") == who)
    return str(row["channel"][0] or listed.row["channel"])


def _withdraw(lake: Lake, listed: Listed, fresh: pl.DataFrame, *, at: datetime, by: str) -> int:
    """Consent withdrawn on the channel of the list, from the moment of the reply; and the address is suppressed."""
    gone = fresh.filter(pl.col("kind").is_in(LEFT))
    if gone.is_empty():
        return 0
    kind = str(listed.row["recipient"])
    rows: list[dict[str, Any]] = [
        {"consent_id": f"R{row['event_id']}", "recipient": kind, "recipient_id": row["recipient_id"],
         "channel": channel, "purpose": "marketing", "granted": False, "at": row["at"], "origin": "reply",
         "evidence": listed.life.list_id}
        for row in gone.iter_rows(named=True)
        if (channel := _channel(listed, row["recipient_id"])) not in permitted.FREE
    ]  # fmt: skip
    if rows and lake.has("consents"):
        known = set(lake.table("consents").select("consent_id").collect()["consent_id"])
        rows = [row for row in rows if row["consent_id"] not in known]
    if rows and lake.has("consents"):
        batch = f"consents-{sha256(''.join(r['consent_id'] for r in rows).encode()).hexdigest()[:32]}"
        file_rows(lake, CONTRACTS["consents"], pl.DataFrame(rows), batch=batch, source=book.SOURCE, by=by, now=at)
    return gone["recipient_id"].n_unique()


def _suppress(lake: Lake, listed: Listed, fresh: pl.DataFrame, *, at: datetime, by: str) -> int:
    """Addresses that are never used again, by their hash."""
    left = fresh.filter(pl.col("kind").is_in(LEFT)).with_columns(reason=pl.lit("opted_out"))
    broken = fresh.filter((pl.col("kind") == "failed") & pl.col("value").is_in(GONE)).with_columns(
        reason=pl.col("value")
    )
    key, rows = pseudonyms.key_of(lake.path), dict[tuple[str, str], dict[str, Any]]()
    for row in pl.concat([left, broken]).iter_rows(named=True):
        channel = _channel(listed, row["recipient_id"])
        who, kind = row["recipient_id"], str(listed.row["recipient"])
        address = permitted.addresses(lake, channel, pl.Series([who]), recipient=kind).get(who)
        if address:
            hashed = address_hash(address, key=key)
            rows[hashed, channel] = {"address_hash": hashed, "channel": channel, "since": row["at"],
                                     "reason": row["reason"]}  # fmt: skip
    if rows and lake.has("suppressions"):
        known = lake.table("suppressions").select("address_hash", pl.col("channel").cast(pl.String)).collect()
        rows = {pair: row for pair, row in rows.items() if pair not in set(known.iter_rows())}
    if rows:
        batch = f"suppressions-{sha256(''.join(h for h, _ in rows).encode()).hexdigest()[:32]}"
        table = pl.DataFrame(list(rows.values()))
        file_rows(lake, CONTRACTS["suppressions"], table, batch=batch, source=book.SOURCE, by=by, now=at)
    return len(rows)


def _settle(lake: Lake, listed: Listed, fresh: pl.DataFrame, *, at: datetime, by: str) -> None:
    """Delivered or failed: the register's status, and messages whose fate was not known."""
    log = Log(lake.path)
    unknown = {k for k, s in outbox.states(log.events(listed.life.list_id)).items() if s == "unknown"}
    status: dict[str, str] = {}
    for row in fresh.filter(pl.col("kind").is_in([*REACHED, "failed"])).iter_rows(named=True):
        ended = "failed" if row["kind"] == "failed" else "sent"
        key = Key(listed.life.list_id, listed.life.version, row["recipient_id"], _channel(listed, row["recipient_id"]))
        if key in unknown:
            log.settle([key], ended, at=at, note="receipt")  # type: ignore[arg-type]
            unknown.discard(key)
        status[row["recipient_id"]] = "bounced" if ended == "failed" else "delivered"
    contact = set(listed.contact["recipient_id"])
    told = [(who, s, at) for who, s in status.items() if who in contact]
    if told:
        kinds = pl.Schema({"recipient_id": pl.String(), "status": pl.String(), "status_at": pl.Datetime("us", "UTC")})
        now = pl.DataFrame(told, schema=kinds, orient="row").with_columns(
            pl.col("status_at").dt.convert_time_zone(str(ZoneInfo(lake.time_zone)))
        )
        rows = listed.rows.with_columns(pl.col("status").cast(pl.String)).update(now, on="recipient_id", how="left")
        book.put_rows(lake, listed, rows, by=by, at=at)
