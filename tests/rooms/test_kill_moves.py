"""Killed at any moment, a ledger has every move that was acknowledged, and none by half."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from riskmap.ledger import Ledger
from riskmap.rules.judge import rules_of
from tests.register_files import FILE, LAYER, hazard, register

KILLS = int(os.environ.get("RISKMAP_KILLS", "50"))
TICKETS = 6
STATES = {state.id for state in register().flow.states}

# Splits off a process for each line it is told; that one moves two tickets at a time round their flow, for ever,
# and says what it has done only after the ledger has said so.
MOTHER = """
import os, sys
from itertools import cycle
from pathlib import Path
from riskmap.catalog.layer_file import read_layer
from riskmap.ledger import Ledger, RecordMove
from riskmap.rules.judge import rules_of
layer = read_layer(Path(sys.argv[1]).read_text(encoding="utf-8"), "register")
rules = rules_of(layer)
stated = {"department": "甲", "due": "2027-01-01", "order": "1"}
words = {"found": "assign", "rectifying": "rectify", "rectified": "accept", "closed": "send_back"}

def work(pairs):
    with Ledger.open(f"sqlite:///{sys.argv[2]}", layers={layer.id: layer}) as ledger:
        for pair in pairs:
            state = ledger.features(layer.id, codes=list(pair)).records.values["state"][0]
            asked = stated | {"evidence": "a.jpg"} if state == "rectifying" else stated
            moves = [RecordMove(c, None, words[state], rules.record(asked), "2026-11-01", "因") for c in pair]
            done = ledger.move(layer.id, moves, by="乙" if state == "rectified" else "甲", why="办理")
            for one in done.moved:
                print("did", one.code, one.version, one.after, flush=True)

pairs = [("H0", "H1"), ("H2", "H3"), ("H4", "H5")]
work(pairs)  # whatever is loaded at its first use is loaded before the splits
print("ready", flush=True)
while sys.stdin.readline().strip():
    child = os.fork()
    if not child:
        work(cycle(pairs))
    print("child", child, flush=True)
    os.waitpid(child, 0)
    print("over", flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot split a process")
def test_no_acknowledged_move_is_lost_and_none_is_there_by_half(tmp_path: Path):
    path, layer = tmp_path / "ledger.sqlite", register()
    with Ledger.create(f"sqlite:///{path}", layers={LAYER: layer}) as ledger:
        for i in range(TICKETS):
            stated = rules_of(layer).record(hazard(f"H{i}", found_on="2026-01-01"))
            ledger.create_record(LAYER, f"H{i}", values=stated, by="甲", why="发现")
    draw = random.Random(11)
    acknowledged = 0
    words = [sys.executable, "-c", MOTHER, str(FILE), str(path)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as mother:
        while (line := mother.stdout.readline().strip()) != "ready":
            assert line, "the process that moves tickets did not start"
        for _ in range(KILLS):
            told = _killed(mother, draw.uniform(0.01, 0.3))
            acknowledged += len(told)
            with Ledger.open(f"sqlite:///{path}", layers={LAYER: layer}) as ledger:
                assert ledger.check() == []
                _all_there(ledger, told)
        mother.communicate("\n")
    assert acknowledged > KILLS


def _killed(mother: subprocess.Popen[str], seconds: float) -> list[tuple[str, int, str]]:
    """Let a process move tickets for a while, kill it, and return what it had said it did."""
    mother.stdin.write("go\n")
    mother.stdin.flush()
    told: list[tuple[str, int, str]] = []
    while (line := _said(mother))[0] != "child":
        _taken(told, line)
    child = line[1]
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(child), signal.SIGKILL)
    while (line := _said(mother))[0] != "over":
        _taken(told, line)
    return told


def _said(mother: subprocess.Popen[str]) -> list[str]:
    """Return the words of the next line."""
    line = mother.stdout.readline().split()
    assert line, "the process that moves tickets is gone"
    return line


def _taken(told: list[tuple[str, int, str]], line: list[str]) -> None:
    """Take over what a process said it did; a line that the kill cut says nothing."""
    match line:
        case ["did", code, version, state] if state in STATES:
            told.append((code, int(version), state))


def _all_there(ledger: Ledger, told: list[tuple[str, int, str]]) -> None:
    for code, version, state in told:
        states = [one.changes["state"][1] for one in ledger.history(LAYER, code)]  # every revision is a move
        assert states[version - 1] == state
    versions = ledger.features(LAYER).version.tolist()
    assert versions[0::2] == versions[1::2]  # two of a pair move together
