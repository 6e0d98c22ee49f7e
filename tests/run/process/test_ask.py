"""Warm kernels: forked, alone with their environment, gone with their asker; cold ones where there is no parent."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager
from nbformat.v4 import new_code_cell, new_notebook

from crmlib.core.allocators import GIVE_BACK
from crmlib.run.process import ask as warm
from crmlib.run.process import attempt
from crmlib.run.process.provisioner import WarmProvisioner
from tests.waiting import HANG, until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux only")
FORKS = 40  # the soak of 1,000 is benchmarks/bench_warm.py


@pytest.fixture(scope="module")
def variables() -> Iterator[Mapping[str, str]]:
    with warm.parent() as found:
        assert found, "the warm parent did not start"
        yield found


@pytest.fixture
def kernel(variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[KernelManager]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    manager = KernelManager(kernel_name="python3")
    manager.provisioner = None
    manager.start_kernel(env={**os.environ, "MARK": "mine"})
    yield manager
    if manager.has_kernel:
        manager.shutdown_kernel(now=True)


def ask(manager: KernelManager, code: str) -> str:
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=HANG)
        shown: list[str] = []

        def keep(message: dict[str, object]) -> None:
            content = message["content"]
            assert isinstance(content, dict)
            shown.append(str(content.get("text", "")))

        client.execute_interactive(code, timeout=HANG, output_hook=keep)
        return "".join(shown).strip()
    finally:
        client.stop_channels()


def test_a_forked_kernel_has_the_stack_its_own_environment_and_its_own_random_numbers(
    kernel: KernelManager, variables: Mapping[str, str]
) -> None:
    assert isinstance(kernel.provisioner, WarmProvisioner)
    assert kernel.provisioner.child is not None
    assert ask(kernel, "import os, sys; print(os.environ['MARK'], 'altair' in sys.modules)") == "mine True"
    assert ask(kernel, "import polars as pl; print(pl.select(pl.lit(1) + 1).item())") == "2"
    other = KernelManager(kernel_name="python3")
    other.start_kernel(env=dict(os.environ))
    draw = "import numpy as np; print(np.random.random())"
    first, second = ask(kernel, draw), ask(other, draw)
    other.shutdown_kernel(now=True)
    assert first != second


def test_an_interrupt_reaches_the_kernel(kernel: KernelManager, tmp_path: Path) -> None:
    client = kernel.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=HANG)
    begun = tmp_path / "begun"
    request = client.execute(f"import time; open({str(begun)!r}, 'w').close(); time.sleep(600)")
    until(begun.exists)
    kernel.interrupt_kernel()
    reply = client.get_shell_msg(timeout=HANG)
    while reply["parent_header"].get("msg_id") != request:
        reply = client.get_shell_msg(timeout=HANG)
    client.stop_channels()
    assert reply["content"]["ename"] == "KeyboardInterrupt"


def test_a_kernel_ends_with_its_asker(variables: Mapping[str, str], tmp_path: Path) -> None:
    child = warm.fork(
        variables[warm.VARIABLE], role="kernel", argv=["ipykernel", "-f", "none.json"], env={}, cwd=str(tmp_path)
    )
    assert child is not None
    process = psutil.Process(child.pid)
    child.close()
    process.wait(timeout=HANG)
    assert not process.is_running()


def test_many_forks_leave_nothing_behind(variables: Mapping[str, str], tmp_path: Path) -> None:
    argv = ["crmlib-run", str(tmp_path / "no-such-run.json")]

    def one() -> None:
        child = warm.fork(variables[warm.VARIABLE], role="run", argv=argv, env={}, cwd=str(tmp_path))
        assert child is not None
        until(lambda: not child.alive())
        child.close()

    for _ in range(FORKS):
        one()


def test_the_memory_of_a_forked_kernel_counts_and_ends_the_run(
    variables: Mapping[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    notebook = tmp_path / "demo.ipynb"
    code = "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); x = b'x' * 900_000_000"
    cells = [new_code_cell("", metadata={"tags": ["parameters"]}), new_code_cell(f"{code}; time.sleep(600)")]
    nbformat.write(new_notebook(cells=cells), notebook)
    told = {"out": str(tmp_path), "root": str(tmp_path), "notebook": str(notebook), "parameters": {}}
    (tmp_path / attempt.RUN_FILE).write_text(json.dumps(told | {"deadline_seconds": 120}))
    ended = attempt.execute(attempt.Task(tmp_path, tmp_path, "demo", 120, 800))
    assert "held more than 800 MB" in str(ended.problem)
    assert (ended.again, ended.peak_mb > 800) == (False, True)
    kernel = int((tmp_path / "pid").read_text())
    until(lambda: not psutil.pid_exists(kernel))


def test_without_a_parent_a_cold_kernel_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(warm.VARIABLE, str(tmp_path / "nobody"))
    monkeypatch.setenv("JUPYTER_DEFAULT_PROVISIONER_NAME", warm.PROVISIONER)
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel()
    try:
        assert manager.provisioner.child is None  # type: ignore[union-attr]
        assert ask(manager, "print(1)") == "1"
    finally:
        manager.shutdown_kernel(now=True)


def test_nobody_else_can_ask_the_parent(variables: Mapping[str, str]) -> None:
    address = Path(variables[warm.VARIABLE])
    assert address.stat().st_mode & 0o077 == 0
    assert address.parent.stat().st_mode & 0o077 == 0


def test_the_parent_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "secret")
    assert "SMTP_PASSWORD" not in warm._plain_environment()
    assert warm._plain_environment()["_RJEM_MALLOC_CONF"] == GIVE_BACK["_RJEM_MALLOC_CONF"]
