from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmlib.core.errors import ContractError, CrmError, ModelError
from crmlib.promotion.lift.elasticity import TERMS, elasticity, shelf_prices

# Breakfast at the Frat, Poisson with store × product and week effects, clustered by store; printed to four decimals
PUBLISHED = {
    "log_discount": (-1.8987, 0.081),
    "log_base": (-1.5296, None),
    "feature": (0.4565, 0.0203),
    "display": (0.3464, 0.0138),
    "tpr_only": (-0.1361, 0.0161),
}
PRINTED = 5e-5
TRUE = -2.5


def world(units, *, seed=1, stores=24, products=6, weeks=52, price=TRUE):
    """Prices cut in a third of the weeks, features in a tenth, `units` a week at the full price."""
    rng = np.random.default_rng(seed)
    shape = (stores, products, weeks)
    store, product, week = (a.ravel() for a in np.meshgrid(*(range(n) for n in shape), indexing="ij"))
    cut = np.where(rng.random(store.size) < 0.35, rng.uniform(0.6, 0.95, store.size), 1.0)
    feature = (rng.random(store.size) < 0.1) * 1
    level = rng.normal(0, 0.4, (stores, products))[store, product] + rng.normal(0, 0.2, weeks)[week]
    mean = units * np.exp(level) * cut**price * np.exp(0.5 * feature)
    base = 10.0 + product + 0.5 * (week > 26)
    return pl.DataFrame(
        {
            "store_id": store.astype(str),
            "product_id": product.astype(str),
            "week": week,
            "units": rng.poisson(mean),
            "price": base * cut,
            "base_price": base,
            "feature": feature,
            "display": (rng.random(store.size) < 0.1) * 1,
            "tpr_only": (rng.random(store.size) < 0.1) * 1,
        }
    )


def of(found, term="log_discount"):
    return found.table.filter(pl.col("term") == term)["estimate"].item()


def reasons(found):
    return dict(found.left_out.iter_rows())


@pytest.mark.real_data
def test_the_elasticities_of_breakfast_at_the_frat_are_the_published_ones(real_data):
    table = pl.read_parquet(real_data / "breakfast_frat" / "transaction.parquet")
    table = table.rename({"upc_id": "product_id", "week_end_date": "week"})
    got = elasticity(table)
    assert got.observations == 524_738
    assert got.above_base == 6_047  # flagged, not dropped
    found = {r["term"]: (r["estimate"], r["se"]) for r in got.table.to_dicts()}
    for term, (estimate, se) in PUBLISHED.items():
        assert found[term][0] == pytest.approx(estimate, abs=PRINTED)
        if se is not None:
            assert found[term][1] == pytest.approx(se, abs=PRINTED)


@pytest.mark.parametrize(("units", "flattened"), [(3.8, 0.04), (1.9, 0.15), (1.0, 0.4), (0.3, 1.0)])
def test_slow_goods_have_the_elasticity_of_fast_ones(units, flattened):
    found = [of(elasticity(world(units, seed=s))) for s in (1, 2, 3)]
    assert np.mean(found) == pytest.approx(TRUE, abs=0.1)
    chosen = [of(elasticity(world(units, seed=s).filter(pl.col("units") > 0))) for s in (1, 2, 3)]
    assert np.mean(chosen) > np.mean(found) + flattened  # without the zeros the answer is flat


@pytest.mark.filterwarnings("ignore:.*singleton fixed effect:UserWarning")
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # from inside pyfixest
@pytest.mark.filterwarnings("ignore:.*fixef_tol.*:DeprecationWarning")
def test_pyfixest_gives_the_same_estimates_and_errors():
    pyfixest = pytest.importorskip("pyfixest")
    table = world(1.0, stores=12)
    got = elasticity(table)
    frame = table.with_columns(
        pair=pl.struct("store_id", "product_id").rank("dense"),
        log_discount=(pl.col("price") / pl.col("base_price")).log(),
        log_base=pl.col("base_price").log(),
    ).to_pandas()
    formula = f"units ~ {' + '.join(TERMS)} | pair + week"
    fit = pyfixest.fepois(formula, data=frame, vcov={"CRV1": "store_id"}, fixef_tol=1e-12, iwls_tol=1e-12)
    kept = got.table["term"].to_list()
    assert got.observations == fit._N
    assert got.table["estimate"].to_numpy() == pytest.approx(fit.coef()[kept].to_numpy(), abs=1e-9)
    assert got.table["se"].to_numpy() == pytest.approx(fit.se()[kept].to_numpy(), rel=1e-9)


def test_terms_that_say_nothing_are_named_and_the_others_stay_what_they_were():
    table = world(2.0).with_columns(base_price=10.0 + pl.col("product_id").cast(pl.Int64), tpr_only=pl.lit(0))
    table = table.with_columns(price=pl.col("base_price") * world(2.0)["price"] / world(2.0)["base_price"])
    table = table.with_columns(display=2 * pl.col("feature"))
    got = elasticity(table)
    assert reasons(got) == {"log_base": "collinear", "display": "collinear", "tpr_only": "constant"}
    assert of(got) == pytest.approx(of(elasticity(world(2.0))), abs=0.05)


def test_a_flag_under_which_nothing_ever_sold_is_left_out_as_separated():
    table = world(2.0).with_columns(units=pl.when(pl.col("display") == 1).then(0).otherwise(pl.col("units")))
    got = elasticity(table)
    assert reasons(got) == {"display": "separated"}
    alone = elasticity(table.filter(pl.col("display") == 0))
    assert of(got) == pytest.approx(of(alone), abs=1e-6)


@pytest.mark.parametrize(
    ("spoilt", "code"),
    [
        (lambda t: t.head(3), "promotion.no_variation"),
        (lambda t: t.clear(), "promotion.no_variation"),
        (lambda t: t.with_columns(units=pl.lit(0)), "promotion.no_variation"),
        (lambda t: t.with_columns(price=-pl.col("price")), "promotion.no_variation"),
        (lambda t: t.with_columns(price=pl.lit(None, dtype=pl.Float64)), "promotion.no_variation"),
        (lambda t: t.with_columns(units=-pl.col("units")), "promotion.r3"),
        (lambda t: t.filter(pl.col("store_id") == "0", pl.col("product_id") == "0").head(1), "promotion.no_variation"),
        (lambda t: t.with_columns(price=pl.col("price").cast(pl.String).str.replace(".", ",", literal=True)),
         "promotion.r13"),
    ],
)  # fmt: skip
def test_tables_that_tell_nothing_are_refused_in_words(spoilt, code):
    with pytest.raises((ModelError, ContractError)) as refused:
        elasticity(spoilt(world(1.0, stores=4, weeks=20)))
    assert refused.value.code == code


@settings(max_examples=60)
@given(st.data())
def test_no_small_table_does_more_harm_than_a_refusal(data):
    rows = data.draw(st.integers(0, 12))

    def column(values):
        return data.draw(st.lists(values, min_size=rows, max_size=rows))

    table = pl.DataFrame(
        {
            "store_id": column(st.sampled_from("ab")),
            "product_id": column(st.sampled_from("pq")),
            "week": column(st.integers(0, 4)),
            "units": column(st.integers(0, 6)),
            "price": column(st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 8.0, 9.5, 10.0]))),
            "base_price": column(st.sampled_from([10.0, 11.0])),
            **{flag: column(st.integers(0, 1)) for flag in ("feature", "display", "tpr_only")},
        },
        schema_overrides={"units": pl.Int64, "price": pl.Float64, "base_price": pl.Float64, "store_id": pl.String},
    )
    try:
        got = elasticity(table)
    except CrmError:
        return
    assert set(got.table["term"]) | set(got.left_out["term"]) == set(TERMS)
    assert got.table["estimate"].is_finite().all()


def test_a_panel_of_logarithms_is_fitted_within_store_and_brand_by_least_squares():
    """As Dominick's orange juice is printed: log units, one price, own flags, no week effect."""
    rng = np.random.default_rng(5)
    table = world(30.0).rename({"display": "deal"}).drop("base_price", "week", "tpr_only")
    units = np.exp(np.log(table["price"].to_numpy()) * TRUE + 0.05 * table["deal"].to_numpy()
                   + 0.75 * table["feature"].to_numpy() + rng.normal(0, 0.3, table.height) + 9)  # fmt: skip
    table = table.with_columns(units=units)
    got = elasticity(table, flags=("deal", "feature"), effects=("pair",), method="log")
    y, x = np.log(units), np.column_stack([np.log(table["price"]), table["deal"], table["feature"]])
    pair = table.select(pl.struct("store_id", "product_id").rank("dense")).to_series().to_numpy() - 1
    dummies = np.eye(pair.max() + 1)[pair]
    want = np.linalg.lstsq(np.column_stack([x, dummies]), y, rcond=None)[0][:3]
    assert got.table["estimate"].to_numpy() == pytest.approx(want, abs=1e-9)
    assert want == pytest.approx([TRUE, 0.05, 0.75], abs=0.05)


def test_a_cut_price_of_a_week_without_sales_is_read_from_the_other_stores():
    table = world(0.3)
    blind = table.with_columns(pl.when(pl.col("units") > 0).then(c).alias(c) for c in ("price", "base_price"))
    everywhere = table.with_columns(cut=pl.col("price") / pl.col("base_price"))
    common = everywhere.with_columns(price=pl.col("base_price") * pl.col("cut").first().over("product_id", "week"))
    hidden = common.with_columns(price=pl.when(pl.col("units") > 0).then("price")).with_columns(
        base_price=pl.when(pl.col("units") > 0).then("base_price")
    )
    filled = shelf_prices(hidden)
    both = filled.join(common, on=["store_id", "product_id", "week"], suffix="_true")
    near = (both["price"] / both["price_true"] - 1).abs() < 0.06
    assert near.mean() > 0.95
    assert (
        (~filled["is_price_seen"]).sum()
        == (table["units"] == 0).sum()
        == shelf_prices(blind).height - (table["units"] > 0).sum()
    )
