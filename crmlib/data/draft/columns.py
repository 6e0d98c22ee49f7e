"""Which column of a file is which of the contract: by the words of its head, and by what stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.core.money import MINOR_PER_UNIT
from crmlib.data.draft import orders, returns, units
from crmlib.data.draft.line import Line, Mapped, Open
from crmlib.data.draft.times import READABLE, first_time
from crmlib.data.draft.vocabulary import TABLES, UNIT, plain, simplified, system_of, systems, words
from crmlib.data.read import values

Also = Mapping[str, Sequence[str]]
FILLED = 0.9
"""Share of lines that must have an id for it to be the product's or the receipt's; else the next name is tried."""
TEN_THOUSANDS = "\u4e07\u5143"
ELSEWHERE = frozenset({"HKD", "TWD", "MOP"})
"""Money of places where a pound is another one than on the mainland."""
LINE = ("product_id", "quantity_milli")
"""What every line of an order has, whatever stands on its first line only."""
OF_ORDER = ("customer_id", "store_id", "sold_at", "promotion_id", "staff_id", "tender", "channel")


@dataclass(frozen=True, slots=True)
class Heads:
    """The heads of a file by what they may mean.

    Parameters
    ----------
    rows : the sample; plain : its heads without blanks and signs; known : contract column → words, the best first.
    decimal, currency : how amounts are written.
    """

    rows: pl.DataFrame
    plain: Mapping[str, str]
    known: Mapping[str, Sequence[str]]
    decimal: str
    currency: str

    def of(self, column: str) -> list[str]:
        """Heads that may be `column`, the best first; columns without any cell are none."""
        names = dict.fromkeys(self.plain[p] for w in self.known.get(column, ()) if (p := plain(w)) in self.plain)
        return [n for n in names if self.rows[n].null_count() < self.rows.height]


def best_table(rows: pl.DataFrame, *, also: Also | None = None) -> str:
    """The table of which most columns are found, less the required ones that are not."""

    def points(table: str) -> int:
        found = mapped(rows, table, also=also)
        return len(found.lines) + len(found.open_) - len(found.missing)

    return max(TABLES, key=points)


def mapped(
    rows: pl.DataFrame,
    table: str,
    *,
    given: Mapping[str, str] | None = None,
    currency: str = "",
    also: Also | None = None,
) -> Mapped:
    """Map the columns of a sample to those of `table`.

    Parameters
    ----------
    also : what the head says of a column beside its name.
    given : heads that a person chose, by contract column; currency : the one that a person said.
    """
    system = system_of(rows.columns) if table == "receipt_lines" else ""
    one = systems().get(system, {"columns": {}, "exclude": {}})
    heads = _heads(rows, table, one["columns"], given or {}, also or {})
    heads = replace(heads, currency=currency) if currency else heads
    lines: list[Line] = []
    asked: list[Open] = []
    for column in (c for c in words()[table] if c != "parts"):
        made = _column(heads, table, column, asked)
        if made is not None:
            lines.append(made)
    found = {line.column: line for line in lines}
    if table == "receipt_lines" and "net_minor" in found and not heads.of("quantity_milli"):
        found["quantity_milli"] = Line("quantity_milli", {"constant": "1000"}, "one_each")
    if table == "receipt_lines":
        found |= _whole_receipts(heads, found)
        found = returns.signed(found, rows, heads.of("kind"), words()["returns"]["words"], _numbers(heads))
    fill = _filled(heads, found) if table == "receipt_lines" else ()
    guess = orders.of_country(rows, heads.of("country"), words()["currency"]["countries"])
    rules = orders.excluded(rows, one.get("exclude", {}))
    if total := orders.totals(rows, words()["totals"]["words"], words()["totals"]["parts"]):
        rules["totals"] = total
    return Mapped(
        table,
        tuple(found.values()),
        tuple(c for c in _needed(table) if c not in found),
        tuple(asked),
        heads.decimal,
        system,
        str(one.get("title", "")),
        str(one.get("zone", "")),
        heads.currency,
        fill,
        rules,
        guess if table == "receipt_lines" and not heads.currency else ("", "", 0.0),
        _no_goods(heads, found) if table == "receipt_lines" else ("", ()),
    )


def _whole_receipts(heads: Heads, found: Mapping[str, Line]) -> dict[str, Line]:
    """The receipt's number with store and day where it begins anew in each of them."""
    line = found.get("receipt_id")
    if line is None or not isinstance(line.made, str):
        return {}
    beside = [n for c in ("store_id", "sold_at") if c in found for n in sorted(read_by(found[c].made))[:1]]
    day = next((n for n in beside if "sold_at" in found and n in read_by(found["sold_at"].made)), None)
    rows = heads.rows.select(list(dict.fromkeys([line.made, *beside])))
    if day is not None:  # lines of one receipt may lie seconds apart: its day counts
        rows = rows.with_columns(pl.col(day).str.replace(r"[ T].*$", ""))
    parts = orders.apart(rows, line.made, beside)
    if len(parts) < 2 or (day in parts and heads.rows.select(line.made, day).n_unique() > rows.n_unique()):
        return {}
    made = {"from": list(parts), "join": "-"}
    return {"receipt_id": Line("receipt_id", made, "joined", {"head": line.made, "heads": ", ".join(parts[:-1])})}


def _no_goods(heads: Heads, found: Mapping[str, Line]) -> tuple[str, tuple[str, ...]]:
    """The products' column and its codes that look like no goods."""
    made = found["product_id"].made if "product_id" in found else None
    return (made, orders.no_goods(heads.rows, made)) if isinstance(made, str) else ("", ())


def _heads(
    rows: pl.DataFrame, table: str, of_system: Mapping[str, Sequence[str]], given: Mapping[str, str], also: Also
) -> Heads:
    known = {c: list(w) for c, w in words()[table].items() if isinstance(w, list)}
    known |= {c: list(w) for c, w in words()[table].get("parts", {}).items()}
    for column, first in of_system.items():
        known[column] = [*first, *known.get(column, ())]
    known |= {column: [head] for column, head in given.items()}
    beside = {plain(word): name for name in reversed(rows.columns) for word in also.get(name, ())}
    by_plain = beside | {plain(name): name for name in reversed(rows.columns)}
    named = [by_plain[p] for p in map(plain, words()["currency"]["heads"]) if p in by_plain]
    currency = orders.currency(rows, named, words()["currency"]["signs"], MINOR_PER_UNIT)
    return Heads(rows, by_plain, known, _decimal(rows), currency)


def _column(heads: Heads, table: str, column: str, asked: list[Open]) -> Line | None:
    """One contract column, if the file has it."""
    if table == "receipt_lines" and column in {"net_minor", "cost_minor"}:
        return _money(heads, column, asked)
    names = heads.of(column)
    if not names:
        asked += _repeated(heads, column)
        return None
    if CONTRACTS[table].schema.columns()[column].dtype.is_temporal() or column == "birth_month":
        return first_time(heads.rows, column, names, asked)
    if column == "unit":
        return units.unit_line(_measured(heads, names[0]))
    if column.endswith(("_minor", "_milli")) or column == "area_m2":
        line = next((line for name in names if (line := _number(heads, column, name)) is not None), None)
        return line if line is None else _of_unit(heads, table, line, asked)
    return _choice(heads.rows, column, names[0]) if column in words()["values"] else _named(heads, column, names)


def _money(heads: Heads, column: str, asked: list[Open]) -> Line | None:
    """The amount or the cost of a line; what may be meant in several ways is asked."""
    line = _net(heads) if column == "net_minor" else _cost(heads)
    left = _reduced(heads, line) if line is not None and line.why == "price" and column == "net_minor" else None
    asked += [left] if left is not None else _repeated(heads, column) if line is None else []
    return line if left is None else None


def _measured(heads: Heads, name: str) -> units.Measured:
    """What the words of a column of units measure; the pound of a file from Hong Kong or Taiwan is another one."""
    taiwan = heads.currency in ELSEWHERE or any(h.translate(simplified()) != h for h in heads.rows.columns)
    return units.measured(heads.rows[name], words()["measures"], taiwan=taiwan)


def _of_unit(heads: Heads, table: str, line: Line, asked: list[Open]) -> Line | None:
    """A quantity, or the price in a list of goods, by the unit beside it."""
    name = next(iter(heads.of("unit")), None)
    found = _measured(heads, name) if name is not None and name not in read_by(line.made) else None
    if found is None or not found.scaled:
        return line
    if table == "products":
        return units.price(line, found)
    if line.column != "quantity_milli":
        return line
    made = units.quantity(line, heads.rows, found, lambda c: values.numbers(heads.rows[c], decimal=heads.decimal))
    if isinstance(made, Open):
        asked.append(made)
        return None
    return made


def _repeated(heads: Heads, column: str) -> list[Open]:
    """A name that stands several times: which one is right only a person knows."""
    known = {plain(w) for w in heads.known.get(column, ())}
    several = [name for name in heads.rows.columns if plain(name.rpartition("#")[0]) in known]
    if not several:
        return []
    unit = 1000 if column.endswith("_milli") else 100 if column.endswith("_minor") else 0
    made: str | dict[str, Any] = {"from": several[0], "times": unit} if unit else several[0]
    return [Open("twice", ", ".join(several), ((column, made),))]


def _named(heads: Heads, column: str, names: list[str]) -> Line:
    """A column as it is; an id is the first one that nearly every line has."""
    full = [n for n in names if 1 - heads.rows[n].null_count() / heads.rows.height >= FILLED]
    name = full[0] if full and column in {"receipt_id", "product_id"} else names[0]
    why = "email" if column == "customer_id" and _addresses(heads.rows[name]) else "head"
    return Line(column, name, why, {"head": name})


def _addresses(cells: pl.Series) -> bool:
    """Whether a column is of e-mail addresses."""
    known = cells.drop_nulls()
    return bool(len(known)) and float(known.str.contains("@", literal=True).mean() or 0) >= FILLED  # type: ignore[arg-type]


def _number(heads: Heads, column: str, name: str) -> Line | None:
    """A quantity, an amount or a measure; none where it is not of numbers."""
    if not _numeric(heads, name):
        return None
    if column == "quantity_milli":
        return Line(column, {"from": name, "times": 1000}, "quantity", {"head": name})
    if not column.endswith("_minor"):
        return Line(column, name, "head", {"head": name})
    factor = _factor(heads, name)
    why = "money_minor" if factor == 1 and _in_minor(name) else "money"
    return Line(column, {"from": name, "times": factor}, why, {"head": name})


def _choice(rows: pl.DataFrame, column: str, name: str) -> Line | None:
    """A choice by the words that stand in the column; none where no word is known."""
    meant = {word: value for value, known in words()["values"][column].items() for word in known}
    present = values.clean_series(rows[name]).drop_nulls().unique(maintain_order=True)
    table = {word: meant[word.lower()] for word in present.head(50) if word.lower() in meant}
    return Line(column, {"from": name, "map": table, "other": "null"}, "choice", {"head": name}) if table else None


def _net(heads: Heads) -> Line | None:
    """The amount of a line: by its head, unless it is the whole order's; else price times quantity, less a discount."""
    lead = next(iter(heads.of("receipt_id")), None)
    for name in heads.of("net_minor"):
        line = None if orders.of_whole_order(heads.rows, name, lead) else _number(heads, "net_minor", name)
        if line is not None:
            return _times_quantity(heads, "net_minor", name) or line
    each, count = (next((n for n in heads.of(c) if _numeric(heads, n)), None) for c in ("price", "quantity_milli"))
    if each is None or (count is None and heads.of("quantity_milli")):
        return None
    factor = _factor(heads, each)
    if count is None:
        return Line("net_minor", {"from": each, "times": factor}, "price_alone", {"price": each})
    less = next((n for n in heads.of("discount") if _numeric(heads, n)), None)
    if less is None:
        made: dict[str, Any] = {"product": [each, count], "times": factor}
        return Line("net_minor", made, "price", {"price": each, "quantity": count})
    made = {"sum": [{"product": [each, count]}, {"product": [less, {"constant": "-1"}]}], "times": factor}
    return Line("net_minor", made, "price_less", {"price": each, "quantity": count, "discount": less})


def _reduced(heads: Heads, line: Line) -> Open | None:
    """Price times quantity where a column may take something off that the words do not say how."""
    for name in (n for n in heads.of("reduction") if n not in read_by(line.made)):
        cells = values.clean_series(heads.rows[name]).drop_nulls()
        rate = cells.str.strip_suffix("%")
        read = values.numbers(rate, decimal=heads.decimal)
        if read.null_count() > (1 - READABLE) * len(cells) or not bool((read != 0).any()):
            continue
        full, minus = dict(line.made) if isinstance(line.made, dict) else {}, {"constant": "-1"}
        both, times = list(full["product"]), {"times": full["times"]}
        percent = bool(cells.str.ends_with("%").any())
        share: dict[str, Any] | None = (
            {"product": [{"from": name, "extract": "([0-9.]+)"}, {"constant": "-0.01"}]} if percent else None
        )
        off: dict[str, Any] = share or {"product": [name, minus]}
        one: dict[str, Any] = {"constant": "1"}
        rated = {"product": [*both, {"sum": [one, off]}], **times}
        lesser = {"sum": [{"product": both}, off], **times}
        ways = [rated] if percent else [lesser, rated, {"product": [*both, name], **times}]
        return Open("reduced", name, tuple((line.column, way) for way in (*ways, full)))
    return None


def _cost(heads: Heads) -> Line | None:
    """The cost of a line: its own, cost of a piece times quantity, or what the profit leaves of the amount."""
    net = _net(heads)
    paid = read_by(net.made) if net is not None else set()
    for name in (n for n in heads.of("cost_minor") if n not in paid):
        if (line := _number(heads, "cost_minor", name)) is not None:
            return _times_quantity(heads, "cost_minor", name) or line
    each, count, profit = (
        next((n for n in heads.of(c) if _numeric(heads, n)), None) for c in ("cost", "quantity_milli", "profit")
    )
    if each is not None and count is not None and each not in paid:
        made: dict[str, Any] = {"product": [each, count], "times": _factor(heads, each)}
        return Line("cost_minor", made, "price", {"price": each, "quantity": count})
    if profit is None or net is None or net.why not in {"money", "money_minor"}:
        return None
    amount = str(net.values["head"])
    made = {"sum": [amount, {"product": [profit, {"constant": "-1"}]}], "times": _factor(heads, amount)}
    return Line("cost_minor", made, "profit", {"amount": amount, "profit": profit})


def _times_quantity(heads: Heads, column: str, name: str) -> Line | None:
    """The amount of a piece times the quantity, where the column does not follow the quantity of the same product."""
    count = next((n for n in heads.of("quantity_milli") if _numeric(heads, n)), None)
    product = next(iter(heads.of("product_id")), None)
    if count is None or product is None or not orders.per_piece(heads.rows, name, product, count):
        return None
    made = {"product": [name, count], "times": _factor(heads, name)}
    return Line(column, made, "per_piece", {"price": name, "quantity": count})


def _filled(heads: Heads, found: Mapping[str, Line]) -> tuple[str, ...]:
    """Columns that stand on the first line of an order only."""
    lead = found["receipt_id"].made if "receipt_id" in found else None
    if not isinstance(lead, str):
        return ()
    of_order = [n for c in OF_ORDER if c in found for n in sorted(read_by(found[c].made))]
    status = [n for n in heads.of("status") if n not in of_order]
    of_line = [n for c in LINE if c in found for n in read_by(found[c].made)]
    return orders.filled_down(heads.rows, lead, dict.fromkeys([*of_order, *status]), dict.fromkeys(of_line))


def read_by(made: object) -> set[str]:
    """Columns of the file that an expression reads, wherever in it they stand."""
    if isinstance(made, str):
        return {made}
    if isinstance(made, list):
        return {name for part in made for name in read_by(part)}
    verbs = ("from", "product", "sum", "month_of")
    return {n for verb in verbs for n in read_by(made.get(verb, []))} if isinstance(made, dict) else set()


def _needed(table: str) -> list[str]:
    contract = CONTRACTS[table]
    made = {*contract.made, "line_id", *dict(contract.defaults)}
    return [c for c in contract.required if c not in made]


def _decimal(rows: pl.DataFrame) -> str:
    """The decimal sign: a comma where many cells are numbers with one only, and none with a point."""
    cells = pl.concat([rows[c].drop_nulls().head(500) for c in rows.columns]) if rows.width else pl.Series([""])
    commas = int(cells.str.contains(r"^-?\d+([.\s]\d{3})*,\d{1,2}(\s*€)?$").sum())
    points = int(cells.str.contains(r"^-?\d+(,\d{3})*\.\d{1,2}$").sum())
    return "," if commas > 20 * max(points, 1) else "."


def _numeric(heads: Heads, name: str) -> bool:
    known = values.clean_series(heads.rows[name]).drop_nulls()
    if known.is_empty():
        return False
    read = values.numbers(known, decimal=heads.decimal)
    return 1 - read.null_count() / len(known) >= READABLE


def _numbers(heads: Heads) -> returns.Read:
    """Reads the numbers that an expression is made of."""

    def read(line: Line, some: pl.DataFrame) -> list[pl.Series]:
        used = [c for c in sorted(read_by(line.made)) if _numeric(heads, c)]
        return [values.numbers(values.clean_series(some[c]), decimal=heads.decimal).drop_nulls() for c in used]

    return read


def _in_minor(name: str) -> bool:
    """Whether the head says that amounts are in minor units."""
    marks = words()["minor"]["signs"]
    remark = "".join(UNIT.findall(name)).strip("()[]\uff08\uff09").lower()
    return remark in marks or any(plain(name).endswith(m) for m in marks if len(m) > 3)


def _factor(heads: Heads, name: str) -> int:
    """Minor units in the unit of a column: 1 where its head says so, else those of the currency."""
    if _in_minor(name):
        return 1
    per_unit = MINOR_PER_UNIT.get(heads.currency, 100)
    return per_unit * 10_000 if TEN_THOUSANDS in name else per_unit
