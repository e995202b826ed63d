"""Run the attacks and print their table; ends with 1 when a row of it fails."""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.attack.rows import Row, row, table

# Each is a module here with `run(room, seed=)`, which returns its rows.
PARTS = ("kills", "processes", "disk", "requests", "files", "caches", "mutants")


def attack(parts: tuple[str, ...], seed: int) -> list[Row]:
    """Run the parts one after another, each in a folder of its own that is removed afterwards."""
    rows: list[Row] = []
    for part in parts:
        room = Path(tempfile.mkdtemp(prefix=f"riskmap-attack-{part}-"))
        try:
            with row(part) as whole:
                made = importlib.import_module(f"tests.attack.{part}").run(room, seed=seed)
            rows += [whole] if whole.failures else made
        finally:
            shutil.rmtree(room, ignore_errors=True)
        sys.stderr.write(f"{part}: {whole.seconds:.0f} s\n")
    return rows


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    asked.add_argument("--seed", type=int, default=11)
    asked.add_argument("--only", default=",".join(PARTS), help="parts, by commas: " + ",".join(PARTS))
    given = asked.parse_args()
    parts = tuple(given.only.split(","))
    if unknown := set(parts) - set(PARTS):
        asked.error(f"no such part: {', '.join(sorted(unknown))}")
    started = time.monotonic()
    rows = attack(parts, given.seed)
    failed = [r for r in rows if not r.passed]
    sys.stdout.write(table(rows) + "\n")
    said = (
        f"{len(rows)} attacks, {len(failed)} failed, {time.monotonic() - started:.0f} s, seed {given.seed}\n"
    )
    sys.stdout.write(said)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
