"""Sub-modules imported on first use, so that a package is cheap to import and all of it is found by the tab key."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from types import ModuleType


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
