"""Sub-modules imported on first use, so that a package is cheap to import and its face is found by the tab key."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


def submodules(
    package: str, path: Iterable[str], *, names: Iterable[str] = ()
) -> tuple[Callable[[str], ModuleType], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package whose attributes are its own modules.

    Parameters
    ----------
    package : `__name__` of the package.
    path : its `__path__`.
    names : what else the package offers, for `__dir__`.

    Examples
    --------
    >>> import crmlib.core
    >>> attribute, listing = submodules("crmlib.core", crmlib.core.__path__)
    >>> attribute("money").__name__, "money" in listing()
    ('crmlib.core.money', True)
    """
    found = {module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")}

    def attribute(name: str) -> ModuleType:
        if name in found:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    def listing() -> list[str]:
        return sorted(found.union(names))

    return attribute, listing


def face(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package whose face stands in the stub beside its `__init__.py`.

    The stub says once, for type checkers, for the tab key and for the import, where each public name comes from; a
    name is imported when it is first asked for.

    Parameters
    ----------
    package : `__name__` of the package.
    file : its `__file__`.

    Examples
    --------
    >>> import crmlib.clv
    >>> attribute, listing, names = face("crmlib.clv", crmlib.clv.__file__)
    >>> attribute("bg_nbd").__name__, "bg_nbd" in names
    ('crmlib.clv.models.bg_nbd', True)
    """
    stub = ast.parse(Path(file).with_suffix(".pyi").read_text(encoding="utf-8"))
    sources = {
        (alias.asname or alias.name): (node.module or "", alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def attribute(name: str) -> Any:
        if name not in sources:
            raise AttributeError(f"module {package!r} has no attribute {name!r}; it has {', '.join(sorted(sources))}")
        module, thing = sources[name]
        home = importlib.import_module(module)
        if hasattr(home, "__path__") and find_spec(f"{module}.{thing}") is not None:
            return importlib.import_module(f"{module}.{thing}")
        return getattr(home, thing)

    return attribute, lambda: sorted(sources), sorted(sources)


def module(name: str) -> Any:
    """A module of another library, imported when something of it is first asked for.

    For libraries that cost a second or a hundred megabytes and that a page with remembered models never needs.

    Examples
    --------
    >>> module("json").loads("[1]")
    [1]
    """
    return _Later(name)


class _Later(ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by tools that look at modules, not by a computation
            raise AttributeError(name)
        return getattr(importlib.import_module(self.__name__), name)
