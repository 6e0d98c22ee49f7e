"""Vouchers by festival: sold less drawn less expired is open; the forecast goes by days to the festival."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmlib.balances.ledgers import offences, roll
from crmlib.balances.liability import cards, held, stored
from crmlib.core.calendar import festival_day
from crmlib.simulate.vocabulary import toml

AS_OF = date(2026, 10, 31)
BACK = {
    name: {v: k for k, v in toml("words")[name].items()}
    for name in ("voucher_kind", "card_kind", "held_kind", "slot", "paid_by")
}


def read(folder: Path, name: str) -> pl.DataFrame:
    h = toml("headers")[name]
    raw = pl.read_csv(folder / f"{name}.csv.gz", infer_schema=False).rename({v: k for k, v in h.items()})
    days = [pl.col(c).str.to_date() for c in raw.columns if c.endswith("_on")]
    times = [pl.col(c).str.to_datetime("%Y-%m-%d %H:%M") for c in ("at", "sold_at") if c in raw.columns]
    money = [
        (pl.col(c).cast(pl.Float64) * 100).round().cast(pl.Int64).alias(f"{c}_minor")
        for c in ("amount", "paid", "value", "sold")
        if c in raw.columns
    ]
    return raw.with_columns(*days, *times, *money)


@pytest.fixture(scope="module")
def lives(root: Path) -> pl.DataFrame:
    folder = root / "data_samples"
    vouchers = read(folder, "vouchers").with_columns(
        pl.col("festival").replace_strict(BACK["slot"]),
        pl.col("festival_year").cast(pl.Int32),
        quantity_milli=pl.lit(1000, dtype=pl.Int64),
    )
    moves = read(folder, "voucher_moves").with_columns(pl.col("kind").replace_strict(BACK["voucher_kind"]))
    return stored.lives(vouchers, moves, as_of=AS_OF)


def test_sold_less_drawn_and_expired_is_open_in_vouchers_and_fen(lives):
    lines = {line: (count, money) for line, count, money in stored.identity(lives).iter_rows()}
    rest = lives.filter(pl.col("gone_on").is_null())
    assert lines["rest"] == (rest.height, rest["sold_minor"].sum())
    assert sum(count for line, (count, _) in lines.items() if line != "rest") == rest.height


def test_the_forecast_of_the_next_festival_holds_what_is_really_drawn(lives, root: Path):
    found = stored.festival(lives, as_of=AS_OF)
    assert (found.batch, found.on) == ("spring_festival-2027", festival_day("spring_festival", 2027))
    truth = pl.read_parquet(root / "data_samples" / "truth" / "vouchers.parquet")
    later = truth.filter(pl.col("batch_id") == found.batch)["drawn_later"].item()
    assert found.future.judged
    assert found.future.low <= later <= found.future.high
    assert found.rows["open_milli"].sum() == found.open * 1000
    assert dict(truth.select("batch_id", "sold").iter_rows())["mid_autumn-2026"] == 90


def test_two_weeks_before_the_last_festival_the_forecast_was_right_too(root: Path, lives):
    then = festival_day("mid_autumn", 2026) - timedelta(days=14)
    seen = lives.filter(pl.col("sold_on") <= then).with_columns(
        gone_on=pl.when(pl.col("gone_on") <= then).then("gone_on"), how=pl.when(pl.col("gone_on") <= then).then("how")
    )
    found = stored.festival(seen, as_of=then)
    mine = lives.filter(pl.col("batch_id") == "mid_autumn-2026", pl.col("sold_on") <= then)
    true = mine.filter(pl.col("how") == "redeem", pl.col("gone_on") > then, pl.col("gone_on") <= found.on).height
    assert found.batch == "mid_autumn-2026"
    assert found.future.expected == pytest.approx(true, rel=0.15)
    naive = mine.height * seen.filter(pl.col("how") == "redeem").height / seen.height
    assert abs(found.future.expected - true) < abs(naive - true), "by share drawn so far"


def test_without_a_waiting_festival_there_is_no_forecast(lives):
    assert stored.festival(lives.filter(pl.col("festival_on") < AS_OF), as_of=AS_OF) is None
    first = lives.filter(pl.col("batch_id") == "spring_festival-2027")
    alone = stored.festival(first, as_of=AS_OF)
    assert (alone.future.expected, alone.future.low, alone.future.high) == (None, 0.0, float(alone.open))


def test_the_samples_cards_and_held_goods_close_and_none_falls_below_zero(root: Path):
    moves = read(root / "data_samples", "card_moves").with_columns(pl.col("kind").replace_strict(BACK["card_kind"]))
    made = roll("cards", moves, first=date(2026, 10, 1), last=AS_OF)
    assert offences("cards", moves).is_empty()
    assert made.totals["closing"] == moves["amount_minor"].sum() > 0
    kept = read(root / "data_samples", "held_moves").with_columns(
        pl.col("kind").replace_strict(BACK["held_kind"]),
        lot_id=pl.lit(None, dtype=pl.String),
        quantity_milli=pl.col("quantity").cast(pl.Int64) * 1000,
    )
    assert offences("held", kept).is_empty()
    assert held.owed(kept, as_of=AS_OF)["value_minor"].sum() == kept["value_minor"].sum()


def test_the_samples_tills_and_cards_say_the_same_of_every_store_and_day(root: Path):
    """They did not once: tills took 24,445 yuan on cards in October 2026, the cards' account drew 2,000."""
    moves = read(root / "data_samples", "card_moves").with_columns(pl.col("kind").replace_strict(BACK["card_kind"]))
    paid = read(root / "data_samples", "tenders").with_columns(pl.col("tender").replace_strict(BACK["paid_by"]))
    lines = cards.beside_tills(moves, paid, first=date(2026, 10, 1), last=AS_OF)
    assert lines.height > 20 and lines["left"].sum() > 0
    assert lines.filter(pl.col("unexplained") != 0).is_empty()
    drawn = moves.filter(pl.col("kind") == "redeem", pl.col("at").cast(pl.Date) >= date(2026, 10, 1))
    assert lines["right"].sum() == -drawn["amount_minor"].sum()


def test_a_card_drawn_without_a_receipt_is_a_line_of_its_store_and_day():
    names = ["store_id", "at", "kind", "amount_minor"]
    moves = pl.DataFrame(
        [("s", date(2026, 3, 2), "redeem", -500), ("s", date(2026, 3, 2), "return", 100),
         ("t", date(2026, 3, 3), "redeem", -70), ("t", date(2026, 3, 3), "top_up", 900)], schema=names, orient="row",
    )  # fmt: skip
    paid = pl.DataFrame({
        "store_id": ["s", "s", "t"], "at": [date(2026, 3, 2)] * 3, "tender": ["stored", "stored", "cash"],
        "amount_minor": [500, -100, 70],
    })  # fmt: skip
    span = {"first": date(2026, 3, 1), "last": date(2026, 3, 31)}
    assert cards.beside_tills(moves, paid, **span).rows() == [
        ("s", date(2026, 3, 2), 400, 400, 0), ("t", date(2026, 3, 3), 0, 70, -70),
    ]  # fmt: skip
    nowhere = moves.with_columns(store_id=pl.lit(None, dtype=pl.String))
    assert cards.beside_tills(nowhere, paid, **span).rows() == [(None, None, 400, 470, -70)]
