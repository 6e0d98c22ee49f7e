"""What was computed once need not be computed again: results kept beside the lake, found by everything they depend on.

An entry's name is the hash of the code, the function, and the *content* of all its arguments. So an entry can be given
to whoever asks with the same arguments, and to nobody else: a reader who may see fewer rows brings other frames, and
finds, or makes, another entry. New data, other parameters, other code: another name. Nothing has to be declared.

A random generator among the arguments counts with its state, and is left in the state in which the work left it: a page
made from entries has the same bytes as one that computed everything. Receipt lines count with all that decides which
lines they are, since nobody reads them to compare: each table's version, all ingests, the day, the regions, what they
were narrowed to. A result is given out as it is read from its entry, computed or found: what a next step makes of it is
found under the same name.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

import numpy as np
import polars as pl

import crmlib
from crmlib.panels import ReceiptLines
from crmlib.panels.handle import told
from crmlib.report.memory import packed

P = ParamSpec("P")
T = TypeVar("T")

FOLDER = "remembered"
"""Below the lake's folder; may be removed at any time."""
MOST_BYTES = 4_000_000_000
MOST_DAYS = 35
"""Larger than this, or older, the oldest entries go. Of 1.7 million members a night is .45 GB, their lifetimes .35."""
_LIBRARIES = ("numpy", "polars", "scipy", "scikit-learn", "lightgbm", "statsmodels")
_HASH = 32


class Later(Generic[T]):
    """A value made when it is asked for, and known by what it is made of.

    What was made of millions of rows is found without making these rows, or hashing them.

    Parameters
    ----------
    make : makes it, of nothing but `of`. of : all that decides what it is, as `remembered` takes its arguments.
    """

    def __init__(self, make: Callable[[], T], *of: object) -> None:
        self.make, self.of = make, of

    @cached_property
    def value(self) -> T:
        """The value, made once."""
        return self.make()


def remembered(folder: Path, compute: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What ``compute(*args, **kwargs)`` returns, from `folder` if it was computed before.

    Parameters
    ----------
    folder : where entries are kept. One that cannot be written is done without.
    compute : a function at the top of a module of this package, whose result depends on its arguments only.
    args, kwargs : anything that `packed` takes, lazy frames, a page's receipt lines, NumPy generators, and `Later`.
    """
    generators = [a for a in (*args, *kwargs.values()) if isinstance(a, np.random.Generator)]
    path = folder / f"{_name(compute, args, kwargs)}.packed"
    found = _read(path)
    if found is not None:
        for generator, state in zip(generators, found["states"], strict=True):
            generator.bit_generator.state = state
        return found["result"]  # type: ignore[no-any-return]
    result = compute(*args, **kwargs)
    states = [generator.bit_generator.state for generator in generators]
    content = packed.pack({"result": result, "states": states})
    del result  # of millions of rows: not twice
    _keep(path, content, most=MOST_BYTES)
    return packed.unpack(content)["result"]  # type: ignore[no-any-return]  # whoever finds it gets no other bytes


def kept(folder: Path, make: Callable[[], T], *of: object, most: int) -> T:
    """What `make` returns, from `folder` if it was made of the same before.

    Parameters
    ----------
    of : all that decides what it is besides the code, as `packed` takes it. most : bytes that such entries may take.
    """
    path = folder / f"{packed.digest((code(), *of))}.packed"
    found = _read(path)
    if found is not None:
        return found["result"]  # type: ignore[no-any-return]
    result = make()
    _keep(path, packed.pack({"result": result}), most=most)
    return result


@cache
def code() -> str:
    """Hash of the package's modules, and the versions of the libraries that its numbers come from."""
    package = Path(crmlib.__file__).parent
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(package.rglob("*.py")):
        digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    for library in _LIBRARIES:
        with suppress(PackageNotFoundError):
            digest.update(f"{library} {version(library)}\0".encode())
    return digest.hexdigest()


def _name(compute: Callable[..., object], args: tuple[object, ...], kwargs: Mapping[str, object]) -> str:
    """The name of an entry: the hash of everything that the result depends on."""
    given = [_known(a) for a in args], {name: _known(kwargs[name]) for name in sorted(kwargs)}
    return packed.digest((code(), packed.name_of(compute), *given))


def _known(argument: object) -> object:
    """An argument as it counts for the name."""
    if isinstance(argument, np.random.Generator):
        return argument.bit_generator.state
    if isinstance(argument, ReceiptLines):
        return told(argument)
    if isinstance(argument, Later):
        return [_known(one) for one in argument.of]
    return argument.collect() if isinstance(argument, pl.LazyFrame) else argument


def _read(path: Path) -> dict[str, Any] | None:
    """The entry, if it is there and whole."""
    try:
        content = memoryview(path.read_bytes())
        if hashlib.sha256(content[_HASH:]).digest() != content[:_HASH]:
            return None
        found = packed.unpack(content[_HASH:])
    except (OSError, ValueError):
        return None
    with suppress(OSError):
        os.utime(path)  # the ones in use stay
    return found  # type: ignore[no-any-return]


def _keep(path: Path, content: bytes, *, most: int) -> None:
    """Write an entry whole or not at all, and let the oldest go."""
    part = path.with_suffix(f".{os.getpid()}.part")
    try:
        for place in (path.parent.parent, path.parent):  # a mode is only that of the last folder made
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(hashlib.sha256(content).digest())
            file.write(content)
        part.replace(path)
        _forget(path.parent, most)
    except OSError:
        with suppress(OSError):
            part.unlink()


def _forget(folder: Path, most: int) -> None:
    """Remove what is older than `MOST_DAYS`, and the least recently used beyond `most` bytes."""
    with os.scandir(folder) as there:
        looked = [(one.stat(), one.path) for one in there if one.is_file()]
    entries = sorted(((found.st_mtime, found.st_size, Path(path)) for found, path in looked), reverse=True)
    oldest, held = time.time() - MOST_DAYS * 86_400, 0
    for used, size, path in entries:
        held += size
        if held > most or used < oldest:
            path.unlink(missing_ok=True)
