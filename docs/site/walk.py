"""Walk a page of the docs: run its commands in their order, as a reader would, and look for what it says they print.

python docs/site/walk.py PAGE [--time]

Blocks of `sh` behind `<!-- walk -->` are run line by line from the project's folder (`<!-- walk, ends with N -->`: the
last line ends with that code); every line of the `text` block that follows must stand in what they printed. Commands
are those of this environment. Exit code 1 names the line that did otherwise.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STEP = re.compile(
    r"<!-- walk(?:, ends with (?P<code>\d+))? -->\n```sh\n(?P<lines>.*?)```(?:\n```text\n(?P<told>.*?)```)?", re.S
)


@dataclass(frozen=True, slots=True)
class Step:
    """Lines to run, the code the last of them ends with, what is then to be read."""

    lines: tuple[str, ...]
    code: int
    told: tuple[str, ...]


def steps(text: str) -> Iterator[Step]:
    """The steps of a page."""
    for found in STEP.finditer(text):
        told = tuple((found["told"] or "").splitlines())
        yield Step(tuple(found["lines"].splitlines()), int(found["code"] or 0), told)


def main() -> None:
    """Run every step; stop at the first that does otherwise than the page says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--time", action="store_true", help="print the seconds of each line")
    chosen = parser.parse_args()
    language = "zh_CN.UTF-8" if ".zh." in chosen.page.name else "en_US.UTF-8"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "LANG": language, "LC_ALL": language}
    for step in steps(chosen.page.read_text(encoding="utf-8")):
        printed = ""
        for number, line in enumerate(step.lines, 1):
            began = time.monotonic()
            ran = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)
            printed += ran.stdout
            if chosen.time:
                print(f"{time.monotonic() - began:7.1f} s  {line}", flush=True)
            if ran.returncode != (step.code if number == len(step.lines) else 0):
                sys.exit(f"{line}\nended with {ran.returncode}\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
        missing = [line for line in step.told if line not in printed]
        if missing:
            sys.exit(f"not printed by {step.lines[-1]}:\n" + "\n".join(missing) + f"\nbut:\n{printed[-2000:]}")
    print(f"{chosen.page}: walked")


if __name__ == "__main__":
    main()
