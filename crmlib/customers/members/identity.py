"""One person, several cards: candidate merges with the reason, decided by people, reversible, counted.

Pairs are proposed where two cards share a phone, an e-mail, or a name with a birthday, and weighed field by field
(Fellegi & Sunter 1969): agreement on a value v counts m/u(v), u(v) being how common v is, disagreement
(1 − m)/(1 − u), a missing field nothing. The prior is one true partner among n cards. A value shared by many cards (a
shop's own phone number) proposes nothing. Names and phones are read here and never leave: results carry ids, the
names of the agreeing fields and a probability.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, as_text, to_polars

State = Literal["proposed", "accepted", "rejected", "undone"]

AGREE = {"phone": 0.95, "email": 0.90, "name": 0.97, "birthday": 0.95}
"""m: how often two cards of one person agree on the field, when both have it."""
BLOCKS = (("phone",), ("email",), ("name", "birthday"))
TOO_COMMON = 6
"""A value on more cards than this is a placeholder or a shop's own."""
SURE, LIKELY = 0.99, 0.5

DECISIONS: dict[str, pl.DataType | type[pl.DataType]] = {
    "keep_id": pl.String,
    "merge_id": pl.String,
    "reason": pl.String,
    "probability": pl.Float64,
    "state": pl.String,
    "by": pl.String,
    "at": pl.Datetime("us", "UTC"),
}


@dataclass(frozen=True, slots=True)
class Proposals:
    """Candidate merges.

    Parameters
    ----------
    pairs : keep_id, merge_id (the larger id), reason (agreeing fields joined by ``+``), against (fields that
        disagree), probability; likely pairs only, surest first.
    cards, in_pairs, sure, shared_values : cards looked at; cards in a likely pair; pairs at 99 % or more; values left
        out because too many cards share them.
    """

    pairs: pl.DataFrame
    cards: int
    in_pairs: int
    sure: int
    shared_values: int


def propose(people: AnyFrame, *, least: float = LIKELY) -> Proposals:
    """Propose cards that are one person.

    Parameters
    ----------
    people : customer_id, name, phone, email, birthday; one row per card.
    least : smallest probability listed.

    Examples
    --------
    >>> people = pl.DataFrame({"customer_id": ["1", "2", "3"], "name": ["Li Na", "Li Na", "Wu Bo"],
    ...     "phone": ["138", "138", "139"], "email": [None] * 3, "birthday": ["a", "a", "b"]}, strict=False)
    >>> propose(people).pairs.select("keep_id", "merge_id", "reason").rows()
    [('1', '2', 'phone+name+birthday')]
    """
    table = to_polars(people, needs=tuple(AGREE), name="people", key="customer_id").select("customer_id", *AGREE)
    table = table.filter(pl.col("customer_id").is_not_null())
    cards = table.with_columns(_clean(name, table.schema[name]) for name in AGREE)
    alike: dict[tuple[str, ...], pl.DataFrame] = {keys: _alike(cards, keys) for keys in BLOCKS}
    shared = sum(int((held["cards"] > TOO_COMMON).sum()) for keys, held in alike.items() if len(keys) == 1)
    pairs = _candidates(cards, alike)
    ids = pl.concat([pairs["keep_id"], pairs["merge_id"]]).unique()
    in_question = cards.filter(pl.col("customer_id").is_in(ids.implode()))
    known = {name: cards.height - cards[name].null_count() for name in AGREE}
    frequency = {name: _frequency(cards[name], in_question[name], known[name]) for name in AGREE}
    scored = _weigh(pairs, in_question, frequency, of=cards.height).filter(pl.col("probability") >= least)
    pairs = scored.sort("probability", "keep_id", "merge_id", descending=[True, False, False])
    return Proposals(
        pairs=pairs,
        cards=cards.height,
        in_pairs=pl.concat([pairs["keep_id"], pairs["merge_id"]]).n_unique() if pairs.height else 0,
        sure=int((pairs["probability"] >= SURE).sum()),
        shared_values=shared,
    )


def nobody() -> Proposals:
    """No proposals: where contact details are not connected."""
    text = pl.String
    empty = {"keep_id": text, "merge_id": text, "reason": text, "against": text, "probability": pl.Float64}
    return Proposals(pairs=pl.DataFrame(schema=empty), cards=0, in_pairs=0, sure=0, shared_values=0)


def decide(decisions: pl.DataFrame | None, pairs: pl.DataFrame, *, state: State, by: str, at: datetime) -> pl.DataFrame:
    """Write down what somebody decided about pairs; earlier lines stay, the latest one counts.

    Parameters
    ----------
    decisions : the table so far, or none.
    pairs : keep_id, merge_id, reason, probability.
    state : ``accepted``, ``rejected``, or ``undone`` (takes an accepted merge back).
    by, at : who and when.
    """
    lines = pairs.with_columns(state=pl.lit(state), by=pl.lit(by), at=pl.lit(at)).select(
        pl.col(name).cast(kind) for name, kind in DECISIONS.items()
    )
    return lines if decisions is None else pl.concat([decisions, lines])


def latest(decisions: pl.DataFrame) -> pl.DataFrame:
    """What counts of each pair: the line that was written last."""
    return decisions.group_by("keep_id", "merge_id", maintain_order=True).last()


def mapping(decisions: pl.DataFrame) -> pl.DataFrame:
    """Card → person after all decisions that still stand: customer_id, person_id (the smallest id of its cards).

    Merges are followed through (a–b and b–c make one person); cards in no standing merge are not listed.
    """
    standing = latest(decisions).filter(pl.col("state").cast(pl.String) == "accepted")
    root: dict[str, str] = {}
    for a, b in standing.select("keep_id", "merge_id").iter_rows():
        low, high = sorted((_root(root, a), _root(root, b)))
        root[high] = low
        root.setdefault(low, low)
    rows = sorted((card, _root(root, card)) for card in root)
    return pl.DataFrame(rows, schema={"customer_id": pl.String, "person_id": pl.String}, orient="row")


def apply(frame: AnyFrame, persons: pl.DataFrame, *, column: str = "customer_id") -> pl.DataFrame:
    """`frame` with cards replaced by persons; the input is not changed, so an undone merge is simply not applied.

    Raises
    ------
    ModelError
        `scoring.mapping_not_unique` if a card belongs to two persons.
    """
    twice = int(persons["customer_id"].is_duplicated().sum())
    if twice:
        raise ModelError("scoring.mapping_not_unique", values={"rows": twice})
    table = to_polars(frame, needs=(column,), name="frame")
    known = persons.select(pl.col("customer_id").alias(column), "person_id")
    joined = table.join(known, on=column, how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce("person_id", column).alias(column)).drop("person_id")


def _clean(name: str, kind: pl.DataType) -> pl.Expr:
    text = as_text(name, kind).str.strip_chars().str.to_lowercase()
    bare = text.str.replace_all(r"[\s\-()+]", "") if name == "phone" else text
    return pl.when(bare != "").then(bare).alias(name)


def _frequency(values: pl.Series, asked: pl.Series, known: int) -> pl.DataFrame:
    """How common the values asked for are among those that are known."""
    name = values.name
    found = values.filter(values.is_in(asked.drop_nulls().unique().implode())).to_frame()
    return found.group_by(name).agg((pl.len() / max(known, 1)).alias(f"u_{name}"))


def _alike(cards: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """The values of a blocking key that several cards have, with how many."""
    told = cards.lazy().filter(pl.all_horizontal(pl.col(k).is_not_null() for k in keys)).select(keys)
    return told.group_by(keys).agg(cards=pl.len()).filter(pl.col("cards") > 1).collect()


def _candidates(cards: pl.DataFrame, alike: dict[tuple[str, ...], pl.DataFrame]) -> pl.DataFrame:
    """Pairs that share a blocking key on few enough cards: keep_id, merge_id."""
    found = []
    for keys, several in alike.items():
        few = several.filter(pl.col("cards") <= TOO_COMMON)
        one = cards.select("customer_id", *keys).join(few, on=keys, how="semi")
        both = one.join(one.rename({"customer_id": "merge_id"}), on=keys)
        found.append(both.filter(pl.col("customer_id") < pl.col("merge_id")).select("customer_id", "merge_id"))
    return pl.concat(found).unique().rename({"customer_id": "keep_id"})


def _weigh(pairs: pl.DataFrame, cards: pl.DataFrame, frequency: dict[str, pl.DataFrame], *, of: int) -> pl.DataFrame:
    """Reason, what speaks against, and the probability of each pair among `of` cards."""
    other = cards.rename({name: f"{name}_2" for name in AGREE})
    wide = pairs.join(cards, left_on="keep_id", right_on="customer_id", how="left").join(
        other, left_on="merge_id", right_on="customer_id", how="left"
    )
    for name in AGREE:
        wide = wide.join(frequency[name].select(name, f"u_{name}"), on=name, how="left")
    odds = pl.lit(1.0 / max(of - 1, 1))
    agreeing, disagreeing = [], []
    for name, m in AGREE.items():
        same, u = pl.col(name) == pl.col(f"{name}_2"), pl.col(f"u_{name}")
        ratio = pl.when(same).then(m / u).otherwise((1 - m) / (1 - u).clip(lower_bound=1e-9))
        odds = odds * ratio.fill_null(1.0)
        agreeing.append(pl.when(same).then(pl.lit(name)))
        disagreeing.append(pl.when(~same).then(pl.lit(name)))
    return wide.select(
        "keep_id",
        "merge_id",
        reason=pl.concat_str(agreeing, separator="+", ignore_nulls=True),
        against=pl.concat_str(disagreeing, separator="+", ignore_nulls=True),
        probability=odds / (1 + odds),
    )


def _root(root: dict[str, str], card: str) -> str:
    while root.get(card, card) != card:
        card = root[card]
    return card
