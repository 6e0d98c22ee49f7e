"""Frames become findings: the headline chosen by the data, what is seen, how sure, what to do."""

from __future__ import annotations

import importlib
from types import ModuleType

from crmlib.findings.finding import ActionList, Answer, Figure, Finding, Limits

__all__ = ["ActionList", "Answer", "Figure", "Finding", "Limits"]


def __getattr__(name: str) -> ModuleType:
    """The findings of one question (`findings.scoring`), imported on first use: each brings its own charts."""
    try:
        return importlib.import_module(f"crmlib.findings.{name}")
    except ModuleNotFoundError as problem:
        if problem.name != f"crmlib.findings.{name}":
            raise
        raise AttributeError(f"module 'crmlib.findings' has no attribute {name!r}") from None
