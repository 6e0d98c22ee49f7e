"""The study of site selection: each step once, chance drawn in the order of the page."""

from __future__ import annotations

from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import polars as pl
import pytest

from crmlib.data.lake.lake import Lake
from crmlib.kit.finding import ActionList, Answer, Finding
from crmlib.kit.words import Words
from crmlib.pages.sales_pulse.parameters import SalesPulse
from crmlib.pages.site_selection import findings
from crmlib.pages.site_selection.parameters import SiteSelection
from crmlib.pages.site_selection.study import Study
from crmlib.sites import study as steps
from tests.report import world
from tests.sites.conftest import SMALL, make

SECTIONS = (
    findings.recommendation, findings.town_map, findings.ranking, findings.why, findings.losers, findings.paid_back,
    findings.what_if, findings.past_openings, findings.calibration, findings.data_quality,
)  # fmt: skip


class FakePage:
    """A page whose tables are a city's."""

    report, currency, as_of = "site_selection", "CNY", SMALL.end
    context = SimpleNamespace(face="html")

    def __init__(self, words: object) -> None:
        city = make(SMALL, seed=3).city
        self.tables = {
            name: getattr(city, name).lazy() for name in ("cells", "sites", "competitors", "openings", "card_flows")
        }
        self.words, self.rng = words, np.random.default_rng(1)
        self.params = SiteSelection(per_head=SMALL.per_head)
        self.asked: list[object] = []

    def table(self, name: str) -> pl.LazyFrame:
        return self.tables[name]

    def optional(self, name: str) -> pl.LazyFrame | None:
        return self.tables.get(name)

    def missing(self, *names: str) -> list[str]:
        return [name for name in names if name not in self.tables]

    def remember(self, compute, *args, **kwargs):
        self.asked.append(compute)
        return compute(*args, **kwargs)


@pytest.fixture(scope="module")
def study(request: pytest.FixtureRequest) -> Study:
    patch = pytest.MonkeyPatch()
    request.addfinalizer(patch.undo)
    patch.setattr(steps.calibrate, "__kwdefaults__", {"draws": 20})
    return Study(FakePage(Words("en")))  # type: ignore[arg-type]


def test_every_card_is_made_and_each_step_is_computed_once(study: Study) -> None:
    assert isinstance(findings.answer(study), Answer)
    shown = [make(study) for make in SECTIONS]
    assert len({one.key for one in shown if isinstance(one, Finding)}) == len(SECTIONS)
    assert not [one.key for one in shown if one.note_sure == study.words("page.unavailable.sure")]
    assert isinstance(findings.actions(study), ActionList)
    names = [step.__name__ for step in study.page.asked]  # type: ignore[attr-defined]
    assert names == ["calibrate", "blinds", "make"]


def test_a_store_of_the_company_leads_to_the_sales_of_its_region_on_the_server() -> None:
    page = FakePage(Words("en"))
    assert Study(page).leads == {}  # type: ignore[arg-type]
    page.tables["stores"] = pl.LazyFrame({"store_id": ["S001", "S002"], "region": ["East", None]})
    page.context = SimpleNamespace(face="voila")
    asked = f"/apps/sales_pulse?language=en&period=month&as_of={SMALL.end}"
    leads = Study(page).leads  # type: ignore[arg-type]
    assert leads == {"S001": f"{asked}&region=East", "S002": asked}
    SalesPulse(**dict(parse_qsl(urlsplit(leads["S001"]).query)))
    page.context = SimpleNamespace(face="html")
    assert set(Study(page).leads.values()) == {""}  # type: ignore[arg-type]


def test_without_a_map_every_section_stands_in_its_place_and_says_so(lake: Lake) -> None:
    study = Study(world.opened(lake, report="site_selection"))
    assert {make(study).status for make in SECTIONS} == {"none"}
