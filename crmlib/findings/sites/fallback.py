"""Too few stores or visits for a model: a labelled score of the map, without yuan."""

from __future__ import annotations

import polars as pl

from crmlib.charts import sites as pictures
from crmlib.findings.finding import Finding
from crmlib.sites.score import WEIGHTS
from crmlib.tables import sites as views
from crmlib.text import Words

SHOWN = 15


def score(scored: pl.DataFrame, *, words: Words, stores: int, visits: int) -> Finding:
    """Rank candidates by points; say that they are not money.

    Parameters
    ----------
    scored : from `crmlib.sites.score.weighted`.
    stores, visits : what there is of own stores and geocoded card visits.
    """
    form = words.format
    best = scored.row(0, named=True)
    weights = words("sites.semicolon").join(
        words("sites.score.weight", name=words.column(n), weight=form.share(abs(w), digits=0))
        for n, w in WEIGHTS.items()
    )
    values = {
        "site": best["site_id"], "points": form.number(best["score"]), "weights": weights,
        "stores": form.count(stores), "visits": form.count(visits),
    }  # fmt: skip
    top = scored.head(SHOWN)
    bars = pl.DataFrame(
        {
            "name": top["site_id"], "amount": top["score"].round(1),
            "label": [form.number(v) for v in top["score"]], "hit": [False] * top.height,
        }
    )  # fmt: skip
    return Finding(
        key="sites.score",
        status="warn",
        headline=words("sites.score.headline", **values),
        table=scored,
        view=views.plain(
            scored, words=words, numbers={c: 1 for c in scored.columns if c.startswith(("score", "points"))}
        ),
        chart=pictures.losers(bars, words=words, title=words("sites.score.axis")),
        alt=words("sites.score.headline", **values),
        note_seen=words("sites.score.seen", **values),
        note_sure=words("sites.score.sure", **values),
        note_do=words("sites.score.do", **values),
        row_key=("site_id",),
    )
