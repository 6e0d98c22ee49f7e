"""Keyed pseudonyms: short, unique, stable, and not to be turned back without the lake's key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

import polars as pl

from crmlib.core.errors import LakeError

LENGTH = 8
"""Base32 characters shown: 40 bits; at a million customers about half a pair collides, and is shown longer."""
KEY_BYTES = 32
KEY, MARK = "pseudonym.key", "pseudonym.mark"


def of(ids: pl.Series, *, key: bytes) -> pl.Series:
    """HMAC-SHA-256 of each id in base32, cut to 8 characters; ids that would look the same are shown longer.

    A longer one begins with the same 8 characters, so a pseudonym noted last month can still be found.

    Examples
    --------
    >>> of(pl.Series(["A1", "A2", None, "A1"]), key=b"k").to_list()
    ['KOFMINXY', 'DMMVK3OO', None, 'KOFMINXY']
    """
    unique = ids.drop_nulls().cast(pl.String).unique().sort()
    full = [_digest(key, value) for value in unique]
    shown = pl.DataFrame({"id": unique, "full": full}, schema={"id": pl.String, "full": pl.String})
    length = LENGTH
    shown = shown.with_columns(pseudonym=pl.col("full").str.head(length))
    while shown["pseudonym"].is_duplicated().any():
        length += 1
        longer = pl.when(pl.col("pseudonym").is_duplicated()).then(pl.col("full").str.head(length))
        shown = shown.with_columns(pseudonym=longer.otherwise("pseudonym"))
    return ids.cast(pl.String).replace_strict(shown["id"], shown["pseudonym"], default=None, return_dtype=pl.String)


def key_of(lake: Path) -> bytes:
    """The lake's secret key; made once, readable by its owner only.

    A mark of it is kept in a file of its own, so that a key that was lost, cut short or mixed up is noticed: with
    another key every pseudonym on every list would change in silence, with an empty one anybody could compute them.

    Raises
    ------
    LakeError
        `lake.key_lost`, `lake.key_damaged`.
    """
    path, mark = lake / KEY, lake / MARK
    if not path.exists():
        if mark.exists():
            raise _lost(path, mark)
        _create(path, secrets.token_bytes(KEY_BYTES))
    key = path.read_bytes()
    if len(key) < KEY_BYTES or (mark.exists() and mark.read_text(encoding="ascii", errors="replace") != mark_of(key)):
        raise _damaged(path, mark, len(key))
    if not mark.exists():
        _create(mark, mark_of(key).encode())
    return key


def known_by(*, key: bytes) -> str:
    """`mark_of` the key that a page draws by, for what is remembered of its draws and pseudonyms."""
    return mark_of(key)


def mark_of(key: bytes) -> str:
    """What a key is known by, without giving it away."""
    return hashlib.sha256(b"crmlib pseudonym key\0" + key).hexdigest()[:12]


def _create(path: Path, content: bytes) -> None:
    """Write a file whole, closed to others, and never over one that another process has just made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _lost(path: Path, mark: Path) -> LakeError:
    known = mark.read_text(encoding="ascii", errors="replace")[:12] if mark.exists() else "-"
    return LakeError(
        "lake.key_lost",
        values={"path": str(path), "mark": known, "folder": str(path.parent), "secret": KEY, "file": MARK},
    )


def _damaged(path: Path, mark: Path, size: int) -> LakeError:
    known = mark.read_text(encoding="ascii", errors="replace")[:12] if mark.exists() else "-"
    return LakeError(
        "lake.key_damaged",
        values={
            "path": str(path),
            "size": size,
            "bytes": KEY_BYTES,
            "mark": known,
            "folder": str(path.parent),
            "secret": KEY,
        },
    )


def _digest(key: bytes, value: str) -> str:
    return base64.b32encode(hmac.digest(key, value.encode(), "sha256")).decode("ascii").rstrip("=")
