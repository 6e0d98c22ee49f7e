"""A page is opened: its parameters checked, the lake found, the face known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from crmlib import panels
from crmlib.core.errors import ParameterError
from crmlib.report import choices, faces, failure, lab, registry, stored
from crmlib.report.as_of import seen_by
from crmlib.report.context import Context, from_environment
from crmlib.report.form import parameters
from crmlib.report.form.parameters import Issue, ReportParameters
from crmlib.report.page import LINES, Page, not_connected


def open_page(report: str, variables: Mapping[str, object], *, context: Context | None = None) -> Page:
    """Check the parameters, open the lake, and know the face. The third cell of every report.

    Parameters
    ----------
    report : its name, that of its notebook and of its parameters.
    variables : ``globals()``: the cell tagged `parameters` (or what a runner put after it); in Voilà the address of
        the page overrides them.
    context : for tests; otherwise found out from the process.

    Raises
    ------
    ParameterError
        Unknown names, wrong values, a day or region without data. In Voilà the form comes back with the messages.
    """
    started_here, context = context is None, context or from_environment()
    kind = parameters.model(report)
    given = {name: variables[name] for name in kind.model_fields if name in variables and variables[name] is not None}
    asked = dict(context.query)
    there = registry.languages(report)
    language = next((v for v in (asked.get("language"), given.get("language")) if v in there), there[0])
    failure.watch(report, context=context, language=str(language), given={**given, **asked})
    page = _opened(report, _of_reader(parameters.check(report, given | asked), context), context=context)
    if started_here and context.face == "lab":
        lab.enable()
    elif started_here:
        page.drawer.start()
    return page


def _of_reader(params: ReportParameters, context: Context) -> ReportParameters:
    """A page that can be of one person is of the reader's own number, where the reader is no head."""
    if not context.person or "person" not in type(params).model_fields:
        return params
    asked = getattr(params, "person", None)
    if asked not in (None, "", context.person):
        issue = Issue("person", asked, "no_person")
        raise ParameterError(
            "report.forbidden_person", values={"person": asked, "own": context.person, "issues": (issue,)}
        )
    return params.model_copy(update={"person": context.person})


def _opened(report: str, params: ReportParameters, *, context: Context) -> Page:
    from crmlib.data.lake.lake import KEEP_DAYS, Lake  # noqa: PLC0415  (opens Delta Lake)

    lake = Lake(context.lake)
    versions = lake.versions()
    if LINES not in versions:
        raise not_connected(LINES, report=report)
    lines = stored.every_line(lake, versions[LINES])
    first, last = panels.span(lines) or (date.min, date.min)
    as_of = params.as_of or _ordinary(lines, last=last)
    _check_day(as_of, first=first, today=context.now.date(), last=last)
    until = seen_by(as_of, now=context.now)
    if as_of < last and context.now - until < timedelta(days=KEEP_DAYS):
        versions = lake.versions(at=until)
    page = Page(
        report,
        params=params.model_copy(update={"as_of": as_of}),
        context=context,
        lake=lake,
        versions=versions,
        newest=last,
        face=faces,
    )
    _check_region(page)
    choices.check(page)
    failure.opened(page)
    return page


def _ordinary(lines: panels.ReceiptLines, *, last: date) -> date:
    """The last day of ordinary volume: a mistyped date ahead of the sales moves no page."""
    from crmlib.data.lake.last_day import last_ordinary_day  # noqa: PLC0415  (opens Delta Lake)

    days = panels.day_sums(lines)
    return last_ordinary_day(days).day if days.height else last


def _check_day(as_of: date, *, first: date, last: date, today: date) -> None:
    if first <= as_of <= max(last, today):
        return
    early = as_of < first
    issue = Issue("as_of", as_of.isoformat(), "early" if early else "future", {"first": first.isoformat()})
    raise ParameterError(
        "report.as_of",
        values={"as_of": as_of.isoformat(), "first": first.isoformat(), "last": last.isoformat(), "issues": (issue,)},
    )


def _check_region(page: Page) -> None:
    asked = page.params.region
    if not asked:
        return
    known = page.known_regions()
    if asked in known:
        return
    allowed = page.context.regions
    code = "report.forbidden" if allowed is not None and asked not in allowed else "report.region"
    names = ", ".join(known) or "-"
    raise ParameterError(
        code, values={"region": asked, "known": names, "issues": (Issue("region", asked, "no_region"),)}
    )
