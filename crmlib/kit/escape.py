r"""Text as a page may hold it: markup escaped, and marks that nobody sees made visible.

Direction marks turn a name around (`\u202egpj.exe` reads `exe.jpg`), zero-width marks make two names look like one.
Each is shown as the replacement character, so a reader sees that something is there; the stored name stays as it is.
"""

from __future__ import annotations

import html
import re

SHOWN = "\ufffd"
_UNSEEN = re.compile(r"[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def shown(text: str) -> str:
    r"""`text` with each direction or zero-width mark as U+FFFD.

    Examples
    --------
    >>> shown("a\u202eb") == "a\ufffdb"
    True
    """
    return _UNSEEN.sub(SHOWN, text)


def escape(text: str, *, quote: bool = True) -> str:
    r"""`text` for HTML, as `html.escape`, each direction or zero-width mark as U+FFFD.

    Examples
    --------
    >>> escape("a<b") == "a&lt;b", escape("a\u202eb") == "a\ufffdb"
    (True, True)
    """
    return html.escape(shown(text), quote=quote)
