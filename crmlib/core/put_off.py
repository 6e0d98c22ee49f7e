"""Imports that cost a second and are hardly ever used wait until they are."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

SLOW = {"rfc3987_syntax": ("is_valid_syntax",)}
"""Packages, and the functions that others take from them when they are imported themselves.

rfc3987_syntax compiles the grammars of international addresses. jsonschema imports it, and Altair and nbformat import
jsonschema, so that every process would pay 1.5 s of the processor for a check that none of them makes.
"""
_SAID = frozenset({"__all__", "__version__"})
"""What a package itself says under such a name."""


def put_off(name: str, functions: tuple[str, ...]) -> None:
    """Let `name` be imported when one of its functions is called, or anything else of it is asked for.

    A package that is imported already, or is not installed, stays as it is. Who only looks over all modules (a kernel
    that starts, for their files; `warnings` and `inspect`, for what they keep under `__names__`) imports nothing.
    """
    spec = None if name in sys.modules else find_spec(name)
    if spec is None:
        return
    waiting = ModuleType(name)
    waiting.__spec__, waiting.__path__ = spec, list(spec.submodule_search_locations or [])
    waiting.__file__, waiting.__loader__, waiting.__package__ = spec.origin, spec.loader, spec.parent

    def real(attribute: str) -> Any:
        looked_over = attribute.startswith("__") and attribute not in _SAID
        if looked_over and sys.modules.get(name) is waiting:
            raise AttributeError(f"module {name!r} has no attribute {attribute!r} before it is imported")
        if sys.modules.get(name) is waiting:
            del sys.modules[name]
        return getattr(import_module(name), attribute)

    def later(function: str) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            return real(function)(*given, **named)

        return call

    waiting.__dict__.update({function: later(function) for function in functions}, __getattr__=real)
    sys.modules[name] = waiting


def put_off_all() -> None:
    """Put off the packages of `SLOW`."""
    for name, functions in SLOW.items():
        put_off(name, functions)
