"""The promotion review says what the data say: when they flip, sentence and colour flip."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from crmlib.pages.promotion_review.findings import books, next_time, review, shop_floor
from crmlib.pages.promotion_review.findings import placebos as checks
from crmlib.promotion.books import anyway
from crmlib.promotion.books.anyway import GROUPS
from crmlib.promotion.books.ledger import ledger, returns
from crmlib.promotion.verdict import doubt, verdict
from tests.pages.promotions import STORES, event
from tests.pages.wording import says

LOSS = {"net_margin_minor": -60_000, "net_margin_low_minor": -90_000, "net_margin_high_minor": -10_000, "roi": -0.3}
OPEN = {"net_margin_low_minor": -20_000}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "gain"),
        ({"fires": True}, "doubt"),
        ({"agrees": False}, "doubt"),
        ({"agrees": None}, "doubt"),
        (LOSS, "costly"),
        (OPEN, "even_gain"),
        (LOSS | {"net_margin_high_minor": 5}, "even_loss"),
        ({"net_margin_minor": None, "net_margin_low_minor": None, "net_margin_high_minor": None}, "unpriced"),
        ({"low_milli": -5}, "unclear"),
        ({"low_milli": -9, "high_milli": -3}, "drop"),
        ({"lift_milli": None}, "unjudged"),
    ],
)
def test_the_answer_follows_the_data(changes, kind, words):
    found = answered(words, **changes)
    assert verdict(event(**changes)) == kind
    assert found.sentence.startswith("春节坚果") and "None" not in found.sentence
    sentences = {answered(words, **c).sentence for c in ({}, changes)}
    assert len(sentences) == (1 if kind == "gain" else 2)


def answered(words, *, missing=None, **changes):
    return review.answer(event(**changes), missing=missing or {}, words=words)


def tones(found):
    return {f.key.split(".")[0]: f.tone for f in found.figures}


def test_a_loss_is_never_green_and_an_open_one_has_no_colour(words):
    assert tones(answered(words)) == {"lift": "good", "net": "good", "roi": "good", "discount": "bad"}
    assert tones(answered(words, **LOSS)) | {"lift": ""} == {"lift": "", "net": "bad", "roi": "bad", "discount": "bad"}
    assert tones(answered(words, **OPEN))["net"] == tones(answered(words, **OPEN))["roi"] == "neutral"


@pytest.mark.parametrize("changes", [{"agrees": False}, {"agrees": None}, {"fires": True}])
def test_what_the_trust_card_denies_is_green_nowhere(changes, words):
    one = event(**changes)
    why = words(f"promotion_review.doubt.{doubt(one)}")
    assert why in answered(words, **changes).sentence
    assert tones(answered(words, **changes))["lift"] == "neutral"
    parts = review.parts(one, judged(dip=20), words=words)
    assert parts.note_do == words("promotion_review.parts.do.clean") != words("promotion_review.parts.do.sure")
    assert review.parts(event(), judged(dip=20), words=words).note_do == words("promotion_review.parts.do.sure")
    advice = next_time.actions(pl.DataFrame([one]), words=words).table["advice"].item()
    assert advice == words("promotion_review.action.measure")


def trusted(words, reason="none", **changes):
    row = {
        "event_id": "X", "effect_milli": 500, "lower_milli": 300, "upper_milli": 700, "did_effect_milli": 520,
        "audit_effect_milli": None, "audit_lower_milli": None, "audit_upper_milli": None, "agrees": True,
    }  # fmt: skip
    tip = {"event_id": "X", "tipping": 0.5, "tipping_low": 0.3, "fakeable": 0.1, "reason": reason}
    agrees = {k: v for k, v in changes.items() if k in row}
    found = SimpleNamespace(engines=pl.DataFrame([row | agrees]), tipping=pl.DataFrame([tip]))
    return review.trust(
        event(**{k: v for k, v in changes.items() if k not in row} | agrees_of(agrees)), found, words=words
    )


def agrees_of(changes):
    return {"agrees": changes["agrees"]} if "agrees" in changes else {}


def test_the_trust_card_is_green_exactly_where_nothing_is_in_doubt(words):
    fine = trusted(words)
    assert (fine.status, fine.note_do) == ("ok", words("promotion_review.trust.do.hold"))
    for denied in ({"agrees": False}, {"agrees": None}, {"reason": "small", "fires": True}):
        assert trusted(words, **denied).status == "warn"
    trend = words("promotion_review.trust.sure.audit")
    assert trend not in fine.note_sure  # it was not run
    assert trend in trusted(words, audit_effect_milli=510).note_sure


def book(price_paid, **vouchers):
    parts = pl.DataFrame({"event_id": ["X"], "role": ["event"], "effect_milli": [50_000], "base_milli": [100_000]})
    money = {"event_id": ["X"], "price_minor": [1000], "paid_minor": [price_paid], "cost_minor": [600]}
    return ledger(parts, pl.DataFrame(money | {k: [v] for k, v in vouchers.items()}))


def earned(words, given, *, missing=None, **changes):
    """The money card of a ledger, with the figures of the event that belong to it."""
    back = returns(given).rename({"net_minor": "net_margin_minor"}).row(0, named=True)
    one = event(**{k: v for k, v in back.items() if k != "event_id"} | changes)
    return books.money(one, given, subsidy=anyway.booked(one, given), words=words, missing=missing or {})


def test_the_ledger_flips_from_earned_to_open_to_lost(words):
    good, bad = book(950), book(700)
    fine = earned(words, good, net_margin_low_minor=1)
    poor = earned(words, bad, net_margin_high_minor=-1, net_margin_low_minor=-9, missing={"halo": "no_partner"})
    open_ = earned(words, bad, net_margin_high_minor=1, net_margin_low_minor=-9)
    assert [c.status for c in (fine, open_, poor)] == ["ok", "warn", "fail"]
    assert len({c.headline for c in (fine, open_, poor)}) == len({c.note_do for c in (fine, poor)}) + 1 == 3
    assert fine.table["amount_minor"].to_list() == good["amount_minor"].to_list()
    remarks = dict(poor.table.select("line", "remark").iter_rows())
    amounts = dict(poor.table.select("line", "amount_minor").iter_rows())
    assert amounts["halo"] is None and remarks["halo"] == words(
        "promotion_review.money.not_estimable", reason=words("promotion_review.parts.reason.no_partner")
    )
    assert amounts["gift"] is None and remarks["gift"] == words("promotion_review.money.not_connected")
    assert words("promotion_review.ledger.halo") in poor.note_sure
    assert words("promotion_review.money.sure.receipts") in poor.note_sure


def test_both_returns_are_said_with_what_they_are_of_and_by_their_sign(words):
    """ROI is of discount and expenses, output per input of expenses alone: −0.18 beside 1 : −0.66 needs both."""
    form = words.format
    gain, loss = (earned(words, book(paid, display_minor=1_000)) for paid in (950, 700))
    for card, given, kind, way in (
        (gain, book(950, display_minor=1_000), "gain", "back"),
        (loss, book(700, display_minor=1_000), "loss", "more"),
    ):
        row = returns(given).row(0, named=True)
        own = words(
            f"promotion_review.money.roi.{kind}", own=form.money(row["own_cost_minor"]),
            each=form.number(abs(row["roi"]), digits=2),
        )  # fmt: skip
        paid = words(
            f"promotion_review.money.ratio.{way}", paid=form.money(1_000),
            ratio=form.number(abs(row["output_per_input"]), digits=2),
        )  # fmt: skip
        assert own in card.note_seen and paid in card.note_seen
        assert words("promotion_review.money.sure.vouchers") in card.note_sure
    bare = earned(words, book(950))
    assert words("promotion_review.money.sure.receipts") in bare.note_sure


def test_without_an_amount_of_discount_none_is_shared_out(words):
    free = earned(words, book(1000))
    assert free.note_seen.startswith(words("promotion_review.money.seen.free", extra=words.format.money(20_000)))


def taken(subsidy, **amounts):
    rows = [amounts.get(g, 0) for g in GROUPS]
    part = (
        None
        if subsidy is None
        else anyway.shared_out(subsidy.minor, rows, [1.0] * len(rows), first=[False] * len(rows))
    )
    return pl.DataFrame(
        {
            "group": GROUPS,
            "members": [1] * len(GROUPS),
            "discount_minor": rows,
            "anyway_minor": pl.Series(part or [None] * len(rows), dtype=pl.Int64),
            "extra_minor": pl.Series(
                [d - a for d, a in zip(rows, part, strict=True)] if part else [None] * len(rows), dtype=pl.Int64
            ),
        }
    )


@pytest.mark.parametrize(
    ("ends", "kind", "status"),
    [
        ((63, 58, 70), "anyway", "warn"),
        ((30, 20, 40), "extra", "ok"),
        ((52, 45, 60), "open", "none"),
        (None, "unknown", "none"),
    ],
)
def test_the_discount_that_was_not_needed_is_judged_by_its_interval(ends, kind, status, words):
    subsidy = anyway.Anyway(*(1_000 * e for e in ends)) if ends else None
    found = books.takers(event(), taken(subsidy, regular=60_000, bulk=40_000), subsidy, words=words)
    assert says(words, f"promotion_review.takers.headline.{kind}", found.headline)
    assert found.status == status
    ground = {"ground_do": words("promotion_review.ground_do.r7")} if kind == "unknown" else {}
    assert found.note_do == words(f"promotion_review.takers.do.{kind}", **ground)
    assert words("promotion_review.taker.regular") in found.note_seen
    none = books.takers(event(), taken(subsidy), subsidy, words=words)
    assert none.status == "none" and none.headline == words("promotion_review.takers.headline.none")


def test_two_cards_give_one_account_of_the_discount(words):
    """63 % by the ledger beside 54 % by buyers: now both cards say the ledger's sum."""
    given = book(700, discount_minor=47_000, bulk_discount_minor=2_000)
    one = event(paid_minor=700, low_milli=30_000, high_milli=70_000, lift_milli=50_000)
    subsidy = anyway.booked(one, given)
    lines = dict(given.select("line", "amount_minor").iter_rows())
    assert subsidy.minor == -(lines["discount_on_base"] + lines["discount_on_bulk"]) == 32_000
    assert (subsidy.low_minor, subsidy.high_minor) == (26_000, 38_000)
    share = words.format.share(32 / 47, digits=0)
    money = books.money(one, given, subsidy=subsidy, words=words, missing={})
    who = books.takers(event(), taken(subsidy, regular=40_000, bulk=7_000), subsidy, words=words)
    for card, text in ((money, money.note_seen), (who, who.headline)):
        assert share in text and words.format.money(32_000) in text, card.key


def test_without_partner_the_gap_is_absent_and_the_reason_is_said(words):
    found = books.slot(event(), None, None, reason="no_earlier_slot", words=words)
    assert found.chart is None and found.table.is_empty()
    assert words("promotion_review.slot.reason.no_earlier_slot") in found.headline


@pytest.mark.parametrize(("stores", "cause"), [(100, "price"), (400, "stores")])
def test_the_gap_names_the_largest_cause_that_pulls_its_way(stores, cause, words):
    gap = pl.DataFrame({"cause": ["stores", "price"], "factor": [1.1, 0.8], "gap_minor": [stores, -300]})
    found = books.slot(event(), event(name="去年"), gap, reason=None, words=words)
    assert words(f"promotion_review.cause.{cause}") in found.headline
    level = gap.with_columns(gap_minor=pl.Series([300, -300]))
    same = books.slot(event(), event(name="去年"), level, reason=None, words=words)
    assert same.headline == words("promotion_review.slot.headline.same.slot")


@pytest.mark.parametrize(
    ("states", "status"),
    [(["done", "done", "silent"], "ok"), (["done", "not_done", "silent"], "fail"), (["silent"] * 3, "none")],
)
def test_execution_is_judged_by_stores_with_sales_only(states, status, words):
    table = pl.DataFrame(
        {"store_id": ["a", "b", "c"], "lines": [5, 5, 0], "at_plan": [1.0, 0.5, None], "status": states}
    )
    found = shop_floor.execution(table, STORES, words=words)
    assert found.status == status
    assert "<b>" not in found.view.as_raw_html().replace("&lt;b&gt;", "")


def test_execution_tells_waits_and_what_ran_out(words):
    table = pl.DataFrame({"store_id": ["a"], "lines": [5], "at_plan": [1.0], "status": ["done"]})
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    waits = [12, 48]
    orders = pl.DataFrame(
        {
            "store_id": ["a"] * 3,
            "ordered_at": [at] * 3,
            "checked_out_at": [*(at + timedelta(minutes=m) for m in waits), None],
        }
    )
    out = pl.DataFrame({"store_id": ["a"], "product_id": ["p"], "sold_out_at": [at], "days_left": [3]})
    told = shop_floor.execution(table, STORES, words=words, orders=orders, out=out)
    assert "30" in told.note_seen and "48" in told.note_seen and "09:00" in told.note_seen
    assert told.table.select("mean_min", "max_min", "empty").row(0) == (30.0, 48.0, 1)
    assert told.note_do == words("promotion_review.execution.do.out")
    bare = shop_floor.execution(table, STORES, words=words)
    assert "48" not in bare.note_seen and "mean_min" not in bare.table.columns
    none = shop_floor.execution(table, STORES, words=words, out=out.clear())
    assert words("promotion_review.execution.none_out") in none.note_seen


def judged(*, sibling=None, whole=True, dip=-100, halo=None):
    """A lift of one event: gross 500, a dip (None: not estimable), siblings as given (None: no cells), no partner."""
    given = {"event": 500, "dip": dip, "waiting": 0, "sibling": sibling, "halo": halo}
    effects = {role: effect for role, effect in given.items() if effect is not None}
    effects["net"] = sum(effects.values())
    parts = pl.DataFrame(
        [
            {
                "event_id": "X",
                "role": role,
                "actual_milli": 1000 * (effect + 900),
                "base_milli": 900_000,
                "effect_milli": 1000 * effect,
                "lower_milli": 1000 * (effect - 50),
                "upper_milli": 1000 * (effect + 50),
            }
            for role, effect in effects.items()
        ]
    )
    roles = [*(r for r in effects if r != "net"), *([] if whole or sibling is not None else ["sibling"])]
    roles += [] if dip is not None else ["dip"]
    cells = pl.DataFrame({"event_id": "X", "role": roles, "counted": [r in effects for r in roles]})
    events = pl.DataFrame({"event_id": ["X"], "status": ["ok"]})
    scale = SimpleNamespace(placebos=100)
    return SimpleNamespace(parts=parts, cells=cells, events=events, coverage=0.9, achieved=0.9, scale=scale)


def test_a_part_that_cannot_be_estimated_is_named_with_its_reason_and_has_no_number(words):
    whole = review.parts(event(), judged(), words=words)
    few = review.parts(event(), judged(whole=False), words=words)
    known = review.parts(event(), judged(sibling=-60), words=words)
    reason = {r: words(f"promotion_review.parts.reason.{r}") for r in ("taken", "few", "no_partner")}
    assert reason["taken"] in whole.note_seen and reason["no_partner"] in whole.note_seen
    assert reason["few"] in few.note_seen and reason["taken"] not in few.note_seen
    assert reason["no_partner"] in known.note_seen and reason["few"] not in known.note_seen
    assert whole.table["role"].to_list() == ["event", "dip", "waiting", "sibling", "halo", "net"]
    assert whole.table.filter(pl.col("role").is_in(["sibling", "halo"]))["effect_milli"].null_count() == 2
    assert known.table.filter(pl.col("role") == "sibling")["effect_milli"].item() == -60_000
    for found in (whole, few, known):
        effects = dict(found.table.select("role", "effect_milli").iter_rows())
        assert sum(v or 0 for r, v in effects.items() if r != "net") == effects["net"]


def test_the_headline_blames_what_took_units_back_and_nothing_else(words):
    loss = {r: words(f"promotion_review.parts.loss.{r}") for r in ("dip", "sibling")}
    both = review.parts(event(), judged(sibling=-60), words=words).headline
    gained = review.parts(event(), judged(sibling=60), words=words).headline
    assert loss["dip"] in both and loss["sibling"] in both
    assert loss["dip"] in gained and loss["sibling"] not in gained


@pytest.mark.parametrize(
    ("effects", "kind", "status"),
    [
        ({"dip": 10}, "clean", "ok"),
        ({"dip": -20}, "kept", "ok"),
        ({"dip": -200}, "part", "ok"),
        ({"dip": -300}, "eaten", "warn"),
        ({"dip": -500}, "lost", "fail"),
        ({"dip": -100, "halo": 150}, "offset", "ok"),
        ({"dip": None}, "partial", "warn"),
    ],
)
def test_no_sign_of_stocking_up_is_said_only_where_it_was_looked_for(effects, kind, status, words):
    found = review.parts(event(), judged(**effects), words=words)
    assert says(words, f"promotion_review.parts.headline.{kind}", found.headline)
    assert found.status == status
    clean = says(words, "promotion_review.parts.headline.clean", found.headline)
    assert clean == (kind == "clean")


def placebos(errors, *, achieved=0.9):
    frame = pl.DataFrame({"role": "event", "base": [100.0] * len(errors), "actual": [100 * (1 + e) for e in errors]})
    return SimpleNamespace(placebos=frame, achieved=achieved, coverage=0.9, scale=SimpleNamespace(placebos=len(errors)))


def test_the_placebo_check_says_where_the_errors_are_and_which_way_they_lean(words):
    spread = [-0.6, -0.3, 0.05, 0.3, 0.6, 1.5]
    even = checks.check(placebos(spread), words=words)
    leans = checks.check(placebos([0.2] * 9 + [-0.2]), words=words)
    off = checks.check(placebos(spread, achieved=0.5), words=words)
    few = checks.check(placebos(spread, achieved=float("nan")), words=words)
    assert [c.status for c in (even, leans, off, few)] == ["ok", "warn", "warn", "none"]
    assert even.table["events"].sum() == len(spread) and even.table["events"].to_list()[-1] == 1
    told = {
        "placebos": "6",
        "half": words.format.share(0.45, digits=0),
        "near": "1",
        "double": "1",
        "under": "2",
        "over": "3",
    }
    assert even.note_seen == words("promotion_review.check.seen", band=words.format.share(0.1, digits=0), **told)
    assert len({c.note_do for c in (even, leans, off, few)}) == 4


def test_the_overview_adds_up_what_all_events_earned_and_names_what_cannot_be_told(words):
    dark = {"lift_milli": None, "lift": None, "net_margin_minor": None, "net_margin_low_minor": None, "roi": None}
    rows = [event(), event(promotion_id="Y", **LOSS), event(promotion_id="Z", **dark, discount_minor=7_000_00)]
    schema = {"net_margin_minor": pl.Int64, "net_margin_low_minor": pl.Int64}
    up, down = (
        review.overview(pl.DataFrame(r, schema_overrides=schema), words=words) for r in (rows, [*rows, *rows[1:2]])
    )
    assert (up.status, down.status) == ("ok", "warn")
    assert words.format.money(20_000) in up.headline and words.format.money(40_000) in down.headline
    assert words.format.money(7_000_00) in up.headline
    assert up.headline.count("1") >= 3


@pytest.mark.parametrize(("against", "kind"), [("none", "weak"), ("least", "least")])
def test_a_gain_told_from_depth_and_time_alone_is_said_to_be_weaker_and_never_simply_repeated(against, kind, words):
    one = event(status="r7", engine="response", against=against, agrees=None, fires=None)
    assert verdict(one) == kind
    plain = answered(words).sentence
    assert review.answer(one, missing={}, words=words).sentence != plain
    advice = next_time.actions(pl.DataFrame([one]), words=words).table["advice"].item()
    assert advice == words("promotion_review.action.measure")


@pytest.mark.parametrize("status", ["r7", "r8"])
def test_why_nothing_can_be_compared_is_said_alike_on_every_card_with_what_would_help(status, words):
    """Stores held out help where all took part, not where goods sell in their season only."""
    nothing = dict.fromkeys(("lift_milli", "low_milli", "high_milli", "lift", "roi", "own_cost_minor", "base_milli"))
    nothing |= {f"net_margin{end}_minor": None for end in ("", "_low", "_high")} | {"agrees": None, "fires": None}
    one = event(status=status, output_per_input=None, **nothing)
    ground, do = (words(f"promotion_review.{k}.{status}") for k in ("ground", "ground_do"))
    other = words(f"promotion_review.ground.{'r8' if status == 'r7' else 'r7'}")
    none = book(700).clear()
    cards = [
        review.parts(one, SimpleNamespace(**vars(judged()) | {"parts": judged().parts.clear()}), words=words),
        books.money(one, none, subsidy=None, words=words, missing={}),
        books.takers(one, taken(None, regular=100), None, words=words),
    ]
    got = review.answer(one, missing={}, words=words)
    listed = next_time.actions(pl.DataFrame([one], infer_schema_length=None), words=words)
    assert ground in got.sentence and do in got.sentence and ground in listed.table["reason"].item()
    for card in cards:
        assert ground in card.headline and do in card.note_do and card.status == "none"
        assert other not in " ".join([card.headline, card.note_seen, card.note_do])
    assert "—" not in got.figures[0].value


def test_an_effect_that_may_be_none_is_not_said_to_be_more(words):
    fewer = {"lift_milli": -2_000, "low_milli": -49_000, "high_milli": 33_000}
    assert says(words, "promotion_review.answer.unclear", answered(words, **fewer).sentence)
    seen = trusted(words, **fewer).note_seen
    assert says(words, "promotion_review.trust.seen.unclear", seen)
    assert trusted(words).note_seen != seen


def test_where_no_discount_was_given_none_is_said_to_be_saved(words):
    parts = pl.DataFrame({"event_id": ["X"], "role": ["event"], "effect_milli": [-2_000], "base_milli": [100_000]})
    unit = {"event_id": "X", "price_minor": 1000, "paid_minor": 1000, "cost_minor": 600, "gift_minor": 50_000}
    gift = ledger(parts, pl.DataFrame([unit]))
    card = earned(words, gift, net_margin_high_minor=5, net_margin_low_minor=-90_000)
    assert card.note_do == words("promotion_review.money.do.free")
    none = books.takers(event(), taken(None), None, words=words)
    assert none.note_seen == words("promotion_review.takers.seen.none")
