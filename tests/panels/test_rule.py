"""One rule about lines: outside the panels and the ingest nobody touches a receipt line."""

from __future__ import annotations

import ast
import copy
import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import narwhals as nw
import polars as pl
import pytest

from crmlib import panels
from crmlib.core.errors import CrmError, LakeError
from crmlib.core.frames import to_polars
from crmlib.panels import handle
from tests.parsed import parsed
from tests.report import world

ROOMS = (
    *("scoring", "customers", "clv", "churn", "promotion", "sites", "sales", "balances", "cases", "movement"),
    *("baskets", "outreach", "kit", "report", "pages", "run", "serve"),
)
OTHERS = {
    "promotion/offers": "lines of a basket that is priced, made by the caller",
    "balances": "lines of a roll-forward",
    "baskets": "products of baskets, given by the caller",
    "cases/orders.py": "lines of wholesale orders",
    "sales/costing.py": "lines of bundles, exploded by the caller",
    "sales/expenses.py": "lines of a budget",
    "sales/margins.py": "lines of purchases",
    "promotion/books/budget.py": "lines of a budget",
    "run/draft.py": "lines of a text",
    "outreach/message.py": "lines of a text",
}
"""Other things that are called lines."""
CALLED, OWNERS = {"lines", "retail"}, {"self", "page", "study"}
MAKERS = {
    "report/page.py": "makes the handle",
    **dict.fromkeys(("run/plan.py", "run/accept.py", "run/lists/closing.py"), "gives the lake's lines to a panel"),
}


def sources(root: Path) -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((root / "crmlib" / room).rglob("*.py")):
            name = str(path.relative_to(root / "crmlib"))
            worded = "findings" in name or name.endswith("charts.py")  # they are given tables of sums
            if not worded and not any(name.startswith(other) for other in OTHERS):
                yield name, parsed(path)


def touched(tree: ast.Module) -> list[int]:
    """Where the lines of a page or study, or those a function is given, are used and not just passed on."""
    passed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            passed |= {id(a) for a in [*node.args, *(k.value for k in node.keywords)]}
        if isinstance(node, ast.Return | ast.Assign) and node.value is not None:
            passed.add(id(node.value))
        if isinstance(node, ast.Tuple):  # named beside what else decides
            passed |= {id(one) for one in node.elts}
        if isinstance(node, ast.IfExp):
            passed |= {id(node.body), id(node.orelse)}
            passed |= {id(n) for n in ast.walk(node.test)}
    uses: list[ast.expr] = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and _of_a_page(n)]
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
        given = {a.arg for a in [*function.args.args, *function.args.kwonlyargs]} & CALLED
        uses += [n for n in ast.walk(function) if isinstance(n, ast.Name) and n.id in given]
    return sorted({node.lineno for node in uses if id(node) not in passed})


def _of_a_page(node: ast.Attribute) -> bool:
    """Whether an attribute is the lines of a page or study, as in `page.lines`."""
    owner = node.value
    name = owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
    return node.attr in CALLED and name in OWNERS


def asked_for(tree: ast.Module) -> list[int]:
    """Where the table of lines is asked for by its name."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"table", "optional", "scan", "collected"}
        and any(getattr(a, "value", None) == "receipt_lines" or getattr(a, "id", None) == "LINES" for a in node.args)
    ]


def test_outside_the_panels_and_the_ingest_lines_are_only_passed_on(root: Path) -> None:
    assert {name: found for name, tree in sources(root) if (found := touched(tree))} == {}


def test_nobody_else_asks_for_the_table_of_lines(root: Path) -> None:
    found = {name for name, tree in sources(root) if asked_for(tree) and name not in MAKERS}
    assert found - {"report/stored.py"} == set()  # a handle with its reductions: the days of the lake, by panels


def test_only_panels_open_the_handle(root: Path) -> None:
    for name, tree in sources(root):
        named = {n.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for n in node.names}
        assert not named & {"opened", "handle"}, name
        assert "_ReceiptLines__frame" not in ast.dump(tree), name


@pytest.mark.parametrize(
    "text",
    ["lines.filter(x)", "to(lines.collect())", "lines['a']", "[x for x in lines]", "page.lines.select(y)", "lines + 1"],
)
def test_the_rule_sees_whoever_touches_a_line(text: str) -> None:
    assert touched(ast.parse(f"def f(lines):\n    {text}")) == [2]


@pytest.mark.parametrize(
    "text", ["f(lines)", "f(x, lines=page.lines)", "return_ = lines", "g(page.lines, 1)", "return lines, 1"]
)
def test_the_rule_lets_lines_be_passed_on(text: str) -> None:
    assert touched(ast.parse(f"def f(lines):\n    {text}")) == []


HANDLE = panels.ReceiptLines(pl.LazyFrame({"receipt_id": ["a", "b"], "store_id": ["s", "t"], "day_n": [1, 2]}))


@pytest.mark.parametrize(
    "try_to",
    [
        lambda h: h.collect(),
        lambda h: h.filter(pl.col("store_id") == "s"),
        lambda h: h.join(pl.LazyFrame({"store_id": ["s"]}), on="store_id"),
        lambda h: h.select("receipt_id"),
        lambda h: h["receipt_id"],
        list,
        len,
        pl.DataFrame,
        lambda h: pl.concat([h]),
        lambda h: pl.LazyFrame({"store_id": ["s"]}).join(h, on="store_id"),
        nw.from_native,
        to_polars,
        lambda h: h.frame,
        lambda h: h.__frame,
        pickle.dumps,
        copy.copy,
        vars,
    ],
)
def test_a_handle_cannot_be_collected_filtered_joined_or_copied(try_to) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((AttributeError, TypeError, CrmError)):
        try_to(HANDLE)


def test_a_page_gives_a_handle_and_refuses_the_table(tmp_path: Path) -> None:
    page = world.opened(world.make_lake(tmp_path / "lake"))
    assert isinstance(page.lines, panels.ReceiptLines)
    assert isinstance(page.lines_of_members(), panels.ReceiptLines)
    assert panels.store_day(page.lines)["lines"].sum() == world.lines().height
    for ask in (page.table, page.optional):
        with pytest.raises(LakeError) as refused:
            ask("receipt_lines")
        assert refused.value.code == "report.lines"


def test_a_part_keeps_what_it_says_on_every_kind_of_frame() -> None:
    lines = pl.DataFrame(
        {
            "receipt_id": ["a", "b", "c", "d"], "store_id": ["s", "s", "t", None], "product_id": ["p", "q", "p", "p"],
            "day": [date(2026, 1, d) for d in (1, 2, 3, 4)],
        }
    )  # fmt: skip
    for frame in (lines, lines.lazy(), lines.to_pandas(), lines.to_arrow(), panels.ReceiptLines(lines)):
        kept = panels.part(frame, start=date(2026, 1, 1), end=date(2026, 1, 3), without=pl.Series(["a"]))
        assert handle.opened(kept).collect()["receipt_id"].to_list() == ["b", "c"]
        one = panels.part(kept, stores=pl.Series(["s", "t"]), products=pl.Series(["p"]))
        assert handle.opened(one).collect()["receipt_id"].to_list() == ["c"]
        assert handle.opened(panels.part(one, stores=pl.Series([], dtype=pl.String))).collect().is_empty()
