"""A page made again finds what it shows of all lines and members: what an app costs is what it reads."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.report import world

FEW = frozenset({"crmlib.panels.feeds"})
"""Panels of days and feeds, which are few however many lines there are."""
PAGES = (
    "sales_pulse",
    "goods",
    "data_health",
    "early_warning",
    "contact_list",
    "customer_value",
    "invitations",
    "churn_review",
)


@pytest.mark.parametrize("report", PAGES)
def test_a_page_made_before_is_made_again_without_a_panel(
    report: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, room = world.make_lake(tmp_path / "lake"), f"crmlib.pages.{report}"
    kind, findings = import_module(f"{room}.study").Study, import_module(f"{room}.findings")
    cards = [card for card in vars(findings).values() if hasattr(card, "__wrapped__")]

    def shown() -> list[Any]:
        study = kind(world.opened(lake, report=report))
        return [card(study) for card in cards]

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("lines or members were read")

    first = shown()
    for name, module in list(sys.modules.items()):
        if name.startswith("crmlib.panels.") and name not in FEW and hasattr(module, "lines_of"):
            monkeypatch.setattr(module, "lines_of", refuse)
    again = shown()
    said = [
        [getattr(one, "headline", None) or getattr(one, "sentence", None) for one in made] for made in (first, again)
    ]
    assert len(cards) > 5 and said[0] == said[1]
