"""Results as bytes and back, without pickle: JSON for plain values, Arrow for frames, NumPy's own format for arrays.

What can be packed: None, booleans, numbers, texts, days and times, lists, tuples, dicts, sets, frames, series, arrays,
the package's own dataclasses of these, and the names of its functions. Unpacking makes nothing else and calls nothing,
so bytes from a folder cannot run anything.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from types import FunctionType
from typing import Any, Literal

import numpy as np
import polars as pl

OWN = "crmlib."
_HEAD = 8
_SPOILED = (KeyError, TypeError, AttributeError, IndexError, ImportError, OSError, EOFError)
_CONTAINERS: dict[str, Callable[[Iterator[Any]], Any]] = {kind.__name__: kind for kind in (list, tuple, set, frozenset)}


@dataclass(slots=True)
class _Blobs:
    """What is no JSON, in the order in which it was met; only its hashes if `hashed`."""

    hashed: bool = False
    parts: list[bytes | memoryview] = field(default_factory=list)

    def add(self, buffer: BytesIO) -> int:
        content = buffer.getbuffer()
        self.parts.append(hashlib.sha256(content).digest() if self.hashed else content)
        return len(self.parts) - 1


def pack(value: object) -> bytes:
    """`value` as bytes; equal values made in the same way give equal bytes.

    Raises
    ------
    TypeError
        If there is something in it that is not listed above.

    Examples
    --------
    >>> unpack(pack({"day": date(2026, 1, 31), "parts": (1, 2.5, None)}))
    {'day': datetime.date(2026, 1, 31), 'parts': (1, 2.5, None)}
    """
    return _packed(value, _Blobs())


def digest(value: object) -> str:
    """A hash of all that `pack` would make, without compressing it or holding it at once."""
    return hashlib.sha256(_packed(value, _Blobs(hashed=True))).hexdigest()


def _packed(value: object, blobs: _Blobs) -> bytes:
    tree = _tree(value, blobs)
    head = json.dumps({"tree": tree, "sizes": [len(b) for b in blobs.parts]}, separators=(",", ":")).encode()
    return b"".join([len(head).to_bytes(_HEAD, "big"), head, *blobs.parts])


def unpack(content: bytes | memoryview) -> Any:
    """The value that `pack` was given.

    Raises
    ------
    ValueError
        If the bytes are something else, or name a class that is no dataclass of this package.
    """
    try:
        whole = memoryview(content)
        end = _HEAD + int.from_bytes(whole[:_HEAD], "big")
        head = json.loads(bytes(whole[_HEAD:end]))
        blobs = []
        for size in head["sizes"]:
            blobs.append(whole[end : end + size])
            end += size
        return _value(head["tree"], blobs)
    except (*_SPOILED, pl.exceptions.PolarsError) as error:
        raise ValueError(f"not a packed value: {type(error).__name__}: {error}") from None


def name_of(thing: Any) -> str:
    """Where a class or function of this package is found.

    Raises
    ------
    TypeError
        If it is not one at the top of a module of this package: its name would not say what it does.
    """
    module, name = getattr(thing, "__module__", ""), getattr(thing, "__qualname__", "")
    if not (isinstance(module, str) and module.startswith(OWN) and name.isidentifier()):
        raise TypeError(f"{thing!r} does not stand at the top of a module of this package")
    return f"{module}:{name}"


def _tree(value: object, blobs: _Blobs) -> object:
    if value is None or type(value) in (bool, int, float, str):  # not a subclass: an enum would come back as a text
        return value
    if type(value) in (list, tuple, set, frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return {"kind": type(value).__name__, "of": [_tree(v, blobs) for v in items]}  # type: ignore[attr-defined]
    if is_dataclass(value) and not isinstance(value, type):
        content = {f.name: _tree(getattr(value, f.name), blobs) for f in fields(value)}
        return {"kind": "object", "class": name_of(type(value)), "of": content}
    kind, of = _described(value, blobs)
    return {"kind": kind, "of": of}


def _described(value: object, blobs: _Blobs) -> tuple[str, object]:
    found: tuple[str, object]
    match value:
        case dict():
            found = "dict", [[_tree(k, blobs), _tree(v, blobs)] for k, v in value.items()]
        case timedelta():
            found = "span", [value.days, value.seconds, value.microseconds]
        case datetime():
            found = "time", value.isoformat()
        case date():
            found = "day", value.isoformat()
        case pl.DataFrame():
            found = "frame", _framed(value, blobs)
        case pl.Series():
            found = "series", _framed(value.to_frame(), blobs)
        case np.ndarray():
            found = "array", blobs.add(_npy(value))
        case np.generic():
            found = "scalar", blobs.add(_npy(np.asarray(value)))
        case FunctionType():
            found = "function", name_of(value)
        case _:
            raise TypeError(f"a {type(value).__name__} cannot be packed")
    return found


def _framed(frame: pl.DataFrame, blobs: _Blobs) -> list[object]:
    """A frame with the places of its Enums' values, and the texts of each: to read it, no text is looked up."""
    kinds = {name: kind for name, kind in frame.schema.items() if isinstance(kind, pl.Enum)}
    names = [[name, blobs.add(_ipc(kind.categories.to_frame(), blobs))] for name, kind in kinds.items()]
    return [blobs.add(_ipc(frame.with_columns(pl.col(*kinds).to_physical()) if kinds else frame, blobs)), names]


def _ipc(frame: pl.DataFrame, blobs: _Blobs) -> BytesIO:
    buffer = BytesIO()
    how: Literal["uncompressed", "zstd"] = "uncompressed" if blobs.hashed else "zstd"
    frame.rechunk().write_ipc(buffer, compression=how, compat_level=pl.CompatLevel.oldest())
    return buffer


def _npy(array: np.ndarray[Any, Any]) -> BytesIO:
    buffer = BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer


def _value(tree: Any, blobs: list[memoryview]) -> Any:
    if not isinstance(tree, dict):
        return tree
    kind, of = tree["kind"], tree["of"]
    if kind in _CONTAINERS:
        return _CONTAINERS[kind](_value(v, blobs) for v in of)
    if kind == "dict":
        return {_value(k, blobs): _value(v, blobs) for k, v in of}
    if kind == "object":
        return _object(tree["class"], {name: _value(v, blobs) for name, v in of.items()})
    if kind in ("frame", "series"):
        place, names = of
        frame = _read(blobs[place]).with_columns(
            pl.col(name).cat.to(pl.Enum(_read(blobs[at]).to_series())) for name, at in names
        )
        return frame if kind == "frame" else frame.to_series()
    return _PLAIN[kind](of) if kind in _PLAIN else _ARRAYS[kind](BytesIO(blobs[of]))


def _read(blob: memoryview) -> pl.DataFrame:
    return pl.read_ipc(BytesIO(blob))


def _found(name: str) -> Any:
    """What stands at the top of a module of this package under this name."""
    module, _, qualified = name.partition(":")
    if not module.startswith(OWN):
        raise ValueError(f"{name} is not of this package")
    return getattr(importlib.import_module(module), qualified)


def _function(name: str) -> Any:
    thing = _found(name)
    if not isinstance(thing, FunctionType) or name_of(thing) != name:
        raise ValueError(f"{name} is no function of this package")
    return thing


_PLAIN: dict[str, Callable[[Any], Any]] = {
    "span": lambda parts: timedelta(*parts),
    "day": date.fromisoformat,
    "time": datetime.fromisoformat,
    "function": _function,
}
_ARRAYS: dict[str, Callable[[BytesIO], Any]] = {
    "array": lambda blob: np.load(blob, allow_pickle=False),
    "scalar": lambda blob: np.load(blob, allow_pickle=False)[()],
}


def _object(name: str, values: dict[str, Any]) -> Any:
    """A dataclass of this package with these values; nothing of its own is run."""
    kind = _found(name)
    if not (isinstance(kind, type) and is_dataclass(kind) and {f.name for f in fields(kind)} == set(values)):
        raise ValueError(f"{name} is no dataclass with the fields {', '.join(sorted(values))}")
    made = object.__new__(kind)
    for field_name, value in values.items():
        object.__setattr__(made, field_name, value)
    return made
