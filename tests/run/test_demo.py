"""A demonstration in a folder of its own, which is never one that holds something."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmlib.core.errors import RunError
from crmlib.run import demo, workspace


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError) as refused:
        demo.lay(tmp_path)
    assert refused.value.code == "run.demo_folder" and [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_it_is_a_workspace_with_every_report_and_the_raw_exports(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("CUSTOMERS", 60), ("STORES", 4), ("DAYS", 60)):
        monkeypatch.setattr(demo, name, value)
    sources = demo.lay(tmp_path / "demo")
    assert sources.is_file() and (sources.parent / "truth").is_dir()
    space = workspace.find(start=tmp_path / "demo")
    assert space.root == tmp_path / "demo"
    assert workspace.reports(space) == workspace.reports(workspace.find(start=root))
