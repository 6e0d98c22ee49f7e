"""A group beside all members: index, its own variance, control of false findings, suppression."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from crmlib.core.errors import ModelError
from crmlib.customers.groups.profile import benjamini_hochberg, log_index_variance, profile
from crmlib.customers.groups.traits import favourite, member_traits, trait_names

SIMULATED = 0.06  # Monte Carlo error of a variance from 20,000 draws, twice over


def people(n: int, rng: np.random.Generator, *, share: float = 0.2, lift: float = 1.0) -> pl.DataFrame:
    group = rng.random(n) < share
    young = rng.random(n) < np.where(group, 0.3 * lift, 0.3)
    return pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(n)],
            "g": group,
            "age": np.where(young, "young", "old"),
            "noise": rng.choice(["a", "b", "c"], n),
        }
    )


def test_the_variance_of_the_log_index_is_that_of_repeated_samples(rng: np.random.Generator) -> None:
    n_g, n_r, p_g, p_r = 200, 600, 0.3, 0.2
    x, y = rng.binomial(n_g, p_g, 20_000), rng.binomial(n_r, p_r, 20_000)
    index = (x / n_g) / ((x + y) / (n_g + n_r))
    formula = log_index_variance(*(np.array([float(v)]) for v in (p_g, n_g, p_r, n_r)))[0]
    assert formula == pytest.approx(np.log(index).var(), rel=SIMULATED)
    naive = (1 - p_g) / (p_g * n_g) + (1 - 0.225) / (0.225 * 800)  # as if the two shares were independent
    assert abs(naive - np.log(index).var()) > 0.5 * np.log(index).var()


def test_the_p_values_are_those_of_the_two_proportion_test(rng: np.random.Generator) -> None:
    table = people(400, rng, lift=1.5)
    found = profile(table, group="g", traits=["age"]).filter(pl.col("value") == "young").row(0, named=True)
    in_g, n_g = table.filter("g").filter(pl.col("age") == "young").height, table.filter("g").height
    in_r, n_r = table.filter(~pl.col("g")).filter(pl.col("age") == "young").height, 400 - n_g
    assert found["p_value"] == pytest.approx(proportions_ztest([in_g, in_r], [n_g, n_r])[1], rel=1e-9)


def test_adjusted_p_values_are_those_of_statsmodels(rng: np.random.Generator) -> None:
    p = rng.random(50) ** 2
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_a_real_difference_is_found_and_noise_is_mostly_not(rng: np.random.Generator) -> None:
    found = profile(people(3_000, rng, lift=1.6), group="g", traits=["age", "noise"])
    young = found.filter(pl.col("value") == "young").row(0, named=True)
    assert young["unusual"]
    assert young["low"] < young["index"] < young["high"]
    assert young["ratio_to_rest"] == pytest.approx(1.6, abs=0.2)
    false = sum(
        profile(people(500, np.random.default_rng(k)), group="g", traits=["age", "noise"])["unusual"].any()
        for k in range(40)
    )
    assert false <= 6  # 5 % expected; P(more than 6 of 40) < 1 %


def test_cells_of_fewer_than_five_members_show_no_numbers() -> None:
    table = pl.DataFrame(
        {
            "customer_id": [str(i) for i in range(30)],
            "g": [i % 2 == 0 for i in range(30)],
            "trait": ["rare"] * 8 + ["usual"] * 22,
        }
    )
    rare = profile(table, group="g", traits=["trait"]).filter(pl.col("value") == "rare").row(0, named=True)
    assert rare["suppressed"]
    assert [rare[c] for c in ("in_group", "share_group", "index", "low", "high", "p_value")] == [None] * 6
    assert not rare["unusual"]


def test_a_group_that_is_everybody_has_index_one_and_nothing_unusual(rng: np.random.Generator) -> None:
    found = profile(people(50, rng).with_columns(g=True), group="g", traits=["age"])
    assert found["index"].to_list() == [1.0, 1.0]
    assert found["ratio_to_rest"].null_count() == found.height
    assert not found["unusual"].any()


def test_a_group_of_nobody_is_refused(rng: np.random.Generator) -> None:
    with pytest.raises(ModelError) as refused:
        profile(people(50, rng).with_columns(g=False), group="g", traits=["age"])
    assert refused.value.code == "scoring.empty_group"


def test_the_index_never_exceeds_one_over_the_groups_share(rng: np.random.Generator) -> None:
    turned = pl.int_range(pl.len()) < 80  # some of each side are of the other age, so that no cell is small
    table = people(200, rng).with_columns(
        age=pl.when(pl.col("g") != turned).then(pl.lit("young")).otherwise(pl.lit("old"))
    )
    w = table["g"].mean()
    found = profile(table, group="g", traits=["age"])
    assert not found["suppressed"].any()
    assert found["index"].max() <= found["high"].max() <= 1 / w + 1e-12


def test_unknown_traits_are_left_out_of_their_shares(rng: np.random.Generator) -> None:
    table = people(300, rng).with_columns(age=pl.when(pl.int_range(pl.len()) % 2 == 0).then("age"))
    assert int(profile(table, group="g", traits=["age"])["in_all"].sum()) == 150


def test_industry_education_and_household_are_traits_where_a_member_system_knows_them() -> None:
    members = pl.DataFrame({"customer_id": ["a", "b"], "net_minor": [5, 6]})
    people = members.select("customer_id").with_columns(
        industry=pl.Series(["IT", "retail"]), education=pl.Series([None, "college"]), household=pl.Series([3, 4])
    )
    found = member_traits(members, customers=people)
    assert trait_names(found) == ["industry", "household"]  # one known value is no comparison
    assert found["household"].to_list() == ["3", "4"]


def test_a_favourite_is_the_first_name_of_the_most_money(rng: np.random.Generator) -> None:
    n = 2_000
    names = pl.Series(["tea", "nuts", None, "cake", "1"])
    parts = pl.DataFrame(
        {
            "customer_id": rng.integers(300, size=n).astype(str),
            "part": names.gather(rng.integers(5, size=n)),
            "net_minor": rng.integers(-2, 3, size=n) * 2**52,
        }
    )
    best: dict[str, tuple[int, str]] = {}
    for who, part, money in parts.iter_rows():
        if part is not None and money > 0:
            best[who] = min(best.get(who, (0, "")), (-money, part))
    for kind in (pl.String, pl.Enum(sorted(names.drop_nulls()))):
        found = favourite(parts.with_columns(pl.col("part").cast(kind)), name="taste")
        assert dict(found.iter_rows()) == {who: part for who, (_, part) in best.items()}
    assert favourite(parts.clear(), name="taste").schema == {"customer_id": pl.String, "taste": pl.String}
