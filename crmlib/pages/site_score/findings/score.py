"""Too few stores or visits for a model: a labelled score of the map, without yuan."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmlib.kit.charts import labelled
from crmlib.kit.finding import Answer, Finding, Limits
from crmlib.kit.words import Words
from crmlib.pages.shared import sites_tables as views
from crmlib.pages.shared.sites_wording import named, own_stores
from crmlib.sites.checks import MIN_OWN_STORES, MIN_VISITS
from crmlib.sites.score import WEIGHTS
from crmlib.sites.study import Scored

SHOWN = 15


def ranking(
    scored: Scored,
    *,
    words: Words,
    weights: Mapping[str, float] = WEIGHTS,
    run_by: Mapping[str, str] | None = None,
) -> Finding:
    """Rank candidates by points; say that they are not money.

    Parameters
    ----------
    scored : from `crmlib.sites.study.scored`.
    weights : it was made with; signed, the absolute values sum to 1.
    run_by : who runs each own store, by its number.
    """
    form, table = words.format, named(scored.table, "site_id", scored.names, into="site")
    best = table.row(0, named=True)
    weighed = words("sites.semicolon").join(
        words("site_score.score.weight", name=words.column(n), weight=form.share(abs(w), digits=0))
        for n, w in weights.items()
    )
    values = {
        "site": best["site"], "points": form.number(best["score"]), "weights": weighed,
        "stores": own_stores(scored.stores, (run_by or {}).values(), words=words), "visits": form.count(scored.visits),
    }  # fmt: skip
    kind = _kind(scored)
    top = table.head(SHOWN)
    digits = [c for c in table.columns if c.startswith(("score", "points"))]
    bars = pl.DataFrame(
        {
            "name": top["site"], "value": top["score"].round(1),
            "label": [form.number(v) for v in top["score"]], "tone": ["quiet"] * top.height,
        }
    )  # fmt: skip
    return Finding.worded(
        "site_score.score",
        kind,
        values,
        words=words,
        key="sites.score",
        status="warn",
        table=scored.table,
        view=views.plain(
            table.select("rank", "site", "score", pl.col("^points_.*$")), words=words, numbers=dict.fromkeys(digits, 1)
        ),
        chart=labelled.bars(bars, words=words, title=words("site_score.score.axis")),
        row_key=("site_id",),
    )


def answer(scored: Scored, *, words: Words) -> Answer:
    """The three sites to look at first, and that no amounts can be given."""
    first = [scored.names.get(i, i) for i in scored.table["site_id"].head(3)]
    return Answer(words(f"site_score.score.answer.{_kind(scored)}", names=words("page.join").join(first)))


def limits(*, words: Words) -> Limits:
    """What a score cannot tell."""
    return Limits((words("site_score.score.sure"), words("sites.limits.footfall")))


def _kind(scored: Scored) -> str:
    """Whether there are too few data for the model, or enough."""
    return "few" if scored.stores < MIN_OWN_STORES or scored.visits < MIN_VISITS else "enough"
