"""The life of a promotion: states, who moved it and when, versions, and the money that goes with each step.

draft → submitted → approved → executing → closed → claimed → settled; rejected, cancelled and expired end it earlier.
Approval freezes the plan and reserves the budget; an edit after it is a new version, and the event is judged by the
frozen one. At any time approved = reserved + committed + spent + released, each ≥ 0, in whole minor units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from crmlib.core.errors import ModelError

State = Literal[
    "draft", "submitted", "approved", "executing", "closed", "claimed", "settled", "rejected", "cancelled", "expired"
]
MOVES: dict[State, tuple[State, ...]] = {
    "draft": ("submitted", "cancelled"),
    "submitted": ("approved", "rejected", "draft"),
    "approved": ("executing", "cancelled", "expired"),
    "executing": ("closed", "cancelled"),
    "closed": ("claimed", "settled"),
    "claimed": ("settled", "claimed"),
    "settled": (),
    "rejected": ("draft",),
    "cancelled": (),
    "expired": (),
}
RELEASING: frozenset[State] = frozenset({"cancelled", "expired", "settled"})


@dataclass(frozen=True, slots=True)
class Step:
    """One move: to which state, by whom, when."""

    state: State
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Budget:
    """Money of a promotion [minor units]: approved = reserved + committed + spent + released."""

    approved: int = 0
    reserved: int = 0
    committed: int = 0
    spent: int = 0
    released: int = 0

    @property
    def balanced(self) -> bool:
        """Whether the identity holds and nothing is below zero."""
        parts = (self.reserved, self.committed, self.spent, self.released)
        return min(*parts, self.approved) >= 0 and self.approved == sum(parts)


@dataclass(frozen=True, slots=True)
class Case:
    """A promotion on its way: version in work, frozen version (0 before approval), steps so far, budget.

    claimed : minor units claimed so far; cap : most that may be claimed.
    """

    promotion_id: str
    state: State = "draft"
    version: int = 1
    frozen_version: int = 0
    steps: tuple[Step, ...] = ()
    budget: Budget = Budget()
    claimed: int = 0
    cap: int | None = None


def move(case: Case, state: State, *, actor: str, at: datetime, approved_minor: int = 0) -> Case:
    """Move a case to another state.

    Raises
    ------
    ModelError
        promotion.state_move (not a move of the diagram, or earlier than the last step), promotion.state_actor (nobody
        named).
    """
    if state not in MOVES[case.state] or (case.steps and at < case.steps[-1].at):
        raise _refused("promotion.state_move", case, state=case.state, to=state, known=sorted(MOVES[case.state]))
    if not actor.strip():
        raise _refused("promotion.state_actor", case)
    moved = replace(case, state=state, steps=(*case.steps, Step(state, actor, at)))
    if state == "approved":
        budget = Budget(approved=approved_minor, reserved=approved_minor)
        return replace(moved, frozen_version=case.version, budget=budget)
    return replace(moved, budget=_release(case.budget)) if state in RELEASING else moved


def edit(case: Case) -> Case:
    """A new version: free before approval; after it the frozen version stays the one that is judged (R10)."""
    if case.state in {"settled", "cancelled", "expired"}:
        raise _refused("promotion.state_edit", case, state=case.state)
    return replace(case, version=case.version + 1)


def judged_version(case: Case, version: int) -> int:
    """The version an evaluation uses: the frozen one; asking for another is refused (R10)."""
    if not case.frozen_version or version != case.frozen_version:
        raise ModelError("promotion.r10", values={"version": version, "frozen": case.frozen_version})
    return version


def commit(case: Case, minor: int) -> Case:
    """Promise money to a supplier or store: reserved → committed."""
    return _shift(case, minor, "reserved", "committed")


def spend(case: Case, minor: int) -> Case:
    """Pay what was promised: committed → spent."""
    return _shift(case, minor, "committed", "spent")


def claim(case: Case, minor: int, *, unit_minor: int | None = None, executed_units: int | None = None) -> Case:
    """Claim money back for what was carried out.

    Raises
    ------
    ModelError
        promotion.r14: more than the cap, or more than the units carried out allow.
    """
    total = case.claimed + minor
    limits = [case.cap] if case.cap is not None else []
    if unit_minor is not None and executed_units is not None:
        limits.append(unit_minor * executed_units)
    if minor <= 0 or any(total > limit for limit in limits):
        raise ModelError("promotion.r14", values={"total": total, "limit": min(limits, default=total)})
    return replace(case, claimed=total)


def overspend(budget: Budget, asked: int) -> int:
    """Minor units by which a new commitment would exceed what is still reserved; 0 if it fits: shown before it happens.

    Examples
    --------
    >>> overspend(Budget(approved=100, reserved=40, committed=60), 55)
    15
    """
    return max(asked - budget.reserved, 0)


def _shift(case: Case, minor: int, source: str, target: str) -> Case:
    have = getattr(case.budget, source)
    if minor <= 0 or minor > have:
        raise _refused("promotion.budget_short", case, asked=minor, have=have, source=source)
    moved = {source: have - minor, target: getattr(case.budget, target) + minor}
    return replace(case, budget=replace(case.budget, **moved))


def _release(budget: Budget) -> Budget:
    left = budget.reserved + budget.committed
    return replace(budget, reserved=0, committed=0, released=budget.released + left)


def _refused(code: str, case: Case, **values: object) -> ModelError:
    return ModelError(code, values={"promotion_id": case.promotion_id, **values})
