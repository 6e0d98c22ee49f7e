"""Grades with their parts and plan, RFM classes with their cuts, and what referrals bring."""

from __future__ import annotations

import math
from itertools import pairwise

import polars as pl

from crmlib.customers.grades import WEIGHTS, Grades
from crmlib.customers.loyalty.referrals import Referrals
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.finding import Finding, Status
from crmlib.kit.words import Words
from crmlib.kit.words.rows import told
from crmlib.scoring.rfm import Rfm

CALM = 0.05
"""A class share that moved by less than five points is stable."""


def grades(
    found: Grades, *, words: Words, proof: Grades | None = None, prospects: pl.DataFrame | None = None
) -> Finding:
    """Say what the best grade is worth beside the last, whether grades kept their promise, and the plan for each.

    Parameters
    ----------
    found : grades of members today.
    proof : grades given at the end of the last period, with what their members brought since (`realised`).
    prospects : graded prospects, if contacts are connected.
    """
    form = words.format
    table = _with_proof(found, proof, prospects)
    best, last = table.row(0, named=True), table.filter(pl.col("customers") > 0).row(-1, named=True)
    known = table["realised_minor"].null_count() < table.height
    ordered = known and _falls(table["realised_per_customer_minor"].drop_nulls().to_list())
    kind = "kept" if ordered else "broken" if known else "plain"
    status: Status = "ok" if ordered else "warn" if known else "none"
    values = {
        "best": form.count(best["customers"]),
        "best_value": form.money(_per(best, "value_minor")),
        "last_value": form.money(_per(last, "value_minor")),
        "best_realised": form.money(best["realised_per_customer_minor"]),
        "last_realised": form.money(last["realised_per_customer_minor"]),
        "last": words(f"scoring.grade.{last['grade']}"),
        "weights": " / ".join(str(w) for w in WEIGHTS),
    }
    shown = table.with_columns(
        told(
            table,
            "customers",
            "value_minor",
            by=lambda n, v: words(
                "customer_profile.grades.label", customers=form.count(n), money=form.money(v // n if n else None)
            ),
        ).alias("label"),
        called=told(table, "grade", by=lambda g: words(f"scoring.grade.{g}")),
        per=pl.Series([_per(row, "value_minor") for row in table.iter_rows(named=True)], dtype=pl.Float64) / 100,
    )
    view = table.rename({"value_minor": "yearly_margin_minor"}).with_columns(
        plan=told(table, "grade", by=lambda g: words(f"customer_profile.grades.plan.{g}")),
        owner=told(table, "grade", by=lambda g: words(f"customer_profile.grades.owner.{g}")),
        budget_minor=pl.Series([_budget(row) for row in table.iter_rows(named=True)], dtype=pl.Int64),
    )
    return Finding.worded(
        "customer_profile.grades",
        kind,
        values,
        words=words,
        key="scoring.grades",
        status=status,
        table=table,
        view=views.readable(view, words=words),
        chart=labelled.bars(
            shown.select(
                name=told(table, "grade", by=lambda g: words(f"scoring.grade.{g}")), value="per", label="label"
            ),
            words=words,
            title=words("customer_profile.grades.axis"),
        ),
        seen=words("scoring.sentences").join(
            [words("customer_profile.grades.seen", **values), *_warm(prospects, words)]
        ),
        row_key=("grade",),
    )


def _with_proof(found: Grades, proof: Grades | None, prospects: pl.DataFrame | None) -> pl.DataFrame:
    """Grades with their prospects, and with what those of the last period brought since."""
    table = found.by_grade
    if prospects is not None and prospects.height:
        warm = prospects.group_by(pl.col("grade").cast(pl.String)).agg(prospects=pl.len().cast(pl.Int64))
        table = table.join(warm, on="grade", how="left", maintain_order="left").with_columns(
            pl.col("prospects").fill_null(0)
        )
    if proof is not None:
        since = proof.by_grade.select("grade", "realised_minor", "realised_per_customer_minor")
        table = table.drop("realised_minor", "realised_per_customer_minor").join(since, on="grade", how="left")
    return table


def rfm_classes(found: Rfm, *, words: Words, frozen: bool) -> Finding:
    """Show the cut table and how members are spread over it; say whether the cuts are this month's or kept ones.

    Parameters
    ----------
    frozen : the cuts were kept from an earlier report, so that changes are the members' own.
    """
    form = words.format
    table = found.classes
    n = found.customers.height
    recent = table.filter(pl.col("measure") == "recency").sort("score")
    best, worst = recent.row(-1, named=True), recent.row(0, named=True)
    even = 1 / recent.height
    shift = best["customers"] / n - even if n else 0.0
    kind = "fresh" if not frozen else "better" if shift >= CALM else "worse" if shift <= -CALM else "stable"
    status: Status = {"worse": "warn", "fresh": "none"}.get(kind, "ok")  # type: ignore[assignment]
    once = found.customers.filter(pl.col("frequency") == 1).height
    values = {
        "customers": form.count(n),
        "best": form.share(best["customers"] / n if n else None),
        "days": form.count(-best["at_least"]) if best["at_least"] is not None else "—",
        "worst": form.share(worst["customers"] / n if n else None),
        "once": form.share(once / n if n else None),
        "even": form.share(even, digits=0),
    }
    shown = table.with_columns(share=pl.col("customers") / max(n, 1))
    view = shown.with_columns(at_least=pl.Series(_bounds(table, words), dtype=pl.String))
    drawn = shown.filter(pl.col("measure") == "recency").sort("score", descending=True)
    drawn = drawn.with_columns(
        pl.Series(
            "name",
            [
                words("customer_profile.rfm.name", score=s, bound=b)
                for s, b in zip(drawn["score"], _bounds(drawn, words), strict=True)
            ],
            dtype=pl.String,
        ),
        told(drawn, "share", by=form.share).alias("label"),
    )
    return Finding.worded(
        "customer_profile.rfm",
        kind,
        values,
        words=words,
        key="scoring.rfm",
        status=status,
        table=table,
        view=views.readable(view, words=words, names={"measure": "customer_profile.measure"}),
        chart=labelled.bars(
            drawn.select(name="name", value="share", label="label"),
            words=words,
            title=words("scoring.chart.of_members"),
            percent=True,
        ),
        sure=words(f"customer_profile.rfm.sure.{'frozen' if frozen else 'fresh'}"),
        do=words(f"customer_profile.rfm.do.{'worse' if kind == 'worse' else 'use'}"),
        row_key=("measure", "score"),
    )


def referral_worth(found: Referrals, *, words: Words, pseudonyms: pl.Series) -> Finding:
    """Say whether referred members spend more than others of the same quarter, within their interval.

    Parameters
    ----------
    pseudonyms : of `found.referrers`' customers, in their order.
    """
    form = words.format
    clear = math.isfinite(found.low_minor) and (found.low_minor > 0 or found.high_minor < 0)
    kind = "none" if not found.referred else "unclear" if not clear else "more" if found.low_minor > 0 else "less"
    values = {
        "referred": form.count(found.referred),
        "members": form.count(found.members),
        "share": form.share(found.referred / found.members if found.members else None),
        "mean": form.money(found.mean_referred_minor),
        "others": form.money(found.mean_others_minor),
        "difference": form.money(abs(found.difference_minor)),
        "low": form.money(found.low_minor),
        "high": form.money(found.high_minor),
        "referrers": form.count(found.referrers.height),
    }
    table = found.referrers.with_columns(customer_id=pseudonyms)
    return Finding.worded(
        "customer_profile.referrals",
        kind,
        values,
        words=words,
        key="scoring.referrals",
        status="none",
        table=table,
        view=views.readable(table, words=words) if table.height else None,
        seen=words(
            "customer_profile.referrals.seen" if found.referred else "customer_profile.referrals.seen_none", **values
        ),
        sure=words(
            "customer_profile.referrals.sure" if found.referred else "customer_profile.referrals.sure_none", **values
        ),
        do=words(f"customer_profile.referrals.do.{'thank' if found.referred else 'collect'}"),
        row_key=("customer_id",),
    )


def _warm(prospects: pl.DataFrame | None, words: Words) -> list[str]:
    if prospects is None or prospects.is_empty():
        return []
    count, best = words.format.count(prospects.height), words.format.count(int((prospects["grade"] == "A").sum()))
    return [words("customer_profile.grades.prospects", count=count, best=best)]


def _falls(values: list[int]) -> bool:
    return all(a >= b for a, b in pairwise(values))


def _per(row: dict[str, int], column: str) -> float | None:
    return row[column] / row["customers"] if row["customers"] else None


BUDGET_SHARE = {"A": 500, "B": 400, "C": 300, "D": 150, "E": 50}
"""Care budget per grade in basis points of its yearly margin; a proposal, to be set by the company."""


def _budget(row: dict[str, int]) -> int:
    return max(row["value_minor"], 0) * BUDGET_SHARE[str(row["grade"])] // 10_000


def _bounds(table: pl.DataFrame, words: Words) -> list[str]:
    """Where each class begins, in its own unit; an empty class has none."""
    form = words.format
    found = []
    for measure, bound in table.select("measure", "at_least").iter_rows():
        if bound is None:
            found.append(words("customer_profile.rfm.empty"))
        elif measure == "recency":
            found.append(words("customer_profile.rfm.within", days=form.count(-bound)))
        elif measure == "frequency":
            found.append(words("customer_profile.rfm.times", times=form.count(bound)))
        else:
            found.append(words("customer_profile.rfm.from", money=form.money(bound)))
    return found
