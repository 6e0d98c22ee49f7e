"""Receipt lines as the tills write them: numbers, clocks and words of the two systems, one file per quarter."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.simulate import dirt, exports
from crmlib.simulate.baskets import line_total, unit_costs
from crmlib.simulate.goods import Goods
from crmlib.simulate.season import EPOCH
from crmlib.simulate.shops import Shops
from crmlib.simulate.vocabulary import toml

UNCOSTED = 37
"""One product in so many has no cost in the counters' system."""
ONLINE_PERCENT = 7
"""Members' visits in a hundred that are orders in the app, fetched in the store."""
TENDERS = ("wallet", "cash", "card", "stored", "coupon", "points", "mixed")
TENDER_SHARES = (0.70, 0.12, 0.06, 0.05, 0.03, 0.02, 0.02)


@dataclass(slots=True)
class Book:
    """Where lines go; it remembers what has been written, to open, resend and close files.

    Attributes
    ----------
    bulk : members who order by telephone, group buyers and wholesalers.
    tails : last receipts written by each system.
    open_files : the file each system writes to.
    dirt : kind of dirt and count of lines, by file.
    since, paid : from this day on, what was paid for each receipt: receipt_id, store, day, second, tender (as
        exported), net_minor.
    """

    folder: Path
    shops: Shops
    goods: Goods
    rise_day: int
    promotion_ids: tuple[str, ...]
    bulk: pl.Series
    tails: dict[str, pl.DataFrame] = field(default_factory=dict)
    open_files: dict[str, Path] = field(default_factory=dict)
    dirt: list[tuple[str, str, int]] = field(default_factory=list)
    since: int = 0
    paid: list[pl.DataFrame] = field(default_factory=list)


def quarter(day: int) -> str:
    """Label of the quarter a day number lies in, e.g. ``2026Q1``."""
    date = EPOCH + timedelta(days=day)
    return f"{date.year}Q{(date.month + 2) // 3}"


def write(book: Book, lines: pl.DataFrame, *, rng: np.random.Generator) -> None:
    """Append lines of whole days of one quarter to the files of both systems."""
    if not lines.height:
        return
    coded = _coded(book, lines)
    book.paid.append(_paid(coded.filter(pl.col("day") >= book.since)))
    label = quarter(int(lines["day"][0]))
    for system in exports.SYSTEMS:
        mine = coded.filter(pl.col("own") == system.own)
        mine = mine.with_columns(pl.col("sold_at").dt.strftime(system.clock))
        path = book.folder / f"{system.key}_{label}.csv.gz"
        opens = book.open_files.get(system.key) != path
        if opens:
            close(book, system)
            book.open_files[system.key] = path
        soiled = dirt.soil(mine, book.tails.get(system.key) if opens else None, own=system.own == 1, rng=rng)
        _append(soiled.main, path, system)
        if soiled.fix.height:
            _append(soiled.fix, book.folder / f"{system.key}_fix_{label[:4]}.csv.gz", system)
        book.dirt += [(path.name, kind, count) for kind, count in soiled.counts.items()]
        book.tails[system.key] = dirt.last_receipts(soiled.main)


def _paid(coded: pl.DataFrame) -> pl.DataFrame:
    return coded.group_by("receipt_id", "store", "day", "tender", maintain_order=True).agg(
        pl.col("second").first(), pl.col("net_minor").sum()
    )


def close(book: Book, system: exports.System) -> None:
    """Put the totals row under the file that is open, where the system writes one."""
    path = book.open_files.get(system.key)
    if path is not None and system.totals:
        fields = len(exports.headers(system.key))
        exports.append_text(toml("words")["total"] + "," * (fields - 1), path, encoding=system.encoding)
        book.dirt.append((path.name, "total", 1))


def _append(rows: pl.DataFrame, path: Path, system: exports.System) -> None:
    named = exports.headers(system.key)
    torn = rows["torn"] if "torn" in rows.columns else None
    exports.append_csv(
        rows.select(pl.col(k).alias(v) for k, v in named.items()), path, encoding=system.encoding, torn=torn
    )


def _coded(book: Book, lines: pl.DataFrame) -> pl.DataFrame:
    """Indices become codes, fen become yuan, seconds become clock times; sorted as the tills wrote them."""
    ids = {
        "store_id": book.shops.frame["store_id"],
        "product_id": book.goods.frame["product_id"],
        "unit": book.goods.frame["unit"],
    }
    own = book.shops.own[lines["store"].to_numpy()]
    cost = line_costs(book.goods, lines, rise_day=book.rise_day)
    product = lines["product"].to_numpy()
    known = ~((own == 0) & (product % UNCOSTED == 5))
    lines = lines.with_columns(
        own=pl.Series(own), cost_minor=cost.zip_with(pl.Series(known), pl.Series([None], dtype=pl.Int64))
    ).sort("day", "store", "second", "trip", maintain_order=True)
    number = (pl.col("trip") != pl.col("trip").shift(1)).fill_null(value=True).cum_sum().over("day", "store")
    lines = lines.with_columns(number=number)
    place = {name: lines["store" if name == "store_id" else "product"] for name in ids}
    lines = lines.with_columns(**{name: values.gather(place[name]) for name, values in ids.items()})
    date = pl.col("day").cast(pl.Int32).cast(pl.Date)
    return lines.with_columns(
        receipt_id=pl.format(
            "{}{}{}", "store_id", date.dt.strftime("%y%m%d"), pl.col("number").cast(pl.String).str.zfill(4)
        ),
        sold_at=date.cast(pl.Datetime("us")) + pl.duration(seconds="second"),
        customer_id=card_numbers(lines["member"]),
        quantity=_plain(pl.col("milli"), 1000),
        list_amount=_plain(pl.col("list_minor"), 100),
        net_amount=_plain(pl.col("net_minor"), 100),
        cost_amount=_plain(pl.col("cost_minor"), 100),
        promotion_id=promotion_codes(book.promotion_ids, lines["event"]),
        known_at=date.dt.strftime("%Y-%m-%d 23:30"),
        tender=_tenders(lines),
        channel=_channels(lines, book.bulk),
        staff_id=staff_codes(pl.col("store"), pl.col("day"), pl.col("second")),
    )


def line_costs(goods: Goods, lines: pl.DataFrame, *, rise_day: int) -> pl.Series:
    """True cost of each line [fen]."""
    unit = unit_costs(goods, lines["product"].to_numpy(), lines["day"].to_numpy(), rise_day=rise_day)
    return pl.Series(line_total(unit, lines["milli"].to_numpy()), dtype=pl.Int64)


def open_points(path: Path) -> None:
    """Begin the points account's export with its header."""
    exports.append_text(",".join(exports.headers("points").values()), path, encoding="utf-8")


def write_points(entries: pl.DataFrame, path: Path) -> None:
    """Append a month's entries to the points account's export."""
    date = pl.col("day").cast(pl.Int32).cast(pl.Date)
    coded = entries.with_columns(
        entry_id=pl.format("{}-{}", date.dt.strftime("%y%m"), pl.int_range(pl.len()) + 1),
        customer_id=card_numbers(entries["member"]),
        at=date.dt.strftime("%Y-%m-%d 23:00"),
        kind=pl.col("kind").replace_strict(toml("words")["points_kind"]),
        cost=_plain(pl.col("cost_minor"), 100),
    )
    named = exports.headers("points")
    exports.append_csv(coded.select(pl.col(k).alias(v) for k, v in named.items()), path, encoding="utf-8")


def promotion_codes(codes: tuple[str, ...], event: pl.Series) -> pl.Series:
    """Promotion code of each event index, null for -1."""
    place = event.zip_with(event >= 0, pl.Series([None], dtype=pl.Int64))
    return pl.Series(codes, dtype=pl.String).gather(place)


def card_numbers(member: pl.Series) -> pl.Series:
    """Card number of each member index, null for none; a fixed scramble, so that numbers do not tell the order."""
    frame = pl.DataFrame({"member": member})
    number = 60_000_000 + (pl.col("member") * 7_654_321 + 1_234_567) % 39_999_983
    text = pl.format("88{}", number)
    return frame.select(pl.when(pl.col("member") >= 0).then(text)).to_series()


def staff_codes(store: pl.Expr, day: pl.Expr, second: pl.Expr) -> pl.Expr:
    """Cashier on duty: two a day by shift, a third at weekends."""
    shift = pl.when((day + 3) % 7 >= 5).then(2).otherwise((second >= 14 * 3600).cast(pl.Int64))
    return pl.format("E{}{}", (store + 1).cast(pl.String).str.zfill(3), shift + 1)


def _channels(lines: pl.DataFrame, bulk: pl.Series) -> pl.Series:
    """How the order came: group buyers and wholesalers telephone, some members use the app, others come in."""
    words = toml("words")["channel"]
    key = (pl.col("trip") * 7919 + pl.col("second")) % 100
    return lines.select(
        pl.when(pl.col("member").is_in(bulk.implode())).then(pl.lit(words["phone"]))
        .when((pl.col("member") >= 0) & (key < ONLINE_PERCENT)).then(pl.lit(words["online"]))
        .otherwise(pl.lit(words["store"]))
    ).to_series()  # fmt: skip


def _tenders(lines: pl.DataFrame) -> pl.Series:
    """How each receipt was paid; drawn from a hash of the receipt, so that its lines agree."""
    edges = np.cumsum(TENDER_SHARES)
    key = (
        lines["trip"].to_numpy() * 2_654_435_761 + lines["second"].to_numpy() * 97 + lines["day"].to_numpy()
    ) % 10_007
    place = np.minimum(np.searchsorted(edges, key / 10_007), len(TENDERS) - 1)
    words = toml("words")["tender"]
    return pl.Series([words[t] for t in TENDERS]).gather(pl.Series(place))


def _plain(value: pl.Expr, scale: int) -> pl.Expr:
    """A decimal number without trailing zeros, as tills print it."""
    text = (value / scale).cast(pl.String)
    return text.str.strip_suffix(".0")
