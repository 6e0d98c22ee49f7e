"""Who gets the credit, and who gets the money: two questions. Credit is descriptive; money follows the contract.

Shapley on counts of conversions is the equal split among the distinct media of a path (each path is a unanimity game).
A reminder without any effect still gets a share by Shapley, Markov and last touch alike: only a lot shows effect.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from crmlib.core.errors import ModelError

Key = TypeVar("Key", bound=Hashable)
Path = tuple[str, ...]
START, WON, LOST = "(start)", "(won)", "(lost)"


def allot(total: int, weights: Mapping[str, Fraction | int]) -> dict[str, int]:
    """`total` [fen] by weight in whole fen, largest remainder first, equal remainders by name; sums to the total.

    Raises
    ------
    ModelError
        `cases.no_weights` if weights are negative or all zero.

    Examples
    --------
    >>> allot(100, {"a": 1, "b": 1, "c": 1})
    {'a': 34, 'b': 33, 'c': 33}
    """
    sum_ = sum(Fraction(w) for w in weights.values())
    if sum_ <= 0 or min(weights.values()) < 0:
        raise ModelError("cases.no_weights", values={"count": len(weights), "sum": float(sum_)})
    exact = {name: Fraction(w) * total / sum_ for name, w in weights.items()}
    out = {name: x.numerator // x.denominator for name, x in exact.items()}
    left = total - sum(out.values())
    for name in sorted(exact, key=lambda n: (-(exact[n] - out[n]), n))[:left]:
        out[name] += 1
    return out


def contract_shares(collected: Mapping[str, int], share_bp: Mapping[str, int]) -> dict[str, int]:
    """What contracts pay each medium: its share of what was collected from its guests, in whole fen.

    The total is Σ share · collected, rounded once; fen go by largest remainder. Media without a share get nothing.

    Examples
    --------
    >>> contract_shares({"radio": 10_001, "print": 9_999}, {"radio": 500, "print": 300})
    {'radio': 500, 'print': 300}
    """
    due = {medium: Fraction(max(sum_, 0) * share_bp.get(medium, 0), 10_000) for medium, sum_ in collected.items()}
    return allot(round(sum(due.values())), due) if sum(due.values()) > 0 else dict.fromkeys(due, 0)


def shapley(won: Mapping[Path, int]) -> dict[str, Fraction]:
    """Conversions by medium: each won path split equally among its distinct media.

    Examples
    --------
    >>> {k: str(v) for k, v in shapley({("R",): 6, ("R", "P"): 3}).items()}
    {'R': '15/2', 'P': '3/2'}
    """
    out: dict[str, Fraction] = {}
    for path, count in won.items():
        media = dict.fromkeys(path)
        for medium in media:
            out[medium] = out.get(medium, Fraction(0)) + Fraction(count, len(media))
    return out


def touch(won: Mapping[Path, int], *, which: str) -> dict[str, Fraction]:
    """Conversions by `first` or `last` touch, or split `equal` over touches (a medium seen twice counts twice)."""
    out: dict[str, Fraction] = {}
    for path, count in won.items():
        parts = {"first": path[:1], "last": path[-1:], "equal": path}[which]
        for medium in parts:
            out[medium] = out.get(medium, Fraction(0)) + Fraction(count, len(parts))
    return out


def markov(won: Mapping[Path, int], lost: Mapping[Path, int]) -> dict[str, float]:
    """Removal effects of a first-order chain, scaled to sum 1.

    Source: Anderl, Becker, von Wangenheim & Schumann (2016), Mapping the customer journey, IJRM 33(3).
    """
    media = sorted({m for path in (*won, *lost) for m in path})
    steps = _steps(won, lost, media)
    base = _reach(steps, media, removed=None)
    effect = {m: 1 - _reach(steps, media, removed=m) / base if base else 0.0 for m in media}
    sum_ = sum(effect.values())
    return {m: e / sum_ if sum_ else 0.0 for m, e in effect.items()}


def _steps(won: Mapping[Path, int], lost: Mapping[Path, int], media: Sequence[str]) -> npt.NDArray[np.float64]:
    """Transition shares among start, media and (last two columns) won, lost."""
    place = {START: 0, **{m: k + 1 for k, m in enumerate(media)}, WON: len(media) + 1, LOST: len(media) + 2}
    counts = np.zeros((len(media) + 1, len(media) + 3))
    for paths, end in ((won, WON), (lost, LOST)):
        for path, count in paths.items():
            for a, b in zip((START, *path), (*path, end), strict=True):
                counts[place[a], place[b]] += count
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _reach(steps: npt.NDArray[np.float64], media: Sequence[str], *, removed: str | None) -> float:
    """Chance to end won from the start when every step to `removed` is lost."""
    m = len(media) + 1
    among = steps[:, :m].copy()
    if removed is not None:
        among[:, media.index(removed) + 1] = 0
    solved: npt.NDArray[Any] = np.linalg.solve(np.eye(m) - among, steps[:, m])
    return float(solved[0])
