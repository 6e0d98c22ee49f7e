"""The tables of reference numbers and traps in the handbook name tests that stand."""

from __future__ import annotations

import re
from pathlib import Path


def test_every_number_and_trap_names_a_test_that_stands(root: Path) -> None:
    told = (root / "docs" / "balances.md").read_text(encoding="utf-8").partition("## Reference numbers")[2]
    named = set(re.findall(r"`(test_\w+)`", told))
    rooms = ("sales", "balances", "core", "real_data")
    stand = {
        name
        for room in rooms
        for path in (root / "tests" / room).glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 40 and named <= stand, sorted(named - stand)
    numbers = re.findall(r"^\| ([\d, ]+) \|", told, re.MULTILINE)
    assert sorted(int(n) for cell in numbers for n in cell.split(",")) == list(range(1, 20))
