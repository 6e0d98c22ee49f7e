"""Seconds of the tests by part, from a JUnit file: ``python tests/times.py FILE``."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree


def by_part(file: Path) -> list[tuple[str, int, float]]:
    """Part (the folder under `tests`, or `doctests`), number of tests, seconds; the longest first."""
    seconds: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for case in ElementTree.parse(file).iter("testcase"):
        places = case.get("classname", "").split(".")
        part = places[1] if places[0] == "tests" and len(places) > 1 else "doctests"
        seconds[part] += float(case.get("time", 0))
        tests[part] += 1
    return [(part, tests[part], round(spent, 1)) for part, spent in seconds.most_common()]


if __name__ == "__main__":
    for part, tests, seconds in by_part(Path(sys.argv[1])):
        print(f"{seconds:8.1f} s  {tests:5d} tests  {part}")
