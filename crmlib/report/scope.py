"""What a page is about, as its head says it: the region, and whatever else its parameters single out."""

from __future__ import annotations

from typing import Literal, get_args, get_origin

from crmlib.report.form.cell import place_of
from crmlib.report.form.fields import parameter_label, shown_value
from crmlib.report.page import Page


def sentence(page: Page) -> str:
    """The scope: all shops only if nothing narrows them down.

    A parameter narrows the page down if without it everything is shown: its default is none, and it is a choice.
    """
    words = page.words
    parts = [words("page.join").join(page.regions)] if page.regions else []
    parts += [
        f"{parameter_label(page.report, name, words)} {shown_value(page.report, name, value, words)}"
        for name, value in _narrowing(page).items()
    ]
    return words("page.scope_region", region=words("page.semicolon").join(parts)) if parts else words("page.scope_all")


def asked(page: Page) -> str:
    """Whatever a page was asked for that is not so by default, as a reader knows it; empty where nothing is."""
    words, fields = page.words, type(page.params).model_fields
    given = page.params.model_dump(exclude={"as_of", "language"}, exclude_defaults=True)
    return words("page.semicolon").join(
        f"{parameter_label(page.report, n, words)} {shown_value(page.report, n, value, words, info=fields[n])}"
        for n, value in given.items()
    )


def _narrowing(page: Page) -> dict[str, object]:
    fields = type(page.params).model_fields
    chosen = {}
    for name, info in fields.items():
        value = getattr(page.params, name)
        if name in {"as_of", "language", "region"} or info.default is not None or value is None:
            continue
        listed = any(get_origin(kind) is Literal for kind in (info.annotation, *get_args(info.annotation)))
        if place_of(info.metadata) or listed or info.annotation == str | None:
            chosen[name] = value
    return chosen
