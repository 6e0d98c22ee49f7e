"""Keyed pseudonyms: short, unique, stable, and not to be turned back without the lake's key."""

from __future__ import annotations

import base64
import hmac
import os
import secrets
from pathlib import Path

import polars as pl

LENGTH = 8
"""Base32 characters shown: 40 bits; at a million customers about half a pair collides, and is shown longer."""
KEY_BYTES = 32


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
    """The lake's secret key; made once, readable by its owner only."""
    path = lake / "pseudonym.key"
    if not path.exists():
        lake.mkdir(parents=True, exist_ok=True)
        draft = lake / f".pseudonym.{os.getpid()}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        try:
            os.link(draft, path)  # atomic, and never over a key that another process has just made
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_bytes()


def _digest(key: bytes, value: str) -> str:
    return base64.b32encode(hmac.digest(key, value.encode(), "sha256")).decode("ascii").rstrip("=")
