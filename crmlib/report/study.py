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

import polars as pl

from crmlib.core.errors import ContractError, CrmError, LakeError, ModelError
from crmlib.data.lake import pseudonyms
from crmlib.kit import rich
from crmlib.kit.finding import Answer, Finding
from crmlib.kit.words import Words
from crmlib.report.memory.remember import Later
from crmlib.report.page import Page

S = TypeVar("S", bound="Study")
T = TypeVar("T")
U = TypeVar("U")
ASKED = "no_such_"
"""Refusals of what the reader asked for (a member, a group that is not there) end the page: the form says them."""
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

    def kept(self, step: str, make: Callable[[], T], *of: object) -> T:
        """What `make` gives of the page's data, not made again for the same data, regions and `of`.

        For what a page shows of very many rows: it is small, and found without reading them. Tables that it was made
        of are among the page's sources, found or made. No state of an earlier run may be in it, nor today's date.

        Parameters
        ----------
        step : its name on this page. of : the parameters, and whatever decides it besides the data of the page's day.
        """
        page = self.page
        decided = (page.lines, page.report, step, page.currency, page.context.seed, page.keyed(pseudonyms.known_by))
        made, used = page.remember(_made, Later(lambda: (make(), tuple(sorted(page.used))), *decided, *of))
        page.used.update(used)
        return made

    def titles(self, table: str, key: str) -> dict[str, str]:
        """What staff (`staff`, `staff_id`) or stores (`stores`, `store_id`) are called; empty where not connected."""
        found = self.page.optional(table)
        if found is None or "name" not in found.collect_schema().names():
            return {}
        return dict(found.select(key, "name").drop_nulls().collect().rows())

    def owners(self) -> dict[str, str]:
        """What staff are called where they own something: whoever has left by the page's day is said to have left."""
        staff = self.page.optional("staff")
        if staff is None:
            return {}
        named = self.titles("staff", "staff_id")
        return named | {s: self.words("page.has_left", name=named.get(s, s)) for s in self.leavers()}

    def leavers(self) -> frozenset[str]:
        """Numbers of the staff who have left by the page's day; empty where no staff list is connected."""
        staff = self.page.optional("staff")
        if staff is None:
            return frozenset()
        gone = staff.filter(pl.col("left_on") <= self.page.as_of).select("staff_id").collect()["staff_id"]
        return frozenset(gone.to_list())


def _made(made: Later[tuple[T, tuple[str, ...]]]) -> tuple[T, tuple[str, ...]]:
    """A step, and the tables that the page had used by then."""
    return made.value


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
        def missing(study: S, tables: tuple[str, ...]) -> Finding:
            return Finding.unavailable(name, "table", words=study.words, key=key, tables=tables)

        def refused(study: S, error: CrmError) -> Finding:
            return Finding.unavailable(name, "data", words=study.words, key=key, refused=error)

        return _guarded(make, needs, missing, refused)

    return made


def answered(*needs: str) -> Callable[[Callable[[S], Answer]], Callable[[S], Answer]]:
    """Make a function the answer of a page: where it cannot be said, the page comes all the same and says why.

    Parameters
    ----------
    needs : tables without which it cannot be said; all that are missing are named together.
    """

    def made(make: Callable[[S], Answer]) -> Callable[[S], Answer]:
        def missing(study: S, tables: tuple[str, ...]) -> Answer:
            return Answer.unavailable("table", words=study.words, tables=tables)

        def refused(study: S, error: CrmError) -> Answer:
            return Answer.unavailable("data", words=study.words, refused=error)

        shown = _guarded(make, needs, missing, refused)
        vars(shown)["needs"] = needs  # what a pass waits for
        return shown

    return made


def otherwise(instead: U) -> Callable[[Callable[[S], T]], Callable[[S], T | U]]:
    """Make a function come to `instead` where its tables or models fail it: what is kept for later, the limits."""

    def made(make: Callable[[S], T]) -> Callable[[S], T | U]:
        return _guarded(make, (), lambda _, __: instead, lambda _, __: instead)

    return made


def _guarded(
    make: Callable[[S], T],
    needs: tuple[str, ...],
    missing: Callable[[S, tuple[str, ...]], U],
    refused: Callable[[S, CrmError], U],
) -> Callable[[S], T | U]:
    """`make`, or what stands in its place."""

    @wraps(make)
    def shown(study: S) -> T | U:
        absent = tuple(study.page.missing(*needs))
        if absent:
            return missing(study, absent)
        try:
            return make(study)
        except LakeError as error:
            if error.code != "report.not_connected":
                raise
            return missing(study, (str(error.values["table"]),))
        except (ModelError, ContractError) as error:
            if error.code.rpartition(".")[2].startswith(ASKED):
                raise
            LOG.warning("%s could not be made: %s", make.__name__, error)
            return refused(study, error)

    return shown
