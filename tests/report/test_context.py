"""Which face it is, and what each is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from crmlib.core.errors import RunError
from crmlib.report.context import from_environment, from_run
from tests.report.world import CLOCK


def run_file(folder: Path, **changes: object) -> Path:
    run = {
        "face": "html", "clock": CLOCK.isoformat(), "seed": 7, "run_id": "r", "lake": "/l", "out": "/o",
        "previous_manifest": None, "languages": ["zh", "en"], "notebook": "/n", "parameters": {},
    }  # fmt: skip
    path = folder / "run.json"
    path.write_text(json.dumps(run | changes), encoding="utf-8")
    return path


def test_a_run_file_makes_it_the_html_face_and_sets_clock_and_seed(tmp_path: Path) -> None:
    context = from_environment({"CRMLIB_RUN": str(run_file(tmp_path)), "SERVER_SOFTWARE": "voila/0.5"})
    assert (context.face, context.now, context.seed, context.out) == ("html", CLOCK, 7, Path("/o"))
    assert context.languages == ("zh", "en")


@pytest.mark.parametrize("content", ["", "[]", '{"face": "html"}', '{"clock": "yesterday", "lake": "x"}'])
def test_a_broken_run_file_is_an_error_with_three_parts(tmp_path: Path, content: str) -> None:
    path = tmp_path / "run.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match="crmlib run"):
        from_run(path)


def test_voila_takes_parameters_from_the_address_and_regions_only_from_the_server() -> None:
    env = {"SERVER_SOFTWARE": "voila/0.5.13", "QUERY_STRING": "region=%E5%8D%8E%E4%B8%9C&regions=all&months="}
    context = from_environment({**env, "CRMLIB_REGIONS": '["华东"]'}, now=CLOCK)
    assert dict(context.query) == {"region": "华东", "regions": "all", "months": ""}
    assert context.regions == ("华东",)
    assert from_environment(env, now=CLOCK).regions is None


def test_a_kernel_of_an_analyst_is_the_lab() -> None:
    assert from_environment({}, now=CLOCK).face == "lab"
    assert from_environment({"SERVER_SOFTWARE": "nginx"}, now=CLOCK).face == "lab"
