"""Movement, bundles, lists: gates on simulated truth, and speed.

`python benchmarks/bench_offers.py [gate …] [--small]`, with gates flows, traits, pairs, readout, sizes, repeat, sends
and speed.
`--small` takes a tenth of the seeds and lines. Peers (openretailscience, mlxtend, implicit) run beside where they
are installed.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from measure import compare

from crmlib.baskets.pairs import pairs
from crmlib.baskets.rules import rules
from crmlib.core.experiments import sizes
from crmlib.core.proportions import newcombe
from crmlib.movement.gain_loss import gain_loss
from crmlib.movement.periods import Period
from crmlib.movement.traits import traits
from crmlib.outreach import repeat
from crmlib.outreach.draw import draw, numbers
from crmlib.outreach.money import difference
from crmlib.outreach.permission import Cap, ContactRules, consenting, may_send, within_caps

FIRST, SECOND = Period(date(2024, 3, 1), date(2024, 3, 28)), Period(date(2024, 3, 29), date(2024, 4, 25))
SHELF = {"brand": [0.5, 0.3, 0.2], "flavour": [0.4, 0.3, 0.2, 0.1], "pack": [0.6, 0.4]}
DAY_0 = date(1970, 1, 1)


def said(gate: str, goal: str, found: str, *, holds: bool) -> None:
    print(f"| {gate} | {goal} | {found} | {'holds' if holds else 'MISSES'} |", flush=True)


def town(rng: np.random.Generator, *, members: int, moved: float = 0.0) -> pl.DataFrame:
    """Members with own (Dirichlet) preferences among four groups; `moved` of them halve the first in period 2."""
    taste = rng.dirichlet(np.full(4, 0.8), size=members)
    later = taste.copy()
    switch = rng.random(members) < moved
    later[switch, 0] /= 2
    later[switch, 1] += taste[switch, 0] / 2
    parts = []
    for period, chances in ((FIRST, taste), (SECOND, later)):
        who = np.repeat(np.arange(members), rng.poisson(6, members))
        group = np.minimum((rng.random(who.size)[:, None] > chances.cumsum(axis=1)[who]).sum(axis=1), 3)
        day = (period.start - DAY_0).days + rng.integers(0, period.days, who.size)
        money = rng.lognormal(7, 0.6, who.size).astype(np.int64)
        parts.append(pl.DataFrame({"customer_id": who, "group": group, "day": day, "net_minor": money}))
    table = pl.concat(parts)
    return table.with_columns(pl.col("group").cast(pl.String), pl.col("day").cast(pl.Int32).cast(pl.Date))


def flows(scale: float) -> None:
    rng = np.random.default_rng(400)
    seeds = round(400 * scale)
    named = [
        gain_loss(town(rng, members=400), first=FIRST, second=SECOND).flows["named"].sum() / 6 for _ in range(seeds)
    ]
    share = float(np.mean(named))
    said(
        "net flows, stationary",
        "3–7 % of pairs named",
        f"{share:.1%} of {seeds * 6} pairs",
        holds=0.03 <= share <= 0.07,
    )
    found, size = 0, []
    tries = round(100 * scale)
    for _ in range(tries):
        table = town(rng, members=4_000, moved=0.25)
        result = gain_loss(table, first=FIRST, second=SECOND)
        pair = result.flows.filter(pl.col("from") == "0", pl.col("to") == "1")
        found += bool(pair["named"].item())
        size.append(pair["net_minor"].item() / result.groups["net_1_minor"].sum())
    text = f"{found / tries:.0%} of {tries} (net {np.mean(size):.1%} of sales)"
    said("planted move of 3 % of sales", "found in ≥ 80 %", text, holds=found >= 0.8 * tries)


def order(scale: float) -> None:
    rng = np.random.default_rng(90)
    seeds, right = round(100 * scale), 0
    truth = {"flavour": 0.64, "pack": 0.36, "brand": 0.09}
    for _ in range(seeds):
        who = np.repeat(np.arange(400), np.maximum(2, rng.poisson(rng.gamma(2.0, 3.0, 400))))
        columns: dict[str, object] = {"customer_id": who, "day": np.arange(who.size)}
        for name, shares in SHELF.items():
            own, free = (
                rng.choice(len(shares), p=shares, size=400)[who],
                rng.choice(len(shares), p=shares, size=who.size),
            )
            columns[name] = np.where(rng.random(who.size) < truth[name] ** 0.5, own, free)
        found = traits(pl.DataFrame(columns), names=list(SHELF), rng=rng, draws=0)
        right += found.table["trait"].to_list() == list(truth)
    said(
        "order of traits, 400 buyers", "≥ 90 % of seeds", f"{right / seeds:.0%} of {seeds}", holds=right >= 0.9 * seeds
    )


def together(scale: float) -> None:
    rng = np.random.default_rng(8)
    seeds, hit, false, planted = round(20 * scale) or 2, 0, 0, 0
    for _ in range(seeds):
        members, goods = 1_500, 24
        who = np.repeat(np.arange(members), rng.integers(2, 14, members))
        taste = rng.beta(0.6, 2.4, (members, goods))
        held = rng.random((who.size, goods)) < taste[who]
        true = {(f"g{2 * k:02}", f"g{2 * k + 1:02}") for k in range(5)}
        for k in range(5):  # good 2k pulls good 2k+1 within the same member
            held[:, 2 * k + 1] |= held[:, 2 * k] & (rng.random(who.size) < 0.2)
        basket, good = np.nonzero(held)
        lines = pl.DataFrame({
            "basket_id": basket, "customer_id": who[basket], "store_id": basket % 7,
            "product_id": np.char.mod("g%02d", good),
        })  # fmt: skip
        found = set(pairs(lines).together().select("left", "right").rows())
        hit, false, planted = hit + len(found & true), false + len(found - true), planted + len(true)
    share = false / max(hit + false, 1)
    said("pairs, planted complements", "≥ 80 %", f"{hit / planted:.0%} of {planted}", holds=hit >= 0.8 * planted)
    said("pairs, false among found", "≤ 5 %", f"{share:.1%} of {hit + false}", holds=share <= 0.05)


def readout(scale: float) -> None:
    rng = np.random.default_rng(95)
    n, seeds = 4_000, round(2_000 * scale)
    inside = {"came": 0, "money": 0}
    up = 0
    for _ in range(seeds):
        level = rng.lognormal(8, 1.6, n)
        before = level * rng.lognormal(0, 0.6, n)
        stratum = np.searchsorted(np.quantile(before, [0.8, 0.95, 0.99]), before).astype(np.int64)
        contact = rng.random(n) >= 0.1
        came = rng.random(n) < 0.24 + 0.04 * contact
        low, high = newcombe(came[contact].sum(), contact.sum(), came[~contact].sum(), (~contact).sum())[1:]
        inside["came"] += low <= 0.04 <= high
        y = level * rng.lognormal(0, 0.6, n) * (rng.random(n) < 0.5)
        found = difference(y, contact, stratum=stratum, before=before)
        inside["money"] += found.low <= 0 <= found.high
        up += found.low > 0
    for name, count in inside.items():
        said(
            f"read-out, {name}, 10 % control",
            "93–97 % cover",
            f"{count / seeds:.1%} of {seeds}",
            holds=0.93 <= count / seeds <= 0.97,
        )
    said("idle lists called effective", "≤ 3 % up", f"{up / seeds:.1%}", holds=up <= 0.03 * seeds)


def ratio(scale: float) -> None:
    rng = np.random.default_rng(1_000)
    fired = 0
    for k in range(1_000):
        u = numbers([f"C{i}" for i in range(500)], list_id=f"L{k}", key=b"k")
        held = int((u < np.uint64(2**64 // 10)).sum())
        fired += sizes(treated=500 - held, held=held, held_bp=1_000)[1] < 0.001
    said("sizes, 1,000 sound lists", "fires ≤ 3 times", str(fired), holds=fired <= 3)
    broken = sizes(treated=9_300, held=700, held_bp=1_000)[1] < 0.001
    said("sizes, 300 controls contacted", "fires", str(broken), holds=broken)
    del rng, scale


def again(scale: float) -> None:
    for taste in (0.0, 0.02, 0.1, 0.3):
        rng = np.random.default_rng(3)
        members, goods, days = round(2_000 * max(scale, 0.2)), 40, 10
        share = 0.3 / np.arange(1, goods + 1) ** 0.5
        s = 1 / max(taste, 1e-3) - 1
        chance = rng.beta(share * s, (1 - share) * s, (members, goods)) if taste else np.tile(share, (members, 1))
        d, m, g = np.nonzero(rng.random((days, members, goods)) < chance)
        history = pl.DataFrame({"customer_id": m, "product_id": g, "day": pl.Series(d).cast(pl.Int32).cast(pl.Date)})
        before, last = repeat.split_last(history)
        fitted = repeat.fit(before, decay=1.0)
        better = max(repeat.recall(f(fitted, top=5), last) for f in (repeat.popular, repeat.personal))
        mine = repeat.recall(repeat.recommend(fitted, top=5), last)
        said(
            f"repeat list, taste {taste}",
            "≥ .98 × the better baseline",
            f"{mine / better:.3f}",
            holds=mine >= 0.98 * better,
        )


def sends(scale: float) -> None:
    """Fuzzed sends over 60 days: consent changes, caps per channel and overall, quiet hours at sending time."""
    rng = np.random.default_rng(60)
    people, wanted, days = 2_000, round(1_000_000 * scale), 60
    rules = ContactRules(overall=Cap(3, 7), channels={"sms": Cap(2, 7), "email": Cap(2, 3)})
    names = np.array([f"C{i}" for i in range(people)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    changes = 3 * people
    log = pl.DataFrame({
        "recipient_id": names[rng.integers(0, people, changes)], "channel": rng.choice(["sms", "email"], changes),
        "purpose": "marketing", "granted": rng.random(changes) < 0.7,
        "at": [start + timedelta(hours=int(h)) for h in rng.integers(-500, 24 * days, changes)],
    })  # fmt: skip
    history = pl.DataFrame(
        schema={"recipient_id": pl.String, "channel": pl.String, "day": pl.Date, "status": pl.String}
    )
    broken = sent = 0
    for after in range(days):
        at = start + timedelta(days=after, minutes=int(rng.integers(0, 1_440)))
        local = (at + timedelta(hours=8)).date()
        each = wanted // days
        proposed = pl.DataFrame({
            "recipient_id": names[rng.integers(0, people, each)], "list_id": np.arange(each).astype(str),
            "channel": rng.choice(["sms", "email"], each),
            "objective": rng.choice(["service", "win_back", "repeat"], each),
        })  # fmt: skip
        if not may_send(at, rules=rules, zone="Asia/Shanghai"):
            continue
        broken += not 9 <= (at + timedelta(hours=8)).hour < 20
        agreed = {c: consenting(log, channel=c, purpose="marketing", at=at) for c in ("sms", "email")}
        allowed = pl.concat([
            proposed.filter(pl.col("channel") == c, pl.col("recipient_id").is_in(agreed[c].implode())) for c in agreed
        ])  # fmt: skip
        leaving = within_caps(allowed, history, rules=rules, on=local).filter("allowed")
        now = leaving.select("recipient_id", "channel", day=pl.lit(local), status=pl.lit("sent"))
        broken += _without_consent(now, log, at)
        history = pl.concat([history, now])
        sent += now.height
    broken += _over(history, 3, 7) + _over(history.filter(pl.col("channel") == "sms"), 2, 7)
    broken += _over(history.filter(pl.col("channel") == "email"), 2, 3)
    said("fuzzed sends", "0 broken", f"{broken} of {wanted:,} wanted, {sent:,} sent", holds=broken == 0)


def _without_consent(now: pl.DataFrame, log: pl.DataFrame, at: datetime) -> int:
    """Counted another way: as-of join of every message with the log."""
    last = (
        log.filter(pl.col("at") <= at)
        .sort("at", pl.col("granted").not_())
        .group_by("recipient_id", "channel")
        .agg(pl.col("granted").last())
    )
    joined = now.join(last, on=["recipient_id", "channel"], how="left")
    return joined.filter(~pl.col("granted").fill_null(value=False)).height


def _over(history: pl.DataFrame, most: int, days: int) -> int:
    """Messages beyond the cap in any rolling window, counted by the dates of each recipient."""
    counted = history.sort("day").rolling("day", period=f"{days}d", group_by="recipient_id").agg(pl.len())
    return counted.filter(pl.col("len") > most).height


def speed(scale: float) -> None:
    lines, members = round(10_000_000 * scale), round(400_000 * scale)
    rng = np.random.default_rng(1)
    halves = Period(DAY_0, date(1970, 12, 30)), Period(date(1970, 12, 31), date(1971, 12, 29))
    raw = {
        "customer_id": rng.integers(0, members, lines), "group": rng.integers(0, 5, lines).astype(np.int8),
        "day": rng.integers(0, 728, lines).astype(np.int32), "net_minor": rng.integers(100, 9_999, lines),
    }  # fmt: skip

    def table() -> pl.LazyFrame:
        frame = pl.DataFrame(raw)
        return frame.with_columns(pl.col("group").cast(pl.String), pl.col("day").cast(pl.Date)).lazy()

    contestants = {"gain_loss, 5 groups": lambda: gain_loss(table(), first=halves[0], second=halves[1])}
    compare(contestants | _peer_gain_loss(raw), runs=1, title=f"Gain and loss, {lines:,} lines")
    ids = pl.DataFrame({"recipient_id": [f"C{i:07}" for i in range(round(1_000_000 * scale))]})
    compare(
        {"draw": lambda: draw(ids, list_id="L", version=1, key=b"k", control_bp=1_000)},
        runs=1,
        title=f"Draw of {ids.height:,}",
    )
    baskets = round(1_000_000 * scale)
    size = rng.integers(1, 9, baskets)
    basket = np.repeat(np.arange(baskets), size)
    good = (rng.pareto(1.2, basket.size) * 20).astype(np.int64) % 400
    who = rng.integers(0, baskets // 10, baskets)[basket]
    held = {"basket_id": basket, "customer_id": who, "store_id": who % 50, "product_id": good}
    both = {"rules (lift)": lambda: rules(pl.DataFrame(held)), "pairs (members)": lambda: pairs(pl.DataFrame(held))}
    compare(both | _peer_pairs(held), runs=1, title=f"Pairs, {baskets:,} baskets")
    people, each = round(1_000_000 * scale), 36
    owner = np.repeat(np.arange(people), each)
    again_ = {
        "customer_id": owner, "day": rng.integers(0, 12, owner.size).astype(np.int32),
        "product_id": ((rng.pareto(1.1, owner.size) * 30).astype(np.int64) + owner * 7) % 2_000,
    }  # fmt: skip

    def ranked() -> object:
        return repeat.recommend(repeat.fit(pl.DataFrame(again_).with_columns(pl.col("day").cast(pl.Date)), decay=0.9))

    title = f"Repeat list, {people:,} members, {owner.size:,} lines"
    compare({"repeat list": ranked} | _peer_repeat(again_), runs=1, title=title)


def _peer_gain_loss(raw: dict[str, np.ndarray]) -> dict[str, object]:
    """The nearest peer, if it is installed: two groups, pandas."""
    try:
        from openretailscience.analysis.gain_loss import GainLoss
    except ImportError:
        return {}
    import pandas as pd

    def peer() -> object:
        frame = pd.DataFrame({"customer_id": raw["customer_id"], "unit_spend": raw["net_minor"] / 100})
        group, first = raw["group"], raw["day"] < 364
        return GainLoss(frame, first, ~first, group == 0, "0", group != 0, "rest")

    return {"openretailscience, 2 groups": peer}


def _peer_pairs(held: dict[str, np.ndarray]) -> dict[str, object]:
    """All pairs with support and lift, without a test: the nearest peer on DuckDB, and mlxtend's FP-growth."""
    found: dict[str, object] = {}
    try:
        from openretailscience.analysis.product_association import ProductAssociation

        def peer() -> object:
            import ibis

            lines = {"transaction_id": held["basket_id"], "product_id": held["product_id"]}
            table = ibis.memtable(pl.DataFrame(lines).unique().to_pandas())
            return ProductAssociation(table, value_col="product_id", group_col="transaction_id").df

        found["openretailscience, DuckDB"] = peer
    except ImportError:
        pass
    try:
        from mlxtend.frequent_patterns import fpgrowth

        def rules_of_mlxtend() -> object:
            import pandas as pd
            from scipy import sparse

            table = sparse.csr_matrix((np.ones(held["basket_id"].size, dtype=bool),
                                       (held["basket_id"], held["product_id"])))  # fmt: skip
            table.data[:] = True
            frame = pd.DataFrame.sparse.from_spmatrix(table)
            frame.columns = [str(c) for c in frame.columns]
            return fpgrowth(frame, min_support=20 / len(frame), use_colnames=True, max_len=2)

        found["mlxtend FP-growth, length 2"] = rules_of_mlxtend
    except ImportError:
        pass
    return found


def _peer_repeat(bought: dict[str, np.ndarray]) -> dict[str, object]:
    """Factors by alternating least squares (64, 15 rounds) and ten goods for each member."""
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError:
        return {}
    from scipy import sparse

    def peer() -> object:
        counts = sparse.csr_matrix((np.ones(bought["customer_id"].size, dtype=np.float32),
                                    (bought["customer_id"], bought["product_id"])))  # fmt: skip
        model = AlternatingLeastSquares(factors=64, iterations=15, random_state=1)
        model.fit(counts, show_progress=False)
        return model.recommend(np.arange(counts.shape[0]), counts, N=10, filter_already_liked_items=False)

    return {"implicit ALS": peer}


GATES = {
    "flows": flows, "traits": order, "pairs": together, "readout": readout, "sizes": ratio, "repeat": again,
    "sends": sends, "speed": speed,
}  # fmt: skip

if __name__ == "__main__":
    chosen = [a for a in sys.argv[1:] if a in GATES] or list(GATES)
    print("| gate | goal | found | |\n|---|---|---|---|")
    for gate in chosen:
        GATES[gate](0.1 if "--small" in sys.argv else 1.0)
