"""Saved views: a report with a named set of parameters ("my stores"), kept by the server for each user.

A view holds neither day nor language, so that it is always of today and in the reader's language. It is a file of its
owner beside the lake, replaced in one step under a lock; a right that is taken away takes the views with it.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from crmlib.core.errors import CrmError
from crmlib.kit.escape import escape
from crmlib.kit.words import Words
from crmlib.report.form import parameters
from crmlib.report.form.fields import parameter_label, shown_value
from crmlib.serve import shell
from crmlib.serve.closed import Form, foot
from crmlib.serve.login import Guard, admitted
from crmlib.serve.users import User

FOLDER, LOCK = ".views", "lock"
MOST, LONGEST = 40, 40
"""Views of one user; letters of a name."""
LEFT_OUT = ("as_of", "language")


@dataclass(frozen=True, slots=True)
class View:
    """A named set of parameters of a report, without day and language."""

    name: str
    report: str
    asked: tuple[tuple[str, str], ...]

    def address(self, language: str) -> str:
        """The app with these parameters.

        Examples
        --------
        >>> View("my stores", "sales_pulse", (("region", "East"),)).address("en")
        '/apps/sales_pulse?language=en&region=East'
        """
        return f"/apps/{self.report}?{urlencode([('language', language), *self.asked])}"


class ViewError(ValueError):
    """What cannot be kept: its argument is the key of the sentence that says so."""


def checked(name: str, report: str, asked: Mapping[str, str], *, user: User, known: Sequence[str]) -> View:
    """A view, if it can be one of this user's.

    Parameters
    ----------
    known : reports that are served.

    Raises
    ------
    ViewError
        `name`, `report` (none, or no right to it), `region` (of others) or `parameters`.
    """
    title = " ".join(name.split())
    if not title or len(title) > LONGEST or not title.isprintable():
        raise ViewError("name")
    if report not in known or not user.may_open(report):
        raise ViewError("report")
    given = {key: value for key, value in asked.items() if key not in LEFT_OUT and value.strip()}
    try:
        values = parameters.check(report, given).model_dump(mode="json")
    except CrmError:
        raise ViewError("parameters") from None
    if user.regions is not None and values["region"] is not None and values["region"] not in user.regions:
        raise ViewError("region")
    kept = [(key, str(values[key])) for key in given if values[key] is not None]
    return View(title, report, tuple(sorted(kept)))


def of(folder: Path, user: User) -> list[View]:
    """The views of a user whose reports and regions the user may still see, by name."""
    found = [view for view in _read(_file(folder, user)) if user.may_open(view.report)]
    asked = [dict(view.asked).get("region") for view in found]
    fine = [region is None or user.regions is None or region in user.regions for region in asked]
    return sorted((view for view, seen in zip(found, fine, strict=True) if seen), key=lambda view: view.name)


def keep(folder: Path, view: View, *, user: User) -> None:
    """Keep a view in place of one of the same name.

    Raises
    ------
    ViewError
        `many` for one more than `MOST`.
    """

    def with_it(views: list[View]) -> list[View]:
        others = [one for one in views if one.name != view.name]
        if len(others) >= MOST:
            raise ViewError("many")
        return [*others, view]

    _change(folder, user, with_it)


def drop(folder: Path, name: str, *, user: User) -> None:
    """Forget a view; none of that name is no error."""
    _change(folder, user, lambda views: [one for one in views if one.name != name])


def _file(folder: Path, user: User) -> Path:
    return folder / FOLDER / f"{hashlib.sha256(user.name.encode()).hexdigest()}.json"


def _read(file: Path) -> list[View]:
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))
        return [View(str(r["name"]), str(r["report"]), tuple((str(k), str(v)) for k, v in r["asked"])) for r in rows]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _change(folder: Path, user: User, change: Callable[[list[View]], list[View]]) -> None:
    """Read, change and replace in one step, one at a time."""
    file = _file(folder, user)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (file.parent / LOCK).open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        rows = [{"name": v.name, "report": v.report, "asked": v.asked} for v in change(_read(file))]
        new = file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as out:
            json.dump(rows, out, ensure_ascii=False)
            out.flush()
            os.fsync(out.fileno())
        new.replace(file)


def block(views: Sequence[View], *, words: Words, token: str) -> str:
    """The views on the portal, each with what it asks and a button that forgets it."""
    rows = "".join(
        f'<li><a href="{escape(view.address(words.language))}">{escape(view.name)}</a> '
        f'<span class="soft">{escape(told(view, words))}</span> <form method="post" action="/view">{token}'
        f'<input type="hidden" name="drop" value="{escape(view.name)}"><input type="hidden" name="language"'
        f' value="{words.language}"><button>{escape(words("serve.view.drop"))}'
        f'<span class="hidden"> {escape(view.name)}</span></button></form></li>'
        for view in views
    )
    return (
        f'<section class="views"><h2>{escape(words("serve.view.mine"))}</h2><ul>{rows}</ul></section>' if rows else ""
    )


def told(view: View, words: Words) -> str:
    """Report and parameters in words."""
    parts = [words.label(f"{view.report}.title") or view.report]
    parts += [
        words("serve.view.pair", label=parameter_label(view.report, key, words),
              value=shown_value(view.report, key, value, words))
        for key, value in view.asked
    ]  # fmt: skip
    return words("page.semicolon").join(parts)


class ViewHandler(Form):
    """What a view is to be called, and keeping it."""

    def initialize(self, *, guard: Guard, lake: Path, known: Callable[[], Sequence[str]]) -> None:
        """Take what the application gives to every request."""
        self._guard, self._lake, self._known = guard, lake, known

    def get(self) -> None:
        """The form for a name."""
        user = admitted(self, self._guard, report=None) if self.at_home() else None
        if user is None:
            return
        asked = {name: self.get_query_argument(name)[:200] for name in self.request.query_arguments}
        report = asked.pop("report", "")[:60]
        try:
            view = checked("-", report, asked, user=user, known=self._known())
        except ViewError as wrong:
            self._refuse(user, str(wrong), None)
            return
        self._show(view, name="", problem="")

    async def post(self) -> None:
        """Keep a view, or forget one, and go to the portal."""
        user = admitted(self, self._guard, report=None) if self.at_home() else None
        if user is None:
            return
        self.check_xsrf_cookie()
        gone = self.get_body_argument("drop", "")[:LONGEST]
        try:
            if gone:
                await asyncio.to_thread(drop, self._lake, gone, user=user)
                self._guard.note(self, user, outcome="view dropped", page=gone)
            else:
                name, report = self.get_body_argument("name", "")[:200], self.get_body_argument("report", "")[:60]
                asked = json.loads(self.get_body_argument("asked", "{}")[:4000])
                given = {str(k): str(v) for k, v in dict(asked).items()}
                try:
                    view = checked(name, report, given, user=user, known=self._known())
                except ViewError as wrong:
                    again = View("-", report, tuple(sorted(given.items()))) if str(wrong) == "name" else None
                    self._refuse(user, str(wrong), again, name=name)
                    return
                await asyncio.to_thread(keep, self._lake, view, user=user)
                self._guard.note(self, user, outcome="view kept", page=view.address(""))
        except ViewError as wrong:
            self._refuse(user, str(wrong), None)
            return
        except (ValueError, TypeError, RecursionError):  # no parameters, or lists in lists without end
            self._refuse(user, "parameters", None)
            return
        self.redirect("/index.en.html" if self.language() == "en" else "/index.html")

    def _refuse(self, user: User, wrong: str, view: View | None, *, name: str = "") -> None:
        self._guard.note(self, user, outcome=f"view refused: {wrong}")
        self.set_status(403 if wrong in {"report", "region"} else 400)
        self._show(view, name=name, problem=wrong)

    def _show(self, view: View | None, *, name: str, problem: str) -> None:
        words = Words(self.language())
        self.show(
            words, title=words("serve.view.title"),
            problem=words(f"serve.view.wrong.{problem}", most=MOST, longest=LONGEST) if problem else "",
            blocks="" if view is None else self._form(view, name, words),
            foot=foot(words, "view"),
        )  # fmt: skip

    def _form(self, view: View, name: str, words: Words) -> str:
        asked = json.dumps(dict(view.asked), ensure_ascii=False)
        fields = shell.hidden(report=view.report, asked=asked, language=words.language)
        return (
            f'<p>{escape(told(view, words))}</p><form method="post" action="/view">{self.xsrf_form_html()!s}{fields}'
            f'<label>{escape(words("serve.view.name"))}<input name="name" value="{escape(name)}" maxlength="{LONGEST}"'
            f' required autocomplete="off"></label><button>{escape(words("serve.view.save"))}</button></form>'
        )
