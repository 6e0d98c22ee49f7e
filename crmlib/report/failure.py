"""What a reader sees when a report cannot be made: three sentences in the page's language, never a stack trace.

In Voilà a wrong parameter brings the form back with the message beside its field. In a run the error is recorded in
`error.json` in every language, and goes on to the runner, which makes the page. In JupyterLab errors stay as they are:
analysts want them whole.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

from polars.exceptions import PanicException

from crmlib.core.errors import CrmError, ParameterError
from crmlib.data.lake.delta import damage
from crmlib.kit.words import LANGUAGES, Words
from crmlib.report import choices, faces
from crmlib.report.context import Context
from crmlib.report.form import parameters
from crmlib.report.form.explain import Explanation, explain
from crmlib.report.form.fields import Form, form
from crmlib.report.form.parameters import Issue
from crmlib.report.html import render
from crmlib.report.html.content import Content, Head
from crmlib.report.page import Page

ERROR_RECORD = "error.json"


@dataclass(slots=True)
class Watch:
    """What is known about the page in the making, for the case that it cannot be made."""

    report: str
    context: Context
    words: Words
    given: Mapping[str, object]
    page: Page | None = None


_watched: list[Watch] = []


def watch(report: str, *, context: Context, language: str, given: Mapping[str, object]) -> None:
    """From now on every error of this kernel ends in a readable page. Does nothing outside a kernel or in a lab."""
    _watched[:] = [Watch(report, context, Words(language), given)]
    if context.face == "lab":
        return
    from IPython import get_ipython  # noqa: PLC0415

    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((Exception, PanicException), _on_error)


def opened(page: Page) -> None:
    """Note the page: its parameters are good, and it knows the regions."""
    for one in _watched:
        one.page = page


def error_page(error: BaseException, one: Watch) -> str:
    """The page that stands in for the report."""
    words = one.words
    asked = one.context.face == "voila"
    issues = _issues(error)
    content = Content(
        language=words.language,
        head=Head(title=words(f"{one.report}.title"), question=words(f"{one.report}.question")),
        form=_form(one, issues) if asked else None,
        error=None if asked and issues else explain(error, words),
        status=400 if issues else 422 if isinstance(error, CrmError) else 500,
    )
    return render.html(content, words=words)


def run_page(report: str, said: Explanation, *, words: Words) -> str:
    """The page of a run that failed."""
    title, question = (words(key) if words.has(key) else "" for key in (f"{report}.title", f"{report}.question"))
    head = Head(title=title or report, question=question)
    return render.html(Content(language=words.language, head=head, error=said), words=words)


def _issues(error: BaseException) -> tuple[Issue, ...]:
    found = error.values.get("issues", ()) if isinstance(error, ParameterError) else ()
    return tuple(i for i in found if isinstance(i, Issue)) if isinstance(found, tuple) else ()


def _form(one: Watch, issues: tuple[Issue, ...]) -> Form:
    return form(
        one.report,
        parameters.model(one.report),
        given=_defaults(one.report) | dict(one.given),
        issues=issues,
        regions=_regions(one),
        words=one.words,
        choices={} if one.page is None else choices.offered(one.page),
        follows={} if one.page is None else one.page.shown.offers,
    )


def _defaults(report: str) -> dict[str, object]:
    return {name: info.default for name, info in parameters.model(report).model_fields.items()}


def _regions(one: Watch) -> tuple[str, ...]:
    """Regions for the form: of the opened page, else as far as the lake can be read at all."""
    if one.page is not None:
        return one.page.known_regions()
    from crmlib.data.lake.lake import Lake  # noqa: PLC0415

    try:
        lake = Lake(one.context.lake)
        names = lake.table("stores").select("region").unique().collect()["region"].drop_nulls().sort().to_list()
    except CrmError:
        return ()
    allowed = one.context.regions
    return tuple(str(n) for n in names if allowed is None or n in allowed)


def _on_error(shell: Any, kind: type[BaseException], error: BaseException, trace: TracebackType, **_: object) -> None:
    """IPython's handler: send the error page or record the error; what a runner needs to know goes on."""
    one = _watched[0]
    error = damage(error) or error
    if one.context.face == "voila":
        faces.send(error_page(error, one))
        if not isinstance(error, CrmError):  # the server's log has what the reader must not see
            traceback.print_exception(kind, error, trace, file=sys.__stderr__)
        return
    if one.context.out is not None:
        said = {language: asdict(explain(error, Words(language))) for language in LANGUAGES}
        faces.save(one.context.out / ERROR_RECORD, json.dumps(said, ensure_ascii=False).encode())
    if isinstance(error, CrmError):
        shell._showtraceback(kind, error, [str(error)])
    else:
        shell._showtraceback(kind, error, shell.InteractiveTB.structured_traceback(kind, error, trace))
