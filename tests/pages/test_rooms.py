"""Every room is built alike: a study of documented, typed steps, and sections that take the study."""

from __future__ import annotations

import importlib
import inspect
from functools import cached_property
from pathlib import Path

import pytest

from crmlib import report

PAGES = Path(report.__file__).parents[1] / "pages"
ROOMS = sorted(path.parent.name for path in PAGES.glob("*/study.py"))
rooms = pytest.mark.parametrize("room", ROOMS)


@rooms
def test_a_study_has_typed_steps_each_with_a_line_that_says_what_it_is(room: str) -> None:
    study = importlib.import_module(f"crmlib.pages.{room}.study").Study
    assert issubclass(study, report.Study)
    steps = {n: v for kind in study.__mro__ for n, v in vars(kind).items() if isinstance(v, cached_property)}
    assert steps
    for name, step in steps.items():
        assert step.func.__doc__, name
        assert "return" in step.func.__annotations__, name


@rooms
def test_every_card_is_a_function_of_the_study(room: str) -> None:
    findings = importlib.import_module(f"crmlib.pages.{room}.findings")
    own = [f for _, f in inspect.getmembers(findings, inspect.isfunction) if f.__module__ == findings.__name__]
    cards = [f for f in own if not f.__name__.startswith("_")]
    assert cards
    assert all(list(inspect.signature(card).parameters) == ["study"] and card.__doc__ for card in cards)
