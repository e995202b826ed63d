"""Killed in the middle of an import, the ledger holds all of it or nothing."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from riskmap.demo import make_demo
from riskmap.ledger import Ledger
from riskmap.usecases.demonstrating import records_as_intake

ROWS = 42_336
KILLS = int(os.environ.get("RISKMAP_KILLS", "50"))

# Reads what this test itself wrote, says that it starts, and imports.
CHILD = """
import pickle, sys
from riskmap.ledger import Ledger
intake = pickle.load(open(sys.argv[2], "rb"))
ledger = Ledger.open(sys.argv[1])
print("ready", flush=True)
ledger.commit_import(ledger.plan_import(intake), by="test", why="kill")
print("done", flush=True)
"""


@pytest.mark.timeout(900)
def test_an_import_of_42336_rows_killed_at_any_moment_is_there_whole_or_not_at_all(tmp_path: Path):
    intake = records_as_intake("risk_points", make_demo(points=ROWS).layers["risk_points"], seed=0)
    packed = tmp_path / "intake.pickle"
    packed.write_bytes(pickle.dumps(intake))
    whole = _seconds(tmp_path / "measure.sqlite", packed)

    draw = random.Random(7)
    outcomes = {0: 0, ROWS: 0}
    for _ in range(KILLS):
        path = tmp_path / "ledger.sqlite"
        _fresh(path)
        with _start(path, packed) as child:
            time.sleep(draw.uniform(0, whole * 1.05))
            child.kill()
        with Ledger.open(f"sqlite:///{path}") as ledger:
            assert ledger.check() == []
            outcomes[len(ledger.features("risk_points"))] += 1  # a KeyError here is half an import
    assert outcomes[0] > 0, outcomes


def _fresh(path: Path) -> None:
    for left in path.parent.glob(path.name + "*"):
        left.unlink()
    Ledger.create(f"sqlite:///{path}").close()


def _start(path: Path, packed: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, f"sqlite:///{path}", str(packed)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    return child


def _seconds(path: Path, packed: Path) -> float:
    _fresh(path)
    with _start(path, packed) as child:
        started = time.perf_counter()
        assert child.stdout is not None
        assert child.stdout.readline() == "done\n"
        return time.perf_counter() - started
