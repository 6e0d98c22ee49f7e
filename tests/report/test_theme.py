"""Colours that everybody tells apart; the theme is cheap to import and never lost."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations

import altair as alt
import numpy as np
import numpy.typing as npt
import pytest

from crmlib.kit.charts import theme

# Machado, Oliveira & Fernandes (2009), severity 1: what people with each deficiency see of linear RGB
DEFICIENCIES = {
    "none": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
APART = 0.08  # distance in OKLab (0.02 is just noticeable side by side; lines are thin and apart)


def linear(colour: str) -> npt.NDArray[np.float64]:
    srgb = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def oklab(rgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ottosson (2020)."""
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    return np.array(to_lab) @ np.cbrt(np.array(to_lms) @ np.clip(rgb, 0, 1))


def contrast(colour: str) -> float:
    """Against white (WCAG)."""
    return float(1.05 / (linear(colour) @ np.array([0.2126, 0.7152, 0.0722]) + 0.05))


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_series_are_told_apart_by_everybody(deficiency: str) -> None:
    seen = [oklab(np.array(DEFICIENCIES[deficiency]) @ linear(colour)) for colour in theme.SERIES]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > APART


def test_marks_have_three_to_one_on_white_and_text_four_and_a_half() -> None:
    assert all(contrast(colour) >= 3 for colour in theme.SERIES)
    assert all(
        contrast(colour) >= 4.5 for colour in (theme.INK, theme.SOFT, theme.OK, theme.WARN, theme.FAIL, theme.ACCENT)
    )


def test_finish_keeps_what_the_chart_says_and_sets_face_size_and_colours() -> None:
    chart = alt.Chart({"values": [{"a": 1}]}).mark_bar().encode(x="a:Q").properties(title="t")
    spec = theme.finish(chart, height=99).to_dict()
    assert (spec["title"], spec["height"], spec["width"]) == ("t", 99, 560)
    assert "CJK" in spec["config"]["font"] and spec["config"]["range"]["category"] == list(theme.SERIES)
    assert "height" not in theme.finish(chart, height=None).to_dict()


def test_constants_cost_no_import_of_altair() -> None:
    costly = "{'altair', 'great_tables', 'vl_convert', 'IPython', 'jinja2'}"
    code = f"import sys, crmlib.kit.charts.theme, crmlib.kit.table, crmlib.report; print({costly} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
