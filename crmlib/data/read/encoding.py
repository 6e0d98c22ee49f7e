"""Bytes of a text file to UTF-8, in blocks; bytes that are no text are found by line, never replaced in silence."""

from __future__ import annotations

import codecs
import io
from dataclasses import dataclass

from crmlib.core.errors import SourceError

BLOCK = 1 << 22
SAMPLE_LINES = 2_000
WORST_SHARE = 0.1
"""A file of which more lines than this are unreadable was given the wrong encoding."""

AUTO = ("utf-8", "gb18030")
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Text:
    """A file as UTF-8 without byte-order mark; `bad_lines` (from 1) held bytes that are no text, now U+FFFD."""

    utf8: bytes
    encoding: str
    bad_lines: tuple[int, ...] = ()


def decode(data: bytes, *, encoding: str = "auto", name: str = "file", has_header: bool = True) -> Text:
    """Find the encoding if it is not given, and transcode; bad bytes in the header are refused at once.

    Two or three characters of GB18030 may happen to be valid UTF-8; then say `encoding:`.

    Examples
    --------
    >>> found = decode(bytes.fromhex("d0a1c6b1bac52cbdf0b6ee0a"))
    >>> found.encoding, found.utf8.hex()
    ('gb18030', 'e5b08fe7a5a8e58fb72ce98791e9a29d0a')
    """
    mark, marked = next(((m, e) for m, e in MARKS if data.startswith(m)), (b"", ""))
    body = data[len(mark) :]
    if marked.startswith("utf-16") or encoding == "utf-16":
        return _repaired(body, marked or "utf-16-le", name, has_header=has_header)
    candidates = (marked,) if marked else AUTO if encoding == "auto" else (encoding,)
    for candidate in candidates:
        if candidate == "gb18030" and encoding == "auto" and _mostly_utf8(body):
            return _repaired(body, "utf-8", name, has_header=has_header)
        clean = _transcoded(body, candidate)
        if clean is not None:
            return Text(_newlines(clean), candidate)
    return _repaired(body, candidates[-1], name, has_header=has_header)


def _transcoded(data: bytes, encoding: str) -> bytes | None:
    """The whole text in UTF-8, or None at the first byte that is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    out = io.BytesIO()
    view = memoryview(data)
    try:
        for start in range(0, len(data), BLOCK):
            text = decoder.decode(view[start : start + BLOCK])
            if encoding != "utf-8":
                out.write(text.encode("utf-8"))
        rest = decoder.decode(b"", final=True)
    except UnicodeError:
        return None
    return data if encoding == "utf-8" else out.getvalue() + rest.encode("utf-8")


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
                lines.append(raw.decode(encoding))
            except UnicodeDecodeError:
                bad.append(n)
                lines.append(raw.decode(encoding, errors="replace"))
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
