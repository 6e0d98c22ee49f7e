"""What of the outstanding points, vouchers or cards will be used: ultimate redemption.

Future use of a cohort = outstanding·(U−R)/(1−R−X) = issued·U − redeemed, with U the share of issued that is ever used,
R and X the shares used and expired so far. Outstanding × U counts what was used already a second time.
Common expiry day: the share of outstanding that past cycles used after the same point. Rolling expiry: share of issued
by age and Benktander's combination (Mack 2000, ASTIN Bulletin 30(2)), one step past Bornhuetter–Ferguson.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from crmlib.balances.intervals import MIN_DATES, band
from crmlib.core.apportion import Floats, Ints
from crmlib.core.shapes import check_shapes

YEAR = 12
RECENT = 24  # past periods whose errors make the interval


@dataclass(frozen=True, slots=True)
class Future:
    """What is still to be used.

    Parameters
    ----------
    expected : units; None where no cycle has closed.
    low, high : interval from past errors, or [0, outstanding] where there are too few past dates.
    judged : whether the interval comes from past errors, so that a verdict may rest on it.
    """

    expected: float | None
    low: float
    high: float
    judged: bool


def future_use(outstanding: Floats, *, ultimate: Floats, redeemed: Floats, expired: Floats) -> Floats:
    """Units still to be used of what is outstanding; shares of issued, one value per cohort.

    Examples
    --------
    >>> future_use(np.array([400_000.0]), ultimate=np.array([0.7]), redeemed=np.array([0.5]), expired=np.array([0.1]))
    array([200000.])
    """
    left = 1.0 - redeemed - expired
    return np.where(left > 0, outstanding * (ultimate - redeemed) / np.where(left > 0, left, 1.0), 0.0)


def same_point(
    outstanding: float,
    past_outstanding: Floats,
    past_used_after: Floats,
    *,
    past_forecast: Floats | None = None,
    past_true: Floats | None = None,
    level: float = 0.8,
) -> Future:
    """Future use from past cycles at the same days to expiry, or to the festival.

    Parameters
    ----------
    past_outstanding, past_used_after : outstanding at that point of closed cycles, and what of it was used later.
    past_forecast, past_true : of earlier as-of dates, for the interval; [0, outstanding] without.

    Examples
    --------
    >>> same_point(500.0, np.array([400.0, 600.0]), np.array([200.0, 300.0])).expected
    250.0
    """
    if not past_outstanding.size or past_outstanding.sum() <= 0:
        return Future(None, 0.0, outstanding, judged=False)
    expected = outstanding * float(past_used_after.sum() / past_outstanding.sum())
    return _future(expected, outstanding, past_forecast, past_true, level)


def share_by_age(issued: Floats, used: Floats, *, last: int) -> Floats:
    """Share of issued that is used at each age, of the cohorts old enough to show it, shape (ages,).

    Parameters
    ----------
    issued : by cohort, shape (cohorts,). used : by cohort and age, shape (cohorts, ages); cells with cohort + age >
        `last` have not happened yet and are not looked at.
    """
    check_shapes(issued=(issued, "cohorts"), used=(used, "cohorts ages"))
    seen = _seen(used.shape, last)
    base = (issued[:, None] * seen).sum(axis=0)
    return np.asarray(np.where(base > 0, np.where(seen, used, 0.0).sum(axis=0) / np.where(base > 0, base, 1.0), 0.0))


def benktander(issued: Floats, used: Floats, *, last: int) -> Floats:
    """Units still to be used of every cohort as seen at the end of period `last`, shape (cohorts,).

    Ages beyond the last column are beyond expiry. Cohorts after `last` have 0.
    """
    share = share_by_age(issued, used, last=last)
    ultimate = float(share.sum())
    if ultimate <= 0:
        return np.zeros(issued.size)
    cohorts, ages = used.shape
    age = np.clip(last - np.arange(cohorts), -1, ages - 1)
    developed = np.concatenate([[0.0], np.cumsum(share)])[age + 1] / ultimate
    so_far = np.where(_seen(used.shape, last), used, 0.0).sum(axis=1) / np.maximum(issued, 1e-12)
    ferguson = so_far + (1 - developed) * ultimate
    final = so_far + (1 - developed) * ferguson
    return np.where(age < 0, 0.0, issued * np.maximum(final - so_far, 0.0))


def rolling(
    issued: Floats, used: Floats, *, last: int, outstanding: float, level: float = 0.8, season: int = YEAR
) -> Future:
    """Future use of everything outstanding under rolling expiry, with the interval of past as-of periods.

    A past period counts if by then a first cohort had run off and by now all of its cohorts have. Where there are two
    years of them, what the same period of earlier years missed is taken off first: use has a season that ages do not
    know. Errors are those of the most recent two years, since early periods knew less.

    Parameters
    ----------
    issued, used : as `share_by_age`, of all cohorts up to `last`. outstanding : now. season : periods of a year.
    """
    ages = used.shape[1]
    if last < ages - 1:
        return Future(None, 0.0, outstanding, judged=False)
    dates = np.arange(ages - 1, last - ages + 2)
    guesses = np.array([benktander(issued, used, last=int(k)).sum() for k in dates])
    truths = np.array([np.where(_seen(used.shape, int(k)), 0.0, used)[: k + 1].sum() for k in dates])
    shift, now = _same_season(guesses, truths, dates, last, season)
    judged = np.flatnonzero(~np.isnan(shift)) if (~np.isnan(shift)).sum() >= MIN_DATES else np.arange(dates.size)
    corrected = judged.size < dates.size
    factor = np.exp(shift[judged]) if corrected else 1.0
    expected = float(benktander(issued, used, last=last).sum()) * (now if corrected else 1.0)
    return _future(expected, outstanding, (guesses[judged] * factor)[-RECENT:], truths[judged][-RECENT:], level)


def _same_season(guesses: Floats, truths: Floats, dates: Ints, last: int, season: int) -> tuple[Floats, float]:
    """Mean ln(true ÷ forecast) of the same period in earlier years for each past date (NaN: none), and its factor now.

    A date may only use what had run off by then.
    """
    error = np.log(np.maximum(truths, 1e-9) / np.maximum(guesses, 1e-9))
    run_off = last - int(dates[-1]) if dates.size else 0

    def earlier(day: int) -> Floats:
        return np.asarray(error[(dates < day) & ((day - dates) % season == 0) & (dates + run_off <= day)])

    shift = np.array([earlier(int(d)).mean() if earlier(int(d)).size else np.nan for d in dates])
    now = earlier(last)
    return shift, float(np.exp(now.mean())) if now.size else 1.0


def _future(
    expected: float, outstanding: float, past_forecast: Floats | None, past_true: Floats | None, level: float
) -> Future:
    found = None
    if past_forecast is not None and past_true is not None:
        found = band(expected, past_forecast, past_true, level=level)
    if found is None:
        return Future(expected, 0.0, outstanding, judged=False)
    return Future(expected, found[0], min(found[1], outstanding), judged=True)


def _seen(shape: tuple[int, ...], last: int) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    return np.add.outer(np.arange(shape[0]), np.arange(shape[1])) <= last
