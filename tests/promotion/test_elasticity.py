from __future__ import annotations

import polars as pl
import pytest

from crmlib.promotion.elasticity import elasticity

# Breakfast at the Frat, Poisson with store × product and week effects, clustered by store; printed to four decimals
PUBLISHED = {
    "log_discount": (-1.8987, 0.081),
    "log_base": (-1.5296, None),
    "feature": (0.4565, 0.0203),
    "display": (0.3464, 0.0138),
    "tpr_only": (-0.1361, 0.0161),
}
PRINTED = 5e-5


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore:.*singleton fixed effect:UserWarning")
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")  # from inside pyfixest
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
