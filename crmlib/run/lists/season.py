"""A season's holdout: drawn once before it begins, on no list while it lasts, the measure of all lists together."""

from __future__ import annotations

from datetime import date, datetime

import polars as pl

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import ModelError
from crmlib.data import Lake
from crmlib.data.lake import pseudonyms
from crmlib.data.lake.filed import file_rows, settle
from crmlib.outreach import register
from crmlib.outreach.draw import SEASON_BP
from crmlib.run.lists import audit, book, permitted


def draw(
    lake: Lake, season_id: str, *, start: date, end: date, at: datetime, by: str, holdout_bp: int = SEASON_BP
) -> int:
    """Draw and file who stands on no list from `start` to `end`; how many.

    The season's row comes last: a process that dies before leaves rows that nobody reads and the next draw replaces.

    Raises
    ------
    ModelError
        `outreach.season_begun` unless it begins today or later and ends after that, `outreach.season_there` where one
        stands in these days or under this name, `outreach.season_small`, `outreach.bad_list_id`.
    LakeError
        `report.not_connected` without members.
    """
    today = permitted.local(lake, at).date()
    if not today <= start < end:
        raise ModelError("outreach.season_begun", values={"start": f"{start}", "end": f"{end}", "today": f"{today}"})
    key = pseudonyms.key_of(lake.path)
    with lake.writing(book.PEN):
        _check_free(lake, season_id, start=start, end=end)
        rows = register.season(_members(lake), season_id=season_id, key=key, holdout_bp=holdout_bp)
        where: dict[str, str | int] = {"list_id": season_id, "version": 1}
        settle(lake, CONTRACTS["outreach"], rows, where=where, by=by, now=at)
        row = {"season_id": season_id, "starts_on": start, "ends_on": end, "holdout_bp": holdout_bp,
               "key_id": register.key_id(key)}  # fmt: skip
        file_rows(
            lake, CONTRACTS["seasons"], pl.DataFrame([row]), batch=f"season-{season_id}", source=book.SOURCE, by=by,
            now=at,
        )  # fmt: skip
    audit.note(lake.path, what="season drawn", by=by, at=at, season=season_id, held=rows.height)
    return rows.height


def _members(lake: Lake) -> pl.Series:
    return lake.table("customers").select("customer_id").unique().sort("customer_id").collect()["customer_id"]


def _check_free(lake: Lake, season_id: str, *, start: date, end: date) -> None:
    if season_id in book.names(lake):
        raise ModelError("outreach.season_there", values={"season": season_id, "start": f"{start}", "end": f"{end}"})
    if not lake.has("seasons"):
        return
    meets = (pl.col("starts_on") <= end) & (pl.col("ends_on") >= start)
    there = lake.table("seasons").filter(meets | (pl.col("season_id") == season_id)).sort("starts_on").collect()
    if there.height:
        first = there.row(0, named=True)
        raise ModelError(
            "outreach.season_there",
            values={"season": first["season_id"], "start": f"{first['starts_on']}", "end": f"{first['ends_on']}"},
        )
