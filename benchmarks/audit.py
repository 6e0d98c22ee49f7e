"""Dependencies against their lock, and against advisories carried in from elsewhere: works without a network.

python benchmarks/audit.py [--lock requirements.lock] [--advisories FOLDER_OR_ZIP] [--files]

Every line of the lock must pin one version with hashes and name no address; every package that is installed must be the
locked version (`--files`: and hold the very bytes that its own record says). `--advisories` takes the open database of
vulnerabilities for PyPI as it is published (`all.zip` of OSV, or the folder it unpacks to), fetched on any machine that
may and carried here: every locked version that an advisory names is printed. Exit code 1 if anything is wrong, 2 if the
advisories cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
TOOLS = frozenset({"pip", "setuptools", "wheel", "uv", "crmlib"})
"""What an environment has besides the lock."""


Lock = Mapping[str, frozenset[str]]
"""Versions of each package: several where another Python takes another one."""


def locked(text: str) -> tuple[Lock, list[str]]:
    """Versions of each package of a lock, and what is wrong with its lines."""
    found, wrong = dict[str, frozenset[str]](), list[str]()
    for entry in re.split(r"\n(?=[A-Za-z0-9])", text):
        lines = [line for line in entry.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            continue
        pin = PIN.match(lines[0])
        if pin is None:
            wrong.append(f"no pinned version: {lines[0][:80]}")
            continue
        name = canonicalize_name(pin[1])
        found[name] = found.get(name, frozenset()) | {pin[2]}
        if not HASH.search(entry):
            wrong.append(f"{pin[1]}: no hash")
    wrong += [f"an address in the lock: {line[:80]}" for line in text.splitlines() if "://" in line]
    return found, wrong


def installed(lock: Lock) -> Iterator[str]:
    """Packages of this environment that are not what the lock says."""
    for dist in metadata.distributions():
        name = canonicalize_name(dist.metadata["Name"])
        if name in TOOLS:
            continue
        if name not in lock:
            yield f"{name} {dist.version}: installed, not in the lock"
        elif dist.version not in lock[name]:
            yield f"{name}: {dist.version} is installed, {', '.join(sorted(lock[name]))} is locked"


def altered(dist: metadata.Distribution) -> Iterator[str]:
    """Files of a package that are not the bytes of its record."""
    for file in dist.files or ():
        if file.hash is None or file.hash.mode != "sha256":
            continue
        place = Path(str(file.locate()))
        found = hashlib.sha256(place.read_bytes()).digest() if place.is_file() else b""
        if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != file.hash.value:
            yield f"{dist.metadata['Name']}: {file} is not what was installed"


class UnreadError(Exception):
    """Advisories that cannot be read: three lines, what was given, what was expected, what mends it."""

    def __init__(self, given: str) -> None:
        super().__init__(
            f"given: {given}\n"
            "expected: all.zip of the open database of vulnerabilities (OSV) for PyPI, or the folder it unpacks to\n"
            "mend: fetch all.zip anew where one may (osv-vulnerabilities, folder PyPI), compare its size, carry it here"
        )


def advisories(place: Path) -> Iterator[dict[str, Any]]:
    """The records of the database, from its archive or its folder; raises `UnreadError` where there is none."""
    count = 0
    for name, content in _files(place):
        try:
            record = json.loads(content)
        except ValueError:
            raise UnreadError(f"{place}: {name} is no JSON") from None
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise UnreadError(f"{place}: {name} is no advisory: it has no id")
        count += 1
        yield record
    if not count:
        raise UnreadError(f"{place}: no advisory in it")


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    if place.is_dir():
        yield from ((path.name, path.read_bytes()) for path in sorted(place.rglob("*.json")))
        return
    try:
        with zipfile.ZipFile(place) as packed:
            yield from ((name, packed.read(name)) for name in packed.namelist() if name.endswith(".json"))
    except FileNotFoundError:
        raise UnreadError(f"{place}: no such file") from None
    except (zipfile.BadZipFile, zlib.error, OSError) as problem:
        raise UnreadError(f"{place}: {problem}") from None


def named(record: Mapping[str, Any], lock: Lock) -> Iterator[str]:
    """Locked versions that a record names."""
    if record.get("withdrawn"):
        return
    for part in record.get("affected", ()):
        package = part.get("package", {})
        name = canonicalize_name(str(package.get("name", "")))
        if package.get("ecosystem") == "PyPI":
            for version in sorted(v for v in lock.get(name, ()) if _hit(part, v)):
                yield f"{name} {version}: {record['id']} {str(record.get('summary', ''))[:80]}"


def compared(place: Path, lock: Lock) -> tuple[int, list[str]]:
    """How many advisories for PyPI were read, and what they say of the lock; one of other packages is no such database.

    Raises `UnreadError`.
    """
    count, found = 0, list[str]()
    for record in advisories(place):
        systems = {str(part.get("package", {}).get("ecosystem")) for part in record.get("affected", ())}
        count += "PyPI" in systems
        found += named(record, lock)
    if not count:
        raise UnreadError(f"{place}: no advisory for PyPI in it")
    return count, found


def _hit(part: Mapping[str, Any], version: str) -> bool:
    if version in part.get("versions", ()):
        return True
    return any(
        _within(one.get("events", ()), version) for one in part.get("ranges", ()) if one.get("type") == "ECOSYSTEM"
    )


def _within(events: list[Mapping[str, str]], version: str) -> bool:
    """Whether a version lies in a range told as events: introduced, fixed, last_affected, in their order."""
    try:
        mine, inside = Version(version), False
        for event in events:
            if "introduced" in event and mine >= Version(event["introduced"]):
                inside = True
            if "fixed" in event and mine >= Version(event["fixed"]):
                inside = False
            if "last_affected" in event and mine > Version(event["last_affected"]):
                inside = False
        return inside
    except InvalidVersion:  # a version that cannot be compared is looked at by a person
        return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lock", type=Path, default=Path(__file__).parents[1] / "requirements.lock")
    parser.add_argument("--advisories", type=Path, help="all.zip of OSV for PyPI, or its folder")
    parser.add_argument("--files", action="store_true", help="compare every installed file with its record")
    chosen = parser.parse_args()
    lock, wrong = locked(chosen.lock.read_text(encoding="utf-8"))
    wrong += installed(lock)
    if chosen.files:
        wrong += [line for dist in metadata.distributions() for line in altered(dist)]
    looked = "no advisories were given"
    if chosen.advisories:
        try:
            count, found = compared(chosen.advisories, lock)
        except UnreadError as problem:
            print(problem, file=sys.stderr)
            sys.exit(2)
        wrong += found
        looked = f"{count} advisories"
    print(*wrong, sep="\n")
    print(f"{len(lock)} packages locked; {looked}; {len(wrong)} wrong")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
