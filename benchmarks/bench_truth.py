"""All reference numbers of the project in one table: source, figure, reference, ours, verdict.

`python benchmarks/bench_truth.py [question …]`: every module of `benchmarks/truth/` with `ROWS`, or those named. Ends
with how many are the same, better, off, and without data; the exit code is 1 where one is off.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections import Counter

import truth


def main() -> int:
    known = sorted(m.name for m in pkgutil.iter_modules(truth.__path__) if m.name != "row")
    counts: Counter[str] = Counter()
    print(f"{'question':10} {'source':44} {'figure':44} {'reference':>18} {'ours':>18}  verdict")
    for name in sys.argv[1:] or known:
        for row in importlib.import_module(f"truth.{name}").ROWS:
            ours, verdict = row.judged()
            counts[verdict] += 1
            shown = "—" if ours is None else f"{ours:.10g}"
            print(f"{name:10} {row.source:44} {row.what:44} {row.reference:18.10g} {shown:>18}  {verdict}", flush=True)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items())))
    return 1 if counts["OFF"] else 0


if __name__ == "__main__":
    sys.exit(main())
