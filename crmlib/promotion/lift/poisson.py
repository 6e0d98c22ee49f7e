"""Poisson regression with terms and absorbed effects, zeros kept; terms that cannot be estimated are named, not fatal.

log E[y] = effects + X beta, by iteratively reweighted least squares (Nelder & Wedderburn 1972, Journal of the Royal
Statistical Society A 135(3), 370-384). In each round effects are taken out exactly: the first by its own means, the
others from the small system that is left (Frisch & Waugh 1933, Econometrica 1(4), 387-401). Levels without any sale
have no finite effect and are left out, and so are rows that a term alone sends to zero (separation; Correia, Guimaraes
& Zylkin 2019, arXiv:1903.01633). Standard errors are clustered (Liang & Zeger 1986, Biometrika 73(1), 13-22).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.sparse import csr_array

from crmlib.core.errors import ModelError
from crmlib.core.shapes import check_shapes
from crmlib.promotion.arrays import Bools, Floats
from crmlib.promotion.lift.panel import Index

MAX_ROUNDS, TOLERANCE = 100, 1e-10
"""Rounds of reweighting, and the relative change of the deviance that ends them."""
COLLINEAR = 1e-9
"""A term whose square is explained by effects and earlier terms but for this share says nothing of its own."""
SEPARATED, NEAR = -16.0, 4.0
"""An unsold row expected to sell exp(this) of the mean is at zero in the limit, and so are those on their way there."""


@dataclass(frozen=True, slots=True)
class PoissonFit:
    """Estimates of every term, NaN where it was left out, shape (terms,).

    left_out : term → constant (does not vary), collinear (effects and earlier terms say it all) or separated (nothing
        was ever sold with it).
    used : rows the estimate rests on, shape (n,).
    """

    terms: tuple[str, ...]
    estimate: Floats
    se: Floats
    left_out: dict[str, str]
    used: Bools
    rounds: int
    groups: int = field(default=0)


def poisson(
    y: Floats, x: Floats, *, terms: Sequence[str], effects: Sequence[Index], cluster: Index, log: bool = False
) -> PoissonFit:
    """Fit on all rows that can tell anything.

    Parameters
    ----------
    y : counts ≥ 0, shape (n,). x : terms, shape (n, terms). terms : their names.
    effects : level of each row in each absorbed effect, numbers from 0, each of shape (n,); one at least.
    cluster : group within which rows depend on each other, shape (n,).
    log : least squares on log y instead, for data that come as logarithms; y > 0.

    Raises
    ------
    ModelError
        frame.shape; promotion.no_variation: no term, or no row, says anything; promotion.not_converged.
    """
    named = {f"effects[{i}]": (level, "n") for i, level in enumerate(effects)}
    check_shapes(y=(y, "n"), x=(x, "n terms"), terms=(np.zeros(len(terms)), "terms"), cluster=(cluster, "n"), **named)
    used = _alive(y, np.isfinite(y) & np.isfinite(x).all(axis=1), effects)
    why: dict[str, str] = {}
    for _ in range(MAX_ROUNDS):
        kept, found = _varying(x, used, terms, effects)
        why = {**found, **why}
        if not kept:
            raise _nothing(int(used.sum()), why)
        sample = _Sample(y[used], x[used][:, kept], tuple(_ranks(e[used]) for e in effects))
        solved = _least_squares(sample) if log else _reweighted(sample)
        if not solved.gone.any():
            break
        before = kept
        used[np.flatnonzero(used)[solved.gone]] = False
        used = _alive(y, used, effects)
        after, _ = _varying(x, used, terms, effects)
        why |= {terms[k]: "separated" for k in before if k not in after}
    estimate, se = np.full(len(terms), np.nan), np.full(len(terms), np.nan)
    group = _ranks(cluster[used])
    estimate[kept] = solved.beta
    se[kept] = _clustered(sample, solved, group)
    return PoissonFit(tuple(terms), estimate, se, why, used, solved.rounds, int(group.max()) + 1)


@dataclass(frozen=True, slots=True)
class _Sample:
    y: Floats
    x: Floats
    effects: tuple[Index, ...]


@dataclass(frozen=True, slots=True)
class _Solved:
    """beta; gone : rows at zero in the limit; x : terms with effects taken out; score : working residual × weight."""

    beta: Floats
    gone: Bools
    x: Floats
    weight: Floats
    residual: Floats
    rounds: int


def _alive(y: Floats, used: Bools, effects: Sequence[Index]) -> Bools:
    """Rows of levels that sold something and have more than one row, until no further level falls out."""
    used = used.copy()
    while True:
        before = int(used.sum())
        for level in effects:
            sold = np.bincount(level, weights=np.where(used, y, 0.0))
            rows = np.bincount(level, weights=used)
            used &= (sold[level] > 0) & (rows[level] > 1)
        if int(used.sum()) == before:
            return used


def _ranks(values: Index) -> Index:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _varying(
    x: Floats, used: Bools, terms: Sequence[str], effects: Sequence[Index]
) -> tuple[list[int], dict[str, str]]:
    """Terms that say something of their own, in order, and why the others do not."""
    if not used.any():
        return [], {}
    rows = x[used]
    about = rows - rows.mean(axis=0)
    size = (about**2).sum(axis=0)
    apart = absorb(about, np.ones(rows.shape[0]), tuple(_ranks(e[used]) for e in effects))
    kept: list[int] = []
    why: dict[str, str] = {}
    for k, name in enumerate(terms):
        if size[k] <= COLLINEAR * max(float((rows[:, k] ** 2).sum()), 1e-300):
            why[name] = "constant"
            continue
        column = apart[:, k]
        if kept:
            column = column - apart[:, kept] @ np.linalg.lstsq(apart[:, kept], column, rcond=None)[0]
        if float((column**2).sum()) <= COLLINEAR * size[k]:
            why[name] = "collinear"
        else:
            kept.append(k)
    return kept, why


def absorb(columns: Floats, weight: Floats, effects: tuple[Index, ...]) -> Floats:
    """What is left of each column after weighted least squares on the effects, shape (n, k).

    Parameters
    ----------
    columns : shape (n, k). weight : > 0, shape (n,). effects : levels from 0 without gaps, each of shape (n,).

    Examples
    --------
    >>> absorb(np.array([[1.0], [3.0], [5.0]]), np.ones(3), (np.array([0, 0, 1]),)).ravel()
    array([-1.,  1.,  0.])
    """
    named = {f"effects[{i}]": (level, "n") for i, level in enumerate(effects)}
    check_shapes(columns=(columns, "n k"), weight=(weight, "n"), **named)
    first, others = effects[0], effects[1:]
    mass = np.bincount(first, weights=weight)
    sums = _sums(columns * weight[:, None], first, mass.size)
    if not others:
        return columns - (sums / mass[:, None])[first]
    rest = _stacked(others, columns.shape[0])
    weighted = rest * weight[:, None]
    own = csr_array((np.ones(first.size), (np.arange(first.size), first)), shape=(first.size, mass.size))
    cross = (own.T @ weighted).tocsr()
    system = (rest.T @ weighted - cross.T @ (cross / mass[:, None])).toarray()
    right = rest.T @ (columns * weight[:, None]) - cross.T @ (sums / mass[:, None])
    level = np.linalg.lstsq(system, right, rcond=1e-11)[0]
    means = (sums - cross @ level) / mass[:, None]
    return np.asarray(columns - rest @ level - means[first])


def _stacked(effects: tuple[Index, ...], rows: int) -> csr_array:
    """One column for each level of each effect."""
    starts = np.cumsum([0, *(int(e.max()) + 1 for e in effects)])
    column = np.concatenate([e + s for e, s in zip(effects, starts, strict=False)])
    row = np.tile(np.arange(rows), len(effects))
    return csr_array((np.ones(column.size), (row, column)), shape=(rows, int(starts[-1])))


def _sums(columns: Floats, level: Index, size: int) -> Floats:
    return np.column_stack([np.bincount(level, weights=c, minlength=size) for c in columns.T])


def _least_squares(sample: _Sample) -> _Solved:
    weight, log = np.ones(sample.y.size), np.log(np.maximum(sample.y, 1e-300))
    apart = absorb(np.column_stack([sample.x, log]), weight, sample.effects)
    beta: Floats = np.linalg.lstsq(apart[:, :-1], apart[:, -1], rcond=None)[0].astype(np.float64)
    none = np.zeros(sample.y.size, dtype=np.bool_)
    return _Solved(beta, none, apart[:, :-1], weight, apart[:, -1] - apart[:, :-1] @ beta, 1)


def _reweighted(sample: _Sample) -> _Solved:
    y, mean = sample.y, float(sample.y.mean())
    log = np.log((y + mean) / 2)
    last, bottom = np.inf, np.log(mean) + SEPARATED
    for step in range(1, MAX_ROUNDS + 1):
        mu = np.exp(log)
        working = log + (y - mu) / mu
        apart = absorb(np.column_stack([sample.x, working]), mu, sample.effects)
        root = np.sqrt(mu)
        beta: Floats = np.linalg.lstsq(apart[:, :-1] * root[:, None], apart[:, -1] * root, rcond=None)[0].astype(
            np.float64
        )
        residual = apart[:, -1] - apart[:, :-1] @ beta
        fresh = np.clip(working - residual, log - 5.0, log + 5.0)
        gone = (y == 0) & (fresh < bottom)
        gone = (y == 0) & (fresh < bottom + NEAR) if gone.any() else gone  # they fall together
        loss = _deviance(y, fresh)
        if gone.any() or abs(last - loss) <= TOLERANCE * (abs(loss) + 0.1):
            return _Solved(beta, gone, apart[:, :-1], mu, residual, step)
        log, last = fresh, loss
    raise ModelError(
        "promotion.not_converged", values={"change": f"{abs(last - loss):.1e}", "tolerance": f"{TOLERANCE:.0e}"}
    )


def _deviance(y: Floats, log: Floats) -> float:
    sold = y > 0
    ratio = np.where(sold, y * (np.log(np.where(sold, y, 1.0)) - log), 0.0)
    return float(2 * (ratio - y + np.exp(log)).sum())


def _clustered(sample: _Sample, solved: _Solved, group: Index) -> Floats:
    """Standard errors, shape (terms,); NaN with a single group.

    The first effect is taken to lie within the groups (pairs of one store), so its levels cost no degrees of freedom.
    """
    groups, rows = int(group.max()) + 1, sample.y.size
    weighted = solved.x * solved.weight[:, None]
    bread = np.linalg.pinv(weighted.T @ solved.x)
    scores = _sums(weighted * solved.residual[:, None], group, groups)
    spent = solved.x.shape[1] + sum(int(e.max()) + 1 for e in sample.effects[1:])
    if groups < 2 or rows <= spent:
        return np.full(solved.x.shape[1], np.nan)
    small = groups / (groups - 1) * (rows - 1) / (rows - spent)
    # a variance of nothing may come out as minus 1e-30
    return np.asarray(np.sqrt(np.maximum(np.diag(small * bread @ (scores.T @ scores) @ bread), 0.0)))


def _nothing(rows: int, why: dict[str, str]) -> ModelError:
    reasons = ", ".join(f"{k} {v}" for k, v in why.items()) or "none left"
    return ModelError("promotion.no_variation", values={"rows": rows, "terms": reasons})
