from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from crmlib.churn.features.visits import visits
from crmlib.churn.winback import uplift, winback, winback_cells, winback_lists
from crmlib.core.dates import day_number

SENT = date(2024, 3, 1)


def company(n=400, held=0.25, seed=3):
    """A list of `n`: one visit each before it leaves, every second of the contacted comes back, every tenth alone."""
    rng = np.random.default_rng(seed)
    who = [f"c{i:04d}" for i in range(n)]
    alone = rng.random(n) < held
    back = rng.random(n) < np.where(alone, 0.1, 0.5)
    before = [(c, day_number(SENT) - 100 - i % 90, 5_000 + i) for i, c in enumerate(who)]
    after = [(c, day_number(SENT) + 7, 9_000) for c, b in zip(who, back, strict=True) if b]
    rows = [(c, d, 1000, m, None) for c, d, m in before + after]
    lines = pl.DataFrame(
        rows, schema=["customer_id", "day_n", "quantity_milli", "net_minor", "promotion_id"], orient="row"
    )
    contacts = pl.DataFrame(
        {
            "contact_id": [f"W1-{i}" for i in range(n)],
            "customer_id": who,
            "at": [datetime(2024, 3, 1, 9)] * n,  # noqa: DTZ001
            "purpose": ["win_back"] * n,
            "outcome": ["holdout" if a else "reached" for a in alone],
            "cost_minor": [0 if a else 150 for a in alone],
        }
    )
    made = lines.select("customer_id", "day_n", margin_minor=pl.col("net_minor") // 3)
    return contacts, visits(lines), made, back


def test_people_carry_what_was_known_before_the_list_left_and_what_they_did_after():
    contacts, seen, margins, back = company()
    made = winback_cells.people(contacts, seen, margins, as_of=SENT + timedelta(days=56))
    assert made.height == 400
    assert made.sort("customer_id")["came"].to_list() == back.astype(int).tolist()
    assert made["trips"].to_list() == [1] * 400  # the return itself is not among the features
    assert set(made.filter(pl.col("came") == 1)["margin_minor"]) == {3000}


def test_a_list_that_is_open_or_left_nobody_alone_is_not_read():
    contacts, seen, margins, _ = company(60)
    assert winback_cells.people(contacts, seen, margins, as_of=SENT + timedelta(days=55)).is_empty()
    nobody = contacts.with_columns(outcome=pl.lit("reached"))
    listed = winback_cells.people(nobody, seen, margins, as_of=SENT + timedelta(days=56))
    assert winback_cells.read_cells(listed, rng=np.random.default_rng(1)) is None


def test_too_few_returns_are_counted_and_not_fitted():
    contacts, seen, margins, _ = company()
    listed = winback_cells.people(contacts, seen, margins, as_of=SENT + timedelta(days=56))
    made = winback_cells.read_cells(listed, rng=np.random.default_rng(1))
    alone = int(listed.filter(pl.col("group") == "holdout")["came"].sum())
    names = [n for n in winback_cells.FEATURES if n in listed.columns]
    assert made.table.is_empty()
    assert made.missing == -(-(20 * len(names) - alone) * 400 // alone)
    more = pl.concat([listed] * (1 + made.missing // 400 + 1))  # the same rates with so many more are enough
    assert winback_cells.missing(more, features=len(names)) == 0


def listed(n=16_000, seed=1, sign=1.0):
    """Known truth: a contact wins those long gone (sign 1), does nothing for the others but cost; on two lists."""
    rng = np.random.default_rng(seed)
    long_gone = rng.random(n) < 0.5
    two = rng.random(n) < 0.5
    contact = rng.random(n) < np.where(two, 0.6, 0.85)  # shares differ by list
    base = np.where(two, 0.35, 0.25)
    came = rng.random(n) < base + contact * np.where(long_gone, 0.15 * sign, -0.08 * sign)
    return pl.DataFrame(
        {
            "list": np.where(two, "W2", "W1"),
            "customer_id": [f"c{i}" for i in range(n)],
            "group": np.where(contact, "contact", "holdout"),
            "recency": np.where(long_gone, 300, 60),
            "trips": rng.integers(1, 9, n),
            "basket": rng.normal(9000, 900, n),
            "cost_minor": np.where(contact, 300, 0),
            "came": came.astype(int),
            "lost": 1 - came.astype(int),
            "margin_minor": np.where(came, 6000, 0),
        }
    )


def test_the_cells_find_whom_a_contact_wins_and_the_money_follows_their_effect():
    rows = listed()
    made = winback_cells.read_cells(rows, rng=np.random.default_rng(1))
    assert made.missing == 0
    by = {r["cell"]: r for r in made.table.iter_rows(named=True)}
    mine, away = by["persuadable"], by["do_not_disturb"]
    assert mine["low"] < 0.15 < mine["high"]
    assert away["low"] < -0.08 < away["high"]
    assert mine["net_low_minor"] > 0 > away["net_high_minor"]
    assert mine["net_minor"] == round(mine["effect"] * mine["treated"] * 6000 - mine["cost_minor"])
    assert made.table["cost_minor"].sum() == rows["cost_minor"].sum()
    for count in ("treated", "held_out", "came_treated", "came_held_out"):
        group = "contact" if "treated" in count else "holdout"
        whole = rows.filter(pl.col("group") == group)
        assert made.table[count].sum() == (whole["came"].sum() if "came" in count else whole.height)


def test_a_cell_of_too_few_people_has_counts_and_no_effect():
    made = winback_cells.read_cells(listed(), rng=np.random.default_rng(1)).table
    small = made.filter(pl.min_horizontal("treated", "held_out") < 30)
    assert small.select("effect", "net_minor").null_count().row(0) == (small.height,) * 2
    free = winback_cells.read_cells(
        listed().with_columns(margin_minor=pl.lit(None, dtype=pl.Int64)), rng=np.random.default_rng(1)
    )
    assert free.table["net_minor"].is_null().all()
    assert free.table["effect"].is_not_null().any()


def test_lists_drawn_with_other_shares_do_not_bias_the_effect_read_together():
    rows = listed()
    truth = 0.5 * 0.15 - 0.5 * 0.08
    fit = uplift.fit(rows, rng=np.random.default_rng(1), names=("trips",), within="list")
    blind = uplift.fit(rows, rng=np.random.default_rng(1), names=("trips",))
    assert fit.effect == pytest.approx(truth, abs=0.015)
    assert blind.effect < fit.effect - 0.01  # the list that returns more was contacted less


def sent(lists=8, each=150, spread=0.0, people=None, seed=1):
    """Lists whose own effects differ by `spread` around .1; `people` different persons stand on them."""
    rng = np.random.default_rng(seed)
    n = lists * each
    which, who = np.repeat(np.arange(lists), each), np.arange(n) if people is None else rng.integers(0, people, n)
    contact = rng.random(n) < 0.75
    chance = 0.25 + contact * (0.1 + rng.normal(0, spread, lists)[which])
    luck = rng.random(n if people is None else people)[who]
    return pl.DataFrame(
        {
            "list": [f"W{k}" for k in which],
            "customer_id": [f"c{k}" for k in who],
            "group": np.where(contact, "contact", "holdout"),
            "came": (luck < chance).astype(int),
        }
    )


def test_lists_that_differ_and_people_listed_again_make_the_interval_wider():
    def width(rows):
        _, low, high = winback_lists.pooled(rows)
        return high - low

    plain = width(sent())
    assert width(sent(spread=0.15)) > 1.5 * plain
    assert width(sent(people=20)) > 1.3 * plain


def test_the_interval_of_all_lists_together_holds_the_effect_as_often_as_it_says():
    made = [winback_lists.pooled(sent(spread=0.04, seed=seed)) for seed in range(60)]
    inside = np.mean([low <= 0.1 <= high for _, low, high in made])
    assert inside >= 0.9  # 95 % in 60 draws: below .9 in 4 of 100 tries; larger in benchmarks/bench_churn_winback.py


def test_a_margin_that_is_only_estimated_widens_the_money_and_not_the_effect():
    rows = sent().with_columns(pl.lit(0).alias("cost_minor"))
    rng = np.random.default_rng(2)
    even = rows.with_columns(margin_minor=pl.col("came") * 6000)
    skewed = rows.with_columns(
        margin_minor=pl.Series((rng.lognormal(8.2, 1, rows.height)).round().astype(int)) * pl.col("came")
    )
    mean, half = winback_lists.worth(even)
    assert (mean, half) == (6000, pytest.approx(0, abs=1e-6))
    value, half = winback_lists.worth(skewed)
    own = skewed.filter(pl.col("came") == 1)["margin_minor"]
    assert (value, half) == (pytest.approx(own.mean()), pytest.approx(1.96 * own.std() / own.len() ** 0.5, rel=0.05))
    sure = winback.read_out(skewed, margin_minor=value, cost_minor=0)
    unsure = winback.read_out(skewed, margin_minor=value, cost_minor=0, margin_half=half)
    assert unsure.low == sure.low
    assert unsure.net_low_minor < sure.net_low_minor < sure.net_high_minor < unsure.net_high_minor
