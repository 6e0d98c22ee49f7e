"""Bytes of a text file to UTF-8, in blocks; bytes that are no text are found by line, never replaced in silence."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass, replace

import polars as pl

from crmlib.core.errors import SourceError
from crmlib.data.read import charsets

BLOCK = 1 << 22
SAMPLE_LINES = 2_000
WORST_SHARE = 0.1
"""A file of which more lines than this are unreadable was given the wrong encoding."""

ZEROS, ODD_ZEROS = 0.2, 0.02
"""UTF-16 without a mark: so many zero bytes in every second place, and hardly any in the other."""
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Text:
    """A file as UTF-8 without byte-order mark; `bad_lines` (from 1) held bytes that are no text, now U+FFFD.

    `common` is the share of common characters where the encoding was chosen by it (see `charsets`).
    """

    utf8: bytes
    encoding: str
    bad_lines: tuple[int, ...] = ()
    common: float | None = None


def decode(data: bytes, *, encoding: str = "auto", name: str = "file", has_header: bool = True) -> Text:
    """Find the encoding if it is not given, and transcode; bad bytes in the header are refused at once.

    Two or three characters of GB18030 may happen to be valid UTF-8; then say `encoding:`.

    Raises
    ------
    SourceError
        `ingest.wrong_encoding` where many lines are no such text, `ingest.unclear_encoding` where several encodings
        fit and none makes words of common characters.

    Examples
    --------
    >>> found = decode(bytes.fromhex("d0a1c6b1bac52cbdf0b6ee0a"))
    >>> found.encoding, found.utf8.hex()
    ('gb18030', 'e5b08fe7a5a8e58fb72ce98791e9a29d0a')
    """
    mark, marked = next(((m, e) for m, e in MARKS if data.startswith(m)), (b"", ""))
    body = data[len(mark) :]
    wide = marked or (_utf16(body) if encoding in {"auto", "utf-16"} else "")
    if wide.startswith("utf-16") or encoding == "utf-16":
        return _repaired(body, wide or "utf-16-le", name, has_header=has_header)
    chosen = marked or ("utf-8" if encoding == "auto" else encoding)
    clean, common = _transcoded(body, chosen), None
    if clean is None and encoding == "auto" and not marked and not _mostly_utf8(body):
        chosen, common = _chosen(body, name)
        clean = _transcoded(body, chosen)
    if clean is not None:
        return Text(_newlines(clean), chosen, common=common)
    return replace(_repaired(body, chosen, name, has_header=has_header), common=common)


def _utf16(data: bytes) -> str:
    """The byte order of UTF-16 without a mark, told by the zero bytes of its plain characters; else an empty text."""
    head = data[:4096]
    even, odd = (head[start::2].count(0) / max(len(head) // 2, 1) for start in (0, 1))
    if odd > ZEROS and even < ODD_ZEROS:
        return "utf-16-le"
    return "utf-16-be" if even > ZEROS and odd < ODD_ZEROS else ""


def _chosen(data: bytes, name: str) -> tuple[str, float]:
    """The encoding whose reading is made of common characters, with their share; refused where none clearly is."""
    lines = data.split(b"\n", SAMPLE_LINES * 50)[: SAMPLE_LINES * 50]
    telling = [line for line in lines if not line.isascii()][:SAMPLE_LINES]
    found = charsets.candidates(telling)
    best = charsets.clear(found)
    if best is not None:
        return best.encoding, best.common
    shown = "; ".join(f"{c.encoding} {c.common:.0%} ({c.words})" for c in found if c.words)
    raise SourceError("ingest.unclear_encoding", values={"file": name, "candidates": shown})


def _transcoded(data: bytes, encoding: str) -> bytes | None:
    """The whole text in UTF-8, or None at the first byte that is none."""
    if encoding == "utf-8":
        return data if _valid(data) else None
    decoder = codecs.getincrementaldecoder(charsets.CODECS[encoding])()
    out = io.BytesIO()
    view = memoryview(data)
    try:
        for start in range(0, len(data), BLOCK):
            out.write(decoder.decode(view[start : start + BLOCK]).encode("utf-8"))
        rest = decoder.decode(b"", final=True)
    except UnicodeError:
        return None
    return out.getvalue() + rest.encode("utf-8")


def _valid(data: bytes) -> bool:
    """Whether a whole text is UTF-8; a third of the time that decoding takes."""
    try:
        pl.Series([data], dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:
        return False
    return True


def _mostly_utf8(data: bytes) -> bool:
    """Whether a file that is not clean UTF-8 is UTF-8 with a few damaged lines rather than GB18030.

    Chinese in GB18030 is hardly ever valid UTF-8, so a sample of lines that are not plain ASCII decides; a damaged
    header, or too few such lines under a plain header, decide as the safer reading says: set the lines apart.
    """
    lines = data.split(b"\n", SAMPLE_LINES * 50)
    if not _is_utf8(lines[0]):
        return False
    telling = [line for line in lines[1:] if not line.isascii()][:SAMPLE_LINES]
    valid = sum(_is_utf8(line) for line in telling) + (not lines[0].isascii())
    return valid * 2 > len(telling) or len(telling) < 3


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _repaired(data: bytes, encoding: str, name: str, *, has_header: bool) -> Text:
    """The text line by line, with the numbers of the lines that hold bad bytes; refused if they are many."""
    if encoding.startswith("utf-16"):
        clean = data.decode(encoding, errors="replace")
        lines = clean.split("\n")
        bad = [n for n, line in enumerate(lines, 1) if "\ufffd" in line]
    else:
        lines, bad = [], []
        for n, raw in enumerate(data.split(b"\n"), 1):
            try:
                lines.append(raw.decode(charsets.CODECS[encoding]))
            except UnicodeDecodeError:
                bad.append(n)
                lines.append(raw.decode(charsets.CODECS[encoding], errors="replace"))
    if len(bad) > max(1, WORST_SHARE * len(lines)) or (has_header and bad and bad[0] == 1):
        raise _wrong(name, encoding, bad, len(lines))
    return Text(_newlines("\n".join(lines).encode("utf-8", errors="replace")), encoding, tuple(bad))


def _newlines(utf8: bytes) -> bytes:
    return utf8.replace(b"\r", b"\n") if b"\r" in utf8 and b"\n" not in utf8 else utf8


def _wrong(name: str, encoding: str, bad: list[int], lines: int) -> SourceError:
    return SourceError(
        "ingest.wrong_encoding",
        values={"file": name, "encoding": encoding, "bad": len(bad), "lines": lines, "line": bad[0]},
    )
