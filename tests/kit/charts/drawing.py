"""A chart as a page draws it at a width, and where its texts end up."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import vl_convert

from crmlib.report.drawing import fitted

PHONE, DESK = 332, 690
"""Width of the drawing column on a telephone of 390 px and on a wide page [px]."""
_MOVE = re.compile(r"translate\(([-\d.e]+),\s*([-\d.e]+)\)")


def svg(chart, *, width):
    """The picture at `width`."""
    return vl_convert.vegalite_to_svg(json.dumps(fitted(chart.to_dict()) | {"width": width}))


def boxes(chart, *, width):
    """Text → left, right, top, lower end [px], of all texts of the picture; a Chinese character is 12 px wide."""
    found = {}

    def walk(node, x, y):
        moved = _MOVE.search(node.get("transform", ""))
        x, y = (x + float(moved[1]), y + float(moved[2])) if moved else (x, y)
        lines = [line.strip() for line in node.itertext() if line.strip()] if node.tag.endswith("text") else []
        if lines:
            wide = max(sum(12 if ord(c) > 0x2E80 else 6.7 for c in line) for line in lines)
            left = x - {"end": wide, "middle": wide / 2}.get(node.get("text-anchor", "start"), 0.0)
            found[" ".join(lines)] = (left, left + wide, y - 10, y + 3)
        for child in node:
            walk(child, x, y)

    walk(ElementTree.fromstring(svg(chart, width=width)), 0.0, 0.0)
    return found


def texts(chart, *, width):
    """Text → its left and right end [px], as `boxes`."""
    return {text: box[:2] for text, box in boxes(chart, width=width).items()}


def inside(chart, labels):
    """Whether every figure stands inside the picture on a telephone and on a wide page."""
    for width in (PHONE, DESK):
        at = texts(chart, width=width)
        if not all(at[label][0] >= -1 and at[label][1] <= width + 1 for label in labels if label):
            return False
    return True
