"""The one draw of every list: who is left alone.

u = the first 8 bytes of HMAC-SHA256(lake key, list_id ␟ recipient_id), big-endian; ␟ is 0x1f. Control = the ⌈p·n⌉
smallest u of each stratum. The same whatever order, machine or batch, and new for every list. Drawn by cluster
(household, partner) the cluster's id is hashed, and all of it shares one group.

The season's holdout is hashed with the season's id and stands on no list: u below 3 % of the range, so that members who
join later do not move anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from crmlib.core.errors import ModelError
from crmlib.core.frames import AnyFrame, to_polars

if TYPE_CHECKING:
    from hashlib import _Hash
else:
    _Hash: TypeAlias = object
SEPARATOR = "\x1f"
SHARES_BP = (1000, 2000, 3000, 5000)
"""Control shares to choose from [basis points]."""
SEASON_BP = 300
BLOCK = 64
"""Block of SHA-256 [bytes]."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A frozen draw.

    Parameters
    ----------
    table : recipient_id, group (contact, control), stratum, draw_u (16 hex digits); by recipient_id.
    list_id, version : which list.
    control_bp : share of the control [basis points].
    seal : SHA-256 of the table; whoever edits, enlarges or repeats the draw differently breaks it.
    """

    table: pl.DataFrame
    list_id: str
    version: int
    control_bp: int
    seal: str


def numbers(ids: Iterable[str], *, list_id: str, key: bytes) -> npt.NDArray[np.uint64]:
    """U of each recipient, shape (n,).

    Raises
    ------
    ModelError
        `outreach.bad_id` for an id or list_id that holds the separator.

    Examples
    --------
    >>> f"{numbers(['C000001'], list_id='L2026-09', key=b'test-key')[0]:016x}"
    '13dcae23920d4a4d'
    """
    texts = list(ids)
    if SEPARATOR in list_id or any(SEPARATOR in text for text in texts):
        raise ModelError("outreach.bad_id")
    padded = (key if len(key) <= BLOCK else sha256(key).digest()).ljust(BLOCK, b"\0")
    inner = sha256(bytes(b ^ 0x36 for b in padded) + f"{list_id}{SEPARATOR}".encode())
    outer = sha256(bytes(b ^ 0x5C for b in padded))
    found = b"".join([_hashed(text.encode(), inner.copy(), outer.copy()) for text in texts])
    return np.frombuffer(found, dtype=">u8").astype(np.uint64)


def _hashed(text: bytes, inner: _Hash, outer: _Hash) -> bytes:
    """The first 8 bytes of HMAC (RFC 2104), from its two halves already fed with key and list: 2.6 × `hmac.digest`."""
    inner.update(text)
    outer.update(inner.digest())
    return outer.digest()[:8]


def draw(
    eligible: AnyFrame,
    *,
    list_id: str,
    version: int,
    key: bytes,
    control_bp: int,
    strata: Sequence[str] = (),
    cluster: str | None = None,
) -> Drawn:
    """Draw the control of a list and freeze it.

    Parameters
    ----------
    eligible : recipient_id and the columns of `strata` and `cluster`; one row per recipient.
    key : the lake's secret; whoever knows it could choose whom to leave alone.
    control_bp : share left alone [basis points], 1,000 or more.
    strata : columns within whose combinations is drawn; nulls are a value of their own.
    cluster : column of what is drawn together; its stratum is that of its first recipient by id.

    Raises
    ------
    ModelError
        `outreach.control_small`, `outreach.bad_id`.
    """
    if not SHARES_BP[0] <= control_bp <= SHARES_BP[-1]:
        raise ModelError(
            "outreach.control_small",
            values={"control": control_bp / 100, "least": SHARES_BP[0] / 100, "most": SHARES_BP[-1] / 100},
        )
    unit = cluster or "recipient_id"
    frame = to_polars(eligible, needs=[*strata, unit], name="eligible", key="recipient_id").sort("recipient_id")
    texts = [pl.col(c).cast(pl.String).fill_null("?") for c in strata]
    stratum = pl.concat_str(texts, separator="|") if texts else pl.lit("all")
    rows = frame.select("recipient_id", pl.col(unit).alias("unit"), stratum=stratum)
    units = rows.unique("unit", keep="first", maintain_order=True).select("unit", "stratum")
    units = units.with_columns(u=numbers(units["unit"], list_id=list_id, key=key))
    place = pl.struct("u", "unit").rank("ordinal").over("stratum")
    control = place <= (pl.len().over("stratum") * control_bp + 9_999) // 10_000
    hexed = pl.Series("draw_u", [f"{u:016x}" for u in units["u"].to_list()], dtype=pl.String)
    units = units.with_columns(hexed, group=pl.when(control).then(pl.lit("control")).otherwise(pl.lit("contact")))
    table = rows.drop("stratum").join(units, on="unit", maintain_order="left")
    table = table.select("recipient_id", "group", "stratum", "draw_u")
    return Drawn(table, list_id, version, control_bp, seal(table, list_id=list_id, version=version))


def seal(table: pl.DataFrame, *, list_id: str, version: int) -> str:
    """SHA-256 over list, version and every row, whatever the order of the rows."""
    rows = table.sort("recipient_id").select(
        pl.concat_str("recipient_id", "group", "stratum", "draw_u", separator=SEPARATOR)
    )
    hashed = sha256(f"{list_id}{SEPARATOR}{version}\n".encode())
    hashed.update("\n".join(rows.to_series().to_list()).encode())
    return hashed.hexdigest()


def check_frozen(drawn: Drawn) -> None:
    """Refuse a draw whose table is no longer the one that was frozen.

    Raises
    ------
    ModelError
        `outreach.drawn`.
    """
    if seal(drawn.table, list_id=drawn.list_id, version=drawn.version) != drawn.seal:
        raise drawn_already(drawn.list_id)


def drawn_already(list_id: str) -> ModelError:
    """The refusal of any edit after the draw."""
    return ModelError("outreach.drawn", values={"list": list_id})


def season(ids: Iterable[str], *, season_id: str, key: bytes, holdout_bp: int = SEASON_BP) -> pl.Series:
    """Whether each recipient is held out for the whole season (Boolean); members who join later change nobody.

    Examples
    --------
    >>> int(season([f"C{i:06}" for i in range(10_000)], season_id="2026", key=b"k").sum())
    294
    """
    limit = np.uint64(holdout_bp * 2**64 // 10_000)
    return pl.Series("season_holdout", numbers(ids, list_id=season_id, key=key) < limit)
