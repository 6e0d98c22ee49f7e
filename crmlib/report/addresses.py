"""Where pages lead: home, other pages, apps. Relative among files, from the root on the server, nowhere in a lab."""

from __future__ import annotations

from urllib.parse import urlencode

from crmlib.kit.words import LANGUAGES
from crmlib.report.context import Face

PORTALS = {code: f"index.{code}.html" if number else "index.html" for number, code in enumerate(LANGUAGES)}
"""The portal's page of each language."""
_UP = "../../../../"
"""From `report/variant/day/language/index.html` to the folder of reports."""


def home(face: Face, *, language: str) -> str:
    """The portal, seen from a page.

    Examples
    --------
    >>> home("html", language="en"), home("voila", language="en"), home("lab", language="en")
    ('../../../../index.en.html', '/index.en.html', '')
    """
    return _from(face, PORTALS.get(language, "index.html"))


def definitions(face: Face, *, language: str) -> str:
    """The page of all definitions, beside the handbooks.

    Examples
    --------
    >>> definitions("html", language="en"), definitions("voila", language="en"), definitions("lab", language="en")
    ('../../../../handbook/en/definitions.html', '/handbook/en/definitions.html', '')
    """
    return _from(face, f"handbook/{language}/definitions.html")


def page(face: Face, output: str, *, anchor: str = "") -> str:
    """A finished page (`report/variant/day/language`), at one of its cards.

    Examples
    --------
    >>> page("voila", "customer_value/monthly/2026-10-31/zh", anchor="scoring-movers")
    '/customer_value/monthly/2026-10-31/zh/index.html#scoring-movers'
    """
    return _from(face, f"{output}/index.html{f'#{anchor}' if anchor else ''}")


def app(face: Face, report: str, **asked: str) -> str:
    """A report as an app with these parameters; only the server has apps.

    Examples
    --------
    >>> app("voila", "promotion_watch", promotion="PR1"), app("html", "promotion_watch")
    ('/apps/promotion_watch?promotion=PR1', '')
    """
    return f"/apps/{report}{f'?{urlencode(asked)}' if asked else ''}" if face == "voila" else ""


def view(face: Face, report: str, *, language: str, **asked: str) -> str:
    """Where a report with these parameters is kept under a name; only the server keeps views.

    Examples
    --------
    >>> view("voila", "sales_pulse", language="en", region="East"), view("html", "sales_pulse", language="en")
    ('/view?report=sales_pulse&language=en&region=East', '')
    """
    return _form(face, "view", **({"report": report, "language": language} | asked))


def outcome(face: Face, member: str, *, language: str) -> str:
    """The form for what came of a contact with a member (by pseudonym); only the server keeps it.

    Examples
    --------
    >>> outcome("voila", "ABCD2345", language="en"), outcome("html", "ABCD2345", language="en")
    ('/outcome?member=ABCD2345&language=en', '')
    """
    return _form(face, "outcome", member=member, language=language)


def claim(face: Face, member: str, *, language: str) -> str:
    """The form in which a member of the pool (by pseudonym) is claimed; only the server keeps it.

    Examples
    --------
    >>> claim("voila", "ABCD2345", language="en"), claim("html", "ABCD2345", language="en")
    ('/claim?member=ABCD2345&language=en', '')
    """
    return _form(face, "claim", member=member, language=language)


def find(face: Face, *, language: str) -> str:
    """The form in which a customer is found by card number or phone; only the server has it.

    Examples
    --------
    >>> find("voila", language="en"), find("html", language="en")
    ('/find?language=en', '')
    """
    return _form(face, "find", language=language)


def offer(face: Face, priced: str, *, language: str, promotion: str = "") -> str:
    """The form that keeps a draft priced on a page, or moves a promotion on; only the server keeps it.

    Parameters
    ----------
    priced : key of what the page left behind (`Context.leave`).

    Examples
    --------
    >>> offer("voila", "0f", language="en", promotion="PR1"), offer("html", "", language="en")
    ('/offer?priced=0f&promotion=PR1&language=en', '')
    """
    asked = {"priced": priced, **({"promotion": promotion} if promotion else {}), "language": language}
    return _form(face, "offer", **asked) if priced else ""


def merges(face: Face, left: str, *, language: str) -> str:
    """Where pairs of cards are accepted or rejected; `left`: key of what its page left behind (`Context.leave`).

    Examples
    --------
    >>> merges("voila", "0f", language="en"), merges("html", "0f", language="en")
    ('/merge?list=0f&language=en', '')
    """
    return _form(face, "merge", list=left, language=language) if left else ""


def register(face: Face, *, language: str) -> str:
    """The register of lists, where they are drawn, approved, sent and closed; only the server has it.

    Examples
    --------
    >>> register("voila", language="en"), register("html", language="en")
    ('/register?language=en', '')
    """
    return _form(face, "register", language=language)


def reveal(face: Face, left: str, *, language: str) -> str:
    """Where the names behind a list are opened; `left`: key of what its page left behind (`Context.leave`).

    Examples
    --------
    >>> reveal("voila", "0f", language="en"), reveal("html", "0f", language="en")
    ('/reveal?list=0f&language=en', '')
    """
    return _form(face, "reveal", list=left, language=language) if left else ""


def _from(face: Face, place: str) -> str:
    return {"html": f"{_UP}{place}", "voila": f"/{place}"}.get(face, "")


def _form(face: Face, name: str, /, **asked: str) -> str:
    """A form that only the server has; none from a file or a lab."""
    return f"/{name}?{urlencode(asked)}" if face == "voila" else ""
