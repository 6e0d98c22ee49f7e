"""Where the tables of a lake lie, if not in its folder: an object store, named in workspace.toml or the environment.

```
storage = "s3://bucket/folder"          # or CRMLIB_STORAGE
[storage_options]                       # addresses, regions; never keys
AWS_ENDPOINT_URL = "https://store.internal"
```

Tables, what was set apart and the reductions lie there. Beside the lake, in its folder, stay what people of this
machine write: its pens, states, the key of the pseudonyms, notes, the register of lists, the record of reductions.
The first write pins the place in the folder (`storage.json`): a process that is not told of it never begins a second
lake here. Keys are read from the environment by whoever opens a table, and are neither stored nor told.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from crmlib.core.errors import LakeError
from crmlib.data.lake import probe

VARIABLE = "CRMLIB_STORAGE"
SETTINGS, FOLDER = "workspace.toml", ".crmlib"
PIN = "storage.json"
SCHEMES = ("s3://", "s3a://", "az://", "abfss://", "gs://")
THERE = ("tables", "reductions")
"""Folders of a lake whose tables lie in the store; `set_apart` is one itself."""
PATIENCE = {"max_retries": "4", "retry_timeout": "20s"}
"""A store that does not answer is told within a minute; the setting may say otherwise."""
SECRETS = ("secret", "token", "password", "access_key", "account_key", "sas", "service_account")


@dataclass(frozen=True, slots=True)
class Storage:
    """A place in an object store. Its options are never shown."""

    url: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return self.url


def place(path: Path) -> tuple[str, dict[str, str] | None]:
    """Where the table of this folder lies, and how to open it: the folder itself, or its place in the store.

    Examples
    --------
    >>> place(Path("nowhere/tables/receipt_lines"))
    ('nowhere/tables/receipt_lines', None)
    """
    lake = _lake_of(path)
    found = None if lake is None else of(lake)
    if lake is None or found is None:
        return str(path), None
    return f"{found.url}/{path.relative_to(lake).as_posix()}", PATIENCE | dict(found.options)


def of(lake: Path) -> Storage | None:
    """Where the tables of a lake lie; none in its own folder.

    Raises
    ------
    LakeError
        `lake.storage_setting` for what is no place, `lake.storage_secret` where a file holds a key,
        `lake.storage_moved` where the lake was begun elsewhere.
    """
    pin, settings = lake / PIN, lake.parent / SETTINGS
    project = lake.name == FOLDER and settings.is_file()
    return _of(lake, _stamp(pin), _stamp(settings) if project else None, os.environ.get(VARIABLE))


def settle(lake: Path) -> None:
    """Before the first write: see that the store keeps one commit of two, and note that the lake lies there.

    Raises
    ------
    LakeError
        `lake.storage_unsafe` for a store that lets a second writer write over the first,
        `lake.storage_unreachable` if it does not answer.
    """
    found, pin = of(lake), lake / PIN
    if found is None or pin.exists():
        return
    probe.check(found.url, found.options)
    draft = pin.with_name(f".{PIN}.{os.getpid()}")
    draft.write_text(json.dumps({"url": found.url, "options": dict(found.options)}), encoding="utf-8")
    draft.replace(pin)


@lru_cache(maxsize=256)
def _of(lake: Path, pinned: object, told: object, variable: str | None) -> Storage | None:
    """The place, by what the files said when they were last written."""
    said = _read(lake.parent / SETTINGS) if told is not None else {}
    options = _options(said.get("storage_options", {}), lake.parent / SETTINGS)
    url = variable or said.get("storage")
    if pinned is not None:
        noted = json.loads((lake / PIN).read_text(encoding="utf-8"))
        if url is not None and _url(url) != noted["url"]:
            raise LakeError("lake.storage_moved", values={"url": _url(url), "there": noted["url"], "path": str(lake)})
        return Storage(noted["url"], {**noted["options"], **options})
    if url is None:
        return None
    if any((lake / "tables").glob("*/_delta_log")):
        raise LakeError("lake.storage_moved", values={"url": _url(url), "there": str(lake), "path": str(lake)})
    return Storage(_url(url), options)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise LakeError("lake.storage_setting", values={"given": f"{path}: {problem}"}) from problem


def _url(url: object) -> str:
    if not isinstance(url, str) or not url.startswith(SCHEMES) or "@" in url or len(url.split("/")) < 3:
        given = url.partition("://")[0] + "://…" if isinstance(url, str) and "@" in url else repr(url)
        raise LakeError("lake.storage_setting", values={"given": given})
    return url.rstrip("/")


def _options(said: object, path: Path) -> dict[str, str]:
    if not isinstance(said, dict):
        raise LakeError("lake.storage_setting", values={"given": f"{path}: storage_options = {said!r}"})
    secret = next((name for name in said if any(part in name.lower() for part in SECRETS)), None)
    if secret is not None:
        raise LakeError("lake.storage_secret", values={"path": str(path), "option": secret})
    return {str(name): str(value) for name, value in said.items()}


def _lake_of(path: Path) -> Path | None:
    if path.name == "set_apart":
        return path.parent
    return path.parents[1] if len(path.parts) > 2 and path.parent.name in THERE else None


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size
