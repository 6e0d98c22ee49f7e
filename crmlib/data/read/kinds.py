"""What a file is by its first bytes, whatever its name says: what is no table is refused before it is read."""

from __future__ import annotations

import gzip
import re
import zipfile
import zlib
from pathlib import Path

from crmlib.core.errors import SourceError

HEAD = 8_192
"""Bytes looked at."""
OLE, ZIP, PARQUET = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04", b"PAR1"
GZIP = b"\x1f\x8b"
SIGNATURES = {
    b"%PDF": "PDF", b"\x89PNG": "PNG", b"\xff\xd8\xff": "JPEG", b"GIF8": "GIF", b"SQLite format 3": "SQLite",
    b"7z\xbc\xaf'\x1c": "7z", b"Rar!": "RAR", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd",
    b"{\\rtf": "RTF", b"\x7fELF": "ELF", b"ARROW1": "Arrow", b"ORC": "ORC", b"Obj\x01": "Avro", b"RIFF": "RIFF",
    b"OggS": "Ogg", b"ID3": "MP3", b"\x00\x00\x00\x18ftyp": "MP4", b"BM": "BMP", b"MZ": "EXE", b"!BDN": "Outlook",
}  # fmt: skip
PACKED = frozenset({"7z", "RAR", "bzip2", "xz", "zstd"})
LETTERED = frozenset({b"ORC", b"BM", b"MZ", b"BZh", b"ID3", b"RIFF", b"OggS"})
"""Signatures that a text may begin with, too: they count where the file holds bytes that no text has."""
CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f]")
BINARY = 0.02
"""Share of control characters that no text has."""
LOCKED = "EncryptedPackage".encode("utf-16-le")
LOCKED_OLD = re.compile(rb"\x09\x08\x10\x00.{16}\x2f\x00", re.S)
"""An old workbook whose first record is followed by that of its password (BOF, FILEPASS; [MS-XLS] 2.4.117)."""
TEXTS = frozenset({".csv", ".txt", ".tsv", ".gz"})
BOOKS = frozenset({".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"})
OLD = ".xls"
JSON = re.compile(r'^\s*(?:\{\s*(?:"[^"\n]*"\s*:|\}|$)|\[\s*(?:\{|\[|"|$|\]))')
PAGE = re.compile(r"^\s*(?:<!--.*?-->\s*)?<(?:!doctype|html|head|body|table|meta|div|style|script)", re.I | re.S)
SQL = re.compile(r"^\s*(?:--[^\n]*\n\s*)*(?:insert\s+into|(?:create|drop)\s+table|begin\s+transaction)\b", re.I)
XML = re.compile(r"^\s*<(?:\?xml|[A-Za-z][\w:.-]*[\s>/])")


def check(path: Path, name: str) -> None:
    """Refuse a file whose content is not what its name says, with what to do about it.

    Raises
    ------
    SourceError
        `ingest.is_json`, `is_page`, `is_xml`, `is_packed`, `is_workbook`, `is_parquet`, `is_text`, `is_other`,
        `protected`, `locked_archive`, `broken_workbook`.
    """
    with path.open("rb") as stream:
        head = stream.read(HEAD)
    suffix = path.suffix.lower()
    if head.startswith(GZIP) and suffix not in BOOKS:
        try:
            with gzip.open(path) as packed:
                head = packed.read(HEAD)
        except (OSError, EOFError, zlib.error):
            return  # what is no archive is told when it is read
    code = _code(path, head, suffix)
    if code:
        raise SourceError(code[0], values={"file": name, "kind": code[1]})


def _code(path: Path, head: bytes, suffix: str) -> tuple[str, str] | None:
    """Which refusal, and the kind that it names; none where the file may be what its name says."""
    if head.startswith((OLE, ZIP)):
        return _of_office(path, head, suffix)
    if head.startswith(PARQUET):
        return ("ingest.is_parquet", "Parquet") if suffix in TEXTS | BOOKS else None
    kind = next((k for sign, k in SIGNATURES.items() if head.startswith(sign) and _counts(sign, head)), "")
    if kind or head[257:262] == b"ustar":
        return ("ingest.is_packed", kind or "tar") if kind in PACKED | {""} else ("ingest.is_other", kind)
    if suffix not in TEXTS | BOOKS or not head.strip():
        return None
    return _of_text(head, suffix)


def _counts(sign: bytes, head: bytes) -> bool:
    return sign not in LETTERED or bool(CONTROL.search(head[:512]))


def _of_office(path: Path, head: bytes, suffix: str) -> tuple[str, str] | None:
    """Office files and archives, which share a container."""
    if head.startswith(OLE):
        content = path.read_bytes()
        if LOCKED in content or LOCKED_OLD.search(content):
            return "ingest.protected", "Excel"
        return None if suffix == OLD else ("ingest.is_workbook", OLD)
    return _of_archive(path, suffix)


def _of_archive(path: Path, suffix: str) -> tuple[str, str] | None:
    """What is packed as ZIP: a newer workbook, or an archive of files."""
    try:
        with zipfile.ZipFile(path) as archive:
            names, locked = archive.namelist(), any(part.flag_bits & 1 for part in archive.infolist())
    except (zipfile.BadZipFile, OSError):
        return ("ingest.broken_workbook", "zip") if suffix in BOOKS else ("ingest.is_packed", "ZIP")
    if not _book(names):
        return ("ingest.locked_archive" if locked else "ingest.is_packed"), "ZIP"
    if locked:
        return "ingest.protected", "Excel"
    newer = any(n.lower().startswith("xl/") for n in names)
    wrong = suffix not in BOOKS or (suffix == OLD and newer)
    return ("ingest.is_workbook", ".xlsx") if wrong else None


def _book(names: list[str]) -> bool:
    return any(n.lower().startswith("xl/") or n in {"content.xml", "mimetype"} for n in names)


def _of_text(head: bytes, suffix: str) -> tuple[str, str] | None:
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff")) or 0.2 < head[:4096].count(0) / len(head[:4096]) < 0.6
    if not wide and len(CONTROL.findall(head)) > BINARY * len(head):
        return None if not head.strip(b"\x00") else ("ingest.is_other", "binary")
    text = head.decode("utf-16" if wide else "utf-8", errors="replace").lstrip("\ufeff")
    if JSON.match(text):
        return "ingest.is_json", "JSON"
    if PAGE.match(text):
        return "ingest.is_page", "HTML"
    if XML.match(text) and ("</" in text or "<?xml" in text):  # `<DATE>,<TIME>` are names of columns
        return "ingest.is_xml", "XML"
    if SQL.match(text):
        return "ingest.is_other", "SQL"
    return ("ingest.is_text", "text") if suffix in BOOKS else None
