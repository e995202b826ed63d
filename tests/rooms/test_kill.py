"""Killed in the middle of an import, the ledger holds all of it or nothing."""

from __future__ import annotations

import contextlib
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from riskmap.actions.workspace.demo import records_as_intake
from riskmap.demo_district import make_demo
from riskmap.ledger import Ledger

ROWS = 42_336
KILLS = int(os.environ.get("RISKMAP_KILLS", "50"))

# Reads what this test itself wrote and, for each path it is told, splits off a process that imports into the
# ledger there: a process of its own to be killed, without a second of imports before each. A system that
# cannot split a process gets a new interpreter for each path.
MOTHER = """
import os, pickle, sys
from riskmap.ledger import Ledger
intake = pickle.load(open(sys.argv[1], "rb"))
while path := sys.stdin.readline().strip():
    splits = hasattr(os, "fork")
    child = os.fork() if splits else os.getpid()
    if child:
        print(child, flush=True)
    if not (splits and child):
        with Ledger.open("sqlite:///" + path) as ledger:
            ledger.commit_import(ledger.plan_import(intake), by="test", why="kill")
        os._exit(0)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Importer:
    """Starts imports that can be killed."""

    def __init__(self, packed: Path) -> None:
        self.packed = packed
        self.mother: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.mother is not None:
            self.mother.communicate("\n")

    def start(self, path: Path) -> int:
        """Begin an import into a ledger; returns its process."""
        if self.mother is None:
            self.mother = subprocess.Popen(
                [sys.executable, "-c", MOTHER, str(self.packed)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        self.mother.stdin.write(f"{path}\n")
        self.mother.stdin.flush()
        return int(self.mother.stdout.readline())

    def ended(self) -> int:
        """Wait until the import's process is gone; returns 0 where it came to its own end."""
        if hasattr(os, "fork"):
            return int(self.mother.stdout.readline())
        status, self.mother = self.mother.wait(), None
        return status


def test_an_import_of_42336_rows_killed_at_any_moment_is_there_whole_or_not_at_all(tmp_path: Path):
    intake = records_as_intake("risk_points", make_demo(points=ROWS).layers["risk_points"], seed=0)
    packed = tmp_path / "intake.pickle"
    packed.write_bytes(pickle.dumps(intake))

    draw = random.Random(7)
    outcomes = {0: 0, ROWS: 0}
    path = tmp_path / "ledger.sqlite"
    with Importer(packed) as importer:
        whole = _seconds(importer, path)
        for _ in range(KILLS):
            _fresh(path)
            child = importer.start(path)
            time.sleep(draw.uniform(0, whole * 1.05))
            _kill(child)
            importer.ended()
            with Ledger.open(f"sqlite:///{path}") as ledger:
                assert ledger.check() == []
                outcomes[len(ledger.features("risk_points"))] += 1  # a KeyError here is half an import
    assert outcomes[0] > 0, outcomes


def _fresh(path: Path) -> None:
    for left in path.parent.glob(path.name + "*"):
        left.unlink()
    Ledger.create(f"sqlite:///{path}").close()


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it had come to its end
        os.kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows ends it at once for either


def _seconds(importer: Importer, path: Path) -> float:
    _fresh(path)
    importer.start(path)
    started = time.perf_counter()
    assert importer.ended() == 0
    return time.perf_counter() - started
