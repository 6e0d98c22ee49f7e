"""Member, product and store lists as the member system and head office export them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import exports, owners
from crmlib.simulate.draws import stream
from crmlib.simulate.goods import CHEAP, DEAR, Goods
from crmlib.simulate.members import GROUP_BUYER, STAFF, WHOLESALER, Members
from crmlib.simulate.receipts import card_numbers
from crmlib.simulate.shops import Shops
from crmlib.simulate.story import World
from crmlib.simulate.vocabulary import toml

PEOPLE = 91
"""Stage of the random stream of names and birthdays."""
PLACEHOLDER_SHARE = 0.06
"""Share of birthdays that are 1900-01-01, as a till's default."""
OTHER_PHONE_SHARE = 0.5
"""Share of second cards with another phone number than the person's first."""
AGE_YEARS = ((18, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 82))


def write(world: World, folder: Path, *, year: int) -> None:
    """Write members.csv.gz, products.xlsx and stores.xlsx."""
    exports.write_csv(member_list(world, year=year), folder / "members.csv.gz", table="members")
    exports.write_xlsx(product_list(world.goods), folder / "products.xlsx", table="products")
    store_list = world.shops.frame.with_columns(crs=pl.lit("GCJ02"))
    exports.write_xlsx(store_list, folder / "stores.xlsx", table="stores")


def product_list(goods: Goods) -> pl.DataFrame:
    """The product list, prices in yuan."""
    band = pl.when(pl.col("price") < CHEAP).then(pl.lit("low")).when(pl.col("price") < DEAR).then(pl.lit("mid"))
    return goods.frame.with_columns(
        list_price=pl.col("price") / 100,
        cost_price=pl.col("cost") / 100,
        flavour=pl.col("flavour_name"),
        price_band=band.otherwise(pl.lit("high")).replace_strict(toml("words")["price_band"]),
        is_gift=_yes(pl.col("is_gift")),
        is_service=_yes(pl.col("is_service")),
    )


def member_list(world: World, *, year: int) -> pl.DataFrame:
    """The member list with names, made-up numbers and consents, as it stands on the last day."""
    members, shops = world.members, world.shops
    n, words, rng = len(members.rate), toml("words"), stream(world.seed, PEOPLE)
    person = members.person
    family, given = words["person"]["family"], words["person"]["given"]
    first, second, third = (rng.integers(0, len(x), n)[person] for x in (family, given, given))
    short = (rng.random(n) < 0.3)[person]
    names = pl.DataFrame(
        {"a": _pick(list(family), first), "b": _pick(list(given), second), "c": _pick(list(given), third)}
    )
    low, high = np.array(AGE_YEARS).T
    born = year - rng.integers(low[members.age], high[members.age] + 1)
    birthday = (born - 1970) * 365 + (born - 1969) // 4 + rng.integers(0, 365, n)
    birthday = np.where(rng.random(n) < PLACEHOLDER_SHARE, -25567, birthday[person])
    born_on = pl.Series(birthday).cast(pl.Int32).cast(pl.Date)
    number = np.where(rng.random(n) < OTHER_PHONE_SHARE, np.arange(n), person)  # differs for second cards only
    phone = pl.Series(120_0000_0000 + (number * 7919) % 100_000_000).cast(pl.String)
    owner = owners.code(owners.number(world, np.arange(n), day=world.last_day))
    return pl.DataFrame(
        {
            "customer_id": card_numbers(pl.Series(np.arange(n))),
            "name": names.select(
                pl.when(pl.Series(short)).then(pl.col("a") + pl.col("b")).otherwise(pl.concat_str("a", "b", "c"))
            ).to_series(),
            "phone": phone,
            "email": pl.select(
                pl.when(pl.Series(rng.random(n) < 0.3)).then(pl.format("m{}@example.com", phone.str.slice(3)))
            ).to_series(),
            "birthday": born_on,
            "birth_month": born_on.dt.month(),
            "birth_day": born_on.dt.day(),
            "lunar": pl.Series(rng.random(n) < 0.12).cast(pl.Int8),
            "gender": _pick([words["gender"]["female"], words["gender"]["male"], None], members.gender),
            "age_band": _pick(words["age"]["bands"], members.age),
            "occupation": _pick(words["occupation"]["names"], members.occupation),
            "income_band": _pick(words["income"]["names"], members.income),
            "region": shops.frame["region"].gather(pl.Series(members.home)),
            "home_store": shops.frame["store_id"].gather(pl.Series(members.home)),
            "joined_on": pl.Series(members.joined).cast(pl.Int32).cast(pl.Date),
            "source": _sources(members, shops, rng),
            "referred_by": card_numbers(pl.Series(members.referrer)),
            "tags": _tags(members),
            "owner_staff": pl.select(pl.when(pl.Series(members.role != STAFF)).then(owner)).to_series(),
            "may_sms": _consent(rng, n, 0.72),
            "may_email": _consent(rng, n, 0.25),
            "may_call": _consent(rng, n, 0.48),
        }
    )


def _sources(members: Members, shops: Shops, rng: np.random.Generator) -> pl.Series:
    """Where the card was handed out; referrals and group buyers say so."""
    words = toml("words")["source"]
    kinds = ("store", "counter", "online", "event", "referral", "group")
    n = len(members.rate)
    usual = np.where(shops.own[members.home] == 1, 0, 1)
    drawn = np.where(rng.random(n) < 0.22, rng.choice([2, 3], n, p=[0.7, 0.3]), usual)
    drawn = np.where(members.referrer >= 0, 4, np.where(members.role == GROUP_BUYER, 5, drawn))
    return _pick([words[k] for k in kinds], drawn)


def _tags(members: Members) -> pl.Series:
    """What the member system itself knows about a card: the household; staff, group buyers, wholesalers."""
    words = toml("words")
    known = {
        STAFF: words["tag"]["staff"],
        GROUP_BUYER: words["tag"]["group_buyer"],
        WHOLESALER: words["tag"]["wholesale"],
    }
    special = pl.Series(members.role).replace_strict(known, default=None, return_dtype=pl.String)
    home = _pick(words["household"]["names"], members.household)
    return (
        pl.DataFrame({"special": special, "home": home})
        .select(pl.concat_str("special", "home", separator=";", ignore_nulls=True))
        .to_series()
    )


def _pick(values: list[str | None] | list[str], place: np.ndarray) -> pl.Series:
    return pl.Series(values, dtype=pl.String).gather(pl.Series(place.astype(np.int64)))


def _yes(flag: pl.Expr) -> pl.Expr:
    words = toml("words")["flag"]
    return flag.replace_strict({True: words["yes"], False: words["no"]}, return_dtype=pl.String)


def _consent(rng: np.random.Generator, n: int, share: float) -> pl.Series:
    return pl.select(_yes(pl.lit(pl.Series(rng.random(n) < share)))).to_series()
