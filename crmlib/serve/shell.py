"""The one frame of the server's own small pages: head, style, policy of content, and how a form answers in it.

No script runs on these pages and nothing is loaded; the one style is allowed by its hash, so markup that got in somehow
could not even colour itself.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from string import Template

from crmlib.kit.escape import escape

POLICY = "default-src 'none'; style-src 'sha256-{style}'; img-src data:; form-action 'self'; base-uri 'none'"


def page(*, lang: str, title: str, main: str, wide: bool = False) -> str:
    """A whole page.

    Parameters
    ----------
    lang : tag of the language. title : text. main : HTML of the content. wide : for tables.

    Examples
    --------
    >>> "<title>a&lt;b</title>" in page(lang="en", title="a<b", main="<p>c</p>"), "script" in page(
    ...     lang="en", title="", main=""
    ... )
    (True, False)
    """
    classes = ' class="wide"' if wide else ""
    return _frame().substitute(lang=lang, title=escape(title), main=main, wide=classes)


def content(*, title: str, blocks: str, problem: str = "", said: str = "", foot: str = "") -> str:
    """What stands on the page of one form.

    Parameters
    ----------
    problem, said : why not, or what was done: text, a line break for each new line.
    blocks, foot : HTML.
    """
    told = (("bad", "alert", problem), ("good", "status", said))
    shown = [(kind, role, escape(text).replace("\n", "<br>")) for kind, role, text in told if text]
    said_first = "".join(f'<p class="{kind}" role="{role}">{text}</p>\n' for kind, role, text in shown)
    return f"<h1>{escape(title)}</h1>\n{said_first}{blocks}\n{foot}"


def hidden(**fields: str) -> str:
    """Fields of a form that nobody sees.

    Examples
    --------
    >>> hidden(language="zh")
    '<input type="hidden" name="language" value="zh">'
    """
    return "".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in fields.items())


@cache
def _frame() -> Template:
    text = files("crmlib.serve").joinpath("shell.html").read_text(encoding="utf-8")
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return Template(text.replace("$policy", POLICY.format(style=digest)))
