"""The last month's money: how receipts were paid, and the book of every till, every payment code, and the bank.

The book says what the tills say, except where it was planted otherwise (`truth/cash.parquet`): two days on which less
cash was booked than taken, one bag of takings that left and never arrived, one till whose takings lie, two counts that
did not match. Card sales, what partners pay, what suppliers and bills cost, are those of the other books.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from crmlib.core.apportion import largest_remainder
from crmlib.simulate import exports
from crmlib.simulate.receipts import Book
from crmlib.simulate.season import EPOCH
from crmlib.simulate.story import Telling, World
from crmlib.simulate.vocabulary import toml

FEE_BP = 38
"""What the code's operator keeps of a payment [basis points]."""
BANKING = (0, 2, 4)
"""Weekdays on which cash is taken to the bank."""
LOST_BEFORE = 5
"""A bag that left at least so many days ago and never arrived."""
SHORT, MISSED, COUNTS = 20_000, 2, (-3_500, 500)
ROW = pl.Schema(
    {"account_id": pl.String(), "day": pl.Int64(), "kind": pl.String(), "fen": pl.Int64(), "ref_id": pl.String()}
)
BANK = "B001"


def write(
    world: World, told: Telling, book: Book, orders: pl.DataFrame, folder: Path, *, first: int, rng: np.random.Generator
) -> None:
    """Write tenders, accounts, cash_moves and the truth, from day `first` on.

    Parameters
    ----------
    orders : of purchases: order_id, due (day), fen.
    """
    paid = _by_cards(_tenders(world, told, book, first), folder, world)
    _write_tenders(paid, world, folder)
    takings = _takings(paid, world.shops.frame["store_id"])
    till = pl.col("account_id").str.starts_with("T")
    booked, planted = _planted(takings.filter(till), world, rng)
    moves = pl.concat([booked, takings.filter(~till), _stored_sales(folder, first, world.last_day)])
    moves = moves.group_by("account_id", "day", "kind", "ref_id").agg(pl.col("fen").sum()).select(ROW.names())
    slow = _slow(moves, planted, rng)
    out = pl.concat([_banked(moves.filter(till), world, slow, first), _settled(moves.filter(~till), world, first)])
    out = out.sort("day", "account_id", "kind").with_row_index("n", offset=1)
    out = out.with_columns(ref_id=pl.format("JK{}", "n")).drop("n")
    lost, into = _arrived(out, world, rng)
    counted = planted.filter(pl.col("what") == "count").select(
        "account_id", "day", kind=pl.lit("adjust"), fen="fen", ref_id=pl.lit(None, dtype=pl.String)
    )
    parts = [moves, out, into, counted, _fees(moves, world, first), _bank(folder, orders, first, world)]
    _write_moves(pl.concat([p.select(ROW.names()).cast(ROW) for p in parts]), first, folder)
    _write_accounts(pl.concat([moves["account_id"], out["account_id"]]).unique(), world, folder)
    truth = pl.concat([planted, lost, slow]).with_columns(day=_date(pl.col("day")))
    truth.select("what", store_id=pl.col("account_id").str.slice(1), day="day", amount_minor="fen").write_parquet(
        folder / "truth" / "cash.parquet", compression="zstd"
    )


def _write_accounts(used: pl.Series, world: World, folder: Path) -> None:
    """A till and a code account per shop that had money, and the company's bank account."""
    words = toml("words")["account"]
    shops = world.shops.frame.select("store_id", "name")
    parts = [
        shops.select(
            account_id=letter + pl.col("store_id"), kind=pl.lit(words[kind]), store_id="store_id",
            name=pl.concat_str(["name", pl.lit(words[f"{kind}_name"])]),
        )
        for letter, kind in (("T", "till"), ("W", "wallet"))
    ]  # fmt: skip
    shown = pl.concat(parts).filter(pl.col("account_id").is_in(used.implode())).sort("account_id")
    bank = pl.DataFrame([(BANK, words["bank"], None, words["bank_name"])], schema=shown.schema, orient="row")
    exports.write_csv(pl.concat([shown, bank]), folder / "accounts.csv.gz", table="accounts")


def _date(day: pl.Expr) -> pl.Expr:
    return day.cast(pl.Int32).cast(pl.Date)


def _tenders(world: World, told: Telling, book: Book, first: int) -> pl.DataFrame:
    """How each receipt was paid: receipt_id, line_no, store, day, second, tender, fen; sums to the receipts.

    A receipt paid by several means was paid half in cash. Points paid as much of their receipts as the points account
    says was used by the month's end; the rest of these receipts was paid by code.
    """
    back = {word: key for key, word in toml("words")["tender"].items()}
    rows = pl.concat(book.paid).filter(pl.col("day") >= first).with_columns(
        pl.col("tender").replace_strict(back, return_dtype=pl.String), fen="net_minor"
    ).sort("day", "store", "receipt_id", "tender")  # fmt: skip
    mixed, points = pl.col("tender") == "mixed", (pl.col("tender") == "points") & (pl.col("fen") > 0)
    plain = rows.filter(~mixed & (pl.col("tender") != "points"))
    two, by_points = rows.filter(mixed), rows.filter(points)
    used = sum(fen for day, fen in told.redeemed.items() if first <= day <= world.last_day)
    weights = by_points["fen"].to_numpy()
    total = min(used, int(weights.sum()))
    share = largest_remainder(weights, np.array([total]), np.array([0])) if weights.size else weights
    by_points = by_points.with_columns(pl.Series("share", share, dtype=pl.Int64))
    half = pl.col("fen") // 2
    parts = [
        plain.with_columns(line_no=pl.lit(1)),
        rows.filter((pl.col("tender") == "points") & (pl.col("fen") <= 0)).with_columns(
            line_no=pl.lit(1), tender=pl.lit("wallet")
        ),
        two.with_columns(line_no=pl.lit(1), tender=pl.lit("cash"), fen=half),
        two.with_columns(line_no=pl.lit(2), tender=pl.lit("wallet"), fen=pl.col("fen") - half),
        by_points.with_columns(line_no=pl.lit(1), fen="share").drop("share"),
        by_points.with_columns(
            line_no=pl.lit(2), tender=pl.lit("wallet"), fen=pl.col("fen") - pl.col("share")
        ).drop("share"),
    ]  # fmt: skip
    columns = ["receipt_id", "line_no", "store", "day", "second", "tender", "fen"]
    made = pl.concat([p.select(columns) for p in parts]).filter(pl.col("fen") != 0)
    return made.sort("day", "store", "receipt_id", "line_no")


def by_code(book: Book, ids: pl.Series, first: int) -> dict[tuple[str, int], int]:
    """What receipts paid by code or stored card came to, by store and day from `first` on [fen]: cards draw no more."""
    words = toml("words")["tender"]
    rows = pl.concat(book.paid).filter(
        pl.col("day") >= first, pl.col("tender").is_in([words["wallet"], words["stored"]]), pl.col("net_minor") > 0
    )
    sums = rows.group_by("store", "day").agg(pl.col("net_minor").sum())
    return {(str(ids[int(store)]), int(day)): int(fen) for store, day, fen in sums.iter_rows()}


def _by_cards(paid: pl.DataFrame, folder: Path, world: World) -> pl.DataFrame:
    """Stored cards paid what their account says was drawn in the store that day; the rest was paid by code.

    The largest receipts first; the two books then say the same of every store and day.
    """
    drawn = exports.read_csv(folder / "card_moves.csv.gz", table="card_moves").filter(
        pl.col("kind") == toml("words")["card_kind"]["redeem"]
    )
    day = pl.col("at").str.slice(0, 10).str.to_date().to_physical().cast(pl.Int64)
    sums = drawn.group_by("store_id", day=day).agg(
        drawn=-(pl.col("amount").cast(pl.Float64) * 100).round().cast(pl.Int64).sum()
    )
    ids = world.shops.frame["store_id"]
    sums = sums.join(pl.DataFrame({"store_id": ids, "store": range(ids.len())}), on="store_id").drop("store_id")
    sums = sums.with_columns(pl.col("store").cast(paid.schema["store"]), pl.col("day").cast(paid.schema["day"]))
    code = pl.col("tender").is_in(["wallet", "stored"])
    rows = paid.filter(code).with_columns(tender=pl.lit("wallet")).join(sums, on=["store", "day"], how="left")
    rows = rows.sort("store", "day", "fen", "receipt_id", "line_no", descending=[False, False, True, False, False])
    sold = pl.col("fen").clip(lower_bound=0)
    before = sold.cum_sum().over("store", "day") - sold
    rows = rows.with_columns(share=(pl.col("drawn").fill_null(0) - before).clip(0, sold))
    cards = rows.with_columns(tender=pl.lit("stored"), fen="share")
    rest = rows.with_columns(
        pl.col("fen") - pl.col("share"),
        line_no=pl.when(pl.col("share") > 0).then(pl.col("line_no") + 2).otherwise("line_no"),
    )
    made = pl.concat([paid.filter(~code), *(p.select(paid.columns).cast(paid.schema) for p in (cards, rest))])
    return made.filter(pl.col("fen") != 0).sort("day", "store", "receipt_id", "line_no")


def _write_tenders(paid: pl.DataFrame, world: World, folder: Path) -> None:
    words = toml("words")["paid_by"]
    at = _date(pl.col("day")).cast(pl.Datetime("us")) + pl.duration(seconds="second")
    shown = paid.select(
        "receipt_id", "line_no", store_id=pl.lit(world.shops.frame["store_id"]).gather(pl.col("store")),
        at=at.dt.strftime("%Y-%m-%d %H:%M"), tender=pl.col("tender").replace_strict(words),
        amount=(pl.col("fen") / 100).round(2),
    )  # fmt: skip
    exports.write_csv(shown, folder / "tenders.csv.gz", table="tenders")


def _takings(paid: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """Cash into tills, cards and codes into the store's code account, sales and what was paid back apart."""
    money = paid.filter(pl.col("tender").is_in(["cash", "card", "wallet"])).with_columns(
        account_id=pl.when(pl.col("tender") == "cash").then(pl.lit("T")).otherwise(pl.lit("W"))
        + pl.lit(ids).gather(pl.col("store")),
        kind=pl.when(pl.col("fen") > 0).then(pl.lit("sale")).otherwise(pl.lit("sale_return")),
        ref_id=pl.lit(None, dtype=pl.String),
    )
    return money.group_by("account_id", "day", "kind", "ref_id").agg(pl.col("fen").sum()).select(list(ROW)).cast(ROW)


def _stored_sales(folder: Path, first: int, last: int) -> pl.DataFrame:
    """What customers paid by code for cards and vouchers, as these books say."""
    cards = exports.read_csv(folder / "card_moves.csv.gz", table="card_moves").select(
        store="store_id", day=pl.col("at").str.slice(0, 10).str.to_date(), yuan=pl.col("paid").cast(pl.Float64)
    )
    vouchers = exports.read_csv(folder / "vouchers.csv.gz", table="vouchers").select(
        store="sold_store", day=pl.col("sold_at").str.slice(0, 10).str.to_date(), yuan=pl.col("sold").cast(pl.Float64)
    )
    both = pl.concat([cards, vouchers]).with_columns(pl.col("day").to_physical().cast(pl.Int64))
    both = both.filter(pl.col("day").is_between(first, last), pl.col("yuan") > 0)
    return both.select(
        account_id="W" + pl.col("store"), day="day", kind=pl.lit("card_sale"),
        fen=(pl.col("yuan") * 100).round().cast(pl.Int64), ref_id=pl.lit(None, dtype=pl.String),
    ).cast(ROW)  # fmt: skip


PLANTED = pl.Schema({"what": pl.String(), "account_id": pl.String(), "day": pl.Int64(), "fen": pl.Int64()})


def _planted(tills: pl.DataFrame, world: World, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Takings as booked: on two days less than the tills took, once not at all; and two counts that did not match."""
    late = tills.filter(
        pl.col("kind") == "sale", pl.col("day") > world.last_day - 20, pl.col("day") < world.last_day - 1,
        pl.col("fen") > SHORT + 5_000,
    ).sort("day", "account_id")  # fmt: skip
    if late.height < MISSED:
        return tills, pl.DataFrame(schema=PLANTED)
    chosen = late[np.sort(rng.choice(late.height, MISSED, replace=False))]
    less = [min(SHORT, int(chosen["fen"][0])), int(chosen["fen"][1])]
    short = chosen.select("account_id", "day", "kind").with_columns(less=pl.Series(less))
    booked = tills.join(short, on=["account_id", "day", "kind"], how="left", maintain_order="left")
    booked = booked.with_columns(pl.col("fen") - pl.col("less").fill_null(0)).drop("less").filter(pl.col("fen") != 0)
    counts = late[np.sort(rng.choice(late.height, len(COUNTS), replace=False))]
    planted = [
        short.select(pl.lit("not_booked").alias("what"), "account_id", "day", fen="less"),
        counts.select(pl.lit("count").alias("what"), "account_id", "day", fen=pl.Series(COUNTS)),
    ]
    return booked, pl.concat([p.cast(PLANTED) for p in planted])


def _slow(moves: pl.DataFrame, planted: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """The till that banks once a month: one of the larger third, nothing else planted in it."""
    tills = moves.filter(pl.col("account_id").str.starts_with("T")).group_by("account_id").agg(pl.col("fen").sum())
    tills = tills.join(planted, on="account_id", how="anti").sort("fen", "account_id", descending=True)
    if tills.is_empty():
        return pl.DataFrame(schema=PLANTED)
    chosen = tills.row(int(rng.integers(max(tills.height // 3, 1))), named=True)
    row = ("slow", chosen["account_id"], None, chosen["fen"])
    return pl.DataFrame([row], schema=PLANTED, orient="row")


def _banked(tills: pl.DataFrame, world: World, slow: pl.DataFrame, first: int) -> pl.DataFrame:
    """Cash that leaves the tills on banking days: all that has come in by the evening before."""
    rows = []
    for (account,), part in tills.sort("account_id", "day").group_by(["account_id"], maintain_order=True):
        by_day = dict(part.group_by("day").agg(pl.col("fen").sum()).iter_rows())
        held = 0
        for day in range(first, world.last_day + 1):
            weekday = (EPOCH + timedelta(days=day)).weekday()
            goes = day == first + 7 if account in slow["account_id"] else weekday in BANKING
            if goes and held > 0:
                rows.append((account, day, "banked_out", -held, None))
                held = 0
            held += by_day.get(day, 0)
    return pl.DataFrame(rows, schema=ROW, orient="row")


def _settled(codes: pl.DataFrame, world: World, first: int) -> pl.DataFrame:
    """What codes pay out: on working days all of the days before."""
    rows = []
    for (account,), part in codes.sort("account_id", "day").group_by(["account_id"], maintain_order=True):
        by_day = dict(part.group_by("day").agg(pl.col("fen").sum()).iter_rows())
        held = 0
        for day in range(first, world.last_day + 1):
            if (EPOCH + timedelta(days=day)).weekday() < 5 and held > 0:
                rows.append((account, day, "banked_out", -held, None))
                held = 0
            held += by_day.get(day, 0)
    return pl.DataFrame(rows, schema=ROW, orient="row")


def _arrived(out: pl.DataFrame, world: World, rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The bag that was lost, and what came in at the bank: codes on the same day, cash on the next."""
    code = pl.col("account_id").str.starts_with("W")
    into = out.with_columns(day=pl.col("day") + (~code).cast(pl.Int64), kind=pl.lit("banked_in"), fen=-pl.col("fen"))
    bags = into.filter(~code & (pl.col("day") < world.last_day - LOST_BEFORE)).sort("fen", "ref_id", descending=True)
    lost = pl.DataFrame(schema=PLANTED)
    if bags.height:
        bag = bags.row(int(rng.integers(max(bags.height // 4, 1))), named=True)
        into = into.filter(pl.col("ref_id") != bag["ref_id"])
        lost = pl.DataFrame([("lost", bag["account_id"], bag["day"] - 1, bag["fen"])], schema=PLANTED, orient="row")
    return lost, into.filter(pl.col("day") <= world.last_day).with_columns(account_id=pl.lit(BANK))


def _fees(moves: pl.DataFrame, world: World, first: int) -> pl.DataFrame:
    """What the codes' operator takes off the bank account for each half of the month."""
    sales = moves.filter(pl.col("account_id").str.starts_with("W"))
    rows = []
    for begin, end in ((first, first + 14), (first + 15, world.last_day)):
        taken = int(sales.filter(pl.col("day").is_between(begin, end))["fen"].sum())
        rows.append((BANK, min(end, world.last_day), "fee", -(taken * FEE_BP // 10_000), None))
    return pl.DataFrame(rows, schema=ROW, orient="row").filter(pl.col("fen") != 0)


def _bank(folder: Path, orders: pl.DataFrame, first: int, world: World) -> pl.DataFrame:
    """Partners' payments, suppliers' due orders and the month's bills through the bank."""
    day = pl.col("at").str.slice(0, 10).str.to_date().to_physical().cast(pl.Int64)
    fen = (pl.col("amount").cast(pl.Float64) * 100).round().cast(pl.Int64)
    paid = exports.read_csv(folder / "payments.csv.gz", table="payments").select(
        account_id=pl.lit(BANK), day=day, kind=pl.lit("collection"), fen=fen, ref_id="payment_id"
    )
    due = orders.select(
        account_id=pl.lit(BANK), day="due", kind=pl.lit("payment"), fen=-pl.col("fen"), ref_id="order_id"
    )
    month: date = EPOCH + timedelta(days=int(world.last_day))
    bills = exports.read_csv(folder / "expenses.csv.gz", table="expenses").filter(
        pl.col("month") == str(month.replace(day=1))
    ).group_by("line", maintain_order=True).agg(fen.sum())  # fmt: skip
    bills = bills.select(
        account_id=pl.lit(BANK), day=pl.lit(min(world.last_day, first + 24)), kind=pl.lit("expense"),
        fen=-pl.col("amount"), ref_id="line",
    )  # fmt: skip
    rows = pl.concat([p.cast(ROW) for p in (paid, due, bills)])
    return rows.filter(pl.col("day").is_between(first, world.last_day))


def _write_moves(rows: pl.DataFrame, first: int, folder: Path) -> None:
    """Every move in order; the bank opens with what it needs to stay above nothing."""
    words = toml("words")["cash_kind"]
    run = rows.filter(pl.col("account_id") == BANK).sort("day").group_by("day", maintain_order=True).agg(
        pl.col("fen").sum()
    )["fen"].cum_sum()  # fmt: skip
    lowest = min(int(run.min() or 0), 0) if run.len() else 0  # type: ignore[arg-type]
    opening = pl.DataFrame([(BANK, first, "open", -lowest + 50_000_00, None)], schema=ROW, orient="row")
    order = pl.col("kind").replace_strict({kind: n for n, kind in enumerate(words)}, return_dtype=pl.Int8)
    made = pl.concat([opening, rows]).sort("day", "account_id", order, "ref_id").with_row_index("n", offset=1)
    shown = made.select(
        move_id=pl.format("X{}", "n"), account_id="account_id", at=pl.format("{} 21:30", _date(pl.col("day"))),
        value_on=_date(pl.col("day")), kind=pl.col("kind").replace_strict(words),
        amount=(pl.col("fen") / 100).round(2), ref_id="ref_id",
    )  # fmt: skip
    exports.write_csv(shown, folder / "cash_moves.csv.gz", table="cash_moves")
