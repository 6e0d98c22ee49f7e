"""A page's content and its record, from what a notebook has shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from crmlib.kit import terms
from crmlib.kit.finding import ActionList, Answer, Finding, led
from crmlib.kit.words import Words, locale
from crmlib.report import addresses, choices, registry, scope
from crmlib.report.form.fields import Form, form, parameter_label, shown_value
from crmlib.report.head import coverage
from crmlib.report.html import cards, render
from crmlib.report.html.content import Card, Changed, Content, Fact, Foot, Head, Line, ListBlock, Other
from crmlib.report.page import Page
from crmlib.report.record import compare, manifest, previous
from crmlib.report.record.compare import Tabled
from crmlib.report.record.manifest import FigureRecord, FindingRecord, Manifest

_RANK = {"none": 0, "ok": 1, "warn": 2, "fail": 3}


@dataclass(frozen=True, slots=True)
class Assembled:
    """The page as HTML, its record, and the tables behind it."""

    html: str
    manifest: Manifest
    tabled: tuple[Tabled, ...]


def assemble(page: Page) -> Assembled:
    """Everything that `page.close()` writes."""
    words, shown = page.words, page.shown
    tabled = [*map(_finding_record, shown.findings), *map(_list_record, shown.actions)]
    keys = [t.record.key for t in tabled]
    if len(set(keys)) < len(keys):
        raise ValueError(f"two findings share a key: {sorted({k for k in keys if keys.count(k) > 1})}")
    answer = None if shown.answer is None else led(shown.answer, shown.findings, words=words)
    record = _record(page, answer, tabled)
    setting = cards.Setting(words=words, day=page.as_of, lists=page.context.lists)
    drawn = [(finding, *cards.card(finding, setting, page.drawings.get(finding.key))) for finding in shown.findings]
    checks = tuple(card for finding, card, _ in drawn if finding.role == "check")
    content = Content(
        language=words.language,
        head=_head(page),
        form=page_form(page) if page.context.face == "voila" else None,
        answer=answer,
        changed=_changed(page, record, tabled),
        findings=tuple(card for finding, card, _ in drawn if finding.role != "check"),
        actions=tuple(cards.action_list(actions, setting) for actions in shown.actions),
        checks=checks,
        checks_open=any(card.status not in ("ok", "none") for card in checks),
        foot=_foot(page),
        charts=tuple(chart for _, _, chart in drawn if chart is not None),
    )
    content = _explained(content)
    return Assembled(render.html(content, words=words), record, tuple(tabled))


def _explained(content: Content) -> Content:
    """`content` with the definitions of its measures: those of the figures, then of the tables as they come."""
    known, named = terms.terms(content.language), terms.named(content.language)
    figures = () if content.answer is None else content.answer.figures
    things: list[Card | ListBlock] = [*content.findings, *content.actions, *content.checks]
    tables = [thing.table for thing in things]
    used = [named[f.label] for f in figures if f.label in named] + [key for table in tables for key in table.terms]
    return replace(content, terms=tuple(known[key] for key in dict.fromkeys(used)), named=named)


def page_form(page: Page) -> Form:
    """The form of an opened page, filled with its parameters."""
    given = page.params.model_dump(mode="json")
    made = form(
        page.report,
        type(page.params),
        given=given,
        issues=(),
        regions=page.known_regions(),
        words=page.words,
        choices=choices.offered(page),
        follows=page.shown.offers,
    )
    usual = type(page.params)().model_dump(mode="json") | {"as_of": given["as_of"], "language": given["language"]}
    asked = {name: str(value) for name, value in given.items() if value is not None and value != usual[name]}
    return replace(made, keep=addresses.view(page.context.face, page.report, language=page.words.language, **asked))


def _finding_record(finding: Finding) -> Tabled:
    record = FindingRecord(
        key=finding.key,
        role=finding.role,
        status=finding.status,
        headline=finding.headline,
        table=f"tables/{finding.key}.parquet",
        rows=finding.table.height,
        row_key=finding.row_key,
        value_minor=finding.value_minor,
        do=finding.note_do,
    )
    return Tabled(record, finding.table, finding.names, finding.behind)


def _list_record(actions: ActionList) -> Tabled:
    record = FindingRecord(
        key=actions.key,
        role="actions",
        status="none",
        headline=actions.headline,
        table=f"tables/{actions.key}.parquet",
        rows=actions.table.height,
        row_key=actions.row_key,
    )
    return Tabled(record, actions.table, actions.names)


def _record(page: Page, answer: Answer | None, tabled: list[Tabled]) -> Manifest:
    words = page.words
    figures = () if answer is None else answer.figures
    return Manifest(
        report=page.report,
        language=words.language,
        title=words(f"{page.report}.title"),
        question=words(f"{page.report}.question"),
        as_of=page.as_of.isoformat(),
        status=max((t.record.status for t in tabled), key=_RANK.__getitem__, default="none"),
        answer="" if answer is None else answer.sentence,
        parameters=page.params.model_dump(mode="json"),
        figures=tuple(FigureRecord(f.key, f.label, f.value, f.amount, f.money, f.comparison, f.tone) for f in figures),
        findings=tuple(t.record for t in tabled),
        versions={name: page.versions[name] for name in sorted(page.used)},
        currency=page.currency,
        code=page.context.code,
        seed=page.context.seed,
        run_id=page.context.run_id,
        made_at=page.context.now.isoformat(),
    )


def _head(page: Page) -> Head:
    words, facts = page.words, coverage(page)
    form = words.format
    share = form.share(facts.share_set_aside, digits=2 if facts.share_set_aside < 0.001 else 1)
    aside = words("page.data.set_aside", rows=form.count(facts.set_aside), share=share)
    shown = [
        Fact(words("page.as_of", day=form.day(page.as_of))),
        Fact(scope.sentence(page)),
        Fact(aside if facts.set_aside else words("page.data.clean"), "warn" if facts.warn else "ok"),
    ]
    if facts.late:
        shown.append(Fact(words("page.data.late", day=form.day(facts.last), days=form.count(facts.late)), "warn"))
    if facts.member_share is None:
        shown.append(Fact(words("page.no_cards"), "neutral"))
    else:
        shown.append(Fact(words("page.member_share", share=form.share(facts.member_share))))
    title, question = words(f"{page.report}.title"), words(f"{page.report}.question")
    home = addresses.home(page.context.face, language=words.language)
    return Head(title=title, question=question, facts=tuple(shown), other=_other(page), home=home)


def _other(page: Page) -> Other | None:
    """Where the same page in the other language is: asked for anew in Voilà, beside it among files."""
    language = next((code for code in registry.languages(page.report) if code != page.words.language), None)
    if language is None:
        return None
    tag = locale(language).tag
    if page.context.face == "voila":
        asked = {**page.params.model_dump(mode="json", exclude_none=True), "language": language}
        return Other(href=f"?{urlencode(asked)}", lang=tag)
    return Other(href=f"../{language}/index.html", lang=tag) if language in page.context.languages else None


def _changed(page: Page, record: Manifest, tabled: list[Tabled]) -> Changed:
    words, path = page.words, page.context.previous
    whole = page.context.regions is None or page.params.region  # else earlier pages hold more than this reader may see
    if path is None and page.context.reports is not None and whole:
        path = previous.newest_before(
            page.context.reports,
            report=page.report,
            language=words.language,
            as_of=page.as_of,
            parameters=record.parameters,
        )
    before = None if path is None else manifest.load(path)
    if path is None or before is None:
        return Changed(title=words("page.change.title"), note=words("page.change.first"))
    title = words("page.change.title_as_of", day=before.as_of)
    if not previous.same(before, record.parameters):
        return Changed(title=title, note=words("page.change.other_parameters"))
    lines = compare.changes(before, folder=path.parent, figures=record.figures, findings=tabled, words=words)
    share = words.format.share
    rule = words(
        "page.change.threshold",
        figure=share(compare.FIGURE_CHANGE, digits=0),
        row=share(compare.ROW_CHANGE, digits=0),
        floor=share(compare.ROW_FLOOR, digits=0),
        most=compare.MOST_LINES,
    )
    return Changed(title=title, lines=lines, note=words("page.change.nothing"), rule=rule)


def _table_name(name: str, words: Words) -> str:
    """What a table of the lake is called; a column of the same name may mean something else."""
    return words(f"page.source.{name}") if words.has(f"page.source.{name}") else name


def _foot(page: Page) -> Foot:
    words, report = page.words, page.report
    tables = (
        words("page.foot.versions", table=_table_name(t, words), version=v)
        for t, v in sorted(page.versions.items())
        if t in page.used
    )
    params, known = page.params.model_dump(mode="json"), type(page.params).model_fields
    named = (
        f"{parameter_label(report, name, words)} {shown_value(report, name, value, words, info=known.get(name))}"
        for name, value in params.items()
    )
    separator = words("page.semicolon")
    lines = (
        Line(words("page.foot.data"), separator.join(tables)),
        Line(words("page.foot.parameters"), separator.join(named)),
        Line(words("page.foot.program"), words("page.foot.code", version=page.context.code)),
        Line(words("page.foot.limits"), words("page.foot.no_limits"), items=tuple(page.shown.limits)),
    )
    technical = (
        Line(words("page.foot.seed"), str(page.context.seed)),
        Line(words("page.foot.parameters"), json.dumps(params, ensure_ascii=False)),
    )
    where = addresses.definitions(page.context.face, language=words.language)
    return Foot(lines=lines, technical=technical, definitions=where)
