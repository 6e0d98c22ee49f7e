"""The register in the lake: drawn once, frozen, moved on by others than its owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.core.contracts import CONTRACTS
from crmlib.core.errors import LakeError, ModelError
from crmlib.data import Lake
from crmlib.data.lake import filed as filing
from crmlib.outreach.register import Terms
from crmlib.run.lists import book

NOW = datetime(2026, 9, 1, 4, tzinfo=UTC)
TERMS = Terms("L2026-09", "九月请回", "win_back", "sms", "", strata=("tier",), control_bp=2000)


def people(n: int = 100) -> pl.DataFrame:
    ids = [f"C{i:06}" for i in range(1, n + 1)]
    return pl.DataFrame({"recipient_id": ids, "tier": (["A", "B"] * n)[:n], "value_minor": range(n)})


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake whose 120 members all agreed to messages, but for one."""
    made = Lake(tmp_path / "lake")
    ids = [f"C{i:06}" for i in range(1, 122)]
    members = pl.DataFrame(
        {"customer_id": ids, "region": "east", "may_sms": [True] * 120 + [False], "tags": [[]] * 121}
    )
    batch = {"batch": "members", "source": "crm", "by": "crm", "now": NOW}
    filing.file_rows(made, CONTRACTS["customers"], members, **batch)
    return made


def proposed(lake: Lake, terms: Terms = TERMS, eligible: pl.DataFrame | None = None) -> None:
    rows = people() if eligible is None else eligible
    state = rows.select(pl.lit(NOW.date()).alias("as_of"), pl.all()).with_columns(terms=pl.lit(terms.as_text()))
    lake.write_state("invitations-proposed", state)


def test_a_proposed_list_is_drawn_filed_whole_and_found_again_as_it_was_frozen(lake: Lake) -> None:
    unwilling = people(1).with_columns(recipient_id=pl.lit("C000121"))
    proposed(lake, eligible=pl.concat([people(), unwilling]))
    made = book.draw(lake, "invitations", at=NOW, by="li")
    found = book.find(lake, "L2026-09")
    assert found.life.drawn is not None
    assert found.life.drawn.table.equals(made.drawn.table)
    assert (found.life.owner, found.life.state, found.row["control_bp"]) == ("li", "drawn", 2000)
    assert found.rows.group_by("group").len().sort("group").rows() == [("contact", 80), ("control", 20)]
    draws = lake.table("draws").collect()
    assert draws["recipients"].to_list() == [101, 100, 100, 100, 100, 100], "one did not agree"
    assert draws["example_keys"].to_list()[1] == ["C00…21"]
    contact = found.contact.sort("rank")
    assert contact["value_minor"].is_sorted(descending=True)
    assert contact["rank"].to_list() == list(range(1, 81))


def test_a_list_cannot_be_drawn_twice_edited_enlarged_or_cut(lake: Lake) -> None:
    proposed(lake)
    book.draw(lake, "invitations", at=NOW, by="li")
    proposed(lake, eligible=people(120))
    with pytest.raises(ModelError) as error:
        book.draw(lake, "invitations", at=NOW, by="li")
    assert error.value.code == "outreach.drawn"
    found = book.find(lake, "L2026-09")
    stranger = found.rows.head(1).with_columns(recipient_id=pl.lit("C999999"))
    swapped = found.rows.with_columns(
        group=pl.when(pl.col("recipient_id") == "C000001")
        .then(pl.lit("contact" if found.rows["group"][0] == "control" else "control"))
        .otherwise(pl.col("group").cast(pl.String)),
        rank=pl.lit(None, dtype=pl.Int32),
    )
    for rows in (found.rows.tail(-1), pl.concat([found.rows, stranger]), swapped):
        with pytest.raises(ModelError) as error:
            book.put_rows(lake, found, rows, by="li", at=NOW)
        assert error.value.code == "outreach.drawn"
        where = {"list_id": "L2026-09", "version": 1}
        filing.settle(lake, CONTRACTS["outreach"], rows, where=where, by="thief", now=NOW)
        with pytest.raises(ModelError) as error:
            book.find(lake, "L2026-09")
        assert error.value.code == "outreach.drawn"
        filing.settle(lake, CONTRACTS["outreach"], found.rows, where=where, by="li", now=NOW)


def test_what_died_before_the_end_is_not_there_and_is_drawn_anew(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    proposed(lake)
    with monkeypatch.context() as patch:
        patch.setattr(book, "file_rows", lambda *_, **__: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            book.draw(lake, "invitations", at=NOW, by="li")
    assert book.names(lake) == []
    proposed(lake, eligible=people(60))
    book.draw(lake, "invitations", at=NOW, by="li")
    assert book.find(lake, "L2026-09").rows.height == 60


def test_only_another_approves_and_a_cancelled_list_has_a_new_version_with_the_same_control(lake: Lake) -> None:
    proposed(lake)
    first = book.draw(lake, "invitations", at=NOW, by="li")
    listed = book.find(lake, "L2026-09")
    with pytest.raises(ModelError) as error:
        book.move(lake, listed, "approved", at=NOW, by="li")
    assert error.value.code == "outreach.own_approval"
    assert book.find(lake, "L2026-09").life.state == "drawn"
    book.move(lake, listed, "cancelled", at=NOW + timedelta(hours=1), by="wang")
    second = book.draw(lake, "invitations", at=NOW + timedelta(hours=2), by="li")
    assert second.drawn.version == 2
    assert second.drawn.table.equals(first.drawn.table), "drawing again until one likes the control is no use"
    moved = book.move(lake, book.find(lake, "L2026-09"), "approved", at=NOW + timedelta(hours=3), by="wang")
    found = book.find(lake, "L2026-09")
    assert (found.life.state, found.row["approved_by"], found.row["version"]) == ("approved", "wang", 2)
    assert moved.life.steps == found.life.steps
    assert lake.table("campaigns").collect().height == 2, "the first version stays"


def test_two_who_draw_at_once_make_one_list(lake: Lake) -> None:
    proposed(lake)
    with lake.writing(book.PEN), pytest.raises(LakeError) as error:
        book.draw(lake, "invitations", at=NOW, by="li")
    assert error.value.code == "lake.locked"


@pytest.mark.parametrize(
    ("code", "terms", "eligible"),
    [
        ("outreach.bad_list_id", Terms("L'; drop", "x", "repeat", "sms", ""), people()),
        ("outreach.empty_list", TERMS, people().head(0)),
        ("outreach.control_small", Terms("L1", "x", "repeat", "sms", "", control_bp=100), people()),
    ],
)
def test_what_cannot_be_drawn_is_refused(lake: Lake, code: str, terms: Terms, eligible: pl.DataFrame) -> None:
    proposed(lake, terms, pl.concat([eligible, people().head(1)]) if eligible.is_empty() else eligible)
    with pytest.raises(ModelError) as error:
        book.file(lake, eligible, terms, at=NOW, by="li")
    assert error.value.code == code
    assert not lake.has("campaigns")


def test_without_a_proposal_or_a_list_the_refusal_says_which(lake: Lake) -> None:
    with pytest.raises(ModelError, match="invitations"):
        book.draw(lake, "invitations", at=NOW, by="li")
    with pytest.raises(ModelError, match="L9"):
        book.find(lake, "L9")
