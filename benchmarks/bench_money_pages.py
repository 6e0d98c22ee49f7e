"""CPU seconds of each money page on a lake: all its cards, without start, drawing and HTML (goal: 5 s on the sample).

python benchmarks/bench_money_pages.py --lake .crmlib [--as-of 2026-10-31]
"""

from __future__ import annotations

import argparse
import importlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

from crmlib.report import open_page
from crmlib.report.context import Context

PAGES = (
    *("sales_pulse", "targets", "goods", "stock", "receivables", "points", "cards", "margin", "cashbook", "expenses"),
)
GOAL = 5.0


def seconds(report: str, lake: Path, as_of: str) -> tuple[int, float]:
    """Cards made and CPU seconds of one page, opened anew."""
    findings = importlib.import_module(f"crmlib.pages.{report}.findings")
    made = importlib.import_module(f"crmlib.pages.{report}.study").Study
    context = Context(face="html", now=datetime.now(UTC), seed=7, run_id="bench", lake=lake)
    begun = process_time()
    study = made(open_page(report, {"language": "zh", "as_of": as_of}, context=context))
    cards = [f for f in vars(findings).values() if callable(f) and hasattr(f, "__wrapped__")]
    for card in cards:
        card(study)
    return len(cards), process_time() - begun


def main() -> None:
    """Print each page twice: first with everything to be loaded, then warm."""
    asked = argparse.ArgumentParser()
    asked.add_argument("--lake", type=Path, default=Path(".crmlib"))
    asked.add_argument("--as-of", default="2026-10-31")
    given = asked.parse_args()
    logging.disable(logging.WARNING)
    for report in PAGES:
        count, first = seconds(report, given.lake, given.as_of)
        _, warm = seconds(report, given.lake, given.as_of)
        print(f"{report:12} {count:2} cards {first:6.2f} s, warm {warm:6.2f} s  {'' if first <= GOAL else 'ABOVE'}")


if __name__ == "__main__":
    main()
