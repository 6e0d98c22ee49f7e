"""The nightly recipe: its order, what a failure stops and what not, by shell, systemd and Airflow; once for real.

Airflow is not installed: a stub of the four names that the DAG uses stands in its place.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, ClassVar

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "nightly"
STUB = """#!/bin/sh
echo "$@" >> "$LOG"
if [ "$1" = "$COMES" ]; then mkdir -p .crmlib/tables/x/_delta_log && touch .crmlib/tables/x/_delta_log/1.json; fi
case " $FAILS " in *" $1 "*) exit 1;; esac
"""
NIGHT = ["ingest", "check", "schedule"]


def stub(project: Path) -> Path:
    """A crmlib that notes how it was called and fails where it is told to."""
    command = project / ".venv" / "bin" / "crmlib"
    command.parent.mkdir(parents=True)
    command.write_text(STUB, encoding="utf-8")
    command.chmod(0o755)
    return command


def called(project: Path) -> list[str]:
    return [line.split()[0] for line in (project / "log").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("fails", "comes", "code", "steps", "told"),
    [
        ("", "ingest", 0, NIGHT, ""),
        ("ingest", "ingest", 1, NIGHT, "a source failed"),
        ("ingest", "", 1, ["ingest"], "nothing came in"),
        ("check", "ingest", 1, ["ingest", "check"], "not whole"),
        ("schedule", "ingest", 1, NIGHT, "a report failed"),
    ],
)
def test_a_bad_source_holds_up_nobody_a_broken_lake_and_an_empty_night_make_no_page(  # noqa: PLR0917
    tmp_path: Path, fails: str, comes: str, code: int, steps: list[str], told: str
) -> None:
    given = {"PROJECT": str(tmp_path), "CRMLIB": str(stub(tmp_path)), "LOG": str(tmp_path / "log")}
    env = {"PATH": os.environ["PATH"], "FAILS": fails, "COMES": comes, **given}
    done = subprocess.run(["sh", str(FOLDER / "nightly.sh")], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, called(tmp_path)) == (code, steps)
    assert told in done.stdout


def test_the_units_start_the_script_once_a_night_and_make_up_for_a_missed_one() -> None:
    service, timer = (configparser.ConfigParser(interpolation=None, strict=False) for _ in range(2))
    for unit in (service, timer):
        unit.optionxform = str  # type: ignore[assignment, method-assign]
    service.read(FOLDER / "crmlib-nightly.service")
    timer.read(FOLDER / "crmlib-nightly.timer")
    assert service["Service"]["Type"] == "oneshot"
    assert service["Service"]["ExecStart"] == f"{service['Service']['WorkingDirectory']}/nightly.sh"
    assert "PROJECT=" in service["Service"]["Environment"] and os.access(FOLDER / "nightly.sh", os.X_OK)
    assert timer["Timer"]["Persistent"] == "true" and timer["Timer"]["OnCalendar"].endswith("Asia/Shanghai")


class Operator:
    """What the DAG uses of Airflow's: a command, a rule, and what comes after it."""

    made: ClassVar[list[Operator]] = []

    def __init__(self, *, task_id: str, bash_command: str, trigger_rule: str = "all_success") -> None:
        self.name, self.command, self.rule, self.before = task_id, bash_command, trigger_rule, list[Operator]()
        Operator.made.append(self)

    def __rshift__(self, after: Operator) -> Operator:
        after.before.append(self)
        return after


class Dag:
    given: ClassVar[dict[str, Any]] = {}

    def __init__(self, name: str, **given: Any) -> None:
        Dag.given = {"name": name, **given}

    def __enter__(self) -> Dag:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing to close."""


@pytest.mark.parametrize(
    ("fails", "states"),
    [
        ("", {"ingest": True, "check": True, "reports": True, "whole": True}),
        ("ingest", {"ingest": False, "check": True, "reports": True, "whole": None}),
        ("check", {"ingest": True, "check": False, "reports": None, "whole": None}),
    ],
)
def test_the_dag_runs_in_this_order_and_is_red_where_any_step_is(
    fails: str, states: dict[str, bool | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Operator.made.clear()
    for module, content in {
        "pendulum": {"datetime": lambda *day, tz: (*day, tz)},
        "airflow": {"DAG": Dag},
        "airflow.operators": {},
        "airflow.operators.bash": {"BashOperator": Operator},
    }.items():
        monkeypatch.setitem(sys.modules, module, types.SimpleNamespace(**content))  # type: ignore[arg-type]
    stub(tmp_path)
    (tmp_path / "log").touch()
    source = (FOLDER / "crmlib_nightly.py").read_text(encoding="utf-8").replace("/srv/crmlib", str(tmp_path))
    exec(compile(source, "crmlib_nightly.py", "exec"), {})
    assert (Dag.given["max_active_runs"], Dag.given["catchup"]) == (1, False)
    ended: dict[str, bool | None] = {}
    env = {"PATH": os.environ["PATH"], "FAILS": fails, "COMES": "", "LOG": str(tmp_path / "log")}
    for one in Operator.made:
        if one.rule == "all_done" or all(ended[b.name] for b in one.before):
            ended[one.name] = subprocess.run(["sh", "-c", one.command], env=env, check=False).returncode == 0
        else:
            ended[one.name] = None
    assert ended == states
    steps = zip(NIGHT, ("ingest", "check", "reports"), strict=True)
    steps = zip(NIGHT, ("ingest", "check", "reports"), strict=True)
    assert called(tmp_path) == [step for step, name in steps if ended[name] is not None]


def test_one_night_for_real(tmp_path: Path) -> None:
    """Three commands of the package itself, so some seconds: what they are called with is what they take."""
    for folder in ("params", "notebooks"):
        (tmp_path / folder).mkdir()
    (tmp_path / "params" / "data_health.yml").write_text(
        "report: data_health\nschedule: {cron: '0 7 * * *', time_zone: Asia/Shanghai}\nparameters: {as_of: latest}\n"
    )  # its first slot is still to come
    (tmp_path / "till.csv").write_text("no,at,net\nR1,2026-11-01 09:00,12.50\nR2,2026-11-01 10:00,8.00\n")
    (tmp_path / "params" / "sources.yml").write_text(
        "till:\n  table: receipt_lines\n  files: ../till.csv\n  currency: CNY\n  time_zone: Asia/Shanghai\n"
        "  known_at: {lag_days: 0}\n  columns:\n    receipt_id: no\n    sold_at: at\n"
        "    quantity_milli: {constant: 1000}\n    net_minor: {from: net, times: 100}\n"
    )
    env = os.environ | {"PROJECT": str(tmp_path), "CRMLIB": f"{sys.executable} -m crmlib.cli"}
    env.pop("CRMLIB_LAKE", None)
    done = subprocess.run(["sh", str(FOLDER / "nightly.sh")], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / ".crmlib" / "tables" / "receipt_lines").is_dir()
