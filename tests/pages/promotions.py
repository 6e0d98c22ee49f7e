"""A promotion, three stores and a page of frames, for the tests of the promotion pages."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import polars as pl

from crmlib import panels
from crmlib.kit.words import Words
from crmlib.report.form import parameters
from crmlib.report.page import not_connected
from tests.report import world

FIRST = date(2026, 3, 2)


def event(**changes):
    row = {
        "promotion_id": "X",
        "name": "春节坚果",
        "mechanic": "rate",
        "depth_bp": 1500,
        "first_day": FIRST,
        "status": "ok",
        "lift_milli": 500_000,
        "low_milli": 300_000,
        "high_milli": 700_000,
        "net_margin_minor": 80_000,
        "net_margin_low_minor": 20_000,
        "net_margin_high_minor": 140_000,
        "engine": "model",
        "against": None,
        "own_cost_minor": 200_000,
        "paid_out_minor": 50_000,
        "price_minor": 1000,
        "paid_minor": 800,
        "roi": 0.4,
        "output_per_input": 1.5,
        "discount_minor": 100_000,
        "budget_minor": 90_000,
        "fires": False,
        "agrees": True,
        "controls": 9,
        "base_milli": 1_000_000,
        "lift": 0.5,
    }
    return row | changes


STORES = pl.DataFrame({"store_id": ["a", "b", "c"], "name": ["一店", "<b>二店</b>", "三店"]})


class FramesPage:
    """What a study asks of a page, answered from frames; `asked` keeps what was to be remembered."""

    def __init__(self, report, tables, **params):
        self.params = parameters.model(report)(as_of=world.LAST, **params)
        self.as_of, self.words, self.rng = world.LAST, Words("zh"), np.random.default_rng(7)
        self.tables, self.asked, self.regions = tables, [], None
        self.newest, self.context, self.left = world.LAST, SimpleNamespace(face="voila", seed=7, leave=self.leave), {}

    @property
    def lines(self):
        return panels.ReceiptLines(self.tables["receipt_lines"].lazy())

    def table(self, name):
        if name not in self.tables:
            raise not_connected(name, report="promotion")
        return self.tables[name].lazy()

    def optional(self, name):
        return self.table(name) if name in self.tables else None

    def leave(self, name, content):
        self.left[name] = content
        return "0" * 32

    def missing(self, *names):
        return [name for name in names if name not in self.tables]

    def remember(self, compute, *args, **kwargs):
        self.asked.append((compute, args, kwargs))
        return compute(*args, **kwargs)
