"""A kernel provisioner that forks warm kernels; without a warm parent it starts a cold one, with a warning.

Chosen by ``JUPYTER_DEFAULT_PROVISIONER_NAME=crmlib-warm`` for papermill, Voilà and JupyterLab alike.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from crmlib.run.process import ask as warm

_LISTEN_SECONDS = 5.0
_KILL_SECONDS = 1.0


class WarmProvisioner(LocalProvisioner):
    """Launches a kernel by forking the warm parent named in CRMLIB_WARM."""

    child: warm.Child | None = None

    @property
    def has_process(self) -> bool:
        """Whether a kernel was launched and not yet waited for."""
        return self.child is not None or bool(super().has_process)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel; the command of the kernel spec serves only to find the connection file."""
        env = kwargs.get("env") or dict(os.environ)
        address = env.get(warm.VARIABLE) or os.environ.get(warm.VARIABLE, "")
        python = "ipykernel_launcher" in cmd or "ipykernel" in cmd
        if address and python and os.path.exists(address):
            argv = ["ipykernel", *cmd[cmd.index("-f") :]] if "-f" in cmd else []
            cwd = str(kwargs.get("cwd") or os.getcwd())
            self.child = warm.fork(address, role="kernel", argv=argv, env=env, cwd=cwd) if argv else None
        if self.child is None:
            self.log.warning("no warm parent: starting a cold kernel")
            return await super().launch_kernel(cmd, **kwargs)
        self.pid, self.cwd = self.child.pid, kwargs.get("cwd")
        if place := os.environ.get(warm.KERNEL_VARIABLE):  # it is no child of ours: whoever watches us must know it
            Path(place).write_text(str(self.pid), encoding="ascii")
        await self._heard()
        return self.connection_info

    async def _heard(self) -> None:
        """Wait until the kernel listens: a client that comes too early tries again only a tenth of a second later."""
        end = time.monotonic() + _LISTEN_SECONDS
        told = self.connection_info
        for port in (told["shell_port"], told["iopub_port"], told["control_port"], told["hb_port"]):
            while not self._listens(port) and self.child is not None and self.child.alive() and time.monotonic() < end:
                await asyncio.sleep(0.003)

    def _listens(self, port: int) -> bool:
        if self.connection_info.get("transport") == "ipc":
            return os.path.exists(f"{self.connection_info['ip']}-{port}")
        return _listens(port)

    async def poll(self) -> int | None:
        """None while the kernel runs."""
        if self.child is None:
            return await super().poll()
        return None if self.child.alive() else 0

    async def wait(self) -> int | None:
        """Wait for the kernel's end."""
        if self.child is None:
            return await super().wait()
        while self.child.alive():
            await asyncio.sleep(0.02)
        self.child.close()
        self.child = None
        return 0

    async def send_signal(self, signum: int) -> None:
        """Signal the kernel's process group."""
        if self.child is None:
            await super().send_signal(signum)
        else:
            self.child.send_signal(signum)

    async def kill(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002  (the base class's signature)
        """End the kernel at once."""
        if self.child is None:
            await super().kill(restart)
        else:
            self.child.send_signal(signal.SIGKILL)
            self.child.wait(_KILL_SECONDS)  # else whoever asked looks again only a tenth of a second later

    async def terminate(self, restart: bool = False) -> None:  # noqa: FBT001, FBT002
        """End the kernel; a forked one has nothing to save and does not listen to SIGTERM."""
        if self.child is None:
            await super().terminate(restart)
        else:
            await self.kill(restart)


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
