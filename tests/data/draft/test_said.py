"""What a person says of a file's layout to `crmlib draft`: it is taken, written down, and refused where it is wrong."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
import xlsxwriter
from typer.testing import CliRunner

from crmlib.cli import app
from crmlib.core.errors import CrmError
from crmlib.data import ingest
from crmlib.kit.words import Words
from crmlib.run import draft as drafting
from tests.data.conftest import NOW, Desk

NAMES = ("MU\xd1OZ", "andr\xe9s", "g\xf6tz")
HEAD = "receipt,member,date,item,qty,amount"
SAID = {"encoding": "", "delimiter": "", "header": "", "sheet": ""}


def till(*, names: Sequence[str] = ("X",), lines: int = 60) -> list[str]:
    rng = random.Random(3)
    return [
        f"R{n // 2},{names[n % len(names)]},2025-03-{n % 28 + 1:02},P{n % 7},1,{rng.randrange(100, 999) / 100}"
        for n in range(lines)
    ]


def drafted(desk: Desk, *files: Path, **said: str) -> str:
    """The sources file as the command writes it."""
    desk.sources.unlink(missing_ok=True)
    told = drafting.laid(**{**SAID, **said})
    drafting.write(files, table=None, out=desk.sources, ask=None, say=lambda _: None, words=Words("en"), said=told)
    return desk.sources.read_text(encoding="utf-8")


def refused(desk: Desk, *files: Path, **said: str) -> str:
    """The code, of a refusal whose three parts stand in both languages."""
    with pytest.raises(CrmError) as caught:
        drafted(desk, *files, **said)
    assert not desk.sources.exists()
    return caught.value.code


def test_an_encoding_that_nothing_tells_is_said(desk: Desk) -> None:
    file = desk.csv("till.csv", "R1,\u5f20,2025-03-01,P1,1,2.5", *till(), header=HEAD, encoding="gb18030")
    text = drafted(desk, file, encoding="GBK")
    assert "encoding: gb18030  # as you said" in text
    result = ingest("till", sources=desk.sources, lake=desk.lake, now=NOW)
    assert result.kept == 61
    assert "\u5f20" in desk.lake.table("receipt_lines").collect()["customer_id"].to_list()


@pytest.mark.parametrize(
    ("written", "names", "said", "code"),
    [
        ("cp1252", NAMES, "gb18030", "draft.other_encoding"),
        ("gb18030", ("\u5f20\u4e09\u4e30", "\u674e\u56db\u5149"), "cp1252", "draft.other_encoding"),
        ("utf-8", ("\u5f20\u4e09\u4e30", "\u674e\u56db\u5149"), "big5", "ingest.wrong_encoding"),
        ("utf-8", NAMES, "cp1252", "draft.other_encoding"),
        ("utf-8-sig", NAMES, "gb18030", "draft.other_encoding"),
        ("gb18030", ("\u5f20\u4e09\u4e30", "\u674e\u56db\u5149"), "utf-8", "ingest.wrong_encoding"),
        ("utf-16", NAMES, "utf-8", "draft.other_encoding"),
        ("utf-8", ("X",), "utf-16", "draft.other_encoding"),
        ("utf-8", ("X",), "klingon", "frame.choice"),
    ],
)
def test_a_wrong_encoding_is_refused(desk: Desk, written: str, names: Sequence[str], said: str, code: str) -> None:
    file = desk.csv("till.csv", *till(names=names), header=HEAD, encoding=written)
    assert refused(desk, file, encoding=said) == code
    drafted(desk, file)
    assert ingest("till", sources=desk.sources, lake=desk.lake, now=NOW).kept == 60


def test_delimiter_header_and_sheet_are_said_and_run(desk: Desk) -> None:
    odd = desk.write(
        "odd.txt", "\n".join(["made;by;hand", HEAD.replace(",", "^"), *(r.replace(",", "^") for r in till())])
    )
    text = drafted(desk, odd, delimiter="^", header="2")
    assert 'delimiter: "^"  # as you said' in text and "header: 2  # as you said" in text
    assert ingest("odd", sources=desk.sources, lake=desk.lake, now=NOW).kept == 60
    book = xlsxwriter.Workbook(str(desk.folder / "book.xlsx"))
    for name, rows in (("old", till(lines=90)), ("new", till(lines=40))):
        sheet = book.add_worksheet(name)
        for at, row in enumerate([HEAD, *rows]):
            sheet.write_row(at, 0, row.split(","))
    book.close()
    text = drafted(desk, desk.folder / "book.xlsx", sheet="new")
    assert "sheets: [new]  # as you said" in text
    assert ingest("book", sources=desk.sources, lake=desk.lake, now=NOW).read == 40
    assert refused(desk, desk.folder / "book.xlsx", sheet="newer") == "draft.no_sheet"
    assert refused(desk, odd, delimiter="=>") == "sources.delimiter"
    assert refused(desk, odd, delimiter=":") == "draft.no_table"
    assert refused(desk, odd, header="first") == "frame.choice"
    assert refused(desk, odd, header="200") == "draft.no_table"


def test_no_line_of_names_is_said(desk: Desk) -> None:
    file = desk.csv("till.csv", *till()[1:], header=till()[0])
    assert "header: none  # as you said" in drafted(desk, file, header="none")


def test_the_command_takes_them(desk: Desk) -> None:
    file = desk.csv("till.csv", *till(names=NAMES), header=HEAD, encoding="cp1252")
    out = desk.folder / "made.yml"
    told = CliRunner().invoke(
        app, ["draft", str(file), "--yes", "--out", str(out), "--encoding", "latin-1", "--delimiter", ","]
    )
    assert told.exit_code == 0, told.output
    assert "encoding: cp1252" in out.read_text(encoding="utf-8")
