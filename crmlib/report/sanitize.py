"""Markup made by drawing and table libraries, cut down to what a picture or a table needs.

Both libraries escape what they are given; this is the second lock. What is not on the lists below never reaches a
page: no script, no handler, no address, whatever a name in the data contains. Nor does what only costs bytes: values
that are defaults, shapes without a shape, the fifth decimal of a pixel.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from html.parser import HTMLParser

from crmlib.kit.escape import escape


def _words(names: str) -> frozenset[str]:
    return frozenset(names.split())


TABLE_TAGS = _words("table thead tbody tfoot tr th td caption colgroup col span div br sup sub strong em b i a")
TABLE_ATTRIBUTES = _words("class style scope colspan rowspan aria-label lang href")
SVG_TAGS = _words(
    "svg g path rect circle ellipse line polyline polygon text tspan defs clippath lineargradient radialgradient stop "
    "title desc"
)
SVG_ATTRIBUTES = _words(
    "width height viewbox transform d x y x1 x2 y1 y2 cx cy r rx ry dx dy points fill fill-opacity stroke "
    "stroke-width stroke-opacity stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-miterlimit "
    "opacity font-size font-weight font-style text-anchor dominant-baseline id offset stop-color "
    "stop-opacity gradientunits clip-path preserveaspectratio clippathunits display fr fx fy"
)
_DEFAULTS = {
    "opacity": "1", "fill-opacity": "1", "stroke-opacity": "1", "stroke-width": "1", "transform": "translate(0,0)",
    "x1": "0", "x2": "0", "y1": "0", "y2": "0", "font-size": "12px", "font-weight": "normal", "rowspan": "1",
    "colspan": "1",
}  # fmt: skip
"""Said by the libraries, meant anyway: by SVG, by HTML, by the style of the page (12 pixels)."""
_CLASSES = _words(
    "gt_right gt_center gt_column_spanner gt_title gt_subtitle gt_group_heading gt_sourcenote gt_footnote gt_stub "
    "gt_grand_summary_row gt_summary_row"
)
"""Classes that the page's style knows."""
_PIXELS = _words("d transform x y x1 x2 y1 y2 cx cy r points width height")
_DECIMALS = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_TAG, _HEAD = re.compile(r"<[^>]*>"), re.compile(r"<th\b[^>]*>(.*?)</th>", re.S)
_ROW, _CELL = re.compile(r"<tr>.*?</tr>", re.S), re.compile(r"<td\b")
_VOID = frozenset(("br", "col"))
_UNSAFE_STYLE = re.compile(r"url|expression|import|\\|<|javascript", re.IGNORECASE)
_LOCAL = re.compile(r"url\(#([\w-]+)\)")
_OWN_ADDRESS = re.compile(r"(?:(?:\.\./){4}|/)(?:(?!\.\.)[\w.-]+/)*(?!\.\.)[\w.-]+(?:\?[\w=&%+.-]*)?(?:#[\w-]+)?")
"""Pages and apps of this house, as `report.addresses` writes them: no scheme, no host."""
_DROPPED_WHOLE = frozenset(("script", "style", "foreignobject", "iframe", "object", "noscript", "template"))


LONG_PATH = 1_000
_POLYGONS = re.compile(r"(?:M-?[\d.]+,-?[\d.]+(?:L-?[\d.]+,-?[\d.]+)*Z?)+")
_STEP = re.compile(r"([ML])(-?[\d.]+),(-?[\d.]+)(Z?)")


def relative(path: str) -> str:
    """The same polygons, each point told from the one before, in tenths of a pixel: a map has a third fewer characters.

    Examples
    --------
    >>> relative("M10,20L15.5,20L15.5,18.1ZM30,1L31,2")
    'M10,20l5.5,0,0,-1.9zm20,-19,1,1'
    >>> relative("M0,0C1,1,2,2,3,3")
    'M0,0C1,1,2,2,3,3'
    """
    if not _POLYGONS.fullmatch(path):
        return path
    parts, start, at = list[str](), (0, 0), (0, 0)
    for kind, x, y, end in _STEP.findall(path):
        point = round(float(x) * 10), round(float(y) * 10)
        told = f"{(point[0] - at[0]) / 10:g},{(point[1] - at[1]) / 10:g}"
        if kind == "M":
            parts.append(f"m{told}" if parts else f"M{x},{y}")
            start = point
        else:
            parts.append(f"l{told}" if len(parts) == 1 else f",{told}")
        at = point
        if end:
            parts.append("z")
            at = start
    return "".join(parts)


class _Cleaner(HTMLParser):
    """Collects the allowed part of a piece of markup."""

    def __init__(self, tags: Collection[str], attributes: Collection[str], name: str = "") -> None:
        super().__init__(convert_charrefs=True)
        self._name = name
        self._ids: dict[str, str] = {}
        self._tags = tags
        self._attributes = attributes
        self._hidden = 0
        self._empty_path = False
        self.kept: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED_WHOLE:
            self._hidden += 1
        elif not self._hidden and tag in self._tags and not self._invisible(tag, attrs):
            self.kept.append(f"<{tag}{''.join(map(self._attribute, attrs))}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._hidden and tag in self._tags and not self._invisible(tag, attrs):
            close = "" if tag in _VOID else f"</{tag}>"
            self.kept.append(f"<{tag}{''.join(map(self._attribute, attrs))}>{close}")
        self._empty_path = False

    def handle_endtag(self, tag: str) -> None:
        if tag in _DROPPED_WHOLE:
            self._hidden = max(0, self._hidden - 1)
        elif tag == "path" and self._empty_path:
            self._empty_path = False
        elif not self._hidden and tag in self._tags and tag not in _VOID:
            self.kept.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.kept.append(escape(data, quote=False))

    def _attribute(self, pair: tuple[str, str | None]) -> str:
        name, value = pair[0], pair[1] or ""
        unsafe = _UNSAFE_STYLE.search(value) if name == "style" else "url(" in value and not _LOCAL.fullmatch(value)
        if name == "href" and not _OWN_ADDRESS.fullmatch(value):
            return ""
        if name not in self._attributes or unsafe or _DEFAULTS.get(name) == value:
            return ""
        if name == "id" and self._name:
            value = self._own(value)
        elif self._name and (local := _LOCAL.fullmatch(value)):
            value = f"url(#{self._own(local[1])})"
        if name == "class":
            value = " ".join(c for c in value.split() if c in _CLASSES)
        if name in _PIXELS:
            value = _DECIMALS.sub(lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), value)
        if name == "d" and len(value) > LONG_PATH:
            value = min(value, relative(value), key=len)
        return f' {name}="{escape(value)}"' if value else ""

    def _own(self, given: str) -> str:
        return self._ids.setdefault(given, f"{self._name}--{len(self._ids) + 1}")

    def _invisible(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        """Whether this is one of the paths that stand for an empty background or foreground."""
        given = dict(attrs)
        nothing = not given.get("d") or (given.get("class") == "background" and not {"fill", "stroke"} & given.keys())
        self._empty_path = tag == "path" and nothing
        return self._empty_path


def table(markup: str) -> str:
    """The first ``<table>`` of `markup`, with harmless tags and attributes only.

    Examples
    --------
    >>> table('<style>x</style><table onclick="a()"><tr><td>1<script>alert(1)</script></td></tr></table><p>no</p>')
    '<table><tr><td>1</td></tr></table>'
    """
    start, end = markup.find("<table"), markup.rfind("</table>")
    return _clean(markup[start : end + len("</table>")], TABLE_TAGS, TABLE_ATTRIBUTES) if 0 <= start < end else ""


def labelled(table_markup: str) -> str:
    """A cleaned table whose cells say their column's heading, for pages too narrow for columns.

    Examples
    --------
    >>> labelled('<thead><tr><th scope="col">A</th></tr></thead><tbody><tr><td>1</td></tr></tbody>')
    '<thead><tr><th scope="col">A</th></tr></thead><tbody><tr><td data-head="A">1</td></tr></tbody>'
    """
    heads = [_TAG.sub("", head).replace('"', "&quot;") for head in _HEAD.findall(table_markup)]

    def named(row: re.Match[str]) -> str:
        names = iter(heads)
        return _CELL.sub(lambda cell: f'<td data-head="{next(names, "")}"', row[0])

    return _ROW.sub(named, table_markup)


def explained(cleaned: str, raw: str, *, place: str, known: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """A cleaned table whose heads say which measure they are, where it has a definition; and the keys of these.

    Parameters
    ----------
    raw : the same table before cleaning: the library gives a head the name of its column, after `place`.

    Examples
    --------
    >>> explained("<th>A</th><th>B</th>", '<th id="t-a">A</th><th id="t-b">B</th>', place="t", known={"b"})
    ('<th>A</th><th data-term="b">B</th>', ('b',))
    """
    ids = (re.search(rf'\bid="{place}-([a-z0-9_]+)"', head) for head in re.findall(r"<th\b[^>]*>", raw))
    names = [found[1] if found is not None and found[1] in known else "" for found in ids]
    each = iter(names)

    def marked(head: re.Match[str]) -> str:
        name = next(each, "")
        return f'{head[0][:-1]} data-term="{name}">' if name else head[0]

    return re.sub(r"<th\b[^>]*>", marked, cleaned), tuple(name for name in names if name)


def svg(markup: str, *, name: str = "") -> str:
    """A picture without anything that could run or fetch.

    Parameters
    ----------
    name : of the picture: its inner names (``clip17``, counted by the engine over all it ever drew) begin with it and
        are counted from one, so that a page has each name once and the same picture has the same bytes.

    Examples
    --------
    >>> svg('<svg width="1"><a href="javascript:x"><rect x="1" onload="y"></rect></a><image href="http://z"/></svg>')
    '<svg width="1"><rect x="1"></rect></svg>'
    >>> svg('<g clip-path="url(#clip9)"></g><clipPath id="clip9"></clipPath>', name="sales")
    '<g clip-path="url(#sales--1)"></g><clippath id="sales--1"></clippath>'
    """
    return _clean(markup, SVG_TAGS, SVG_ATTRIBUTES, name)


def _clean(markup: str, tags: Collection[str], attributes: Collection[str], name: str = "") -> str:
    cleaner = _Cleaner(tags, attributes, name)
    cleaner.feed(markup)
    cleaner.close()
    return "".join(cleaner.kept)
