"""A field of the form that follows another: the groups of the trait chosen, by name, without a request."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlib.data.lake.lake import Lake
from crmlib.report import assemble
from crmlib.report.form.picks import Follows
from tests.browser.conftest import Open
from tests.report import world

pytestmark = [pytest.mark.browser, pytest.mark.long]


def test_the_groups_offered_are_those_of_the_trait_chosen(lake: Lake, tmp_path: Path, visit: Open) -> None:
    page = world.opened(lake, report="customer_profile", face="voila", variables={"group_by": "gender", "group": "男"})
    tiers, genders = (("A+B", "A、B"), ("A", "A")), (("female", "女"), ("male", "男"))
    page.shown.offers["group"] = Follows("group_by", {"tier": tiers, "gender": genders})
    page.show(world.answer(page.words))
    file = tmp_path / "app.html"
    file.write_text(assemble.assemble(page).html, encoding="utf-8")
    seen = visit(file.as_uri())

    def open_options() -> list[str]:
        return seen.page.eval_on_selector_all(
            "#f-group optgroup:not([disabled]) option", "all => all.map(o => o.value)"
        )

    assert open_options() == ["男", "female", "male"] and seen.page.input_value("#f-group") == "男"
    seen.page.select_option("#f-group_by", "tier")
    assert open_options() == ["A+B", "A"] and seen.page.input_value("#f-group") == "A+B"
    seen.page.select_option("#f-group", "A")
    sent = seen.page.evaluate("new URLSearchParams(new FormData(document.querySelector('form.form'))).toString()")
    assert "group_by=tier" in sent and sent.count("group=") == 1 and "group=A" in sent
    assert (seen.outside, seen.errors, seen.refused) == ([], [], [])
    plain = visit(file.as_uri(), scripts=False)
    assert plain.page.input_value("#f-group") == "男", "without scripts all groups stand under their traits"
