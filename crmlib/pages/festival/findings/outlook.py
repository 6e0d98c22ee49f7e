"""Short or left: the first sentence, the progress by lunar days, goods and shops."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import polars as pl

from crmlib.core.money import MINOR_PER_UNIT
from crmlib.kit import table as views
from crmlib.kit.charts import labelled
from crmlib.kit.charts.rows import toned
from crmlib.kit.finding import Answer, Figure, Finding
from crmlib.kit.words import Words
from crmlib.outreach.festival import FROM, TO, Forecast
from crmlib.outreach.festival_goods import DAY, Feast
from crmlib.pages.festival import charts

MANY = 0.10
"""More than a tenth short of what is asked, or left of what lies, is too much."""
SHOWN = 12
HIDDEN = ("plan_milli", "to_sell_milli", "drawn_milli", "short_milli", "short_margin_minor")
"""Columns that are not shown while all of them are nothing."""
LIES = ("on_hand_milli", "left_milli", "short_milli", "left_minor", "short_minor")


@dataclass(frozen=True, slots=True)
class Facts:
    """What every card begins with.

    Parameters
    ----------
    feast, phase, as_of : the festival and where the page's day stands.
    last_order, markdown_on : days on which something is due.
    counted : whether anything that lies is known.
    """

    feast: Feast
    phase: str
    as_of: date
    last_order: date
    markdown_on: date
    counted: bool


def called(feast: Feast, words: Words, *, year: bool = False) -> str:
    """What the festival is called."""
    name = words(f"calendar.festival.{feast.slot}")
    return words("festival.of_year", festival=name, year=feast.year) if year else name


def units(milli: object, words: Words) -> str:
    """Whole pieces."""
    return words.format.count(round(int(milli or 0) / 1000))  # type: ignore[call-overload]


def sums(rows: pl.DataFrame) -> dict[str, int]:
    """Totals of the counted shelves of `festival_goods.priced`: sold, to_sell, on_hand, left, short, gifts, money."""
    known = rows.filter(pl.col("on_hand_milli").is_not_null())
    gifts = known.filter(pl.col("is_gift").fill_null(value=False))
    total = {name: int(rows[f"{name}_milli"].sum()) for name in ("sold", "to_sell", "drawn")}
    total |= {name: int(known[f"{name}_milli"].sum()) for name in ("on_hand", "left", "short")}
    total |= {"left_gifts": int(gifts["left_milli"].sum()), "short_gifts": int(gifts["short_milli"].sum())}
    total |= {"left_minor": int(known["left_minor"].sum()), "short_minor": int(known["short_minor"].sum())}
    total["asked"] = int(known["to_sell_milli"].sum()) + int(known["drawn_milli"].sum())
    return total | {"shelves": known.height, "shops": known["store_id"].n_unique()}


def kind_of(facts: Facts, total: dict[str, int]) -> str:
    """What the first sentence says; ``late`` is short when no order arrives any more."""
    if not facts.counted:
        return "uncounted"
    if facts.phase in ("after", "over"):
        return f"{facts.phase}_left" if total["left"] > 0 else "over_clear"
    short = total["short"] > MANY * max(total["asked"], 1)
    left = total["left"] > MANY * max(total["on_hand"], 1)
    if short and (not left or total["short_minor"] >= total["left_minor"]):
        return "late" if facts.as_of > facts.last_order else "short"
    return "left" if left else "even"


def answer(
    facts: Facts, made: Forecast, rows: pl.DataFrame, moved: pl.DataFrame, *, words: Words, out: int | None, bought: int
) -> Answer:
    """As `answer`, of explicit results.

    Parameters
    ----------
    out : vouchers out; none where they are not connected. bought : received this month though the festival is over.
    """
    form, total = words.format, sums(rows)
    kind = kind_of(facts, total)
    values = _values(facts, made, total, words) | {
        "moved": units(moved["quantity_milli"].sum(), words),
        "bought": words("festival.bought", units=units(bought, words)) if bought > 0 else "",
    }
    figures = [
        Figure(words("festival.figure.sold"), units(made.sold_milli, words), key="sold", amount=made.sold_milli / 1000)
    ]
    if made.offset < TO:
        figures.append(
            Figure(
                words("festival.figure.expected"), units(made.total_milli, words), key="expected",
                comparison=values["range"], amount=made.total_milli / 1000,
            )
        )  # fmt: skip
    if facts.counted:
        figures += [
            Figure(
                words(f"festival.figure.{name}"), units(total[name], words), key=name, comparison=form.money(money),
                tone="bad" if share > MANY else "neutral", amount=total[name] / 1000,
            )
            for name, money, share in (
                ("short", total["short_minor"], total["short"] / max(total["asked"], 1)),
                ("left", total["left_minor"], total["left"] / max(total["on_hand"], 1)),
            )
            if facts.phase != "over" or name == "left"
        ]  # fmt: skip
    if out is not None:
        figures.append(Figure(words("festival.figure.vouchers"), form.count(out), key="vouchers", amount=out))
    return Answer(words(f"festival.answer.{kind}", **values), tuple(figures))


def _values(facts: Facts, made: Forecast, total: dict[str, int], words: Words) -> dict[str, str]:
    form = words.format
    offset = facts.feast.offset(facts.as_of)
    ranged = "range" if made.low_milli != made.high_milli else "closed" if made.offset >= TO else "one"
    return {
        "festival": called(facts.feast, words), "day": form.day(facts.feast.on), "days": form.count(abs(offset)),
        "short": units(total["short"], words), "short_gifts": units(total["short_gifts"], words),
        "short_money": form.money(total["short_minor"]), "left": units(total["left"], words),
        "left_gifts": units(total["left_gifts"], words), "left_money": form.money(total["left_minor"]),
        "on_hand": units(total["on_hand"], words), "sold": units(made.sold_milli, words),
        "total": units(made.total_milli, words), "order": form.day(facts.last_order),
        "markdown": form.day(facts.markdown_on), "close": form.day(facts.feast.on + TO * DAY),
        "shops": form.count(total["shops"]),
        "range": words(
            f"festival.{ranged}", low=units(made.low_milli, words), high=units(made.high_milli, words),
            count=made.festivals,
        ),
    }  # fmt: skip


def unforecast(
    facts: Facts, curves: pl.DataFrame, plan: pl.DataFrame | None, *, words: Words, out: int | None
) -> Answer:
    """The first sentence while nothing can be forecast: when it begins, what last one's was, what is planned."""
    form = words.format
    past = curves.filter(pl.col("year") < facts.feast.year)
    last = past.filter(pl.col("year") == past["year"].max()) if past.height else past
    kind = "ahead" if last.height and facts.phase == "ahead" else "unforecast"
    planned = None if plan is None else int(plan["units_plan"].sum())
    values = {
        "festival": called(facts.feast, words), "day": form.day(facts.feast.on),
        "days": form.count(abs(facts.feast.offset(facts.as_of))), "open": form.day(facts.feast.on + FROM * DAY),
        "order": form.day(facts.last_order), "last": form.count(round(last["units"].max())) if last.height else "",  # type: ignore[arg-type]
        "plan": "" if planned is None else words("festival.planned", units=form.count(planned)),
    }  # fmt: skip
    figures = (
        [] if out is None else [Figure(words("festival.figure.vouchers"), form.count(out), key="vouchers", amount=out)]
    )
    if planned is not None:
        figures.append(Figure(words("festival.figure.plan"), form.count(planned), key="plan", amount=planned))
    return Answer(words(f"festival.answer.{kind}", **values), tuple(figures))


def progress(facts: Facts, made: Forecast, curves: pl.DataFrame, plan: pl.DataFrame | None, *, words: Words) -> Finding:
    """Sold by lunar day beside past festivals; the verdict holds the expected total against the plan, else last year's.

    Parameters
    ----------
    curves : year, offset, units. plan : units_plan of this festival, or none.
    """
    form = words.format
    past = curves.filter(pl.col("year") < facts.feast.year)
    last_year = past["year"].max()
    last = float(past.filter(pl.col("year") == last_year)["units"].to_numpy()[-1]) if past.height else None
    planned = None if plan is None else float(plan["units_plan"].sum())
    aim, against = (planned, "plan") if planned else (last, "last") if last else (None, "alone")
    gap = None if not aim else made.total_milli / 1000 / aim - 1
    far = gap is not None and abs(gap) > MANY
    kind = "alone" if gap is None else f"{against}_{'ahead' if gap > 0 else 'behind'}"
    values = {
        "festival": called(facts.feast, words), "total": units(made.total_milli, words),
        "sold": units(made.sold_milli, words), "aim": form.count(None if aim is None else round(aim)),
        "gap": form.share(None if gap is None else abs(gap)), "count": form.count(past["year"].n_unique()),
        "day": words.format.day(facts.as_of), "year": str(last_year or ""),
        "range": _values(facts, made, sums_of_nothing(), words)["range"],
    }  # fmt: skip
    named = curves.with_columns(
        name=pl.Series([words("festival.line", year=y) for y in curves["year"]], dtype=pl.String),
        now=pl.col("year") == facts.feast.year,
    )
    ends = (
        [("expected", made.total_milli / 1000, made.low_milli / 1000, made.high_milli / 1000)]
        if made.offset < TO
        else []
    )
    ends += [("plan", planned, planned, planned)] if planned else []
    marks = pl.DataFrame(
        [(TO, v, low, high, words(f"festival.end.{k}", units=form.count(round(v)))) for k, v, low, high in ends],
        schema={"offset": pl.Int64, "value": pl.Float64, "low": pl.Float64, "high": pl.Float64, "label": pl.String},
        orient="row",
    )
    table = _by_day(curves, facts.feast.year, last_year)
    over = made.offset >= TO
    values["will"] = words(f"festival.progress.{'did' if over else 'will'}")
    seen, sure, do = (words(f"festival.progress.{n}.over", **values) if over else None for n in ("seen", "sure", "do"))
    return Finding.worded(
        "festival.progress", kind, values, words=words, seen=seen, sure=sure, do=do,
        status="none" if gap is None else "warn" if far else "ok", table=table,
        view=views.readable(_weekly(table, made.offset), words=words),
        chart=charts.curves(named, marks, words=words, title=words("festival.axis.units")),
        row_key=("slot_offset",),
    )  # fmt: skip


def sums_of_nothing() -> dict[str, int]:
    """Zeros in the form of `sums`."""
    names = ("short", "short_gifts", "short_minor", "left", "left_gifts", "left_minor", "on_hand", "shops")
    return dict.fromkeys(names, 0)


def _by_day(curves: pl.DataFrame, year: int, last_year: object) -> pl.DataFrame:
    """slot_offset, festival_units, units_before (the last past festival)."""
    units_of = pl.col("units").round().cast(pl.Int64)
    now = curves.filter(year=year).select(slot_offset=pl.col("offset").cast(pl.Int32), festival_units=units_of)
    then = curves.filter(pl.col("year") == last_year).select(
        slot_offset=pl.col("offset").cast(pl.Int32), units_before=units_of
    )
    return now.join(then, on="slot_offset", how="full", coalesce=True).sort("slot_offset")


def _weekly(table: pl.DataFrame, offset: int) -> pl.DataFrame:
    """Whole weeks from the festival, and the page's day."""
    return table.filter(pl.col("slot_offset").is_in(sorted({*range(-42, TO + 1, 7), offset})))


def goods(
    facts: Facts, rows: pl.DataFrame, plan: pl.DataFrame | None, products: pl.DataFrame, *, words: Words
) -> Finding:
    """A row per good; the headline names the one with the most money short or left."""
    form = words.format
    known = pl.col("on_hand_milli").is_not_null()
    by = rows.group_by("product_id").agg(
        pl.col("sold_milli", "to_sell_milli", "drawn_milli").sum(),
        pl.when(known.any()).then(pl.col(*LIES).sum()),
        shelves_counted=known.sum().cast(pl.Int64), shelves=pl.len().cast(pl.Int64),
    )  # fmt: skip
    if plan is not None:
        planned = plan.group_by("product_id").agg(plan_milli=pl.col("units_plan").sum() * 1000)
        by = by.join(planned, on="product_id", how="left")
    else:
        by = by.with_columns(plan_milli=pl.lit(None, dtype=pl.Int64))
    names = products.select(
        "product_id",
        goods=pl.concat_str([pl.coalesce("name", "product_id"), pl.col("pack")], separator=" ", ignore_nulls=True),
    )
    money = pl.max_horizontal("left_minor", "short_minor")
    by = by.join(names, on="product_id", how="left")
    by = by.sort(money, "product_id", descending=[True, False], nulls_last=True)
    table = by.select(
        "goods", "plan_milli", "sold_milli", "to_sell_milli", "drawn_milli", "on_hand_milli", "short_milli",
        "left_milli", short_margin_minor="short_minor", left_cost_minor="left_minor",
    )  # fmt: skip
    top = by.row(0, named=True) if by.height else {}
    if top.get("left_minor") is None:
        kind = "uncounted"
    elif max(top["left_minor"], top["short_minor"]) <= 0:
        kind = "even"
    else:
        kind = "left" if top["left_minor"] >= top["short_minor"] else "short"
    values = {
        "goods": top.get("goods") or "", "units": units(top.get(f"{kind}_milli", 0), words),
        "money": form.money(top.get(f"{kind}_minor", 0)), "count": form.count(by.height),
        "counted": form.count(int(by["shelves_counted"].sum())), "shelves": form.count(int(by["shelves"].sum())),
    }  # fmt: skip
    hidden = [c for c in HIDDEN if not (table[c].fill_null(0) != 0).any()]
    do = words("festival.do_over") if facts.phase == "over" and kind == "left" else None
    return Finding.worded(
        "festival.goods", kind, values, words=words, status="none", table=table, do=do,
        view=views.readable(table.drop(hidden), words=words) if table.height else None, row_key=("goods",),
    )  # fmt: skip


def shops(facts: Facts, rows: pl.DataFrame, stores: pl.DataFrame, *, words: Words) -> Finding:
    """Bars to both sides: what each shop will be short of (margin), and what it will have left (cost)."""
    form = words.format
    counted = rows.filter(pl.col("on_hand_milli").is_not_null())
    by = counted.group_by("store_id").agg(
        pl.col("on_hand_milli", "left_milli", "short_milli", "left_minor", "short_minor").sum()
    )
    names = stores.select("store_id", store=pl.coalesce("name", "store_id"))
    money = pl.max_horizontal("left_minor", "short_minor")
    by = by.join(names, on="store_id", how="left").sort(money, "store_id", descending=[True, False])
    table = by.select(
        "store",
        "on_hand_milli",
        "short_milli",
        "left_milli",
        short_margin_minor="short_minor",
        left_cost_minor="left_minor",
    )
    total = sums(rows)
    kind = "uncounted" if by.is_empty() else "short" if total["short_minor"] > total["left_minor"] else "left"
    if by.height and total["short"] == 0 and total["left"] == 0:
        kind = "even"
    short, left = by.filter(pl.col("short_milli") > 0), by.filter(pl.col("left_milli") > 0)
    values = {
        "short": form.count(short.height), "left": form.count(left.height),
        "top": by["store"][0] if by.height else "", "counted": form.count(by.height),
        "money": form.money(max(by["left_minor"][0], by["short_minor"][0]) if by.height else 0),
        "festival": called(facts.feast, words),
    }  # fmt: skip
    shown = by.head(SHOWN)
    amount = pl.when(pl.col("short_minor") > pl.col("left_minor")).then(-pl.col("short_minor")).otherwise("left_minor")
    shown = shown.with_columns(amount=amount)
    bars = shown.select(
        pl.col("store").alias("name"), (pl.col("amount") / MINOR_PER_UNIT[form.currency]).alias("value"),
        pl.Series("label", [form.money(a) for a in shown["amount"]], dtype=pl.String),
        toned(pl.col("amount") < 0, "fail").alias("tone"),
    )  # fmt: skip
    hidden = [c for c in HIDDEN if c in table.columns and not (table[c] != 0).any()]
    do = words("festival.do_over") if facts.phase == "over" and kind == "left" else None
    bad = total["short"] > MANY * max(total["asked"], 1) or total["left"] > MANY * max(total["on_hand"], 1)
    return Finding.worded(
        "festival.shops", kind, values, words=words,
        status="none" if by.is_empty() else "warn" if bad else "ok", table=table, do=do,
        seen=words("festival.shops.seen.over", **values) if facts.phase == "over" else None,
        view=views.readable(table.drop(hidden), words=words) if table.height else None,
        chart=labelled.bars(bars, words=words, title=words("festival.axis.money")) if table.height else None,
        value_minor=max(total["left_minor"], total["short_minor"]), row_key=("store",),
    )  # fmt: skip
