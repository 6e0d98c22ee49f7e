import json
from dataclasses import asdict
from datetime import timedelta

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest
from scipy.special import logit as log_odds
from sklearn.linear_model import LogisticRegression

from crmlib.churn.features.labels import dataset
from crmlib.churn.judge.calibration import ece
from crmlib.churn.metrics import auc, average_precision, brier, lift
from crmlib.churn.models import additive, boosted, logit
from crmlib.churn.models.reasons import reasons
from crmlib.churn.risk import RiskFit, nearest_season, train, training_origins
from crmlib.core.errors import ModelError

EXACT = 1e-9  # spec: reasons add up to the log odds


@pytest.fixture(scope="module")
def table(shop, shop_last):
    days = [shop_last - timedelta(days=k) for k in (91, 182, 273)]
    return pl.concat([dataset(shop, t0=t, horizon=91, observed_until=shop_last) for t in days])


@pytest.mark.parametrize("module", [logit, additive])
def test_every_reason_adds_up_to_the_log_odds(table, module):
    fit = module.fit(table)
    holes = table.with_columns(
        pl.when(pl.int_range(pl.len()) % 7 == 0).then(None).otherwise(pl.col("gap_mean")).alias("gap_mean")
    )
    for frame in (table, holes):
        total = fit.contributions(frame).sum(axis=1) + fit.intercept
        assert np.abs(total - log_odds(fit.predict(frame))).max() < EXACT
        grouped = reasons(fit, frame)
        parts = grouped.select(pl.col("^part_.*$")).to_numpy().sum(axis=1)
        assert np.abs(parts + grouped["base"].to_numpy() - total).max() < EXACT


@pytest.mark.parametrize("module", [logit, additive])
def test_reasons_are_deviations_from_the_average_customer(table, module):
    fit = module.fit(table)
    assert np.abs(fit.contributions(table).mean(axis=0)).max() < EXACT


def test_the_table_lookup_is_the_same_model_as_lightgbm_itself(table):
    fit = additive.fit(table)
    names = list(fit.names)
    x = additive.matrix(table, names)
    settings = additive.SETTINGS | {
        "interaction_constraints": [[j] for j in range(len(names))],
        "seed": 1,
        "num_threads": 1,
    }
    booster = lgb.train(settings, lgb.Dataset(x, label=table["y"].to_numpy()), num_boost_round=additive.ROUNDS)
    assert np.abs(booster.predict(x) - fit.predict(table)).max() < EXACT
    shap = booster.predict(x[:50], pred_contrib=True)  # TreeSHAP of an additive model is exact, too
    assert np.abs(shap[:, :-1] - fit.contributions(table[:50])).max() < 0.2


def test_the_logit_is_the_maximum_likelihood_one(table):
    names = ["recency", "trips", "spend_trend"]
    fit = logit.fit(table, names=names)
    x = np.column_stack([np.log1p(table["recency"]), np.log1p(table["trips"]), table["spend_trend"]])
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    other = LogisticRegression(C=np.inf, tol=1e-10).fit(x, table["y"].to_numpy())
    assert np.array(fit.slope) == pytest.approx(other.coef_[0], abs=1e-4)
    assert fit.intercept == pytest.approx(other.intercept_[0], abs=1e-4)


def test_columns_that_others_determine_are_dropped_and_named(table):
    twice = table.with_columns(pl.col("trips").alias("trips_365"))
    fit = logit.fit(twice, names=["recency", "trips", "trips_365"])
    assert fit.dropped == ("trips_365",)


def test_reasons_name_at_most_three_groups_that_raise_the_risk_strongest_first(table):
    made = reasons(logit.fit(table), table)
    for row in made.head(50).iter_rows(named=True):
        named = [row[f"reason_{k}"] for k in (1, 2, 3) if row[f"reason_{k}"]]
        parts = {c.removeprefix("part_"): v for c, v in row.items() if c.startswith("part_")}
        assert named == [g for g in sorted(parts, key=parts.get, reverse=True) if parts[g] > 0.05][:3]


def test_fits_are_plain_enough_for_json(table):
    for fit in (logit.fit(table), additive.fit(table)):
        assert json.loads(json.dumps(asdict(fit)))["rows"] == table.height


def test_the_same_seed_gives_the_same_challenger_to_the_bit(table):
    assert boosted.fit(table, seed=3, threads=1) == boosted.fit(table, seed=3, threads=1)


def test_the_challenger_learns_fine_detail_where_there_is_some_and_stays_careful_where_there_is_none():
    """An e-commerce set: careful trees reached AUC .943 where LightGBM's defaults reached .987."""
    rng = np.random.default_rng(4)
    x = rng.uniform(size=(4000, 4))
    fine = (np.sin(14 * x[:, 0]) * np.sin(14 * x[:, 1]) + 0.5 * np.sin(9 * x[:, 2]) > 0.0).astype(int)
    names = {f"c{i}": x[:, i] for i in range(4)}
    train, test = pl.DataFrame(names | {"y": fine})[:2800], pl.DataFrame(names | {"y": fine})[2800:]
    plain = lgb.LGBMClassifier(n_jobs=1, verbose=-1).fit(train.drop("y").to_numpy(), train["y"].to_numpy())
    other = auc(test["y"].to_numpy(), plain.predict_proba(test.drop("y").to_numpy())[:, 1])
    ours = auc(test["y"].to_numpy(), boosted.fit(train, threads=1).predict(test))
    assert ours > other - 0.01
    noise = train.with_columns(y=pl.Series(rng.integers(0, 2, train.height)))
    blind = boosted.fit(noise, threads=1).predict(test)
    sure = lgb.LGBMClassifier(n_jobs=1, verbose=-1).fit(noise.drop("y").to_numpy(), noise["y"].to_numpy())
    assert blind.std() < 0.5 * sure.predict_proba(test.drop("y").to_numpy())[:, 1].std()


def test_pandas_and_arrow_give_the_same_scores(table):
    fit = logit.fit(table)
    expected = fit.predict(table)
    assert fit.predict(table.to_pandas()) == pytest.approx(expected, abs=1e-12)
    assert fit.predict(table.to_arrow()) == pytest.approx(expected, abs=1e-12)


def test_class_weights_are_refused_where_probabilities_are_used(table):
    with pytest.raises(ModelError) as error:
        boosted.fit(table, class_weight=5.0)
    assert error.value.code == "churn.class_weight"


@pytest.mark.parametrize("module", [logit, additive, boosted])
def test_an_all_one_class_label_is_refused(table, module):
    with pytest.raises(ModelError) as error:
        module.fit(table.with_columns(pl.lit(1).alias("y")))
    assert error.value.code == "churn.one_class"


def test_features_that_separate_without_error_are_refused():
    table = pl.DataFrame({"recency": [1, 2, 3, 40, 50, 60], "y": [0, 0, 0, 1, 1, 1]})
    with pytest.raises(ModelError) as error:
        logit.fit(table)
    assert error.value.code == "churn.separation"


def test_a_group_lost_to_the_last_does_not_blow_up_the_logit(table):
    one_trip_means_lost = table.filter((pl.col("trips") > 1) | (pl.col("y") == 1))
    fit = logit.fit(one_trip_means_lost)
    assert fit.penalised
    assert np.isfinite(fit.slope).all()
    assert np.abs(fit.missing).max() < 10


def test_a_risk_fit_scores_the_next_origin_better_than_chance_and_reports_its_origins(shop, shop_last, table):
    t0 = shop_last - timedelta(days=91)
    days = training_origins(t0=t0, horizon=91, first=shop_last - timedelta(days=729))
    fit = train(shop, t0=t0, horizon=91, origins=days, rng=np.random.default_rng(1))
    assert isinstance(fit, RiskFit)
    assert fit.origins == tuple(days)
    now = dataset(shop, t0=t0, horizon=91, observed_until=shop_last)
    made = fit.score(now)
    assert made["risk"].is_between(0, 1).all()
    assert auc(now["y"].to_numpy(), made["risk"].to_numpy()) > 0.7


@pytest.mark.parametrize("kind", ["boosted", "additive"])
def test_another_score_may_rank_while_the_reasons_keep_adding_up(shop, shop_last, kind):
    t0 = shop_last - timedelta(days=91)
    days = training_origins(t0=t0, horizon=91, first=shop_last - timedelta(days=729))
    fit = train(shop, t0=t0, horizon=91, origins=days, rng=np.random.default_rng(1), kind=kind)
    now = dataset(shop, t0=t0, horizon=91, observed_until=shop_last)
    made = fit.score(now)
    assert made["risk"].to_list() == pytest.approx(fit.predict(now).tolist(), abs=1e-12)
    assert auc(now["y"].to_numpy(), made["risk"].to_numpy()) > 0.7
    parts = made.select(pl.sum_horizontal("^part_.*$", "base")).to_series().to_numpy()
    assert np.allclose(1 / (1 + np.exp(-parts)), fit.model.predict(now), atol=1e-9)
    assert (fit.ranker is fit.model) == (kind == "additive")
    with pytest.raises(ValueError, match="purchases"):
        train(shop, t0=t0, horizon=91, origins=days, rng=np.random.default_rng(1), kind="p_zero")


def test_the_recalibration_origin_is_a_year_ago_if_the_history_reaches_there(shop_last):
    t0 = shop_last
    assert nearest_season([t0 - timedelta(days=k) for k in (364, 273, 182, 91)], t0=t0) == t0 - timedelta(days=364)
    assert nearest_season([t0 - timedelta(days=k) for k in (182, 91)], t0=t0) == t0 - timedelta(days=91)


@pytest.mark.real_data
def test_telco_logit_ranks_and_calibrates_as_published(real_data):
    telco = pl.read_parquet(real_data / "telco" / "telco_churn.parquet")
    truth = (telco["Churn"] == "Yes").cast(pl.Int8)
    assert (telco.height, int(truth.sum()), telco["TotalCharges"].null_count()) == (7043, 1869, 11)
    wide = telco.drop("customerID", "Churn").with_columns(
        pl.col("tenure").log1p(), pl.col("TotalCharges").fill_null(0).log1p()
    )
    texts = [c for c, kind in wide.schema.items() if kind == pl.String]
    x = wide.to_dummies(texts, drop_first=True).cast(pl.Float64).with_columns(truth.alias("y"))
    fold = np.random.default_rng(0).permutation(x.height) % 5
    p = np.empty(x.height)
    for k in range(5):
        names = [c for c in x.columns if c != "y"]
        p[fold == k] = logit.fit(x.filter(fold != k), names=names).predict(x.filter(fold == k))
    y = x["y"].to_numpy()
    assert auc(y, p) == pytest.approx(0.8498, abs=0.003)
    assert average_precision(y, p) == pytest.approx(0.671, abs=0.01)
    assert brier(y, p) == pytest.approx(0.1331, abs=0.001)
    assert ece(y.astype(float), p) <= 0.033
    assert lift(y, p)[0] == pytest.approx(2.896, abs=0.06)
