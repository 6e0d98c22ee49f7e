"""How many agents a half hour needs: Erlang A, where callers lose patience; Erlang C as an upper bound without it.

Symbols: λ calls per minute, μ answers per minute and agent, θ = 1/patience, n agents, T target wait [minutes]. With V
the wait that a caller of endless patience would have, H(x) = (1 − e^{−θx})/θ, J = ∫ exp(λH(x) − nμx) dx over x > 0 and
E = Σ_{j<n} a^j/j! · (n−1)!/a^{n−1}, a = λ/μ:  P(V = 0) = E/(E + λJ),  P(abandon) = (1 + (λ − nμ)J)/(E + λJ),
P(served within T) = P(V = 0) + λ/(E + λJ) ∫_0^T exp(λH(x) − nμx − θx) dx.
Sources: Palm (1946); Garnett, Mandelbaum & Reiman (2002); Mandelbaum & Zeltyn (2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.special import expit, gammainc, gammaincc, gammaln, hyp1f1

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

Array = npt.NDArray[Any]
MAX_AGENTS = 4096
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)


@dataclass(frozen=True, slots=True)
class Queue:
    """Shares by half hour: answered within the target, abandoned, agents' time on calls; each of the shape given."""

    service_level: Array
    abandoned: Array
    occupancy: Array


def erlang_a(*, calls: Array | float, answers: float, patience: float, agents: Array | int, target: float) -> Queue:
    """Erlang A (M/M/n+M).

    Parameters
    ----------
    calls : λ [per minute]. answers : μ [per minute and agent]. patience : mean, 1/θ [minutes]. target : T [minutes].

    Examples
    --------
    >>> q = erlang_a(calls=2.5, answers=0.25, patience=2.0, agents=12, target=1 / 3)
    >>> round(float(q.service_level), 4), round(float(q.abandoned), 4), round(float(q.occupancy), 4)
    (0.8203, 0.0676, 0.777)
    """
    lam, n = np.broadcast_arrays(np.asarray(calls, dtype=float), np.asarray(agents, dtype=float))
    busy = np.maximum(lam, 1e-12)
    theta, a = 1 / patience, busy / answers
    log_J, log_inverse = _log_wait(busy, theta, n * answers), _log_inverse(a, n)
    waits = expit(np.log(busy) + log_inverse + log_J)  # λJ/(E + λJ), in logs: nothing overflows
    x = target * (_NODES + 1) / 2
    H = -np.expm1(-theta * x) / theta
    inner = busy[..., None] * H - (n * answers)[..., None] * x - theta * x - log_J[..., None]
    soon = np.exp(inner) @ _WEIGHTS * target / 2
    lost = np.exp(log_inverse) * (1 - waits) + (1 - n * answers / busy) * waits
    lost = np.clip(lost, 0, 1)
    return Queue(np.clip(1 - waits + waits * soon, 0, 1), lost, busy * (1 - lost) / (n * answers))


def _log_inverse(a: Array, n: Array) -> Array:
    """Ln 1/E; far beyond capacity E is the geometric series 1/(1 − (n−1)/a)."""
    tail = gammaincc(n, a)
    usual = tail > 1e-250
    sure = np.where(usual, tail, 1.0)
    beyond = np.log(np.maximum(1 - (n - 1) / a, 1e-12))
    return np.asarray(np.where(usual, (n - 1) * np.log(a) - a - gammaln(n) - np.log(sure), beyond))


def _log_wait(lam: Array, theta: float, capacity: Array) -> Array:
    """Ln J, by the form that neither overflows nor cancels."""
    x, c = lam / theta, capacity / theta
    easy = c >= x
    series = np.log(hyp1f1(1.0, c + 1, np.where(easy, x, 0.0)) / capacity)
    share = np.where(easy, 1.0, gammainc(c, x))
    return np.asarray(np.where(easy, series, x - np.log(theta) - c * np.log(x) + gammaln(c) + np.log(share)))


def erlang_c(*, calls: Array | float, answers: float, agents: Array | int, target: float) -> Array:
    """Share answered within the target if nobody ever hung up (M/M/n); 0 where agents are too few.

    Examples
    --------
    >>> round(float(erlang_c(calls=2.5, answers=0.25, agents=14, target=1 / 3)), 4)
    0.8752
    """
    lam, n = np.broadcast_arrays(np.asarray(calls, dtype=float), np.asarray(agents, dtype=float))
    a = np.maximum(lam, 1e-12) / answers
    free = n > a
    rho = np.where(free, a / n, 0.5)
    # P(wait) = B / (1 − ρ(1 − B)), B the Erlang loss a^n/n! e^{−a} / Q(n + 1, a)
    load = np.where(free, a, 0.5)
    loss = np.exp(n * np.log(load) - load - gammaln(n + 1)) / gammaincc(n + 1, load)
    wait = loss / (1 - rho * (1 - loss))
    return np.asarray(np.where(free, 1 - wait * np.exp(-np.maximum(n * answers - lam, 0) * target), 0.0))


def agents_needed(
    *, calls: Array, answers: float, target: float, level: float, patience: float | None = None
) -> npt.NDArray[np.int64]:
    """Fewest agents whose service level reaches `level`, by half hour, shape (m,); Erlang C where patience is none.

    Raises
    ------
    ModelError
        `cases.too_many_agents` beyond 4,096.
    """
    lam = np.asarray(calls, dtype=float)
    low, high = np.zeros(lam.shape, dtype=np.int64), np.full(lam.shape, MAX_AGENTS, dtype=np.int64)
    if lam.size and not bool((_level(lam, high, answers, target, patience) >= level).all()):
        raise ModelError(
            "cases.too_many_agents", values={"calls": float(lam.max()), "level": level, "most": MAX_AGENTS}
        )
    while bool((high - low > 1).any()):
        middle = np.maximum((low + high) // 2, 1)
        enough = _level(lam, middle, answers, target, patience) >= level
        high, low = np.where(enough, middle, high), np.where(enough, low, middle)
    return np.where(lam > 0, high, 0)


def _level(lam: Array, n: Array, answers: float, target: float, patience: float | None) -> Array:
    if patience is None:
        return erlang_c(calls=lam, answers=answers, agents=n, target=target)
    return erlang_a(calls=lam, answers=answers, patience=patience, agents=n, target=target).service_level


def patience(calls: AnyFrame) -> float:
    """Mean patience [minutes]: all waiting, of those answered too, over the number who gave up.

    The mean wait of those who gave up is no patience: it says .46 where 2.0 is true.

    Parameters
    ----------
    calls : wait_s, outcome (answered, abandoned, …).

    Raises
    ------
    ModelError
        `cases.no_abandoned` if nobody gave up: then only Erlang C, labelled an upper bound, can be used.
    """
    rows = to_polars(calls, needs=("wait_s", "outcome"), name="calls")
    gave_up = rows.filter(pl.col("outcome").cast(pl.String) == "abandoned").height
    if not gave_up:
        raise ModelError("cases.no_abandoned", values={"calls": rows.height})
    return float(rows["wait_s"].sum()) / 60 / gave_up
