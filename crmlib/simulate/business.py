"""What the sales office knows of its business customers: industry, size, people, talks, and what they need when.

A group buyer names a need before a festival; where it was invoiced in the weeks before that festival the need was won
with that amount, else lost. The next Spring Festival's needs are open, and the truth says what becomes of each. Three
partners have not been talked to for months.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.core.calendar import festival_day
from crmlib.simulate import exports, offices
from crmlib.simulate.draws import stream
from crmlib.simulate.members import GROUP_BUYER
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

FILE, BOOK = 280, 281
"""Streams of the partners' file, and of talks and needs."""
PEOPLE = {"distributor": (2.6, 0.5), "key_account": (6.2, 0.4), "group_buyer": (6.0, 0.9)}
"""Mean and spread of the logarithm of how many work there."""
GAP, SILENT, QUIET_SINCE = 26.0, (3, 17, 24), 125
"""Days between two talks; numbers of the partners nobody talks to any more, and since how many days."""
NAMED, WON_AHEAD, SAID = 0.85, 0.55, 0.22
"""Share of festivals for which a need is named; share of open needs that will be won; spread of a said budget."""
SEEN, LAST = 63, 3
"""An order of a need comes from so many days before its festival to so many before."""
NOTED = (66, 150)
"""A need is named so many days before its festival."""
PURPOSES = (("gift", 0.3), ("benefit", 0.6), ("meeting", 0.1))


def traits(world: World, partners: pl.DataFrame) -> pl.DataFrame:
    """partner_id with industry, people_count and, of group buyers, the card they use at the till.

    Parameters
    ----------
    partners : partner_id, kind, region.
    """
    rng, words = stream(world.seed, FILE), toml("business")["words"]
    kinds = partners["kind"].to_list()
    industry = [words["industry"][k][int(rng.integers(0, len(words["industry"][k])))] for k in kinds]
    size = [int(np.ceil(rng.lognormal(*PEOPLE[k]))) for k in kinds]
    cards = np.flatnonzero(world.members.role == GROUP_BUYER)
    home = world.shops.frame["region"].gather(pl.Series(world.members.home[cards])).to_list()
    free = {region: [int(c) for c, r in zip(cards, home, strict=True) if r == region] for region in set(home)}
    own = [
        free[region].pop(0) if kind == "group_buyer" and free.get(region) else None
        for kind, region in zip(kinds, partners["region"], strict=True)
    ]
    numbers = card_numbers(pl.Series([c or 0 for c in own], dtype=pl.Int64))
    card = [n if c is not None else None for n, c in zip(numbers, own, strict=True)]
    return partners.select("partner_id").with_columns(
        customer_id=pl.Series(card, dtype=pl.String), industry=pl.Series(industry), people_count=pl.Series(size)
    )


def write(world: World, folder: Path) -> None:
    """Write partner_people, partner_talks, partner_needs and the truth of open needs."""
    rng = stream(world.seed, BOOK)
    partners = exports.read_csv(folder / "partners.csv.gz", table="partners")
    kinds = {word: kind for kind, word in toml("words")["partner"]["type"].items()}
    partners = partners.with_columns(pl.col("kind").replace_strict(kinds))
    exports.write_csv(_people(partners, rng), folder / "partner_people.csv.gz", table="partner_people")
    exports.write_csv(_talks(world, partners, rng), folder / "partner_talks.csv.gz", table="partner_talks")
    needs, truth = _needs(world, partners, folder, rng)
    exports.write_csv(needs, folder / "partner_needs.csv.gz", table="partner_needs")
    truth.write_parquet(folder / "truth" / "business.parquet", compression="zstd")


def _people(partners: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """One to three people of each partner; their numbers begin with 12, which no mobile number does."""
    roles, rows = toml("business")["words"]["role"], list[tuple[str, int, str, str]]()
    for partner, kind in partners.select("partner_id", "kind").iter_rows():
        count = int(rng.integers(1, 4))
        rows += [(partner, k + 1, roles[kind][k], f"12{int(rng.integers(0, 10**9)):09d}") for k in range(count)]
    made = pl.DataFrame(rows, schema=["partner_id", "person_no", "role", "phone"], orient="row")
    return made.with_columns(name=pl.Series(offices.names(made.height, skip=700)))


def _talks(world: World, partners: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Talks of the last year."""
    words, rows = toml("business")["words"], list[tuple[object, ...]]()
    purposes = list(words["talk"])
    for number, (partner, owner) in enumerate(partners.select("partner_id", "owner_staff").iter_rows()):
        until = world.last_day - (QUIET_SINCE if number in SILENT else 0)
        day = world.last_day - 365 + float(rng.exponential(GAP))
        while day <= until:
            purpose = purposes[int(rng.integers(0, len(purposes)))]
            note = words["notes"][purpose][int(rng.integers(0, 3))]
            ahead = int(rng.integers(7, 30)) if rng.random() < 0.4 else None
            minute = int(rng.integers(9 * 60, 18 * 60))
            channel = words["channel"][int(rng.integers(0, 3))]
            rows.append((partner, int(day), minute, owner, channel, words["talk"][purpose], note, ahead))
            day += float(rng.exponential(GAP)) + 1
    columns = ["partner_id", "day", "minute", "staff_id", "channel", "purpose", "note", "ahead"]
    made = pl.DataFrame(rows, schema=columns, orient="row").sort("day", "minute", "partner_id")
    clock = pl.col("minute").cast(pl.Int64).mul(60_000_000_000).cast(pl.Time).cast(pl.String).str.slice(0, 5)
    return made.with_row_index("number", offset=1).with_columns(
        talk_id=pl.format("GT{}", pl.col("number").cast(pl.String).str.zfill(4)),
        at=pl.format("{} {}", _date("day"), clock), next_on=_date(pl.col("day") + pl.col("ahead")),
    )  # fmt: skip


def _needs(
    world: World, partners: pl.DataFrame, folder: Path, rng: np.random.Generator
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Needs of group buyers by festival, and what becomes of the open ones."""
    words = toml("business")["words"]
    owed = exports.read_csv(folder / "invoices.csv.gz", table="invoices").select(
        "partner_id", day=pl.col("issued_on").str.to_date(), amount=pl.col("amount").cast(pl.Float64)
    )
    usually = dict(owed.group_by("partner_id").agg(pl.col("amount").mean()).iter_rows())
    last, names, weights = EPOCH + timedelta(days=world.last_day), [p for p, _ in PURPOSES], [w for _, w in PURPOSES]
    buyers = partners.filter(pl.col("kind") == "group_buyer")
    rows, truth = list[dict[str, object]](), list[dict[str, object]]()
    for season, year, on in _festivals(world):
        for row in buyers.iter_rows(named=True):
            u, spread, people_share = rng.random(), float(rng.lognormal(0, SAID)), float(rng.uniform(0.3, 1.0))
            noted = on - timedelta(days=int(rng.integers(*NOTED)))
            lot, reason = rng.random(), words["lost"][int(rng.integers(0, len(words["lost"])))]
            purpose = names[int(rng.choice(len(names), p=weights))]
            if u > NAMED or noted > last:
                continue
            within = pl.col("day").is_between(on - timedelta(days=SEEN), on - timedelta(days=LAST))
            mine = owed.filter(pl.col("partner_id") == row["partner_id"], within, pl.col("amount") > 0)
            ordered, usual = float(mine["amount"].sum()), float(usually.get(row["partner_id"], 0.0))
            people = max(8, round(int(row["people_count"]) * people_share))
            is_open = on - timedelta(days=LAST) > last
            budget = (ordered or usual) * spread
            rows.append({
                "partner_id": row["partner_id"], "season": words["season"][season], "season_year": year,
                "purpose": words["purpose"][purpose], "people": people, "budget": float(round(budget, -2)),
                "noted_on": noted, "decided_by": on - timedelta(days=20), "staff_id": row["owner_staff"],
                "state": words["state"]["open" if is_open else "won" if ordered else "lost"],
                "ordered": ordered or None, "lost_reason": None if ordered or is_open else reason,
            })  # fmt: skip
            if is_open:
                truth.append({"at": len(rows), "won": bool(lot < WON_AHEAD), "ordered": budget / spread})
    made = pl.DataFrame(rows, infer_schema_length=None).with_row_index("number", offset=1)
    made = made.with_columns(need_id=pl.format("XQ{}", pl.col("number").cast(pl.String).str.zfill(4)))
    kinds = {"at": pl.UInt32, "won": pl.Boolean, "ordered": pl.Float64}
    fate = pl.DataFrame(truth, schema=kinds).join(made.select("need_id", at="number"), on="at")
    won = pl.when("won").then((pl.col("ordered") * 100).round().cast(pl.Int64)).otherwise(0)
    return made, fate.select("need_id", "won", ordered_minor=won)


def _festivals(world: World) -> list[tuple[str, int, date]]:
    """Festivals whose needs may have been named by the last day: season, year, day."""
    first, last = (EPOCH + timedelta(days=d) for d in (world.first_day, world.last_day))
    found = [
        (season, year, festival_day(season, year))
        for year in range(first.year, last.year + 2)
        for season in ("spring_festival", "dragon_boat", "mid_autumn")
    ]
    return [one for one in found if first + timedelta(days=SEEN) < one[2] < last + timedelta(days=NOTED[1])]


def _date(day: str | pl.Expr) -> pl.Expr:
    column = pl.col(day) if isinstance(day, str) else day
    return column.cast(pl.Int32).cast(pl.Date)
