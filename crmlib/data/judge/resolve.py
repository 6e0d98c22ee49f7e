"""Which rows are new, which correct an earlier one, which came before, and which break a rule.

Files and sheets are taken as if they were ingested one after another, in order, so that one large ingest and many
small ones leave the same lake.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import polars as pl

from crmlib.core.contracts import Contract
from crmlib.data.judge.mapping import EXCLUDED, REPEAT, RULE, VALUE
from crmlib.data.result import RULES_SCHEMA

PART = "__part"
ROUND = "__round"
ORDINAL = "__ordinal"
KIND = "__kind"
LIKE = "__like"
THERE = "__there"
PROVENANCE = frozenset({"src_name", "src_file", "src_line", "known_at"})

KEPT, REPLACED, DUPLICATE, CONFLICT = "kept", "replaced", "duplicate", "conflict"
QUARANTINED, EXCLUDED_KIND = "quarantined", "excluded"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the rows of a batch.

    Parameters
    ----------
    store : rows that go into the table, in the contract's columns.
    apart : every other row with KIND, RULE, VALUE, LIKE and its place in the source.
    remove : rows of the lake that give way, in the contract's columns.
    counts : rows by kind, kept and replaced ones included.
    withdrawn : rows that gave way without a successor: lines that a receipt's new version no longer has.
    """

    store: pl.DataFrame
    apart: pl.DataFrame
    remove: pl.DataFrame
    counts: dict[str, int]
    withdrawn: int


def with_keys(frame: pl.DataFrame, contract: Contract, *, name: str, numbered: bool) -> pl.DataFrame:
    """Give receipt lines their `line_id`: the source's own number, or the ordinal within receipt and file or sheet."""
    if contract.key != ("line_id",):
        return frame
    if numbered:
        return frame.with_columns(line_id=pl.concat_str(pl.lit(f"{name}/"), "line_id"))
    frame = frame.with_columns(_ordinal(frame))
    return frame.with_columns(line_id=pl.concat_str(pl.lit(f"{name}/"), "receipt_id", pl.lit("/"), ORDINAL))


def _ordinal(frame: pl.DataFrame) -> pl.Series:
    """Number of each line within its receipt and file or sheet, from 1, as they stand."""
    unit, at = [PART, "receipt_id"], pl.int_range(pl.len(), dtype=pl.Int64)
    begins = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in unit) | (at == 0)
    rows = frame.select(*unit, begins.alias("__begins"))
    numbered = rows.select((at - pl.when("__begins").then(at).forward_fill() + 1).alias(ORDINAL)).to_series()
    heads = rows.filter("__begins").select(unit)
    apart = heads.filter(heads["receipt_id"].hash().is_duplicated())  # of few others, too: these are looked at below
    apart = apart.filter(apart.is_duplicated()).unique()
    if apart.is_empty():
        return numbered
    # the few receipts whose lines do not all stand together
    few = rows.with_row_index("__at").join(apart, on=unit, how="semi", nulls_equal=True, maintain_order="left")
    counted = few.select(pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(unit)).to_series()
    return numbered.scatter(few["__at"], counted)


def first_verdicts(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Set apart what needs no look at the lake: repeats across sheets, exclusions, unreadable cells, repeated keys."""
    if all(frame[c].null_count() == frame.height for c in (REPEAT, EXCLUDED, RULE)):  # nothing to set apart
        none = pl.lit(None, dtype=pl.String)
        return _keys_once(frame.with_columns(none.alias(c) for c in (LIKE, KIND, RULE, VALUE)), contract)
    place = pl.concat_str("src_file", pl.lit(":"), "src_line")
    repeat = pl.lit(False)  # noqa: FBT003
    if frame[REPEAT].null_count() < frame.height:
        frame = frame.with_columns(pl.int_range(pl.len()).over(PART, REPEAT).alias("__k"))
        repeat = pl.col(PART) > pl.col(PART).min().over(REPEAT, "__k")
    like = place.first().over(REPEAT, "__k") if "__k" in frame.columns else pl.lit(None, dtype=pl.String)
    frame = frame.with_columns(repeat.alias("__repeated"), like.alias(LIKE))
    kind = (
        pl.when("__repeated")
        .then(pl.lit(DUPLICATE))
        .when(pl.col(EXCLUDED).is_not_null())
        .then(pl.lit(EXCLUDED_KIND))
        .when(pl.col(RULE).is_not_null())
        .then(pl.lit(QUARANTINED))
    )
    frame = frame.with_columns(kind.alias(KIND))
    frame = frame.with_columns(
        pl.when(pl.col(KIND) == EXCLUDED_KIND)
        .then(EXCLUDED)
        .when(pl.col(KIND) == DUPLICATE)
        .then(pl.lit("repeat_of"))
        .otherwise(RULE)
        .alias(RULE),
        pl.when(pl.col(KIND) == QUARANTINED).then(VALUE).alias(VALUE),
        pl.when(pl.col(KIND) == DUPLICATE).then(LIKE).alias(LIKE),
    )
    return _keys_once(frame, contract).drop("__repeated", "__k", strict=False)


def _keys_once(frame: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """Within one file or sheet the first row of a key stays; the others are duplicates, or conflicts.

    A conflict says something else of the same key than the first row does.
    """
    if ORDINAL in frame.columns and frame["receipt_id"].null_count() == 0:
        return frame  # numbered within their receipt and file: each key is one row's
    place = pl.concat_str("src_file", pl.lit(":"), "src_line")
    key = [PART, *contract.key]
    content = [c for c in contract.columns if c not in PROVENANCE and c not in contract.key]
    alive = frame.select("src_file", "src_line", *key, *content, KIND).filter(pl.col(KIND).is_null())
    of_key = alive.filter(alive[contract.key[-1]].is_duplicated())  # one column is quickly looked through
    of_key = of_key.filter(of_key.select(key).is_duplicated())
    if of_key.is_empty():
        return frame
    firsts = of_key.unique(key, keep="first", maintain_order=True)
    firsts = firsts.select(*key, place.alias("__first"), *(pl.col(c).alias(f"__first_{c}") for c in content))
    again = of_key.join(firsts, on=key, how="left", nulls_equal=True, maintain_order="left")
    again = again.filter(place != pl.col("__first"))
    other = pl.any_horizontal([pl.col(c).ne_missing(pl.col(f"__first_{c}")) for c in content])
    again = again.with_columns(other.alias("__other"))
    frame = frame.join(
        again.select("src_file", "src_line", "__first", "__other"),
        on=["src_file", "src_line"],
        how="left",
        maintain_order="left",
    )
    hit = pl.col("__first").is_not_null() & pl.col(KIND).is_null()
    return frame.with_columns(
        pl.when(hit & pl.col("__other"))
        .then(pl.lit(CONFLICT))
        .when(hit)
        .then(pl.lit(DUPLICATE))
        .otherwise(KIND)
        .alias(KIND),
        pl.when(hit).then(pl.lit("key")).otherwise(RULE).alias(RULE),
        pl.when(hit).then("__first").otherwise(LIKE).alias(LIKE),
    ).drop("__first", "__other")


def check_rules(rows: pl.DataFrame, contract: Contract) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that keep the contract, and the others with the rule they break first, its value, and `__rules`, all."""
    _, failure = contract.schema.filter(rows.lazy().select(contract.columns))
    counts = failure.counts()
    if not counts:
        return rows, rows.clear().with_columns(pl.lit(None, dtype=pl.String).alias("__rules"))
    details = failure.details()
    broken = [pl.when(pl.col(rule) == "invalid").then(pl.lit(rule)) for rule in counts]
    first = pl.coalesce(*broken)
    values = [
        pl.when(first == rule).then(pl.col(rule.split("|")[0]).cast(pl.String, strict=False))
        for rule in counts
        if "|" in rule and not details.schema[rule.split("|")[0]].is_nested()
    ]
    bad = details.select(
        "src_file",
        "src_line",
        first.alias(RULE),
        (pl.coalesce(*values) if values else pl.lit(None, dtype=pl.String)).alias(VALUE),
        pl.concat_str(broken, separator=", ", ignore_nulls=True).alias("__rules"),
    )
    # lines of these numbers, of whatever file, are few: only they are looked for by file and line
    suspect = rows["src_line"].is_in(bad["src_line"].implode())
    few = rows.select("src_file", "src_line").with_row_index("__at").filter(suspect)
    at = few.join(bad, on=["src_file", "src_line"], how="semi")["__at"]
    told = rows[at].drop(RULE, VALUE).join(bad, on=["src_file", "src_line"], maintain_order="left")
    return rows.filter(~pl.int_range(rows.height, eager=True).is_in(at.implode())), told


def resolve(frame: pl.DataFrame, old: pl.DataFrame, contract: Contract, *, whole_parts: set[int]) -> Verdict:
    """Judge the rows that are still open against the lake's rows `old`, round by round.

    `whole_parts` are files or sheets without torn lines: only there does a shorter receipt mean withdrawn lines.
    """
    key, columns = list(contract.key), list(contract.columns)
    judgement = _judgement(frame)
    settled = frame.filter(pl.col(KIND).is_not_null()).with_columns(pl.col(RULE).alias("__rules"))
    apart = [settled.select(judgement)]
    open_rows = frame.filter(pl.col(KIND).is_null()) if settled.height else frame
    unit = "receipt_id" if ORDINAL in frame.columns else None
    del frame  # each step below may copy what is left: none of them holds what it was copied from
    now_there, remove, pending = old.select(columns), [old.select(columns).clear()], old.select(columns).clear()
    counts, withdrawn = Counter[str](), 0
    rounds = _rounds(open_rows, [unit] if unit else key)
    # a later round asks only for what comes again in it
    again = pl.concat([rows.select(unit or key) for rows in rounds[1:] or [open_rows.clear()]]).unique()
    del open_rows
    while rounds:
        rows = rounds.pop(0)
        ends = rows.select(PART, "receipt_id", ORDINAL) if unit and now_there.height else None
        good, bad = check_rules(rows, contract)
        del rows
        verdicts = _compare(good, now_there, contract)
        del good
        counts.update(dict(verdicts.group_by(KIND).len().iter_rows()))
        known = verdicts.filter(pl.col(KIND) == DUPLICATE)
        fresh = verdicts.filter(pl.col(KIND) != DUPLICATE) if known.height else verdicts
        del verdicts
        apart += [known.select(judgement), bad.with_columns(pl.lit(QUARANTINED).alias(KIND)).select(judgement)]
        gone = now_there.clear() if ends is None else _gone(ends, now_there, whole_parts)
        withdrawn += gone.height
        if now_there.height:
            leaving = pl.concat([fresh.select(key), gone.select(key)])
            leaving = leaving.filter(leaving[key[0]].is_in(now_there[key[0]].implode()))  # few of many
            remove.append(now_there.join(leaving, on=key, how="semi"))
            pending = pending.join(leaving, on=key, how="anti")
            now_there = now_there.join(leaving, on=key, how="anti")
        pending = pl.concat([pending, fresh.select(columns)])
        now_there = pl.concat([now_there, fresh.select(columns)])
        now_there = now_there.join(again, on=unit or key, how="semi") if again.height else now_there.clear()
    taken = pl.concat(remove).join(old.select(key), on=key, how="semi").unique(key, maintain_order=True)
    judged = pl.concat(apart).sort("src_file", "src_line")
    counts.update(dict(judged.filter(pl.col(KIND) != DUPLICATE).group_by(KIND).len().iter_rows()))
    counts[DUPLICATE] = judged.filter(pl.col(KIND) == DUPLICATE).height
    return Verdict(pending, judged, taken, dict(counts), withdrawn)


def rules_of(apart: pl.DataFrame) -> pl.DataFrame:
    """Kind, rule, rows and money of the rows set apart, the most frequent rules of a kind first."""
    money = pl.col("net_minor").sum() if "net_minor" in apart.columns else pl.lit(None, dtype=pl.Int64)
    rules = apart.group_by(pl.col(KIND).alias("kind"), pl.col(RULE).alias("rule")).agg(
        pl.len().alias("rows"), money.alias("net_minor")
    )
    return rules.sort("kind", "rows", "rule", descending=[False, True, False]).cast(RULES_SCHEMA)


def _judgement(frame: pl.DataFrame) -> list[str]:
    money = ["net_minor"] if "net_minor" in frame.columns else []
    return ["src_file", "src_line", KIND, RULE, VALUE, "__rules", LIKE, *money]


def _rounds(rows: pl.DataFrame, unit: list[str]) -> list[pl.DataFrame]:
    """The rows in rounds: how many earlier files or sheets hold the same receipt or key."""
    if rows[PART].n_unique() < 2:
        return [rows]
    where = [*unit, PART]
    begins = pl.any_horizontal(pl.col(c).ne_missing(pl.col(c).shift()) for c in where)
    heads = rows.select(where).filter(begins | (pl.int_range(pl.len()) == 0))
    pairs = heads.filter(heads.select(unit).is_duplicated()).unique(maintain_order=True)
    pairs = pairs.filter(pairs.select(unit).is_duplicated()).sort(PART, maintain_order=True)
    if pairs.is_empty():
        return [rows]
    pairs = pairs.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).over(unit).alias(ROUND)).filter(pl.col(ROUND) > 0)
    few = rows.select(where).with_row_index("__at").join(pairs, on=where, nulls_equal=True, maintain_order="left")
    later = rows[few["__at"]].with_columns(few[ROUND]).sort(ROUND, maintain_order=True)
    first = rows.filter(~pl.int_range(rows.height, eager=True).is_in(few["__at"].implode()))
    return [first.with_columns(pl.lit(0, dtype=pl.Int64).alias(ROUND)), *later.partition_by(ROUND, maintain_order=True)]


def _compare(rows: pl.DataFrame, old: pl.DataFrame, contract: Contract) -> pl.DataFrame:
    """KIND of rows that keep the contract: new, another value for a known key, or nothing new."""
    rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias("__rules"))
    if old.is_empty():
        return rows.with_columns(pl.lit(KEPT).alias(KIND))
    key = list(contract.key)
    content = [c for c in contract.columns if c not in PROVENANCE and c not in key]
    place = pl.concat_str("src_file", pl.lit(":"), "src_line").alias(LIKE)
    known = old.select(*key, place, *(pl.col(c).alias(f"__old_{c}") for c in content), pl.lit(1).alias(THERE))
    asked = rows[key[0]].is_in(old[key[0]].implode())  # few of many
    both = rows.filter(asked).drop(LIKE).join(known, on=key, how="left", maintain_order="left")
    same = pl.all_horizontal([pl.col(c).eq_missing(pl.col(f"__old_{c}")) for c in content])
    kind = pl.when(pl.col(THERE).is_null()).then(pl.lit(KEPT)).when(same).then(pl.lit(DUPLICATE))
    both = both.with_columns(kind.otherwise(pl.lit(REPLACED)).alias(KIND))
    rule = pl.when(pl.col(KIND) == DUPLICATE).then(pl.lit("known")).otherwise(RULE).alias(RULE)
    told, at = both.with_columns(rule), asked.arg_true()
    rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias(LIKE), pl.lit(KEPT).alias(KIND))
    return rows.with_columns(rows[c].scatter(at, told[c]) for c in (LIKE, KIND, RULE))


def _gone(rows: pl.DataFrame, old: pl.DataFrame, whole_parts: set[int]) -> pl.DataFrame:
    """Lines of `old` beyond the end of their receipt's new version."""
    ends = rows.filter(pl.col(PART).is_in(list(whole_parts))).group_by("receipt_id").agg(pl.col(ORDINAL).max())
    numbered = old.join(ends, on="receipt_id", how="inner")
    ordinal = pl.col("line_id").str.extract(r"/(\d+)$").cast(pl.Int64)
    return numbered.filter(ordinal > pl.col(ORDINAL)).select(old.columns)
