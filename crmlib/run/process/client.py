"""A kernel client that is ready as soon as its kernel is: the stock one then waits a fifth of a second for silence."""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from traitlets import Type

_ASK_SECONDS = 1.0
_NEWS_SECONDS = 0.2


class Client(AsyncKernelClient):
    """Waits for the answer to its own question, and for the news that the kernel is idle after it."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Return when the kernel answers and what it tells reaches us."""
        end = time.monotonic() + (timeout or float("inf"))
        while not await self._answered(self.kernel_info()):
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > end:
                raise RuntimeError(f"Kernel didn't respond in {timeout} seconds")

    async def _answered(self, question: str) -> bool:
        try:
            reply = await self.shell_channel.get_msg(timeout=_ASK_SECONDS)
            while _parent(reply) != question:
                reply = await self.shell_channel.get_msg(timeout=_ASK_SECONDS)
            news = await self.iopub_channel.get_msg(timeout=_NEWS_SECONDS)
            while _parent(news) != question or not _idle(news):
                news = await self.iopub_channel.get_msg(timeout=_NEWS_SECONDS)
        except Empty:
            return False
        self._handle_kernel_info_reply(reply)
        return True


def _parent(message: dict[str, Any]) -> str:
    return str(message["parent_header"].get("msg_id", ""))


def _idle(message: dict[str, Any]) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")


class Manager(AsyncKernelManager):
    """Starts kernels and gives out such clients."""

    client_factory = Type(Client)
