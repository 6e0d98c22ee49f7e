"""What leaves for one recipient: the words of the list's message, filled, counted and priced, and where it goes."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import quote

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.outreach import message as wording
from crmlib.outreach.draw import SEPARATOR
from crmlib.outreach.outbox import Key
from crmlib.run.lists.rules import Rules

PARTS = 3
"""List, version and code, of which a token is made."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to one recipient.

    Parameters
    ----------
    key : what makes it one; code : the recipient's pseudonym; address : phone or mail address (empty in the store).
    text : what is said; parts : short messages charged for; cost_minor : what it costs.
    mail : the whole e-mail, where it is one.
    """

    key: Key
    code: str
    name: str
    address: str
    text: str
    parts: int | None
    cost_minor: int
    mail: EmailMessage | None = None

    @property
    def hash(self) -> str:
        """SHA-256 of what is said."""
        return sha256(self.text.encode()).hexdigest()


def write(
    lake: Lake, campaign: Mapping[str, Any], rows: pl.DataFrame, *, channel: str, found: Mapping[str, str], rules: Rules
) -> list[Letter]:
    """The letters of some rows of a list on one channel.

    Parameters
    ----------
    rows : of `outreach`; found : address by recipient, for those that have one.

    Raises
    ------
    ModelError
        `outreach.no_message` where a mail has no message; `outreach.placeholder`, `outreach.remote_part`.
    """
    said = _message(lake, campaign)
    if said is None and channel == "email":
        raise ModelError("outreach.no_message", values={"list": campaign["list_id"]})
    ids = rows["recipient_id"]
    names, codes = _names(lake, ids, str(campaign["recipient"])), dict(zip(ids, lake.pseudonyms(ids), strict=True))
    goods = _goods(lake, rows)
    made = []
    for row in rows.iter_rows(named=True):
        who = row["recipient_id"]
        key = Key(campaign["list_id"], campaign["version"], who, channel)
        values = {
            "name": names.get(who, ""), "code": codes[who], "store": row["store_id"] or "",
            **{f"product_{i}": goods.get(row[f"product_{i}"], row[f"product_{i}"] or "") for i in (1, 2, 3)},
        }  # fmt: skip
        made.append(_letter(key, values, said, address=found.get(who, ""), rules=rules, lake=lake))
    return made


def _letter(
    key: Key, values: dict[str, str], said: Mapping[str, Any] | None, *, address: str, rules: Rules, lake: Lake
) -> Letter:
    price = rules.price_minor.get(key.channel, 0)
    code, name = values["code"], wording.clean(values["name"])
    if said is None:
        return Letter(key, code, name, address, "", None, price)
    if key.channel == "sms":
        made = wording.sms(
            said["body"], values, signature=said["signature"], opt_out=said["opt_out_text"], price_minor=price
        )
        return Letter(key, code, name, address, made.text, made.parts, made.cost_minor)
    if key.channel != "email":
        text = "\n".join(wording.call_script(said["body"], values))
        return Letter(key, code, name, address, text, None, price)
    mail = wording.email(
        said["subject"] or "", f"{said['body']}\n\n{said['signature']}\n{said['opt_out_text']}",
        said["body_html"] or f"<p>{escape(said['body'])}</p>", values, to=address,
        sender=rules.smtp.sender if rules.smtp else "",
        unsubscribe=rules.unsubscribe.replace("{token}", quote(token(lake, key, code))),
    )  # fmt: skip
    mail["Message-ID"] = f"<{sha256(token(lake, key, code).encode()).hexdigest()[:32]}@crmlib.invalid>"
    return Letter(key, code, name, address, mail.as_string(), None, price, mail)


def token(lake: Lake, key: Key, code: str) -> str:
    """What a mail's one-click address says: list, version and code, signed by the lake's key."""
    said = f"{key.list_id}.{key.version}.{code}"
    return f"{said}.{_signed(lake, said)}"


def opened(lake: Lake, text: str) -> tuple[str, str] | None:
    """List and code of a token; none for one that was not made here."""
    said, _, mark = text.rpartition(".")
    parts = said.rsplit(".", 2)
    if len(parts) != PARTS or not mark.isascii() or not hmac.compare_digest(mark, _signed(lake, said)):
        return None
    return parts[0], parts[2]


def _signed(lake: Lake, said: str) -> str:
    return hmac.digest(pseudonyms.key_of(lake.path), f"unsubscribe{SEPARATOR}{said}".encode(), sha256).hex()[:32]


def _message(lake: Lake, campaign: Mapping[str, Any]) -> dict[str, Any] | None:
    if not campaign["message_id"] or not lake.has("messages"):
        return None
    of_it = lake.table("messages").filter(pl.col("message_id") == campaign["message_id"]).sort("version").collect()
    asked = campaign["message_version"]
    chosen = of_it if asked is None else of_it.filter(pl.col("version") == asked)
    return chosen.row(-1, named=True) if chosen.height else None


def _names(lake: Lake, ids: pl.Series, recipient: str) -> dict[str, str]:
    table, key = ("partners", "partner_id") if recipient == "partner" else ("people", "customer_id")
    if not lake.has(table):
        return {}
    rows = lake.table(table).filter(pl.col(key).is_in(ids.implode())).select(key, "name")
    return dict(rows.collect().drop_nulls().iter_rows())


def _goods(lake: Lake, rows: pl.DataFrame) -> dict[str, str]:
    asked = pl.concat([rows[f"product_{i}"] for i in (1, 2, 3)]).drop_nulls().unique()
    if asked.is_empty() or not lake.has("products"):
        return {}
    named = lake.table("products").filter(pl.col("product_id").is_in(asked.implode())).select("product_id", "name")
    return dict(named.collect().drop_nulls().iter_rows())
