"""One message per channel: SMS with its parts and price, e-mail, call script, poster; every value is text.

Placeholders are `{name}` and nothing more (no attributes, no formats). Values lose control signs and line breaks, so
nobody's name can add a header, a line or a second message; in HTML they are escaped.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from html import escape

from crmlib.core.errors import ModelError

ONE_PART, MORE_PARTS = 70, 67
"""Signs (UTF-16 units) of a single short message, and of each of several."""
PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
POSTER_STYLE = (
    "@page{size:A4;margin:18mm}body{font-family:sans-serif;text-align:center}"
    "h1{font-size:52pt}p{font-size:26pt}small{font-size:11pt}"
)
FORMULA = frozenset("=+-@|%")
"""Signs that begin a formula; wide ones count as theirs (a Chinese Excel takes a wide = for one)."""
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
REMOTE = re.compile(
    r"""(?:src|background|poster|srcset)\s*=|url\s*\(|@import|<\s*(?:script|link|iframe|object|embed)\b""", re.I
)


@dataclass(frozen=True, slots=True)
class Sms:
    """A short message as it leaves: text, signs, parts, price [minor units]."""

    text: str
    signs: int
    parts: int
    cost_minor: int


def signs(text: str) -> int:
    """UTF-16 units, as operators count.

    Examples
    --------
    >>> signs("abc"), signs("\N{WRAPPED PRESENT}")
    (3, 2)
    """
    return len(text.encode("utf-16-be")) // 2


def parts(count: int) -> int:
    """Messages charged for so many signs.

    Examples
    --------
    >>> [parts(n) for n in (0, 70, 71, 134, 135)]
    [0, 1, 2, 2, 3]
    """
    if count <= ONE_PART:
        return min(count, 1)
    return -(-count // MORE_PARTS)


def fill(template: str, values: Mapping[str, object]) -> str:
    r"""`template` with its placeholders filled by clean texts.

    Raises
    ------
    ModelError
        `outreach.placeholder` for one without a value, or braces that are none.

    Examples
    --------
    >>> fill("Dear {name}", {"name": "Li\r\nBcc: x"})
    'Dear Li Bcc: x'
    """
    names = PLACEHOLDER.findall(template)
    missing = [n for n in names if n not in values]
    if missing or re.search(r"[{}]", PLACEHOLDER.sub("", template)):
        raise ModelError(
            "outreach.placeholder", values={"missing": ", ".join(missing), "known": ", ".join(sorted(values))}
        )
    return PLACEHOLDER.sub(lambda m: clean(values[m[1]]), template)


def clean(value: object) -> str:
    """A value as one line of text without control signs; braces stay text."""
    return CONTROL.sub(" ", str(value)).strip()


def sms(template: str, values: Mapping[str, object], *, signature: str, opt_out: str, price_minor: int) -> Sms:
    """A short message; signature and opt-out words count."""
    text = f"{signature}{fill(template, values)}{opt_out}"
    count = signs(text)
    return Sms(text, count, parts(count), parts(count) * price_minor)


def email(
    subject: str, body: str, html: str, values: Mapping[str, object], *, sender: str, to: str, unsubscribe: str
) -> EmailMessage:
    """An e-mail in text and HTML without remote parts, with one-click List-Unsubscribe (RFC 8058).

    Parameters
    ----------
    subject, body, html : templates.
    unsubscribe : https address that takes the one click.

    Raises
    ------
    ModelError
        `outreach.remote_part` for HTML that would load anything; `outreach.placeholder`.
    """
    if REMOTE.search(html):
        raise ModelError("outreach.remote_part")
    message = EmailMessage()
    message["Subject"] = clean(fill(subject, values))
    message["From"], message["To"] = clean(sender), clean(to)
    message["List-Unsubscribe"] = f"<{clean(unsubscribe)}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(fill(body, values))
    message.add_alternative(fill(html, {name: escape(clean(v)) for name, v in values.items()}), subtype="html")
    return message


def call_script(template: str, values: Mapping[str, object]) -> list[str]:
    """What to say, line by line."""
    return [fill(line, values) for line in template.splitlines() if line.strip()]


def poster(title: str, lines: list[str], values: Mapping[str, object], *, small: str = "") -> str:
    """An A4 page as one HTML file that loads nothing."""
    head = f"<!doctype html><meta charset='utf-8'><style>{POSTER_STYLE}</style>"
    body = "".join(f"<p>{escape(fill(line, values))}</p>" for line in lines)
    return f"{head}<h1>{escape(fill(title, values))}</h1>{body}<small>{escape(fill(small, values))}</small>"


def neutral(cell: object) -> str:
    r"""A cell of a hand-off file that no spreadsheet takes for a formula.

    Examples
    --------
    >>> neutral("=1+1"), neutral("Li"), neutral("\t=1"), neutral("\uff1d1+1") == "'\uff1d1+1"
    ("'=1+1", 'Li', "'=1", True)
    """
    text = clean(cell)
    first = next((sign for sign in text if unicodedata.category(sign) != "Cf"), "")
    return f"'{text}" if unicodedata.normalize("NFKC", first) in FORMULA else text
