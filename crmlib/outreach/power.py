"""What a list can show, said before it is sent; and the smallest control that shows what is planned."""

from __future__ import annotations

from dataclasses import dataclass

from crmlib.core.errors import ModelError
from crmlib.core.experiments import detectable
from crmlib.outreach.draw import SHARES_BP


@dataclass(frozen=True, slots=True)
class Plan:
    """Control share of a list and what it shows.

    Parameters
    ----------
    people : drawn.
    control_bp : share left alone [basis points]; that of the largest choice where nothing shows the plan.
    shows : smallest difference found with 80 % power [share].
    measurable : whether that is at most the planned effect.
    """

    people: int
    control_bp: int
    shows: float
    measurable: bool


def plan(people: int, *, base: float, planned: float) -> Plan:
    """The smallest of 10, 20, 30 and 50 % control that shows the planned effect.

    Parameters
    ----------
    base : share expected to come without contact.
    planned : effect planned [share].

    Examples
    --------
    >>> [plan(n, base=0.2437, planned=0.05).control_bp for n in (10_000, 5_000, 3_000)]
    [1000, 2000, 3000]
    >>> plan(100, base=0.2437, planned=0.05).measurable
    False
    """
    for control_bp in SHARES_BP:
        found = shows(people, control_bp=control_bp, base=base)
        if found <= planned:
            return Plan(people, control_bp, found, measurable=True)
    return Plan(people, SHARES_BP[-1], found, measurable=False)


def shows(people: int, *, control_bp: int, base: float) -> float:
    """Smallest difference in shares that a list can show."""
    held = (people * control_bp + 9_999) // 10_000
    return detectable(treated=people - held, held=held, base=base)


def needed(*, base: float, planned: float, control_bp: int) -> int:
    """People a list needs to show the planned effect.

    Examples
    --------
    >>> 2_500 < needed(base=0.2437, planned=0.05, control_bp=3_000) <= 3_000
    True
    """
    low, high = 2, 4
    while shows(high, control_bp=control_bp, base=base) > planned:
        low, high = high, high * 2
        if high > 2**40:
            return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if shows(middle, control_bp=control_bp, base=base) <= planned else (middle, high)
    return high


def check_measurable(people: int, *, control_bp: int, base: float, planned: float) -> None:
    """Refuse a list that cannot show what is planned.

    Raises
    ------
    ModelError
        `outreach.not_measurable`; pool it with like lists, or send it marked untested.
    """
    found = shows(people, control_bp=control_bp, base=base)
    if found > planned:
        least = needed(base=base, planned=planned, control_bp=3_000)
        raise ModelError("outreach.not_measurable", values={
                "people": people, "control": control_bp / 100, "shows": round(found * 100, 1),
                "planned": planned * 100, "needed": least,
            })  # fmt: skip
