"""From content to HTML: one self-contained document that asks for nothing, from nobody."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from crmlib.kit.escape import shown
from crmlib.kit.words import Words
from crmlib.report import drawing
from crmlib.report.html.content import Card, Content

if TYPE_CHECKING:
    from jinja2 import Environment

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'self'; script-src {scripts}"
)


PACKED_FROM = 8_000
"""A specification of so many characters is packed: a what-if of 600 cases has 309 kB, packed 25."""


_SIGNED = re.compile(r"[+\-−][¥$€£][\d.,]+\w?")


def together(text: str) -> Markup:
    """`text` escaped; a sign and the money after it stay on one line, where a browser would part them.

    Examples
    --------
    >>> together("more <(+¥2.84K)")
    Markup('more &lt;(<span class="one">+¥2.84K</span>)')
    """
    return Markup(_SIGNED.sub(r'<span class="one">\g<0></span>', str(escape(text))))


def html(content: Content, *, words: Words) -> str:
    """The page. Everything is escaped, except the pictures and tables that `sanitize` has cleaned; marks are shown.

    The security policy allows no request at all, and no script but those whose hashes it names: one sorts and filters
    tables, one lets a field follow another, two draw charts where there are any.
    """
    follows = content.form is not None and any(field.by for field in content.form.fields)
    form = str(_file("form.js")) if follows else ""
    loader, tables = (str(_file("loader.js")) if content.charts else ""), str(_file("tables.js"))
    bundle = drawing.bundle() if content.charts else None
    hashes = [
        _sha256(tables),
        *([_sha256(form)] if form else []),
        *([_sha256(loader), bundle.sha256] if bundle else []),
    ]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    locale = drawing.time_locale(content.language) if content.charts else ""
    return shown(  # no name in it, wherever it stands, turns a line around or hides a sign
        _environment()
        .get_template("page.html.j2")
        .render(
            content_fields(content)
            | {
                "words": words,
                "policy": Markup(_POLICY.format(scripts=allowed)),
                "style": _file("page.css"),
                "loader": Markup(loader),
                "tables": Markup(tables),
                "form_script": Markup(form),
                "bundle": bundle.packed if bundle else "",
                "time_locale": Markup(locale),
            }
        )
    )


def content_fields(content: Content) -> dict[str, object]:
    """The fields of `content` by name, specifications marked as safe: they are JSON made for script elements."""
    fields: dict[str, object] = {name: getattr(content, name) for name in content.__slots__}
    fields["charts"] = [
        {"anchor": c.anchor, "vega": _packed(c.vega) if len(c.vega) > PACKED_FROM else Markup(c.vega)}
        | {"packed": len(c.vega) > PACKED_FROM}
        for c in content.charts
    ]
    return fields


def _packed(text: str) -> str:
    """Gzipped, in base64: the same text has the same characters."""
    return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()


def card(one: Card, *, words: Words) -> str:
    """One card with its style, for a notebook's output cell."""
    body = shown(_environment().get_template("card.html.j2").render(card=one, words=words))
    scoped = _file("page.css").replace(":root{", ".crmlib{", 1)
    return f"<style>@scope (.crmlib){{{scoped}}}</style><div class='crmlib'>{body}</div>"


def compile_all() -> None:
    """Compile every template now: processes forked from this one have them."""
    for name in _environment().list_templates(extensions=["j2"]):
        _environment().get_template(name)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    made = Environment(
        loader=PackageLoader("crmlib.report.html", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["together"] = together
    return made


@cache
def _file(name: str) -> Markup:
    text = files("crmlib.report.html").joinpath("template").joinpath(name).read_text(encoding="utf-8")
    return Markup(text.strip())


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
