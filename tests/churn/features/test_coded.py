"""Ids as Enums, and members block by block: the same to the bit as ids as texts, and all members at once."""

import numpy as np
import polars as pl
import pytest

from crmlib.churn.features import festivals
from crmlib.churn.features.features import Options, features, rhythm
from crmlib.churn.features.visits import among, blocks, some, texts, trips, visits, without
from crmlib.churn.lists import snapshot
from crmlib.churn.models import hazard
from crmlib.churn.movement import causes, flows
from crmlib.churn.risk import train, training_origins
from crmlib.core.dates import day_of

FIRST, LAST = 20_000, 20_700


@pytest.fixture(scope="module")
def lines():
    rng = np.random.default_rng(4)
    members, n = np.array([f"m{k:04d}" for k in rng.permutation(900)]), 16_000
    who, day = rng.integers(0, 900, n), rng.integers(FIRST, LAST + 1, n)
    gone = day > FIRST + 200 + 5 * (who % 130)
    frame = pl.DataFrame(
        {
            "customer_id": members[who], "day_n": day.astype(np.int32), 
            "quantity_milli": rng.choice([1000, -1000], n, p=[0.9, 0.1]),
            "net_minor": rng.integers(1, 9000, n), "store_id": rng.choice(["z", "a", "k"], n),
        }
    ).filter(pl.Series(~gone))  # fmt: skip
    nobody = pl.when(pl.int_range(pl.len()) % 17 == 0).then(None)
    known = pl.col("day_n").cast(pl.Date).cast(pl.Datetime("us")) + pl.duration(days=pl.col("day_n") % 5)
    return frame.with_columns(customer_id=nobody.otherwise("customer_id"), known_at=known)


@pytest.fixture(scope="module")
def both(lines):
    return visits(lines), visits(lines, coded=True)


OPTIONS = Options(festivals=festivals.peak_windows(first=day_of(FIRST), last=day_of(LAST)))
TODAY, BEFORE = day_of(LAST), day_of(LAST - 7)


def test_the_ids_are_enums_and_mean_the_same(both):
    plain, coded = both
    assert isinstance(coded.days.schema["customer_id"], pl.Enum) and plain.days.schema["customer_id"] == pl.String
    assert texts(coded).days.equals(plain.days) and coded.store_days.equals(plain.store_days)
    few = pl.Series(["m0003", "stranger", None, "m0500"])
    assert among(coded.days, few).equals(among(plain.days, few).rename("customer_id"), check_names=False)
    assert texts(without(coded, few)).days.equals(without(plain, few).days)
    drawn = (some(seen, most=50, rng=np.random.default_rng(1)) for seen in both)
    assert len({texts(seen).days.write_json() for seen in drawn}) == 1


@pytest.mark.parametrize(
    "made",
    [
        lambda seen: features(seen, t0=TODAY, options=OPTIONS),
        lambda seen: features(seen, t0=BEFORE),
        lambda seen: rhythm(seen, t0=BEFORE, options=OPTIONS, lost_too=True),
        lambda seen: trips(seen, paid=True),
        lambda seen: hazard.return_hazard(seen, t0=TODAY, since=day_of(FIRST)),
        lambda seen: causes.homes(seen.days, t0=BEFORE),
        lambda seen: flow(seen, by=None),
        lambda seen: flow(seen, by="store_id"),
        lambda seen: flow(seen, by="owner"),
    ],
)
def test_what_is_made_of_enums_is_what_is_made_of_texts(both, made):
    plain, coded = (made(seen) for seen in both)
    assert plain.height and coded.equals(plain) and coded.schema == plain.schema


def flow(seen, *, by):
    held = pl.DataFrame(
        {"customer_id": ["m0001", "m0001", "m0002"], "from_n": [FIRST, LAST - 80, FIRST], "owner": ["x", "y", "y"]}
    )
    spans = flows.periods(end=TODAY, days=28, count=5)
    owned = held.cast({"from_n": pl.Int32}) if by == "owner" else None
    return flows.flow(seen, spans, horizon=91, observed_until=TODAY, festivals=OPTIONS.festivals, by=by, owned=owned)


def test_a_night_in_blocks_is_the_night_of_all(both, monkeypatch):
    plain, coded = both
    origins = training_origins(t0=TODAY, horizon=91, first=day_of(FIRST))
    risk = train(plain, t0=TODAY, horizon=91, origins=origins, rng=np.random.default_rng(3), options=OPTIONS)
    asked = {"as_of": TODAY, "before": BEFORE, "risk": risk, "options": OPTIONS}
    whole = snapshot.whole_night(plain, rng=np.random.default_rng(2), **asked)
    monkeypatch.setattr(snapshot, "ROWS", 700)
    assert len(list(blocks(coded, rows=700))) > 10
    parted = snapshot.whole_night(coded, rng=np.random.default_rng(2), **asked)
    assert parted.table.equals(whole.table) and parted.usual_gaps.equals(whole.usual_gaps)
    alone = snapshot.usual_gaps(plain, t0=TODAY, rng=np.random.default_rng(2), options=OPTIONS)
    assert whole.usual_gaps.equals(alone)
