"""A report's study: its steps, each computed when first asked, and the sections that word them.

A room writes ``class Study(report.Study)`` with one `functools.cached_property` per step, and one function per card:

>>> @section("customer_value.migration", key="scoring.migration", needs=("customers",))  # doctest: +SKIP
... def migration(study: Study) -> Finding:
...     return tiers.migration(study.moves, words=study.words, start=study.span.start, end=study.span.end)
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

from crmlib.core.errors import ContractError, LakeError, ModelError
from crmlib.kit import rich
from crmlib.kit.finding import Finding
from crmlib.kit.words import Words
from crmlib.report.page import Page

S = TypeVar("S", bound="Study")
T = TypeVar("T")
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Study:
    """What every report's study begins with: its page. Steps are cached properties of the room's own class."""

    page: Page

    def _repr_html_(self) -> str:
        return rich.record(self)

    @property
    def words(self) -> Words:
        """The words of the page's language."""
        return self.page.words


def section(
    name: str, *, key: str = "", needs: tuple[str, ...] = ()
) -> Callable[[Callable[[S], T]], Callable[[S], T | Finding]]:
    """Make a function one section of a page: what it cannot make is a finding that says so, never the page's end.

    A table that is not connected, and a model that refuses what it is given, put `Finding.unavailable` in the
    section's place; the refusal's own words go to the log. Wrong parameters still end the page: the form says them.

    Parameters
    ----------
    name : of its words; ``<name>.title`` is what the section is called.
    key : of its finding, where that is not `name`.
    needs : tables without which it cannot be made.
    """

    def made(make: Callable[[S], T]) -> Callable[[S], T | Finding]:
        @wraps(make)
        def shown(study: S) -> T | Finding:
            missing = tuple(study.page.missing(*needs))
            if missing:
                return Finding.unavailable(name, "table", words=study.words, key=key, tables=missing)
            try:
                return make(study)
            except LakeError as refused:
                if refused.code != "report.not_connected":
                    raise
                table = str(refused.values["table"])
                return Finding.unavailable(name, "table", words=study.words, key=key, tables=(table,))
            except (ModelError, ContractError) as refused:
                LOG.warning("section %s could not be made: %s", name, refused)
                return Finding.unavailable(name, "data", words=study.words, key=key)

        return shown

    return made
