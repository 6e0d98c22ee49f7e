"""Files behind a password, made by the means that offices use, are refused with their mend; nothing of them is stored.

`locked/agile.xlsx` was encrypted as Excel does it (ECMA-376 agile: a container with an encrypted package). The old
workbook is encrypted here by RC4 as [MS-XLS] 2.2.10 says; archives carry the flag of an encrypted part.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
import xlwt
from xlwt.CompoundDoc import XlsDoc

from crmlib.core.errors import SourceError
from crmlib.data.draft import draft
from crmlib.kit.words import Words
from crmlib.run import ingest as ingesting
from tests.data.conftest import HEADER, LINES, NOW, Desk

AGILE = (Path(__file__).parent / "locked" / "agile.xlsx").read_bytes()
ROWS = [HEADER.split(","), *(line.split(",") for line in LINES)]
SALT, VERIFIER, PASSWORD = bytes(range(16)), bytes(range(16, 32)), "secret1"
BOUNDSHEET, PLAIN = 0x85, (0x809, 0x2F, 0xE1)


def stream(key: bytes, size: int) -> bytes:
    """RC4: so many bytes of the stream of a key."""
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    out, i, j = bytearray(), 0, 0
    for _ in range(size):
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(box[(box[i] + box[j]) % 256])
    return bytes(out)


def xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))


def key_of(block: int) -> bytes:
    short = hashlib.md5(PASSWORD.encode("utf-16-le")).digest()[:5]
    return hashlib.md5(hashlib.md5((short + SALT) * 16).digest()[:5] + struct.pack("<I", block)).digest()


def old_book() -> bytes:
    book = xlwt.Workbook()
    sheet = book.add_sheet("明细")
    for r, row in enumerate(ROWS):
        for c, value in enumerate(row):
            sheet.write(r, c, value)
    return bytes(book.get_biff_data())


def container(data: bytes) -> bytes:
    out = io.BytesIO()
    XlsDoc().save(out, data)
    return out.getvalue()


def old_locked() -> bytes:
    """An old workbook, every record behind its password encrypted by RC4 in blocks of 1,024 bytes."""
    data = old_book()
    first = 4 + struct.unpack("<H", data[2:4])[0]
    whole = VERIFIER + hashlib.md5(VERIFIER).digest()
    passes = struct.pack("<5H", 0x2F, 54, 1, 1, 1) + SALT + xor(whole, stream(key_of(0), 32))
    size = len(data) + len(passes)
    hidden = b"".join(stream(key_of(n), 1024) for n in range(size // 1024 + 1))
    made, at = bytearray(data[:first] + passes), first
    while at + 4 <= len(data):
        kind, length = struct.unpack("<HH", data[at : at + 4])
        body, open_ = data[at + 4 : at + 4 + length], 4 if kind == BOUNDSHEET else 0
        if kind == BOUNDSHEET:
            body = struct.pack("<I", struct.unpack("<I", body[:4])[0] + len(passes)) + body[4:]
        place = len(made) + 4
        shut = body if kind in PLAIN else body[:open_] + xor(body[open_:], hidden[place + open_ : place + length])
        made += struct.pack("<HH", kind, length) + shut
        at += 4 + length
    return container(bytes(made))


def new_book() -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    sheet = book.add_worksheet()
    for n, row in enumerate(ROWS):
        sheet.write_row(n, 0, row)
    book.close()
    return out.getvalue()


def flagged(packed: bytes) -> bytes:
    """An archive with the flag of encryption on every part, as a packer with a password leaves it."""
    made = bytearray(packed)
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = made.find(sign)
        while start >= 0:
            made[start + at] |= 1
            start = made.find(sign, start + 4)
    return bytes(made)


def archive(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, content in parts.items():
            made.writestr(name.replace("__", "/").replace("_", "."), content)
    return out.getvalue()


CSV = "\n".join([HEADER, *LINES, ""]).encode()
SHUT = b'<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data manifest:checksum="AA"/>'
BOOKS = "application/vnd.oasis.opendocument.spreadsheet"
FILES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "Excel": ("a.xlsx", "protected", lambda: AGILE),
    "Excel, called a text": ("a.csv", "protected", lambda: AGILE),
    "Excel, called an old one": ("a.xls", "protected", lambda: AGILE),
    "old Excel": ("a.xls", "protected", old_locked),
    "old Excel, called a new one": ("a.xlsx", "protected", old_locked),
    "old Excel, called a text": ("a.csv", "protected", old_locked),
    "a workbook whose parts are encrypted": ("a.xlsx", "protected", lambda: flagged(new_book())),
    "an archive": ("a.zip", "locked_archive", lambda: flagged(archive(till_csv=CSV))),
    "an archive, called a text": ("a.csv", "locked_archive", lambda: flagged(archive(till_csv=CSV))),
    "an archive, called a workbook": ("a.xlsx", "locked_archive", lambda: flagged(archive(till_csv=CSV))),
    "an open document": (
        "a.ods",
        "protected",
        lambda: archive(mimetype=BOOKS.encode(), **{"META-INF__manifest_xml": SHUT}, content_xml=bytes(3_000)),
    ),
    "an old workbook, called a new one": ("a.xlsx", "is_workbook", lambda: container(old_book())),
    "a new workbook, called an old one": ("a.xls", "is_workbook", new_book),
    "an archive without a password": ("a.zip", "is_packed", lambda: archive(till_csv=CSV)),
}


@pytest.mark.parametrize("what", FILES)
def test_it_is_refused_with_a_mend_and_nothing_is_stored(desk: Desk, what: str) -> None:
    name, code, content = FILES[what]
    file = desk.write(name, content())
    desk.sales(name)
    with pytest.raises(SourceError) as caught:
        draft([file])
    assert caught.value.code == f"ingest.{code}"
    with pytest.raises(SourceError) as again:
        desk.ingest()
    assert again.value.code == f"ingest.{code}" and desk.lake.versions() == {}
    for language in ("zh", "en"):
        words = Words(language)
        parts = [words(f"ingest.error.{code}.{part}", **caught.value.values) for part in ("given", "expected", "mend")]
        assert all(parts) and "{" not in "".join(parts)


def test_the_same_files_without_a_password_are_read(desk: Desk) -> None:
    for name, content in (("a.xls", container(old_book())), ("b.xlsx", new_book()), ("c.csv", CSV)):
        desk.write(name, content)
        desk.sales(name)
        assert desk.ingest().read == len(LINES)


def test_the_command_line_ends_with_an_error_and_names_the_file(desk: Desk) -> None:
    desk.write("a.xlsx", AGILE)
    desk.sales("a.xlsx")
    said: list[str] = []
    with pytest.raises(SourceError):
        ingesting.run("all", sources=desk.sources, lake=desk.lake, now=NOW, say=said.append, words=Words("en"))
    assert any("a.xlsx: protected by a password" in line for line in said)
    assert desk.lake.versions() == {}
