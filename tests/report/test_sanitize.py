"""Markup of the drawing and table libraries keeps nothing that runs or fetches."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from crmlib.report import sanitize
from crmlib.report.sanitize import relative
from tests.report.payloads import PAYLOADS


class Seen(HTMLParser):
    """Every element and attribute of a piece of markup."""

    def __init__(self, markup: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: dict[str, str] = {}
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name: value or "" for name, value in attrs}


@pytest.mark.parametrize("payload", PAYLOADS)
def test_raw_markup_in_a_cell_leaves_no_element_or_attribute_that_acts(payload: str) -> None:
    seen = Seen(sanitize.table(f"<table><tr><td class='a'>{payload}</td></tr></table>"))
    assert seen.tags <= sanitize.TABLE_TAGS and set(seen.attributes) <= sanitize.TABLE_ATTRIBUTES
    assert "url" not in seen.attributes.get("style", "") and "expression" not in seen.attributes.get("style", "")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_raw_markup_in_a_picture_leaves_no_element_or_attribute_that_acts(payload: str) -> None:
    seen = Seen(sanitize.svg(f'<svg><text aria-label="{payload}">{payload}</text></svg>'))
    assert seen.tags <= sanitize.SVG_TAGS and set(seen.attributes) <= sanitize.SVG_ATTRIBUTES


def test_nothing_that_acts_is_on_the_lists() -> None:
    every = sanitize.TABLE_ATTRIBUTES | sanitize.SVG_ATTRIBUTES
    assert not any(name.startswith("on") or name in ("src", "xlink:href", "srcdoc") for name in every)
    risky = {"script", "style", "image", "img", "use", "foreignobject", "iframe", "animate", "set", "form"}
    assert not risky & (sanitize.TABLE_TAGS | sanitize.SVG_TAGS)
    assert "a" not in sanitize.SVG_TAGS and "href" not in sanitize.SVG_ATTRIBUTES  # of tables see below


def test_a_style_that_fetches_is_dropped_and_a_harmless_one_kept() -> None:
    kept = sanitize.table('<table><td style="color: red">1</td><td style="background:url(http://x)">2</td></table>')
    assert kept == '<table><td style="color: red">1</td><td>2</td></table>'


def test_a_picture_may_refer_to_its_own_clip_path_only() -> None:
    own, other = 'clip-path="url(#clip1)"', 'clip-path="url(http://x#c)"'
    assert own in sanitize.svg(f"<svg><g {own}></g></svg>")
    assert "clip-path" not in sanitize.svg(f"<svg><g {other}></g></svg>")


def test_text_stays_text() -> None:
    assert (
        sanitize.table("<table><td>a &lt;b&gt; &amp; c</td></table>") == "<table><td>a &lt;b&gt; &amp; c</td></table>"
    )


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/", "//evil.example/x", "javascript:alert(1)", "data:text/html,x", "/\\evil.example",
        "../../../../..//evil", "mailto:a@b", "/apps/x?a=<b>", "file:///etc/passwd", " /apps/x", "../../x",
    ],
)  # fmt: skip
def test_a_cell_leads_only_to_pages_and_apps_of_this_house(address: str) -> None:
    assert "href" not in sanitize.table(f'<table><tr><td><a href="{address}">x</a></td></tr></table>')


@pytest.mark.parametrize(
    "address",
    ["../../../../a/weekly-region-华东/2026-10-31/zh/index.html#k-1", "/a/m/index.html", "/apps/a?b=PR-1&c=2"],
)
def test_addresses_of_our_own_pages_stay(address: str) -> None:
    cell = sanitize.table(f'<table><tr><td><a href="{address}">x</a></td></tr></table>')
    assert f'href="{address.replace("&", "&amp;")}"' in cell


def test_polygons_told_by_steps_end_where_the_absolute_ones_do() -> None:
    rng = np.random.default_rng(5)
    rings = [np.round(rng.uniform(-50, 700, (int(rng.integers(2, 8)), 2)), 1) for _ in range(40)]
    path = "".join("M" + "L".join(f"{x:g},{y:g}" for x, y in ring) + "Z" * (n % 3 > 0) for n, ring in enumerate(rings))
    at, start, told = np.zeros(2), np.zeros(2), []
    for kind, numbers in re.findall(r"([Mmlz])([-\d.,]*)", relative(path)):
        steps = np.array([float(v) for v in numbers.split(",") if v]).reshape(-1, 2)
        for n, step in enumerate(steps):
            at = step if kind == "M" else at + step
            start = at if kind in "Mm" and n == 0 else start
            told.append(at)
        at = start if kind == "z" else at
    np.testing.assert_allclose(told, np.concatenate(rings), atol=0.051)
