"""What people enter on the server: kill -9 at random moments of outcomes and drafts, and what one outcome takes.

python benchmarks/bench_entries.py kills|seconds [--trials 50] [--lake FOLDER]

Nothing that was said to be kept may be lost, nothing may stand twice, no draft may stand without its rule and step.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import polars as pl

from crmlib.core.contracts.customers import CUSTOMERS
from crmlib.data import Lake
from crmlib.data.lake.filed import file_rows
from crmlib.serve import outcomes
from crmlib.serve.users import User

NOW = datetime(2026, 7, 2, 3, tzinfo=UTC)
WRITER = """
import json, sys
from datetime import date, datetime, timedelta
from pathlib import Path
from crmlib.serve import offers, outcomes
from crmlib.serve.users import User
folder, trial = Path(sys.argv[1]), int(sys.argv[2])
now, user, priced = datetime.fromisoformat(sys.argv[3]), User("li", "", ""), json.loads(sys.argv[4])
for n in range(1000):
    form = f"{trial * 1000 + n:032x}"
    typed = outcomes.Entered(sys.argv[5], "phone", "lost", "price", None, form)
    outcomes.keep(folder, typed, user=user, now=now + timedelta(seconds=trial * 1000 + n))
    draft = {"name": "x", "budget": "100", "form": form[::-1], "move": "save"}
    offers.save(folder, priced, draft, user=user, now=now, newest=date(2026, 6, 30))
    print(form, flush=True)
"""


def lake_of(folder: Path) -> Lake:
    """A lake of one member."""
    made = Lake(folder)
    flags = dict.fromkeys(("may_sms", "may_email", "may_call"), pl.lit(value=False))
    rows = pl.DataFrame({"customer_id": ["C1"]}).with_columns(tags=pl.lit([], dtype=pl.List(pl.String)), **flags)
    file_rows(made, CUSTOMERS, rows, batch="x", source="crm", by="", now=NOW)
    return made


def kills(trials: int, *, seed: int, folder: Path, longest: float = 1.5) -> dict[str, int]:
    """Writers killed at random moments; how many forms were said to be kept, lost, doubled, or torn."""
    lake, rng, said = lake_of(folder), random.Random(seed), []
    code = str(lake.pseudonyms(pl.Series(["C1"]))[0])
    command = [sys.executable, "-c", WRITER, str(folder)]
    for trial in range(trials):
        given = [str(trial), NOW.isoformat(), _json(), code]
        with subprocess.Popen([*command, *given], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            first = writer.stdout.readline().strip()
            time.sleep(rng.uniform(0.0, longest))
            writer.kill()
            said += [first] + [line for line in writer.stdout.read().split("\n") if len(line) == 32]
    contacts = lake.table("contacts").collect()["contact_id"]
    ids = {name: lake.table(name).collect()["promotion_id"] for name in ("promotions", "offers", "promotion_steps")}
    drafts = {f"D2607{form[::-1][:8]}" for form in said}
    there = set(ids["promotions"])
    return {
        "trials": trials, "said": len(said),
        "lost": len({f"P{form}" for form in said} - set(contacts)) + len(drafts - there),
        "twice": contacts.len() - contacts.n_unique() + sum(s.len() - s.n_unique() for s in ids.values()),
        "torn": len(there - set(ids["offers"])) + len(there - set(ids["promotion_steps"])),
    }  # fmt: skip


def _json() -> str:
    return (
        '{"offer": {"mechanic": "rate", "starts_at": "2026-07-06T00:00:00", "ends_at": "2026-07-13T00:00:00",'
        ' "priority": 100, "stores": [], "products": [], "rate_bp": 8800, "threshold_minor": 0, "per_full": false,'
        ' "gift_units": 1, "exclusive": false, "weekdays": [], "categories": [], "except_products": [], "grades": [],'
        ' "bundle_products": [], "bundle_units": [], "addon_products": [], "stacks_with": []},'
        ' "category": null, "depth_bp": 1200}'
    )


def seconds(lake: Lake, *, trials: int, rng: random.Random) -> list[float]:
    """Wall seconds of each of so many outcomes of members of this lake, entered one after the other."""
    members = lake.pseudonyms(lake.table("customers").collect()["customer_id"].sample(trials, seed=1))
    took, user = [], User("bench", "", "")
    for n, code in enumerate(members):
        typed = outcomes.Entered(code, "phone", "lost", "price", None, f"{rng.getrandbits(128):032x}")
        started = time.monotonic()
        outcomes.keep(lake.path, typed, user=user, now=NOW + timedelta(seconds=n))
        took.append(time.monotonic() - started)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=("kills", "seconds"))
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--lake", type=Path, help="a copy of a lake: outcomes are written into it")
    options = parser.parse_args()
    if options.kind == "kills":
        with tempfile.TemporaryDirectory() as work:
            print(kills(options.trials, seed=1, folder=Path(work) / "lake"))
    else:
        took = seconds(Lake(options.lake), trials=options.trials, rng=random.Random(1))
        print(f"outcomes: {len(took)}, median {median(took):.3f} s, slowest {max(took):.3f} s")


if __name__ == "__main__":
    main()
