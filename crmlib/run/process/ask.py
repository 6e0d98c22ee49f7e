"""Starting the warm parent, and asking it for a process."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crmlib.core.allocators import GIVE_BACK
from crmlib.kit.charts.drawer import VARIABLE as DRAWING

VARIABLE = "CRMLIB_WARM"
KERNEL_VARIABLE = "CRMLIB_KERNEL_FILE"
"""Names the file into which a process notes the id of the kernel that was forked for it."""
PROVISIONER = "crmlib-warm"
Role = Literal["kernel", "run"]
_START_SECONDS = 120
WORTH_IT = 2
"""From this many runs on a warm parent is started."""
_THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(slots=True)
class Child:
    """A forked process: alive as long as its end of the connection is open."""

    pid: int
    connection: socket.socket

    def alive(self) -> bool:
        """Whether it still runs."""
        return not self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Wait for its end, but no longer than `seconds`; whether it has ended."""
        if not select.select([self.connection], [], [], seconds)[0]:
            return False
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except OSError:
            return True

    def send_signal(self, number: int) -> None:
        """Signal the child's whole process group, if it still runs."""
        if self.alive():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)

    def close(self) -> None:
        """Let go of the child: it ends."""
        self.connection.close()


@contextmanager
def parent(*, notebooks: Sequence[Path] = (), wait: bool = True, engines: int = 2) -> Iterator[Mapping[str, str]]:
    """A warm parent, and warm drawing engines, for the length of the block.

    Yields the variables that make other processes use them; none if the parent could not start, and everything runs
    cold. Without `wait` they are given at once: until the parent has its imports, processes start cold.

    Parameters
    ----------
    notebooks : what is going to run; the parent imports what they do.
    engines : charts that can be drawn at the same time.
    """
    folder = Path(tempfile.mkdtemp(prefix="crmlib-warm-"))
    address, drawing = folder / "socket", folder / "drawing"
    drawer = _started("crmlib.kit.charts.drawer", str(drawing), str(engines))
    process = _started("crmlib.run.process.parent", str(address), *map(str, notebooks))
    try:
        ready = not wait or _wait(process, address)
        warm = {VARIABLE: str(address), "JUPYTER_DEFAULT_PROVISIONER_NAME": PROVISIONER, DRAWING: str(drawing)}
        yield warm if ready else {}
    finally:
        for one in (process, drawer):
            one.send_signal(signal.SIGTERM)
            one.communicate()
        shutil.rmtree(folder, ignore_errors=True)


def _started(module: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,  # open as long as we are
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_plain_environment(),
    )


@contextmanager
def for_runs(notebooks: Sequence[Path], *, workers: int) -> Iterator[None]:
    """A warm parent for runs of `notebooks`, if it pays: its imports cost about as much as one run saves."""
    count = len(notebooks)
    if count < WORTH_IT or sys.platform != "linux":
        yield
        return
    whole = sorted({notebook for notebook in notebooks if notebook.is_file()})
    with parent(notebooks=whole, engines=min(count, workers, os.cpu_count() or 1)) as variables:
        os.environ.update(variables)
        try:
            yield
        finally:
            for name in variables:
                os.environ.pop(name, None)


def _wait(process: subprocess.Popen[bytes], address: Path) -> bool:
    """Wait for the parent's imports; whether it is ready."""
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        if address.exists():
            return True
        time.sleep(0.05)
    return False


def fork(address: str, *, role: Role, argv: Sequence[str], env: Mapping[str, str], cwd: str) -> Child | None:
    """A warm process in the given role, or None where there is no parent (yet): the caller then starts a cold one."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(10)
        connection.connect(address)
        request = {"role": role, "argv": list(argv), "env": {**_THREADS, **env}, "cwd": cwd}
        connection.sendall((json.dumps(request) + "\n").encode())
        reply = connection.recv(32)
        connection.settimeout(None)
        if not reply:
            raise OSError("no child")
        return Child(int(reply), connection)
    except (OSError, ValueError):
        connection.close()
        return None


def _plain_environment() -> dict[str, str]:
    """What the parent itself may know: paths and locale, no credentials of whoever started it."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "XDG_RUNTIME_DIR", "SSL_CERT_FILE")
    return {**{name: os.environ[name] for name in keep if name in os.environ}, **_THREADS, **GIVE_BACK}
