"""Run the attacks and print their table; ends with 1 when a row of it fails."""

from __future__ import annotations

import argparse
import importlib
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from tests.attack.rows import Row, row, table

# Each is a module here with `run(room, seed=)`, which returns its rows.
PARTS = ("kills", "processes", "disk", "requests", "files", "caches", "mutants")


CORES = 2
ALONE = ("mutants",)  # takes all cores by itself


def attack(parts: tuple[str, ...], seed: int) -> list[Row]:
    """Run the parts, two at a time; the rows of each in the order in which they were asked for."""
    with ProcessPoolExecutor(CORES, mp_context=get_context("fork")) as pool:
        beside = {part: pool.submit(attack_part, part, seed) for part in parts if part not in ALONE}
        found = {part: one.result() for part, one in beside.items()}
    found |= {part: attack_part(part, seed) for part in parts if part in ALONE}
    return [row for part in parts for row in found[part]]


def attack_part(part: str, seed: int) -> list[Row]:
    """Run one part in a folder of its own that is removed afterwards."""
    room = Path(tempfile.mkdtemp(prefix=f"riskmap-attack-{part}-"))
    try:
        with row(part) as whole:
            made = importlib.import_module(f"tests.attack.{part}").run(room, seed=seed)
    finally:
        shutil.rmtree(room, ignore_errors=True)
    sys.stderr.write(f"{part}: {whole.seconds:.0f} s\n")
    return [whole] if whole.failures else made


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
