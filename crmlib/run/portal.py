"""The portal: one page that lists every report with its light, its history and the other language."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import polars as pl

from crmlib.core.contracts.base import TIME_ZONE
from crmlib.kit.escape import escape
from crmlib.kit.words import LANGUAGES, Language, Words, locale
from crmlib.report.addresses import PORTALS
from crmlib.report.form.fields import parameter_label
from crmlib.report.record.manifest import parsed
from crmlib.report.record.newest import at_stake
from crmlib.run import handbooks
from crmlib.run.plan import slug
from crmlib.run.publish import ERROR, FAILED, RUNS

_HISTORY = 12
_WORST = ("fail", "warn", "ok", "none")
_URGENCY = ("fail", "warn", "none", "ok")
HOME = "home"
"""The first screen: what the other pages found, in one order."""
DEPTH = 4
"""report / variant / day / language: the folder of one page."""
PAGES = PORTALS


@dataclass(frozen=True, slots=True)
class Entry:
    """One variant of one report in one language: its days, newest first, and the light of the newest.

    A variant that never succeeded has no days. `failure` is the address of the page of a newer attempt that failed, if
    there is one; `stake` the most money that a problem on the page is about [minor units]; `made_at` when the newest
    page was made, empty if it does not say.
    """

    report: str
    variant: str
    days: tuple[str, ...]
    light: str
    answer: str
    last_state: str
    parameters: Mapping[str, object]
    failure: str
    stake: int
    made_at: str


def write(reports: Path, *, runs: pl.DataFrame, now: datetime) -> Path:
    """Write the portal page of every language, each in one atomic step, and return the first."""
    states = {str(row["output"]): str(row["state"]) for row in runs.reverse().iter_rows(named=True)}
    handbooks.write(reports)
    for language in LANGUAGES:
        text = page(reports, language=language, now=now, states=states)
        fresh = reports / f".{PAGES[language]}.{os.getpid()}"
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(reports / PAGES[language])
    return reports / PAGES[LANGUAGES[0]]


def page(
    reports: Path,
    *,
    language: Language,
    now: datetime,
    states: Mapping[str, str] | None = None,
    allowed: Callable[[str], bool] = lambda output: True,
    apps: Sequence[str] = (),
    leave: str = "",
    views: str = "",
) -> str:
    """The portal as HTML.

    Parameters
    ----------
    states : how the last attempt at each output ended, from the ledger.
    allowed : whether an output (`report/variant/day/language`) may be listed.
    apps : the reports that may be opened as apps, whether or not a page of them was made.
    leave : opening tag and token of the form that ends a session, made by the server; empty without login.
    views : the reader's saved views, made by the server.
    """
    words = Words(language)
    entries = _entries(reports, states or {}, language, allowed)
    rest = [name for name in apps if name not in {e.report for e in entries}]
    rows = "".join([*(_row(e, words=words, apps=apps) for e in entries), *(_app_row(name, words) for name in rest)])
    return _filled(rows, words=words, made=_newest(entries, now), leave=leave, views=views)


def _newest(entries: Sequence[Entry], now: datetime) -> datetime:
    """When the newest page listed was made, by the company's clock; now where no page says."""
    times = []
    for entry in entries:
        with suppress(ValueError):
            times.append(datetime.fromisoformat(entry.made_at).astimezone(ZoneInfo(TIME_ZONE)))
    return max(times, default=now.astimezone(ZoneInfo(TIME_ZONE)))


def _entries(
    reports: Path, states: Mapping[str, str], language: Language, allowed: Callable[[str], bool]
) -> list[Entry]:
    """What the folder holds and may be listed: home first, then by money at stake and light; and how each ended."""
    found: dict[tuple[str, str], list[str]] = {}
    for file in reports.glob(f"*/*/*/{language}/index.html"):
        report, variant, day = file.relative_to(reports).parts[:3]
        if day not in {"latest", RUNS} and allowed(f"{report}/{variant}/{day}/{language}"):
            found.setdefault((report, variant), []).append(day)
    never = _never(reports, language, allowed, found)
    entries = [Entry(name, variant, (), "fail", "", "failed", {}, why, 0, "") for name, variant, why in never]
    for (report, variant), days in sorted(found.items()):
        days.sort(reverse=True)
        record = manifest(reports / report / variant / days[0] / language)
        lights = {str(f.get("status", "none")) for f in record.get("findings", [])}
        light = next((s for s in _WORST if s in lights), "none")
        last = states.get(f"{report}/{variant}/{days[0]}/{language}", "")
        given = record.get("parameters")
        parameters = given if isinstance(given, dict) else {}
        answer, failure = str(record.get("answer", "")), _failure(reports / report / variant, days[0], language)
        stake = _stake(record)
        made = str(record.get("made_at", ""))
        entries.append(Entry(report, variant, tuple(days), light, answer, last, parameters, failure, stake, made))
    return sorted(entries, key=lambda e: (e.report != HOME, -e.stake, _URGENCY.index(e.light)))


def _stake(content: Mapping[str, Any]) -> int:
    record = parsed(content)
    return max((abs(f.value_minor or 0) for f in at_stake(record)), default=0) if record else 0


def _never(
    reports: Path, language: Language, allowed: Callable[[str], bool], made: Collection[tuple[str, str]]
) -> list[tuple[str, str, str]]:
    """Variants that failed and have no page of any day: report, variant, the address of the newest failure below it."""
    tried: dict[tuple[str, str], str] = {}
    for file in sorted(reports.glob(f"*/*/*/{FAILED}/{language}/{ERROR}")):
        report, variant, day = file.relative_to(reports).parts[:3]
        if (report, variant) not in made and day != "latest" and allowed(f"{report}/{variant}/{day}/{language}"):
            tried[report, variant] = file.relative_to(reports / report / variant).as_posix()
    return [(report, variant, failure) for (report, variant), failure in sorted(tried.items())]


def _failure(variant: Path, newest: str, language: Language) -> str:
    """Address below `variant` of the newest failure, if no page was made since."""
    pages = [p.relative_to(variant) for p in variant.glob(f"*/{FAILED}/{language}/{ERROR}")]
    return max((p.as_posix() for p in pages if "latest" != p.parts[0] >= newest), default="")


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a page, empty if it cannot be read."""
    try:
        content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _filled(rows: str, *, words: Words, made: datetime, leave: str, views: str) -> str:
    template = Template(files("crmlib.run").joinpath("portal.html").read_text(encoding="utf-8"))
    other = next(code for code in LANGUAGES if code != words.language)
    button = f"{leave}<button>{escape(words('portal.leave'))}</button></form>" if leave else ""
    return template.substitute(
        lang=words.format.locale.tag,
        title=escape(words("portal.title")),
        question=escape(words("portal.question")),
        search=escape(words("portal.search")),
        none=escape(words("portal.none")),
        other=PAGES[other],
        other_lang=locale(other).tag,
        other_name=escape(Words(other)("portal.language")),
        leave=button,
        views=views,
        handbooks=handbooks.links(words.language),
        made=escape(words("portal.made", at=f"{made:%Y-%m-%d %H:%M}")),
        head="".join(
            f"<th scope=col>{escape(words(f'portal.head.{c}'))}</th>"
            for c in ("light", "report", "answer", "as_of", "history")
        ),
        rows=rows or f"<tr><td colspan=5>{escape(words('portal.empty'))}</td></tr>",
    )


def _app_row(report: str, words: Words) -> str:
    """A report that its reader may open, but of which no page was made for them."""
    as_of, history = (escape(words(f"portal.head.{column}")) for column in ("as_of", "history"))
    return (
        f'<tr><td><span class="light none">{escape(words("portal.light.none"))}</span></td>'
        f'<td><a href="{_app(report, words)}">{escape(words.label(f"{report}.title") or report)}</a></td>'
        f'<td>{escape(words("portal.app_only"))}</td><td class=n data-head="{as_of}">{escape(words("page.none"))}</td>'
        f'<td class="soft days" data-head="{history}">{escape(words("portal.no_history"))}</td></tr>'
    )


def _app(report: str, words: Words, parameters: Mapping[str, object] | None = None) -> str:
    """The app of a report, with the same parameters as a page of it but its day."""
    asked = {name: value for name, value in (parameters or {}).items() if name not in {"as_of", "language"}}
    given = {name: value for name, value in asked.items() if value is not None}
    return escape(f"/apps/{report}?{urlencode({'language': words.language} | given)}")


def _row(entry: Entry, *, words: Words, apps: Sequence[str]) -> str:
    key = f"{entry.report}.title"
    title = words.label(key) or entry.report
    base = f"{entry.report}/{entry.variant}"
    address = f"{base}/{{day}}/{words.language}/index.html"
    newest = address.format(day=entry.days[0]) if entry.days else f"{base}/{entry.failure}"
    day = entry.days[0] if entry.days else words("page.none")
    older = " ".join(f'<a href="{escape(address.format(day=day))}">{escape(day)}</a>' for day in entry.days[1:_HISTORY])
    app = ""
    if entry.report in apps:
        app = f' · <a href="{_app(entry.report, words, entry.parameters)}">{escape(words("portal.app"))}</a>'
    as_of, history = (escape(words(f"portal.head.{column}")) for column in ("as_of", "history"))
    failed = entry.failure or entry.last_state in {"failed", "interrupted"}
    why = f' <a href="{escape(f"{base}/{entry.failure}")}">{escape(words("portal.why"))}</a>' if entry.failure else ""
    note = f"<p class=bad>{escape(words('portal.failed' if entry.days else 'portal.never'))}{why}</p>" if failed else ""
    return (
        f'<tr><td><span class="light {entry.light}">{escape(words(f"portal.light.{entry.light}"))}</span></td>'
        f'<td><a href="{escape(newest)}">{escape(title)}</a>'
        f"<p class=soft>{escape(_variant(entry, words))}{app}</p></td>"
        f'<td>{escape(entry.answer)}{note}</td><td class=n data-head="{as_of}">{escape(day)}</td>'
        f'<td class="soft days" data-head="{history}">{older or escape(words("portal.no_history"))}</td></tr>'
    )


def _variant(entry: Entry, words: Words) -> str:
    """Daily, weekly, monthly, quarterly and what a grid varied in the reader's words; other names as they are."""
    first, _, rest = entry.variant.partition("-")
    key = f"portal.variant.{first}"
    parts = [words.label(key) or first]
    for name, value in entry.parameters.items():
        varied = slug(f"{name}-{value}")
        if varied in rest:
            rest = rest.replace(varied, "", 1).replace("--", "-").strip("-")
            parts.append(f"{parameter_label(entry.report, name, words)} {value}")
    return " · ".join([*parts, rest] if rest else parts)
