"""Files without heads: what a column holds is told by its cells where they leave no doubt.

A list has a code that no two rows share: of members, where sexes, telephones or addresses stand beside it; of stores,
where names end as those of stores; of goods, where names and few kinds of them do. All else is a till's export, of
which money is taken only where another column proves it: price times quantity is the amount in nearly all rows, or the
price of a product is the same in whatever quantity it is sold.
"""

from __future__ import annotations

from itertools import permutations

import polars as pl

from crmlib.data.draft import orders
from crmlib.data.draft.vocabulary import words
from crmlib.data.read import values

READABLE, PROVEN = 0.98, 0.95
DATE = r"^(19|20)\d{2}([-/.\x{5e74}]\d{1,2}|\d{4}$|\d{10}$)"
CLOCK = r"^\d{1,2}:\d{2}"
CODE = r"^[A-Za-z0-9][A-Za-z0-9_-]{2,}$|^[A-Za-z]\d+$"
KEY = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
LETTERS = r"^[^\d]*\pL.*$|\pL.*\pL"
ANY_DATE = r"^(19|20)\d{2}[-/.\x{5e74}]\d{1,2}|^\d{1,2}[-/.]\d{1,2}[-/.](19|20)\d{2}|^(19|20)\d{6}$"
PHONE = r"^(\+?86)?[ -]?1[3-9]\d[\d*]{8}$"
PERSON = rf"{PHONE}|^\S+@\S+\.\S+$"
SHOP = r"(?i)([\x{5e97}\x{67dc}\x{8d85}\x{573a}\x{57ce}\x{9986}]|\b(store|shop|branch|mall|outlet|filiale|magasin)\b)"
TOWN, LAND = r"\x{5e02}$", r"(\x{7701}|\x{533a})$|^[\x{534e}\x{4e1c}\x{897f}\x{5357}\x{5317}\x{4e2d}]{2}$"
MOSTLY, NAMES = 0.6, 0.9
FEW, MEMBERS, TWICE = 3, 20, 1.3
BORN, GENERATION = 1995, 20
"""Members were born before, over so many years; none joined then."""
CENT = 0.011
"""Price times quantity is rounded to the cent."""


def guessed(rows: pl.DataFrame) -> dict[str, str]:
    """Columns of a sample without heads by what they hold.

    Examples
    --------
    >>> rows = pl.DataFrame({"1": ["2024-01-03 9:00"] * 12, "2": [f"P{n % 3}00" for n in range(12)],
    ...     "3": [str(n % 4 + 1) for n in range(12)], "4": ["2.50"] * 12,
    ...     "5": [f"{2.5 * (n % 4 + 1):.2f}" for n in range(12)]})
    >>> guessed(rows)
    {'sold_at': '1', 'product_id': '2', 'quantity_milli': '3', 'price': '4', 'net_minor': '5'}
    """
    found: dict[str, str] = {}
    if day := next((c for c in rows.columns if _share(rows[c], DATE) >= READABLE), None):
        found["sold_at"] = day
    rest = [c for c in rows.columns if c != day and _share(rows[c], CLOCK) < READABLE]
    receipt = _receipt(rows, rest, day)
    of_order = [c for c in rest if c != receipt and receipt is not None and _alike(rows, c, receipt)]
    product = _product(rows, [c for c in rest if c != receipt and c not in of_order])
    found |= {name: c for name, c in (("product_id", product), ("receipt_id", receipt)) if c is not None}
    if day is not None and (member := _member(rows, of_order, day)):
        found["customer_id"] = member
    numeric = [c for c in rest if c not in {product, receipt, *of_order} and _numbers(rows[c]) is not None]
    return found | _money(rows, numeric, product, day)


def listed(rows: pl.DataFrame) -> tuple[str, dict[str, str]]:
    """The list that a file without heads is, with its columns; nothing where it is none.

    Examples
    --------
    >>> rows = pl.DataFrame({"1": [f"P{n:03}" for n in range(9)], "2": [f"tea {'abcdefghi'[n]}" for n in range(9)],
    ...     "3": ["green", "black", "white"] * 3, "4": ["9.90"] * 9})
    >>> listed(rows)
    ('products', {'product_id': '1', 'name': '2', 'category_1': '3'})
    """
    codes = [c for c in rows.columns if rows[c].n_unique() == rows.height and _share(rows[c], KEY) >= READABLE]
    keys = [c for c in codes if _share(rows[c], PHONE) < PROVEN] or codes
    if not keys or rows.height < FEW:
        return "", {}
    key, rest = keys[0], [c for c in rows.columns if c != keys[0]]
    dates = [c for c in rest if _share(rows[c], ANY_DATE) >= PROVEN]
    told = [c for c in rest if c not in dates and _share(rows[c], LETTERS) >= PROVEN]
    several = {c: rows[c].drop_nulls().n_unique() for c in told}
    names = [c for c in told if several[c] >= NAMES * rows.height]
    sexes = [c for c in rest if _sexes(rows[c])]
    if sexes or any(_share(rows[c], PERSON) >= PROVEN for c in (*rest, *codes)):
        return "customers", {"customer_id": key, **dict(zip(["gender"], sexes, strict=False)), **_days(rows, dates)}
    if shops := [c for c in names if _share(rows[c], SHOP) >= MOSTLY]:
        opened = {"opened_on": dates[0]} if len(dates) == 1 else {}
        return "stores", {"store_id": key, "name": shops[0], **_towns(rows, told), **opened}
    kinds = sorted((c for c in told if 1 < several[c] <= rows.height / 2), key=lambda c: several[c])
    if not names or not kinds or dates:
        return "", {}
    return "products", {"product_id": key, "name": names[0], **_kinds(rows, kinds)}


def _sexes(cells: pl.Series) -> bool:
    known = {word for each in words()["values"]["gender"].values() for word in each}
    present = set(cells.drop_nulls().str.to_lowercase().unique().to_list())
    return len(present & known) > 1 and len(present) <= len(present & known) + 2


def _days(rows: pl.DataFrame, dates: list[str]) -> dict[str, str]:
    """Birthdays lie decades apart, the days of joining do not."""
    years = {c: rows[c].str.extract(r"((?:19|20)\d{2})").cast(pl.Int32).drop_nulls() for c in dates}
    ranges = {c: (int(y.min()), int(y.max())) for c, y in years.items() if len(y)}  # type: ignore[arg-type]
    born = [c for c, (low, high) in ranges.items() if low < BORN and high - low >= GENERATION]
    joined = [c for c, (low, _) in ranges.items() if low >= BORN and c not in born]
    pairs = (("birth_month", born), ("joined_on", joined))
    return {column: found[0] for column, found in pairs if len(found) == 1}


def _towns(rows: pl.DataFrame, told: list[str]) -> dict[str, str]:
    patterns = (("city", TOWN), ("region", LAND))
    return {c: found[0] for c, p in patterns if (found := [t for t in told if _share(rows[t], p) >= PROVEN])}


def _kinds(rows: pl.DataFrame, kinds: list[str]) -> dict[str, str]:
    """The coarsest kind, and the finer ones of which each belongs to one of it."""
    found = {"category_1": kinds[0]}
    for finer in kinds[1:3]:
        above = list(found.values())[-1]
        if rows.group_by(finer).agg(pl.col(above).n_unique())[above].max() == 1 and len(found) < len(kinds):
            found[f"category_{len(found) + 1}"] = finer
    return found


def _alike(rows: pl.DataFrame, column: str, receipt: str) -> bool:
    """Whether a column is the order's: alike in all of its lines, where orders have several."""
    several = rows.group_by(receipt).agg(pl.len().alias("lines"), pl.col(column).n_unique().alias("kinds"))
    several = several.filter(pl.col("lines") > 1)
    return several.height >= orders.ENOUGH and several.filter(pl.col("kinds") == 1).height >= PROVEN * several.height


def _member(rows: pl.DataFrame, of_order: list[str], day: str) -> str | None:
    """Codes of which hardly one is seen twice a day, and most on several days: cards, and not cashiers or stores."""
    for column in of_order:
        known = rows.select(pl.col(column), pl.col(day).str.head(10)).drop_nulls()
        times = known.unique().group_by(column).len()
        lines = rows.filter(pl.col(column).is_not_null()).select(column, day).unique().height
        many = times.height >= MEMBERS and float((times["len"] > 1).mean() or 0) >= MOSTLY  # type: ignore[arg-type]
        if many and _share(rows[column], CODE) >= READABLE and lines <= TWICE * known.unique().height:
            return column
    return None


def _share(cells: pl.Series, pattern: str) -> float:
    known = cells.drop_nulls()
    return float(known.str.contains(pattern).mean() or 0) if len(known) else 0.0  # type: ignore[arg-type]


def _numbers(cells: pl.Series) -> pl.Series | None:
    """The column as numbers, none where it is not one of numbers that vary."""
    known = values.clean_series(cells)
    read = values.numbers(known).cast(pl.Float64)
    told = len(known) - known.null_count()
    return read if told and (told - (len(read) - read.null_count())) <= (1 - READABLE) * told else None


def _product(rows: pl.DataFrame, columns: list[str]) -> str | None:
    """The longest codes that come again and again, and are not the same on every line."""
    coded = [c for c in columns if _share(rows[c], CODE) >= READABLE and 2 < rows[c].n_unique() < 0.8 * rows.height]
    return max(coded, key=lambda c: float(rows[c].str.len_chars().mean() or 0), default=None)  # type: ignore[arg-type]


def _money(rows: pl.DataFrame, numeric: list[str], product: str | None, day: str | None) -> dict[str, str]:
    if product is not None and day is not None:  # a price may change from one day to the next
        rows = rows.with_columns(pl.concat_str(product, pl.col(day).str.head(10), separator=" ").alias(product))
    number = {c: n for c in numeric if (n := _numbers(rows[c])) is not None}
    for quantity, price, amount in permutations(number, 3):
        q, p, a = number[quantity], number[price], number[amount]
        close = ((q * p - a).abs() <= CENT).mean()
        if float(close or 0) >= PROVEN and q.n_unique() > 1 and _each(rows, price, product, quantity):  # type: ignore[arg-type]
            return {"quantity_milli": quantity, "price": price, "net_minor": amount}
    pairs = [
        {"quantity_milli": quantity, "price": price}
        for quantity, price in permutations(number, 2)
        if number[quantity].n_unique() > 1 and _each(rows, price, product, quantity)
    ]
    return pairs[0] if len(pairs) == 1 else {}  # of several nobody can say which column counts


def _each(rows: pl.DataFrame, price: str, product: str | None, quantity: str) -> bool:
    """Whether a column is the price of a piece: alike for one product, in whatever quantity."""
    one = rows[price].n_unique() == 1
    return one or (product is not None and orders.per_piece(rows, price, product, quantity))


def _receipt(rows: pl.DataFrame, columns: list[str], day: str | None) -> str | None:
    """Codes that stand on several lines on end, each on one day."""
    for column in columns:
        kinds = rows[column].n_unique()
        if _share(rows[column], r"^[A-Za-z0-9-]+$") < READABLE or not 0.1 * rows.height < kinds < 0.95 * rows.height:
            continue
        runs = rows[column].rle_id().n_unique()
        days = 1 if day is None else rows.group_by(column).agg(pl.col(day).str.head(10).n_unique())[day].max()
        if runs == kinds and days == 1:
            return column
    return None
