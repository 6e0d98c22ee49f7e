"""Handbooks per role, ten minutes each: small pages beside the portal, printed well, read before a login too."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from pathlib import Path

import mistune

from crmlib.kit import terms
from crmlib.kit.escape import escape
from crmlib.kit.words import LANGUAGES, Language, Words, locale

ROLES = ("planner", "store_manager", "adviser", "analyst", "administrator", "sponsor")
DEFINITIONS = "definitions"
PAGES = (*ROLES, DEFINITIONS)
FOLDER = "handbook"
_PAGE = """<!doctype html>
<html lang="{tag}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<link rel="icon" href="data:,"><title>{title}</title><style>
body{{margin:0;background:#f7f9fb;color:#1f2933}}
body{{font:16px/1.7 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif}}
main{{max-width:44em;margin:24px auto;padding:0 24px 40px}}
main{{overflow-wrap:anywhere}}nav{{font-size:13px}}nav a{{margin-right:14px;white-space:nowrap}}
a{{color:#0f766e}}h1{{font-size:22px}}h2{{font-size:17px;margin:22px 0 4px}}
pre{{background:#fff;border:1px solid #e4e9ef;border-radius:5px;padding:10px;overflow:auto;font-size:13px}}
@media print{{body{{background:#fff;font-size:11pt}}nav{{display:none}}main{{margin:0;max-width:none}}}}
</style></head><body><main><nav aria-label="{title}">{links}</nav>
{text}</main></body></html>
"""


def written(role: str, language: Language) -> str:
    """The text of a handbook or of the definitions, in Markdown; in English where the language has none yet."""
    if role == DEFINITIONS:
        return terms.markdown(language)
    folder = files("crmlib.run").joinpath(FOLDER)
    own = folder.joinpath(f"{role}.{language}.md")
    return (own if own.is_file() else folder.joinpath(f"{role}.en.md")).read_text(encoding="utf-8")


def title(role: str, language: Language) -> str:
    """What a handbook is called.

    Examples
    --------
    >>> title("planner", "en")
    'Handbook for planners'
    """
    return written(role, language).partition("\n")[0].removeprefix("# ")


@cache
def page(role: str, language: Language) -> str:
    """A handbook as a page of its own, with the way to the others and to the other language."""
    other = next(code for code in LANGUAGES if code != language)
    links = [f'<a href="{name}.html">{escape(title(name, language))}</a>' for name in PAGES if name != role]
    tongue = (
        f'<a href="../{other}/{role}.html" lang="{locale(other).tag}">{escape(Words(other)("portal.language"))}</a>'
    )
    html = str(mistune.create_markdown(escape=True)(written(role, language)))
    html = html.replace("<pre>", '<pre tabindex="0">')  # what scrolls is reached by keyboard
    return _PAGE.format(
        tag=locale(language).tag, title=escape(title(role, language)), links=" ".join([*links, tongue]), text=html
    )


def links(language: Language, *, root: str = "") -> str:
    """The way to all handbooks of a language, as the foot of the portal and the login page show it."""
    shown = (f'<a href="{root}{FOLDER}/{language}/{role}.html">{escape(title(role, language))}</a>' for role in PAGES)
    return " · ".join(shown)


def write(reports: Path) -> None:
    """The handbooks beside the portal; what stands there already is left alone."""
    for language in LANGUAGES:
        folder = reports / FOLDER / language
        folder.mkdir(parents=True, exist_ok=True)
        for role in PAGES:
            file, text = folder / f"{role}.html", page(role, language)
            if file.is_file() and file.read_text(encoding="utf-8") == text:
                continue
            draft = folder / f".{role}.{os.getpid()}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(file)
