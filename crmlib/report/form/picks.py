"""Parameters that are chosen by name instead of typed as a code: which rows of the lake a field offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pick:
    """Annotation of a parameter: its values stand in a column of the lake, and a reader chooses them by name.

    Only what the reader may see is offered; what is typed into the address all the same is the study's to judge.

    Parameters
    ----------
    table, value : where the values stand.
    label : columns that name a value, in the reader's order; the value itself without it.
    of : ``table.key`` where the labels stand, if in another table.
    latest : column by which the latest come first; by label without it.

    Examples
    --------
    >>> Pick("care_tasks", "owner_staff", label=("name",), of="staff.staff_id").source
    ('staff', 'staff_id')
    """

    table: str
    value: str
    label: tuple[str, ...] = ()
    of: str = ""
    latest: str = ""

    @property
    def source(self) -> tuple[str, str]:
        """Table and key of the labels."""
        table, _, key = self.of.partition(".")
        return (table, key) if key else (self.table, self.value)


@dataclass(frozen=True, slots=True)
class Follows:
    """What a field offers under each value of another field, as a study found it.

    Parameters
    ----------
    by : the other parameter. options : its value → values of this one with their labels, in the reader's order.
    """

    by: str
    options: Mapping[str, tuple[tuple[str, str], ...]]
