"""The mapping of the books of what we have, owe and are owed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crmlib.simulate import exports
from crmlib.simulate.vocabulary import toml

Node = dict[str, Any]
LISTS = ("lots", "partners", "allocations", "suppliers", "accounts", "price_floors", "festival_plans")
"""Lists without a date of their own."""
MONEY, QUANTITY = ("cost", "amount", "credit_limit", "paid", "value", "face", "sold", "price", "floor"), ("quantity",)
"""Headers that become columns in fixed units: yuan to fen, pieces or kilograms to thousandths."""


def mapping() -> Node:
    """All books: words to machine names, yuan to fen, quantities to thousandths, the rest as it stands."""
    words = toml("words")
    units = {word: kind for kind, known in words["unit"].items() for word in known}
    return {
        "stock_moves": _book("stock_moves", kind=_back(words["stock_kind"]), unit=units),
        "lots": _book("lots"),
        "opening_points": _book("points", files="opening_points", kind=_back(words["points_open"])),
        "cards": _book("cards", kind=_back(words["card_owner"])),
        "card_moves": _book("card_moves", kind=_back(words["card_kind"])),
        "vouchers": _book("vouchers", festival=_back(words["slot"])),
        "voucher_moves": _book("voucher_moves", kind=_back(words["voucher_kind"])),
        "held_moves": _book("held_moves", kind=_back(words["held_kind"])),
        "festival_plans": _book("festival_plans", slot=_back(words["slot"])),
        "expenses": _book(
            "expenses",
            kind=_back(words["expense"]["kind"]),
            allocation_key=_back(words["expense"]["key"]),
            variable={words["flag"]["yes"]: True, words["flag"]["no"]: False},
        ),
        **{name: _book(name) for name in ("suppliers", "price_floors")},
        "purchases": _book("purchases", unit=units),
        "tenders": _book("tenders", tender=_back(words["paid_by"])),
        "accounts": _book("accounts", kind={words["account"][k]: k for k in ("till", "wallet", "bank")}),
        "cash_moves": _book("cash_moves", kind=_back(words["cash_kind"])),
        "partners": _book("partners", kind=_back(words["partner"]["type"])),
        "invoices": _book("invoices", disputed={words["flag"]["yes"]: True, words["flag"]["no"]: False}),
        "payments": _book("payments", tender=_back(words["payment_tender"])),
        **{name: _book(name) for name in ("allocations", "promises", "write_offs")},
    }


def _book(name: str, *, files: str = "", ending: str = "csv.gz", **coded: Mapping[str, Any]) -> Node:
    columns: Node = {}
    for column, header in exports.headers(name).items():
        if column == "terms":
            columns["terms_days"] = header
        elif column in MONEY:
            columns[f"{column}_minor"] = {"from": header, "times": 100}
        elif column in QUANTITY:
            columns[f"{column}_milli"] = {"from": header, "times": 1000}
        else:
            columns[column] = {"from": header, "map": dict(coded[column])} if column in coded else header
    encoding = {} if ending == "xlsx" else {"encoding": "utf-8"}
    return {
        "table": name, "files": f"{files or name}.{ending}", **encoding, "currency": "CNY", "known_at": {"lag_days": 0},
        "columns": columns,
    }  # fmt: skip


def _back(words: Mapping[str, str]) -> dict[str, str]:
    """Word of the export to machine name."""
    return {word: key for key, word in words.items()}
